//! A holder that is stopped is alive: nobody robs it, however long it stands still.

use std::{thread, time::Duration};

use procshare::{
    Message, Process, Value,
    sync::{
        Barrier, BarrierError, Condvar, Event, Mutex, Once, OnceValue, ReentrantMutex, RwLock, Semaphore,
        TimedAcquireError, TimedLockError, TimedOnceError, TryAcquireError, TryLockError, TryOnceError,
    },
};

use crate::support::{isolated, os, table, wait_until};

/// How long it stands still: several naps of those who wait.
const STOP: Duration = Duration::from_millis(300);

/// Runs `hold` in a child until it has reached its `middle`, stops it there, has `others` look on, lets it go on, and gives its
/// result.
fn stopped_in_the_middle<R: Message + Send + 'static>(
    hold: impl FnOnce(&dyn Fn()) -> R + Send + 'static,
    others: impl FnOnce(),
) -> R {
    let (there, go_on) = (Value::new(0_u32).expect("4 bytes"), Value::new(0_u32).expect("4 bytes"));
    let child = {
        let (there, go_on) = (there.clone(), go_on.clone());
        let body = move || {
            hold(&|| {
                there.set(1);
                wait_until(|| go_on.get() == 1);
            })
        };
        Process::spawn(body).expect("spawn")
    };
    wait_until(|| there.get() == 1);
    assert!(os::kill(child.pid(), libc::SIGSTOP));
    wait_until(|| table::entry(child.pid()).is_some_and(|entry| entry.state == 'T'));
    others();
    go_on.set(1);
    thread::sleep(Duration::from_millis(5));
    assert!(os::kill(child.pid(), libc::SIGCONT));
    child.join().expect("the one that was stopped")
}

#[test]
fn mutex_of_a_stopped_holder_is_not_taken() {
    isolated(60, || {
        let mutex = Mutex::new([0_u64; 2]).expect("a mutex");
        let (held, looked) = (mutex.clone(), mutex.clone());
        let hold = move |middle: &dyn Fn()| {
            let mut guard = held.lock().expect("a new mutex");
            guard[0] += 1;
            middle();
            guard[1] += 1;
        };
        let others = move || {
            assert!(matches!(looked.lock_timeout(STOP), Err(TimedLockError::TimedOut)));
            for _ in 0..100 {
                assert!(matches!(looked.try_lock(), Err(TryLockError::WouldBlock)));
            }
        };
        stopped_in_the_middle(hold, others);
        assert_eq!(*mutex.lock().expect("nobody died"), [1, 1]);
    });
}

#[test]
fn lock_of_a_stopped_writer_is_not_taken() {
    isolated(60, || {
        let lock = RwLock::new([0_u64; 2]).expect("a lock");
        let (held, looked) = (lock.clone(), lock.clone());
        let hold = move |middle: &dyn Fn()| {
            let mut guard = held.write().expect("a new lock");
            guard[0] += 1;
            middle();
            guard[1] += 1;
        };
        let others = move || {
            assert!(matches!(looked.read_timeout(STOP), Err(TimedLockError::TimedOut)));
            assert!(matches!(looked.write_timeout(STOP), Err(TimedLockError::TimedOut)));
            assert!(matches!(looked.try_read(), Err(TryLockError::WouldBlock)));
            assert!(matches!(looked.try_write(), Err(TryLockError::WouldBlock)));
        };
        stopped_in_the_middle(hold, others);
        assert_eq!(*lock.read().expect("nobody died"), [1, 1]);
    });
}

#[test]
fn lock_of_a_stopped_reader_is_read_and_not_written() {
    isolated(60, || {
        let lock = RwLock::new([0_u64; 2]).expect("a lock");
        let (held, looked) = (lock.clone(), lock.clone());
        let hold = move |middle: &dyn Fn()| {
            let guard = held.read().expect("a new lock");
            let before = *guard;
            middle();
            assert_eq!(*guard, before);
        };
        let others = move || {
            assert!(matches!(looked.write_timeout(STOP), Err(TimedLockError::TimedOut)));
            assert!(matches!(looked.try_write(), Err(TryLockError::WouldBlock)));
            assert!(looked.try_read().is_ok() && looked.read_timeout(STOP).is_ok());
        };
        stopped_in_the_middle(hold, others);
        *lock.write().expect("nobody died") = [1, 1];
    });
}

#[test]
fn reentrant_mutex_of_a_stopped_holder_is_not_taken() {
    isolated(60, || {
        let mutex = ReentrantMutex::new([0_u64; 2]).expect("a mutex");
        let (held, looked) = (mutex.clone(), mutex.clone());
        let hold = move |middle: &dyn Fn()| {
            let outer = held.lock().expect("a new mutex");
            let inner = held.lock().expect("its own mutex");
            inner.set([1, 0]);
            middle();
            drop(inner);
            outer.set([1, 1]);
        };
        let others = move || {
            assert!(matches!(looked.lock_timeout(STOP), Err(TimedLockError::TimedOut)));
            assert!(matches!(looked.try_lock(), Err(TryLockError::WouldBlock)));
        };
        stopped_in_the_middle(hold, others);
        assert_eq!(mutex.lock().expect("nobody died").get(), [1, 1]);
    });
}

