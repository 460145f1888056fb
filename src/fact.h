/* fact.h - what collectors know and the engine reasons about: plain data, no I/O types. */
#pragma once

#include "base/ip.h"
#include "fact_firewall.h"

#include <stdbool.h>
#include <stdint.h>

#define USEC INT64_C(1000000) /* times are microseconds since the epoch, in int64_t */

/* TCP flags as on the wire (RFC 9293, 3.1). */
enum tcp_flag {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
};

enum segment_kind {
	SEGMENT_TCP,
	SEGMENT_ICMP,   /* an ICMP or ICMPv6 error that quotes a TCP segment */
	SEGMENT_WHO_HAS, /* an ARP request or neighbour solicitation of src for dst */
	SEGMENT_IS_AT,   /* the answer: src says where it is */
};

enum segment_way {
	WAY_UNKNOWN, /* the link type does not say */
	WAY_IN,
	WAY_OUT,
	WAY_OTHER, /* for another host's MAC */
};

/* What a payload begins with (collect/speech.h): all that is kept of it. */
enum speech {
	SPEECH_NONE,      /* there is no payload */
	SPEECH_UNSEEN,    /* there is one, and it was not captured */
	SPEECH_OTHER,
	SPEECH_TLS_HELLO, /* a ClientHello */
	SPEECH_TLS,
	SPEECH_TLS_SHORT, /* too short for a request: an alert, or a frame that carries none */
	SPEECH_TLS_ALERT,
	SPEECH_FAREWELL,  /* in plain text: QUIT, GOAWAY and the like */
};

/* Whether it is the end of a conversation rather than a part of it. */
static inline bool speech_ends(enum speech s)
{
	return s == SPEECH_TLS_SHORT || s == SPEECH_TLS_ALERT || s == SPEECH_FAREWELL;
}

/*
 * One packet of interest. For SEGMENT_ICMP src, dst, sport, dport and seq are those of the quoted
 * segment, and icmp_from is who sent the error.
 */
struct segment {
	int64_t t;
	struct ip src, dst, icmp_from;
	uint32_t seq, ack;
	uint32_t ifindex; /* 0: unknown */
	uint16_t sport, dport;
	uint16_t window;
	uint16_t payload; /* TCP payload in bytes, from the headers' lengths */
	uint8_t kind;     /* enum segment_kind */
	uint8_t way;      /* enum segment_way */
	uint8_t flags;
	uint8_t ttl; /* hop limit of the packet that was seen */
	uint8_t icmp_type, icmp_code;
	uint8_t speech; /* enum speech: what the payload begins with */
	uint8_t mac[6]; /* of SEGMENT_WHO_HAS and SEGMENT_IS_AT: who says so; all zero: it does not say */
	bool v6;
	bool timestamps; /* the TCP timestamps option is there */
	bool to_group;   /* the frame was a broadcast or multicast */
	bool bad_ip_sum; /* the IPv4 header's checksum is wrong */
	bool bad_tcp_sum; /* so is TCP's; SYNs only */
};

enum socket_state {
	SOCKET_LISTEN,
	SOCKET_BOUND,    /* bound, listen() not called */
	SOCKET_SYN_RECV, /* half open */
	SOCKET_SYN_SENT, /* outgoing, not answered */
	SOCKET_OPEN,     /* established, or on its way down */
	SOCKET_TIME_WAIT,
	SOCKET_UDP,
};

/* A socket as sock_diag shows it. queue and queue_max are the accept queue of a listener. */
struct socket_row {
	struct ip addr, peer;
	uint64_t cookie, cgroup;
	uint32_t inode, uid;
	uint32_t ifindex; /* SO_BINDTODEVICE; 0: any */
	uint32_t queue, queue_max, drops;
	uint16_t port, peer_port;
	uint8_t state; /* enum socket_state */
	bool v6, v6only;
	char device[32]; /* name of ifindex, clean text */
};

