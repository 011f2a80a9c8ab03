use crate::sys::signal::signal_name;

#[test]
fn signals_are_called_as_kill_calls_them() {
    assert_eq!(signal_name(libc::SIGKILL), "SIGKILL");
    assert_eq!(signal_name(libc::SIGSEGV), "SIGSEGV");
    assert_eq!(signal_name(libc::SIGTERM), "SIGTERM");
}

#[test]
fn every_number_has_some_name() {
    assert!((1..=31).all(|signal| signal_name(signal).starts_with("SIG")));
    assert_eq!(signal_name(libc::SIGRTMIN()), "a real-time signal");
    assert_eq!(signal_name(0), "an unknown signal");
    assert_eq!(signal_name(i32::MIN), "an unknown signal");
}
