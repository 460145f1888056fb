/* fact.h - what collectors know and the engine reasons about: plain data, no I/O types. */
#pragma once

#include "base/ip.h"

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
	SEGMENT_ICMP, /* an ICMP or ICMPv6 error that quotes a TCP segment */
};

enum segment_way {
	WAY_UNKNOWN, /* the link type does not say */
	WAY_IN,
	WAY_OUT,
	WAY_OTHER, /* for another host's MAC */
};

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
	bool v6;
	bool timestamps; /* the TCP timestamps option is there */
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

/* Who holds a socket; all text is clean. pid 0: not known. */
struct owner {
	int32_t pid;
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
	COUNTER_COUNT,
};

struct counters {
	int64_t t;
	uint64_t v[COUNTER_COUNT];
};

/* Name of a counter as nstat(8) prints it: "TcpOutRsts", "TcpExtListenOverflows". */
const char *counter_name(enum counter c);

/* What the engine wants to know of the host; a driver answers what it can (engine_answer()). */
enum question_kind {
	ASK_POLL,   /* a LISTEN dump and a sample of the counters, now */
	ASK_LOOKUP, /* which socket would get a segment of this 4-tuple: the kernel's own look-up */
	ASK_PORT,   /* who else has this local port: bound, UDP, outgoing */
};

struct question {
	enum question_kind kind;
	struct ip addr, peer; /* local and remote */
	uint16_t port, peer_port;
	uint32_t ifindex;
	uint32_t attempt; /* whom the answer is for */
};

struct answer {
	bool found; /* ASK_LOOKUP: a socket was found, and row is it */
	struct socket_row row;
	/* ASK_PORT: the first row of each kind; state says which are there */
	bool bound, udp, outgoing;
	bool complete; /* ASK_PORT: every dump ran to its end, so that an absence counts */
	struct socket_row bound_row, udp_row, outgoing_row;
	struct owner bound_owner, udp_owner, outgoing_owner;
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
const char *source_state_name(enum source_state s);
