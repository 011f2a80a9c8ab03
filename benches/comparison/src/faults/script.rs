//! The accidents, for any library: it says how to take, to wait, to wake.

use super::cast::{Cast, Flag, let_others_wait, stay};
use super::report::{please_kill, step};

/// One process holds something and is killed while another tries to get it.
///
/// `hold` takes it and keeps it; `take` takes it, lets it go, and says how that was; `verb` is what `take` is called.
pub(super) fn holder_killed<C: Cast>(
    cast: &C,
    verb: &str,
    hold: impl FnOnce() + Send + 'static,
    take: impl FnOnce() -> String,
) {
    let held = Flag::new();
    let holder = cast.begin(move || {
        hold();
        held.raise();
        stay();
    });
    held.wait_for(1);
    please_kill(cast.pid(&holder));
    step(verb, take);
    cast.kill(holder);
}

/// A way to wake a waiter: what it is called, and what it does.
pub(super) type Wake<'a> = (&'a str, &'a dyn Fn() -> String);

/// Two wait, one is killed, and the other is woken; then one more waits and is woken, for each further way to wake.
///
/// `again` makes a further wait possible.
pub(super) fn waiter_killed<C: Cast>(
    cast: &C,
    wait: impl Fn() -> String + Clone + Send + 'static,
    wakes: &[Wake<'_>],
    again: impl Fn(),
) {
    let ready = Flag::new();
    let begin_waiter = |step_of: Option<&'static str>| {
        let wait = wait.clone();
        cast.begin(move || {
            ready.raise();
            match step_of {
                Some(name) => step(name, wait),
                None => drop(wait()),
            }
        })
    };
    let mut victim = Some(begin_waiter(None));
    ready.wait_for(1);
    let_others_wait();
    for (waiters, (verb, wake)) in (2..).zip(wakes) {
        let living = begin_waiter(Some("waiter"));
        ready.wait_for(waiters);
        let_others_wait();
        if let Some(victim) = victim.take() {
            cast.kill(victim);
        }
        step(verb, wake);
        cast.join(living);
        again();
    }
}

/// One of three is killed while it waits at a barrier; then the two others come.
pub(super) fn party_killed<C: Cast>(cast: &C, wait: impl Fn() -> String + Clone + Send + 'static) {
    let ready = Flag::new();
    let first = wait.clone();
    let victim = cast.begin(move || {
        ready.raise();
        first();
    });
    ready.wait_for(1);
    let_others_wait();
    cast.kill(victim);
    let second = wait.clone();
    let other = cast.begin(move || {
        ready.raise();
        step("2nd wait()", second);
    });
    ready.wait_for(2);
    let_others_wait();
    step("3rd wait()", wait);
    cast.join(other);
}

/// Three meet at a barrier; then two wait there again, and the third is killed instead.
pub(super) fn party_absent<C: Cast>(cast: &C, wait: impl Fn() -> String + Clone + Send + 'static) {
    let met = Flag::new();
    let first = wait.clone();
    let victim = cast.begin(move || {
        first();
        met.raise();
        stay();
    });
    let second = wait.clone();
    let other = cast.begin(move || {
        second();
        met.raise();
        step("2nd wait()", second);
    });
    wait();
    met.wait_for(2);
    please_kill(cast.pid(&victim));
    step("3rd wait()", wait);
    cast.join(other);
    cast.kill(victim);
}

/// Another process holds a lock all the time; `take` gives up after 900 ms.
pub(super) fn timed_out<C: Cast>(cast: &C, hold: impl FnOnce() + Send + 'static, take: impl Fn() -> String) {
    let held = Flag::new();
    let holder = cast.begin(move || {
        hold();
        held.raise();
        stay();
    });
    held.wait_for(1);
    for name in ["1st try", "2nd try", "3rd try"] {
        step(name, &take);
    }
    cast.kill(holder);
}
