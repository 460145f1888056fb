/* rules.c - facts to verdicts: for each rule what fits, and a near miss. */
#include "unit.h"

#include "engine/report.h"
#include "engine/rules.h"

enum {
	NOBODY, /* listens, or would take this SYN */
	STEADY, /* takes it, and did before */
	LATER,  /* takes it by now, and did not before */
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

static const struct rule_case cases[] = {
	/* nobody at the door */
	{"nobody", REFUSED, CAUSE_NO_LISTENER, PROVED},
	{"nobody, and the port is free", REFUSED, CAUSE_NO_LISTENER, PROVED, .port = FREE},
	{"nobody, no counters", SITUATION_REFUSED, ORIGIN_UNKNOWN, NO_WINDOW, CAUSE_NO_LISTENER,
		INFERRED},
	{"nobody, mixed RSTs", SITUATION_REFUSED, ORIGIN_MIXED, 0, CAUSE_NO_LISTENER, POSSIBLE,
		CAUSE_FIREWALL_RESET},
	{"nobody, but the stack did not refuse", SITUATION_REFUSED, ORIGIN_OTHER, 0,
		CAUSE_FIREWALL_RESET, PROVED},
	{"the same with losses", SITUATION_REFUSED, ORIGIN_OTHER, 0, CAUSE_FIREWALL_RESET, INFERRED,
		.lossy = true},
	{"nobody, sockets unknown", SITUATION_REFUSED, ORIGIN_UNKNOWN, 0, CAUSE_NO_LISTENER,
		POSSIBLE, CAUSE_LOOPBACK_ONLY, .no_sockets = true},
	{"loopback", REFUSED, CAUSE_LOOPBACK_ONLY, PROVED, .near = NEAR_LOOPBACK},
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
	{"too early", REFUSED, CAUSE_TOO_EARLY, PROVED, .door = LATER},
	{"too early, no counters", SITUATION_REFUSED, ORIGIN_UNKNOWN, 0, CAUSE_TOO_EARLY, INFERRED,
		.door = LATER},
	{"restarting", REFUSED, CAUSE_RESTARTING, PROVED, .door = LATER, .gone = true},
	{"a listener there, the stack refuses", REFUSED, CAUSE_UNKNOWN, CONFIDENCE_NONE,
		CAUSE_STEERED_AWAY, .door = STEADY},
	/* whose RST it is */
	{"a listener there, a firewall", SITUATION_REFUSED, ORIGIN_OTHER, 0, CAUSE_FIREWALL_RESET,
		PROVED, .door = STEADY},
	{"a listener there, mixed", SITUATION_REFUSED, ORIGIN_MIXED, 0, CAUSE_FIREWALL_RESET,
		INFERRED, .door = STEADY},
	{"a listener there, no counters", SITUATION_REFUSED, ORIGIN_UNKNOWN, 0,
		CAUSE_FIREWALL_RESET, POSSIBLE, CAUSE_STEERED_AWAY, .door = STEADY},
	{"from behind", SITUATION_REFUSED, ORIGIN_OTHER, 0, CAUSE_PUBLISHED_NO_LISTENER, POSSIBLE,
		CAUSE_PUBLISHED_LOOPBACK_ONLY, .ttl = 63},
	{"from behind, no counters", SITUATION_REFUSED, ORIGIN_UNKNOWN, 0,
		CAUSE_PUBLISHED_NO_LISTENER, POSSIBLE, CAUSE_FIREWALL_RESET, .ttl = 63},
	{"TTL 255 is nobody's behind", REFUSED, CAUSE_NO_LISTENER, PROVED, .ttl = 255},
	{"from behind, though the stack counted it", REFUSED, CAUSE_UNKNOWN, CONFIDENCE_NONE,
		CAUSE_PUBLISHED_NO_LISTENER, .ttl = 63},
	{"refused by a remote", SITUATION_REFUSED, ORIGIN_UNKNOWN, 0, CAUSE_REMOTE_REFUSED, PROVED,
		.out = true, .ttl = 50},
	/* ICMP */
	{"our ICMP error", SITUATION_UNREACHABLE, ORIGIN_UNKNOWN, 0, CAUSE_FIREWALL_REJECT, PROVED},
	{"another's ICMP error", SITUATION_UNREACHABLE, ORIGIN_UNKNOWN, 0, CAUSE_UNKNOWN,
		CONFIDENCE_NONE, CAUSE_FIREWALL_REJECT, .icmp_elsewhere = true},
	{"our ICMP error for a foreign address", SITUATION_UNREACHABLE, ORIGIN_UNKNOWN, 0,
		CAUSE_UNKNOWN, CONFIDENCE_NONE, CAUSE_FORWARD_UNREACHABLE, .foreign = true},
	{"a remote's ICMP error", SITUATION_UNREACHABLE, ORIGIN_UNKNOWN, 0,
		CAUSE_REMOTE_UNREACHABLE, PROVED, .out = true, .icmp_elsewhere = true},
	/* silence */
	{"full queue", SILENT, 0, CAUSE_ACCEPT_QUEUE_FULL, PROVED, .door = STEADY, .drops = 1,
		.queue = 11},
	{"full queue, losses", SILENT, 0, CAUSE_ACCEPT_QUEUE_FULL, INFERRED, .door = STEADY,
		.drops = 1, .queue = 11, .lossy = true},
	{"full queue, at least one drop", SILENT, 0, CAUSE_ACCEPT_QUEUE_FULL, PROVED,
		.door = STEADY, .drops = 1, .queue = 11, .drops_at_least = true},
	{"queue no longer full, overflows", SILENT, MOVED(COUNTER_LISTEN_OVERFLOWS),
		CAUSE_ACCEPT_QUEUE_FULL, INFERRED, .door = STEADY, .drops = 1},
	{"queue at its limit is not full", SILENT, 0, CAUSE_UNKNOWN, CONFIDENCE_NONE,
		CAUSE_FIREWALL_DROP, .door = STEADY, .drops = 1, .queue = 10},
	{"full queue, but it did not drop", SILENT, 0, CAUSE_FIREWALL_DROP, POSSIBLE,
		CAUSE_BPF_DROP, .door = STEADY, .queue = 11},
	{"full queue of nobody", SILENT, MOVED(COUNTER_LISTEN_OVERFLOWS), CAUSE_FIREWALL_DROP,
		POSSIBLE, CAUSE_BPF_DROP, .drops = 1, .queue = 11},
	{"SYN queue", SILENT, MOVED(COUNTER_REQQ_FULL_DROP), CAUSE_SYN_QUEUE_FULL, POSSIBLE,
		CAUSE_NO_ROUTE_BACK, .door = STEADY, .drops = 1},
	{"SYN queue counter, no drop", SILENT, MOVED(COUNTER_REQQ_FULL_DROP), CAUSE_FIREWALL_DROP,
		POSSIBLE, CAUSE_BPF_DROP, .door = STEADY},
	{"SYN queue counter without a window", SILENT, NO_WINDOW | MOVED(COUNTER_REQQ_FULL_DROP),
		CAUSE_UNKNOWN, CONFIDENCE_NONE, CAUSE_FIREWALL_DROP, .door = STEADY, .drops = 1},
	{"route back", SILENT, MOVED(COUNTER_OUT_NO_ROUTES), CAUSE_NO_ROUTE_BACK, POSSIBLE,
		CAUSE_SYN_QUEUE_FULL, .door = STEADY, .drops = 1},
	{"dropped before the socket", SILENT, 0, CAUSE_FIREWALL_DROP, POSSIBLE, CAUSE_BPF_DROP,
		.door = STEADY},
	{"nobody there, dropped", SILENT, 0, CAUSE_FIREWALL_DROP, POSSIBLE, CAUSE_CONNTRACK_FULL},
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
	{"reset, and tried again", SITUATION_CANCELLED, ORIGIN_UNKNOWN, 0, CAUSE_PEER_FIREWALL,
		POSSIBLE, CAUSE_PEER_RESET, .syns = 2},
	/* resets */
	{"unread data", RESET, MOVED(COUNTER_ABORT_ON_CLOSE), CAUSE_ABORT_UNREAD_DATA, PROVED,
		.reset_by = SIDE_SERVER, .flags = 0x14, .rst_acks = 1},
	{"unread data, two RSTs", RESET, MOVED(COUNTER_ABORT_ON_CLOSE), CAUSE_ABORT_UNREAD_DATA,
		POSSIBLE, CAUSE_ABORT_LINGER, .reset_by = SIDE_SERVER, .flags = 0x14,
		.rst_acks = 2},
	{"unread data or linger", RESET,
		MOVED(COUNTER_ABORT_ON_CLOSE) | MOVED(COUNTER_ABORT_ON_DATA),
		CAUSE_ABORT_UNREAD_DATA, POSSIBLE, CAUSE_ABORT_LINGER, .reset_by = SIDE_SERVER,
		.flags = 0x14, .rst_acks = 1},
	{"linger", RESET, MOVED(COUNTER_ABORT_ON_DATA), CAUSE_ABORT_LINGER, PROVED,
		.reset_by = SIDE_SERVER, .flags = 0x14, .rst_acks = 1},
	{"linger by us as the client", RESET, MOVED(COUNTER_ABORT_ON_DATA), CAUSE_ABORT_LINGER,
		PROVED, .out = true, .reset_by = SIDE_CLIENT, .flags = 0x14, .rst_acks = 1},
	{"a bare RST is no abort", RESET, MOVED(COUNTER_ABORT_ON_DATA), CAUSE_UNKNOWN,
		CONFIDENCE_NONE, CAUSE_SOCKET_DESTROYED, .reset_by = SIDE_SERVER, .flags = 4},
	{"an abort without a counter", RESET, 0, CAUSE_UNKNOWN, CONFIDENCE_NONE, CAUSE_PROCESS_DIED,
		.reset_by = SIDE_SERVER, .flags = 0x14},
	{"sent after close", RESET, 0, CAUSE_SENT_AFTER_CLOSE, PROVED, .reset_by = SIDE_SERVER,
		.flags = 4, .server_fin = true},
	{"sent after close, by us", RESET, 0, CAUSE_SENT_AFTER_CLOSE, PROVED, .out = true,
		.reset_by = SIDE_CLIENT, .flags = 4, .client_fin = true},
	{"a FIN of the other side is not ours", RESET, 0, CAUSE_UNKNOWN, CONFIDENCE_NONE,
		CAUSE_PROCESS_DIED, .reset_by = SIDE_SERVER, .flags = 4, .client_fin = true},
	{"the peer", RESET, 0, CAUSE_PEER_CLOSED_ABRUPTLY, PROVED, .reset_by = SIDE_CLIENT,
		.flags = 4},
	{"the remote", RESET, 0, CAUSE_REMOTE_RESET, PROVED, .out = true, .reset_by = SIDE_SERVER,
		.flags = 0x14},
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
	gone.row = listener.row;
	a.key = (struct attempt_key){ip("203.0.113.7"), ip("198.51.100.2"), 40000, 80};
	a.first = 1000 * USEC;
	a.last = a.answered = a.first + 100;
	a.ended = a.first + (c->lasted ? c->lasted : 100);
	a.syns = c->syns ? c->syns : 1;
	a.synacks = 2;
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
	a.icmp_type = 3;
	a.icmp_code = 13;
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

/* Every cause that has a rule is the verdict of some case above. */
static void test_cases_are_complete(void **state)
{
	static const enum cause ruled[] = {CAUSE_NO_LISTENER, CAUSE_LOOPBACK_ONLY,
		CAUSE_OTHER_ADDRESS, CAUSE_IPV6_ONLY, CAUSE_IPV4_ONLY, CAUSE_OTHER_DEVICE,
		CAUSE_NOT_LISTENING, CAUSE_OUTGOING_PORT, CAUSE_UDP_ONLY, CAUSE_LISTENER_GONE,
		CAUSE_TOO_EARLY, CAUSE_RESTARTING, CAUSE_FIREWALL_RESET,
		CAUSE_PUBLISHED_NO_LISTENER, CAUSE_REMOTE_REFUSED, CAUSE_FIREWALL_REJECT,
		CAUSE_REMOTE_UNREACHABLE, CAUSE_ACCEPT_QUEUE_FULL, CAUSE_SYN_QUEUE_FULL,
		CAUSE_NO_ROUTE_BACK, CAUSE_FIREWALL_DROP, CAUSE_FIREWALL_DROP_REPLY,
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
