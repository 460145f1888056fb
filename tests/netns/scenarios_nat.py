"""Published ports and address translation, as container engines and port forwarders set them up.

    client --- eth0 server 10.77.0.1   br0 172.N.0.1/16 --- eth0 172.N.0.2 container (a third namespace)

The server's port is translated to INSIDE_PORT of the container.  The contract is that of scenarios.py, the
building blocks are those of scenarios_net.py.  Besides the keys described there:

    target, target_port     where the translation leads
    namespace               the container's namespace
    nat                     who made the rules: "nft", "iptables-nft" or "iptables-legacy"

iptables-legacy tables stay registered in a namespace for good, although emptied: those variants come last.
"""
import os
import re
from functools import partial

import scenarios
from lab import SERVER4, SERVER6, LabError, Namespace, run
from pace import eventually
from packets import ACK, RST, SYN, Tap
from scenarios import by_server
from scenarios_kernel import DROPS, healthy, iptables
from scenarios_net import Moved, fails, ip, neighbour_state, rule, scenario, serve, sysctl, table

# Of a network of their own, since laboratories side by side share one list of namespaces, in which an address is looked for.
NETWORK = 16 + int(os.environ.get("TCPWHY_PORTS", "12000")) // 3000 % 16
NETWORK4, NETWORK6 = f"172.{NETWORK}.0.0/16", f"fd{NETWORK}::/64"
BRIDGE4, INSIDE4, NOBODY4 = f"172.{NETWORK}.0.1", f"172.{NETWORK}.0.2", f"172.{NETWORK}.0.99"
BRIDGE6, INSIDE6 = f"fd{NETWORK}::1", f"fd{NETWORK}::2"
BEYOND4 = "10.78.0.77"      # on the second cable, an address of nobody's
INSIDE_PORT = 80


class Container:
    """A namespace on a bridge of the server's.  Both know the other's MAC: no packet is needed to warm up."""

    def __init__(self, lab, undo, port, family=4, default_route=True):
        self.host = host = Namespace(f"twlab-{os.getpid()}-{port}-s")
        undo.callback(host.delete)
        server = lab.server
        outside, inside, length = (BRIDGE6, INSIDE6, 64) if family == 6 else (BRIDGE4, INSIDE4, 16)
        nodad = " nodad" if family == 6 else ""
        server.ip("link add br0 type bridge", f"address add {outside}/{length} dev br0{nodad}", "link set br0 up",
                  f"link add inside0 type veth peer name eth0 netns {host.name}", "link set inside0 master br0 up")
        undo.callback(server.ip, "link del inside0", "link del br0")
        host.ip("link set lo up", f"address add {inside}/{length} dev eth0{nodad}", "link set eth0 up",
                f"neigh replace {outside} lladdr {server.mac('br0')} dev eth0 nud permanent")
        server.ip(f"neigh replace {inside} lladdr {host.mac('eth0')} dev br0 nud permanent")
        if default_route:
            host.ip(f"route add default via {outside}")
        sysctl(undo, server, "net.ipv6.conf.all.forwarding" if family == 6 else "net.ipv4.ip_forward", 1)
        if not eventually(lambda: "state forwarding" in run(server.command("ip", "-d", "link", "show", "inside0")), 5):
            raise LabError("the bridge does not forward")


# Rules that publish a port, or send it elsewhere on this host

def publish_by_nft(lab, undo, port, target, target_port, family):
    inner, way = (NETWORK6, "ip6") if family == 6 else (NETWORK4, "ip")
    table(undo, lab.server, way, f"""
        chain pre {{ type nat hook prerouting priority dstnat;
            iifname != "br0" fib daddr type local tcp dport {port} counter dnat to {bracketed(target)}:{target_port}; }}
        chain post {{ type nat hook postrouting priority srcnat; {way} saddr {inner} oifname != "br0" masquerade; }}""")


def bracketed(addr):
    return f"[{addr}]" if ":" in addr else addr


DOCKER_NAT = """:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d {loopback} -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s {inner} ! -o br0 -j MASQUERADE
-A DOCKER ! -i br0 -p tcp -m tcp --dport {port} -j DNAT --to-destination {to}"""

