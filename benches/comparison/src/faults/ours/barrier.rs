//! `Barrier`: parties are killed.

use procshare::sync::Barrier;

use super::cast::Processes;
use super::words::met;
use crate::faults::script;

pub(super) fn party_killed() {
    script::party_killed(&Processes, meeting());
}

pub(super) fn party_absent() {
    script::party_absent(&Processes, meeting());
}

fn meeting() -> impl Fn() -> String + Clone + Send + 'static {
    let barrier = Barrier::new(3).expect("a barrier");
    move || met(barrier.wait())
}
