//! procshare's rows.

mod crew;
mod maps;

pub(super) use crew::{Crew, bulk, trips};
pub(super) use maps::{chunks, picture, squares, toils};

/// As the other pools are listed in `alone`.
pub(super) const ALONE: [(&str, &str, u64); 1] = [("procshare", "procshare::Pool", 1)];

/// The pool of all rows.
fn pool() -> procshare::Pool {
    procshare::Pool::new(super::WORKERS).expect("a pool")
}
