/* causes.h - the catalogue of causes: stable ids, what each means, and what decides it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * GROUP(title)
 * CAUSE(symbol, id, short words for a column, what it means, what the client gets, what decides it)
 *
 * The manual's section CAUSES is written from this table (man/causes.c).
 */
#define CAUSES(GROUP, CAUSE) \
	CAUSE(NONE, "none", "", \
		"nothing failed", \
		"", \
		"") \
	CAUSE(UNKNOWN, "unknown", "not known", \
		"the evidence fits no cause in the catalogue", \
		"", \
		"") \
	GROUP("Nobody at the door") \
	CAUSE(NO_LISTENER, "no-listener", "nothing listens here", \
		"nothing listens on the port", \
		"ECONNREFUSED", \
		"the socket table") \
	CAUSE(LOOPBACK_ONLY, "loopback-only", "listens on loopback only", \
		"the server listens on 127.0.0.0/8 or ::1 only", \
		"ECONNREFUSED", \
		"the socket table") \
	CAUSE(OTHER_ADDRESS, "other-address", "listens on another address", \
		"the server listens on another specific address", \
		"ECONNREFUSED", \
		"the socket table") \
	CAUSE(IPV6_ONLY, "ipv6-only", "listens on IPv6 only", \
		"the server listens on IPv6 only, the peer came over IPv4", \
		"ECONNREFUSED", \
		"the socket table") \
	CAUSE(IPV4_ONLY, "ipv4-only", "listens on IPv4 only", \
		"the server listens on IPv4 only, the peer came over IPv6", \
		"ECONNREFUSED", \
		"the socket table") \
	CAUSE(OTHER_DEVICE, "other-device", "listens on another interface", \
		"the listener is bound to another interface (SO_BINDTODEVICE)", \
		"ECONNREFUSED", \
		"the socket table") \
	CAUSE(NOT_LISTENING, "not-listening", "bound, but listen() not called", \
		"a socket is bound to the port, but does not listen", \
		"ECONNREFUSED", \
		"the table of bound sockets") \
	CAUSE(OUTGOING_PORT, "outgoing-port", "only an outgoing connection's port", \
		"the port is only the local end of an outgoing connection", \
		"ECONNREFUSED", \
		"the socket table") \
	CAUSE(UDP_ONLY, "udp-only", "UDP only, no TCP", \
		"a UDP socket has the port, no TCP listener does", \
		"ECONNREFUSED", \
		"the UDP socket table") \
	CAUSE(OTHER_NAMESPACE, "other-namespace", "listens in another namespace", \
		"the server listens in another network namespace", \
		"ECONNREFUSED", \
		"the listeners of every namespace on this host, their addresses, and which namespaces are joined with this one") \
	CAUSE(TOO_EARLY, "too-early", "dialled before it listened", \
		"the listener came up shortly after the refusal", \
		"ECONNREFUSED", \
		"the listener's history") \
	CAUSE(RESTARTING, "restarting", "dialled during a restart", \
		"the server's listener went away and another process of it came back around the refusal", \
		"ECONNREFUSED", \
		"the listener's history") \
	CAUSE(LISTENER_GONE, "listener-gone", "the listener went away", \
		"the listener was there and went away", \
		"ECONNREFUSED", \
		"the listener's history") \
	CAUSE(STEERED_AWAY, "steered-away", "steered away by BPF", \
		"a listener matches, but the kernel's look-up finds none", \
		"ECONNREFUSED", \
		"the kernel's exact look-up finds none, though the socket table has a listener that fits") \
	GROUP("Full queues") \
	CAUSE(ACCEPT_QUEUE_FULL, "accept-queue-full", "accept queue full", \
		"the application does not accept fast enough", \
		"ETIMEDOUT", \
		"the queue above its limit, the listener's own drop counter, and ListenOverflows") \
	CAUSE(ACCEPT_QUEUE_FULL_LATE, "accept-queue-full-late", "accept queue full (late)", \
		"the accept queue was full when the final ACK came", \
		"waits, connected; or ECONNRESET with tcp_abort_on_overflow", \
		"the peer's ACKs come, the connection stays half open, and ListenOverflows rises") \
	CAUSE(PROCESS_STOPPED, "process-stopped", "the process is stopped", \
		"the queue fills because the process is stopped", \
		"waits, and then ETIMEDOUT", \
		"the process's state is T, and its queue is full or a connection waits in it") \
	CAUSE(FD_LIMIT, "fd-limit", "out of file descriptors", \
		"accept() fails with EMFILE", \
		"ETIMEDOUT", \
		"as many open descriptors as RLIMIT_NOFILE, and a queue that is not emptied") \
	CAUSE(NOT_ACCEPTING, "not-accepting", "connected, never accepted", \
		"the connection waits in the accept queue", \
		"waits, connected", \
		"the connection has no owner (inode 0), in two looks more than 1.5 s apart") \
	CAUSE(REUSEPORT_STUCK, "reuseport-stuck", "one of several listeners is full", \
		"one member of a SO_REUSEPORT group is full", \
		"ETIMEDOUT, some of the clients", \
		"the exact look-up names the member whose queue is full") \
	CAUSE(SYN_QUEUE_FULL, "syn-queue-full", "SYN queue full", \
		"too many connections of the listener are half open", \
		"ETIMEDOUT", \
		"the listener's drop counter and ListenDrops, with TCPReqQFullDrop or three quarters of " \
		"tcp_max_syn_backlog half open") \
	CAUSE(SYN_COOKIES, "syn-cookies", "SYN cookies in use", \
		"the SYN queue is full, and cookies serve it", \
		"nothing: it is served", \
		"TCPReqQFullDoCookies, and as many half-open connections as the backlog") \
	CAUSE(DEFERRED_ACCEPT, "deferred-accept", "waits for data (TCP_DEFER_ACCEPT)", \
		"the server waits for data and the peer for the server", \
		"waits, connected", \
		"half open, the SYN-ACK is not sent again, and TCPDeferAcceptDrop rises") \
	GROUP("The application, or the connection's end") \
	CAUSE(CLOSED_EARLY, "closed-early", "closed without an answer", \
		"accepted, then closed before answering", \
		"end of file", \
		"the sequence numbers of the FINs: a request came, and no byte went back") \
	CAUSE(PROXY_BACKEND_DEAD, "proxy-backend-dead", "proxy's backend is down", \
		"a local proxy closed because its own connect failed", \
		"end of file", \
		"as closed-early, and an attempt of this host's own failed meanwhile; whose it was is not " \
		"known, so it is only possible") \
	CAUSE(SOURCE_PORTS_EXHAUSTED, "source-ports-exhausted", "no source port left", \
		"a local proxy has no source port left for its backend (EADDRNOTAVAIL)", \
		"end of file or ECONNRESET", \
		"the connections to the backend against ip_local_port_range") \
	CAUSE(ABORT_UNREAD_DATA, "abort-unread-data", "closed with unread data", \
		"the application closed with data it had not read", \
		"ECONNRESET", \
		"the socket's last word (unread bytes), or TCPAbortOnClose beside the RSTs on the wire") \
	CAUSE(PROCESS_DIED, "process-died", "the process died", \
		"the process was killed with data unread", \
		"ECONNRESET", \
		"as abort-unread-data, and the listener and its process went at the same moment") \
	CAUSE(ABORT_LINGER, "abort-linger", "closed with SO_LINGER 0", \
		"the application closed with SO_LINGER 0", \
		"ECONNRESET", \
		"TCPAbortOnData beside the RSTs on the wire, while the listener stays") \
	CAUSE(SENT_AFTER_CLOSE, "sent-after-close", "peer sent after our close", \
		"the peer kept sending after our close", \
		"end of file, and EPIPE when it sends; ECONNRESET when our FIN was lost", \
		"our FIN, and then a RST without ACK that TcpOutRsts counts") \
	CAUSE(QUEUE_DISCARDED, "queue-discarded", "listener closed over its queue", \
		"the listener closed over connections waiting in it", \
		"ECONNRESET", \
		"the listener goes with the RSTs, and neither TCPAbortOnClose nor TCPAbortOnData rises") \
	CAUSE(SOCKET_DESTROYED, "socket-destroyed", "killed from outside", \
		"the connection was killed from outside (ss -K)", \
		"ECONNRESET", \
		"the kernel's reason TCP_STATE for a socket that was still open, and the pid that did it") \
	CAUSE(KEEPALIVE_TIMEOUT, "keepalive-timeout", "keepalive unanswered", \
		"our keepalive went unanswered", \
		"ECONNRESET", \
		"the socket's last word (unanswered probes), or TCPAbortOnTimeout with a RST") \
	CAUSE(RETRANSMIT_TIMEOUT, "retransmit-timeout", "data never acknowledged", \
		"our data stayed unacknowledged", \
		"ECONNRESET when it sends again", \
		"the socket's last word: bytes that were sent again and never acknowledged") \
	CAUSE(PEER_UNRESPONSIVE, "peer-unresponsive", "the peer does not acknowledge", \
		"what this host sends is not acknowledged: the peer sleeps or is gone, or a NAT or firewall on the way forgot it", \
		"a hang", \
		"the oldest segment, sent again and again") \
	CAUSE(STALE_CONNECTION, "stale-connection", "unknown connection", \
		"the peer sent on a connection that this host does not know (any more)", \
		"ECONNRESET", \
		"a RST without ACK, and no such connection here; possible when its beginning was not seen") \
	CAUSE(NOT_READING, "not-reading", "the application does not read", \
		"the application does not read, and the window has closed", \
		"waits, connected", \
		"bytes that stay unread for 2 s and a closed window") \
	CAUSE(NOT_ANSWERING, "not-answering", "does not answer", \
		"accepted, and then silence: the application has the connection and sends nothing on it", \
		"a time-out of its own", \
		"the socket: bytes came and none went, for longer than others of the port wait") \
	CAUSE(PEER_CLOSED_ABRUPTLY, "peer-closed-abruptly", "the peer reset it", \
		"the peer ended the connection with a RST", \
		"no error: it made the end", \
		"a RST from the peer with the TTL of its other packets") \
	CAUSE(MIDDLEBOX_RESET, "middlebox-reset", "reset on the way", \
		"a RST that is not from the peer", \
		"ECONNRESET, where the RST went both ways", \
		"a RST with another TTL than the peer's other packets") \
	GROUP("Firewall") \
	CAUSE(FIREWALL_REJECT, "firewall-reject", "firewall rejects (ICMP)", \
		"a firewall rule answers with an ICMP error", \
		"ECONNREFUSED, EHOSTUNREACH, ENETUNREACH or EACCES, as the rule says", \
		"an ICMP error from the dialled address, and the kernel's or the rules' word; possible for the codes that a " \
		"router sends as well where there is neither") \
	CAUSE(FIREWALL_RESET, "firewall-reset", "firewall resets", \
		"a firewall rule answers with a RST", \
		"ECONNREFUSED", \
		"a RST that TcpOutRsts does not count, or the kernel's drop of the SYN by a rule") \
	CAUSE(FIREWALL_DROP, "firewall-drop", "dropped by the firewall", \
		"a firewall rule drops the SYN", \
		"ETIMEDOUT", \
		"the kernel's reason NETFILTER_DROP for this very SYN, or a rule that drops it for certain; else only that the " \
		"SYN came and did not reach a listener") \
	CAUSE(FIREWALL_DROP_REPLY, "firewall-drop-reply", "our answer is dropped", \
		"our SYN-ACK is dropped on its way out", \
		"ETIMEDOUT", \
		"the kernel's reason for the SYN-ACK, or a half-open connection without a SYN-ACK on the wire, a next hop that " \
		"answers, and the rule") \
	CAUSE(FIREWALL_DROP_ACK, "firewall-drop-ack", "the final ACK is dropped", \
		"the SYN passes, the final ACK is dropped", \
		"waits, connected", \
		"the kernel's reason for the ACK, or the peer's ACKs come, the connection stays half open, and no queue is full") \
	CAUSE(CONNTRACK_FULL, "conntrack-full", "conntrack table full", \
		"the connection tracking table is full", \
		"ETIMEDOUT", \
		"the drop counter of connection tracking, its count near the limit, and the kernel's drop at nf_hook_slow()") \
	CAUSE(CONNTRACK_INVALID, "conntrack-invalid", "conntrack forgot the flow", \
		"an established flow that the table forgot", \
		"waits, connected", \
		"the kernel drops segment after segment of a connection that is open here, and connection tracking does not " \
		"know it") \
	CAUSE(NFQUEUE_DEAD, "nfqueue-dead", "NFQUEUE without a reader", \
		"packets are queued to a program that is not there", \
		"ETIMEDOUT", \
		"the kernel dropped the SYN in nf_queue()") \
	CAUSE(TPROXY_DEAD, "tproxy-dead", "TPROXY to nobody", \
		"TPROXY to nobody", \
		"ETIMEDOUT", \
		"the kernel's drop before routing, and the rules lead to TPROXY") \
	CAUSE(SYNPROXY_BACKEND_DEAD, "synproxy-backend-dead", "SYNPROXY in front of nothing", \
		"SYNPROXY in front of nothing", \
		"ECONNRESET", \
		"a SYN-ACK with window 0, then a RST") \
	CAUSE(BPF_DROP, "bpf-drop", "dropped by a BPF program", \
		"an XDP, tc, cgroup or socket BPF program drops it", \
		"ETIMEDOUT", \
		"the kernel's reason (TC_INGRESS, TC_EGRESS, BPF_CGROUP_EGRESS, SOCKET_FILTER) or function (XDP), or a drop at a " \
		"netfilter hook where only BPF programs hang") \
	CAUSE(IPSEC_POLICY, "ipsec-policy", "an IPsec policy drops it", \
		"an IPsec policy wants the packets encrypted, and they are not", \
		"ETIMEDOUT", \
		"the kernel: XFRM_POLICY, and the counters of /proc/net/xfrm_stat") \
	CAUSE(QUEUE_DROP, "queue-drop", "dropped by the interface queue", \
		"the queueing discipline of the interface drops what this host sends", \
		"ETIMEDOUT or a hang", \
		"the kernel: QDISC_DROP, and the counters of tc -s qdisc") \
	GROUP("Published ports and NAT") \
	CAUSE(PUBLISHED_NO_LISTENER, "published-no-listener", "nothing listens in the container", \
		"the port is forwarded to a target where nothing listens", \
		"ECONNREFUSED", \
		"the target's RST before it is translated back, and no listener in the namespace that has its address") \
	CAUSE(PUBLISHED_LOOPBACK_ONLY, "published-loopback-only", "container listens on loopback", \
		"the application in the container listens on its own loopback", \
		"ECONNREFUSED", \
		"the target's RST before it is translated back, and a listener on loopback in the namespace that has its address") \
	CAUSE(PUBLISHED_TARGET_DEAD, "published-target-dead", "forwarded to nobody", \
		"the port is forwarded to an address nobody has", \
		"EHOSTUNREACH", \
		"the translated SYN, and a neighbour entry INCOMPLETE or FAILED (the kernel's reason NEIGH_FAILED)") \
	CAUSE(PUBLISHED_NOT_FORWARDED, "published-not-forwarded", "not forwarded", \
		"forwarding is off or forbidden", \
		"ETIMEDOUT", \
		"the kernel's reason for the translated SYN, a rule of a forward chain, or forwarding that is off") \
	CAUSE(PUBLISHED_NO_RETURN, "published-no-return", "no answer from the target", \
		"leaves for the target, no answer", \
		"ETIMEDOUT", \
		"the SYN as it leaves for the target, and no answer from there") \
	CAUSE(PUBLISHED_RESET, "published-reset", "the target reset it", \
		"a published connection was reset by its target, behind this host", \
		"ECONNRESET", \
		"the RST on the inner interface, and in the namespace of the target") \
	CAUSE(NAT_EXPIRED, "nat-expired", "translation was forgotten", \
		"connection tracking forgot a translated connection while its ends still had it", \
		"ECONNRESET or a hang", \
		"the RST of one who does not know the address it was sent from; conntrack has no entry") \
	CAUSE(NAT_BYPASSED, "nat-bypassed", "the answer goes around the NAT", \
		"the SYN came by a router that translates, and our answer goes to the peer directly, who did not ask us", \
		"ETIMEDOUT", \
		"the TTLs of the SYN and of the RST, and the peer on the same link") \
	CAUSE(REDIRECT_NO_LISTENER, "redirect-no-listener", "redirected to nobody", \
		"redirected to a local port nobody has", \
		"ECONNREFUSED", \
		"TCP's RST from another port than was dialled, or the rule that leads there") \
	CAUSE(DNAT_TO_LOOPBACK, "dnat-to-loopback", "DNAT to loopback", \
		"DNAT to 127.0.0.1 without route_localnet", \
		"ETIMEDOUT", \
		"the kernel's reason IP_LOCALNET for a SYN to 127.0.0.0/8, or the rule and route_localnet 0") \
	GROUP("Addresses, routes, link") \
	CAUSE(REVERSE_PATH, "reverse-path", "rp_filter drops it", \
		"reverse-path filtering (rp_filter) drops the SYN", \
		"ETIMEDOUT", \
		"routing refuses such a packet (RTM_GETROUTE with the interface), and IPReversePathFilter") \
	CAUSE(NO_ROUTE_BACK, "no-route-back", "no route back", \
		"no route back to the peer", \
		"ETIMEDOUT", \
		"the listener's drop counter and ListenDrops, and routing's answer for the way back") \
	CAUSE(NEXT_HOP_DEAD, "next-hop-dead", "next hop does not answer", \
		"the way back's neighbour does not answer", \
		"ETIMEDOUT", \
		"a half-open connection without a SYN-ACK on the wire, and a neighbour entry INCOMPLETE or " \
		"FAILED") \
	CAUSE(NOT_OUR_ADDRESS, "not-our-address", "not our address", \
		"the dialled address is not local", \
		"ETIMEDOUT", \
		"routing does not know the address as local, and nothing is forwarded") \
	CAUSE(ADDRESS_UNANSWERED, "address-unanswered", "ARP unanswered", \
		"nobody here answers ARP or neighbour solicitations for the address", \
		"EHOSTUNREACH", \
		"ARP or neighbour solicitations that are repeated and not answered, for an address that is, " \
		"was or is meant to be here") \
	CAUSE(DUPLICATE_ADDRESS, "duplicate-address", "another host has this address", \
		"another host on the link claims an address of this one", \
		"anything", \
		"ARP or neighbour advertisement for it from another MAC address") \
	CAUSE(FORWARD_UNREACHABLE, "forward-unreachable", "cannot deliver (router)", \
		"we are a router for it and cannot deliver", \
		"EHOSTUNREACH or ENETUNREACH", \
		"our own ICMP error about an address that is not ours") \
	CAUSE(MARTIAN, "martian", "impossible source", \
		"impossible source address", \
		"ETIMEDOUT", \
		"routing refuses it, and the source is this host's own address or loopback") \
	CAUSE(NOT_FOR_US, "not-for-us", "not for us", \
		"the packet is not for this host: another MAC address, a foreign VLAN, or a broadcast", \
		"ETIMEDOUT", \
		"the frame's address, or routing says broadcast") \
	CAUSE(IPV6_DISABLED, "ipv6-disabled", "IPv6 disabled here", \
		"disable_ipv6 on the interface", \
		"ETIMEDOUT", \
		"disable_ipv6 of the interface, and the address is not here") \
	CAUSE(MTU_BLACKHOLE, "mtu-blackhole", "large segments vanish", \
		"only full-size segments vanish on the way", \
		"waits, connected", \
		"a full-size segment that is sent again and again while later ones are acknowledged (SACK)") \
	GROUP("TCP itself, and the peer") \
	CAUSE(TCP_MD5, "tcp-md5", "TCP-MD5 mismatch", \
		"TCP-MD5 signature missing, unexpected or wrong", \
		"ETIMEDOUT", \
		"the listener's drop counter, and TCPMD5NotFound, TCPMD5Unexpected or TCPMD5Failure") \
	CAUSE(BAD_CHECKSUM, "bad-checksum", "bad checksum", \
		"the TCP or IP checksum is wrong", \
		"ETIMEDOUT", \
		"the checksum on the wire, and TcpInCsumErrors or IpExtInCsumErrors") \
	CAUSE(MIN_TTL, "min-ttl", "TTL too small", \
		"the peer's TTL is less than the listener takes (IP_MINTTL)", \
		"ETIMEDOUT", \
		"the listener's drop counter, and TCPMinTTLDrop") \
	CAUSE(TIMEWAIT_REUSE, "timewait-reuse", "4-tuple in TIME_WAIT", \
		"the peer dialled on a 4-tuple that is still in TIME_WAIT here", \
		"a delay, or ETIMEDOUT", \
		"the connection before it on the same ports, closed from here, or a TIME_WAIT socket") \
	CAUSE(PAWS, "paws", "timestamps went backwards", \
		"the peer's timestamps run backwards, so its data are dropped", \
		"waits, connected", \
		"PAWSEstab, and segments with data that come and do not count") \
	CAUSE(DUPLICATE_CONNECTION, "duplicate-connection", "4-tuple still open here", \
		"the peer dialled on a 4-tuple that is still established here: it was restarted", \
		"a delay, or ETIMEDOUT", \
		"an open connection on the same ports, and TCPSYNChallenge or the peer's RST") \
	CAUSE(PEER_RESET, "peer-reset", "the peer reset our SYN-ACK", \
		"the peer resets our SYN-ACK at once (scanner, health check)", \
		"no error", \
		"its RST within 300 ms of our first SYN-ACK, and no other SYN") \
	CAUSE(HEALTH_CHECK, "health-check", "a health check", \
		"the peer connects and resets at once, without a byte: a health check, or a scanner; nothing failed", \
		"no error", \
		"the RST, and how many bytes there were before it") \
	CAUSE(PEER_FIREWALL, "peer-firewall", "the peer's firewall", \
		"the peer's own firewall resets or rejects our SYN-ACK", \
		"ETIMEDOUT", \
		"RSTs or ICMP errors to our SYN-ACKs, and the SYN again") \
	CAUSE(PEER_SILENT, "peer-silent", "the peer never completes", \
		"the peer never completes and does not retransmit", \
		"no error", \
		"half open, SYN-ACKs sent again, and no ACK from the peer under the closer look") \
	CAUSE(REPLY_LOST, "reply-lost", "our answer is lost on the way", \
		"the SYN-ACK is lost on the way to a real peer", \
		"ETIMEDOUT", \
		"both sides send again, and no ACK from the peer under the closer look") \
	CAUSE(PEER_GAVE_UP, "peer-gave-up", "the peer gave up", \
		"one SYN, no answer yet, no retry", \
		"ETIMEDOUT", \
		"nothing here can") \
	CAUSE(STRAY_SEGMENT, "stray-segment", "stray segment", \
		"an ACK, or a wrong handshake ACK, to a listener", \
		"no error", \
		"the kernel's reason; on the wire it looks like a connection that is not known any more") \
	CAUSE(ODD_FLAGS, "odd-flags", "odd flags (scan)", \
		"SYN with FIN or RST, FIN without ACK, or no flags at all: a scan", \
		"ETIMEDOUT", \
		"the flags") \
	CAUSE(NEVER_ARRIVED, "never-arrived", "nothing arrived", \
		"nothing of the peer arrived on the wire", \
		"ETIMEDOUT", \
		"zero capture loss") \
	GROUP("This host as the client") \
	CAUSE(REMOTE_REFUSED, "remote-refused", "the remote refuses", \
		"the remote host answered our SYN with a RST", \
		"ECONNREFUSED", \
		"the RST") \
	CAUSE(REMOTE_UNREACHABLE, "remote-unreachable", "the remote is unreachable", \
		"our SYN was answered with an ICMP error", \
		"what the ICMP error stands for", \
		"the ICMP error and its sender") \
	CAUSE(REMOTE_SILENT, "remote-silent", "the remote does not answer", \
		"our SYN was not answered", \
		"ETIMEDOUT", \
		"no answer on the wire") \
	CAUSE(REMOTE_RESET, "remote-reset", "the remote reset it", \
		"the remote host reset an established connection", \
		"ECONNRESET", \
		"the RST")

#define NO_GROUP(title)
#define CAUSE_ENUM(symbol, id, words, meaning, client, decides) CAUSE_##symbol,
enum cause {
	CAUSES(NO_GROUP, CAUSE_ENUM) CAUSE_COUNT,
};
#undef CAUSE_ENUM
#undef NO_GROUP

/* One entry of the catalogue; all text is ASCII. */
struct cause_entry {
	const char *id;      /* as in the event stream */
	const char *words;   /* for a column of the screen */
	const char *meaning; /* a sentence */
	const char *client;  /* what the client gets; "": nothing to say */
	const char *decides; /* what evidence decides it */
};

/* The entry of a cause; never NULL. */
const struct cause_entry *cause_entry(enum cause c);

/* Whether the peer got what it came for: what is told of it is no failure. */
bool cause_is_harmless(enum cause c);

/* The cause with this id; CAUSE_UNKNOWN when there is none. */
enum cause cause_by_id(const char *id);
