//! Tests of the queues.

mod against_vec_deque;
mod any;
mod channels;
mod hostile;
mod pipes;
mod queues;
mod spsc;
mod spsc_deaths;
