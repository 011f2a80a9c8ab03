//! Events: who passes, how many, and that no death of one disturbs the others.

use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Stopped, Watchdog, sleep_for_ever, stage, wait_until};
use crate::process::{Process, scope};
use crate::shim::Ordering::Relaxed;
use crate::sync::Event;
use crate::value::Value;

const SOON: Duration = Duration::from_millis(20);

#[test]
fn manual_event_lets_everybody_pass_until_it_is_reset() {
    let _watchdog = Watchdog::start();
    let event = Event::new().unwrap();
    assert!(!event.is_set() && !event.try_wait());
    event.set();
    event.set();
    event.wait();
    assert!(event.wait_timeout(Duration::ZERO) && event.try_wait() && event.is_set());
    event.reset();
    assert!(!event.is_set() && !event.try_wait());
    event.reset();
    event.set();
    assert!(event.wait_until(Instant::now()));
}

#[test]
fn auto_event_lets_one_pass() {
    let event = Event::auto().unwrap();
    event.set();
    assert!(event.is_set());
    assert!(event.try_wait() && !event.is_set() && !event.try_wait());
    event.set();
    event.set();
    assert!(event.wait_timeout(Duration::ZERO) && !event.wait_timeout(Duration::ZERO));
    event.set();
    event.reset();
    assert!(!event.try_wait());
}

#[test]
fn waiting_ends_when_the_time_is_up() {
    let _watchdog = Watchdog::start();
    for event in [Event::new().unwrap(), Event::auto().unwrap()] {
        let before = Instant::now();
        assert!(!event.wait_timeout(SOON));
        assert!(before.elapsed() >= SOON);
        let deadline = Instant::now() + SOON;
        assert!(!event.wait_until(deadline));
        assert!(Instant::now() >= deadline);
        assert!(!event.wait_until(before));
        event.set();
        assert!(event.wait_until(before), "what is set is passed, however late it is");
    }
}

#[test]
fn set_ends_a_long_wait() {
    let _watchdog = Watchdog::start();
    for event in [Event::new().unwrap(), Event::auto().unwrap()] {
        thread::scope(|s| {
            let waiter = s.spawn(|| event.wait_timeout(Duration::from_secs(1000)));
            thread::sleep(SOON);
            event.set();
            assert!(waiter.join().unwrap());
        });
    }
}

#[test]
fn who_passes_sees_what_was_done_before() {
    let _watchdog = Watchdog::start();
    let (event, news) = (Event::auto().unwrap(), Value::new([0_u64; 4]).unwrap());
    let seen = Event::auto().unwrap();
    scope(|s| {
        let read = || {
            for turn in 1..=300 {
                event.wait();
                assert_eq!(news.get(), [turn; 4]);
                seen.set();
            }
        };
        s.spawn(read).unwrap();
        for turn in 1..=300 {
            news.set([turn; 4]);
            event.set();
            seen.wait();
        }
    })
    .unwrap();
}

#[test]
fn two_processes_take_turns() {
    let _watchdog = Watchdog::start();
    let (ping, pong, turns) = (Event::auto().unwrap(), Event::auto().unwrap(), stage());
    scope(|s| {
        let answer = || {
            for turn in 0..2_000 {
                ping.wait();
                assert_eq!(turns.fetch_add(1), 2 * turn);
                pong.set();
            }
        };
        s.spawn(answer).unwrap();
        for turn in 0..2_000 {
            ping.set();
            pong.wait();
            assert_eq!(turns.fetch_add(1), 2 * turn + 1);
        }
    })
    .unwrap();
}

#[test]
fn auto_event_lets_as_many_pass_as_it_is_set() {
    let _watchdog = Watchdog::start();
    let (event, passed) = (Event::auto().unwrap(), stage());
    scope(|s| {
        let wait = || {
            while passed.get() < 200 {
                if event.wait_timeout(Duration::from_millis(5)) {
                    passed.fetch_add(1);
                }
            }
        };
        for _ in 0..4 {
            s.spawn(wait).unwrap();
        }
        for set in 1..=200 {
            event.set();
            wait_until(|| passed.get() == set);
        }
    })
    .unwrap();
    assert_eq!((passed.get(), event.is_set()), (200, false));
}

#[test]
fn set_of_an_auto_event_passes_a_sleeper_of_eight() {
    let _watchdog = Watchdog::start();
    let (event, waiting, passed) = (Event::auto().unwrap(), stage(), stage());
    scope(|s| {
        let wait = || {
            waiting.fetch_add(1);
            event.wait();
            passed.fetch_add(1);
        };
        (0..8).for_each(|_| drop(s.spawn(wait).unwrap()));
        wait_until(|| waiting.get() == 8);
        for set in 1..=8 {
            thread::sleep(SOON);
            assert_eq!(passed.get(), set - 1);
            event.set();
            wait_until(|| passed.get() == set);
        }
    })
    .unwrap();
    assert!(!event.is_set());
}

