//! What a child's panic leaves behind: a record for its parent and a line on standard error.
//!
//! One hook for the program, set before the first fork. In our children it never calls the hook that was there before,
//! which may want locks (a backtrace, a captured output) that some thread of the parent held at the fork; elsewhere it only
//! calls that one.
//!
//! The text is written first, its lengths last, by one store: a child killed in between has not panicked as far as
//! anyone can tell. The hook runs before the unwinding, so an abort leaves a record too.
//!
//! | edge | release side | acquire side | publishes                |
//! |------|--------------|--------------|--------------------------|
//! | N1   | `record`     | `recorded`   | the text of the panic    |

use std::cell::Cell;
use std::fmt::Write;
use std::panic::{self, PanicHookInfo};
use std::sync::Once;

use super::failure::Panic;
use crate::segment::record::PANIC_TEXT;
use crate::segment::{Arena, member};
use crate::shim::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use crate::sys::write_stderr;

thread_local! {
    /// This thread runs the body of one of our children.
    static IN_BODY: Cell<bool> = const { Cell::new(false) };
}

/// 1 in our children.
static CHILD: AtomicU64 = AtomicU64::new(0);

/// Sets the hook, once for the program.
pub(super) fn set_hook() {
    static SET: Once = Once::new();
    if std::thread::panicking() {
        return; // std refuses now; the next spawn will do it
    }
    SET.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(
            move |info| {
                if CHILD.load(Relaxed) == 0 { before(info) } else { in_child(info) }
            },
        ));
    });
}

/// Says that this process is one of our children, and this thread runs its body.
pub(super) fn enter_child() {
    CHILD.store(1, Relaxed); // single-threaded here; later threads are spawned after it
    IN_BODY.set(true);
}

/// Says that this thread does not run a body: in a fork of our child that other code made.
pub(super) fn leave_body() {
    IN_BODY.set(false);
}

/// The payload's text; what is not a string has none.
pub(crate) fn message_of(payload: &(dyn std::any::Any + Send)) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "Box<dyn Any>",
    }
}

fn in_child(info: &PanicHookInfo<'_>) {
    let message = message_of(info.payload());
    let mut location = String::new();
    if let Some(at) = info.location() {
        let _ = write!(location, "{}:{}:{}", at.file(), at.line(), at.column());
    }
    let name = super::child::name();
    let line = format!("\nworker '{name}' (pid {}) panicked at {location}:\n{message}\n", std::process::id());
    write_stderr(line.as_bytes());
    if IN_BODY.get()
        && let Some((arena, seat)) = member::membership()
    {
        record(arena, seat, message, &location);
    }
}

/// Writes the panic of the participant in `seat`. Only its body's thread does.
fn record(arena: &Arena, seat: u16, message: &str, location: &str) {
    let record = arena.record(seat);
    let location = &location.as_bytes()[..location.len().min(PANIC_TEXT / 2)];
    let message = &message.as_bytes()[..message.len().min(PANIC_TEXT - location.len())];
    let mut text = message.iter().chain(location).copied();
    for word in &record.text {
        let bytes = std::array::from_fn(|_| text.next().unwrap_or(0));
        word.store(u64::from_ne_bytes(bytes), Relaxed); // N1 releases it
    }
    record.panic.store((location.len() as u64) << 32 | message.len() as u64, Release); // N1
}

/// Makes sure that the record tells of the panic that ended the body: the hook may have been replaced, or what it recorded
/// last was caught.
pub(super) fn confirm(arena: &Arena, seat: u16, payload: &(dyn std::any::Any + Send)) {
    let message = message_of(payload);
    let kept = recorded(arena, seat).is_some_and(|panic| message.starts_with(&panic.message));
    if !kept {
        record(arena, seat, message, "");
    }
}

/// Reads what the participant in `seat` panicked with, if it did. It must be dead, or this process.
pub(super) fn recorded(arena: &Arena, seat: u16) -> Option<Panic> {
    let record = arena.record(seat);
    let lengths = record.panic.load(Acquire); // N1
    if lengths == 0 {
        return None;
    }
    let text: Vec<u8> = record.text.iter().flat_map(|word| word.load(Relaxed).to_ne_bytes()).collect();
    let message = (lengths as u32 as usize).min(PANIC_TEXT);
    let location = ((lengths >> 32) as usize).min(PANIC_TEXT - message);
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(Panic {
        message: lossy(&text[..message]),
        location: Some(lossy(&text[message..message + location])).filter(|text| !text.is_empty()),
    })
}

/// Takes the panic of this process, in `seat`, that ended with `payload`: a later one says its own.
pub(crate) fn take(arena: &Arena, seat: u16, payload: &(dyn std::any::Any + Send)) -> Panic {
    confirm(arena, seat, payload);
    let panic = recorded(arena, seat);
    arena.record(seat).panic.store(0, Relaxed); // read by this process, or after its death
    panic.unwrap_or_else(|| Panic::new(message_of(payload).to_owned(), None))
}
