/* causes.h - the catalogue of causes: stable ids, what each means, and what decides it. */
#pragma once

#include <stdint.h>

/* CAUSE(symbol, id, short words for a column, what it means, what decides it) */
#define CAUSES(CAUSE) \
	CAUSE(NONE, "none", "", "nothing failed", "") \
	CAUSE(UNKNOWN, "unknown", "not known", "the evidence fits no cause in the catalogue", "") \
	/* nobody at the door */ \
	CAUSE(NO_LISTENER, "no-listener", "nothing listens here", \
		"nothing listens on the port", "the socket table") \
	CAUSE(LOOPBACK_ONLY, "loopback-only", "listens on loopback only", \
		"the server listens on 127.0.0.0/8 or ::1 only", "the socket table") \
	CAUSE(OTHER_ADDRESS, "other-address", "listens on another address", \
		"the server listens on another specific address", "the socket table") \
	CAUSE(IPV6_ONLY, "ipv6-only", "listens on IPv6 only", \
		"the server listens on IPv6 only, the peer came over IPv4", "the socket table") \
	CAUSE(IPV4_ONLY, "ipv4-only", "listens on IPv4 only", \
		"the server listens on IPv4 only, the peer came over IPv6", "the socket table") \
	CAUSE(OTHER_DEVICE, "other-device", "listens on another interface", \
		"the listener is bound to another interface (SO_BINDTODEVICE)", "the socket table") \
	CAUSE(NOT_LISTENING, "not-listening", "bound, but listen() not called", \
		"a socket is bound to the port, but does not listen", "the table of bound sockets") \
	CAUSE(OUTGOING_PORT, "outgoing-port", "only an outgoing connection's port", \
		"the port is only the local end of an outgoing connection", "the socket table") \
	CAUSE(UDP_ONLY, "udp-only", "UDP only, no TCP", \
		"a UDP socket has the port, no TCP listener does", "the UDP socket table") \
	CAUSE(OTHER_NAMESPACE, "other-namespace", "listens in another namespace", \
		"the server listens in another network namespace", "the sockets of every namespace") \
	CAUSE(TOO_EARLY, "too-early", "dialled before it listened", \
		"the listener came up shortly after the refusal", "the listener's history") \
	CAUSE(RESTARTING, "restarting", "dialled during a restart", \
		"the listener went away and came back around the refusal", "the listener's history") \
	CAUSE(LISTENER_GONE, "listener-gone", "the listener went away", \
		"the listener was there and went away", "the listener's history") \
	CAUSE(STEERED_AWAY, "steered-away", "steered away by BPF", \
		"a listener matches, but the kernel's look-up finds none", "an exact look-up") \
	/* full queues */ \
	CAUSE(ACCEPT_QUEUE_FULL, "accept-queue-full", "accept queue full", \
		"the application does not accept fast enough", \
		"the accept queue above its limit, and ListenOverflows") \
	CAUSE(ACCEPT_QUEUE_FULL_LATE, "accept-queue-full-late", "accept queue full (late)", \
		"the accept queue was full when the final ACK came", "ListenOverflows and SYN_RECV") \
	CAUSE(PROCESS_STOPPED, "process-stopped", "the process is stopped", \
		"the queue fills because the process is stopped", "the process's state") \
	CAUSE(FD_LIMIT, "fd-limit", "out of file descriptors", \
		"accept() fails with EMFILE", "the process's descriptors and limit") \
	CAUSE(NOT_ACCEPTING, "not-accepting", "connected, never accepted", \
		"the connection waits in the accept queue", "the accept queue") \
	CAUSE(REUSEPORT_STUCK, "reuseport-stuck", "one of several listeners is full", \
		"one member of a SO_REUSEPORT group is full", "an exact look-up") \
	CAUSE(SYN_QUEUE_FULL, "syn-queue-full", "SYN queue full", \
		"the SYN queue is full", "TCPReqQFullDrop") \
	CAUSE(SYN_COOKIES, "syn-cookies", "SYN cookies in use", \
		"the SYN queue is full, and cookies serve it", "TCPReqQFullDoCookies") \
	CAUSE(DEFERRED_ACCEPT, "deferred-accept", "waits for data (TCP_DEFER_ACCEPT)", \
		"the server waits for data and the peer for the server", "TCPDeferAcceptDrop") \
	/* the application, or the connection's end */ \
	CAUSE(CLOSED_EARLY, "closed-early", "closed without an answer", \
		"accepted, then closed before answering", "our FIN came first, and no byte before it") \
	CAUSE(PROXY_BACKEND_DEAD, "proxy-backend-dead", "proxy's backend is down", \
		"a local proxy closed because its own connect failed", "the proxy's failed attempt") \
	CAUSE(ABORT_UNREAD_DATA, "abort-unread-data", "closed with unread data", \
		"the application closed with data it had not read", "TCPAbortOnClose") \
	CAUSE(PROCESS_DIED, "process-died", "the process died", \
		"the process was killed with data unread", "the listener vanished with it") \
	CAUSE(ABORT_LINGER, "abort-linger", "closed with SO_LINGER 0", \
		"the application closed with SO_LINGER 0", "TCPAbortOnData") \
	CAUSE(SENT_AFTER_CLOSE, "sent-after-close", "peer sent after our close", \
		"the peer kept sending after our close", "our FIN, then a bare RST") \
	CAUSE(QUEUE_DISCARDED, "queue-discarded", "listener closed over its queue", \
		"the listener closed over connections waiting in it", "the listener's history") \
	CAUSE(SOCKET_DESTROYED, "socket-destroyed", "killed from outside", \
		"the connection was killed from outside (ss -K)", "the kernel's reason") \
	CAUSE(KEEPALIVE_TIMEOUT, "keepalive-timeout", "keepalive unanswered", \
		"our keepalive went unanswered", "TCPAbortOnTimeout") \
	CAUSE(RETRANSMIT_TIMEOUT, "retransmit-timeout", "data never acknowledged", \
		"our data stayed unacknowledged", "TCPAbortOnTimeout") \
	CAUSE(STALE_CONNECTION, "stale-connection", "unknown connection", \
		"a segment for a connection this host does not know", "a bare RST mid-stream") \
	CAUSE(NOT_READING, "not-reading", "the application does not read", \
		"the application does not read, the window is 0", "the receive queue") \
	CAUSE(PEER_CLOSED_ABRUPTLY, "peer-closed-abruptly", "the peer reset it", \
		"the peer ended the connection with a RST", "a RST from the peer") \
	CAUSE(MIDDLEBOX_RESET, "middlebox-reset", "reset on the way", \
		"a RST that is not from the peer", "its TTL") \
	/* firewall */ \
	CAUSE(FIREWALL_REJECT, "firewall-reject", "firewall rejects (ICMP)", \
		"a firewall rule answers with an ICMP error", "our own ICMP error") \
	CAUSE(FIREWALL_RESET, "firewall-reset", "firewall resets", \
		"a firewall rule answers with a RST", "a RST that the TCP stack did not send (OutRsts)") \
	CAUSE(FIREWALL_DROP, "firewall-drop", "dropped, likely by the firewall", \
		"a firewall rule drops the SYN", "the firewall's counters or a trace") \
	CAUSE(FIREWALL_DROP_REPLY, "firewall-drop-reply", "our answer is dropped", \
		"our SYN-ACK is dropped on its way out", "SYN_RECV without a SYN-ACK on the wire") \
	CAUSE(FIREWALL_DROP_ACK, "firewall-drop-ack", "the final ACK is dropped", \
		"the SYN passes, the final ACK is dropped", "ACKs on the wire, SYN_RECV stays") \
	CAUSE(CONNTRACK_FULL, "conntrack-full", "conntrack table full", \
		"the connection tracking table is full", "conntrack's count and limit") \
	CAUSE(CONNTRACK_INVALID, "conntrack-invalid", "conntrack forgot the flow", \
		"an established flow that the table forgot", "the rule") \
	CAUSE(NFQUEUE_DEAD, "nfqueue-dead", "NFQUEUE without a reader", \
		"packets are queued to a program that is not there", "the kernel's reason") \
	CAUSE(TPROXY_DEAD, "tproxy-dead", "TPROXY to nobody", "TPROXY to nobody", "the rule") \
	CAUSE(SYNPROXY_BACKEND_DEAD, "synproxy-backend-dead", "SYNPROXY in front of nothing", \
		"SYNPROXY in front of nothing", "SYN-ACK with window 0, then RST") \
	CAUSE(BPF_DROP, "bpf-drop", "dropped by a BPF program", \
		"an XDP, tc, cgroup or socket BPF program drops it", "the kernel's reason") \
	/* published ports and NAT */ \
	CAUSE(PUBLISHED_NO_LISTENER, "published-no-listener", "nothing listens in the container", \
		"the port is forwarded to a target where nothing listens", "the target's sockets") \
	CAUSE(PUBLISHED_LOOPBACK_ONLY, "published-loopback-only", "container listens on loopback", \
		"the application in the container listens on its own loopback", "the target's sockets") \
	CAUSE(PUBLISHED_TARGET_DEAD, "published-target-dead", "forwarded to nobody", \
		"the port is forwarded to an address nobody has", "the neighbour table") \
	CAUSE(PUBLISHED_NOT_FORWARDED, "published-not-forwarded", "not forwarded", \
		"forwarding is off or forbidden", "the kernel's reason") \
	CAUSE(PUBLISHED_NO_RETURN, "published-no-return", "no answer from the target", \
		"leaves for the target, no answer", "conntrack") \
	CAUSE(REDIRECT_NO_LISTENER, "redirect-no-listener", "redirected to nobody", \
		"redirected to a local port nobody has", "the kernel's reason") \
	CAUSE(DNAT_TO_LOOPBACK, "dnat-to-loopback", "DNAT to loopback", \
		"DNAT to 127.0.0.1 without route_localnet", "the kernel's reason") \
	/* addresses, routes, link */ \
	CAUSE(REVERSE_PATH, "reverse-path", "rp_filter drops it", \
		"strict reverse-path filtering drops the SYN", "IPReversePathFilter") \
	CAUSE(NO_ROUTE_BACK, "no-route-back", "no route back", \
		"no route back to the peer", "the routing table") \
	CAUSE(NEXT_HOP_DEAD, "next-hop-dead", "next hop does not answer", \
		"the way back's neighbour does not answer", "the neighbour table") \
	CAUSE(NOT_OUR_ADDRESS, "not-our-address", "not our address", \
		"the dialled address is not local", "InAddrErrors, and the routing table") \
	CAUSE(ADDRESS_UNANSWERED, "address-unanswered", "ARP unanswered", \
		"nobody answers ARP or NS for the address", "ARP on the wire") \
	CAUSE(FORWARD_UNREACHABLE, "forward-unreachable", "cannot deliver (router)", \
		"we are a router for it and cannot deliver", "our ICMP error") \
	CAUSE(MARTIAN, "martian", "impossible source", "impossible source address", "the routing table") \
	CAUSE(NOT_FOR_US, "not-for-us", "not for us", \
		"broadcast, another MAC address or a foreign VLAN", "the link header") \
	CAUSE(IPV6_DISABLED, "ipv6-disabled", "IPv6 disabled here", \
		"disable_ipv6 on the interface", "the sysctl") \
	CAUSE(MTU_BLACKHOLE, "mtu-blackhole", "large segments vanish", \
		"only full-size segments vanish", "sizes of the retransmitted ones") \
	/* TCP itself, and the peer */ \
	CAUSE(TCP_MD5, "tcp-md5", "TCP-MD5 mismatch", \
		"TCP-MD5 signature missing, unexpected or wrong", "TCPMD5NotFound and kin") \
	CAUSE(BAD_CHECKSUM, "bad-checksum", "bad checksum", "TCP or IP checksum", "InCsumErrors") \
	CAUSE(MIN_TTL, "min-ttl", "TTL too small", "IP_MINTTL", "TCPMinTTLDrop") \
	CAUSE(TIMEWAIT_REUSE, "timewait-reuse", "4-tuple in TIME_WAIT", \
		"the 4-tuple is in TIME_WAIT here", "the TIME_WAIT row") \
	CAUSE(PAWS, "paws", "timestamps went backwards", "timestamps went backwards", "PAWSEstab") \
	CAUSE(DUPLICATE_CONNECTION, "duplicate-connection", "4-tuple still open here", \
		"a SYN on a 4-tuple that is still established here", "TCPSYNChallenge") \
	CAUSE(PEER_RESET, "peer-reset", "the peer reset our SYN-ACK", \
		"the peer resets our SYN-ACK at once (scanner, health check)", "a bare RST, no retry") \
	CAUSE(PEER_FIREWALL, "peer-firewall", "the peer's firewall", \
		"the peer's own firewall resets or rejects our SYN-ACK", "RST in, and the SYN again") \
	CAUSE(PEER_SILENT, "peer-silent", "the peer never completes", \
		"the peer never completes and does not retransmit", \
		"SYN_RECV, SYN-ACK retransmitted, one SYN") \
	CAUSE(REPLY_LOST, "reply-lost", "our answer is lost on the way", \
		"the SYN-ACK is lost on the way to a real peer", "both sides retransmit") \
	CAUSE(PEER_GAVE_UP, "peer-gave-up", "the peer gave up", \
		"one SYN, no answer yet, no retry", "nothing here can") \
	CAUSE(STRAY_SEGMENT, "stray-segment", "stray segment", \
		"an ACK, or a wrong handshake ACK, to a listener", "the kernel's reason") \
	CAUSE(ODD_FLAGS, "odd-flags", "odd flags (scan)", "SYN+FIN, SYN+RST, NULL, Xmas", "the flags") \
	CAUSE(NEVER_ARRIVED, "never-arrived", "nothing arrived", \
		"nothing on the wire", "zero capture loss") \
	/* this host as the client */ \
	CAUSE(REMOTE_REFUSED, "remote-refused", "the remote refuses", \
		"the remote host answered our SYN with a RST", "the RST") \
	CAUSE(REMOTE_UNREACHABLE, "remote-unreachable", "the remote is unreachable", \
		"our SYN was answered with an ICMP error", "the ICMP error and its sender") \
	CAUSE(REMOTE_SILENT, "remote-silent", "the remote does not answer", \
		"our SYN was not answered", "no answer on the wire") \
	CAUSE(REMOTE_RESET, "remote-reset", "the remote reset it", \
		"the remote host reset an established connection", "the RST")

#define CAUSE_ENUM(symbol, id, words, meaning, decides) CAUSE_##symbol,
enum cause {
	CAUSES(CAUSE_ENUM) CAUSE_COUNT,
};
#undef CAUSE_ENUM

/* One entry of the catalogue; all text is ASCII. */
struct cause_entry {
	const char *id;      /* as in the event stream */
	const char *words;   /* for a column of the screen */
	const char *meaning; /* a sentence */
	const char *decides; /* what evidence decides it */
};

/* The entry of a cause; never NULL. */
const struct cause_entry *cause_entry(enum cause c);

/* The cause with this id; CAUSE_UNKNOWN when there is none. */
enum cause cause_by_id(const char *id);
