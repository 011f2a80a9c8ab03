#!/usr/bin/env bash
# What must not stand in the sources.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0

# Prints the lines of tracked or new files that match a pattern, and remembers that there were some.
none() { # what pattern path...
    local what=$1 pattern=$2
    shift 2
    if git grep --untracked -nE "$pattern" -- "$@"; then
        echo "^ $what" >&2
        failed=1
    fi
}

# Every sleep is bounded: whoever should end it may have been killed.
none 'an untimed futex wait' 'FUTEX_(WAIT_BITSET|LOCK_PI|WAIT_REQUEUE_PI)|SYS_futex_wait\b' src
none 'a futex wait outside of sys/futex.rs' '^[^/]*FUTEX_WAIT\b' src ':!src/sys/futex.rs'
none 'a futex wait without a limit' '^[^/]*FUTEX_WAIT\b.*(null|0 *\))' src/sys/futex.rs
none 'a futex wait on several words outside of sys/futex.rs' 'SYS_futex_waitv' src ':!src/sys/futex.rs'
if (($(git grep --untracked -hE 'libc::syscall\(libc::SYS_futex_waitv' -- src/sys/futex.rs | grep -c 'raw const until') != 1)); then
    echo 'sys/futex.rs: expected exactly one wait on several words, with a limit' >&2
    failed=1
fi
none 'a wait without a limit' '(ppoll|poll|epoll_wait|epoll_pwait2?)\([^)]*, *-1' src
none 'a signal wait without a limit' 'libc::(sigwait|sigwaitinfo|pause|sigsuspend)\(' src
if (($(git grep --untracked -hE '^[^/]*FUTEX_WAIT\b' -- src/sys/futex.rs | grep -c 'raw const limit') != 1)); then
    echo 'sys/futex.rs: expected exactly one wait, with a limit' >&2
    failed=1
fi

# Open questions are decided in docs/decisions, not left in the code.
none 'an open end' '\b(TODO|FIXME|XXX|HACK)\b' src tests examples benches fuzz docs README.md

# Nothing of the machine or the circumstances in which it was written.
none 'a path of some machine' '(^|[^[:alnum:]._])/(work|root|home)/' . ':!ci/names.sh'

exit $failed
