"""How slow this machine is, and how long a test waits here for what it expects.

    eventually(question, 1.0)       a limit: only a failing test takes so long, so it is generous (else: limit(1.0))
    time.sleep(settle(0.05))        a pause: every test takes so long, so it grows with slowness only

Limits were made on a machine where two hundred rounds of `work()` take REFERENCE; an emulated one needs ten times as
long. $TCPWHY_SLOW says how many times slower, where measuring once at the start does not (a load that comes later).
The kernel's timers (a second for the first retransmission) are the same everywhere, and so is what rests on them.
"""
import functools
import os
import socket
import time

REFERENCE = 0.0045     # seconds
GENEROUS = 3           # limits are this many times what a machine at rest needs
ENDLESS = 10           # and never more than that: somebody waits for what fails


def work():
    """System calls as the tests make them: a socket, a connection to nobody, a file."""
    with socket.socket() as sock:
        sock.connect_ex(("127.0.0.1", 9))
    os.close(os.open("/proc/self/stat", os.O_RDONLY))
    sum(range(200))


def measured():
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(200):
            work()
        best = min(best, time.perf_counter() - began)
    return best / REFERENCE


@functools.cache
def slowness():
    """1 on an ordinary machine, 10 on an emulated one; never less than 1."""
    said = os.environ.get("TCPWHY_SLOW")
    return max(1.0, float(said) if said else measured())


def limit(seconds):
    """The limit for something that takes less than `seconds` on a machine at rest."""
    return seconds * min(ENDLESS, max(GENEROUS, 2 * slowness()))


def eventually(question, seconds=1.0):
    """The first true answer, or the last one after limit(seconds)."""
    deadline = time.monotonic() + limit(seconds)
    while not (answer := question()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return answer


def settle(seconds):
    """The pause that is `seconds` on a machine at rest.  They are long already, and the kernel's timers do not wait: a slow one gets
    twice that at most."""
    return seconds * min(2.0, slowness())
