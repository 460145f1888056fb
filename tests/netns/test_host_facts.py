"""What the stream tells of the host itself: interfaces, settings, counters, and what has become of them."""
import time

from lab import SERVER4
from pace import limit
from watch import Watch


def told(watch, kind, name, value, timeout=12.0):
    """The host line of that kind and name with the value in it: it has to come within two looks, which are 5 s apart."""
    deadline = time.monotonic() + limit(timeout)
    while time.monotonic() < deadline:
        for line in list(watch.lines):
            if line["type"] == "host" and line["kind"] == kind and line["name"] == name and value in line["value"]:
                return line
        time.sleep(0.1)
    raise AssertionError(f"no {kind} {name} {value}\n" + watch.report())


def test_an_interface_comes_and_goes(lab):
    with Watch(lab.server) as watch:
        told(watch, "interface", "eth0", SERVER4)
        lab.server.ip("link add facts0 type veth peer name facts1", "link set facts1 up", "link set facts0 up")
        try:
            told(watch, "interface", "facts0", "up")
        finally:
            lab.server.ip("link del facts0")
        told(watch, "interface", "facts0", "gone")
        assert all(line["kind"] and line["name"] for line in watch.lines if line["type"] == "host")


def test_a_setting_changes(lab):
    before = lab.server.sysctl("net.ipv4.tcp_abort_on_overflow")
    with Watch(lab.server) as watch:
        told(watch, "sysctl", "net.ipv4.tcp_abort_on_overflow", before)
        try:
            lab.server.sysctl("net.ipv4.tcp_abort_on_overflow", "1")
            told(watch, "sysctl", "net.ipv4.tcp_abort_on_overflow", "1")
        finally:
            lab.server.sysctl("net.ipv4.tcp_abort_on_overflow", before)


def test_a_counter_moves_and_rules_are_counted(lab, port):
    with Watch(lab.server) as watch:
        told(watch, "firewall", "ruleset", "generation")
        lab.dial(SERVER4, port)
        assert told(watch, "counter", "TcpOutRsts", "+")["value"].startswith("+")
