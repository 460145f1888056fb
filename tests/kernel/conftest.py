"""A laboratory for every test, and on failure the assumption that broke.

    pytest tests/kernel --assumptions       lists them all, and runs nothing
"""
import itertools
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "netns")]

import lab as laboratory                    # noqa: E402
from assume import assumption, catalogue    # noqa: E402
from ground import Ground                   # noqa: E402
from history import RELEASE                 # noqa: E402

_ports = itertools.count(20000)


def pytest_addoption(parser):
    parser.addoption("--assumptions", action="store_true", help="list what tests/kernel assumes, and run nothing")


def mine(item):
    return str(item.path).startswith(HERE + os.sep)


def pytest_collection_modifyitems(config, items):
    for item in filter(mine, items):
        item.assumption = assumption(item.function)
    if config.getoption("--assumptions"):
        show({item.nodeid.split("[")[0]: item.assumption for item in items if mine(item)})
        items.clear()


def show(assumptions):
    for node, what in assumptions.items():
        print(f"\n{node}\n    {what}")
    resting = {cause for what in assumptions.values() for cause in what.causes}
    print(f"\n{len(assumptions)} assumptions; on none of them rest: {', '.join(sorted(catalogue() - resting))}")


@pytest.hookimpl(hookwrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    """Put the assumption in front of what the assertion says."""
    outcome = yield
    if outcome.excinfo and mine(pyfuncitem) and isinstance(error := outcome.excinfo[1], AssertionError):
        error.args = (f"{pyfuncitem.assumption.broken()}\non Linux {RELEASE}\n{error}",)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed and mine(item) and not call.excinfo.errisinstance(AssertionError):
        report.sections.append(("not tested, so not known", str(item.assumption)))


@pytest.fixture(scope="session", autouse=True)
def requirements():
    why = laboratory.missing_requirements()
    if why:
        pytest.fail("these tests cannot run here: " + "; ".join(why), pytrace=False)


@pytest.fixture
def lab():
    with Ground() as made:
        yield made


@pytest.fixture
def port():
    return next(_ports)
