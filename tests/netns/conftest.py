"""Fixtures: one laboratory and one watcher for a whole module, a fresh port for every test.

Nothing is skipped silently: what is missing (root, ip, nft, the program) fails, and says so.
"""
import itertools
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import lab as laboratory        # noqa: E402
from expect import MATRIX         # noqa: E402
from watch import Watch         # noqa: E402

# Who runs several of these at a time gives each its own ports: a listener in another lab is in another namespace.
_ports = itertools.count(int(os.environ.get("TCPWHY_PORTS", 20000)), 10)


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes many seconds or much of the machine")
    config.addinivalue_line("markers", "one_of_each: the plain form of each cause, one test a cause")
    laboratory.close_on_signals()


def pytest_terminal_summary(terminalreporter):
    """The confusion matrix of this run: what was caused, and what was named.  Kept in $TCPWHY_MATRIX, if set."""
    if MATRIX.named and os.environ.get("TCPWHY_MATRIX"):
        MATRIX.save(os.environ["TCPWHY_MATRIX"])
    if MATRIX.named:
        terminalreporter.section("confusion matrix")
        for line in MATRIX.lines():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session", autouse=True)
def requirements():
    why = laboratory.missing_requirements()
    if why:
        pytest.fail("these tests cannot run here: " + "; ".join(why), pytrace=False)


@pytest.fixture(scope="module")
def lab(requirements):
    with laboratory.Lab() as made:
        yield made


@pytest.fixture
def port():
    """A listening port of the test's own (the nine after it are free too)."""
    return next(_ports)


class Keeper:
    """Keeps one Watch going for a module; when a test brings it down, the next gets a new one."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.watch = None

    def get(self):
        if self.watch is not None and not self.watch.running():
            self.watch.kill()
            self.watch = None
        if self.watch is None:
            self.watch = Watch(self.namespace)
        return self.watch

    def check(self):
        """After each test: still there, and nothing malformed so far."""
        if not self.watch.running():
            code = self.watch.process.wait(5)
            raise AssertionError(f"tcpwhy ended by itself, exit code {code}\n{self.watch.report()}")

    def close(self):
        if self.watch is None:
            return
        if self.watch.running():
            self.watch.stop()
        else:
            self.watch.kill()


@pytest.fixture(scope="module")
def server_keeper(lab):
    keeper = Keeper(lab.server)
    yield keeper
    keeper.close()


@pytest.fixture(scope="module")
def client_keeper(lab):
    keeper = Keeper(lab.client)
    yield keeper
    keeper.close()


@pytest.fixture
def watch(server_keeper):
    """tcpwhy on the server host."""
    yield server_keeper.get()
    server_keeper.check()


@pytest.fixture
def client_watch(client_keeper):
    """tcpwhy on the client host."""
    yield client_keeper.get()
    client_keeper.check()
