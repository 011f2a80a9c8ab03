"""Python's multiprocessing: the accidents of script.rs once more, and what it says of them, as in report.rs."""
import multiprocessing
import os
import signal
import sys
import time

mp = multiprocessing.get_context("fork")


def say(*fields):
    os.write(1, ("\t".join(map(str, fields)) + "\n").encode())


def step(name, act):
    say("begin", name, time.monotonic_ns())
    try:
        text = act()
    except Exception as error:
        text = type(error).__name__
    say("end", name, time.monotonic_ns(), "ok" if text is None else text)


def begin(role):
    actor = mp.Process(target=role, daemon=True)
    actor.start()
    return actor


def kill(actor):
    os.kill(actor.pid, signal.SIGKILL)
    actor.join()


class Flag:
    def __init__(self):
        self.count = mp.RawValue("i", 0)

    def up(self):
        self.count.value += 1

    def wait_for(self, count):
        while self.count.value < count:
            time.sleep(0.001)


def let_others_wait():
    time.sleep(0.3)


def hold_and_stay(take):
    held = Flag()

    def role():
        take()
        held.up()
        time.sleep(60)

    holder = begin(role)
    held.wait_for(1)
    return holder


def holder_killed(verb, take, let_go):
    holder = hold_and_stay(take)
    say("kill", holder.pid)

    def act():
        take()
        let_go()

    step(verb, act)
    kill(holder)


def waiter_killed(wait, wakes, again):
    ready = Flag()

    def waiter(name):
        def role():
            ready.up()
            step(name, wait) if name else wait()

        return begin(role)

    victim = waiter(None)
    ready.wait_for(1)
    let_others_wait()
    for waiters, (verb, wake) in enumerate(wakes, 2):
        living = waiter("waiter")
        ready.wait_for(waiters)
        let_others_wait()
        if victim:
            kill(victim)
            victim = None
        step(verb, wake)
        living.join()
        again()


def meet(barrier):
    barrier.wait()


def mutex():
    lock = mp.Lock()
    holder_killed("acquire()", lock.acquire, lock.release)


def permit():
    semaphore = mp.Semaphore(1)
    holder_killed("acquire()", semaphore.acquire, semaphore.release)


def event():
    signal_ = mp.Event()
    wakes = [("set()", signal_.set)] * 2
    waiter_killed(lambda: None if signal_.wait() else "False", wakes, signal_.clear)


def condition():
    condition_ = mp.Condition()

    def wait():
        with condition_:
            condition_.wait()

    def notify():
        with condition_:
            condition_.notify()

    def notify_all():
        with condition_:
            condition_.notify_all()

    wakes = [("notify()", notify), ("notify()", notify), ("notify_all()", notify_all)]
    waiter_killed(wait, wakes, lambda: None)


def barrier():
    barrier_, ready = mp.Barrier(3), Flag()

    def first():
        ready.up()
        barrier_.wait()

    def second():
        ready.up()
        step("2nd wait()", lambda: meet(barrier_))

    victim = begin(first)
    ready.wait_for(1)
    let_others_wait()
    kill(victim)
    other = begin(second)
    ready.wait_for(2)
    let_others_wait()
    step("3rd wait()", lambda: meet(barrier_))
    other.join()


def absent():
    barrier_, met = mp.Barrier(3), [Flag(), Flag()]

    def first():
        barrier_.wait()
        met[0].up()
        time.sleep(60)

    def second():
        barrier_.wait()
        met[1].up()
        step("2nd wait()", lambda: meet(barrier_))

    victim, other = begin(first), begin(second)
    barrier_.wait()
    for flag in met:
        flag.wait_for(1)
    say("kill", victim.pid)
    step("3rd wait()", lambda: meet(barrier_))
    other.join()
    kill(victim)


def timeout():
    lock = mp.Lock()
    holder = hold_and_stay(lock.acquire)
    for name in ("1st try", "2nd try", "3rd try"):
        step(name, lambda: None if lock.acquire(timeout=0.9) else "False")
    kill(holder)


accidents = {
    "holder": mutex,
    "permit": permit,
    "event": event,
    "condition": condition,
    "barrier": barrier,
    "absent": absent,
    "timeout": timeout,
}
if sys.argv[1] in accidents:
    accidents[sys.argv[1]]()
    say("over")
else:
    say("none")