/* An established connection, or one on its way down, with what struct tcp_info says of it. */
struct connection {
	struct socket_row row; /* queue: bytes that the application has not read; queue_max: not acknowledged */
	uint8_t retransmits;   /* of the oldest unacknowledged segment, in a row */
	uint8_t probes;        /* keepalive or zero-window probes without an answer */
	bool closed;           /* told as it was destroyed */
	uint32_t mss;          /* what full-size segments carry */
	uint32_t unacked;      /* segments in flight */
	uint32_t sacked;       /* of these, what the peer has got all the same */
	int32_t window;        /* that we offer the peer; -1: an older kernel does not say */
	uint32_t data_in;      /* segments with data that arrived, good or not */
	uint32_t idle_ms;      /* since the last data came */
	uint64_t received;     /* bytes of payload, in order */
	uint64_t acked;        /* bytes that the peer has acknowledged */
	uint64_t sent;         /* bytes of payload that were sent, and sent again */
	uint32_t sent_idle_ms; /* since the last of ours were sent */
};

/* Who holds a socket; all text is clean. pid 0: not known. */
struct owner {
	int32_t pid;
	uint32_t holders; /* how many processes hold the socket; pid is the first of them */
	char comm[64];
	char cmdline[128];
	char user[40];
	char unit[64];
	char container[64];
};

/* Counters of one network namespace (/proc/net/snmp, /proc/net/netstat). */
enum counter {
	COUNTER_OUT_RSTS,
	COUNTER_OUT_SEGS,
	COUNTER_ESTAB_RESETS,
	COUNTER_IN_CSUM_ERRORS,
	COUNTER_LISTEN_OVERFLOWS,
	COUNTER_LISTEN_DROPS,
	COUNTER_ABORT_ON_DATA,
	COUNTER_ABORT_ON_CLOSE,
	COUNTER_ABORT_ON_TIMEOUT,
	COUNTER_REQQ_FULL_DROP,
	COUNTER_REQQ_FULL_COOKIES,
	COUNTER_COOKIES_SENT,
	COUNTER_EMBRYONIC_RSTS,
	COUNTER_DEFER_ACCEPT_DROP,
	COUNTER_RP_FILTER,
	COUNTER_IN_ADDR_ERRORS,
	COUNTER_OUT_NO_ROUTES,
	COUNTER_MD5_DROPS,
	COUNTER_MD5_UNEXPECTED,
	COUNTER_MD5_FAILURE,
	COUNTER_ACTIVE_OPENS,
	COUNTER_MIN_TTL_DROP,
	COUNTER_IP_CSUM_ERRORS,
	COUNTER_IN_ADDR_ERRORS6,
	COUNTER_IN_DISCARDS6,
	COUNTER_SYN_CHALLENGE,
	COUNTER_PAWS_ESTAB,
	COUNTER_PAWS_TIMEWAIT,
	COUNTER_RETRANS_SEGS,
	COUNTER_TO_ZERO_WINDOW,
	COUNTER_WANT_ZERO_WINDOW,
	COUNTER_CONNTRACK_DROP,
	COUNTER_XFRM_IN_TEMPLATE,
	COUNTER_XFRM_IN_BLOCK,
	COUNTER_XFRM_OUT_BLOCK,
	COUNTER_XFRM_OUT_NO_STATES,
	COUNTER_COUNT,
};

struct counters {
	int64_t t;
	uint64_t v[COUNTER_COUNT];
};

/* Name of a counter as nstat(8) prints it: "TcpOutRsts", "TcpExtListenOverflows". */
const char *counter_name(enum counter c);

/*
 * Why the kernel dropped a packet or reset a connection: enum skb_drop_reason (include/net/dropreason-core.h) and enum
 * sk_rst_reason (include/net/rstreason.h, v6.18) without their prefixes. Their numbers differ between kernels, so they
 * are matched by name; what is not in this list is REASON_OTHER and keeps its name.
 */
