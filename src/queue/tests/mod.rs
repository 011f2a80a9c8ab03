//! Tests of the queues.

mod channels;
mod pipes;
mod queues;
