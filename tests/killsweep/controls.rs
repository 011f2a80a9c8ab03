//! Subjects that must fail. A harness that finds nothing wrong with them is blind.

use std::hint;
use std::io::Error;
use std::ptr;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::thread::sleep;
use std::time::Duration;

use crate::board::Board;
use crate::engine::{Arrival, Victim};
use crate::forked::take_turn;
use crate::scene::Scene;
use crate::sweep::{Subject, sweep};
use crate::turn::Turn;
use crate::vyukov;
use crate::witness::Verdict;

/// How long a survivor may take where many of them are to be late.
const SHORT: Duration = Duration::from_millis(20);
/// And where none is.
const LONG: Duration = Duration::from_secs(10);

/// A control: what the victim does, what the survivor does, and how the state is put right again.
struct Control {
    board: &'static Board,
    operation: fn(&Board),
    examine: fn(&Board) -> Verdict,
    /// What is there before each victim, on a zeroed board.
    begin: fn(&Board),
    patience: Duration,
    kills: usize,
}

impl Subject for Control {
    fn launch(&mut self) -> Victim {
        self.start_over();
        Victim::fork(|| (), || (self.operation)(self.board))
    }

    fn examine(&self) -> Verdict {
        (self.examine)(self.board)
    }

    fn patience(&self) -> Duration {
        self.patience
    }

    fn kills(&self) -> usize {
        self.kills
    }

    fn start_over(&mut self) {
        self.board.words.iter().for_each(|word| word.store(0, Relaxed));
        (self.begin)(self.board);
    }
}

impl Control {
    fn new(turn: &Turn, operation: fn(&Board), examine: fn(&Board) -> Verdict) -> Self {
        Self { board: turn.board, operation, examine, begin: |_| (), patience: LONG, kills: usize::MAX }
    }
}

const LOCK: usize = 0;
const FIRST: usize = 1;
const SECOND: usize = 2;
const CELL: [usize; 4] = [8, 9, 10, 11];

/// The lock of every futex tutorial: 0 free, 1 held, 2 held with sleepers. Nobody knows who holds it.
fn lock(board: &Board) {
    let word = &board.words[LOCK];
    // The sleeping is left out: a holder that is dead does not wake anybody anyway.
    while word.compare_exchange(0, 1, Acquire, Relaxed).is_err() {
        futex_wait(word, 1);
    }
}

fn unlock(board: &Board) {
    board.words[LOCK].store(0, Release);
    futex_wake(&board.words[LOCK]);
}

#[test]
fn a_plain_futex_lock_whose_holder_is_killed_is_seen_to_hang() {
    let under_the_lock = |board: &Board| {
        lock(board);
        for word in [FIRST, SECOND] {
            let count = &board.words[word];
            count.store(count.load(Relaxed) + 1, Relaxed);
        }
        unlock(board);
    };
    let survivor = |board: &Board| {
        lock(board);
        let torn = board.words[FIRST].load(Relaxed) != board.words[SECOND].load(Relaxed);
        unlock(board);
        Verdict { torn, ..Verdict::default() }
    };
    let turn = Turn::take();
    let mut control = Control { patience: SHORT, ..Control::new(&turn, under_the_lock, survivor) };
    let tally = sweep("control: plain futex lock", &turn, &mut control);
    assert!(tally.hung > 0 && tally.hung < tally.killed, "{tally:?}");
}

/// Each hang costs the survivor's patience, and a fork.
const HANGS: usize = 60;

#[test]
fn a_queue_of_two_steps_whose_sender_is_killed_is_seen_to_hang() {
    let send = |board: &Board| {
        vyukov::push(board, 1);
    };
    let survivor = |board: &Board| {
        let sent = vyukov::push(board, 2);
        let received = loop {
            match vyukov::pop(board) {
                Some(item) => break item,
                None => sleep(Duration::from_micros(100)),
            }
        };
        Verdict { corrupt: !sent || !(1..=2).contains(&received), ..Verdict::default() }
    };
    let turn = Turn::take();
    let control = Control::new(&turn, send, survivor);
    let tally = sweep(
        "control: Vyukov's queue, push",
        &turn,
        &mut Control { patience: SHORT, kills: HANGS, ..control },
    );
    assert!(tally.hung > 0 && tally.hung < tally.killed && tally.corrupt == 0, "{tally:?}");
}

#[test]
fn a_queue_of_two_steps_whose_receiver_is_killed_is_seen_to_hang() {
    let fill = |board: &Board| (1..=vyukov::ROOM).for_each(|item| _ = vyukov::push(board, item));
    let receive = |board: &Board| {
        vyukov::pop(board);
    };
    let survivor = |board: &Board| {
        // There is room for one after this, whatever the victim did.
        let received = vyukov::pop(board);
        while !vyukov::push(board, 5) {
            sleep(Duration::from_micros(100));
        }
        let expected = matches!(received, Some(1..=2));
        Verdict { corrupt: !expected, ..Verdict::default() }
    };
    let turn = Turn::take();
    let control = Control { begin: fill, ..Control::new(&turn, receive, survivor) };
    let tally = sweep(
        "control: Vyukov's queue, pop",
        &turn,
        &mut Control { patience: SHORT, kills: HANGS, ..control },
    );
    assert!(tally.hung > 0 && tally.hung < tally.killed && tally.corrupt == 0, "{tally:?}");
}

