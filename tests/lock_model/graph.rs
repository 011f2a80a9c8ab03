//! Walks all states that a model can reach, and says what is wrong with them.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display, Formatter};
use std::hash::Hash;

use crate::numbering::Numbering;

/// A protocol as a graph of states. A state is all that there is: shared words, who sleeps, everybody's next step.
pub(crate) trait Model: Copy + Eq + Hash + Debug {
    /// Who does what, and which points of the protocol are left out.
    type Protocol: Copy;

    /// The state that everything begins in.
    fn start(protocol: Self::Protocol) -> Self;

    /// What must not be, wherever it came from. What comes after it means nothing.
    fn fault(&self, protocol: Self::Protocol) -> Option<Fault>;

    /// Whether everybody is dead, or done, or waits for what nobody has promised.
    fn settled(&self, protocol: Self::Protocol) -> bool;

    /// Adds the states that one step of one living thread leads to.
    fn steps(&self, protocol: Self::Protocol, to: &mut Vec<Self>);

    /// Adds the states that a kill leads to, unless there were `kills` already, and what others than the model's
    /// threads do after a death. Nobody may depend on either.
    fn events(&self, protocol: Self::Protocol, kills: u8, to: &mut Vec<Self>);
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// Two of the living are in sections that exclude each other.
    Overlap,
    /// Somebody sees half-written data, and no poison.
    PoisonMissed,
    /// Somebody sees poison, and nobody died writing.
    PoisonUncaused,
    /// More were let through than there was cause to.
    Unearned,
    /// A signal passed by one who waited for it.
    PassedBy,
    /// What was handed over, nobody gets.
    Lost,
    /// Somebody gets what somebody else got, or what nobody handed over.
    Doubled,
    /// Words that no completed operation leaves.
    Illegal,
    /// Not all is settled, and nobody can take a step.
    Stuck,
    /// No steps of the living lead to where all is settled.
    Hopeless,
}

/// What a walk met.
pub(crate) struct Findings {
    /// States reached.
    pub(crate) states: usize,
    /// How many of them have which fault.
    faults: BTreeMap<Fault, usize>,
    /// A shortest way to a state that has the first of those faults.
    trace: Vec<String>,
}

impl Findings {
    /// Returns how many states have `fault`.
    pub(crate) fn of(&self, fault: Fault) -> usize {
        self.faults.get(&fault).copied().unwrap_or(0)
    }

    /// Fails if a state has any fault, or if there are fewer than `least` states: a model that shrank sees less.
    #[track_caller]
    pub(crate) fn expect_none(&self, least: usize) {
        assert!(self.faults.is_empty(), "{self}, the first one thus:\n{}", self.trace.join("\n"));
        assert!(self.states >= least, "the model has shrunk: {self}");
    }

    /// Fails unless there is `fault`, and no other: being stuck is hopeless, and is no other.
    #[track_caller]
    pub(crate) fn expect_only(&self, fault: Fault) {
        let other = |&other: &Fault| other != fault && (fault, other) != (Fault::Stuck, Fault::Hopeless);
        assert!(self.of(fault) > 0, "the control finds nothing: {self}");
        assert!(!self.faults.keys().any(other), "the control finds something else: {self}");
    }
}

impl Display for Findings {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} states, {:?}", self.states, self.faults)
    }
}

/// Reaches every state of the model with up to `kills` deaths, and prints what there was under `name`.
pub(crate) fn explore<M: Model>(name: &str, protocol: M::Protocol, kills: u8) -> Findings {
    let mut met = Numbering::new();
    met.number(&M::start(protocol));
    // From which state each was reached first; and all steps of the living, since being done must not take a kill.
    let mut came_from = vec![0];
    let mut taken = Vec::new();
    let mut faulty: Vec<(Fault, u32)> = Vec::new();
    let mut ends = Vec::new();
    let mut next = Vec::new();
    let mut explored = 0;
    while let Some(&state) = met.states().get(explored) {
        let from = explored as u32;
        explored += 1;
        if let Some(fault) = state.fault(protocol) {
            faulty.push((fault, from));
            ends.push(from);
            continue;
        }
        next.clear();
        state.steps(protocol, &mut next);
        let by_the_living = next.len();
        if state.settled(protocol) {
            ends.push(from);
        } else if by_the_living == 0 {
            faulty.push((Fault::Stuck, from));
        }
        state.events(protocol, kills, &mut next);
        for (place, state) in next.iter().enumerate() {
            let (to, new) = met.number(state);
            if new {
                came_from.push(from);
            }
            if place < by_the_living {
                taken.push((from, to));
            }
        }
    }
    let hopeful = reached_backwards(explored, &taken, ends);
    faulty.extend(
        (0..explored as u32).filter(|&state| !hopeful[state as usize]).map(|state| (Fault::Hopeless, state)),
    );
    let mut faults = BTreeMap::new();
    faulty.iter().for_each(|&(fault, _)| *faults.entry(fault).or_insert(0) += 1);
    // The walk goes in breadth, so the lowest number is nearest to the start.
    let trace = faulty.iter().min().map_or(Vec::new(), |&(_, state)| way_to(state, &came_from, met.states()));
    let findings = Findings { states: explored, faults, trace };
    println!("{name}, up to {kills} kills: {findings}");
    findings
}

/// Marks the states from which one of `ends` can be reached.
fn reached_backwards(states: usize, taken: &[(u32, u32)], ends: Vec<u32>) -> Vec<bool> {
    // Where the steps that led to each state begin in `led_from`.
    let mut begins = vec![0_u32; states + 1];
    taken.iter().for_each(|&(_, to)| begins[to as usize + 1] += 1);
    for state in 0..states {
        begins[state + 1] += begins[state];
    }
    let mut free = begins.clone();
    let mut led_from = vec![0; taken.len()];
    for &(from, to) in taken {
        led_from[free[to as usize] as usize] = from;
        free[to as usize] += 1;
    }
    let mut hopeful = vec![false; states];
    let mut todo = ends;
    while let Some(state) = todo.pop() {
        let state = state as usize;
        if !std::mem::replace(&mut hopeful[state], true) {
            todo.extend_from_slice(&led_from[begins[state] as usize..begins[state + 1] as usize]);
        }
    }
    hopeful
}

fn way_to<M: Debug>(mut state: u32, came_from: &[u32], states: &[M]) -> Vec<String> {
    let mut way = vec![format!("{:?}", states[state as usize])];
    while state != 0 {
        state = came_from[state as usize];
        way.push(format!("{:?}", states[state as usize]));
    }
    way.reverse();
    way
}