#define REASONS(X) \
	X(OTHER) X(NO_SOCKET) X(SOCKET_FILTER) X(NETFILTER_DROP) X(BPF_CGROUP_EGRESS) X(TC_INGRESS) X(TC_EGRESS) X(XDP) \
	X(IP_RPFILTER) X(IP_LOCAL_SOURCE) X(IP_LOCALNET) X(IP_INVALID_SOURCE) X(IP_INADDRERRORS) X(OTHERHOST) \
	X(NEIGH_FAILED) X(NEIGH_CREATEFAIL) X(NEIGH_DEAD) X(NEIGH_QUEUEFULL) X(TCP_LISTEN_OVERFLOW) X(QDISC_DROP) \
	X(SECURITY_HOOK) X(XFRM_POLICY) X(TCP_FLAGS) X(TCP_STATE) X(TCP_ABORT_ON_CLOSE) X(TCP_ABORT_ON_DATA) \
	X(TCP_ABORT_ON_LINGER) X(TCP_KEEPALIVE_TIMEOUT) X(INVALID_SYN) X(IPV6DISABLED) X(TCP_CSUM) X(IP_CSUM) \
	X(TCP_MD5NOTFOUND) X(TCP_MD5UNEXPECTED) X(TCP_MD5FAILURE) X(TCP_MINTTL) X(IP_INHDR) X(IP_INNOROUTES) \
	X(TCP_INVALID_SYN) X(TCP_RFC7323_PAWS) X(TCP_RFC7323_TW_PAWS)

enum reason {
#define REASON_ENTRY(name) REASON_##name,
	REASONS(REASON_ENTRY)
#undef REASON_ENTRY
	REASON_COUNT,
};

enum {
	REASON_TEXT = 36,
	FUNCTION_TEXT = 40,
};

/* The kernel's own word on a packet: that it was dropped, or that TCP sent a RST. */
struct kernel_word {
	int64_t t;
	struct ip src, dst; /* of the packet; of a RST: from here */
	uint64_t count;     /* how many such there were of its port; most of a flood are counted and not told one by one */
	uint32_t netns;     /* inode number; 0: not known */
	uint32_t ifindex;
	uint32_t seq, ack;
	int32_t pid;        /* who ran; of meaning only for what a process does itself */
	uint16_t sport, dport;
	uint8_t reason;     /* enum reason */
	uint8_t flags, ttl;
	bool reset;         /* a RST of ours; else a drop */
	bool exited;        /* neither: the process pid ended, with the status in seq (wait(2)) */
	bool v6;
	uint8_t state;      /* of the socket that a RST ends, as in include/net/tcp_states.h; 0: not known */
	bool routed;        /* a drop behind routing; a RST that answers no segment */
	bool answers;       /* of a RST: the segment that it answers was looked at, with */
	uint16_t payload;   /* so many bytes, */
	uint8_t speech;     /* enum speech, which begin so */
	/* kept by the engine: how many words alike came of this end one after another, and since when */
	uint32_t times;
	int64_t since;
	char name[REASON_TEXT];       /* as the kernel calls the reason */
	char function[FUNCTION_TEXT]; /* of the kernel, that dropped it; "": not known */
	char comm[20];
};

/* ASK_FLOW: what connection tracking knows of a connection. */
struct tracked_flow {
	bool found;
	bool replied;      /* an answer was seen */
	struct ip target;  /* where its packets are led to */
	uint16_t target_port;
};

/* A BPF program that packets pass. */
enum hook_kind {
	HOOK_XDP,
	HOOK_TC_INGRESS,
	HOOK_TC_EGRESS,
	HOOK_CGROUP_INGRESS,
	HOOK_CGROUP_EGRESS,
	HOOK_SK_LOOKUP,
	HOOK_NETFILTER,
	HOOK_KINDS,
};

enum {
	HOOK_PROGRAMS = 8,
};

struct hook_program {
	uint8_t kind; /* enum hook_kind */
	uint32_t id;
	char where[48], name[32]; /* clean text */
};

/* ASK_HOOKS: what packets pass besides routing and nftables. */
struct hooks {
	bool legacy; /* iptables of the old kind has tables here */
	bool ipvs;   /* it has services */
	bool tproxy; /* a rule of the old kind has TPROXY, which drops what finds no socket */
	bool netfilter_known;
	uint32_t netfilter; /* BPF programs at netfilter's hooks, of all namespaces */
	bool more;          /* than are told here: */
	uint32_t n;
	struct hook_program programs[HOOK_PROGRAMS];
};

