//! Producers and consumers in a storm of kills: whoever waits hears of what was made, or that somebody died.

use procshare::{
    Value,
    sync::{Condvar, LockError, Mutex, MutexGuard},
};

use crate::{
    crew::storm_until,
    support::{isolated, measured},
};

/// Produced, consumed, and whether all is over. Each is changed by one store, so that no death leaves anything by half.
type Goods = [u64; 3];
/// So many fit in.
const ROOM: u64 = 3;

fn stock(goods: &Goods) -> u64 {
    goods[0] - goods[1]
}

#[derive(Clone)]
struct Shop {
    goods: Mutex<Goods>,
    not_empty: Condvar,
    not_full: Condvar,
    /// How often anything was moved.
    moved: Value<u64>,
}

type Guard<'a> = MutexGuard<'a, Goods>;

/// The guard, poisoned or not.
fn whole<'a>(locked: Result<Guard<'a>, LockError<Guard<'a>>>) -> Result<Guard<'a>, String> {
    locked.or_else(LockError::recover).map_err(|error| error.to_string())
}

impl Shop {
    fn new() -> Self {
        let condvar = || Condvar::new().expect("a condition variable");
        Self {
            goods: Mutex::new([0; 3]).expect("a mutex"),
            not_empty: condvar(),
            not_full: condvar(),
            moved: Value::new(0).expect("8 bytes"),
        }
    }

    /// Waits while `blocked`, and then counts one on in the word `which`; `false`: all is over.
    fn pass(&self, on: &Condvar, blocked: fn(&Goods) -> bool, which: usize) -> Result<bool, String> {
        let mut goods = whole(self.goods.lock())?;
        while goods[2] == 0 && blocked(&goods) {
            goods = whole(on.wait(goods))?;
        }
        let over = goods[2] != 0;
        if !over {
            goods[which] += 1;
            self.moved.fetch_add(1);
        }
        if stock(&goods) > ROOM {
            return Err(format!("too many: {:?}", *goods));
        }
        drop(goods);
        Ok(!over)
    }

    fn produce(&self) -> Result<bool, String> {
        let more = self.pass(&self.not_full, |goods| stock(goods) == ROOM, 0)?;
        self.not_empty.notify_one();
        Ok(more)
    }

    fn consume(&self) -> Result<bool, String> {
        let more = self.pass(&self.not_empty, |goods| stock(goods) == 0, 1)?;
        self.not_full.notify_one();
        Ok(more)
    }

    fn close(&self) {
        whole(self.goods.lock()).expect("the mutex")[2] = 1;
        self.not_empty.notify_all();
        self.not_full.notify_all();
    }
}

fn weather(producers: usize, consumers: usize, seed: u64) {
    let shop = Shop::new();
    let own = shop.clone();
    let body = move |number: usize| {
        while if number < producers { own.produce()? } else { own.consume()? } {}
        Ok(())
    };
    let kills = storm_until(producers + consumers, seed, body, || shop.close());
    let moved = shop.moved.get();
    measured(&format!("condvar, {producers} producers, {consumers} consumers: {moved} moved, {kills} kills"));
    assert!(moved > kills, "hardly anything was moved: {moved}");
}

#[test]
fn producers_and_consumers_weather_a_storm() {
    isolated(900, || weather(2, 2, 51));
}

#[test]
fn one_producer_of_many_consumers_weathers_a_storm() {
    isolated(900, || weather(1, 4, 52));
}
