//! Runs the cases, those of one accident side by side, and prints what came of them.

use std::thread;

use clap::ValueEnum;

use super::accident::{Accident, Library};
use super::case::{Outcome, watch};
use super::{Options, session};

/// Returns whether every case could be played, and nobody hung in procshare.
pub(super) fn print(options: &Options) -> bool {
    session::adopt_orphans();
    let wanted = |library: &Library| options.library.is_none_or(|only| only == *library);
    let libraries: Vec<Library> = Library::value_variants().iter().copied().filter(wanted).collect();
    if options.markdown {
        let names: Vec<&str> = libraries.iter().map(|library| library.title()).collect();
        println!("| accident | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
    }
    let mut good = true;
    for accident in Accident::value_variants() {
        if options.accident.is_some_and(|only| only != *accident) {
            continue;
        }
        let outcomes = play_all(*accident, &libraries, options);
        good &= !outcomes.iter().any(|(library, outcome)| {
            outcome.failed() || (*library == Library::Procshare && outcome.hangs())
        });
        print_row(*accident, &outcomes, options.markdown);
    }
    good
}

/// They mostly sleep, so they do not disturb each other.
fn play_all(accident: Accident, libraries: &[Library], options: &Options) -> Vec<(Library, Outcome)> {
    thread::scope(|scope| {
        let running: Vec<_> = libraries
            .iter()
            .map(|library| (*library, scope.spawn(|| watch(accident, *library, options.patience()))))
            .collect();
        running
            .into_iter()
            .map(|(library, outcome)| (library, outcome.join().expect("a case is watched to its end")))
            .collect()
    })
}

fn print_row(accident: Accident, outcomes: &[(Library, Outcome)], markdown: bool) {
    if markdown {
        let cells: Vec<String> =
            outcomes.iter().map(|(_, outcome)| outcome.to_string().replace('|', "/")).collect();
        println!("| {} | {} |", accident.title(), cells.join(" | "));
        return;
    }
    println!("\n{}", accident.title());
    for (library, outcome) in outcomes {
        println!("  {:<14} {outcome}", library.title());
    }
}
