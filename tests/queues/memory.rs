//! What queues take: memory while it is used, and no descriptors.

use std::{thread, time::Duration};

use procshare::{Array, Channel, Frozen, Message, Process, Queue, Value, arena, queue::JoinableQueue};

use crate::support::{Leftovers, isolated, leftovers, measured, os, scaled, wait_until};

/// Bytes in use, with what the dead left freed.
fn used() -> u64 {
    arena::check().expect("a sound arena").used
}

/// Makes what the crate makes once.
fn warm_up() {
    Process::spawn(|| drop(Array::<u8>::zeroed(1 << 20))).expect("spawn").join().expect("the child");
}

/// A channel full of arrays, and of other channels with arrays.
fn full_of_arrays() -> Channel<Loaded> {
    let channel = Channel::unbounded().expect("a channel");
    for i in 0..50 {
        let inner = Channel::bounded(10_000).expect("a channel");
        inner.send(Array::from_slice(&[i; 1000]).expect("an array")).expect("room");
        let frozen = Array::from_slice(&[i; 10]).expect("an array").freeze();
        channel.send((Array::zeroed(50_000).expect("an array"), inner, frozen)).expect("memory");
    }
    channel
}

type Loaded = (Array<u64>, Channel<Array<u64>>, Frozen<u64>);

#[test]
fn a_gibibyte_goes_through_a_small_channel_in_constant_memory() {
    isolated(600, || {
        let total = scaled(if cfg!(debug_assertions) { 128 << 20 } else { 1 << 30 });
        let channel = Channel::<Vec<u8>>::bounded(64 << 10).expect("a channel");
        warm_up();
        let before = arena::check().expect("a sound arena");
        let sizes = [4096, 60_000, 100, 16_000, 4000];
        let child = {
            let channel = channel.clone();
            let body = move || {
                let (mut left, chunk) = (total, vec![0xa5; 60_000]);
                for size in sizes.into_iter().cycle() {
                    let size = size.min(left);
                    channel.send_bytes(&chunk[..size]).expect("an open channel");
                    left -= size;
                    if left == 0 {
                        break;
                    }
                }
            };
            Process::spawn(body).expect("spawn")
        };
        let (mut received, mut most) = (0, 0);
        for round in 0.. {
            let (len, sum) = channel
                .recv_with(|bytes| (bytes.len(), u64::from(bytes[0]) + u64::from(bytes[bytes.len() - 1])))
                .expect("an open channel");
            assert_eq!(sum, 2 * 0xa5);
            received += len;
            if round % 1000 == 0 {
                most = most.max(arena::stats().used);
            }
            if received >= total {
                break;
            }
        }
        assert_eq!(received, total);
        child.join().expect("the producer");
        let now = arena::check().expect("a sound arena");
        measured(&format!(
            "{} MiB through 64 KiB: {} KiB at most",
            total >> 20,
            (most.max(before.used) - before.used) >> 10
        ));
        assert!(most <= before.used + (1 << 20), "{most} bytes in use, {} before", before.used);
        assert_eq!(now.used, before.used);
        assert!(now.committed <= before.committed + (4 << 20), "{now:?}, {before:?}");
    });
}

