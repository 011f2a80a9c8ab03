"""A pool of two workers of multiprocessing: KIND, or KIND apart, on two CPUs; then commands by line, each answered by a line."""

import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

BATCH = 32

kind, _, place = sys.argv[1].partition(" ")
context = multiprocessing.get_context("fork")
now = time.perf_counter


def square(number):
    return number * number


def toil(number):
    until = now() + 10e-6
    while now() < until:
        pass
    return number


def wait_for_gate(_):
    gate.wait()
    return 0


def trips(span):
    """Nanoseconds a round trip, one after the other."""
    if kind == "executor":
        once = lambda number: pool.submit(square, number).result()
    else:
        once = lambda number: pool.apply(square, (number,))
    for number in range(BATCH):
        assert once(number) == number * number
    count = 0
    began = now()
    while not count or now() - began < span:
        for number in range(BATCH):
            assert once(number) == number * number
        count += BATCH
    return (now() - began) / count * 1e9


def bulk(count):
    """Nanoseconds a task, each sent on its own."""
    began = now()
    squares = pool.map(square, range(1, count + 1), chunksize=1)
    took = now() - began
    assert squares == [number * number for number in range(1, count + 1)]
    return took / count * 1e9


def toils(count):
    """Microseconds for all of them, in chunks as Python chooses them."""
    began = now()
    results = pool.map(toil, range(count))
    took = now() - began
    assert results == list(range(count))
    return took * 1e6


def half_of_squares(half):
    part = slice(half * len(numbers) // 2, (half + 1) * len(numbers) // 2)
    numpy.multiply(numbers[part], numbers[part], out=results[part])


def squares(_):
    """Milliseconds for all of them."""
    began = now()
    pool.map(half_of_squares, range(2), chunksize=1)
    took = now() - began
    assert (results[::997] == numbers[::997] ** 2).all()
    return took * 1e3


def resident():
    with open("/proc/self/status") as status:
        lines = [line.split() for line in status]
    return [int(line[1]) * 1024 for name in ("RssAnon:", "RssShmem:") for line in lines if line[0] == name]


def queued(count):
    """What so many tasks take that wait: see `alone.rs` for the figures."""

    def descriptors():
        return len(os.listdir("/proc/self/fd")) - 1

    gates = [pool.apply_async(wait_for_gate, (None,)) for _ in range(2)]
    time.sleep(0.3)
    before = resident()
    open_before = descriptors()
    began = now()
    tasks = [pool.apply_async(square, (number,)) for number in range(1, count + 1)]
    submitted = now() - began
    queued, open_queued = resident(), descriptors()
    began = now()
    gate.set()
    total = sum(task.get() for task in tasks)
    done = now() - began
    [task.get() for task in gates]
    assert total == count * (count + 1) * (2 * count + 1) // 6
    private, shared = ((then - first) / count for first, then in zip(before, queued))
    times = submitted / count * 1e9, done / count * 1e9
    return " ".join(map(str, (private, shared, 0, *times, open_before, open_queued, descriptors())))


def move_apart():
    os.sched_setaffinity(0, {1})


gate = context.Event()
if place == "apart":
    # With all threads that are begun from here on; then each worker moves.
    os.sched_setaffinity(0, {0})
begin = move_apart if place == "apart" else None
if kind == "executor":
    pool = ProcessPoolExecutor(2, mp_context=context, initializer=begin)
elif kind == "pool":
    pool = context.Pool(2, initializer=begin)
else:
    # A pool whose workers share numpy arrays of so many floats.
    import numpy
    from multiprocessing import shared_memory

    length = int(kind)
    memory = [shared_memory.SharedMemory(create=True, size=length * 8) for _ in range(2)]
    # The workers inherit the mapping, so that the name is not needed any more.
    [one.unlink() for one in memory]
    numbers, results = (numpy.ndarray(length, "f8", one.buf) for one in memory)
    numbers[:] = numpy.arange(length) * 0.5
    results[:] = 0
    pool = context.Pool(2)

print("ready", flush=True)
for line in sys.stdin:
    command, argument = line.split()
    if command == "end":
        break
    task = {"trips": trips, "bulk": bulk, "toils": toils, "squares": squares, "queued": queued}[command]
    print(task(float(argument) if command == "trips" else int(argument)), flush=True)
if kind == "executor":
    pool.shutdown()
else:
    pool.terminate()
    pool.join()
os._exit(0)  # numpy's arrays still use the memory, which must not be seen to be closed before them
