//! What travels: items of so many words, in full or touched only at their head, and texts.
//!
//! Every item is made from a number, its seed, and says what it is made from: so a receiver knows which item is missing,
//! comes twice, or is torn.

use bytemuck::Pod;

/// The seed of the last item: whoever gets it stops.
pub(crate) const END: u64 = u64::MAX >> 8;

/// What a receiver made out of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) seed: u64,
    /// Of all that was read.
    pub(crate) sum: u64,
}

/// A kind of item.
pub(crate) trait Payload: 'static {
    /// What a receiver may keep of an item, for the next one that it sends.
    type Spare: Default;
    /// Items between two looks at the clock.
    const BATCH: u64;
    /// What is to be seen of an item.
    fn seen(seed: u64) -> Seen;
}

/// Items of a fixed size, for what lies or is copied in place.
pub(crate) trait Words: Payload {
    type Item: Pod + Send + Sync;
    fn write(item: &mut Self::Item, seed: u64);
    fn read(item: &Self::Item) -> Seen;
}

/// Items as values that change hands.
pub(crate) trait Parcels: Payload {
    type Parcel: Send + 'static;
    fn wrap(seed: u64, spare: &mut Self::Spare) -> Self::Parcel;
    fn look(parcel: &Self::Parcel) -> Seen;
    /// Gives away what was looked at.
    fn keep(parcel: Self::Parcel, spare: &mut Self::Spare);
}

/// Items of any size, as bytes.
pub(crate) trait Bytes: Payload {
    /// Appends the item.
    fn append(buffer: &mut Vec<u8>, seed: u64);
    fn parse(bytes: &[u8]) -> Seen;
}

/// `W` words, all of them written and read; handed on by value.
#[derive(Debug)]
pub(crate) struct Small<const W: usize>;

/// `W` words, all of them written and read; handed on in a box where there is no place for them.
#[derive(Debug)]
pub(crate) struct Large<const W: usize>;

/// `W` words, of which only the first is written and read; boxes are sent back and used again.
#[derive(Debug)]
pub(crate) struct Handed<const W: usize>;

/// A string of 16 bytes to 4 KiB, most of them short.
#[derive(Debug)]
pub(crate) struct Text;

fn sum(words: &[u64]) -> Seen {
    Seen { seed: words[0], sum: words.iter().fold(0, |sum, word| sum.wrapping_add(*word)) }
}

impl<const W: usize> Payload for Small<W> {
    type Spare = ();
    const BATCH: u64 = 256;

    fn seen(seed: u64) -> Seen {
        Seen { seed, sum: seed.wrapping_mul(W as u64) }
    }
}

impl<const W: usize> Words for Small<W> {
    type Item = [u64; W];

    fn write(item: &mut [u64; W], seed: u64) {
        item.fill(seed);
    }

    fn read(item: &[u64; W]) -> Seen {
        sum(item)
    }
}

impl<const W: usize> Parcels for Small<W> {
    type Parcel = [u64; W];

    fn wrap(seed: u64, (): &mut ()) -> [u64; W] {
        [seed; W]
    }

    fn look(parcel: &[u64; W]) -> Seen {
        sum(parcel)
    }

    fn keep(_: [u64; W], (): &mut ()) {}
}

impl<const W: usize> Payload for Large<W> {
    type Spare = ();
    const BATCH: u64 = 16;

    fn seen(seed: u64) -> Seen {
        Small::<W>::seen(seed)
    }
}

impl<const W: usize> Words for Large<W> {
    type Item = [u64; W];

    fn write(item: &mut [u64; W], seed: u64) {
        item.fill(seed);
    }

    fn read(item: &[u64; W]) -> Seen {
        sum(item)
    }
}

impl<const W: usize> Parcels for Large<W> {
    type Parcel = Vec<u64>;