/* What the engine wants to know of the host; a driver answers what it can (engine_answer()). */
enum question_kind {
	ASK_POLL,   /* a LISTEN dump and a sample of the counters, now */
	ASK_LOOKUP, /* which socket would get a segment of this 4-tuple: the kernel's own look-up */
	ASK_PORT,   /* who else has this local port: bound, UDP, outgoing */
	ASK_ROUTE,  /* what routing does with a packet of the peer to addr, and with the answer */
	ASK_PROCESS, /* what the process is doing */
	ASK_SOURCE_PORTS, /* n: source ports taken by connections to one remote end, row.peer; n_max: how many there are */
	ASK_MAC,    /* whether an interface of this namespace has the MAC address: found */
	ASK_CONNECTION, /* one connection, by its 4-tuple: found, and connections[0] */
	ASK_CONNECTIONS, /* the connections of a local port (0: all), as far as something waits in them */
	ASK_HALF_OPEN, /* how many connections of a local port are in SYN_RECV */
	ASK_ELSEWHERE, /* who listens on this port in another network namespace */
	ASK_TARGET, /* who has an address that packets are forwarded to, and who listens on the port there */
	ASK_FLOW,   /* the connection tracking entry of a connection: addr, port; peer, peer_port */
	ASK_FIREWALL, /* what the firewall's rules do with a packet of the attempt: ruling, flags, ttl */
	ASK_HOOKS,  /* which BPF programs packets of this family pass, and other hooks; pid: of the server's process */
	ASK_CONNTRACK, /* the size of the connection tracking table, and its limit */
};

/* What routing says. The errno values are those of RTM_GETROUTE (net/ipv4/fib_semantics.c fib_props). */
enum route {
	ROUTE_UNKNOWN,
	ROUTE_LOCAL,       /* to this host */
	ROUTE_UNICAST,     /* out again, or a way back */
	ROUTE_BROADCAST,   /* broadcast or multicast: not for TCP */
	ROUTE_INVALID,     /* EINVAL: for input a martian or rp_filter (there EXDEV on older kernels), for output a blackhole */
	ROUTE_UNREACHABLE, /* EHOSTUNREACH: for input not our address, for output an unreachable route */
	ROUTE_NONE,        /* ENETUNREACH */
	ROUTE_PROHIBITED,  /* EACCES */
};

enum neighbour {
	NEIGHBOUR_UNKNOWN,
	NEIGHBOUR_ANSWERS, /* or needs no answer */
	NEIGHBOUR_ASKED,   /* INCOMPLETE: no answer yet */
	NEIGHBOUR_FAILED,
};

/* ASK_ROUTE: of a packet from peer to addr that came in by ifindex. */
struct routing {
	enum route in, back;
	enum neighbour neighbour; /* of next_hop */
	struct ip next_hop;       /* of the way back: a gateway, or the peer itself */
	char device[32];          /* that the way back takes; clean text */
	/* settings of the interface and the namespace; -1: not known */
	int rp_filter, forwarding, ipv6_disabled, arp_ignore, route_localnet;
	bool dad_failed; /* duplicate address detection failed for addr, or still runs */
};

/* ASK_PROCESS. pid 0: there is no such process any more. */
struct process {
	int32_t pid;
	char state; /* as in /proc/PID/stat: R, S, D, T, t, Z */
	uint32_t fds, fds_max; /* open descriptors and RLIMIT_NOFILE; 0: not known */
	char syscall[24]; /* what its main thread waits in; "": not known */
	bool accepting;   /* a thread waits in accept() or for events */
	bool in_accept;   /* in accept() itself */
	bool frozen;      /* its control group is */
	int32_t parent;
	uint32_t tasks, tasks_max; /* of the control group whose limit is nearest; 0: none, or not known */
	/* of the socket that was asked for: how many hold it; decides: no other of them could serve it */
	uint32_t holders;
	bool decides;
	/* a thread that waits for somebody else: in which call, and for whom or what; "": none is known */
	char waits_in[24], waits_for[80];
	bool waits_out;  /* and that is not a client: a lock, or a connection of its own to somebody */
};

/* Which packet of an attempt the firewall's rules are held against. */
enum ruling {
	RULING_SYN,     /* the client's, as it comes in */
	RULING_ANSWER,  /* our SYN-ACK */
	RULING_ACK,     /* the client's last of the handshake, or its data: of a known connection */
	RULING_INVALID, /* the same of one that connection tracking has forgotten */
	RULINGS,
};

