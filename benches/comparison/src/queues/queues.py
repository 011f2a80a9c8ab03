"""One sample of a queue of multiprocessing: KIND TASK SIZE SECONDS."""

import multiprocessing
import os
import statistics
import sys
import time

PAUSE = 200e-6
BATCH = 16
LETTERS = ("abcdefghijklmnopqrstuvwxyz" * 158)[:4096]

kind, task, size, span = sys.argv[1:]
span = float(span)
context = multiprocessing.get_context("fork")


def pin(cpu):
    os.sched_setaffinity(0, {cpu % os.cpu_count()})


def make():
    """The two ends of a way: how to send, how to receive."""
    if kind == "queue":
        queue = context.Queue()
        return queue.put, queue.get
    if kind == "simple":
        queue = context.SimpleQueue()
        return queue.put, queue.get
    receiver, sender = context.Pipe(duplex=False)
    if size == "texts":
        return sender.send, receiver.recv
    return sender.send_bytes, receiver.recv_bytes


def item(seed):
    if size == "texts":
        least = 16 << ((seed * 0x9E3779B97F4A7C15 >> 32) % 8)
        length = least + (seed * 0x9E3779B97F4A7C15 >> 40) % (least + 1)
        return "%015d " % seed + LETTERS[16:length]
    return seed.to_bytes(8, "little") + FILLING


def seed_of(item):
    return int(item[:15]) if size == "texts" else int.from_bytes(item[:8], "little")


FILLING = b"" if size == "texts" else bytes(int(size) - 8)
END = 10**15 - 1


def pause():
    began = time.perf_counter()
    while time.perf_counter() - began < PAUSE:
        pass


def trip():
    ask, asked = make()
    answer, answered = make()

    def other():
        pin(1)
        while True:
            got = asked()
            if seed_of(got) == END:
                answer(got)
                return
            pause()
            answer(got)

    process = context.Process(target=other)
    process.start()
    pin(0)
    taken = []

    def once(seed):
        began = time.perf_counter()
        ask(item(seed))
        got = answered()
        time_taken = time.perf_counter() - began
        assert got == item(seed)
        return time_taken

    for seed in range(4):
        once(seed)
    began = time.perf_counter()
    while time.perf_counter() - began < span or not taken:
        pause()
        taken.append(once(len(taken)) - PAUSE)
    once(END)
    process.join()
    print(statistics.median(taken) * 1e6)


def send_all(send, first, sent):
    last = first
    began = time.perf_counter()
    while time.perf_counter() - began < span:
        for _ in range(BATCH):
            last += 1
            send(item(last))
    sent.value = last - first
    send(item(END))


def flow():
    send, receive = make()
    sent = context.Value("q", 0)

    def other():
        pin(1)
        send(item(0))
        send_all(send, 0, sent)

    process = context.Process(target=other)
    process.start()
    pin(0)
    receive()
    count = 0
    began = time.perf_counter()
    while True:
        seed = seed_of(receive())
        if seed == END:
            break
        count += 1
        assert seed == count
    took = time.perf_counter() - began
    process.join()
    assert count == sent.value
    print(count / took / 1e6)


def crowd():
    send, receive = make()
    sent = [context.Value("q", 0) for _ in range(2)]
    got = [context.Value("q", 0) for _ in range(2)]
    times = [context.Array("d", 2) for _ in range(2)]
    ready = context.Barrier(4)

    def sender(number):
        pin(0)
        ready.wait()
        send_all(send, number << 40, sent[number])

    def receiver(number):
        pin(1)
        ready.wait()
        began = time.perf_counter()
        count = 0
        while seed_of(receive()) != END:
            count += 1
        times[number][:] = began, time.perf_counter()
        got[number].value = count

    workers = [
        context.Process(target=target, args=(number,)) for target in (sender, receiver) for number in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    count = sum(one.value for one in got)
    assert count == sum(one.value for one in sent)
    print(count / (max(one[1] for one in times) - min(one[0] for one in times)) / 1e6)


{"trip": trip, "flow": flow, "crowd": crowd}[task]()
