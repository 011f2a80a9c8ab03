//! What the example finds, prints and draws.

use std::{fs, path::Path, sync::OnceLock};

use crate::program::{Run, run};

/// Runs the example with further options, and returns the run and its drawing.
fn run_drawing(options: &[&str]) -> (Run, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let drawing = folder.path().join("histogram.svg");
    let run = run([Path::new("--out"), &drawing].into_iter().chain(options.iter().map(Path::new)));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    (run, fs::read_to_string(&drawing).expect("the drawing is written"))
}

/// One run with all defaults: the run of the README.
fn default_run() -> &'static (Run, String) {
    static RUN: OnceLock<(Run, String)> = OnceLock::new();
    RUN.get_or_init(|| run_drawing(&[]))
}

/// What is printed before the times, which differ from run to run.
fn numbers(run: &Run) -> &str {
    run.stdout
        .split_once("workers took")
        .expect("the times are printed")
        .0
        .rsplit_once('\n')
        .expect("lines")
        .0
}

/// The numbers in the line that starts with `name`.
fn line_of_numbers(run: &Run, name: &str) -> Vec<f64> {
    let line = run.stdout.lines().find_map(|line| line.trim_start().strip_prefix(name));
    line.expect(name).split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn interval_contains_what_is_known_of_the_cycle() {
    let interval = line_of_numbers(&default_run().0, "95 % interval");
    assert_eq!(interval.len(), 2);
    assert!(interval[0] <= 10.5 && interval[1] >= 11.2, "{interval:?}");
    assert!(interval[0] >= 8.0 && interval[1] <= 14.0, "an interval so wide says nothing: {interval:?}");
}

#[test]
fn mean_and_median_lie_near_eleven_years() {
    for name in ["measured", "mean", "median"] {
        let years = line_of_numbers(&default_run().0, name);
        assert!(matches!(years[..], [years] if (10.5..11.5).contains(&years)), "{name}: {years:?}");
    }
}

#[test]
fn progress_is_shown_to_terminals_only() {
    let (run, _) = default_run();
    assert_eq!(run.stderr, "");
    assert!(!run.stdout.contains(['\r', '\x1b']), "{}", run.stdout);
}

#[test]
fn same_seed_gives_same_numbers_for_any_number_of_workers() {
    let with = |workers| run_drawing(&["--seed", "7", "--resamples", "101", "--workers", workers]);
    let (one, drawing_of_one) = with("1");
    assert!(numbers(&one).contains("101 resamples"));
    for workers in ["2", "3", "5"] {
        let (several, drawing) = with(workers);
        assert_eq!(numbers(&several), numbers(&one), "{workers} workers");
        assert_eq!(drawing, drawing_of_one, "{workers} workers");
    }
}

#[test]
fn another_seed_gives_other_numbers() {
    let with = |seed| run_drawing(&["--seed", seed, "--resamples", "50"]);
    assert_ne!(with("1").1, with("2").1);
}

#[test]
fn more_workers_than_resamples_are_no_harm() {
    let with = |workers| run_drawing(&["--resamples", "3", "--workers", workers]);
    assert_eq!(numbers(&with("8").0), numbers(&with("1").0));
}

#[test]
fn comparison_tells_what_one_process_takes() {
    let (run, _) = run_drawing(&["--resamples", "20", "--compare"]);
    assert!(run.stdout.contains("one process alone took"), "{}", run.stdout);
    assert!(run.stdout.contains("for the very same numbers"), "{}", run.stdout);
}

#[test]
fn drawing_is_well_formed_and_its_text_is_text() {
    let (_, drawing) = default_run();
    let svg = roxmltree::Document::parse(drawing).expect("well-formed XML");
    assert_eq!(svg.root_element().tag_name().name(), "svg");
    let count = |name| svg.descendants().filter(|node| node.has_tag_name(name)).count();
    assert!(count(("http://www.w3.org/2000/svg", "rect")) > 20, "bars");
    let texts: Vec<_> = svg.descendants().filter_map(|node| node.text()).map(str::trim).collect();
    assert!(texts.contains(&"How long is the solar cycle?"), "{texts:?}");
    assert!(texts.contains(&"period of the strongest spectral peak (years)"), "{texts:?}");
}

#[test]
fn terminal_shows_a_small_histogram() {
    let (run, _) = default_run();
    let bars: Vec<_> = run.stdout.lines().filter(|line| line.contains(['█', '▏'])).collect();
    assert!((4..=16).contains(&bars.len()), "{}", run.stdout);
    assert!(bars.iter().any(|bar| bar.ends_with("median")), "{}", run.stdout);
}

#[test]
fn help_explains_every_option() {
    let run = run(["--help"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    for option in ["--input", "--workers", "--resamples", "--seed", "--block", "--out", "--compare"] {
        assert!(run.stdout.contains(option), "{option} is missing in\n{}", run.stdout);
    }
}
