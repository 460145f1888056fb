"""The same symptom from another cause: a wrong name is worse than an honest `possible`.

Each test makes something happen that looks like one cause of the catalogue and is another, or is
nothing at all, and then asserts which names the attempt may carry, and which it never may.
"""
import signal
import socket
import struct
import threading
import time

import pytest

import scenarios
from lab import CLIENT4, SERVER4, SERVER4_OTHER, SERVER6
from pace import eventually

LINGER_RESET = struct.pack("ii", 1, 0)


def causes_ever(watch, port):
    """Every cause that any line about the port ever carried, superseded lines included."""
    return {line["cause"] for line in watch.lines
            if line["type"] in ("attempt", "reset") and line["port"] == port}


def one_failure(watch, port, outcome, timeout=6.0):
    """The port's failed attempts have settled: the first of them."""
    watch.settled(lambda l: l["type"] == "attempt" and l["outcome"] == outcome, port, timeout)
    return watch.failures(port)[0]


def assert_accepted(watch, port, at_least=1):
    """Only clean acceptances on the port."""
    watch.settled(lambda l: l["type"] == "attempt" and l["outcome"] == "accepted", port)
    assert watch.failures(port) == []
    assert sum(line["count"] for line in watch.attempts(port)) >= at_least


# Where it listens

def test_firewall_reset_in_front_of_a_healthy_listener(lab, watch, port):
    result = scenarios.firewall_reset(lab, port)
    line = one_failure(watch, port, "refused")
    assert line["cause"] == "firewall-reset"
    assert "no-listener" not in causes_ever(watch, port)
    result["stop"]()


def test_firewall_reset_without_a_listener(lab, watch, port):
    """Both are true, but the listener's absence is not what this client met."""
    result = scenarios.firewall_reset(lab, port, listener=False)
    line = one_failure(watch, port, "refused")
    assert line["cause"] == "firewall-reset" or line["confidence"] == "possible", line
    result["stop"]()


def test_firewall_rules_elsewhere_blame_no_firewall(lab, watch, port):
    """Rules for other ports, and a counting rule for this one, do not make a refusal a firewall's."""
    undo = [lab.rule("in", f"tcp dport {port + 1} counter reject with tcp reset"),
            lab.rule("in", f"tcp dport {port + 2} counter drop"),
            lab.rule("in", f"tcp dport {port} counter")]
    scenarios.no_listener(lab, port)
    line = one_failure(watch, port, "refused")
    assert (line["cause"], line["confidence"]) == ("no-listener", "proved")
    assert causes_ever(watch, port) == {"no-listener"}
    for remove in undo:
        remove()


def test_loopback_and_another_address_both(lab, watch, port):
    """127.0.0.1 and 10.77.0.3 listen; who dials 10.77.0.1 meets neither."""
    servers = [lab.serve(port, "127.0.0.1"), lab.serve(port, SERVER4_OTHER)]
    seen = {"127.0.0.1", SERVER4_OTHER}     # or it may have been too early
    eventually(lambda: seen <= {line["addr"] for line in watch.lines if line["type"] == "listener" and line["port"] == port}, 2)
    assert lab.dial(SERVER4, port).errno == "ECONNREFUSED"
    assert lab.dial(SERVER4_OTHER, port).errno == "none"
    line = one_failure(watch, port, "refused")
    assert line["cause"] in ("other-address", "loopback-only"), line
    assert line["addr"] == SERVER4
    for server in servers:
        server.stop()


