//! Walks all states that a protocol can reach.

use std::collections::HashMap;

use crate::protocol::{Protocol, State};

/// What a walk met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Findings {
    /// States reached.
    pub(crate) states: usize,
    /// States with two living processes in the guarded section.
    pub(crate) overlap: usize,
    /// States in which somebody is not done and nobody can take a step.
    pub(crate) stuck: usize,
    /// States from which no steps of the living lead to all of them being done.
    pub(crate) hopeless: usize,
}

/// Reaches every state of `protocol` with up to `kills` deaths.
pub(crate) fn explore(protocol: Protocol, kills: u8) -> Findings {
    let mut numbers = HashMap::from([(State::START, 0)]);
    let mut states = vec![State::START];
    // For each state, those that a step of a living process leads from to it: being done must not take a kill.
    let mut led_from: Vec<Vec<u32>> = vec![Vec::new()];
    let mut done = Vec::new();
    let (mut overlap, mut stuck) = (0, 0);
    let mut steps = Vec::new();
    let mut explored = 0;
    while let Some(&state) = states.get(explored) {
        let from = explored;
        explored += 1;
        if state.inside() > 1 {
            // What comes after means nothing.
            overlap += 1;
            continue;
        }
        steps.clear();
        state.steps(protocol, &mut steps);
        let by_the_living = steps.len();
        if state.settled() {
            done.push(from);
        } else if by_the_living == 0 {
            stuck += 1;
        }
        state.events(protocol, kills, &mut steps);
        for (taken, &next) in steps.iter().enumerate() {
            let to = *numbers.entry(next).or_insert_with(|| {
                states.push(next);
                led_from.push(Vec::new());
                states.len() - 1
            });
            if taken < by_the_living {
                led_from[to].push(u32::try_from(from).expect("fewer than 2^32 states"));
            }
        }
    }
    let hopeful = reached_backwards(&led_from, done);
    Findings { states: states.len(), overlap, stuck, hopeless: states.len() - hopeful }
}

/// Counts the states from which one of `done` can be reached.
fn reached_backwards(led_from: &[Vec<u32>], done: Vec<usize>) -> usize {
    let mut hopeful = vec![false; led_from.len()];
    let mut todo = done;
    while let Some(state) = todo.pop() {
        if !std::mem::replace(&mut hopeful[state], true) {
            todo.extend(led_from[state].iter().map(|&from| from as usize));
        }
    }
    hopeful.into_iter().filter(|&hope| hope).count()
}
