use std::mem::MaybeUninit;

use super::{asserted_in_child, in_child};
use crate::shim::{AtomicU64, Ordering};
use crate::sys::fork::{
    Forked, abandon, at_fork, default_signals, exit_now, fork, handles_signals, parent_pid, pid, register,
    restore_signals, set_process_name, tid,
};
use crate::sys::pidfd::{ExitStatus, PidFd};

/// Whether this thread has `signal` blocked.
fn blocked(signal: i32) -> bool {
    let mut mask = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: a null new mask only asks; `mask` is writable and of the right size.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, std::ptr::null(), mask.as_mut_ptr()) };
    // SAFETY: the call has filled in `mask`.
    unsafe { libc::sigismember(mask.as_ptr(), signal) == 1 }
}

fn disposition(signal: i32) -> usize {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null new action only asks; `action` is writable and of the right size.
    unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: all zeroes is a valid sigaction, and so is what the call has written.
    unsafe { action.assume_init() }.sa_sigaction
}

fn block(signal: i32) {
    let mut mask = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `mask` is writable and of the right size.
    unsafe { libc::sigemptyset(mask.as_mut_ptr()) };
    // SAFETY: `mask` was initialised by the call before.
    unsafe { libc::sigaddset(mask.as_mut_ptr(), signal) };
    // SAFETY: as above; the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, mask.as_ptr(), std::ptr::null_mut()) };
}

/// Forks without the set-up that the other tests' children get.
fn fork_bare(child: impl FnOnce() -> i32) -> ExitStatus {
    // SAFETY: the child only looks at its own signal mask, and ends without returning.
    match unsafe { fork() }.expect("fork") {
        Forked::Child => exit_now(child()),
        Forked::Parent { pid } => PidFd::open(pid).expect("pidfd_open").reap().expect("waitid"),
    }
}

#[test]
fn signals_are_blocked_in_the_child_until_it_restores_them() {
    asserted_in_child(|| {
        block(libc::SIGUSR2);
        let status = fork_bare(|| {
            let during = [libc::SIGINT, libc::SIGTERM, libc::SIGUSR1, libc::SIGUSR2].map(blocked);
            restore_signals();
            let after = [libc::SIGINT, libc::SIGTERM, libc::SIGUSR1, libc::SIGUSR2].map(blocked);
            i32::from(during != [true; 4]) + 2 * i32::from(after != [false, false, false, true])
        });
        assert_eq!(status, ExitStatus::Exited(0));
    });
}

#[test]
fn parent_has_the_same_mask_after_the_fork() {
    asserted_in_child(|| {
        block(libc::SIGUSR2);
        fork_bare(|| 0);
        assert_eq!([libc::SIGINT, libc::SIGUSR1, libc::SIGUSR2].map(blocked), [false, false, true]);
        restore_signals();
        assert_eq!([libc::SIGINT, libc::SIGUSR1, libc::SIGUSR2].map(blocked), [false, false, true]);
    });
}

#[test]
fn child_that_forks_before_it_is_set_up_still_gets_its_mask_back() {
    asserted_in_child(|| {
        let status = fork_bare(|| {
            fork_bare(|| 0);
            let during = blocked(libc::SIGINT);
            restore_signals();
            i32::from(!during) + 2 * i32::from(blocked(libc::SIGINT))
        });
        assert_eq!(status, ExitStatus::Exited(0));
    });
}

#[test]
fn failed_fork_leaves_the_mask_as_it_was() {
    asserted_in_child(|| {
        // Root may fork beyond the limit on processes, so this process, a child made for this, gives that up.
        // It does not matter if it never was root. SAFETY: setuid takes a number.
        unsafe { libc::setuid(65_534) };
        super::set_limit(libc::RLIMIT_NPROC, 0);
        // SAFETY: a child, if there is one after all, ends at once.
        match unsafe { fork() } {
            Ok(Forked::Child) => exit_now(0),
            Ok(Forked::Parent { .. }) => {}
            Err(error) => assert_eq!((error.call(), error.errno()), ("fork", libc::EAGAIN)),
        }
        assert!(!blocked(libc::SIGINT));
    });
}

