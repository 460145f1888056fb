"""Every cause of the catalogue that the tests cover, made to happen for real.

Each function takes a Lab and a port of the caller's choice, causes one failure, asserts what the
*client* saw, and returns what was used:

    peer, addr, port    who dialled, and what
    dir                 "in", or "out" when this host is the client
    client_errno        what the client's connect() or recv() really got
    evidence            strings, one of which any proof of this cause has to contain
    stop                call it to take the server or firewall rule away before the lab ends
    refused_at          time.time() of the refusal, where there is one
    ...                 and whatever else the scenario knows (bound, pid, comm, came_up_after_ms)

No scenario looks at the program under test, so each also serves as a demonstration by itself.
"""
import os
import time

from lab import CLIENT4, CLIENT6, SERVER4, SERVER4_OTHER, SERVER6

SETTLE = 1.7        # how long a listener must be up before its going away is history, in seconds
# A client that waits so long sends three SYNs: at 0, 1 and 2 s, before Linux 6.5 at 0, 1 and 3 s (tcp_syn_linear_timeouts).
PATIENCE = 2.3 if os.path.exists("/proc/sys/net/ipv4/tcp_syn_linear_timeouts") else 3.3


def used(addr, port, got, **more):
    return dict(peer=CLIENT6 if ":" in addr else CLIENT4, addr=addr, port=port, dir="in",
                client_errno=got, stop=lambda: None, evidence=[str(port)]) | more


def refused(lab, addr, port, **more):
    got = lab.dial(addr, port)
    assert got.errno == "ECONNREFUSED", got
    assert got.ms < 500, f"not at once: {got}"
    return used(addr, port, got.errno, refused_at=got.at) | more


def by_server(server, *concrete, **more):
    return dict(pid=server.pid, comm=server.comm, stop=server.stop,
                evidence=[*concrete] or [str(server.pid), server.comm], **more)


# Nobody at the door

def no_listener(lab, port, family=4):
    return refused(lab, SERVER6 if family == 6 else SERVER4, port)


def loopback_only(lab, port, family=4):
    addr, bound = (SERVER6, "::1") if family == 6 else (SERVER4, "127.0.0.1")
    server = lab.serve(port, bound, comm="demo-api")
    return refused(lab, addr, port, bound=bound, **by_server(server, bound))


def other_address(lab, port):
    server = lab.serve(port, SERVER4_OTHER)
    return refused(lab, SERVER4, port, bound=SERVER4_OTHER, **by_server(server, SERVER4_OTHER))


def ipv6_only(lab, port):
    server = lab.serve(port, "::", v6only=True)
    return refused(lab, SERVER4, port, bound="::", **by_server(server, "[::]", "::", "IPv6"))


def ipv4_only(lab, port):
    server = lab.serve(port, "0.0.0.0")
    return refused(lab, SERVER6, port, bound="0.0.0.0", **by_server(server, "0.0.0.0", "IPv4"))


def other_device(lab, port):
    lab.add_second_link()
    server = lab.serve(port, "0.0.0.0", device="eth1")
    return refused(lab, SERVER4, port, device="eth1", **by_server(server, "eth1"))


def not_listening(lab, port):
    server = lab.serve(port, "0.0.0.0", mode="bound")
    return refused(lab, SERVER4, port, **by_server(server))


def udp_only(lab, port):
    server = lab.serve(port, "0.0.0.0", mode="udp")
    return refused(lab, SERVER4, port, **by_server(server, "UDP", "udp"))


def outgoing_port(lab, port):
    """The dialled port is only the near end of a connection that the server host itself opened."""
    far = lab.serve(port + 1, CLIENT4, host=lab.client)
    near = lab.serve(port, SERVER4, mode="connect", to=[CLIENT4, port + 1])
    return refused(lab, SERVER4, port, **by_server(near, f"{CLIENT4}:{port + 1}", str(near.pid), near.comm)
                   | dict(stop=lambda: (near.stop(), far.stop())))


def too_early(lab, port, after=0.3):
    server = lab.serve(port, standby=True)
    result = refused(lab, SERVER4, port)
    time.sleep(max(0, result["refused_at"] + after - time.time()))
    server.listen()
    late = (time.time() - result["refused_at"]) * 1000
    assert lab.dial(SERVER4, port).errno == "none"
    return result | by_server(server, "ms") | dict(came_up_after_ms=late)


def too_early_retrying(lab, port, pause=0.5, tries=6):
    """A client that tries again and again; the listener comes up half a pause after its last try."""
    server = lab.serve(port, standby=True)
    for _ in range(tries):
        started = time.time()
        result = refused(lab, SERVER4, port)
        time.sleep(max(0, started + pause - time.time()))
    server.listen()
    late = (time.time() - result["refused_at"]) * 1000
    assert lab.dial(SERVER4, port).errno == "none"
    return result | by_server(server, "ms") | dict(came_up_after_ms=late, refusals=tries)


