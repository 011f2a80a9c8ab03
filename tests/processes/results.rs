//! What a child returns reaches the parent, whole or not at all.

use std::{path::PathBuf, thread, time::Duration};

use bytemuck::{Pod, Zeroable};
use procshare::{Array, Failure, Message, Process, Value, plain_message, scope};

use crate::support::{Random, failure, os, scaled, watchdog};

/// A user's own plain struct.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
struct Sample {
    id: u64,
    mean: f64,
    extremes: [f32; 2],
}

plain_message!(Sample);

/// Sends `value` home from a child.
fn through_a_child<M: Message + Send + 'static>(value: M) -> M {
    Process::spawn(move || value).expect("spawn").join().expect("join")
}

#[test]
fn child_returns_an_integer() {
    watchdog!(60);
    let child = Process::spawn(|| -42_i32).expect("spawn");
    assert_eq!(child.join().expect("join"), -42);
}

#[test]
fn child_returns_nothing() {
    watchdog!(60);
    Process::spawn(|| ()).expect("spawn").join().expect("join");
}

#[test]
fn child_returns_a_plain_struct() {
    watchdog!(60);
    let sample = Sample { id: 7, mean: 2.5, extremes: [-1.0, 9.0] };
    assert_eq!(through_a_child(sample), sample);
}

#[test]
fn every_number_comes_home_as_it_was() {
    watchdog!(60);
    let unsigned = (u8::MAX, u16::MAX, u32::MAX, u64::MAX);
    assert_eq!(through_a_child(unsigned), unsigned);
    let signed = (i8::MIN, i16::MIN, i32::MIN, i64::MIN);
    assert_eq!(through_a_child(signed), signed);
    let wide = (u128::MAX, i128::MIN, usize::MAX, isize::MIN);
    assert_eq!(through_a_child(wide), wide);
    let other = (1.5_f32, f64::MIN_POSITIVE, true, '\u{1f980}');
    assert_eq!(through_a_child(other), other);
}

#[test]
fn texts_and_paths_come_home() {
    watchdog!(60);
    assert_eq!(through_a_child(String::from("Grüße aus dem Kind")), "Grüße aus dem Kind");
    assert_eq!(through_a_child(String::new()), "");
    assert_eq!(through_a_child(PathBuf::from("/var/tmp/ü")), PathBuf::from("/var/tmp/ü"));
}

#[test]
fn nested_collections_come_home() {
    watchdog!(60);
    let nested = vec![vec![String::from("a")], vec![], vec![String::from("b"), String::from("c")]];
    assert_eq!(through_a_child(nested.clone()), nested);
    let boxed: Box<[u16]> = vec![1, 2, 3].into();
    assert_eq!(through_a_child(boxed.clone()), boxed);
    let options = [Some(Duration::from_nanos(1)), None];
    assert_eq!(through_a_child(options), options);
}

#[test]
fn result_of_the_childs_own_comes_back_as_itself() {
    watchdog!(60);
    let right: Result<u32, String> = Ok(1);
    assert_eq!(through_a_child(right.clone()), right);
    let wrong: Result<u32, String> = Err("no such file".into());
    assert_eq!(through_a_child(wrong.clone()), wrong);
}

#[test]
fn large_vec_comes_home_whole() {
    watchdog!(60);
    let child = Process::spawn(|| (0..4_000_000_u32).collect::<Vec<_>>()).expect("spawn");
    let numbers = child.join().expect("join");
    assert!(numbers.iter().copied().eq(0..4_000_000));
}

#[test]
fn array_of_64_mib_is_filled_by_a_child_and_read_by_the_parent() {
    watchdog!(120);
    const LEN: usize = (64 << 20) / size_of::<f64>();
    let mut array = Array::<f64>::zeroed(LEN).expect("64 MiB");
    let filled = scope(|s| {
        let all = &mut array[..];
        let child =
            s.spawn(move || all.iter_mut().enumerate().for_each(|(i, x)| *x = i as f64)).expect("spawn");
        child.join().expect("join");
    });
    filled.expect("no failure left");
    assert!(array.iter().enumerate().all(|(i, x)| *x == i as f64));
}

