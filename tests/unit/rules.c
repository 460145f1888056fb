/* rules.c - facts to verdicts: for each rule what fits, and a near miss. */
#include "unit.h"

#include "engine/report.h"
#include "engine/rules.h"

enum {
	NOBODY, /* listens, or would take this SYN */
	STEADY, /* takes it, and did before */
	LATER,  /* takes it by now, and is known to have been missing after the refusal */
	SIGHTED, /* takes it by now; whether it was missing after the refusal is not known */
};

enum {
	NOT_ASKED,
	FREE = 1, /* asked, and nobody else has the port */
	BOUND = 2,
	UDP = 4,
	OUTGOING = 8,
};

enum {
	NO_LOOK = 0,
	FINDS_NOTHING = 1,
	FINDS = 2, /* plus the state */
};

#define MOVED(counter) (1u << (counter))
#define NO_WINDOW      (1u << 31)

/* One set of facts; what is left 0 is the ordinary: sockets known, nothing lost, dialled address
 * ours. */
struct rule_case {
	const char *what;
	enum situation situation;
	enum rst_origin origin;
	uint32_t moved; /* counters that rose by one */
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
	bool other_name, partial, elsewhere, v6;
};

#define REFUSED    SITUATION_REFUSED, ORIGIN_STACK, 0
#define SILENT     SITUATION_SILENT, ORIGIN_UNKNOWN
#define UNFINISHED SITUATION_UNFINISHED, ORIGIN_UNKNOWN
#define RESET      SITUATION_RESET, ORIGIN_STACK
#define CLOSED     SITUATION_CLOSED, ORIGIN_UNKNOWN, 0
#define PROVED     CONFIDENCE_PROVED
#define INFERRED   CONFIDENCE_INFERRED
#define POSSIBLE   CONFIDENCE_POSSIBLE
#define SYN_RECV   (FINDS + SOCKET_SYN_RECV)
#define OVERFLOWS  MOVED(COUNTER_LISTEN_OVERFLOWS)
#define OUT_RSTS   MOVED(COUNTER_OUT_RSTS)
#define BY_OTHER   SITUATION_REFUSED, ORIGIN_OTHER, 0
#define NO_COUNTERS SITUATION_REFUSED, ORIGIN_UNKNOWN, NO_WINDOW
#define LIKELY     SITUATION_REFUSED, ORIGIN_LIKELY_STACK, 0
/* The host's own RST, counted once and seen once. */
#define OUR_RST    .reset_by = SIDE_SERVER, .flags = 0x14, .wire_rsts = 1, .rst_acks = 1