#[test]
fn waiters_pass_an_event_that_is_reset_at_once() {
    let _watchdog = Watchdog::start();
    let (event, waiting) = (Event::new().unwrap(), stage());
    scope(|s| {
        let wait = || {
            waiting.fetch_add(1);
            event.wait();
        };
        (0..8).for_each(|_| drop(s.spawn(wait).unwrap()));
        wait_until(|| waiting.get() == 8);
        thread::sleep(Duration::from_millis(100)); // all of them have looked by then
        event.set();
        event.reset();
    })
    .unwrap();
    assert!(!event.is_set());
}

#[test]
fn set_wakes_seven_waiters_though_the_eighth_was_killed() {
    let _watchdog = Watchdog::start();
    let (waiting, passed) = (stage(), stage());
    for doomed in [0, 3, 7] {
        waiting.set(0);
        passed.set(0);
        let event = Event::new().unwrap();
        scope(|s| {
            let wait = || {
                waiting.fetch_add(1);
                event.wait();
                passed.fetch_add(1);
            };
            let mut waiters: Vec<_> = (0..8).map(|_| s.spawn(wait).unwrap()).collect();
            wait_until(|| waiting.get() == 8);
            thread::sleep(SOON);
            let killed = waiters.remove(doomed);
            killed.kill().unwrap();
            assert!(killed.join().is_err());
            event.set();
            for waiter in waiters {
                waiter.join().unwrap();
            }
        })
        .unwrap();
        assert_eq!(passed.get(), 7);
    }
}

#[test]
fn auto_event_passes_the_living_though_one_is_killed_and_one_stopped() {
    let _watchdog = Watchdog::start();
    let (event, waiting, passed) = (Event::auto().unwrap(), stage(), stage());
    let wait = {
        let (event, waiting, passed) = (event.clone(), waiting.clone(), passed.clone());
        move || {
            waiting.fetch_add(1);
            event.wait();
            passed.fetch_add(1);
        }
    };
    let waiters: Vec<_> = (0..3).map(|_| Process::spawn(wait.clone()).unwrap()).collect();
    wait_until(|| waiting.get() == 3);
    thread::sleep(SOON);
    let [killed, slow, lively] = <[_; 3]>::try_from(waiters).unwrap();
    let stopped = Stopped::stop(slow.pid());
    killed.kill().unwrap();
    // Whoever was woken for it, the one who can passes.
    event.set();
    lively.join().unwrap();
    assert_eq!(passed.get(), 1);
    drop(stopped);
    event.set();
    slow.join().unwrap();
    assert_eq!((passed.get(), event.is_set()), (2, false));
    assert!(killed.join().is_err());
}

#[test]
fn event_that_a_dead_one_set_is_set() {
    let _watchdog = Watchdog::start();
    for event in [Event::new().unwrap(), Event::auto().unwrap()] {
        let child = Process::<()>::spawn({
            let event = event.clone();
            move || {
                event.set();
                std::process::abort();
            }
        });
        event.wait();
        assert!(child.unwrap().join().is_err());
    }
}

#[test]
fn event_serves_others_whenever_one_is_killed() {
    let _watchdog = Watchdog::start();
    let (ping, pong) = (Event::auto().unwrap(), Event::new().unwrap());
    for round in 0..40 {
        let killed = Process::<()>::spawn({
            let (ping, pong) = (ping.clone(), pong.clone());
            move || {
                loop {
                    ping.set();
                    pong.wait();
                    pong.reset();
                    let _either = ping.try_wait();
                }
            }
        })
        .unwrap();
        let before = Instant::now();
        while before.elapsed() < Duration::from_micros(250 * round) {
            pong.set();
            let _either = ping.wait_timeout(Duration::from_micros(50));
        }
        killed.kill().unwrap();
        assert!(killed.join().is_err());
        // What is left works as ever.
        ping.reset();
        thread::scope(|s| {
            let waiter = s.spawn(|| ping.wait());
            ping.set();
            waiter.join().unwrap();
        });
        assert!(!ping.is_set());
        pong.set();
        assert!(pong.try_wait());
    }
}

#[test]
fn waiter_sleeps_through_nothing_when_its_setter_is_slow() {
    let _watchdog = Watchdog::start();
    let (event, ready) = (Event::new().unwrap(), stage());
    let setter = Process::<()>::spawn({
        let (event, ready) = (event.clone(), ready.clone());
        move || {
            wait_until(|| ready.get() == 1);
            event.set();
            sleep_for_ever()
        }
    })
    .unwrap();
    let stopped = Stopped::stop(setter.pid());
    ready.set(1);
    assert!(!event.wait_timeout(Duration::from_millis(150)));
    drop(stopped);
    event.wait();
    setter.kill().unwrap();
}

proptest! {
    #[test]
    fn damaged_word_hangs_nobody_and_panics_nowhere(bits in any::<u64>()) {
        let _watchdog = Watchdog::start();
        let event = Event::new().unwrap();
        let damage = || event.word().store(bits, Relaxed);
        damage();
        let _any = (event.is_set(), event.try_wait(), event.wait_timeout(Duration::from_millis(2)));
        damage();
        event.set();
        assert!(event.is_set());
        event.wait();
        damage();
        event.reset();
        assert!(!event.is_set());
    }
}
