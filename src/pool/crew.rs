//! The workers of a pool, as their parent knows them: spawning, noticing deaths, replacing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::knell::Knell;
use super::office::{Office, pack_end};
use super::worker::{Contract, Initializer};
use crate::process::{Builder, Failure, Process, SpawnError, Worker};
use crate::shim::Ordering::Relaxed;

/// What was agreed when the pool was made.
pub(super) struct Terms {
    pub(super) name: String,
    pub(super) workers: u16,
    pub(super) initializer: Option<Initializer>,
    /// Tasks after which a worker makes way for a new one; 0: never.
    pub(super) tasks_per_worker: u64,
    /// How long a task may run.
    pub(super) limit: Option<Duration>,
    /// How often a task is run again that a death interrupted.
    pub(super) retries: u32,
    /// Pauses that an idle worker spins before it sleeps; `None`: as many as are worth a wake.
    pub(super) patience: Option<u32>,
}

impl Terms {
    /// The name of the worker of that number.
    pub(super) fn name_of(&self, number: u16) -> String {
        format!("{}-{number}", self.name)
    }
}

/// The workers, by number.
#[derive(Default)]
pub(super) struct Crew {
    members: Vec<Member>,
    /// Workers in a row that ended before they were set up.
    stillborn: u32,
    /// Since when none can be spawned.
    failing_since: Option<Instant>,
    /// What became of the last one.
    reason: Option<String>,
    /// Not before then is another one spawned.
    rests_until: Option<Instant>,
    /// Nobody is spawned any more.
    is_closed: bool,
}

/// The place of one worker.
#[derive(Default)]
struct Member {
    process: Option<Process<()>>,
    /// The last one is gone, and what it had in hand has not been seen to: the next one would be taken for it.
    is_unburied: bool,
}

impl Member {
    fn is_free(&self) -> bool {
        self.process.is_none() && !self.is_unburied
    }
}

/// So many workers in a row that end before they are set up, for each place, are taken for the rule.
const STILLBORN: u32 = 4;
/// So long without a worker that works, for whatever reason, is too long.
const TOO_LONG: Duration = Duration::from_secs(10);
/// The shortest rest after a failure.
const SHORTEST_REST: Duration = Duration::from_millis(1);
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// How a worker ended.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) number: u16,
    pub(super) pid: u32,
    /// See `pack_end`.
    pub(super) how: u64,
}

impl Crew {
    /// Makes the places, and spawns a worker for each. After an error some may have one.
    pub(super) fn hire_all(&mut self, office: &Office) -> Result<(), SpawnError> {
        self.members.resize_with(usize::from(office.terms.workers), Member::default);
        self.fill(office)
    }

    /// Spawns a worker for every place that has none.
    fn fill(&mut self, office: &Office) -> Result<(), SpawnError> {
        for (number, member) in (0_u16..).zip(&mut self.members).filter(|(_, member)| member.is_free()) {
            member.process = Some(spawn(office, number)?);
        }
        Ok(())
    }

    /// Whether a place is empty that is to have a worker now.
    pub(super) fn wants_to_hire(&self) -> bool {
        !self.is_closed
            && self.rests_until.is_none_or(|until| Instant::now() >= until)
            && self.members.iter().any(Member::is_free)
    }

    /// Spawns a worker for every place that has none, unless it is time to rest. To be called with the standard streams locked: a fork waits for
    /// them, and who waits for this lock must not.
    pub(super) fn hire(&mut self, office: &Office) {
        if self.wants_to_hire() {
            match self.fill(office) {
                Ok(()) => self.failing_since = None,
                Err(error) => self.note_failure(error.to_string()),
            }
        }
    }

    /// Whether somebody is missing.
    pub(super) fn is_short(&self) -> bool {
        self.members.iter().any(|member| member.process.is_none())
    }