DOCKER_FILTER = """:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-FORWARD - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-FORWARD
-A DOCKER-FORWARD -o br0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-FORWARD -o br0 -j DOCKER
-A DOCKER-FORWARD -i br0 -j ACCEPT
-A DOCKER -d {target} ! -i br0 -o br0 -p tcp -m tcp --dport {target_port} -j ACCEPT
-A DOCKER ! -i br0 -o br0 -j DROP"""


def publish_by_iptables(kind, lab, undo, port, target, target_port, family, filter_rules=DOCKER_FILTER):
    """The chains of Docker 28."""
    words = dict(port=port, target=target, target_port=target_port, to=f"{bracketed(target)}:{target_port}",
                 loopback="::1/128" if family == 6 else "127.0.0.0/8",
                 inner=NETWORK6 if family == 6 else NETWORK4)
    iptables(undo, lab.server, kind, "nat", DOCKER_NAT.format(**words), family)
    iptables(undo, lab.server, kind, "filter", filter_rules.format(**words), family)


PUBLISH = {
    "nft": publish_by_nft,
    "iptables-nft": partial(publish_by_iptables, "nft"),
    "iptables-legacy": partial(publish_by_iptables, "legacy"),
}


def publish(lab, undo, port, nat, target=INSIDE4, target_port=INSIDE_PORT, family=4, **more):
    """The keys that tell of it."""
    PUBLISH[nat](lab, undo, port, target, target_port, family, **more)
    return dict(target=target, target_port=target_port, nat=nat)


def send_on(lab, undo, port, nat, verb, to):
    """REDIRECT or DNAT of the server's port to another one of its own; the keys that tell of it."""
    target_port = int(to.rpartition(":")[2])
    if nat == "nft":
        table(undo, lab.server, "ip", f"""
            chain pre {{ type nat hook prerouting priority dstnat; tcp dport {port} counter {verb} to {to}; }}""")
    else:
        option = "REDIRECT --to-ports" if verb == "redirect" else "DNAT --to-destination"
        iptables(undo, lab.server, nat.removeprefix("iptables-"), "nat",
                 f"-A PREROUTING -p tcp --dport {port} -j {option} {to.lstrip(':')}")
    return dict(target=to.rpartition(":")[0] or SERVER4, target_port=target_port, nat=nat)


# Published ports

@scenario
def published_no_listener(lab, port, undo, nat="nft", family=4, loopback=False, local=False):
    """The translation works, and nobody listens in the container; or only on its own loopback.

    `local`: somebody listens on the port on the server itself, and never gets to hear of it.
    """
    inside, addr = (INSIDE6, SERVER6) if family == 6 else (INSIDE4, SERVER4)
    box = Container(lab, undo, port, family)
    told = publish(lab, undo, port, nat, inside, family=family)
    extra = {}
    if loopback:
        bound = "::1" if family == 6 else "127.0.0.1"
        server = serve(lab, undo, INSIDE_PORT, bound, host=box.host, comm="demo-inside")
        extra = by_server(server, bound, str(server.pid), server.comm) | dict(bound=bound)
    if local:
        serve(lab, undo, port)
    moved = Moved(lab.server)
    with Tap(lab.server) as tap:
        result = scenarios.refused(lab, addr, port)
        assert [(way, bits) for way, bits, _ in tap.segments(port)] == [("in", SYN), ("out", RST | ACK)]
        assert ttl_of_reset(tap) == 63
    assert moved["TcpOutRsts"] == 0
    return result | dict(evidence=[inside, box.host.name, "container", "DNAT", "dnat"]) | extra | told | dict(
        namespace=box.host.name)


def published_loopback_only(lab, port, nat="nft", family=4):
    """The application in the container listens on the container's own loopback."""
    return published_no_listener(lab, port, nat=nat, family=family, loopback=True)


def ttl_of_reset(tap):
    """The TTL or hop limit of the first RST that went out."""
    for way, frame in tap.frames():
        packet = frame[14:]
        version = packet[0] >> 4
        flags = packet[33] if version == 4 else packet[53] if version == 6 else 0
        if way == "out" and packet[9 if version == 4 else 6] == 6 and flags & RST:
            return packet[8] if version == 4 else packet[7]
    return None