static const struct rule_case cases[] = {
	/* nobody at the door */
	{"nobody", REFUSED, CAUSE_NO_LISTENER, PROVED},
	{"nobody, and the port is free", REFUSED, CAUSE_NO_LISTENER, PROVED, .port = FREE},
	{"nobody, no counters", NO_COUNTERS, CAUSE_NO_LISTENER, POSSIBLE, CAUSE_FIREWALL_RESET},
	{"nobody, a wire not seen whole", LIKELY, CAUSE_NO_LISTENER, INFERRED, .partial = true},
	{"nobody, mixed RSTs", SITUATION_REFUSED, ORIGIN_MIXED, 0, CAUSE_NO_LISTENER, POSSIBLE,
		CAUSE_FIREWALL_RESET},
	{"nobody, but the stack did not refuse", SITUATION_REFUSED, ORIGIN_OTHER, 0,
		CAUSE_FIREWALL_RESET, PROVED},
	{"the same with losses", SITUATION_REFUSED, ORIGIN_OTHER, 0, CAUSE_FIREWALL_RESET, INFERRED,
		.lossy = true},
	{"nobody, sockets unknown", SITUATION_REFUSED, ORIGIN_UNKNOWN, 0, CAUSE_NO_LISTENER,
		POSSIBLE, CAUSE_LOOPBACK_ONLY, .no_sockets = true},
	{"loopback", REFUSED, CAUSE_LOOPBACK_ONLY, PROVED, .near = NEAR_LOOPBACK},
	{"loopback, no counters", NO_COUNTERS, CAUSE_LOOPBACK_ONLY, POSSIBLE, CAUSE_FIREWALL_RESET,
		.near = NEAR_LOOPBACK},
	{"loopback, a wire not seen whole", LIKELY, CAUSE_LOOPBACK_ONLY, INFERRED,
		.near = NEAR_LOOPBACK, .partial = true},
	{"loopback, and another that just went", REFUSED, CAUSE_LISTENER_GONE, PROVED,
		.near = NEAR_LOOPBACK, .gone = true, .gone_before = 10 * USEC - 1},
	{"loopback, and another that went a while ago", REFUSED, CAUSE_LOOPBACK_ONLY, PROVED,
		.near = NEAR_LOOPBACK, .gone = true, .gone_before = 10 * USEC},
	{"another device, and one that just went", REFUSED, CAUSE_LISTENER_GONE, PROVED,
		.near = NEAR_DEVICE, .gone = true, .gone_before = USEC},
	{"loopback, mixed RSTs", SITUATION_REFUSED, ORIGIN_MIXED, 0, CAUSE_LOOPBACK_ONLY, POSSIBLE,
		CAUSE_FIREWALL_RESET, .near = NEAR_LOOPBACK},
	{"another address", REFUSED, CAUSE_OTHER_ADDRESS, PROVED, .near = NEAR_ADDRESS},
	{"IPv6 only", REFUSED, CAUSE_IPV6_ONLY, PROVED, .near = NEAR_V6ONLY},
	{"IPv4 only", REFUSED, CAUSE_IPV4_ONLY, PROVED, .near = NEAR_V4ONLY},
	{"another device", REFUSED, CAUSE_OTHER_DEVICE, PROVED, .near = NEAR_DEVICE},
	{"another device, and a firewall", SITUATION_REFUSED, ORIGIN_OTHER, 0, CAUSE_FIREWALL_RESET,
		PROVED, .near = NEAR_DEVICE},
	{"bound", REFUSED, CAUSE_NOT_LISTENING, PROVED, .port = BOUND},
	{"bound, and UDP too", REFUSED, CAUSE_NOT_LISTENING, PROVED,
		.port = BOUND | UDP | OUTGOING},
	{"bound, but somebody is near", REFUSED, CAUSE_LOOPBACK_ONLY, PROVED, .port = BOUND,
		.near = NEAR_LOOPBACK},
	{"UDP", REFUSED, CAUSE_UDP_ONLY, PROVED, .port = UDP},
	{"UDP, and a listener that went", REFUSED, CAUSE_LISTENER_GONE, PROVED, .port = UDP,
		.gone = true},
	{"outgoing", REFUSED, CAUSE_OUTGOING_PORT, PROVED, .port = OUTGOING},
	{"outgoing and UDP", REFUSED, CAUSE_OUTGOING_PORT, PROVED, .port = OUTGOING | UDP},
	{"gone", REFUSED, CAUSE_LISTENER_GONE, PROVED, .gone = true},
	{"gone, and bound again", REFUSED, CAUSE_NOT_LISTENING, PROVED, .gone = true,
		.port = BOUND},
	{"gone long ago", REFUSED, CAUSE_LISTENER_GONE, PROVED, .gone = true,
		.gone_before = 3000 * USEC},
	{"too early", REFUSED, CAUSE_TOO_EARLY, PROVED, .door = LATER},
	{"too early, no counters", NO_COUNTERS, CAUSE_TOO_EARLY, POSSIBLE, CAUSE_FIREWALL_RESET,
		.door = LATER},
	{"too early, a wire not seen whole", LIKELY, CAUSE_TOO_EARLY, INFERRED, .door = LATER,
		.partial = true},
	{"too early, mixed RSTs", SITUATION_REFUSED, ORIGIN_MIXED, 0, CAUSE_TOO_EARLY, POSSIBLE,
		CAUSE_FIREWALL_RESET, .door = LATER},
	{"sighted after, not known missing", REFUSED, CAUSE_TOO_EARLY, POSSIBLE,
		CAUSE_REDIRECT_NO_LISTENER, .door = SIGHTED},
	{"the same, a firewall as well", REFUSED, CAUSE_TOO_EARLY, POSSIBLE, CAUSE_FIREWALL_RESET,
		.door = SIGHTED},
	{"sighted after, a firewall", BY_OTHER, CAUSE_FIREWALL_RESET, PROVED, .door = SIGHTED},
	{"restarting", REFUSED, CAUSE_RESTARTING, PROVED, .door = LATER, .gone = true},
	{"restarting, a minute ago all but", REFUSED, CAUSE_RESTARTING, PROVED, .door = LATER,
		.gone = true, .gone_before = 60 * USEC - 1},
	{"restarting, a minute ago", REFUSED, CAUSE_TOO_EARLY, PROVED, .door = LATER, .gone = true,
		.gone_before = 60 * USEC},
	{"another server than the one that went", REFUSED, CAUSE_TOO_EARLY, PROVED, .door = LATER,
		.gone = true, .other_name = true},
	{"restarting, no counters", NO_COUNTERS, CAUSE_RESTARTING, POSSIBLE, CAUSE_FIREWALL_RESET,
		.door = LATER, .gone = true},
	{"a listener there, the stack refuses", REFUSED, CAUSE_UNKNOWN, CONFIDENCE_NONE,
		CAUSE_STEERED_AWAY, .door = STEADY},
	/* whose RST it is */
	{"a listener there, a firewall", SITUATION_REFUSED, ORIGIN_OTHER, 0, CAUSE_FIREWALL_RESET,
		PROVED, .door = STEADY},
	{"a listener there, mixed", SITUATION_REFUSED, ORIGIN_MIXED, 0, CAUSE_FIREWALL_RESET,
		INFERRED, .door = STEADY},
	{"a listener there, no counters", SITUATION_REFUSED, ORIGIN_UNKNOWN, 0,
		CAUSE_FIREWALL_RESET, POSSIBLE, CAUSE_STEERED_AWAY, .door = STEADY},
	{"a listener there, mixed, from behind", SITUATION_REFUSED, ORIGIN_MIXED, 0,
		CAUSE_PUBLISHED_NO_LISTENER, POSSIBLE, CAUSE_FIREWALL_RESET, .door = STEADY,
		.ttl = 63},
	{"a listener there, a wire not seen whole", LIKELY, CAUSE_UNKNOWN, CONFIDENCE_NONE,
		CAUSE_STEERED_AWAY, .door = STEADY, .partial = true},
	{"from behind", BY_OTHER, CAUSE_PUBLISHED_NO_LISTENER, POSSIBLE, CAUSE_FIREWALL_RESET,
		.ttl = 63},
	{"a larger TTL than ours", BY_OTHER, CAUSE_PUBLISHED_NO_LISTENER, POSSIBLE,
		CAUSE_FIREWALL_RESET, .ttl = 255},
	{"from behind, sockets unknown", BY_OTHER, CAUSE_FIREWALL_RESET, PROVED, .ttl = 63,
		.no_sockets = true},
	{"from behind, no counters", NO_COUNTERS, CAUSE_NO_LISTENER, POSSIBLE,
		CAUSE_PUBLISHED_NO_LISTENER, .ttl = 63},
	{"from behind a listener, no counters", NO_COUNTERS, CAUSE_PUBLISHED_NO_LISTENER, POSSIBLE,
		CAUSE_FIREWALL_RESET, .door = STEADY, .ttl = 63},
	{"TTL 255, and the stack counted it", REFUSED, CAUSE_NO_LISTENER, PROVED, .ttl = 255},
	{"from behind, though the stack counted it", REFUSED, CAUSE_NO_LISTENER, PROVED, .ttl = 63},
	{"from behind, and likely counted", LIKELY, CAUSE_NO_LISTENER, INFERRED, .ttl = 63},
	{"refused by a remote", SITUATION_REFUSED, ORIGIN_UNKNOWN, 0, CAUSE_REMOTE_REFUSED, PROVED,
		.out = true, .ttl = 50},
	/* ICMP */
	{"our ICMP error", SITUATION_UNREACHABLE, ORIGIN_UNKNOWN, 0, CAUSE_FIREWALL_REJECT, PROVED},
	{"no route", SITUATION_UNREACHABLE, ORIGIN_UNKNOWN, 0, CAUSE_FIREWALL_REJECT, POSSIBLE,
		CAUSE_FORWARD_UNREACHABLE, .icmp_type = 3, .icmp_code = 0},
	{"host unreachable", SITUATION_UNREACHABLE, ORIGIN_UNKNOWN, 0, CAUSE_FIREWALL_REJECT,
		POSSIBLE, CAUSE_PUBLISHED_TARGET_DEAD, .icmp_type = 3, .icmp_code = 1},
	{"port unreachable", SITUATION_UNREACHABLE, ORIGIN_UNKNOWN, 0, CAUSE_FIREWALL_REJECT,
		PROVED, .icmp_type = 3, .icmp_code = 3},
	{"time exceeded", SITUATION_UNREACHABLE, ORIGIN_UNKNOWN, 0, CAUSE_FIREWALL_REJECT, POSSIBLE,
		CAUSE_FORWARD_UNREACHABLE, .icmp_type = 11, .icmp_code = 2},
	{"IPv6, no route", SITUATION_UNREACHABLE, ORIGIN_UNKNOWN, 0, CAUSE_FIREWALL_REJECT,
		POSSIBLE, CAUSE_FORWARD_UNREACHABLE, .v6 = true, .icmp_type = 1, .icmp_code = 0},
	{"IPv6, prohibited", SITUATION_UNREACHABLE, ORIGIN_UNKNOWN, 0, CAUSE_FIREWALL_REJECT, PROVED,
		.v6 = true, .icmp_type = 1, .icmp_code = 1},
	{"IPv6, address unreachable", SITUATION_UNREACHABLE, ORIGIN_UNKNOWN, 0,
		CAUSE_FIREWALL_REJECT, POSSIBLE, CAUSE_PUBLISHED_TARGET_DEAD, .v6 = true,
		.icmp_type = 1, .icmp_code = 3},
	{"IPv6, port unreachable", SITUATION_UNREACHABLE, ORIGIN_UNKNOWN, 0, CAUSE_FIREWALL_REJECT,
		PROVED, .v6 = true, .icmp_type = 1, .icmp_code = 4},
	{"another's ICMP error", SITUATION_UNREACHABLE, ORIGIN_UNKNOWN, 0, CAUSE_UNKNOWN,
		CONFIDENCE_NONE, CAUSE_FIREWALL_REJECT, .icmp_elsewhere = true},
	{"our ICMP error for a foreign address", SITUATION_UNREACHABLE, ORIGIN_UNKNOWN, 0,
		CAUSE_UNKNOWN, CONFIDENCE_NONE, CAUSE_FORWARD_UNREACHABLE, .foreign = true},
	{"a remote's ICMP error", SITUATION_UNREACHABLE, ORIGIN_UNKNOWN, 0,
		CAUSE_REMOTE_UNREACHABLE, PROVED, .out = true, .icmp_elsewhere = true},
	/* silence */
	{"full queue", SILENT, OVERFLOWS, CAUSE_ACCEPT_QUEUE_FULL, PROVED, .door = STEADY,
		.drops = 1, .queue = 11},
	{"full queue, losses", SILENT, OVERFLOWS, CAUSE_ACCEPT_QUEUE_FULL, INFERRED, .door = STEADY,
		.drops = 1, .queue = 11, .lossy = true},
	{"full queue, at least one drop", SILENT, OVERFLOWS, CAUSE_ACCEPT_QUEUE_FULL, PROVED,
		.door = STEADY, .drops = 1, .queue = 11, .drops_at_least = true},
	{"full queue, no overflow", SILENT, 0, CAUSE_UNKNOWN, CONFIDENCE_NONE,
		CAUSE_ACCEPT_QUEUE_FULL, .door = STEADY, .drops = 1, .queue = 11},
	{"full queue, no overflow, but a listen drop", SILENT, MOVED(COUNTER_LISTEN_DROPS),
		CAUSE_UNKNOWN, CONFIDENCE_NONE, CAUSE_ACCEPT_QUEUE_FULL, .door = STEADY, .drops = 1,
		.queue = 11},
	{"full queue, overflows without a window", SILENT, NO_WINDOW | OVERFLOWS, CAUSE_UNKNOWN,
		CONFIDENCE_NONE, CAUSE_ACCEPT_QUEUE_FULL, .door = STEADY, .drops = 1, .queue = 11},
	{"full queue, MD5 not found", SILENT, OVERFLOWS | MOVED(COUNTER_MD5_DROPS),
		CAUSE_ACCEPT_QUEUE_FULL, POSSIBLE, CAUSE_TCP_MD5, .door = STEADY, .drops = 1,
		.queue = 11},
	{"full queue, MD5 unexpected", SILENT, OVERFLOWS | MOVED(COUNTER_MD5_UNEXPECTED),
		CAUSE_ACCEPT_QUEUE_FULL, POSSIBLE, CAUSE_TCP_MD5, .door = STEADY, .drops = 1,
		.queue = 11},
	{"full queue, MD5 wrong", SILENT, OVERFLOWS | MOVED(COUNTER_MD5_FAILURE),
		CAUSE_ACCEPT_QUEUE_FULL, POSSIBLE, CAUSE_TCP_MD5, .door = STEADY, .drops = 1,
		.queue = 11},
	{"full queue, too small a TTL", SILENT, OVERFLOWS | MOVED(COUNTER_MIN_TTL_DROP),
		CAUSE_ACCEPT_QUEUE_FULL, POSSIBLE, CAUSE_MIN_TTL, .door = STEADY, .drops = 1,
		.queue = 11},
	{"full queue, no route", SILENT, OVERFLOWS | MOVED(COUNTER_OUT_NO_ROUTES),
		CAUSE_ACCEPT_QUEUE_FULL, POSSIBLE, CAUSE_NO_ROUTE_BACK, .door = STEADY, .drops = 1,
		.queue = 11},
	{"full queue, full SYN queue", SILENT, OVERFLOWS | MOVED(COUNTER_REQQ_FULL_DROP),
		CAUSE_ACCEPT_QUEUE_FULL, POSSIBLE, CAUSE_SYN_QUEUE_FULL, .door = STEADY, .drops = 1,
		.queue = 11},
	{"queue no longer full, overflows", SILENT, OVERFLOWS, CAUSE_ACCEPT_QUEUE_FULL, POSSIBLE,
		CAUSE_SYN_QUEUE_FULL, .door = STEADY, .drops = 1},
	{"queue at its limit is not full", SILENT, OVERFLOWS, CAUSE_ACCEPT_QUEUE_FULL, POSSIBLE,
		CAUSE_SYN_QUEUE_FULL, .door = STEADY, .drops = 1, .queue = 10},
	{"a drop, and no counter says why", SILENT, 0, CAUSE_UNKNOWN, CONFIDENCE_NONE,
		CAUSE_FIREWALL_DROP, .door = STEADY, .drops = 1, .queue = 10},
	{"full queue, but it did not drop", SILENT, 0, CAUSE_FIREWALL_DROP, POSSIBLE,
		CAUSE_BPF_DROP, .door = STEADY, .queue = 11},
	{"full queue of nobody", SILENT, MOVED(COUNTER_LISTEN_OVERFLOWS), CAUSE_FIREWALL_DROP,
		POSSIBLE, CAUSE_BPF_DROP, .drops = 1, .queue = 11},
	{"SYN queue", SILENT, MOVED(COUNTER_LISTEN_DROPS), CAUSE_SYN_QUEUE_FULL, POSSIBLE,
		CAUSE_NO_ROUTE_BACK, .door = STEADY, .drops = 1},
	{"SYN queue, full accept queue", SILENT, MOVED(COUNTER_LISTEN_DROPS) | OVERFLOWS,
		CAUSE_ACCEPT_QUEUE_FULL, PROVED, .door = STEADY, .drops = 1, .queue = 11},
	{"SYN queue, and no route", SILENT,
		MOVED(COUNTER_LISTEN_DROPS) | MOVED(COUNTER_OUT_NO_ROUTES), CAUSE_NO_ROUTE_BACK,
		POSSIBLE, CAUSE_SYN_QUEUE_FULL, .door = STEADY, .drops = 1},
	{"SYN queue counter, no listen drop", SILENT, MOVED(COUNTER_REQQ_FULL_DROP), CAUSE_UNKNOWN,
		CONFIDENCE_NONE, CAUSE_FIREWALL_DROP, .door = STEADY, .drops = 1},
	{"listen drops of another listener", SILENT, MOVED(COUNTER_LISTEN_DROPS),
		CAUSE_FIREWALL_DROP, POSSIBLE, CAUSE_BPF_DROP, .door = STEADY},
	{"listen drops without a window", SILENT, NO_WINDOW | MOVED(COUNTER_LISTEN_DROPS),
		CAUSE_UNKNOWN, CONFIDENCE_NONE, CAUSE_FIREWALL_DROP, .door = STEADY, .drops = 1},
	{"MD5 not found", SILENT, MOVED(COUNTER_MD5_DROPS), CAUSE_TCP_MD5, POSSIBLE,
		CAUSE_ACCEPT_QUEUE_FULL, .door = STEADY, .drops = 1},
	{"MD5 unexpected", SILENT, MOVED(COUNTER_MD5_UNEXPECTED), CAUSE_TCP_MD5, POSSIBLE,
		CAUSE_ACCEPT_QUEUE_FULL, .door = STEADY, .drops = 1},
	{"MD5 wrong", SILENT, MOVED(COUNTER_MD5_FAILURE), CAUSE_TCP_MD5, POSSIBLE,
		CAUSE_ACCEPT_QUEUE_FULL, .door = STEADY, .drops = 1},
	{"MD5, but not this listener's", SILENT, MOVED(COUNTER_MD5_DROPS), CAUSE_FIREWALL_DROP,
		POSSIBLE, CAUSE_BPF_DROP, .door = STEADY},
	{"too small a TTL", SILENT, MOVED(COUNTER_MIN_TTL_DROP), CAUSE_MIN_TTL, POSSIBLE,
		CAUSE_ACCEPT_QUEUE_FULL, .door = STEADY, .drops = 1},
	{"too small a TTL, but not here", SILENT, MOVED(COUNTER_MIN_TTL_DROP), CAUSE_FIREWALL_DROP,
		POSSIBLE, CAUSE_BPF_DROP, .door = STEADY},
	{"the old connection is in TIME_WAIT", SILENT, 0, CAUSE_TIMEWAIT_REUSE, POSSIBLE,
		CAUSE_FIREWALL_DROP, .door = STEADY, .look = FINDS + SOCKET_TIME_WAIT},
	{"route back", SILENT, MOVED(COUNTER_OUT_NO_ROUTES), CAUSE_NO_ROUTE_BACK, POSSIBLE,
		CAUSE_SYN_QUEUE_FULL, .door = STEADY, .drops = 1},
	{"dropped before the socket", SILENT, 0, CAUSE_FIREWALL_DROP, POSSIBLE, CAUSE_BPF_DROP,
		.door = STEADY},
	{"a listener there, dropped", SILENT, 0, CAUSE_FIREWALL_DROP, POSSIBLE,
		CAUSE_CONNTRACK_FULL, .door = STEADY},
	{"nobody there, dropped", SILENT, 0, CAUSE_FIREWALL_DROP, POSSIBLE,
		CAUSE_PUBLISHED_NOT_FORWARDED},
	{"nobody there, no way back", SILENT, 0, CAUSE_FIREWALL_DROP, POSSIBLE,
		CAUSE_PUBLISHED_NO_RETURN},
	{"nobody there, to loopback", SILENT, 0, CAUSE_FIREWALL_DROP, POSSIBLE,
		CAUSE_DNAT_TO_LOOPBACK},
	{"nobody there, refused, and no RST left", SITUATION_SILENT, ORIGIN_STACK, OUT_RSTS,
		CAUSE_NEXT_HOP_DEAD, POSSIBLE, CAUSE_FIREWALL_DROP_REPLY},
	{"nobody there, and the RST was another's", SITUATION_SILENT, ORIGIN_STACK, OUT_RSTS,
		CAUSE_FIREWALL_DROP, POSSIBLE, CAUSE_BPF_DROP, .wire_rsts = 1},
	{"drops not exactly known", SILENT, 0, CAUSE_UNKNOWN, CONFIDENCE_NONE, CAUSE_FIREWALL_DROP,
		.door = STEADY, .drops_at_least = true},
	{"not our address", SILENT, 0, CAUSE_UNKNOWN, CONFIDENCE_NONE, CAUSE_NOT_OUR_ADDRESS,
		.foreign = true},
	{"sockets unknown", SILENT, 0, CAUSE_UNKNOWN, CONFIDENCE_NONE, CAUSE_FIREWALL_DROP,
		.no_sockets = true},
	{"reverse path", SILENT, MOVED(COUNTER_RP_FILTER), CAUSE_FIREWALL_DROP, POSSIBLE,
		CAUSE_REVERSE_PATH, .door = STEADY},
	{"checksum", SILENT, MOVED(COUNTER_IN_CSUM_ERRORS), CAUSE_FIREWALL_DROP, POSSIBLE,
		CAUSE_BAD_CHECKSUM, .door = STEADY},
	{"the kernel answered", SILENT, 0, CAUSE_FIREWALL_DROP_REPLY, POSSIBLE, CAUSE_NEXT_HOP_DEAD,
		.door = STEADY, .look = SYN_RECV},
	{"the look-up finds the listener", SILENT, 0, CAUSE_FIREWALL_DROP, POSSIBLE, CAUSE_BPF_DROP,
		.door = STEADY, .look = FINDS + SOCKET_LISTEN},
	{"the look-up finds nothing", SILENT, 0, CAUSE_FIREWALL_DROP, POSSIBLE, CAUSE_BPF_DROP,
		.look = FINDS_NOTHING},
	{"a remote is silent", SILENT, 0, CAUSE_REMOTE_SILENT, INFERRED, .out = true},
	{"a remote is silent, losses", SILENT, 0, CAUSE_REMOTE_SILENT, POSSIBLE,
		CAUSE_REMOTE_REFUSED, .out = true, .lossy = true},
	/* unfinished */
	{"one SYN", UNFINISHED, 0, CAUSE_PEER_SILENT, POSSIBLE, CAUSE_FIREWALL_DROP_ACK,
		.look = SYN_RECV},
	{"two SYNs", UNFINISHED, 0, CAUSE_REPLY_LOST, POSSIBLE, CAUSE_FIREWALL_DROP_ACK,
		.look = SYN_RECV, .syns = 2},
	{"overflows", UNFINISHED, MOVED(COUNTER_LISTEN_OVERFLOWS), CAUSE_ACCEPT_QUEUE_FULL_LATE,
		POSSIBLE, CAUSE_PEER_SILENT, .look = SYN_RECV},
	{"overflows, two SYNs", UNFINISHED, MOVED(COUNTER_LISTEN_OVERFLOWS), CAUSE_REPLY_LOST,
		POSSIBLE, CAUSE_ACCEPT_QUEUE_FULL_LATE, .look = SYN_RECV, .syns = 2},
	{"deferred", UNFINISHED, MOVED(COUNTER_DEFER_ACCEPT_DROP), CAUSE_DEFERRED_ACCEPT, POSSIBLE,
		CAUSE_PEER_SILENT, .look = SYN_RECV},
	{"not looked up", UNFINISHED, 0, CAUSE_UNKNOWN, CONFIDENCE_NONE, CAUSE_PEER_SILENT},
	/* cancelled */
	{"reset at once", SITUATION_CANCELLED, ORIGIN_UNKNOWN, 0, CAUSE_PEER_RESET, PROVED},
	{"reset just in time", SITUATION_CANCELLED, ORIGIN_UNKNOWN, 0, CAUSE_PEER_RESET, PROVED,
		.lasted = 100 + 299999},
	{"reset too late", SITUATION_CANCELLED, ORIGIN_UNKNOWN, 0, CAUSE_UNKNOWN, CONFIDENCE_NONE,
		CAUSE_PEER_RESET, .lasted = 100 + 300000},
	{"reset after a second SYN-ACK", SITUATION_CANCELLED, ORIGIN_UNKNOWN, 0, CAUSE_UNKNOWN,
		CONFIDENCE_NONE, CAUSE_PEER_RESET, .synacks = 2},
	{"reset, and tried again", SITUATION_CANCELLED, ORIGIN_UNKNOWN, 0, CAUSE_PEER_FIREWALL,
		POSSIBLE, CAUSE_PEER_RESET, .syns = 2},
	/* resets */
	{"unread data", RESET, OUT_RSTS | MOVED(COUNTER_ABORT_ON_CLOSE), CAUSE_ABORT_UNREAD_DATA,
		PROVED, OUR_RST},
	{"unread data, two RSTs", RESET, OUT_RSTS | MOVED(COUNTER_ABORT_ON_CLOSE),
		CAUSE_ABORT_UNREAD_DATA, POSSIBLE, CAUSE_ABORT_LINGER, .reset_by = SIDE_SERVER,
		.flags = 0x14, .wire_rsts = 1, .rst_acks = 2},
	{"unread data, counted without a RST", RESET, OUT_RSTS | MOVED(COUNTER_ABORT_ON_CLOSE),
		CAUSE_ABORT_UNREAD_DATA, POSSIBLE, CAUSE_SOCKET_DESTROYED, .reset_by = SIDE_SERVER,
		.flags = 0x14, .wire_rsts = 1},
	{"unread data, a rule's RST", RESET, MOVED(COUNTER_ABORT_ON_CLOSE), CAUSE_ABORT_UNREAD_DATA,
		POSSIBLE, CAUSE_SOCKET_DESTROYED, OUR_RST},
	{"unread data, more RSTs than counted", RESET, OUT_RSTS | MOVED(COUNTER_ABORT_ON_CLOSE),
		CAUSE_ABORT_UNREAD_DATA, POSSIBLE, CAUSE_SOCKET_DESTROYED, .reset_by = SIDE_SERVER,
		.flags = 0x14, .wire_rsts = 2, .rst_acks = 1},
	{"unread data, a wire not seen whole", RESET, OUT_RSTS | MOVED(COUNTER_ABORT_ON_CLOSE),
		CAUSE_ABORT_UNREAD_DATA, POSSIBLE, CAUSE_SOCKET_DESTROYED, OUR_RST, .partial = true},
	{"unread data, and the listener went too", RESET, OUT_RSTS | MOVED(COUNTER_ABORT_ON_CLOSE),
		CAUSE_ABORT_UNREAD_DATA, POSSIBLE, CAUSE_PROCESS_DIED, OUR_RST, .gone = true,
		.gone_before = USEC - 1},
	{"the listener went right after", RESET, OUT_RSTS | MOVED(COUNTER_ABORT_ON_CLOSE),
		CAUSE_ABORT_UNREAD_DATA, POSSIBLE, CAUSE_PROCESS_DIED, OUR_RST, .gone = true,
		.gone_before = 1 - USEC},
	{"a listener that went before", RESET, OUT_RSTS | MOVED(COUNTER_ABORT_ON_CLOSE),
		CAUSE_ABORT_UNREAD_DATA, PROVED, OUR_RST, .gone = true, .gone_before = USEC},
	{"unread data, and a connection of ours", RESET,
		OUT_RSTS | MOVED(COUNTER_ABORT_ON_CLOSE) | MOVED(COUNTER_ACTIVE_OPENS),
		CAUSE_ABORT_UNREAD_DATA, PROVED, OUR_RST},
	{"unread data or linger", RESET,
		OUT_RSTS | MOVED(COUNTER_ABORT_ON_CLOSE) | MOVED(COUNTER_ABORT_ON_DATA),
		CAUSE_ABORT_UNREAD_DATA, POSSIBLE, CAUSE_ABORT_LINGER, OUR_RST},
	{"linger", RESET, OUT_RSTS | MOVED(COUNTER_ABORT_ON_DATA), CAUSE_ABORT_LINGER, PROVED,
		OUR_RST},
	{"linger, and a connection of ours", RESET,
		OUT_RSTS | MOVED(COUNTER_ABORT_ON_DATA) | MOVED(COUNTER_ACTIVE_OPENS),
		CAUSE_ABORT_LINGER, POSSIBLE, CAUSE_ABORT_UNREAD_DATA, OUR_RST},
	{"linger, and the listener went too", RESET, OUT_RSTS | MOVED(COUNTER_ABORT_ON_DATA),
		CAUSE_ABORT_LINGER, POSSIBLE, CAUSE_QUEUE_DISCARDED, OUR_RST, .gone = true,
		.gone_before = USEC / 2},
	{"linger by us as the client", RESET, OUT_RSTS | MOVED(COUNTER_ABORT_ON_DATA),
		CAUSE_ABORT_LINGER, PROVED, .out = true, .reset_by = SIDE_CLIENT, .flags = 0x14,
		.wire_rsts = 1, .rst_acks = 1},
	{"linger, without a window", RESET, NO_WINDOW | OUT_RSTS | MOVED(COUNTER_ABORT_ON_DATA),
		CAUSE_UNKNOWN, CONFIDENCE_NONE, CAUSE_SOCKET_DESTROYED, OUR_RST},
	{"a bare RST is no abort", RESET, OUT_RSTS | MOVED(COUNTER_ABORT_ON_DATA), CAUSE_UNKNOWN,
		CONFIDENCE_NONE, CAUSE_SOCKET_DESTROYED, .reset_by = SIDE_SERVER, .flags = 4,
		.wire_rsts = 1},
	{"an abort without a counter", RESET, 0, CAUSE_UNKNOWN, CONFIDENCE_NONE,
		CAUSE_FIREWALL_RESET, OUR_RST},
	{"sent after close", RESET, OUT_RSTS, CAUSE_SENT_AFTER_CLOSE, PROVED,
		.reset_by = SIDE_SERVER, .flags = 4, .server_fin = true, .wire_rsts = 1},
	{"a stray ACK after both have closed", RESET, OUT_RSTS, CAUSE_UNKNOWN, CONFIDENCE_NONE,
		CAUSE_SOCKET_DESTROYED, .reset_by = SIDE_SERVER, .flags = 4, .server_fin = true,
		.client_fin = true, .wire_rsts = 1},
	{"sent after close, no counters", RESET, NO_WINDOW, CAUSE_SENT_AFTER_CLOSE, PROVED,
		.reset_by = SIDE_SERVER, .flags = 4, .server_fin = true},
	{"after our close, but a rule's RST", RESET, 0, CAUSE_UNKNOWN, CONFIDENCE_NONE,
		CAUSE_FIREWALL_RESET, .reset_by = SIDE_SERVER, .flags = 4, .server_fin = true,
		.wire_rsts = 1},
	{"sent after close, by us", RESET, OUT_RSTS, CAUSE_SENT_AFTER_CLOSE, PROVED, .out = true,
		.reset_by = SIDE_CLIENT, .flags = 4, .client_fin = true, .wire_rsts = 1},
	{"a FIN of the other side is not ours", RESET, OUT_RSTS, CAUSE_UNKNOWN, CONFIDENCE_NONE,
		CAUSE_SOCKET_DESTROYED, .reset_by = SIDE_SERVER, .flags = 4, .client_fin = true,
		.wire_rsts = 1},
	{"the peer", RESET, 0, CAUSE_PEER_CLOSED_ABRUPTLY, PROVED, .reset_by = SIDE_CLIENT,
		.flags = 4, .ttl = 57, .peer_ttl = 57},
	{"over more hops than the peer", RESET, 0, CAUSE_PEER_CLOSED_ABRUPTLY, POSSIBLE,
		CAUSE_MIDDLEBOX_RESET, .reset_by = SIDE_CLIENT, .flags = 4, .ttl = 56,
		.peer_ttl = 57},
	{"over fewer hops than the peer", RESET, 0, CAUSE_PEER_CLOSED_ABRUPTLY, POSSIBLE,
		CAUSE_MIDDLEBOX_RESET, .reset_by = SIDE_CLIENT, .flags = 4, .ttl = 62,
		.peer_ttl = 57},
	{"in the peer's name, elsewhere", RESET, 0, CAUSE_UNKNOWN, CONFIDENCE_NONE,
		CAUSE_FIREWALL_RESET, .reset_by = SIDE_CLIENT, .flags = 4, .ttl = 57,
		.peer_ttl = 57, .elsewhere = true},
	{"the remote", RESET, 0, CAUSE_REMOTE_RESET, PROVED, .out = true, .reset_by = SIDE_SERVER,
		.flags = 0x14, .ttl = 50, .peer_ttl = 50},
	{"not over the remote's hops", RESET, 0, CAUSE_REMOTE_RESET, POSSIBLE,
		CAUSE_MIDDLEBOX_RESET, .out = true, .reset_by = SIDE_SERVER, .flags = 0x14,
		.ttl = 60, .peer_ttl = 50},
	{"in the remote's name, elsewhere", RESET, 0, CAUSE_UNKNOWN, CONFIDENCE_NONE,
		CAUSE_REMOTE_RESET, .out = true, .reset_by = SIDE_SERVER, .flags = 0x14, .ttl = 50,
		.peer_ttl = 50, .elsewhere = true},
	/* closed */
	{"early", CLOSED, CAUSE_CLOSED_EARLY, PROVED, .first_fin = SIDE_SERVER, .client_bytes = 1,
		.lasted = USEC},
	{"after an answer", CLOSED, CAUSE_UNKNOWN, CONFIDENCE_NONE, .first_fin = SIDE_SERVER,
		.client_bytes = 1, .server_bytes = 1},
	{"nothing was asked", CLOSED, CAUSE_UNKNOWN, CONFIDENCE_NONE, .first_fin = SIDE_SERVER},
	{"the peer closed first", CLOSED, CAUSE_UNKNOWN, CONFIDENCE_NONE, .first_fin = SIDE_CLIENT,
		.client_bytes = 1},
	{"after a long idle time", CLOSED, CAUSE_UNKNOWN, CONFIDENCE_NONE, .first_fin = SIDE_SERVER,
		.client_bytes = 1, .lasted = 31 * USEC},
	{"a byte count that wrapped", CLOSED, CAUSE_UNKNOWN, CONFIDENCE_NONE,
		.first_fin = SIDE_SERVER, .client_bytes = 0x80000000u},
	{"by us as the client", CLOSED, CAUSE_UNKNOWN, CONFIDENCE_NONE, .out = true,
		.first_fin = SIDE_SERVER, .client_bytes = 1},
};