@pytest.mark.parametrize("bound,dialled,cause", [
    ("::1", SERVER4, {"loopback-only"}),
    ("127.0.0.1", SERVER6, {"loopback-only", "ipv4-only"}),
    (SERVER6, SERVER4, {"other-address", "ipv6-only"}),
    (SERVER4_OTHER, SERVER4, {"other-address"}),
    (SERVER4_OTHER, SERVER6, {"other-address", "ipv4-only"}),
    ("127.0.0.2", SERVER4, {"loopback-only"}),
])
def test_address_or_family(lab, watch, port, bound, dialled, cause):
    server = lab.serve(port, bound)
    assert lab.dial(dialled, port).errno == "ECONNREFUSED"
    line = one_failure(watch, port, "refused")
    assert line["cause"] in cause and line["confidence"] == "proved", line
    assert causes_ever(watch, port) <= cause
    server.stop()


def test_dual_stack_serves_both_families(lab, watch, port):
    server = lab.serve(port, "::", v6only=False)
    assert lab.request(SERVER4, port)[0] == lab.request(SERVER6, port)[0] == "none"
    assert_accepted(watch, port, at_least=2)
    server.stop()


def test_two_listeners_one_a_family(lab, watch, port):
    """0.0.0.0 beside a v6only [::]: neither family is refused."""
    servers = [lab.serve(port, "0.0.0.0"), lab.serve(port, "::", v6only=True)]
    assert lab.request(SERVER4, port)[0] == lab.request(SERVER6, port)[0] == "none"
    assert_accepted(watch, port, at_least=2)
    for server in servers:
        server.stop()


def test_bound_to_the_right_device(lab, watch, port):
    server = lab.serve(port, "0.0.0.0", device="eth0")
    assert lab.request(SERVER4, port)[0] == "none"
    assert_accepted(watch, port)
    server.stop()


def test_bound_to_lo_by_device(lab, watch, port):
    """Neither the address nor the family is wrong, only the device."""
    server = lab.serve(port, "0.0.0.0", device="lo")
    assert lab.dial(SERVER4, port).errno == "ECONNREFUSED"
    line = one_failure(watch, port, "refused")
    assert line["cause"] in ("other-device", "loopback-only"), line
    server.stop()


def test_bound_beside_a_listener(lab, watch, port):
    """A socket bound to another address without listening explains nothing: the loopback listener does."""
    servers = [lab.serve(port, "127.0.0.1"), lab.serve(port, SERVER4_OTHER, mode="bound")]
    assert lab.dial(SERVER4, port).errno == "ECONNREFUSED"
    line = one_failure(watch, port, "refused")
    assert line["cause"] == "loopback-only", line
    for server in servers:
        server.stop()


def test_udp_and_tcp_both(lab, watch, port):
    servers = [lab.serve(port, "0.0.0.0", mode="udp"), lab.serve(port, "0.0.0.0")]
    assert lab.request(SERVER4, port)[0] == "none"
    assert_accepted(watch, port)
    for server in servers:
        server.stop()


def test_udp_beside_tcp_on_loopback(lab, watch, port):
    servers = [lab.serve(port, "0.0.0.0", mode="udp"), lab.serve(port, "127.0.0.1")]
    assert lab.dial(SERVER4, port).errno == "ECONNREFUSED"
    line = one_failure(watch, port, "refused")
    assert line["cause"] == "loopback-only", line
    for server in servers:
        server.stop()


def test_outgoing_connection_to_the_same_port_number(lab, watch, port):
    """The host is connected *to* port N elsewhere; nobody's local end is N, so it is just closed.

    The other host of the lab is a namespace of this machine, and listens there.
    """
    far = lab.serve(port, CLIENT4, host=lab.client)
    near = lab.serve(port + 1, SERVER4, mode="connect", to=[CLIENT4, port])
    assert lab.dial(SERVER4, port).errno == "ECONNREFUSED"
    line = watch.settled(lambda l: l["outcome"] == "refused" and l["dir"] == "in", port)
    assert line["cause"] in ("no-listener", "other-namespace"), line
    near.stop()
    far.stop()


