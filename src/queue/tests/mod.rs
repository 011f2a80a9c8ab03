//! Tests of the queues.

mod any;
mod channels;
mod pipes;
mod queues;