static struct ip ip(const char *text)
{
	struct ip a;

	expect(ip_parse(text, &a) == 0, "%s", text);
	return a;
}

/* The facts of a case; what they point to is static. */
static void make(const struct rule_case *c, struct facts *f)
{
	static struct attempt a;
	static struct listener listener, gone;

	memset(&a, 0, sizeof(a));
	memset(f, 0, sizeof(*f));
	memset(&listener, 0, sizeof(listener));
	memset(&gone, 0, sizeof(gone));
	listener.row = (struct socket_row){.addr = ip("0.0.0.0"), .port = 80, .queue_max = 10};
	listener.up = 1002 * USEC;
	strcpy(listener.owner.comm, c->other_name ? "newd" : "httpd");
	gone.row = listener.row;
	strcpy(gone.owner.comm, "httpd");
	gone.gone = 1000 * USEC + 100 - (c->gone_before ? c->gone_before : 20 * USEC);
	a.key = (struct attempt_key){ip("203.0.113.7"), ip("198.51.100.2"), 40000, 80};
	a.first = 1000 * USEC;
	a.last = a.answered = a.first + 100;
	a.ended = a.first + (c->lasted ? c->lasted : 100);
	a.syns = c->syns ? c->syns : 1;
	a.synacks = c->synacks ? c->synacks : 1;
	a.peer_ttl = c->peer_ttl ? c->peer_ttl : 64;
	a.reset_elsewhere = c->elsewhere;
	a.v6 = c->v6;
	a.out = c->out;
	a.answer_ttl = c->ttl ? c->ttl : 64;
	a.answer_flags = c->flags;
	a.reset_by = c->reset_by;
	a.first_fin = c->first_fin;
	a.client_fin = c->client_fin;
	a.server_fin = c->server_fin;
	a.client_bytes = c->client_bytes;
	a.server_bytes = c->server_bytes;
	a.icmp_from = c->icmp_elsewhere ? ip("192.0.2.254") : a.key.server;
	a.icmp_type = c->icmp_type ? c->icmp_type : 3;
	a.icmp_code = c->icmp_type ? c->icmp_code : 13;
	f->a = &a;
	f->situation = c->situation;
	f->sockets = !c->no_sockets;
	f->server_local = !c->foreign;
	f->own_ttl = 64;
	f->lossless = !c->lossy;
	f->near = c->near;
	f->nearest = c->near != NEAR_NOTHING ? &listener : NULL;
	f->accepting = c->door != NOBODY ? &listener : NULL;
	f->steady = c->door == STEADY;
	f->later = c->door == LATER;
	f->partial = c->partial;
	f->gone = c->gone ? &gone : NULL;
	f->asked = c->port != NOT_ASKED;
	f->port.complete = f->asked;
	f->port.bound = c->port & BOUND;
	f->port.udp = c->port & UDP;
	f->port.outgoing = c->port & OUTGOING;
	f->window.known = !(c->moved & NO_WINDOW);
	for (int i = 0; i < COUNTER_COUNT; i++)
		f->window.delta[i] = c->moved >> i & 1;
	f->window.wire_rsts = c->wire_rsts;
	f->window.rst_acks = c->rst_acks;
	f->origin = c->origin;
	f->drops = c->drops;
	f->drops_exact = !c->drops_at_least;
	f->queue = (struct listener_sample){.queue = c->queue, .queue_max = 10};
	f->looked_up = c->look != NO_LOOK;
	f->found = c->look >= FINDS;
	if (f->found)
		f->socket.state = (uint8_t)(c->look - FINDS);
}

