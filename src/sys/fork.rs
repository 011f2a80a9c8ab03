//! Forking, and the few things that a forked child may use before it is set up.
//!
//! ```text
//!   parent   block all ── libc::fork ── restore mask ──▶
//!                              │
//!   child                      └── (still blocked) set up ── default_signals ── restore_signals ──▶ closure
//! ```
//!
//! The child has one thread and a copy of everything else, including locks that other threads of the parent
//! held at that moment and that nobody will ever release. So until its set-up is complete it calls nothing
//! that locks or allocates: of this crate that is this file, [`death_pipe`](crate::sys::death_pipe) and
//! [`stdio`](crate::sys::stdio). Signals stay blocked so that no handler of the parent runs half-way.
#![allow(unsafe_code)]
// Unsafe for one reason: fork and its neighbours are libc calls.

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

use crate::error::OsError;
use crate::sys::errno;

thread_local! {
    /// The signal mask from before the fork: in the parent until `fork` returns, in the child until it is set
    /// up. Const and without a destructor, so that touching it neither allocates nor locks.
    static MASK_BEFORE: Cell<Option<libc::sigset_t>> = const { Cell::new(None) };
}

/// On which side of a fork this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forked {
    /// In the process that forked.
    Parent {
        /// The child's process number, which is the child's as long as nobody reaps it.
        pid: i32,
    },
    /// In the new process, with all signals blocked.
    Child,
}

/// Forks this process. In the child all signals are blocked until [`restore_signals`]; in the parent the mask
/// is what it was. Does not block, but takes longer the more private memory the process has touched.
///
/// # Errors
/// `EAGAIN` or `ENOMEM`: there is no child.
///
/// # Safety
/// - In the child, until it ends or execs, nothing may be used that another thread of the parent may have
///   held.
/// - The child must not return into frames whose owners expect to be returned to once.
pub(crate) unsafe fn fork() -> Result<Forked, OsError> {
    let blocked = block_signals()?;
    // SAFETY: the caller answers for what the child does. libc's fork, not the bare system call, so that
    // allocators and the C library put their own locks in order.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // The mask is the child's to restore, when it is set up.
        std::mem::forget(blocked);
        return Ok(Forked::Child);
    }
    errno::check(pid > 0, "fork", "process")?;
    Ok(Forked::Parent { pid })
}

/// All signals of this thread are blocked as long as this lives; inner ones change nothing.
#[derive(Debug)]
pub(crate) struct SignalsBlocked {
    outermost: bool,
}

/// Blocks all signals of this thread: no handler can come between what belongs together.
///
/// # Errors
/// `EINVAL`, never seen.
pub(crate) fn block_signals() -> Result<SignalsBlocked, OsError> {
    if MASK_BEFORE.get().is_some() {
        return Ok(SignalsBlocked { outermost: false });
    }
    MASK_BEFORE.set(Some(block_all()?));
    Ok(SignalsBlocked { outermost: true })
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        if self.outermost {
            restore_signals();
        }
    }
}

/// Gives this thread the signal mask it had before [`fork`]: the last step of a child's set-up. Once only; a
/// second call does nothing.
pub(crate) fn restore_signals() {
    if let Some(mask) = MASK_BEFORE.take() {
        set_mask(&mask);
    }
}

/// Sets the signal mask of this thread.
fn set_mask(mask: &libc::sigset_t) {
    // SAFETY: `mask` is a whole, live sigset_t; a null pointer for the old mask is allowed. The call fails
    // only for an unknown first argument.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, ptr::null_mut()) };
}

/// Blocks every signal for this thread and returns the mask from before.
fn block_all() -> Result<libc::sigset_t, OsError> {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `all` is writable memory of the size and alignment of a sigset_t.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigfillset has initialised `all`, and cannot fail on a valid pointer; `before` is writable
    // memory of the right size and alignment.
    let error = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
    if error != 0 {
        return Err(OsError::new("pthread_sigmask", "thread", error));
    }
    // SAFETY: pthread_sigmask returned 0, so it has filled in the old mask.
    Ok(unsafe { before.assume_init() })
}