def test_accepted_connections_are_no_outgoing_port(lab, watch, port):
    """Connections that a listener accepted outlive it; they share its port and are not outgoing."""
    server = lab.serve(port)
    held = lab.dial(SERVER4, port, keep=True)
    time.sleep(scenarios.SETTLE)
    server.close_listener()
    assert lab.dial(SERVER4, port).errno == "ECONNREFUSED"
    line = one_failure(watch, port, "refused")
    assert line["cause"] in ("listener-gone", "no-listener"), line
    assert "outgoing-port" not in causes_ever(watch, port)
    held.close()
    server.stop()


# When it listens

def test_listener_on_the_next_port_comes_up(lab, watch, port):
    """Something comes up 300 ms later, but on another port: nobody was too early here."""
    server = lab.serve(port + 1, standby=True)
    scenarios.no_listener(lab, port)
    time.sleep(0.3)
    server.listen()
    line = one_failure(watch, port, "refused")
    assert line["cause"] == "no-listener"
    assert "too-early" not in causes_ever(watch, port)
    server.stop()


def test_listener_on_loopback_comes_up(lab, watch, port):
    """It comes up where this client still cannot reach it: waiting would not have helped."""
    server = lab.serve(port, "127.0.0.1", standby=True)
    scenarios.no_listener(lab, port)
    time.sleep(0.3)
    server.listen()
    line = one_failure(watch, port, "refused")
    assert line["cause"] in ("no-listener", "loopback-only"), line
    assert "too-early" not in causes_ever(watch, port)
    server.stop()


def test_restarting_is_not_too_early(lab, watch, port):
    result = scenarios.restarting(lab, port)
    line = watch.settled(lambda l: l["cause"] == "restarting", port)
    assert line["outcome"] == "refused"
    assert not {"too-early", "loopback-only"} & causes_ever(watch, port)
    result["stop"]()


@pytest.mark.parametrize("gap", [0.3, 2])
def test_reopened_by_the_same_process_is_not_restarting(lab, watch, port, gap):
    result = scenarios.reopened(lab, port, gap)
    line = watch.settled(lambda l: l["cause"] == "listener-gone" and "opened it again" in l["summary"], port)
    assert line["outcome"] == "refused"
    assert not {"too-early", "restarting"} & causes_ever(watch, port)
    result["stop"]()


def test_gone_for_good_is_not_restarting(lab, watch, port):
    result = scenarios.listener_gone(lab, port)
    line = one_failure(watch, port, "refused")
    assert line["cause"] == "listener-gone"
    assert not {"too-early", "restarting"} & causes_ever(watch, port)
    result["stop"]()


def test_never_there_is_not_gone(lab, watch, port):
    """A listener on loopback went away; on the dialled address there never was one."""
    server = lab.serve(port, "127.0.0.1")
    time.sleep(scenarios.SETTLE)
    server.kill()
    time.sleep(0.1)
    assert lab.dial(SERVER4, port).errno == "ECONNREFUSED"
    line = one_failure(watch, port, "refused")
    assert line["cause"] in ("no-listener", "listener-gone", "loopback-only"), line
    assert "restarting" not in causes_ever(watch, port)


def test_refused_before_and_accepted_after_a_restart_elsewhere(lab, watch, port):
    """One of two listeners restarts; the other serves all the time, so nobody is refused."""
    servers = [lab.serve(port, SERVER4), lab.serve(port, SERVER4_OTHER)]
    time.sleep(scenarios.SETTLE)
    servers[1].kill()
    assert lab.request(SERVER4, port)[0] == "none"
    assert_accepted(watch, port)
    servers[0].stop()


# Queues and silence

def test_slow_accept_is_not_a_full_queue(lab, watch, port):
    """Twenty clients wait for one slow accept loop; the queue has room, so all are served."""
    server = lab.serve(port, accept_pause=0.05)
    held = [lab.dial(SERVER4, port, keep=True) for _ in range(20)]
    assert all(h.errno == "none" for h in held)
    time.sleep(1.2)
    for client in held:
        client.close()
    assert_accepted(watch, port, at_least=20)
    assert "accept-queue-full" not in causes_ever(watch, port)
    server.stop()