#[test]
fn array_made_by_a_child_belongs_to_the_parent() {
    watchdog!(60);
    let child = Process::spawn(|| Array::from_fn(1000, |i| i as u64 * 3).expect("8 kB")).expect("spawn");
    let mut array = child.join().expect("join");
    array[0] = 5;
    assert_eq!((array[0], array[999], array.len()), (5, 2997, 1000));
}

#[test]
fn value_made_by_a_child_is_shared_with_nobody_else() {
    watchdog!(60);
    let child = Process::spawn(|| Value::new(11_u64).expect("8 bytes")).expect("spawn");
    let value = child.join().expect("join");
    assert_eq!(value.fetch_add(1), 11);
    assert_eq!(value.get(), 12);
}

#[test]
fn five_children_that_end_in_any_order_keep_their_results_apart() {
    watchdog!(60);
    let pause = |i: u64| Duration::from_millis([40, 10, 50, 0, 25][i as usize]);
    let spawn = |i: u64| {
        let work = move || {
            thread::sleep(pause(i));
            i
        };
        Process::spawn(work).expect("spawn")
    };
    let children: Vec<_> = (0..5).map(spawn).collect();
    let results: Vec<_> = children.into_iter().map(|child| child.join().expect("join")).collect();
    assert_eq!(results, [0, 1, 2, 3, 4]);
}

#[test]
fn child_killed_before_its_result_has_none() {
    watchdog!(60);
    let child = Process::spawn(|| -> u32 { os::sleep_for_ever() }).expect("spawn");
    child.kill().expect("kill");
    let failed = failure(child.join());
    assert!(matches!(failed, Failure::Signaled { signal: libc::SIGKILL, .. }), "{failed:?}");
}

#[test]
fn child_killed_after_its_result_has_delivered_it() {
    watchdog!(60);
    let child = Process::spawn(|| vec![3_u8; 100_000]).expect("spawn");
    assert!(os::poll_readable(&child, -1), "the pidfd says when it ended");
    // A signal to the dead is no news, whatever it answers.
    let _ = child.kill();
    assert_eq!(child.join().expect("join"), vec![3_u8; 100_000]);
}

#[test]
fn child_killed_while_its_result_is_written_delivers_all_of_it_or_nothing() {
    watchdog!(240);
    const LEN: usize = 4 << 20;
    let mut random = Random::seeded(7);
    for round in 0..scaled(80) {
        let child = Process::spawn(|| vec![0x5a_u8; LEN]).expect("spawn");
        thread::sleep(Duration::from_micros(random.below(8000)));
        let _ = child.kill();
        match child.join() {
            Ok(bytes) => {
                assert_eq!(bytes.len(), LEN, "round {round}");
                assert!(
                    bytes.iter().all(|byte| *byte == 0x5a),
                    "round {round}: a partial result passed for whole"
                );
            }
            Err(Failure::Signaled { signal: libc::SIGKILL, .. }) => {}
            Err(other) => panic!("round {round}: {other:?}"),
        }
    }
}

#[test]
fn array_killed_on_its_way_home_arrives_whole_or_not_at_all() {
    watchdog!(240);
    let mut random = Random::seeded(8);
    for round in 0..scaled(80) {
        let child = Process::spawn(|| Array::from_fn(100_000, |i| i as u32).expect("400 kB")).expect("spawn");
        thread::sleep(Duration::from_micros(random.below(4000)));
        let _ = child.kill();
        match child.join() {
            Ok(array) => assert!(array.iter().copied().eq(0..100_000), "round {round}"),
            Err(Failure::Signaled { signal: libc::SIGKILL, .. }) => {}
            Err(other) => panic!("round {round}: {other:?}"),
        }
    }
}
