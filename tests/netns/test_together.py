"""Two failures at the same time on two ports: the counters are one namespace's, and each port keeps its own cause."""
import socket
import threading

import pytest

import scenarios
import scenarios_ends
import scenarios_net
from expect import MATRIX, WANTED
from lab import SERVER4

PAIRS = [
    (scenarios.accept_queue_full, scenarios.firewall_drop),
    (scenarios.other_address, scenarios.udp_only),
    (scenarios.no_listener, scenarios.firewall_reset),
    (scenarios.loopback_only, scenarios.firewall_reject),
    (scenarios.abort_unread_data, scenarios.abort_linger),
    (scenarios_ends.process_died, scenarios_ends.queue_discarded),
    (scenarios_ends.keepalive_timeout, scenarios_ends.retransmit_timeout),
    (scenarios_ends.not_accepting, scenarios_ends.not_reading),
    (scenarios_ends.process_stopped, scenarios.accept_queue_full),
    (scenarios_net.tcp_md5, scenarios_net.min_ttl),
    (scenarios_net.reverse_path, scenarios.firewall_drop),
    (scenarios_net.no_route_back, scenarios_ends.syn_queue_full),
    (scenarios_net.bad_checksum, scenarios.firewall_drop),
    (scenarios_net.reply_lost, scenarios_ends.accept_queue_full_late),
]


def name_of(scenario):
    return scenario.__name__.replace("_", "-")


def run_both(lab, pair, ports):
    """Both at once; what each returned, or the first exception."""
    results, errors = {}, []

    def one(scenario, port):
        try:
            results[port] = scenario(lab, port)
        except BaseException as err:    # also LabError and AssertionError of the scenario, for the main thread
            errors.append(err)

    threads = [threading.Thread(target=one, args=item) for item in zip(pair, ports)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        for result in results.values():
            result["stop"]()
        raise errors[0]
    return results


def check(watch, port, want):
    """Named right, or left open with the right one among what it may be; and nothing wrong for sure."""
    def fits(line):
        return line["cause"] == want.cause or (line["confidence"] == "possible" and want.cause in line["alternatives"])

    watch.settled(fits, port, want.patience)
    for line in watch.failures(port):
        MATRIX.add(want.cause, line if line["cause"] not in want.beside else line | {"cause": want.cause})
        assert line["cause"] in want.beside or line["confidence"] == "possible", line


@pytest.mark.parametrize("pair", [pytest.param(p, id=f"{name_of(p[0])} and {name_of(p[1])}") for p in PAIRS])
def test_two_at_once(lab, watch, port, pair):
    ports = (port, port + 5)
    results = run_both(lab, pair, ports)
    try:
        for scenario, at in zip(pair, ports):
            check(watch, at, WANTED[name_of(scenario)])
    finally:
        for result in results.values():
            result["stop"]()


def test_a_scan_is_told_as_one(lab, watch):
    """Each of 1,000 ports once: no line says of one of them that it was dialled hundreds of times."""
    before = len(watch.lines)
    ports = range(1000, 2000)
    with lab.client:
        for port in ports:
            with socket.socket() as sock, pytest.raises(ConnectionRefusedError):
                sock.connect((SERVER4, port))
    watch.wait_ticks(4)
    lines = [l for l in watch.lines[before:] if l["type"] == "attempt" and l["outcome"] == "refused"]
    many = [l for l in lines if l["count"] > 1]
    assert many and all(l["port"] == l["port_low"] and l["ports"] == l["count"] for l in many), many
    assert all("ports of" in l["summary"] and ports[0] <= l["port_low"] < l["port_high"] <= ports[-1] for l in many), many
    assert sum(l["count"] for l in lines) >= len(ports)
    assert {l["confidence"] for l in lines} == {"proved"}, [l for l in lines if l["confidence"] != "proved"][:1]