@scenario
def published_target_dead(lab, port, undo, nat="nft"):
    """The port still leads to the address of a container that is no more."""
    Container(lab, undo, port)
    told = publish(lab, undo, port, nat, NOBODY4)
    undo.callback(forget_on_bridge, lab.server, NOBODY4)
    with Tap(lab.server, "br0") as tap:
        result = fails(lab, SERVER4, port, "EHOSTUNREACH", timeout=4.5)
        assert tap.neighbours(NOBODY4).count("out who-has") >= 3
    assert re.search("FAILED|INCOMPLETE", neighbour_state(lab.server, NOBODY4))
    return result | dict(evidence=[NOBODY4, "FAILED", "neighbour", "ARP"]) | told


def forget_on_bridge(host, addr):
    host.ip(f"neigh flush to {addr} dev br0")


NOT_FORWARDED = {
    "policy": "policy drop; meta l4proto != tcp accept;",
    "rule": f"tcp dport {INSIDE_PORT} counter drop;",
}
DOCKER_NOT_FORWARDED = {
    "docker-policy": ":FORWARD DROP [0:0]",     # Docker's rules are gone, the policy that it set has stayed
    "docker-user": DOCKER_FILTER + "\n-I DOCKER-USER -p tcp --dport {target_port} -j DROP",
}


@scenario
def published_not_forwarded(lab, port, undo, how="policy", nat="nft", family=4):
    """Translated, and then not let through to the container: by the forward chain's policy or a rule of it, or
    because this host does not forward at all ("ip_forward")."""
    inside, addr = (INSIDE6, SERVER6) if family == 6 else (INSIDE4, SERVER4)
    box = Container(lab, undo, port, family)
    serve(lab, undo, INSIDE_PORT, "::", host=box.host)
    more = dict(filter_rules=DOCKER_NOT_FORWARDED[how]) if how in DOCKER_NOT_FORWARDED else {}
    told = publish(lab, undo, port, nat, inside, family=family, **more)
    if how in NOT_FORWARDED:
        table(undo, lab.server, "inet", f"chain c {{ type filter hook forward priority 0; {NOT_FORWARDED[how]} }}")
    elif how == "ip_forward":
        sysctl(undo, lab.server, "net.ipv6.conf.all.forwarding" if family == 6 else "net.ipv4.ip_forward", 0)
    moved = Moved(lab.server)
    with Tap(lab.server) as tap, Tap(lab.server, "br0") as inner:
        result = fails(lab, addr, port)
        assert [bits for _, bits, _ in tap.segments(port)] == [SYN] * 3
        assert inner.segments(INSIDE_PORT) == []
    assert moved["Ip6InAddrErrors" if family == 6 else "IpInAddrErrors"] == (3 if how == "ip_forward" else 0)
    return result | told | dict(how=how, namespace=box.host.name, evidence=["forward", "FORWARD", inside])


@scenario
def published_no_return(lab, port, undo, how="no-route", nat="nft"):
    """The SYN leaves for the target, and no answer comes: the container has no way back ("no-route"), its own
    firewall drops ("dropped"), or the target is another host that says nothing ("outside")."""
    box = Container(lab, undo, port, default_route=how != "no-route")
    serve(lab, undo, INSIDE_PORT, "::", host=box.host)
    target, device = INSIDE4, "br0"
    if how == "dropped":
        rule(lab, undo, "in", f"tcp dport {INSIDE_PORT} drop", box.host)
    if how == "outside":
        lab.add_second_link()
        target, device = BEYOND4, "eth1"
        ip(undo, lab.server, f"neigh replace {BEYOND4} lladdr {lab.client.mac('eth1')} dev eth1 nud permanent",
           f"neigh del {BEYOND4} dev eth1")
    told = publish(lab, undo, port, nat, target)
    with Tap(lab.server) as tap, Tap(lab.server, device) as inner:
        result = fails(lab, SERVER4, port)
        assert [bits for _, bits, _ in tap.segments(port)] == [SYN] * 3
        assert [(way, bits) for way, bits, _ in inner.segments(INSIDE_PORT)] == [("out", SYN)] * 3
    return result | told | dict(how=how, namespace=box.host.name, evidence=[target, device, "UNREPLIED", "no answer"])


# Sent on to another port of this host

