/* cases.h - one set of facts for the rules, and the verdict on it. */
#pragma once

#include "engine/rules.h"

enum {
	NOBODY, /* listens, or would take this SYN */
	STEADY, /* takes it, and did before */
	LATER,  /* takes it by now, and is known to have been missing after the refusal */
	SIGHTED, /* takes it by now; whether it was missing after the refusal is not known */
};

enum {
	FREE,     /* asked, and nobody else has the port */
	NOT_ASKED = 1,
	BOUND = 2,
	UDP = 4,
	OUTGOING = 8,
	BOUND_UNSEEN = 16, /* of all but bound sockets it is known */
};

enum {
	FORGOTTEN = 1,
	TRACKED = 2,
};

enum {
	NO_LOOK = 0,
	FINDS_NOTHING = 1,
	FINDS = 2, /* plus the state */
};

#define FATE(name)     (1 + FIREWALL_##name)
#define MOVED(counter) (UINT64_C(1) << (counter))
#define NO_WINDOW      (UINT64_C(1) << 63)

/* A word of the kernel about a packet of the attempt. */
struct case_word {
	const char *name, *function;
	bool of_port;
	const char *to; /* where the packet went by then; NULL: where it was dialled */
	uint16_t port;  /* a RST's own; 0: the dialled one */
	uint8_t flags;
	bool active;    /* a RST that answers no segment */
	uint8_t state;  /* of the socket */
	bool answers;   /* a RST: the segment that it answers was looked at */
	uint16_t payload;
	enum speech speech;
};

/* One set of facts; what is left 0 is the ordinary: sockets known, nothing lost, dialled address
 * ours. */
struct rule_case {
	const char *what;
	enum situation situation;
	enum rst_origin origin;
	uint64_t moved; /* counters that rose by one */
	enum cause cause;
	enum confidence confidence;
	enum cause alternative; /* one of them; CAUSE_NONE: none at all when the verdict is sure */
	enum near near;
	int door, port, look;
	uint32_t drops, queue; /* of 10 at most */
	uint8_t ttl;           /* 0: 64 */
	uint8_t syns, flags, reset_by, first_fin;
	bool out, gone, lossy, no_sockets, drops_at_least, foreign, icmp_elsewhere, client_fin,
		server_fin;
	uint32_t client_bytes, server_bytes;
	int64_t lasted;
	uint32_t wire_rsts, rst_acks;
	int64_t gone_before; /* the answer; 0: 20 s */
	uint8_t peer_ttl;    /* 0: 64 */
	uint8_t synacks;     /* 0: one */
	uint8_t icmp_type;   /* 0: 3, with code 13 */
	uint8_t icmp_code;
	int32_t pid_before, pid_now; /* of the listener that went, and of the one that takes it by now */
	bool other_name, partial, elsewhere, v6;
	struct attempt a;        /* what else the wire showed of it */
	struct routing route;    /* both ways unknown: not asked */
	struct process process;  /* state 0: not asked */
	struct connection conn;  /* of an open one, in which something waits */
	enum waiting waiting;
	uint32_t members;        /* of a SO_REUSEPORT group */
	uint32_t half_open;      /* of 100; 0: not asked */
	uint32_t conntrack;      /* of 1000; 0: not asked */
	uint32_t disconnected;
	int cookies;
	bool named, all_full;    /* the look-up named one of the members; they are all full */
	int other_netns;         /* somebody listens in another namespace: 1 + enum elsewhere_reach, but not on loopback */
	bool impossible, from_here, vanished, backend, backend_at_once, backend_passed;
	uint32_t tls_answer;
	struct {
		bool inner, said; /* by what it is known where NAT leads */
		bool here;        /* to this host */
		uint8_t answer;   /* the target's, by its flags */
		bool asked, has_namespace;
		enum near near;
		enum neighbour neighbour;
	} nat;
	/* What the firewall's rules do with each packet: FATE(...); 0: not asked. */
	struct {
		int fate[RULINGS];
		const char *hook; /* of the rule; NULL: input */
		bool uncertain, grew, readerless;
		const char *leads; /* to this address */
		uint16_t to;       /* and port */
	} rules;
	int flow;                /* of connection tracking: 0 not asked, FORGOTTEN or TRACKED */
	struct hooks hooks;      /* not netfilter_known: not asked */
	struct case_word syn, syn_ack, from_client, to_client, rst;
	int manners;             /* enum server_manner */
	uint32_t ports_used, ports_max;
	uint32_t died;           /* the status of a process that ended then; 0: none */
	bool limit, turned_away, answers, claimed;
	int64_t closed_after;    /* the first FIN after the SYN; 0: the end */
	bool shared, decides;    /* others hold the socket; and none of them could serve */
	int64_t served_after, served_before; /* the refusal, by so many usec; 0: not */
	struct { int64_t reset, client_reset; } inner_rst; /* after the SYN; 0: none */
	bool last_seen_before;   /* the refusal: the listener, in the socket table */
};

