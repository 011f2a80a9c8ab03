//! Numbers for states, in the order in which they are met.

use std::hash::{Hash, Hasher};

/// Where no state's number stands.
const FREE: u32 = u32::MAX;

/// All states met, each once. A table of numbers finds a state again: plainer than the standard library's map, and
/// several times as fast where nothing is optimised.
pub(crate) struct Numbering<State> {
    states: Vec<State>,
    table: Vec<u32>,
}

impl<State: Copy + Eq + Hash> Numbering<State> {
    pub(crate) fn new() -> Self {
        Self { states: Vec::new(), table: vec![FREE; 1 << 16] }
    }

    pub(crate) fn states(&self) -> &[State] {
        &self.states
    }

    /// Returns the state's number, and whether it is met for the first time.
    pub(crate) fn number(&mut self, state: &State) -> (u32, bool) {
        let place = self.place(state);
        let found = self.table[place];
        if found != FREE {
            return (found, false);
        }
        let number = u32::try_from(self.states.len()).expect("fewer than 2^32 states");
        self.states.push(*state);
        self.table[place] = number;
        if self.states.len() * 2 > self.table.len() {
            self.grow();
        }
        (number, true)
    }

    /// Finds where the state's number stands, or would stand.
    fn place(&self, state: &State) -> usize {
        let mut mixer = Mixer(0);
        state.hash(&mut mixer);
        let mask = self.table.len() - 1;
        let mut place = mixer.finish() as usize & mask;
        while self.table[place] != FREE && self.states[self.table[place] as usize] != *state {
            place = (place + 1) & mask;
        }
        place
    }

    fn grow(&mut self) {
        self.table = vec![FREE; self.table.len() * 2];
        for number in 0..self.states.len() {
            let place = self.place(&self.states[number]);
            self.table[place] = number as u32;
        }
    }
}

/// Mixes by rotating and multiplying, as the compiler's own tables do.
struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, part: u64) {
        self.0 = (self.0.rotate_left(5) ^ part).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.mix(u64::from(byte)));
    }

    fn write_u8(&mut self, part: u8) {
        self.mix(u64::from(part));
    }

    fn write_isize(&mut self, part: isize) {
        self.mix(part as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}