struct question {
	enum question_kind kind;
	struct ip addr, peer; /* local and remote */
	uint16_t port, peer_port;
	uint32_t ifindex;
	int32_t pid;
	uint32_t inode; /* ASK_PROCESS: of a socket whose holder is meant, looked up anew; 0: pid is meant */
	bool every; /* ASK_CONNECTIONS: healthy ones too */
	enum ruling ruling; /* ASK_FIREWALL: of which packet */
	bool out;           /* as this host sends it */
	uint8_t mac[6];     /* ASK_MAC */
	uint8_t ttl;        /* its own; 0: not known */
};

/* How a listener in another network namespace can be reached; a larger one is nearer. */
enum elsewhere_reach {
	ELSEWHERE_LOOPBACK, /* it is bound to loopback there: from nowhere else */
	ELSEWHERE_ISOLATED, /* its namespace has only loopback, or no address that it takes */
	ELSEWHERE_APART,    /* it has an address, and no interface of its namespace leads to this one */
	ELSEWHERE_JOINED,   /* one does (veth, macvlan), and this namespace is not the one behind it */
};

/* Whether something is there. A struct, so that what is not known cannot be read as false by accident. */
struct presence {
	enum {
		PRESENCE_UNKNOWN, /* nobody looked, or it could not have been seen */
		PRESENCE_YES,
		PRESENCE_NO,
	} is;
};

static inline bool is_present(struct presence p)
{
	return p.is == PRESENCE_YES;
}

static inline bool is_absent(struct presence p)
{
	return p.is == PRESENCE_NO;
}

static inline struct presence presence_of(bool there)
{
	return (struct presence){there ? PRESENCE_YES : PRESENCE_NO};
}

struct answer {
	bool found; /* ASK_LOOKUP: a socket was found, and row is it */
	struct socket_row row;
	/* ASK_PORT: which kinds of socket have the port, and the first row of each */
	struct presence bound, udp, outgoing;
	bool complete; /* every row was seen, so that an absence counts */
	struct socket_row bound_row, udp_row, outgoing_row;
	struct owner bound_owner, udp_owner, outgoing_owner;
	struct routing routing;
	struct process process; /* bound_owner: by inode; n: how many processes hold it */
	/* ASK_CONNECTIONS: valid until the next question; complete says whether these are all */
	const struct connection *connections;
	size_t n_connections;
	/* ASK_HALF_OPEN: how many, of tcp_max_syn_backlog; and tcp_syncookies. ASK_CONNTRACK: entries of so many */
	uint32_t n, n_max;
	int cookies;
	/*
	 * ASK_ELSEWHERE: found and row, its owner, and what the namespace is called. ASK_TARGET: the same of the namespace
	 * that has the address, if there is one here; and by routing the neighbour on the way to it.
	 */
	bool has_namespace;
	struct hooks hooks; /* ASK_HOOKS */
	struct firewall_verdict firewall; /* ASK_FIREWALL */
	struct tracked_flow flow;   /* ASK_FLOW */
	struct owner elsewhere_owner;
	enum elsewhere_reach reach; /* ASK_ELSEWHERE: of row, and by which address; any: none */
	struct ip reach_addr;
	bool netns_container; /* netns is what docker or podman call it */
	int32_t netns_pid;    /* of a process in it; 0: not known */
	char netns[64];
};

/*
 * What is to be captured besides SYN, RST, FIN and ICMP errors, while something is unclear: all segments
 * between a peer and a local port, or who asks for an address (port 0).
 */
struct look {
	struct ip ip;
	uint16_t port;
};

enum {
	LOOKS_MAX = 32,
};

/* The four sources a finding can rest on, and "namespaces". */
enum source {
	SOURCE_SOCKETS,
	SOURCE_PACKETS,
	SOURCE_KERNEL,
	SOURCE_FIREWALL,
	SOURCE_NAMESPACES,
	SOURCE_COUNT,
};

enum source_state {
	STATE_OFF,
	STATE_ON,
	STATE_DEGRADED,
};

const char *source_name(enum source s);

/* The reason of this name; REASON_OTHER: not in the list. */
enum reason reason_by_name(const char *name);
const char *source_state_name(enum source_state s);