    fn wrap(seed: u64, (): &mut ()) -> Vec<u64> {
        let mut parcel = Vec::with_capacity(W);
        parcel.resize(W, seed);
        parcel
    }

    fn look(parcel: &Vec<u64>) -> Seen {
        sum(parcel)
    }

    fn keep(_: Vec<u64>, (): &mut ()) {}
}

impl<const W: usize> Payload for Handed<W> {
    type Spare = Option<Vec<u64>>;
    const BATCH: u64 = 16;

    fn seen(seed: u64) -> Seen {
        Seen { seed, sum: seed }
    }
}

impl<const W: usize> Words for Handed<W> {
    type Item = [u64; W];

    fn write(item: &mut [u64; W], seed: u64) {
        item[0] = seed;
    }

    fn read(item: &[u64; W]) -> Seen {
        sum(&item[..1])
    }
}

impl<const W: usize> Parcels for Handed<W> {
    type Parcel = Vec<u64>;

    fn wrap(seed: u64, spare: &mut Option<Vec<u64>>) -> Vec<u64> {
        let mut parcel = spare.take().unwrap_or_else(|| vec![0; W]);
        parcel[0] = seed;
        parcel
    }

    fn look(parcel: &Vec<u64>) -> Seen {
        sum(&parcel[..1])
    }

    fn keep(parcel: Vec<u64>, spare: &mut Option<Vec<u64>>) {
        *spare = Some(parcel);
    }
}

/// The shortest and the longest text.
const SHORTEST: usize = 16;
pub(crate) const LONGEST: usize = 4096;

/// What texts are cut from: the letters, again and again.
static LETTERS: [u8; LONGEST] = {
    let mut letters = [0; LONGEST];
    let mut at = 0;
    while at < LONGEST {
        letters[at] = b'a' + (at % 26) as u8;
        at += 1;
    }
    letters
};

impl Text {
    /// Each of the eight doublings from the shortest to the longest is as frequent as the others.
    fn length(seed: u64) -> usize {
        if seed == END {
            return SHORTEST;
        }
        let mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let least = SHORTEST << (mixed % 8);
        least + (mixed >> 8) as usize % (least + 1)
    }

    /// The seed as eight letters of ASCII.
    fn head(seed: u64) -> [u8; 8] {
        std::array::from_fn(|at| (seed >> (7 * at)) as u8 & 0x7F)
    }

    /// All after the head.
    fn tail(seed: u64) -> &'static str {
        std::str::from_utf8(&LETTERS[8..Self::length(seed)]).expect("letters")
    }

    fn sum(length: usize, last: u8) -> u64 {
        length as u64 * 256 + u64::from(last)
    }
}

impl Payload for Text {
    type Spare = ();
    const BATCH: u64 = 16;

    fn seen(seed: u64) -> Seen {
        let length = Self::length(seed);
        Seen { seed, sum: Self::sum(length, LETTERS[length - 1]) }
    }
}

impl Bytes for Text {
    fn append(buffer: &mut Vec<u8>, seed: u64) {
        buffer.extend_from_slice(&Self::head(seed));
        buffer.extend_from_slice(&LETTERS[8..Self::length(seed)]);
    }

    fn parse(bytes: &[u8]) -> Seen {
        let seed = bytes[..8].iter().rev().fold(0, |seed, letter| seed << 7 | u64::from(*letter));
        Seen { seed, sum: Self::sum(bytes.len(), bytes[bytes.len() - 1]) }
    }
}

impl Parcels for Text {
    type Parcel = String;

    fn wrap(seed: u64, (): &mut ()) -> String {
        let mut text = String::with_capacity(Self::length(seed));
        text.push_str(std::str::from_utf8(&Self::head(seed)).expect("ASCII"));
        text.push_str(Self::tail(seed));
        text
    }

    fn look(parcel: &String) -> Seen {
        Self::parse(parcel.as_bytes())
    }

    fn keep(_: String, (): &mut ()) {}
}