@scenario
def redirect_no_listener(lab, port, undo, nat="nft"):
    """The port is redirected to another, where nobody listens; the one that was dialled has its listener."""
    server = serve(lab, undo, port)
    told = send_on(lab, undo, port, nat, "redirect", f":{port + 1}")
    moved = Moved(lab.server)
    result = scenarios.refused(lab, SERVER4, port)
    assert moved["TcpOutRsts"] == 1
    return result | by_server(server, "REDIRECT", "redirect", str(port + 1)) | told


@scenario
def dnat_to_loopback(lab, port, undo, nat="nft"):
    """DNAT to 127.0.0.1, which the kernel takes for a martian unless route_localnet says otherwise."""
    server = serve(lab, undo, port + 1, "127.0.0.1")
    told = send_on(lab, undo, port, nat, "dnat", f"127.0.0.1:{port + 1}")
    moved = Moved(lab.server)
    result = fails(lab, SERVER4, port)
    assert moved["TcpInSegs"] == 0
    return result | by_server(server, "route_localnet", "127.0.0.1") | told


# Near misses

@scenario
def published_and_served(lab, port, undo, nat="nft", family=4):
    """A published port that works."""
    inside, addr = (INSIDE6, SERVER6) if family == 6 else (INSIDE4, SERVER4)
    box = Container(lab, undo, port, family)
    serve(lab, undo, INSIDE_PORT, "::", host=box.host)
    publish(lab, undo, port, nat, inside, family=family)
    return healthy(lab, undo, port, addr)


@scenario
def published_beside_no_listener(lab, port, undo):
    """Another port is published, nobody listens there; on this one nobody listens either, but it leads nowhere."""
    Container(lab, undo, port)
    publish(lab, undo, port + 1, "nft")
    assert lab.dial(SERVER4, port + 1).errno == "ECONNREFUSED"
    return scenarios.refused(lab, SERVER4, port)


@scenario
def published_refused_by_rule(lab, port, undo):
    """A published port with its listener, and a rule of this host's that resets: firewall-reset, not the container."""
    box = Container(lab, undo, port)
    serve(lab, undo, INSIDE_PORT, "::", host=box.host)
    publish(lab, undo, port, "nft")
    table(undo, lab.server, "inet", f"""
        chain c {{ type filter hook forward priority 0; tcp dport {INSIDE_PORT} counter reject with tcp reset; }}""")
    moved = Moved(lab.server)
    result = scenarios.refused(lab, SERVER4, port)
    assert moved["TcpOutRsts"] == 0
    return result


@scenario
def published_dropped_on_the_way_in(lab, port, undo):
    """A published port, and a rule that drops its SYNs before any translation: firewall-drop."""
    box = Container(lab, undo, port)
    serve(lab, undo, INSIDE_PORT, "::", host=box.host)
    publish(lab, undo, port, "nft")
    table(undo, lab.server, "inet", f"""
        chain c {{ type filter hook prerouting priority raw; tcp dport {port} counter drop; }}""")
    return fails(lab, SERVER4, port)


@scenario
def published_queue_full(lab, port, undo):
    """The container gets the SYNs, and its listener's accept queue is full."""
    box = Container(lab, undo, port)
    serve(lab, undo, INSIDE_PORT, "0.0.0.0", host=box.host, mode="hold", backlog=0)
    publish(lab, undo, port, "nft")
    first = lab.dial(SERVER4, port, keep=True)
    undo.callback(first.close)
    assert first.errno == "none", first
    moved = Moved(box.host)
    result = fails(lab, SERVER4, port)
    assert moved["TcpExtListenOverflows"] >= 3
    return result | dict(namespace=box.host.name)


@scenario
def redirected_and_served(lab, port, undo, nat="nft"):
    """A redirect that works, from a port where nobody listens."""
    serve(lab, undo, port + 1)
    send_on(lab, undo, port, nat, "redirect", f":{port + 1}")
    return healthy(lab, undo, port)


@scenario
def redirect_of_another_port(lab, port, undo):
    """A dead redirect of another port, hit as well; here nobody listens.  no-listener, not redirect-no-listener."""
    send_on(lab, undo, port + 1, "nft", "redirect", f":{port + 2}")
    assert lab.dial(SERVER4, port + 1).errno == "ECONNREFUSED"
    return scenarios.refused(lab, SERVER4, port)


