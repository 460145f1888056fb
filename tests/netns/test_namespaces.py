"""--netns: every network namespace of the host is watched, joined and left, and none is kept alive."""
import contextlib
import json
import os
import subprocess
import time

import pytest

import scenarios_kernel
from lab import Namespace, run
from pace import limit
from watch import Watch

pytestmark = pytest.mark.slow     # other laboratories beside it would be watched too

CONTAINER_ID = "ab" * 32
STATE = f"/var/lib/docker/containers/{CONTAINER_ID}"


@pytest.fixture(scope="module")
def host():
    """A namespace of its own to start from, so that its watcher has one more reason to go home."""
    made = Namespace("twns-home")
    made.ip("link set lo up")
    yield made
    run(["ip", "netns", "del", made.name])


@pytest.fixture
def wide_watch(host):
    with Watch(host, "--netns") as started:
        yield started


def refused_in(namespace, port):
    namespace.popen(["/usr/bin/python3", "-c", f"import socket; socket.create_connection(('127.0.0.1', {port}))"],
                    stderr=subprocess.DEVNULL).wait(10)


def test_a_named_namespace_is_watched(wide_watch, port):
    other = Namespace("twns-other")
    try:
        other.ip("link set lo up")
        wide_watch.wait_for(lambda l: l["type"] == "source" and "twns-other" in l["why"], 10, "the namespace")
        time.sleep(1)
        refused_in(other, port)
        line = wide_watch.await_attempt(lambda l: l["cause"] == "no-listener" and l["netns"] == "twns-other", port)
        assert line["confidence"] == "proved" and line["outcome"] == "refused"
        assert wide_watch.counters(port)["netns"] == "twns-other"
    finally:
        run(["ip", "netns", "del", other.name])
    wide_watch.wait_for(lambda l: l["type"] == "source" and "twns-other" not in l["why"], 10, "its end",
                        since=line.number)


def test_kernel_words_reach_the_right_namespace(wide_watch, port):
    """The same port in two namespaces: in one a rule drops, in the other nobody listens."""
    other = Namespace("twns-drop")
    try:
        other.ip("link set lo up")
        other.nft(f"table inet t {{ chain c {{ type filter hook input priority 0; tcp dport {port} drop; }}; }}")
        wide_watch.wait_for(lambda l: l["type"] == "source" and "twns-drop" in l["why"], 10, "the namespace")
        time.sleep(1)
        client = other.popen(["/usr/bin/python3", "-c", "import socket, sys\ns = socket.socket(); s.settimeout(3)\n"
                              f"s.connect_ex(('127.0.0.1', {port}))"])
        line = wide_watch.await_attempt(lambda l: l["outcome"] == "silent", port)
        client.wait(10)
        assert (line["netns"], line["cause"], line["confidence"]) == ("twns-drop", "firewall-drop", "proved"), line
        assert any("rule" in entry["text"] and "inet t c" in entry["text"] for entry in line["evidence"]), line
    finally:
        run(["ip", "netns", "del", other.name])


@pytest.fixture
def container():
    """A process in a namespace without a name, in Docker's control group, with Docker's state file."""
    undo = contextlib.ExitStack()
    group = scenarios_kernel.cgroup(undo, f"docker-{CONTAINER_ID}.scope")
    os.makedirs(STATE, exist_ok=True)
    with open(f"{STATE}/config.v2.json", "w") as file:
        json.dump({"ID": CONTAINER_ID, "Name": "/web"}, file)
    process = subprocess.Popen(["unshare", "--net", "sleep", "60"])
    with open(f"{group}/cgroup.procs", "w") as file:
        file.write(str(process.pid))
    yield process
    process.kill()
    process.wait()
    undo.close()
    os.remove(f"{STATE}/config.v2.json")
    os.removedirs(STATE)


def test_a_container_has_its_name(wide_watch, container):
    line = wide_watch.wait_for(lambda l: l["type"] == "source" and "web" in l["why"], 10, "the container")
    assert f"web ({CONTAINER_ID[:12]})" in line["why"]


def sizes(pids):
    """Descriptors, threads and private memory (kB) of some processes."""
    total = [0, 0, 0]
    for pid in pids:
        try:
            total[0] += len(os.listdir(f"/proc/{pid}/fd"))
            total[1] += len(os.listdir(f"/proc/{pid}/task"))
            with open(f"/proc/{pid}/status") as file:
                total[2] += sum(int(l.split()[1]) for l in file if l.startswith("RssAnon:"))
        except FileNotFoundError:
            pass
    return total


def settled(pids):
    """The least of each over two seconds: a poll holds a file of /proc open for a moment."""
    return [min(seen) for seen in zip(*(sizes(pids) for _ in range(20) if not time.sleep(0.1)))]


def links(host):
    return run(host.command("ip", "-o", "link"))


def test_two_hundred_come_and_go(host, wide_watch):
    """Each leaves a cable's end in `host`, which goes with the namespace: the kernel has freed it."""
    wide_watch.wait_ticks(2)
    before = settled(wide_watch.processes())
    for batch in range(20):
        made = [Namespace(f"twns-{batch}-{i}") for i in range(10)]
        for i, one in enumerate(made):
            host.ip(f"link add v{batch}x{i} type veth peer name eth0 netns {one.name}")
        time.sleep(1.5 if batch % 4 == 0 else 0.2)
        for one in made:
            os.close(one.fd)
            run(["ip", "netns", "del", one.name])
    deadline = time.monotonic() + limit(30)
    while time.monotonic() < deadline and " v" in links(host):
        time.sleep(0.5)
    assert " v" not in links(host), links(host)
    wide_watch.wait_ticks(2)
    after = settled(wide_watch.processes())
    print(f"descriptors, threads, kB of memory: before {before}, after {after}")
    assert after[0] <= before[0] and after[1] <= before[1]
    assert after[2] < before[2] + 2000
