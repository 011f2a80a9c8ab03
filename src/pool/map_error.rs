//! How maps end badly.

use std::fmt;
use std::ops::Range;

use super::failure::{Rejection, TaskFailure};

/// Some elements of a map that were not done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChunkFailure {
    /// Which ones: perhaps done in part.
    pub range: Range<usize>,
    /// Why.
    pub failure: TaskFailure,
}

impl fmt::Display for ChunkFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "elements {}..{}: {}", self.range.start, self.range.end, self.failure)
    }
}

/// Why a map did not do everything.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum MapError<P = ()> {
    /// Nothing was done.
    Rejected(Rejection),
    /// A chunk has one element at least. Nothing was done.
    EmptyChunk,
    /// The output has another length than the input. Nothing was done.
    LengthsDiffer {
        /// Elements of the input.
        input: usize,
        /// Elements of the output.
        output: usize,
    },
    /// Some chunks failed, the others are done.
    Failed {
        /// Which ones, in order, and why; neighbours with the same reason as one. At least one.
        failures: Vec<ChunkFailure>,
        /// What was done: the result, if the map makes one, with zeroes or half of the work where it failed.
        partial: P,
    },
}

impl<P> MapError<P> {
    /// Which elements failed, and why; none if nothing was done at all.
    pub fn failures(&self) -> &[ChunkFailure] {
        match self {
            Self::Failed { failures, .. } => failures,
            _ => &[],
        }
    }

    /// The same error with what `f` makes of the partial result.
    pub(super) fn map_partial<Q>(self, f: impl FnOnce(P) -> Q) -> MapError<Q> {
        match self {
            Self::Rejected(rejection) => MapError::Rejected(rejection),
            Self::EmptyChunk => MapError::EmptyChunk,
            Self::LengthsDiffer { input, output } => MapError::LengthsDiffer { input, output },
            Self::Failed { failures, partial } => MapError::Failed { failures, partial: f(partial) },
        }
    }
}

impl<P> fmt::Debug for MapError<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MapError({self})")
    }
}

impl<P> fmt::Display for MapError<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejection) => write!(f, "nothing was done: {rejection}"),
            Self::EmptyChunk => f.write_str("nothing was done: a chunk has one element at least"),
            Self::LengthsDiffer { input, output } => {
                write!(f, "nothing was done: {input} elements of input, and room for {output} results")
            }
            Self::Failed { failures, .. } => {
                for (index, failure) in failures.iter().enumerate() {
                    if index > 0 {
                        f.write_str("; ")?;
                    }
                    failure.fmt(f)?;
                }
                Ok(())
            }
        }
    }
}

impl<P> std::error::Error for MapError<P> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Rejected(rejection) => Some(rejection),
            Self::Failed { failures, .. } => failures.first().map(|failed| &failed.failure as _),
            _ => None,
        }
    }
}