static bool lists(const struct verdict *v, enum cause cause)
{
	for (int i = 0; i < RULES_ALTERNATIVES; i++)
		if (v->alternatives[i] == cause)
			return true;
	return false;
}

static void test_cases(void **state)
{
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct rule_case *c = &cases[i];
		struct facts f;
		struct verdict v;

		make(c, &f);
		v = rules_judge(&f);
		note(failures, v.cause == c->cause, "%s: %s, not %s", c->what,
			cause_entry(v.cause)->id, cause_entry(c->cause)->id);
		note(failures, v.confidence == c->confidence, "%s: %d, not %d", c->what,
			v.confidence, c->confidence);
		if (c->alternative != CAUSE_NONE)
			note(failures, lists(&v, c->alternative),
				"%s: %s is not among the alternatives", c->what,
				cause_entry(c->alternative)->id);
		note(failures, !lists(&v, v.cause) || v.cause == CAUSE_NONE,
			"%s is its own alternative", c->what);
		if (v.confidence >= CONFIDENCE_INFERRED)
			note(failures, v.alternatives[0] == CAUSE_NONE,
				"%s: sure, and yet alternatives", c->what);
		for (int k = 0; k < RULES_ALTERNATIVES; k++)
			for (int m = 0; m < k && v.alternatives[k]; m++)
				note(failures, v.alternatives[k] != v.alternatives[m], "%s: twice",
					c->what);
	}
	expect(failures == 0, "%d wrong", failures);
}

