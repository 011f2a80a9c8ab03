//! procshare. There is something for each accident.
//!
//! | file      | what is in it                                             |
//! |-----------|-----------------------------------------------------------|
//! | `cast`    | its processes                                             |
//! | `held`    | what a process may hold: `Mutex`, `RwLock`, `Semaphore`   |
//! | `signals` | what wakes waiters: `Event`, `Condvar`                    |
//! | `barrier` | `Barrier`                                                 |
//! | `words`   | what the results are called in the table                  |

mod barrier;
mod cast;
mod held;
mod signals;
mod words;

use super::accident::Accident;

pub(super) fn play(accident: Accident) {
    match accident {
        Accident::Holder => held::mutex(),
        Accident::Reader => held::rw_lock(),
        Accident::Permit => held::semaphore(),
        Accident::Event => signals::event(),
        Accident::Condition => signals::condition(),
        Accident::Barrier => barrier::party_killed(),
        Accident::Absent => barrier::party_absent(),
        Accident::Timeout => held::mutex_in_time(),
    }
}