@scenario
def dnat_to_loopback_allowed(lab, port, undo):
    """With route_localnet the translation to 127.0.0.1 works."""
    serve(lab, undo, port + 1, "127.0.0.1")
    sysctl(undo, lab.server, "net.ipv4.conf.eth0.route_localnet", 1)
    send_on(lab, undo, port, "nft", "dnat", f"127.0.0.1:{port + 1}")
    return healthy(lab, undo, port)


SCENARIOS = {
    "published-no-listener": published_no_listener,
    "published-loopback-only": published_loopback_only,
    "published-target-dead": published_target_dead,
    "published-not-forwarded": published_not_forwarded,
    "published-no-return": published_no_return,
    "redirect-no-listener": redirect_no_listener,
    "dnat-to-loopback": dnat_to_loopback,
}


def variant(function, cause=None, **settings):
    return function, settings, cause or function.__name__.replace("_", "-")


VARIANTS = {
    "published-no-listener iptables-nft": variant(published_no_listener, nat="iptables-nft"),
    "published-no-listener over IPv6": variant(published_no_listener, family=6),
    "published-no-listener beside a local one": variant(published_no_listener, local=True),
    "published-loopback-only iptables-nft": variant(published_loopback_only, nat="iptables-nft"),
    "published-loopback-only over IPv6": variant(published_loopback_only, family=6),
    "published-target-dead iptables-nft": variant(published_target_dead, nat="iptables-nft"),
    "published-not-forwarded rule": variant(published_not_forwarded, how="rule"),
    "published-not-forwarded ip_forward": variant(published_not_forwarded, how="ip_forward"),
    "published-not-forwarded over IPv6": variant(published_not_forwarded, family=6),
    "published-not-forwarded ip_forward over IPv6": variant(published_not_forwarded, how="ip_forward", family=6),
    "published-not-forwarded docker-policy": variant(published_not_forwarded, how="docker-policy", nat="iptables-nft"),
    "published-not-forwarded docker-user": variant(published_not_forwarded, how="docker-user", nat="iptables-nft"),
    "published-no-return dropped": variant(published_no_return, how="dropped"),
    "published-no-return outside": variant(published_no_return, how="outside"),
    "published-no-return iptables-nft": variant(published_no_return, nat="iptables-nft"),
    "redirect-no-listener iptables-nft": variant(redirect_no_listener, nat="iptables-nft"),
    "dnat-to-loopback iptables-nft": variant(dnat_to_loopback, nat="iptables-nft"),
    # From here on legacy tables are registered in the lab's namespaces.
    "published-no-listener iptables-legacy": variant(published_no_listener, nat="iptables-legacy"),
    "published-not-forwarded docker-policy legacy": variant(published_not_forwarded, how="docker-policy",
                                                            nat="iptables-legacy"),
    "published-not-forwarded docker-user legacy": variant(published_not_forwarded, how="docker-user",
                                                          nat="iptables-legacy"),
    "redirect-no-listener iptables-legacy": variant(redirect_no_listener, nat="iptables-legacy"),
    "dnat-to-loopback iptables-legacy": variant(dnat_to_loopback, nat="iptables-legacy"),
}

PUBLISHED = {cause for cause in SCENARIOS if cause.startswith("published-")}


NEAR_MISSES = {
    "published and served": (published_and_served, PUBLISHED | DROPS),
    "published and served by iptables-nft": (partial(published_and_served, nat="iptables-nft"), PUBLISHED | DROPS),
    "published and served over IPv6": (partial(published_and_served, family=6), PUBLISHED | DROPS),
    "published beside no-listener": (published_beside_no_listener, PUBLISHED | {"other-namespace"}),
    "published, refused by a rule": (published_refused_by_rule, PUBLISHED | {"no-listener", "other-namespace"}),
    "published, dropped on the way in": (published_dropped_on_the_way_in, PUBLISHED),
    "published, queue full": (published_queue_full, PUBLISHED - {"published-no-return"} | DROPS),
    "redirected and served": (redirected_and_served, {"redirect-no-listener", "no-listener"}),
    "redirect of another port": (redirect_of_another_port, {"redirect-no-listener"}),
    "dnat to loopback, allowed": (dnat_to_loopback_allowed, {"dnat-to-loopback", "martian", "loopback-only"}),
}