def reopened(lab, port, gap=0.3):
    """No restart: the same process closes its listener and opens it again, and a client comes in between."""
    server = lab.serve(port)
    time.sleep(SETTLE)
    server.close_listener()
    time.sleep(0.05)
    result = refused(lab, SERVER4, port)
    time.sleep(max(0, result["refused_at"] + gap - time.time()))
    server.listen()
    late = (time.time() - result["refused_at"]) * 1000
    assert lab.dial(SERVER4, port).errno == "none"
    return result | by_server(server, "ms", str(server.pid), server.comm) | dict(came_up_after_ms=late)


def restarting(lab, port, gap=0.3):
    """As a supervisor does it: one process is killed, another takes its place."""
    old = lab.serve(port)
    new = lab.serve(port, standby=True)
    time.sleep(SETTLE)
    old.kill()
    result = refused(lab, SERVER4, port)
    time.sleep(max(0, result["refused_at"] + gap - time.time()))
    new.listen()
    late = (time.time() - result["refused_at"]) * 1000
    assert lab.dial(SERVER4, port).errno == "none"
    return result | by_server(new, "ms", str(old.pid), str(new.pid)) | dict(came_up_after_ms=late, old_pid=old.pid)


def listener_gone(lab, port):
    server = lab.serve(port, comm="demo-oneshot")
    time.sleep(SETTLE)
    server.kill()
    time.sleep(0.1)
    return refused(lab, SERVER4, port, **by_server(server))


# Full queues

def fill_accept_queue(lab, port, backlog=0, **more):
    """A listener that never accepts, its accept queue full: the kernel lets in one over the limit."""
    server = lab.serve(port, mode="hold", backlog=backlog, **more)
    waiting = [lab.dial(SERVER4, port, keep=True) for _ in range(backlog + 1)]
    assert all(w.errno == "none" for w in waiting), waiting

    def stop():
        server.stop()
        for client in waiting:
            client.close()
    lab.on_exit(stop)
    return server, stop


def accept_queue_full(lab, port, backlog=0):
    server, stop = fill_accept_queue(lab, port, backlog, comm="demo-stuck")
    got = lab.dial(SERVER4, port, timeout=PATIENCE)
    assert got.errno == "ETIMEDOUT", got
    return used(SERVER4, port, got.errno, **by_server(server, f"{backlog + 1}/{backlog}", f"{backlog}", "queue")
                | dict(stop=stop, queue_max=backlog))


# The firewall

def firewall_reject(lab, port, family=4, with_what="port-unreachable", expect="ECONNREFUSED",
                    listener=True, chain="in", match=""):
    """A rule answers the SYN with an ICMP error although somebody listens.

    Over a veth pair the error comes back while connect() still holds the socket (LockDroppedIcmps):
    IPv4 remembers it and fails at once, IPv6 only when the next SYN, a second later, draws another.
    """
    addr, icmp = (SERVER6, "icmpv6") if family == 6 else (SERVER4, "icmp")
    server = lab.serve(port, "::" if family == 6 else "0.0.0.0") if listener else None
    remove = lab.rule(chain, f"tcp dport {port} {match} counter reject with {icmp} type {with_what}")
    got = lab.dial(addr, port)
    assert got.errno == expect and got.ms < (1500 if family == 6 else 500), got

    def stop():
        remove()
        if server:
            server.stop()
    return used(addr, port, got.errno, refused_at=got.at, stop=stop, evidence=["ICMP", "icmp", "unreach", "prohib"])


def firewall_reject_withheld(lab, port):
    """The kernel sends few ICMP errors to one peer (icmp_ratelimit): a rejected client that tries often hears nothing."""
    server = lab.serve(port)
    remove = lab.rule("in", f"tcp dport {port} counter reject")
    before = lab.server.sysctl("net.ipv4.icmp_ratelimit", 60000)
    try:
        for _ in range(10):    # the first six are answered (XRLIM_BURST_FACTOR, net/ipv4/icmp.c)
            if lab.dial(SERVER4, port, timeout=0.3).errno == "ETIMEDOUT":
                break
        result = used(SERVER4, port, lab.dial(SERVER4, port).errno)
        assert result["client_errno"] == "ETIMEDOUT", result
    finally:
        lab.server.sysctl("net.ipv4.icmp_ratelimit", before)
    return result | by_server(server, "reject", f"tcp dport {port}") | dict(stop=lambda: (remove(), server.stop()))