/// Tells whether this process handles or ignores one of the signals that [`default_signals`] resets. Asked
/// before a fork, it saves the child the resetting.
pub(crate) fn handles_signals() -> bool {
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP].into_iter().any(|signal| {
        let mut action = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: a null new action only asks; `action` is writable memory of the right size and alignment.
        let result = unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) };
        // SAFETY: sigaction returned 0, so it has filled in the old action.
        result != 0 || unsafe { action.assume_init() }.sa_sigaction != libc::SIG_DFL
    })
}

/// Sets `SIGINT`, `SIGTERM` and `SIGHUP` to what they do by default, which is to end the process: the
/// parent's handlers make no sense in a worker.
pub(crate) fn default_signals() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: SIG_DFL is a valid disposition of each of these signals, and replaces whatever handler was
        // set.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Ends this process at once with `code`: no destructors, no exit handlers, nothing flushed.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes a number and does not return.
    unsafe { libc::_exit(code) }
}

/// Kills and reaps `pid`, a child just forked that nobody can take care of.
pub(crate) fn abandon(pid: i32) {
    // SAFETY: kill takes numbers; the child is ours and not reaped, so the number is still its own.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    // SAFETY: a null status pointer is allowed; the child was killed, so the wait ends.
    while unsafe { libc::waitpid(pid, ptr::null_mut(), 0) } == -1 && errno::last() == libc::EINTR {}
}

/// Sets the name that `ps` shows for this thread, and so for a process that has no other; its first 15 bytes.
pub(crate) fn set_process_name(name: &str) {
    let mut text = [0u8; 16];
    for (to, from) in text.iter_mut().take(15).zip(name.bytes()) {
        *to = from;
    }
    // SAFETY: PR_SET_NAME reads at most 16 bytes up to a zero, and the last of `text` is one.
    unsafe { libc::prctl(libc::PR_SET_NAME, text.as_ptr()) };
}

/// Returns the number of this process, asked anew each time: a fork changes it.
pub(crate) fn pid() -> i32 {
    // SAFETY: getpid takes nothing and cannot fail.
    unsafe { libc::getpid() }
}

/// Returns the number of the process whose child this is now; it changes when that one dies.
pub(crate) fn parent_pid() -> i32 {
    // SAFETY: getppid takes nothing and cannot fail.
    unsafe { libc::getppid() }
}

/// Returns the number of this thread, asked anew each time: a fork changes it.
pub(crate) fn tid() -> u32 {
    // SAFETY: gettid takes nothing and cannot fail.
    let tid = unsafe { libc::syscall(libc::SYS_gettid) };
    // Thread numbers are positive and below 2^22.
    tid as u32
}

/// Has `prepare` called before every fork of this process, by whomever, and afterwards `parent` in the parent
/// and `child` in the child. The first call in a process family counts; later ones do nothing. It cannot be
/// undone.
///
/// The three run inside `fork`, so they may neither allocate nor wait for a lock, and none may unwind.
///
/// # Errors
/// `ENOMEM`: nothing is registered, nor will be.
pub(crate) fn at_fork(
    prepare: extern "C" fn(),
    parent: extern "C" fn(),
    child: extern "C" fn(),
) -> Result<(), OsError> {
    static REGISTERED: OnceLock<Result<(), OsError>> = OnceLock::new();
    *REGISTERED.get_or_init(|| register(prepare, parent, child))
}

/// [`at_fork`], every time it is called.
pub(super) fn register(
    prepare: extern "C" fn(),
    parent: extern "C" fn(),
    child: extern "C" fn(),
) -> Result<(), OsError> {
    // SAFETY: the three are functions of this program, good for its whole life, and safe to call at any time.
    let error = unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    if error == 0 { Ok(()) } else { Err(OsError::new("pthread_atfork", "process", error)) }
}
