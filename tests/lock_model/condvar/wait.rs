//! What the steps of a waiter do.

use super::next::{Next, Place, Then, Waited};
use super::protocol::{Does, Part, Protocol};
use super::{LOOKS, SLOTS, State, Word};

impl State {
    /// What a waiter's step does; `None` if it cannot be taken yet.
    pub(super) fn wait(
        &mut self,
        me: usize,
        at: Next,
        protocol: Protocol,
        to: &mut Vec<Self>,
    ) -> Option<Next> {
        let Part { slot, does } = protocol.cast[me];
        let before = *self;
        let word = &mut self.words[usize::from(slot)];
        Some(match at {
            Next::Inside(waited) => match does {
                _ if does.waits_for_anything() && waited != Waited::Not => Next::Unlock,
                Does::Consume | Does::ConsumeInTime if self.items > 0 => {
                    self.items -= 1;
                    Next::Unlock
                }
                _ if waited == Waited::InVain => Next::Unlock,
                _ if !protocol.berth_first => Next::Part(None),
                _ if !protocol.counted_last => Next::CountEarly,
                _ => Next::TakeBerth,
            },
            Next::CountEarly => {
                self.arrivals += 1;
                Next::TakeBerth
            }
            Next::TakeBerth => {
                self.touched |= 1 << slot;
                match (0..protocol.berths).find(|berth| (word.taken | word.granted) & 1 << berth == 0) {
                    None => Next::JoinCrowd,
                    Some(berth) => {
                        word.taken |= 1 << berth;
                        let place = Place::Berth(berth);
                        if protocol.counted_last {
                            Next::CountArrival(place)
                        } else {
                            Next::Part(Some(place))
                        }
                    }
                }
            }
            Next::CountArrival(place) => {
                self.arrivals += 1;
                if protocol.berth_first { Next::Part(Some(place)) } else { Next::Look(place) }
            }
            Next::JoinCrowd => {
                self.crowd.some = true;
                Next::Part(Some(Place::Crowd(self.crowd)))
            }
            Next::Part(place) => {
                self.mutex = None;
                place.map_or(Next::TakeBerth, Next::Look)
            }
            Next::Look(place) if before.is_over(slot, place) => Next::Relock(Waited::Granted, Some(place)),
            Next::Look(Place::Berth(berth)) if protocol.says_sleeps => Next::SaySleeps(berth, *word),
            Next::Look(place) => Next::Sleep(place, *word),
            Next::SaySleeps(berth, seen) if *word != seen => Next::Look(Place::Berth(berth)),
            Next::SaySleeps(berth, seen) => {
                word.sleeps = true;
                Next::Sleep(Place::Berth(berth), Word { sleeps: true, ..seen })
            }
            Next::Sleep(place, seen) => {
                let unchanged = match place {
                    Place::Berth(_) => {
                        word.granted == seen.granted && (word.from == seen.from || !protocol.turn_compared)
                    }
                    Place::Crowd(joined) => self.crowd == joined,
                };
                if unchanged || !protocol.compared { Next::Asleep(place) } else { Next::Look(place) }
            }
            Next::Asleep(place) => {
                if does.in_time() {
                    to.push(self.with(me, Next::GiveUp(place)));
                }
                if !protocol.bounded {
                    return None;
                }
                for dead in (0..SLOTS).filter(|&slot| before.is_dead(slot, protocol)) {
                    let bit = 1 << dead;
                    if self.sweeper.is_none() && self.swept & bit == 0 {
                        to.push(Self {
                            sweeper: Some(me as u8),
                            ..self.with(me, Next::Close { dead, place })
                        });
                    }
                    // What the sweep empties says nothing any more of who touched it.
                    if self.touched & !self.swept & bit != 0 && self.looks < LOOKS {
                        let look = Next::CallCrowd(Then::Looked(place));
                        to.push(Self { looks: self.looks + 1, ..self.with(me, look) });
                    }
                }
                Next::Look(place)
            }
            Next::GiveUp(place) if before.is_over(slot, place) => {
                let waited = if protocol.last_look { Waited::Granted } else { Waited::InVain };
                Next::Relock(waited, Some(place))
            }
            Next::GiveUp(place) => {
                if let Place::Berth(berth) = place
                    && protocol.frees
                {
                    word.taken &= !(1 << berth);
                }
                Next::Relock(Waited::InVain, None)
            }
            Next::Relock(waited, place) => {
                self.mutex = Some(me as u8);
                place.map_or(Next::Inside(waited), |place| Next::FreeBerth(waited, place))
            }
            Next::FreeBerth(waited, place) => {
                if let Place::Berth(berth) = place {
                    word.taken &= !(1 << berth);
                    word.granted &= !(1 << berth);
                    self.finished += u8::from(waited == Waited::Granted);
                }
                Next::Inside(waited)
            }
            _ => unreachable!("a notifier's step"),
        })
    }
}