def firewall_reset(lab, port, family=4, listener=True):
    addr = SERVER6 if family == 6 else SERVER4
    server = lab.serve(port, "::" if family == 6 else "0.0.0.0") if listener else None
    remove = lab.rule("in", f"tcp dport {port} counter reject with tcp reset")

    def stop():
        remove()
        if server:
            server.stop()
    return refused(lab, addr, port, stop=stop, evidence=["RST", "reset", "firewall", "netfilter"])


def firewall_drop(lab, port, family=4, listener=True, counter=True):
    addr = SERVER6 if family == 6 else SERVER4
    server = lab.serve(port, "::" if family == 6 else "0.0.0.0") if listener else None
    remove = lab.rule("in", f"tcp dport {port} {'counter' if counter else ''} drop")
    got = lab.dial(addr, port, timeout=PATIENCE)
    assert got.errno == "ETIMEDOUT", got

    def stop():
        remove()
        if server:
            server.stop()
    return used(addr, port, got.errno, stop=stop, evidence=["SYN", "no answer", "drop"])


# The peer

def peer_reset(lab, port):
    """Half-open scan: SYN, SYN-ACK, and the scanner's kernel resets what it never asked for."""
    server = lab.serve(port)
    source = lab.spare_port()
    lab.send_syn(SERVER4, port, source)
    time.sleep(0.1)
    return used(SERVER4, port, "none", peer_port=source, **by_server(server, "RST", "reset"))


def peer_silent(lab, port):
    """One SYN whose sender never answers: its own firewall keeps its kernel from resetting."""
    server = lab.serve(port, syn_retries=1)     # gives up after 3 s instead of 63 s
    source = lab.spare_port()
    remove = lab.rule("out", f"tcp sport {source} tcp flags & rst == rst drop", host=lab.client)
    lab.send_syn(SERVER4, port, source)
    time.sleep(0.1)
    return used(SERVER4, port, "none", peer_port=source,
                **by_server(server, "SYN-ACK", "SYN+ACK", "never") | dict(stop=lambda: (server.stop(), remove())))


# The application

def abort_unread_data(lab, port):
    server = lab.serve(port, mode="abort-unread")
    got, answer, source = lab.request(SERVER4, port)
    assert (got, answer) == ("ECONNRESET", b""), (got, answer)
    return used(SERVER4, port, got, peer_port=source[1], by="host", **by_server(server, "unread", "RST", "ABORT_ON_CLOSE"))


def abort_linger(lab, port):
    server = lab.serve(port, mode="abort-linger")
    got, answer, source = lab.request(SERVER4, port)
    assert (got, answer) == ("ECONNRESET", b""), (got, answer)
    return used(SERVER4, port, got, peer_port=source[1], by="host", **by_server(server, "LINGER", "linger", "RST"))


def closed_early(lab, port):
    server = lab.serve(port, mode="close-early")
    got, answer, source = lab.request(SERVER4, port)
    assert (got, answer) == ("none", b""), (got, answer)
    return used(SERVER4, port, got, peer_port=source[1], **by_server(server, "FIN", "closed"))


# This host as the client: the same failures, seen from the other end

def as_client(result, *evidence):
    """Turn round what a scenario says: the watcher sits on the client host."""
    return result | dict(dir="out", peer=result["addr"], addr=result["peer"], evidence=[*evidence])


def remote_refused(lab, port, family=4):
    return as_client(no_listener(lab, port, family), "RST", "reset")


def remote_unreachable(lab, port):
    return as_client(firewall_reject(lab, port, with_what="admin-prohibited", expect="EHOSTUNREACH"),
                     SERVER4, "ICMP")


def remote_silent(lab, port):
    return as_client(firewall_drop(lab, port), "SYN", "no answer", "answer")


SCENARIOS = {
    "no-listener": no_listener,
    "loopback-only": loopback_only,
    "other-address": other_address,
    "ipv6-only": ipv6_only,
    "ipv4-only": ipv4_only,
    "other-device": other_device,
    "not-listening": not_listening,
    "outgoing-port": outgoing_port,
    "udp-only": udp_only,
    "too-early": too_early,
    "restarting": restarting,
    "listener-gone": listener_gone,
    "accept-queue-full": accept_queue_full,
    "firewall-reject": firewall_reject,
    "firewall-reset": firewall_reset,
    "firewall-drop": firewall_drop,
    "peer-reset": peer_reset,
    "peer-silent": peer_silent,
    "abort-unread-data": abort_unread_data,
    "abort-linger": abort_linger,
    "closed-early": closed_early,
    "remote-refused": remote_refused,
    "remote-unreachable": remote_unreachable,
    "remote-silent": remote_silent,
}