#[test]
fn permits_of_a_stopped_holder_do_not_come_back() {
    isolated(60, || {
        let semaphore = Semaphore::new(3).expect("a semaphore");
        let (held, looked) = (semaphore.clone(), semaphore.clone());
        let hold = move |middle: &dyn Fn()| {
            let permits = held.acquire_many(2).expect("a new semaphore");
            middle();
            drop(permits);
        };
        let others = move || {
            assert!(matches!(looked.acquire_many_timeout(2, STOP), Err(TimedAcquireError::TimedOut)));
            assert!(matches!(looked.try_acquire_many(2), Err(TryAcquireError::NoPermits)));
            assert!(looked.acquire().is_ok());
            assert_eq!(looked.available_permits(), 1);
        };
        stopped_in_the_middle(hold, others);
        assert_eq!(semaphore.available_permits(), 3);
    });
}

#[test]
fn work_of_a_stopped_doer_is_not_done_by_others() {
    isolated(60, || {
        let once = Once::new().expect("a once");
        let (held, looked) = (once.clone(), once.clone());
        let hold = move |middle: &dyn Fn()| held.call_once(middle).expect("a new once");
        let others = move || {
            let never = || panic!("done by somebody else");
            assert_eq!(looked.call_once_timeout(STOP, never), Err(TimedOnceError::TimedOut));
            assert_eq!(looked.wait_timeout(STOP), Err(TimedOnceError::TimedOut));
            assert_eq!(looked.try_call_once(never), Err(TryOnceError::WouldBlock));
            assert!(!looked.is_completed());
        };
        stopped_in_the_middle(hold, others);
        assert!(once.is_completed());
    });
}

#[test]
fn value_of_a_stopped_maker_is_not_made_by_others() {
    isolated(60, || {
        let value = OnceValue::new().expect("a once value");
        let (held, looked) = (value.clone(), value.clone());
        let hold = move |middle: &dyn Fn()| {
            let make = || {
                middle();
                [1_u64; 3]
            };
            held.get_or_init(make).expect("a new once value")
        };
        let others = move || {
            assert_eq!(looked.get_or_init_timeout(STOP, || [2; 3]), Err(TimedOnceError::TimedOut));
            assert_eq!(looked.get(), None);
        };
        assert_eq!(stopped_in_the_middle(hold, others), [1; 3]);
        assert_eq!(value.get(), Some([1; 3]));
    });
}

#[test]
fn party_that_is_stopped_is_waited_for() {
    isolated(60, || {
        let barrier = Barrier::new(2).expect("a barrier");
        let (held, looked) = (barrier.clone(), barrier.clone());
        let hold = move |middle: &dyn Fn()| {
            held.wait().expect("two parties");
            middle();
            held.wait().is_ok()
        };
        let member = {
            let own = barrier.clone();
            Process::spawn(move || own.wait().is_ok() && own.wait().is_ok()).expect("spawn")
        };
        let others = move || {
            wait_until(|| looked.waiting() == 1);
            thread::sleep(STOP);
            assert!(!looked.is_broken());
        };
        assert!(stopped_in_the_middle(hold, others), "the barrier broke for the one that was stopped");
        assert!(member.join().expect("the other party"), "the barrier broke for the one that waited");
    });
}

#[test]
fn party_that_is_stopped_costs_others_their_time_and_no_more() {
    isolated(60, || {
        let barrier = Barrier::new(2).expect("a barrier");
        let (held, looked) = (barrier.clone(), barrier.clone());
        let hold = move |middle: &dyn Fn()| {
            middle();
            held.wait() == Err(BarrierError::Broken)
        };
        let others = move || assert_eq!(looked.wait_timeout(STOP), Err(BarrierError::TimedOut));
        assert!(stopped_in_the_middle(hold, others), "one whose time is up breaks the barrier");
    });
}

#[test]
fn stopped_waiter_hears_of_what_was_said_meanwhile() {
    isolated(60, || {
        let (mutex, changed) = (Mutex::new(0_u64).expect("a mutex"), Condvar::new().expect("a condvar"));
        let event = Event::new().expect("an event");
        let waiter = {
            let (mutex, changed, event) = (mutex.clone(), changed.clone(), event.clone());
            let body = move || {
                let seen =
                    *changed.wait_while(mutex.lock().expect("the mutex"), |x| *x == 0).expect("the mutex");
                event.wait();
                seen
            };
            Process::spawn(body).expect("spawn")
        };
        thread::sleep(Duration::from_millis(50)); // asleep by now, or about to
        assert!(os::kill(waiter.pid(), libc::SIGSTOP));
        wait_until(|| table::entry(waiter.pid()).is_some_and(|entry| entry.state == 'T'));
        *mutex.lock().expect("the mutex") = 7;
        changed.notify_one();
        event.set();
        thread::sleep(STOP);
        assert!(os::kill(waiter.pid(), libc::SIGCONT));
        assert_eq!(waiter.join().expect("the waiter"), 7);
    });
}
