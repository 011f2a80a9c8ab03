//! How somebody idle is woken, and how the ring is filled.

use super::next::{Post, Waking, Work};
use super::protocol::{Protocol, Refills};
use super::{Entry, NOBODY, State};

impl State {
    /// Takes a step of who wakes somebody; `done` gets what comes after it, and `None` if that was all.
    pub(super) fn wake(&self, at: Waking, protocol: Protocol, mut done: impl FnMut(Self, Option<Waking>)) {
        let mut after = *self;
        let next = match at {
            Waking::Spin => (self.spinners == 0).then_some(Waking::Bit),
            Waking::Bit => {
                let mut any = false;
                for w in 0..protocol.workers.len() as u8 {
                    if self.workers[usize::from(w)].idle {
                        let mut after = *self;
                        after.workers[usize::from(w)].idle = false;
                        done(after, Some(Waking::Call(w)));
                        any = true;
                    }
                }
                if any {
                    return;
                }
                None
            }
            Waking::Call(w) => {
                after.count_call(w);
                Some(Waking::Kick(w))
            }
            Waking::Kick(w) => {
                after.kick(w);
                None
            }
        };
        done(after, next);
    }

    pub(super) fn count_call(&mut self, w: u8) {
        let call = &mut self.workers[usize::from(w)].call;
        *call = (*call + 1) % 4;
    }

    pub(super) fn kick(&mut self, w: u8) {
        let w = usize::from(w);
        if matches!(self.workers[w].next, Work::Asleep { .. }) {
            self.workers[w].next = self.slept(w);
        }
    }

    /// Puts record `i` behind the others of the backlog.
    pub(super) fn put_off(&mut self, i: u8) {
        self.backlog[usize::from(self.backlog_len)] = i;
        self.backlog_len += 1;
    }

    /// How a task that was put off, behind others, is posted: what is behind others stays there.
    pub(super) fn begins_to_post(&self, protocol: Protocol) -> Post {
        if !protocol.publishes_first {
            Post::EarlyWake(Waking::Spin)
        } else if self.backlog_len > 1 {
            Post::Wake(Waking::Spin)
        } else {
            Post::Room
        }
    }

    /// Takes a step of who fills the ring; `done` gets what comes after it, and `None` if that was all.
    pub(super) fn post(&self, at: Post, protocol: Protocol, mut done: impl FnMut(Self, Option<Post>)) {
        let mut after = *self;
        let room = self.tail < self.head + protocol.ring;
        let last = protocol.publishes_first.then_some(Post::Wake(Waking::Spin));
        let next = match at {
            Post::EarlyWake(at) => {
                self.wake(at, protocol, |after, next| {
                    done(after, Some(next.map_or(Post::Room, Post::EarlyWake)));
                });
                return;
            }
            Post::Room | Post::RoomAgain if self.backlog_len == 0 => last,
            Post::Room | Post::RoomAgain if room => Some(Post::Entry),
            Post::Room if protocol.refills != Refills::ComingBy => Some(Post::Ask),
            Post::Room | Post::RoomAgain => last,
            Post::Entry => {
                after.ring[usize::from(self.tail % protocol.ring)] =
                    Entry { position: self.tail, index: self.backlog[0] };
                after.tail += 1;
                after.backlog.rotate_left(1);
                after.backlog[super::TASKS - 1] = NOBODY;
                after.backlog_len -= 1;
                if after.backlog_len == 0 { last } else { Some(Post::Room) }
            }
            Post::Ask => {
                after.wanted = self.tail - protocol.ring / 2;
                if protocol.refills == Refills::AskedAndLooks { Some(Post::RoomAgain) } else { last }
            }
            Post::Wake(at) => {
                self.wake(at, protocol, |after, next| done(after, next.map(Post::Wake)));
                return;
            }
        };
        // The lock is given up before anybody is woken.
        after.locked &= !matches!(next, None | Some(Post::Wake(_)));
        done(after, next);
    }
}