#define REFUSED    SITUATION_REFUSED, ORIGIN_STACK, 0
#define SILENT     SITUATION_SILENT, ORIGIN_UNKNOWN
#define UNFINISHED SITUATION_UNFINISHED, ORIGIN_UNKNOWN
#define RESET      SITUATION_RESET, ORIGIN_STACK
#define CLOSED     SITUATION_CLOSED, ORIGIN_UNKNOWN, 0
#define PROVED     CONFIDENCE_PROVED
#define INFERRED   CONFIDENCE_INFERRED
#define POSSIBLE   CONFIDENCE_POSSIBLE
/* Which cause is settled, and how sure it may be is not. */
#define UNSETTLED  ((enum confidence)99)
#define NOTHING    CAUSE_NONE, CONFIDENCE_NONE
#define WAITING    SITUATION_WAITING, ORIGIN_UNKNOWN, 0
#define SERVED     SITUATION_ACCEPTED, ORIGIN_UNKNOWN
#define REJECTED   SITUATION_UNREACHABLE, ORIGIN_UNKNOWN, 0
#define CANCELLED  SITUATION_CANCELLED, ORIGIN_UNKNOWN, 0
#define STOPPED    .process = {.pid = 7, .state = 'T', .fds = 10, .fds_max = 1024}
#define NO_FDS     .process = {.pid = 7, .state = 'S', .fds = 1024, .fds_max = 1024}
#define RUNNING    .process = {.pid = 7, .state = 'S', .fds = 1023, .fds_max = 1024}
#define DIED       .process = {.state = 'X'}
/* Routing takes the SYN, and has a way back over a next hop that answers. */
#define WAY_BACK   .route = {.in = ROUTE_LOCAL, .back = ROUTE_UNICAST, .neighbour = NEIGHBOUR_ANSWERS}
#define LISTENED   (FINDS + SOCKET_LISTEN)
#define LISTEN_DROPS MOVED(COUNTER_LISTEN_DROPS)
#define SYN_RECV   (FINDS + SOCKET_SYN_RECV)
#define OVERFLOWS  MOVED(COUNTER_LISTEN_OVERFLOWS)
#define OUT_RSTS   MOVED(COUNTER_OUT_RSTS)
#define BY_OTHER   SITUATION_REFUSED, ORIGIN_OTHER, 0
#define NO_COUNTERS SITUATION_REFUSED, ORIGIN_UNKNOWN, NO_WINDOW
#define LIKELY     SITUATION_REFUSED, ORIGIN_LIKELY_STACK, 0
/* The host's own RST, counted once and seen once. */
/* what the RST answers was looked at, and was no last word */
#define REQUEST    {"TCP_ABORT_ON_DATA", "", .answers = true, .payload = 78, .speech = SPEECH_OTHER}
#define OUR_RST    .reset_by = SIDE_SERVER, .flags = 0x14, .wire_rsts = 1, .rst_acks = 1