/*
 * Every cause that has a rule is the verdict of some case above. (But published-no-listener: wherever it
 * fits firewall-reset does as well, and stands before it.)
 */
static void test_cases_are_complete(void **state)
{
	static const enum cause ruled[] = {CAUSE_NO_LISTENER, CAUSE_LOOPBACK_ONLY,
		CAUSE_OTHER_ADDRESS, CAUSE_IPV6_ONLY, CAUSE_IPV4_ONLY, CAUSE_OTHER_DEVICE,
		CAUSE_NOT_LISTENING, CAUSE_OUTGOING_PORT, CAUSE_UDP_ONLY, CAUSE_LISTENER_GONE,
		CAUSE_TOO_EARLY, CAUSE_RESTARTING, CAUSE_FIREWALL_RESET,
		CAUSE_REMOTE_REFUSED, CAUSE_FIREWALL_REJECT,
		CAUSE_REMOTE_UNREACHABLE, CAUSE_ACCEPT_QUEUE_FULL, CAUSE_SYN_QUEUE_FULL,
		CAUSE_NO_ROUTE_BACK, CAUSE_NEXT_HOP_DEAD, CAUSE_TCP_MD5, CAUSE_MIN_TTL,
		CAUSE_TIMEWAIT_REUSE, CAUSE_FIREWALL_DROP, CAUSE_FIREWALL_DROP_REPLY,
		CAUSE_REMOTE_SILENT, CAUSE_PEER_SILENT, CAUSE_REPLY_LOST,
		CAUSE_ACCEPT_QUEUE_FULL_LATE, CAUSE_DEFERRED_ACCEPT, CAUSE_PEER_RESET,
		CAUSE_PEER_FIREWALL, CAUSE_ABORT_UNREAD_DATA, CAUSE_ABORT_LINGER,
		CAUSE_SENT_AFTER_CLOSE, CAUSE_PEER_CLOSED_ABRUPTLY, CAUSE_REMOTE_RESET,
		CAUSE_CLOSED_EARLY};

	(void)state;
	for (size_t i = 0; i < COUNT(ruled); i++) {
		bool found = false;

		for (size_t k = 0; k < COUNT(cases); k++)
			found |= cases[k].cause == ruled[i];
		expect(found, "%s", cause_entry(ruled[i])->id);
	}
}

