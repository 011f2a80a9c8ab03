//! A barrier in a storm of kills: all cross, or all hear that it broke, and nobody waits for the dead.

use procshare::{
    Value,
    sync::{Barrier, BarrierError},
};

use crate::{
    crew::storm_until,
    support::{isolated, measured},
};

#[test]
fn barrier_weathers_a_storm() {
    isolated(900, || {
        const PARTIES: usize = 3;
        let barrier = Barrier::new(PARTIES).expect("a barrier");
        let over = Value::new(false).expect("a byte");
        let (crossings, leaders, deaths) = (counter(), counter(), counter());
        let body = {
            let (barrier, over) = (barrier.clone(), over.clone());
            let (crossings, leaders, deaths) = (crossings.clone(), leaders.clone(), deaths.clone());
            move |_: usize| {
                while !over.get() {
                    match barrier.wait() {
                        Ok(crossed) => {
                            crossings.fetch_add(1);
                            leaders.fetch_add(u64::from(crossed.is_leader()));
                        }
                        Err(BarrierError::PartyDied { pid }) => {
                            if pid == 0 || pid == std::process::id() {
                                return Err(format!("process {pid} is said to have died"));
                            }
                            deaths.fetch_add(1);
                            barrier.reset();
                        }
                        Err(BarrierError::Broken) if barrier.is_broken() => barrier.reset(),
                        Err(BarrierError::Broken) => {} // somebody reset it
                        Err(error) => return Err(error.to_string()),
                    }
                }
                // Who leaves is waited for in vain, and breaks it for the others.
                barrier.abort();
                Ok(())
            }
        };
        let end = || {
            over.set(true);
            barrier.abort();
        };
        let kills = storm_until(PARTIES, 61, body, end);
        let (crossings, leaders, deaths) = (crossings.get(), leaders.get(), deaths.get());
        measured(&format!(
            "barrier, {PARTIES} processes: {crossings} crossed, {leaders} as leaders, {kills} kills, heard of {deaths} times"
        ));
        assert!(crossings > 0 && deaths > 0, "{crossings} crossed, {deaths} heard of a death");
        // One leader a crossing, of whom some were killed before they could say so.
        let most = crossings.div_ceil(PARTIES as u64) + kills;
        assert!(leaders <= most, "{leaders} leaders of {crossings} parties that crossed");
    });
}

fn counter() -> Value<u64> {
    Value::new(0).expect("8 bytes")
}
