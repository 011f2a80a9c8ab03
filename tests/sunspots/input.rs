//! Malformed input: the message names file, line and reason, and the exit status is 2.

use std::{fs, path::Path};

use crate::program::run;

/// The shipped data with one change.
fn shipped_data(change: impl FnOnce(&mut Vec<String>)) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sunspots-monthly.csv");
    let mut lines = fs::read_to_string(file).expect("the data").lines().map(str::to_owned).collect();
    change(&mut lines);
    lines.join("\n")
}

/// Asserts that the example refuses this text because of this line, for this reason.
#[track_caller]
fn refuses(text: impl AsRef<[u8]>, line: usize, reason: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, drawing) = (folder.path().join("input.csv"), folder.path().join("histogram.svg"));
    fs::write(&input, text).expect("the input is written");

    let run = run([Path::new("--input"), &input, Path::new("--out"), &drawing]);
    assert_eq!(run.stderr, format!("sunspots: {}:{line}: {reason}\n", input.display()));
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert!(!drawing.exists());
}

#[test]
fn bad_number_is_refused() {
    refuses(shipped_data(|lines| lines[99] = "1757,3,4o.5".into()), 100, "sunspots '4o.5' is not a number");
}

#[test]
fn number_that_counts_nothing_is_refused() {
    for number in ["-1", "NaN", "inf"] {
        let text = shipped_data(|lines| lines[99] = format!("1757,3,{number}"));
        refuses(text, 100, &format!("sunspots '{number}' is not a count of sunspots"));
    }
}

#[test]
fn bad_date_is_refused() {
    refuses(shipped_data(|lines| lines[9] = "1749,13,75".into()), 10, "month '13' is not one of 1 to 12");
    refuses(shipped_data(|lines| lines[9] = "MDCC,9,75".into()), 10, "year 'MDCC' is not a whole number");
}

#[test]
fn missing_column_is_refused() {
    let without_numbers = shipped_data(|lines| {
        for line in lines {
            line.truncate(line.rfind(',').expect("three columns"));
        }
    });
    refuses(without_numbers, 1, "no column 'sunspots' in the header");
    refuses(shipped_data(|lines| lines[49] = "1753,1".into()), 50, "2 columns where the header has 3");
}

#[test]
fn gap_in_the_months_is_refused() {
    let gap = shipped_data(|lines| drop(lines.remove(99)));
    refuses(gap, 100, "April 1757 where March 1757 is due: there must be one row a month");
    let twice = shipped_data(|lines| lines.insert(99, lines[98].clone()));
    refuses(twice, 100, "February 1757 where March 1757 is due: there must be one row a month");
}

#[test]
fn short_series_is_refused() {
    refuses(shipped_data(|lines| lines.truncate(50)), 50, "the series ends after 49 months, 480 are needed");
    refuses(shipped_data(|lines| lines.truncate(1)), 1, "the series ends after 0 months, 480 are needed");
}

#[test]
fn empty_file_is_refused() {
    refuses("", 1, "the file is empty");
}

#[test]
fn series_without_any_change_is_refused() {
    let still = shipped_data(|lines| {
        for line in &mut lines[1..] {
            line.replace_range(line.rfind(',').expect("three columns").., ",7");
        }
    });
    refuses(still, 3127, "the number is the same in every month, so there is no cycle");
}

#[test]
fn text_of_another_encoding_is_refused() {
    let mut text = shipped_data(|_| ()).into_bytes();
    text.extend(b"\n2009,7,\xff\n");
    refuses(text, 3128, "column 3 is not UTF-8 text");
}

#[test]
fn line_is_right_whatever_ends_the_lines() {
    let bad = || shipped_data(|lines| lines[99] = "1757,3,?".into());
    refuses(bad().replace('\n', "\r\n"), 100, "sunspots '?' is not a number");
    refuses(bad().replacen('\n', "\n\n\n", 1), 102, "sunspots '?' is not a number");
}

#[test]
fn what_is_no_file_is_refused() {
    for (input, reason) in [("data", "Is a directory"), ("no-such-file.csv", "No such file or directory")] {
        let run = run(["--input", input]);
        assert!(run.stderr.starts_with(&format!("sunspots: {input}: {reason}")), "{}", run.stderr);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    }
}

#[test]
fn impossible_options_are_refused() {
    for (options, reason) in [
        (["--block", "4000"], "--block 4000 is longer than the series, which has 3126 months"),
        (["--block", "0"], "invalid value '0' for '--block <MONTHS>'"),
        (["--workers", "0"], "invalid value '0' for '--workers <COUNT>'"),
        (["--resamples", "many"], "invalid value 'many' for '--resamples <COUNT>'"),
        (["--cycles", "11"], "unexpected argument '--cycles'"),
    ] {
        let run = run(options);
        assert!(run.stderr.contains(reason), "{}", run.stderr);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    }
}

#[test]
fn unwritable_drawing_is_reported() {
    let run = run(["--resamples", "2", "--out", "no-such-folder/histogram.svg"]);
    assert!(
        run.stderr.starts_with("sunspots: cannot write no-such-folder/histogram.svg: "),
        "{}",
        run.stderr
    );
    assert_eq!(run.code, Some(2));
}
