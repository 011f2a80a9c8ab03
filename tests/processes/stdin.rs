//! Workers leave the parent's standard input alone, unless told otherwise.

use std::io::Read;

use procshare::{Builder, Process};

use crate::support::{Program, as_program, say, watchdog};

/// What can be read from standard input.
fn input() -> String {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).expect("read stdin");
    text
}

#[test]
#[ignore = "a program that a test starts"]
fn program_whose_worker_reads_first() {
    as_program(60, || {
        let worker = Process::spawn(input).expect("spawn");
        say("worker", format!("{:?}", worker.join().expect("join")));
        say("parent", format!("{:?}", input()));
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_whose_worker_inherits_the_input() {
    as_program(60, || {
        let worker = Builder::new().inherit_stdin(true).spawn(input).expect("spawn");
        say("worker", format!("{:?}", worker.join().expect("join")));
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_without_an_input() {
    as_program(60, || {
        // A daemon's descriptor 0 may be anything or nothing at all; a child must not fail over it.
        crate::support::os::close_input();
        let worker = Process::spawn(|| 6_u32).expect("spawn");
        say("worker", worker.join().expect("join"));
    });
}

#[test]
fn worker_does_not_eat_its_parents_input() {
    watchdog!(60);
    let outcome = Program::of(program_whose_worker_reads_first).input(b"one\ntwo\n").run();
    assert!(outcome.ran());
    assert_eq!(outcome.said("worker"), Some(r#""""#));
    assert_eq!(outcome.said("parent"), Some(r#""one\ntwo\n""#));
}

#[test]
fn worker_reads_the_input_if_it_was_told_to_inherit_it() {
    watchdog!(60);
    let outcome = Program::of(program_whose_worker_inherits_the_input).input(b"for the worker").run();
    assert!(outcome.ran());
    assert_eq!(outcome.said("worker"), Some(r#""for the worker""#));
}

#[test]
fn worker_of_a_parent_whose_input_is_closed_works() {
    watchdog!(60);
    let outcome = Program::of(program_without_an_input).run();
    assert!(outcome.ran());
    assert_eq!(outcome.said("worker"), Some("6"));
}
