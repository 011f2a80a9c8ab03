use crate::sys::available::{available_memory, mem_available};

#[test]
fn available_memory_is_read_in_bytes() {
    let text = "MemTotal:       16316412 kB\nMemFree:          123456 kB\nMemAvailable:    8000000 kB\nBuffers: 1 kB\n";
    assert_eq!(mem_available(text), Some(8_000_000 * 1024));
}

#[test]
fn malformed_memory_information_is_no_answer() {
    let malformed = [
        "",
        "MemTotal: 5 kB\n",
        "MemAvailable:\n",
        "MemAvailable: kB\n",
        "MemAvailable: 5\n",
        "MemAvailable: -5 kB\n",
        "MemAvailable: 99999999999999999999 kB\n",
        "MemAvailable: 18446744073709551615 kB\n",
        "NotMemAvailable: 5 kB\n",
    ];
    for text in malformed {
        assert_eq!(mem_available(text), None, "{text:?}");
    }
}

#[test]
fn something_is_available_here_but_not_everything() {
    let available = available_memory();
    assert!(available > 0);
    assert!(available < u64::MAX);
}