#[test]
fn neither_queues_nor_messages_take_descriptors() {
    isolated(120, || {
        warm_up();
        let count = || leftovers::descriptors().len();
        let (before, left) = (count(), Leftovers::now());
        let queues: Vec<_> = (0..100).map(|_| Queue::<u64>::bounded(10).expect("a queue").split()).collect();
        let others: Vec<_> = (0..100).map(|_| JoinableQueue::<u8>::unbounded().expect("a queue")).collect();
        let pipes: Vec<_> = (0..50).map(|_| procshare::pipe::<u8, u8>().expect("a pipe")).collect();
        let channel = full_of_arrays();
        let more: Channel<(procshare::queue::Sender<u64>, Channel<Loaded>)> =
            Channel::unbounded().expect("a channel");
        for (sender, _) in &queues {
            sender.send(1).expect("room");
            more.send((sender.clone(), channel.clone())).expect("memory");
        }
        let child = {
            let more = more.clone();
            let body = move || {
                let before = leftovers::descriptors().len();
                let got: Vec<_> = (0..50).map(|_| more.recv().expect("a message")).collect();
                got.iter().for_each(|(sender, channel)| {
                    sender.send(2).expect("room");
                    drop(channel.try_recv());
                });
                leftovers::descriptors().len() == before
            };
            Process::spawn(body).expect("spawn")
        };
        assert!(child.join().expect("the child"), "the child has more descriptors");
        assert_eq!(count(), before);
        drop((queues, others, pipes, channel, more));
        left.assert_nothing_new();
    });
}

#[test]
fn queue_full_of_arrays_frees_them_when_it_is_dropped() {
    isolated(120, || {
        warm_up();
        let before = used();
        let channel = full_of_arrays();
        assert!(used() > before + 50 * 400_000);
        drop(channel);
        assert_eq!(used(), before);
        // In a message that nobody reads.
        let outer = Channel::unbounded().expect("a channel");
        outer.send(full_of_arrays()).expect("memory");
        drop(outer);
        assert_eq!(used(), before);
        // Some taken, some kept, the queue dropped first.
        let channel = full_of_arrays();
        let kept: Vec<Loaded> = (0..5).map(|_| channel.recv().expect("a message")).collect();
        drop(channel);
        assert!(kept.iter().enumerate().all(|(i, (_, inner, frozen))| {
            frozen[0] == i as u64 && inner.recv().is_ok_and(|array| array[999] == i as u64)
        }));
        drop(kept);
        assert_eq!(used(), before);
    });
}

/// Starts a process that makes, or gets, a channel full of arrays, and is killed as its last holder.
fn last_holder_is_killed<A: Message + Send + 'static>(arg: A, begin: fn(A) -> Channel<Loaded>) {
    let ready = Value::new(0_u32).expect("4 bytes");
    let told = ready.clone();
    let body = move |arg: A| -> () {
        let channel = begin(arg);
        assert!(channel.try_recv().is_ok());
        told.set(1);
        os::sleep_for_ever()
    };
    let holder = Process::spawn_with(arg, body).unwrap_or_else(|error| panic!("{error}"));
    wait_until(|| ready.get() == 1);
    holder.kill().expect("kill");
    assert!(holder.join().is_err());
}

#[test]
fn queue_full_of_arrays_frees_them_when_its_last_holder_is_killed() {
    isolated(120, || {
        warm_up();
        last_holder_is_killed((), |()| full_of_arrays());
        let before = used();
        for _ in 0..scaled(5) {
            last_holder_is_killed((), |()| full_of_arrays());
            assert_eq!(used(), before, "made by the dead one");
            last_holder_is_killed(full_of_arrays(), |channel| channel);
            assert_eq!(used(), before, "handed to the dead one");
        }
    });
}

#[test]
fn queue_outlives_those_of_its_holders_that_are_killed() {
    isolated(120, || {
        warm_up();
        let before = used();
        let channel = full_of_arrays();
        let others: Vec<Process<()>> = (0..3)
            .map(|_| {
                let body = move |own: Channel<Loaded>| -> () {
                    assert!(own.try_recv().is_ok());
                    os::sleep_for_ever()
                };
                Process::spawn_with(channel.clone(), body).expect("spawn")
            })
            .collect();
        thread::sleep(Duration::from_millis(50));
        for other in others {
            other.kill().expect("kill");
            assert!(other.join().is_err());
        }
        let left = std::iter::from_fn(|| channel.try_recv().ok()).count();
        assert!((47..=50).contains(&left), "{left} of 50 messages are left");
        drop(channel);
        assert_eq!(used(), before);
    });
}