#[test]
fn default_signals_replace_what_the_parent_set() {
    asserted_in_child(|| {
        let signals = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];
        for signal in signals.into_iter().chain([libc::SIGUSR1]) {
            // SAFETY: SIG_IGN is a valid disposition of each.
            unsafe { libc::signal(signal, libc::SIG_IGN) };
        }
        assert!(handles_signals());
        default_signals();
        assert!(!handles_signals());
        assert_eq!(signals.map(disposition), [libc::SIG_DFL; 3]);
        assert_eq!(disposition(libc::SIGUSR1), libc::SIG_IGN, "only those three");
    });
}

#[test]
fn numbers_are_those_of_this_process_and_thread_and_change_with_a_fork() {
    let (pid_here, tid_here) = (pid(), tid());
    assert_eq!(u32::try_from(pid_here), Ok(std::process::id()));
    let elsewhere = std::thread::spawn(tid).join().expect("join");
    assert_ne!(elsewhere, tid_here);
    asserted_in_child(|| {
        assert_eq!(parent_pid(), pid_here);
        assert_ne!(pid(), pid_here);
        assert_eq!(u32::try_from(pid()), Ok(tid()), "a child's only thread is its first");
    });
}

#[test]
fn exit_now_runs_neither_destructors_nor_exit_handlers() {
    struct Loud;
    impl Drop for Loud {
        fn drop(&mut self) {
            exit_now(9);
        }
    }
    extern "C" fn loud() {
        exit_now(8);
    }
    let status = in_child(|| {
        // SAFETY: the handler is a function of this program and may be called at any time.
        unsafe { libc::atexit(loud) };
        let _loud = Loud;
        exit_now(4)
    });
    assert_eq!(status, ExitStatus::Exited(4));
}

#[test]
fn abandoned_child_leaves_nothing_behind() {
    asserted_in_child(|| {
        let child = super::Child::living();
        abandon(child.pid);
        assert_eq!(child.pidfd.reap(), Ok(ExitStatus::Lost), "it was reaped");
    });
}

#[test]
fn process_is_called_by_the_first_bytes_of_its_name() {
    asserted_in_child(|| {
        for (name, shown) in [("resample-2", "resample-2\n"), ("a name of many bytes", "a name of many \n")] {
            set_process_name(name);
            assert_eq!(std::fs::read_to_string("/proc/self/comm").expect("comm"), shown);
        }
    });
}

/// Bit 0: prepare ran, bit 1: parent, bit 2: child.
static HANDLERS: AtomicU64 = AtomicU64::new(0);

extern "C" fn prepare() {
    HANDLERS.store(1, Ordering::Relaxed);
}

extern "C" fn parent() {
    HANDLERS.fetch_or(2, Ordering::Relaxed);
}

extern "C" fn child() {
    HANDLERS.fetch_or(4, Ordering::Relaxed);
}

/// Only in children: what is registered stays for good.
#[test]
fn handlers_run_around_a_fork_each_on_its_side() {
    asserted_in_child(|| {
        register(prepare, parent, child).expect("register");
        let in_child = fork_bare(|| HANDLERS.load(Ordering::Relaxed) as i32);
        assert_eq!(in_child, ExitStatus::Exited(1 | 4));
        assert_eq!(HANDLERS.load(Ordering::Relaxed), 1 | 2);
    });
}

#[test]
fn second_registration_does_nothing() {
    extern "C" fn count() {
        HANDLERS.fetch_add(0x100, Ordering::Relaxed);
    }
    extern "C" fn nothing() {}
    asserted_in_child(|| {
        at_fork(count, nothing, nothing).expect("register");
        at_fork(count, nothing, nothing).expect("register");
        fork_bare(|| 0);
        // 0 if this program had registered something else before.
        assert!(HANDLERS.load(Ordering::Relaxed) <= 0x100);
    });
}