    /// Spawns nobody any more.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    pub(super) fn note_failure(&mut self, reason: String) {
        self.reason = Some(reason);
        let now = Instant::now();
        let failing = now - *self.failing_since.get_or_insert(now);
        // As long again as it has been failing already.
        self.rests_until = Some(now + failing.clamp(SHORTEST_REST, LONGEST_REST));
    }

    /// Why no worker will do, if it seems so: nobody lives, and too many ended before they could work, or none could be spawned for too long.
    pub(super) fn why_hopeless(&self) -> Option<String> {
        let too_many = self.stillborn >= STILLBORN * self.members.len() as u32;
        let too_long = self.failing_since.is_some_and(|since| since.elapsed() > TOO_LONG);
        self.reason.clone().filter(|_| (too_many || too_long) && !self.has_members())
    }

    /// Takes those that are gone, with everything they spawned, off their places. Each is to be [buried](Self::bury).
    pub(super) fn dismiss_gone(&mut self, office: &Office) -> Vec<Gone> {
        let mut gone = Vec::new();
        let mut reason = None;
        for (number, member) in (0_u16..).zip(&mut self.members) {
            let Some(process) = &mut member.process else { continue };
            if process.is_alive() {
                continue;
            }
            process.kill_descendants();
            let pid = process.pid();
            let (how, said) = match process.try_join() {
                Ok(None) => continue, // somebody whom it spawned is dying
                Ok(Some(())) => (pack_end(None, Some(0)), None),
                Err(failure) => (how_it_ended(&failure), Some(failure.to_string())),
            };
            // Nobody told it to leave, and it had no reason to.
            let deserts = said.is_none() && office.terms.tasks_per_worker == 0 && !self.is_closed;
            let was_ready = office
                .board
                .workers()
                .get(usize::from(number))
                .is_some_and(|words| words.ready.load(Relaxed) != 0);
            member.process = None;
            member.is_unburied = true;
            gone.push(Gone { number, pid, how });
            if deserts {
                reason = Some(String::from("they leave though there may be more to come"));
            } else if was_ready {
                self.stillborn = 0;
            } else if let Some(said) = said {
                reason = Some(said);
            }
        }
        if let Some(reason) = reason {
            self.stillborn += 1;
            self.note_failure(reason);
        }
        gone
    }

    /// What the last worker of that number had in hand has been seen to: another one may come.
    pub(super) fn bury(&mut self, number: u16) {
        if let Some(member) = self.members.get_mut(usize::from(number)) {
            member.is_unburied = false;
        }
    }

    /// Kills the worker of that number.
    pub(super) fn kill(&self, number: u16) {
        if let Some(process) =
            self.members.get(usize::from(number)).and_then(|member| member.process.as_ref())
        {
            let _ = process.kill(); // an error means that it is gone
        }
    }

    pub(super) fn kill_all(&self) {
        for member in self.members.iter().filter_map(|member| member.process.as_ref()) {
            let _ = member.kill(); // as above
        }
    }

    /// Whether somebody is left.
    pub(super) fn has_members(&self) -> bool {
        self.members.iter().any(|member| member.process.is_some())
    }

    /// Those that should be gone, and are not yet.
    pub(super) fn left(&self) -> Vec<Gone> {
        let left = (0_u16..)
            .zip(&self.members)
            .filter_map(|(number, member)| Some((number, member.process.as_ref()?)));
        left.map(|(number, process)| Gone { number, pid: process.pid(), how: 0 }).collect()
    }

    /// The living, in the order of their numbers.
    pub(super) fn living(&self) -> Vec<Worker> {
        let living = self.members.iter().filter_map(|member| member.process.as_ref());
        living
            .filter(|process| process.is_alive())
            .map(|process| Worker::new(process.name().to_owned(), process.pid()))
            .collect()
    }
}

fn spawn(office: &Office, number: u16) -> Result<Process<()>, SpawnError> {
    let terms = &office.terms;
    if let Some(words) = office.board.workers().get(usize::from(number)) {
        words.reset();
    }
    let contract = Contract {
        board: Arc::clone(&office.board),
        initializer: terms.initializer.clone(),
        number,
        submitter: office.submitter,
        results: office.results(),
        key: office.key(),
        tasks: terms.tasks_per_worker,
        may_repeat: terms.retries > 0,
        patience: terms.patience,
    };
    let knell = Knell::new(Arc::clone(&office.board));
    Builder::new().name(terms.name_of(number)).spawn(move || contract.work(&knell))
}

fn how_it_ended(failure: &Failure) -> u64 {
    match failure {
        Failure::Signaled { signal, .. } => pack_end(Some(*signal), None),
        Failure::Exited { code, .. } => pack_end(None, Some(*code)),
        _ => pack_end(None, None),
    }
}