def test_drop_here_and_full_queue_there(lab, watch, port):
    """Two silences at once, on two ports: each keeps its own cause."""
    results = {}
    threads = [threading.Thread(target=lambda: results.update(drop=scenarios.firewall_drop(lab, port))),
               threading.Thread(target=lambda: results.update(full=scenarios.accept_queue_full(lab, port + 1)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    full = watch.settled(lambda l: l["outcome"] == "silent", port + 1, 12)
    drop = watch.settled(lambda l: l["outcome"] == "silent", port, 12)
    assert (full["cause"], full["confidence"]) == ("accept-queue-full", "proved")
    assert drop["cause"] != "accept-queue-full"
    assert not {"firewall-drop"} & causes_ever(watch, port + 1)
    assert not {"accept-queue-full"} & causes_ever(watch, port)
    for result in results.values():
        result["stop"]()


def test_drop_in_front_of_a_full_queue(lab, watch, port):
    """The queue is full, but the firewall takes the SYN first: the queue proves nothing here."""
    server, stop = scenarios.fill_accept_queue(lab, port)
    remove = lab.rule("in", f"tcp dport {port} tcp flags & (syn | ack) == syn counter drop")
    before = lab.server.counters()
    assert lab.dial(SERVER4, port, timeout=scenarios.PATIENCE).errno == "ETIMEDOUT"
    assert lab.server.counters()["TcpExtListenOverflows"] == before["TcpExtListenOverflows"]
    line = watch.settled(lambda l: l["outcome"] == "silent", port, 12)
    assert line["cause"] != "accept-queue-full" or line["confidence"] != "proved", line
    remove()
    stop()


def test_full_queue_that_drains_in_time(lab, watch, port):
    """The first SYN meets a full queue, its retransmission an empty place: slow, but accepted.

    Without cookies: with them, a client whose final ACK is dropped believes that it is connected, and
    the server knows nothing of it.
    """
    before = lab.server.sysctl("net.ipv4.tcp_syncookies", 0)
    server = lab.serve(port, backlog=0, accept_pause=0.6)
    held = []
    threads = [threading.Thread(target=lambda: held.append(lab.dial(SERVER4, port, timeout=7, keep=True)))
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [h.errno for h in held] == ["none"] * 4 and max(h.ms for h in held) > 900
    watch.wait_ticks(4)
    assert not [line for line in watch.attempts(port) if line["outcome"] != "accepted"]
    for client in held:
        client.close()
    server.stop()
    lab.server.sysctl("net.ipv4.tcp_syncookies", before)


def test_stopped_process(lab, watch, port):
    """SIGSTOP fills the queue as well; that the process is stopped is the better answer."""
    server = lab.serve(port, backlog=0)
    server.signal(signal.SIGSTOP)
    waiting = [lab.dial(SERVER4, port, keep=True)]
    while (got := lab.dial(SERVER4, port, timeout=scenarios.PATIENCE, keep=True)).errno == "none":
        waiting.append(got)
        assert len(waiting) < 5
    line = watch.settled(lambda l: l["outcome"] == "silent", port, 12)
    assert line["cause"] in ("process-stopped", "accept-queue-full"), line
    server.signal(signal.SIGCONT)
    for client in waiting:
        client.close()
    server.stop()


def test_strict_reverse_path_is_no_proved_firewall(lab, watch, port):
    """A source that the server would answer over another cable: strict rp_filter drops its SYN."""
    lab.add_second_link()
    server = lab.serve(port)
    lab.client.ip("address add 10.79.0.9/32 dev lo")
    lab.server.ip("route add 10.79.0.0/24 via 10.78.0.2 dev eth1")
    old = lab.server.sysctl("net.ipv4.conf.eth0.rp_filter", 1)
    before = lab.server.counters()["TcpExtIPReversePathFilter"]
    try:
        got = lab.dial(SERVER4, port, timeout=scenarios.PATIENCE, source=("10.79.0.9", 0))
        assert got.errno == "ETIMEDOUT"
        assert lab.server.counters()["TcpExtIPReversePathFilter"] >= before + 3
        line = watch.settled(lambda l: l["outcome"] == "silent", port, 12)
    finally:
        lab.server.sysctl("net.ipv4.conf.eth0.rp_filter", old)
        lab.server.ip("route del 10.79.0.0/24")
        lab.client.ip("address del 10.79.0.9/32 dev lo")
    assert line["cause"] != "accept-queue-full"
    assert line["cause"] != "firewall-drop" or line["confidence"] != "proved", line
    assert line["cause"] == "reverse-path" or "reverse-path" in line.get("alternatives", ()), line
    server.stop()


def test_no_route_back_is_no_full_queue_and_no_firewall(lab, watch, port):
    """ListenDrops rises here too; the queue is empty."""
    server = lab.serve(port)
    lab.client.ip("address add 10.80.0.9/32 dev lo")
    lab.server.ip("route add blackhole 10.80.0.9/32")
    try:
        got = lab.dial(SERVER4, port, timeout=scenarios.PATIENCE, source=("10.80.0.9", 0))
        assert got.errno == "ETIMEDOUT"
        line = watch.settled(lambda l: l["outcome"] == "silent", port, 12)
    finally:
        lab.server.ip("route del blackhole 10.80.0.9/32")
        lab.client.ip("address del 10.80.0.9/32 dev lo")
    assert line["cause"] != "accept-queue-full"
    assert line["cause"] != "firewall-drop" or line["confidence"] != "proved", line
    server.stop()


def test_dropped_reply_is_not_a_dropped_syn(lab, watch, port):
    """The SYN came in and was answered; the answer dies in our own output chain."""
    server = lab.serve(port, syn_retries=1)
    remove = lab.rule("out", f"tcp sport {port} counter drop")
    assert lab.dial(SERVER4, port, timeout=scenarios.PATIENCE).errno == "ETIMEDOUT"
    line = watch.settled(lambda l: l["outcome"] in ("silent", "unfinished"), port, 12)
    assert line["cause"] != "accept-queue-full"
    assert line["cause"] != "firewall-drop" or line["confidence"] == "possible", line
    remove()
    server.stop()


def test_conntrack_invalid_rule_beside_a_full_queue(lab, watch, port):
    """A stateful ruleset whose drop counters move, for strays, is not why this SYN got no answer."""
    remove = lab.rule("in", f"tcp dport {port}-{port + 5} ct state invalid counter drop")
    lab.send_syn(SERVER4, port + 1, lab.spare_port(), flags=0x10)      # a stray ACK
    result = scenarios.accept_queue_full(lab, port)
    line = watch.settled(lambda l: l["outcome"] == "silent", port, 12)
    assert line["cause"] == "accept-queue-full", line
    assert "firewall-drop" not in causes_ever(watch, port)
    remove()
    result["stop"]()


def test_lost_reply_is_not_a_silent_peer(lab, watch, port):
    """A real client whose own side loses our SYN-ACK sends its SYN again: it is there."""
    server = lab.serve(port, syn_retries=1)
    remove = lab.rule("in", f"tcp sport {port} counter drop", host=lab.client)
    assert lab.dial(SERVER4, port, timeout=scenarios.PATIENCE).errno == "ETIMEDOUT"
    line = watch.settled(lambda l: l["outcome"] == "unfinished", port, 15)
    assert line["cause"] != "peer-silent", line
    assert not {"firewall-drop", "accept-queue-full"} & causes_ever(watch, port)
    remove()
    server.stop()


# The peer

def test_connect_and_linger_reset_is_no_half_open_scan(lab, watch, port):
    """The client completes the connection and aborts it: accepted, and then reset by the peer."""
    server = lab.serve(port, mode="wait-for-eof")
    client = lab.dial(SERVER4, port, keep=True)
    client.sock.sendall(b"x")
    time.sleep(0.1)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
    client.close()
    watch.await_attempt(lambda l: True, port)
    watch.wait_ticks(2)
    lines = watch.attempts(port)
    assert not [l for l in lines if l["type"] == "attempt" and l["outcome"] != "accepted"], lines
    assert "peer-reset" not in causes_ever(watch, port)
    for line in watch.attempts(port, kinds=["reset"]):
        assert (line["by"], line["cause"]) == ("peer", "peer-closed-abruptly"), line
    server.stop()


def test_connect_and_reset_at_once_is_no_half_open_scan(lab, watch, port):
    """Not even one byte: SYN, SYN-ACK, ACK, RST within a millisecond, as some health checks do."""
    server = lab.serve(port, mode="wait-for-eof")
    client = lab.dial(SERVER4, port, keep=True)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
    client.close()
    watch.await_attempt(lambda l: True, port)
    watch.wait_ticks(2)
    lines = watch.attempts(port)
    assert not [l for l in lines if l["type"] == "attempt" and l["outcome"] != "accepted"], lines
    assert "peer-reset" not in causes_ever(watch, port)
    server.stop()


def test_half_open_scan_is_no_refusal_of_ours(lab, watch, port):
    result = scenarios.peer_reset(lab, port)
    line = one_failure(watch, port, "cancelled")
    assert line["cause"] == "peer-reset"
    assert causes_ever(watch, port) == {"peer-reset"}
    assert watch.attempts(port, kinds=["reset"]) == []
    result["stop"]()


# The application

def test_normal_exchange_is_not_closed_early(lab, watch, port):
    """HTTP/1.0: the server answers, and closes first."""
    server = lab.serve(port, mode="answer-and-close")
    for _ in range(5):
        assert lab.request(SERVER4, port)[1].startswith(b"HTTP/1.0 200")
    assert_accepted(watch, port, at_least=5)
    assert "closed-early" not in causes_ever(watch, port)
    server.stop()


def test_client_closing_first_is_not_closed_early(lab, watch, port):
    """The client connects, says nothing or something, and leaves; the server follows."""
    server = lab.serve(port, mode="wait-for-eof")
    for said in (b"", b"bye"):
        client = lab.dial(SERVER4, port, keep=True)
        if said:
            client.sock.sendall(said)
        client.close()
    assert_accepted(watch, port, at_least=2)
    assert "closed-early" not in causes_ever(watch, port)
    server.stop()


def test_banner_then_close_is_not_closed_early(lab, watch, port):
    """daytime-like: the server answers although nobody asked, and closes."""
    listener = lab.server.socket()
    lab.on_exit(listener.close)
    listener.bind((SERVER4, port))
    listener.listen(8)

    def serve():
        conn, _ = listener.accept()
        conn.sendall(b"it is noon\r\n")
        conn.close()
    thread = threading.Thread(target=serve)
    thread.start()
    client = lab.dial(SERVER4, port, keep=True)
    assert client.sock.recv(100) == b"it is noon\r\n" and client.sock.recv(100) == b""
    client.close()
    thread.join()
    assert_accepted(watch, port)
    listener.close()


def test_unread_data_is_not_linger(lab, watch, port):
    result = scenarios.abort_unread_data(lab, port)
    line = watch.settled(lambda l: l["type"] == "reset", port)
    assert line["cause"] == "abort-unread-data"
    assert "abort-linger" not in causes_ever(watch, port)
    result["stop"]()


def test_linger_is_not_unread_data(lab, watch, port):
    result = scenarios.abort_linger(lab, port)
    line = watch.settled(lambda l: l["type"] == "reset", port)
    assert line["cause"] == "abort-linger"
    assert "abort-unread-data" not in causes_ever(watch, port)
    result["stop"]()


def test_killed_process_with_unread_data(lab, watch, port):
    """The kernel's word is the same as for close() with unread data; the listener went with it."""
    server = lab.serve(port, mode="keep-unread")
    time.sleep(scenarios.SETTLE)
    client = lab.dial(SERVER4, port, keep=True)
    client.sock.sendall(b"read me")
    time.sleep(0.2)
    server.kill()
    with pytest.raises(ConnectionResetError):
        client.sock.recv(10)
    client.close()
    line = watch.settled(lambda l: l["type"] == "reset", port)
    assert line["cause"] in ("process-died", "abort-unread-data"), line
    assert line["by"] == "host"
    assert "abort-linger" not in causes_ever(watch, port)


def test_sending_after_the_servers_close(lab, watch, port):
    """The server closed in peace; what the client sends later draws the RST, not an abort."""
    server = lab.serve(port, mode="answer-and-close")
    listener = lab.server.socket()
    lab.on_exit(listener.close)
    listener.bind((SERVER4, port + 1))
    listener.listen(8)
    client = lab.dial(SERVER4, port + 1, keep=True)
    conn, _ = listener.accept()
    client.sock.sendall(b"question")
    conn.recv(100)
    conn.sendall(b"answer")
    conn.close()
    assert client.sock.recv(100) == b"answer"
    time.sleep(0.1)
    client.sock.sendall(b"more")
    time.sleep(0.2)
    client.close()
    watch.await_attempt(lambda l: True, port + 1)
    watch.wait_ticks(2)
    assert not {"abort-linger", "abort-unread-data", "closed-early"} & causes_ever(watch, port + 1)
    for line in watch.attempts(port + 1, kinds=["reset"]):
        assert line["cause"] in ("sent-after-close", "unknown"), line
    server.stop()
    listener.close()


# This host as the client

def test_no_remote_claim_for_a_healthy_server(lab, client_watch, port):
    server = lab.serve(port)
    assert lab.request(SERVER4, port)[0] == "none"
    client_watch.wait_ticks(2)
    assert client_watch.failures(port) == []
    server.stop()


def test_own_firewall_is_not_the_remote(lab, client_watch, port):
    """The client's own output chain rejects: no packet leaves, so nothing remote can be blamed."""
    remove = lab.rule("out", f"tcp dport {port} reject with icmp type admin-prohibited", host=lab.client)
    got = lab.dial(SERVER4, port)
    assert got.errno != "none"
    client_watch.wait_ticks(3)
    remote = [l for l in client_watch.failures(port)
              if l["confidence"] == "proved" and l["cause"] in ("remote-refused", "remote-silent")]
    assert remote == []
    remove()


# Text from outside

def test_hostile_process_name_is_shown_harmless(lab, watch, port):
    """Escape sequences, a bidi override and bytes that are no UTF-8 in the owner's name."""
    server = lab.serve(port, "127.0.0.1", comm="\x1b[31m\xe2\x80\xae\xffx\n\"\\")
    assert lab.dial(SERVER4, port).errno == "ECONNREFUSED"
    line = one_failure(watch, port, "refused")
    assert line["cause"] == "loopback-only"
    watch.check_form()
    server.stop()


def test_a_withheld_rejection_is_no_drop(lab, watch, port):
    """The rule rejects, and the kernel sends no more ICMP errors to this peer: the rule that is named says reject."""
    result = scenarios.firewall_reject_withheld(lab, port)
    line = watch.settled(lambda l: l["outcome"] == "silent" and l["cause"] != "unknown", port, 12)
    assert (line["cause"], line["confidence"]) == ("firewall-reject", "proved"), line
    assert "withheld by the kernel's rate limit" in line["summary"] and "reject" in line["summary"], line
    assert "firewall-drop" not in causes_ever(watch, port)
    result["stop"]()