#[test]
fn an_event_that_is_waited_for_without_bound_is_seen_to_hang() {
    // Set, then woken, by two steps; who finds it set already does not wake. And the waiter sleeps until it is woken.
    let set = |board: &Board| {
        if board.words[LOCK].swap(1, Release) == 0 {
            futex_wake(&board.words[LOCK]);
        }
    };
    let turn = take_turn();
    let board = turn.board;
    let (operation, settle) = (
        || set(board),
        || {
            board.words[LOCK].store(0, Relaxed);
            Verdict::default()
        },
    );
    let sleeper = || {
        while board.words[LOCK].load(Acquire) == 0 {
            futex_wait(&board.words[LOCK], 0);
        }
        Verdict::default()
    };
    let set_by_the_end = || {
        board.keep();
        board.await_doom();
        set(board);
        Verdict::default()
    };
    let scene = Scene::new(&turn, &operation, &settle).keeper(&set_by_the_end).patience(3 * SHORT).kills(12);
    let tally = sweep("control: event without a bounded sleep", &turn, &mut scene.sleeper(&sleeper));
    assert!(tally.hung > 0 && tally.hung < tally.killed, "{tally:?}");
}

#[test]
fn an_allocator_that_commits_by_two_stores_is_seen_to_break() {
    // A block is taken by setting its bit, and counted by a second store; nothing says who took it.
    let take_and_give_back = |board: &Board| {
        let (bits, count) = (&board.words[FIRST], &board.words[SECOND]);
        bits.store(bits.load(Relaxed) | 1, Release);
        count.store(count.load(Relaxed) + 1, Release);
        bits.store(bits.load(Relaxed) & !1, Release);
        count.store(count.load(Relaxed) - 1, Release);
    };
    let survivor = |board: &Board| {
        let (bits, count) = (board.words[FIRST].load(Acquire), board.words[SECOND].load(Acquire));
        Verdict { corrupt: u64::from(bits.count_ones()) != count, leaked: bits != 0, ..Verdict::default() }
    };
    let turn = Turn::take();
    let mut control = Control::new(&turn, take_and_give_back, survivor);
    let tally = sweep("control: allocator of two stores", &turn, &mut control);
    assert!(tally.corrupt > 0 && tally.leaked > 0 && tally.hung == 0, "{tally:?}");
}

#[test]
fn a_value_written_word_by_word_is_seen_to_tear() {
    let write = |board: &Board| {
        for word in CELL {
            board.words[word].store(hint::black_box(7), Relaxed);
        }
    };
    let survivor = |board: &Board| {
        let words = CELL.map(|word| board.words[word].load(Relaxed));
        Verdict { torn: words != [0; 4] && words != [7; 4], ..Verdict::default() }
    };
    let turn = Turn::take();
    let tally = sweep("control: 32 bytes, word by word", &turn, &mut Control::new(&turn, write, survivor));
    assert!(tally.torn > 0 && tally.hung == 0, "{tally:?}");
}

#[test]
fn a_victim_that_faults_is_seen_to_crash() {
    let write_nowhere = |board: &Board| {
        let nowhere = hint::black_box(ptr::null_mut::<u64>()).wrapping_add(8);
        board.words[FIRST].store(1, Relaxed);
        // SAFETY: none; the fault is what the harness is to notice.
        unsafe { nowhere.write_volatile(1) };
    };
    let turn = Turn::take();
    let mut subject = Control::new(&turn, write_nowhere, |_| Verdict::default());
    let victim = subject.launch();
    assert_eq!(victim.record().err(), Some(Arrival::Crashed(libc::SIGSEGV)));
    victim.kill();
    subject.bury(victim);
}

#[test]
fn a_victim_is_taken_to_the_very_instruction_that_was_asked_for() {
    // A loop and a repeated string store: the same instructions over and over, told apart by what they have written.
    let write_in_loops = |board: &Board| {
        for turn in 0..20 {
            board.words[turn % 4].fetch_add(1, Relaxed);
        }
        let (place, length) = (board.words[8].as_ptr(), size_of::<[u64; 8]>());
        // SAFETY: eight words of the board, which nobody else uses now.
        unsafe {
            std::arch::asm!("rep stosb", inout("rcx") length => _, inout("rdi") place => _, in("al") 1_u8)
        };
    };
    let turn = Turn::take();
    let mut subject = Control::new(&turn, write_in_loops, |_| Verdict::default());
    let board = subject.board;
    let state = || -> Vec<u64> { board.words.iter().map(|word| word.load(Relaxed)).collect() };
    let mut launch_and = |drive: &mut dyn FnMut(&Victim)| {
        let victim = subject.launch();
        drive(&victim);
        victim.kill();
        subject.bury(victim);
    };
    let (mut path, mut seen) = (None, Vec::new());
    launch_and(&mut |victim| path = victim.record().ok());
    let path = path.expect("a path");
    launch_and(&mut |victim| {
        for k in 0..path.len() {
            seen.push(state());
            if k + 1 < path.len() {
                assert_eq!(victim.step(), Arrival::There);
            }
        }
    });
    for k in (0..path.len()).step_by(7) {
        launch_and(&mut |victim| assert_eq!(victim.run_to(&path, k), Arrival::There));
        assert_eq!(state(), seen[k], "boundary {k} of {}", path.len());
    }
}

fn futex_wait(word: &AtomicU64, expected: u32) {
    let place = ptr::from_ref(word).cast::<u32>();
    let forever = ptr::null::<libc::timespec>();
    // SAFETY: the word is mapped and aligned; the kernel reads its low half.
    let slept = unsafe { libc::syscall(libc::SYS_futex, place, libc::FUTEX_WAIT, expected, forever) };
    debug_assert!(
        slept == 0 || Error::last_os_error().raw_os_error() != Some(libc::EINVAL),
        "the word is aligned"
    );
}

fn futex_wake(word: &AtomicU64) {
    // SAFETY: the word is mapped and aligned; waking changes no memory.
    unsafe { libc::syscall(libc::SYS_futex, ptr::from_ref(word).cast::<u32>(), libc::FUTEX_WAKE, 1) };
}
