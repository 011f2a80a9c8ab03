//! procshare's own processes as actors.

use procshare::Process;

use crate::faults::cast::Cast;

/// They are spawned, killed and joined as its users do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Processes;

impl Cast for Processes {
    type Actor = Process<()>;

    fn begin(&self, role: impl FnOnce() + Send + 'static) -> Process<()> {
        Process::spawn(role).expect("a process")
    }

    fn pid(&self, actor: &Process<()>) -> u32 {
        actor.pid()
    }

    fn kill(&self, actor: Process<()>) {
        // It may have been killed from outside already.
        let _ = actor.kill();
        let _ = actor.join();
    }

    fn join(&self, actor: Process<()>) {
        let _ = actor.join();
    }
}
