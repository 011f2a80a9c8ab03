use std::fs;
use std::thread;

use super::{Child, WATCHDOG, asserted_in_child, eventually, read_some, set_limit};
use crate::sys::fork::{pid, tid};
use crate::sys::identity::{Identity, start_time};
use crate::sys::pidfd::PidFd;

const MARK_BITS: u32 = 42;

fn identity_of(child: &Child) -> Identity {
    Identity::of(&child.pidfd, child.pid).expect("identity")
}

#[test]
fn own_identity_is_not_gone_and_bears_the_own_number() {
    let own = Identity::of_self().expect("identity");
    assert_eq!(own.pid(), pid());
    assert!(!own.is_gone());
    assert_eq!(Identity::of_self(), Ok(own));
    assert_eq!(Identity::from_bits(own.bits()), own);
}

#[test]
fn child_has_another_identity_in_its_own_eyes_and_the_same_in_its_parents() {
    let (mut from, mut to) = std::io::pipe().expect("pipe");
    let child = Child::running(move || {
        let bits = Identity::of_self().expect("identity").bits();
        std::io::Write::write_all(&mut to, &bits.to_ne_bytes()).expect("write");
        0
    });
    let seen_from_here = identity_of(&child);
    let mut bits = [0; 8];
    assert_eq!(read_some(&mut from, &mut bits), 8);
    assert_eq!(Identity::from_bits(u64::from_ne_bytes(bits)), seen_from_here);
    assert_ne!(Identity::of_self(), Ok(seen_from_here));
}

#[test]
fn living_process_is_not_gone() {
    let child = Child::living();
    assert!(!identity_of(&child).is_gone());
}

#[test]
fn zombie_counts_as_gone() {
    let child = Child::running(|| 0);
    let identity = identity_of(&child);
    eventually(|| identity.is_gone());
    // SAFETY: signal 0 is sent to nobody.
    assert_eq!(unsafe { libc::kill(child.pid, 0) }, 0, "it was reaped, so this showed nothing");
}

#[test]
fn reaped_process_is_gone() {
    let child = Child::living();
    let identity = identity_of(&child);
    child.kill();
    child.status();
    assert!(identity.is_gone());
}

#[test]
fn other_process_with_the_same_number_does_not_bring_it_back() {
    let own = Identity::of_self().expect("identity");
    let earlier = Identity::from_bits(own.bits() ^ 1);
    assert_eq!(earlier.pid(), own.pid());
    assert!(earlier.is_gone());
}

#[test]
fn nobody_is_gone() {
    assert!(Identity::from_bits(0).is_gone());
    assert!(Identity::from_bits(12345).is_gone());
}

#[test]
fn number_of_a_mere_thread_counts_as_gone() {
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let (tell, told) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        tell.send(tid()).expect("send");
        let _ = stopped.recv();
    });
    let number = told.recv().expect("recv");
    assert!(Identity::from_bits(u64::from(number) << MARK_BITS | 1).is_gone());
    drop(stop);
    thread.join().expect("join");
}

#[test]
fn process_lives_on_while_any_of_its_threads_does() {
    let child = Child::running(|| {
        thread::spawn(|| {
            loop {
                thread::park();
            }
        });
        // SAFETY: the bare system call ends this thread alone; nothing it owns is used afterwards.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
        unreachable!()
    });
    let identity = identity_of(&child);
    let stat = format!("/proc/{}/stat", child.pid);
    eventually(|| fs::read_to_string(&stat).is_ok_and(|text| text.contains(") Z ")));
    assert!(!identity.is_gone(), "its first thread has ended, but another still runs");
    child.kill();
    assert_eq!(child.pidfd.wait_gone(Some(WATCHDOG)), Ok(true));
    assert!(identity.is_gone());
}

#[test]
fn not_being_able_to_ask_is_no_evidence() {
    asserted_in_child(|| {
        // A zombie: for a number that nobody has the kernel would answer before it looks for a descriptor.
        let child = Child::running(|| 0);
        let identity = identity_of(&child);
        eventually(|| identity.is_gone());
        set_limit(libc::RLIMIT_NOFILE, 0);
        assert!(!identity.is_gone(), "no descriptor was left to ask with");
    });
}

#[test]
fn number_that_is_none_has_no_identity() {
    let pidfd = PidFd::open(pid()).expect("pidfd_open");
    for number in [0, -1, i32::MIN, 1 << 22] {
        assert_eq!(Identity::of(&pidfd, number).expect_err("identity").errno(), libc::EINVAL);
    }
}

#[test]
fn start_time_is_found_behind_any_name() {
    let tail = "S 1 2 3 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 987654 1000000 200 0";
    for name in ["cat", "a b", "a) b (c", ") S 1 (", ""] {
        assert_eq!(start_time(format!("4711 ({name}) {tail}").as_bytes()), Some(987_654), "{name}");
    }
    let strange = [b"1 (\xff\xfe) ".as_slice(), tail.as_bytes()].concat();
    assert_eq!(start_time(&strange), Some(987_654));
}

#[test]
fn malformed_status_gives_no_start_time() {
    for text in ["", "4711", "4711 (cat", "4711 (cat) S 1 2 3", ")"] {
        assert_eq!(start_time(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn own_start_time_can_be_read() {
    let stat = fs::read("/proc/self/stat").expect("read");
    assert!(start_time(&stat).is_some_and(|ticks| ticks > 0));
}