static void test_sees(void **state)
{
	static const enum client_sees want[SITUATION_COUNT] = {
		[SITUATION_REFUSED] = SEES_ECONNREFUSED,
		[SITUATION_UNREACHABLE] = SEES_EHOSTUNREACH,
		[SITUATION_SILENT] = SEES_ETIMEDOUT,
		[SITUATION_UNFINISHED] = SEES_NONE,
		[SITUATION_CANCELLED] = SEES_NONE,
		[SITUATION_RESET] = SEES_ECONNRESET,
		[SITUATION_CLOSED] = SEES_NONE,
		[SITUATION_ACCEPTED] = SEES_NONE,
	};

	(void)state;
	for (int s = 0; s < SITUATION_COUNT; s++) {
		struct rule_case c = {.situation = (enum situation)s, .reset_by = SIDE_SERVER};
		struct facts f;

		make(&c, &f);
		expect(rules_judge(&f).sees == want[s], "situation %d", s);
		c.reset_by = SIDE_CLIENT;
		make(&c, &f);
		if (s == SITUATION_RESET)
			assert_int_equal(rules_judge(&f).sees, SEES_NONE);
	}
}

/* The words for every case, with no owner and with the longest names: clean, and all there. */
static void test_words(void **state)
{
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (int known = 0; known < 2; known++) {
			static struct event_attempt ev;
			struct facts f;
			struct verdict v;
			struct telling t = {.count = known ? 1000 : 1};

			make(&cases[i], &f);
			memset(&ev, 0, sizeof(ev));
			strcpy(ev.peer, "203.0.113.7");
			if (known && f.accepting) {
				struct owner *o = (struct owner *)(uintptr_t)&f.accepting->owner;

				o->pid = INT32_MAX;
				memset(o->comm, 'c', sizeof(o->comm) - 1);
				memset(o->unit, 'u', sizeof(o->unit) - 1);
				memset(o->container, 'k', sizeof(o->container) - 1);
			}
			v = rules_judge(&f);
			words_tell(&f, &v, &t, &ev);
			note(failures, ev.summary[0] && ev.evidence[0].text[0], "%s: no words",
				cases[i].what);
			note(failures, known || strlen(ev.summary) < sizeof(ev.summary) - 1,
				"%s: summary cut", cases[i].what);
			note(failures, ev.cause[0] == '\0', "%s", cases[i].what);
			for (const char *p = ev.summary; *p; p++)
				note(failures, *p >= 0x20 && *p < 0x7f, "%s: byte %d",
					cases[i].what, *p);
			for (const char *p = ev.advice; *p; p++)
				note(failures, *p >= 0x20 && *p < 0x7f, "%s: byte %d",
					cases[i].what, *p);
			if (v.cause != CAUSE_NONE && cases[i].situation != SITUATION_CLOSED)
				note(failures, ev.advice[0], "%s (%s): no advice", cases[i].what,
					cause_entry(v.cause)->id);
			note(failures, strlen(ev.advice) < sizeof(ev.advice) - 1,
				"%s: advice cut: ...%s", cases[i].what,
				ev.advice + sizeof(ev.advice) - 40);
		}
	}
	expect(failures == 0, "%d wrong", failures);
}

static void test_durations(void **state)
{
	static const struct {
		int64_t usec;
		const char *text;
	} durations[] = {
		{0, "0.00 ms"},
		{100, "0.10 ms"},
		{9999, "10.00 ms"},
		{10000, "10 ms"},
		{312000, "312 ms"},
		{999999, "999 ms"},
		{2000000, "2.0 s"},
		{59900000, "59.9 s"},
		{60000000, "1 min 0 s"},
		{303000000, "5 min 3 s"},
		{INT64_C(7260000000), "2 h 1 min"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(durations); i++) {
		char buf[32];

		assert_string_equal(
			words_duration(durations[i].usec, buf, sizeof(buf)), durations[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_cases_are_complete),
		cmocka_unit_test(test_sees),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
