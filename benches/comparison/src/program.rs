//! What the programs that measure are asked for, and how they go through their tables.

use clap::Parser;

use crate::report::Table;
use crate::support::Noise;

/// What `locks`, `queues` and `pools` are asked for.
#[derive(Clone, Debug, Parser)]
#[command(about = "Measures in interleaved rounds: what counts are the ratios of one run")]
pub struct Options {
    /// Only looks whether every row runs: one short round each.
    #[arg(long)]
    pub quick: bool,
    /// Rounds of each table.
    #[arg(long, default_value_t = 21)]
    pub rounds: usize,
    /// Prints only the tables whose title contains this.
    #[arg(long, default_value = "")]
    pub only: String,
}

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    /// Repetitions and times are divided by this.
    pub(crate) share: u32,
}

impl Options {
    pub(crate) fn effort(&self) -> Effort {
        if self.quick {
            Effort { rounds: 1, share: 50 }
        } else {
            Effort { rounds: self.rounds.max(1), share: 1 }
        }
    }

    /// Prints those of the tables that are asked for, and what others did meanwhile.
    pub(crate) fn run(&self, tables: impl IntoIterator<Item = Table>) {
        let noise = Noise::listen();
        for table in tables {
            if table.title.contains(&self.only) {
                table.run(self.effort().rounds);
            }
        }
        noise.print();
    }
}
