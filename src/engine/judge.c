/* judge.c - gathers the facts about an attempt, asks the rules, and hands the verdict to the report. */
#include "base/text.h"
#include "report.h"
#include "rules.h"
#include "state.h"

#include <string.h>

enum {
	LOOK_AGAIN = 60000,       /* while a sample of the counters is awaited */
	RING_DELAY = 200000,      /* a packet is delivered within the ring's time-out, and some */
	DOOR_HOLD = 650000,       /* from a refusal at an empty door, time for a listener to come up */
	PORT_ANSWER_KEPT = 500000,
	HALF_OPEN_LOOK = 300000,
	CONFIRM_WITHIN = 1300000,  /* by then an unacknowledged SYN-ACK was sent again */
	UNSEEN_AFTER = 5000000,    /* by then a second SYN-ACK was sent, seen or not */
	UNFINISHED_WAIT = 2000000, /* for a sample of the counters after the last SYN-ACK */
	UNFINISHED_LOOK = 5000000, /* whether it completed after all */
	TOO_EARLY_WITHIN = 60000000, /* a listener that comes up within this explains a refusal */
	GONE_SLACK = 500000,      /* between a listener's end and our reading of it */
	ELSEWHERE_KEPT = 2000000,
	SAME_MOMENT = 300000,     /* the multicast is read when there is time */
	BACKEND_WITHIN = 1000000, /* a proxy closes soon after its own attempt has failed */
	DEFERRED_AFTER = 1800000, /* a SYN-ACK that was due again by then is held back */
	LOOK_FOR = 8000000,
	LOOPBACK_INDEX = 1,       /* of lo in every namespace (include/net/flow.h LOOPBACK_IFINDEX) */
	CLOCK_SLACK = 6000,       /* between a packet's time stamp and the counter it moved */
};

static const enum situation situations[] = {
	[STAGE_SYN] = SITUATION_SILENT,
	[STAGE_SILENT] = SITUATION_SILENT,
	[STAGE_ANSWERED] = SITUATION_UNFINISHED,
	[STAGE_OPEN] = SITUATION_ACCEPTED,
	[STAGE_CLOSING] = SITUATION_CLOSED,
	[STAGE_REFUSED] = SITUATION_REFUSED,
	[STAGE_UNREACHABLE] = SITUATION_UNREACHABLE,
	[STAGE_UNFINISHED] = SITUATION_UNFINISHED,
	[STAGE_CANCELLED] = SITUATION_CANCELLED,
	[STAGE_RESET] = SITUATION_RESET,
	[STAGE_DONE] = SITUATION_ACCEPTED,
};

static void find_window(const struct engine *e, struct facts *f)
{
	const struct attempt *a = f->a;
	int64_t from = a->ended ? a->ended : a->first, to = from;
	uint64_t rsts;

	if (f->situation == SITUATION_SILENT || f->situation == SITUATION_UNFINISHED) {
		from = a->first;
		to = e->samples.n ? e->samples.ring[(e->samples.n - 1) % SAMPLES_KEPT].t - 1 : from;
		if (to > e->now - RING_DELAY) /* so that the window's packets have been delivered */
			to = e->now - RING_DELAY;
		if (to < from)
			to = from;
	} else {
		to += CLOCK_SLACK;
	}
	f->window = samples_window(&e->samples, from - CLOCK_SLACK, to);
	rsts = f->window.delta[COUNTER_OUT_RSTS];
	f->origin = !f->window.known		     ? ORIGIN_UNKNOWN
		    : rsts == 0			     ? ORIGIN_OTHER
		    : rsts < f->window.wire_rsts     ? ORIGIN_MIXED
		    : e->config.partial		     ? (rsts == f->window.wire_rsts ? ORIGIN_LIKELY_STACK : ORIGIN_UNKNOWN)
						     : ORIGIN_STACK;
}

/* The decisive moment: the RST or FIN, the answer, or the SYN. */
static int64_t moment_of(const struct attempt *a)
{
	return a->ended ? a->ended : a->answered ? a->answered : a->first;
}

/*
 * Whether a gone listener was still there at the decisive moment. Its end is known by when the multicast
 * was read, which a busy machine delays: only an end well after the moment counts as one.
 */
static bool was_there(const struct listener *l, const struct attempt *a)
{
	int64_t t = moment_of(a);

	return l->gone_exact && l->gone > t + GONE_SLACK && l->up < t;
}

static bool is_full(const struct listener_sample *s)
{
	return s->queue > s->queue_max;
}

/* With SO_REUSEPORT several take it: what any of them dropped, and the fullest of their queues. */
static void add_accepting(struct facts *f, const struct listener *l, const struct attempt *a)
{
	struct listener_sample queue = listener_fullest_since(l, a->first);
	bool exact;

	f->members_full = is_full(&queue) && (f->members == 0 || f->members_full);
	f->members++;
	f->drops += listener_drops_since(l, a->first - CLOCK_SLACK, &exact);
	f->drops_exact = exact && (f->drops_exact || !f->accepting);
	if (!f->accepting ||
		(int64_t)queue.queue - queue.queue_max > (int64_t)f->queue.queue - f->queue.queue_max)
		f->queue = queue;
}

/* How specific a listener is: the kernel takes the most specific one (compute_score, net/ipv4/inet_hashtables.c). */
static int rank_of(const struct listener *l)
{
	return 2 * !ip_is_any(&l->row.addr) + (l->row.ifindex != 0);
}

/* The rank of those that take the SYN. */
static int best_rank(struct engine *e, const struct attempt *a)
{
	int best = -1;

	for (struct listener *l = NULL; (l = listeners_next(&e->listeners, a->key.server_port, l));)
		if (listener_near(&l->row, &a->key.server, a->ifindex) == NEAR_ACCEPTS &&
			(l->gone == 0 || was_there(l, a)) && rank_of(l) > best)
			best = rank_of(l);
	return best;
}

static void look_at_door(struct engine *e, struct facts *f)
{
	const struct attempt *a = f->a;
	int64_t t = moment_of(a);
	int best = best_rank(e, a);

	f->later = true;
	for (struct listener *l = NULL; (l = listeners_next(&e->listeners, a->key.server_port, l));) {
		enum near near = listener_near(&l->row, &a->key.server, a->ifindex);

		if (l->gone != 0 && !was_there(l, a)) {
			if (near == NEAR_ACCEPTS && l->up < t && l->gone <= t + GONE_SLACK && (!f->gone || l->gone > f->gone->gone))
				f->gone = l;
		} else if (near == NEAR_ACCEPTS) {
			bool steady = l->up < t || l->absent == 0;

			f->later = f->later && !steady && l->absent >= t;
			if (rank_of(l) < best)
				continue;
			add_accepting(f, l, a);
			if (!f->accepting || (steady && !f->steady)) {
				f->accepting = l;
				f->steady = steady;
			}
		} else if (near > f->near || !f->nearest) {
			f->near = near;
			f->nearest = l;
		}
	}
	f->later = f->later && f->accepting;
	if (f->gone)
		f->gone_served = engine_port(e, a->key.server_port)->c.accepted - f->gone->accepted_before;
}

/* Whether a socket that only has the port would have been dialled by its address too. */
static bool is_at(const struct socket_row *row, const struct attempt *a)
{
	return listener_near(row, &a->key.server, a->ifindex) == NEAR_ACCEPTS;
}

static void ask_port(struct engine *e, struct facts *f)
{
	uint16_t port = f->a->key.server_port;
	struct port_answer *slot = &e->port_answers[port % 32];
	struct question q = {.kind = ASK_PORT, .addr = f->a->key.server, .port = port};

	if (!e->config.ask)
		return;
	if (!slot->valid || slot->port != port || e->now - slot->t > PORT_ANSWER_KEPT) {
		memset(&slot->answer, 0, sizeof(slot->answer));
		slot->asked_elsewhere = slot->asked_elsewhere && slot->port == port;
		slot->valid = e->config.ask(e->config.ctx, &q, &slot->answer);
		slot->port = port;
		slot->t = e->now;
	}
	f->asked = slot->valid && slot->answer.complete;
	f->port = slot->answer;
	f->port.bound = f->port.bound && is_at(&f->port.bound_row, f->a);
	f->port.udp = f->port.udp && is_at(&f->port.udp_row, f->a);
}

static void look_up(struct engine *e, struct facts *f)
{
	const struct attempt *a = f->a;
	struct question q = {
		.kind = ASK_LOOKUP,
		.addr = a->out ? a->key.client : a->key.server,
		.peer = a->out ? a->key.server : a->key.client,
		.port = a->out ? a->key.client_port : a->key.server_port,
		.peer_port = a->out ? a->key.server_port : a->key.client_port,
		.ifindex = a->ifindex,
	};
	struct answer answer = {.found = false};

	if (!e->config.ask || !e->config.ask(e->config.ctx, &q, &answer))
		return;
	f->looked_up = true;
	f->found = answer.found;
	f->socket = answer.row;
}

/* The one of several listeners that the kernel's look-up names is the one that counts. */
static void look_up_listener(struct engine *e, struct facts *f)
{
	const struct listener *l;
	bool exact;

	look_up(e, f);
	f->found_listener = f->looked_up && f->found && f->socket.state == SOCKET_LISTEN;
	if (!f->found_listener || f->members < 2)
		return;
	l = table_find(e->listeners.table, &f->socket.cookie);
	if (!l)
		return;
	f->member = f->accepting = l;
	f->drops = listener_drops_since(l, f->a->first - CLOCK_SLACK, &exact);
	f->drops_exact = exact;
	f->queue = listener_fullest_since(l, f->a->first);
}

static void ask_route(struct engine *e, struct facts *f)
{
	struct answer answer = {.found = false};
	struct question q = {
		.kind = ASK_ROUTE,
		.addr = f->a->key.server,
		.peer = f->a->key.client,
		.ifindex = f->a->ifindex,
	};

	if (q.ifindex == LOOPBACK_INDEX || !e->config.ask || !e->config.ask(e->config.ctx, &q, &answer))
		return; /* of lo the input check says EINVAL for every address of this host */
	f->asked_route = true;
	f->routing = answer.routing;
}

/* The way to the address that this host, as a router, says it cannot reach. */
static void ask_forward(struct engine *e, struct facts *f)
{
	struct answer answer = {.found = false};
	struct question q = {.kind = ASK_ROUTE, .addr = f->a->icmp_from, .peer = f->a->key.server};

	if (!e->config.ask || !e->config.ask(e->config.ctx, &q, &answer))
		return;
	f->asked_forward = true;
	f->forward = answer.routing;
}

static void ask_process(struct engine *e, struct facts *f, const struct listener *l)
{
	struct answer answer = {.found = false};
	struct question q = {
		.kind = ASK_PROCESS,
		.pid = l ? l->owner.pid : 0,
		.inode = l && l->gone == 0 ? l->row.inode : 0,
	};

	if (q.pid <= 0 || !e->config.ask || !e->config.ask(e->config.ctx, &q, &answer))
		return;
	f->asked_process = true;
	f->process = answer.process;
	f->shared = answer.n > 1;
}

/* A count and its limit: of half-open connections, or of tracked ones. */
static bool ask_count(struct engine *e, enum question_kind kind, uint16_t port, struct answer *ret)
{
	struct question q = {.kind = kind, .port = port};

	memset(ret, 0, sizeof(*ret));
	return e->config.ask && e->config.ask(e->config.ctx, &q, ret);
}

static void ask_half_open(struct engine *e, struct facts *f)
{
	struct answer answer;

	f->asked_half_open = ask_count(e, ASK_HALF_OPEN, f->a->key.server_port, &answer);
	f->half_open = answer.n;
	f->half_open_max = answer.n_max;
	f->cookies = answer.cookies;
}

static void ask_conntrack(struct engine *e, struct facts *f)
{
	struct answer answer;

	f->asked_conntrack = ask_count(e, ASK_CONNTRACK, 0, &answer);
	f->conntrack = answer.n;
	f->conntrack_max = answer.n_max;
}

/* Who listens on the port in another namespace; remembered with who else has it here. */
static void ask_elsewhere(struct engine *e, struct facts *f)
{
	struct port_answer *slot = &e->port_answers[f->a->key.server_port % 32];
	struct question q = {.kind = ASK_ELSEWHERE, .port = f->a->key.server_port};

	if (!e->config.ask)
		return;
	if (slot->port != q.port || !slot->asked_elsewhere || e->now - slot->elsewhere_t > ELSEWHERE_KEPT) {
		memset(&slot->elsewhere, 0, sizeof(slot->elsewhere));
		slot->asked_elsewhere = e->config.ask(e->config.ctx, &q, &slot->elsewhere);
		slot->elsewhere_t = e->now;
	}
	f->asked_elsewhere = slot->asked_elsewhere;
	f->elsewhere = slot->asked_elsewhere && slot->elsewhere.found;
	f->elsewhere_row = slot->elsewhere.row;
	f->elsewhere_owner = slot->elsewhere.elsewhere_owner;
	text_copy(f->elsewhere_netns, sizeof(f->elsewhere_netns), slot->elsewhere.netns);
}

static bool is_moved(const struct facts *f, enum counter c)
{
	return f->window.known && f->window.delta[c] > 0;
}

static bool is_near(int64_t a, int64_t b)
{
	return a - b < SAME_MOMENT && b - a < SAME_MOMENT;
}

/* What else happened to the port when the connection ended. */
static void look_around_end(struct engine *e, struct facts *f)
{
	const struct attempt *a = f->a;
	size_t n = sizeof(e->disconnected) / sizeof(e->disconnected[0]);

	f->vanished = f->gone && f->gone->gone_exact && is_near(f->gone->gone, a->ended);
	for (size_t i = 0; i < n; i++)
		f->disconnected += e->disconnected[i].t != 0 && e->disconnected[i].port == a->key.server_port &&
				   is_near(e->disconnected[i].t, a->ended);
}

/* An attempt of this host's own that failed while the connection was served: the last one before its end. */
static void find_backend(struct engine *e, struct facts *f)
{
	const struct attempt *a = f->a;
	size_t n = sizeof(e->own_failures) / sizeof(e->own_failures[0]);
	int64_t best = 0;

	for (size_t i = 0; i < n; i++) {
		const struct own_failure *o = &e->own_failures[i];

		if (o->t < a->first || o->t > a->ended || a->ended - o->t > BACKEND_WITHIN || o->t <= best)
			continue;
		best = o->t;
		f->backend = true;
		f->backend_key = o->key;
	}
}

static void gather(struct engine *e, const struct attempt *a, struct facts *f)
{
	memset(f, 0, sizeof(*f));
	f->a = a;
	f->situation = situations[a->stage];
	f->sockets = e->sockets_known;
	f->server_local = !e->addresses_known || engine_is_local(e, &a->key.server);
	f->peer_impossible = e->addresses_known && !a->out && engine_is_local(e, &a->key.client) &&
			     a->ifindex != LOOPBACK_INDEX;
	f->icmp_from_here = e->addresses_known && engine_is_local(e, &a->icmp_from);
	f->own_ttl = a->v6 || e->config.ttl == 0 ? 64 : e->config.ttl;
	f->partial = e->config.partial;
	f->somaxconn = e->config.somaxconn;
	f->lossless = !e->config.no_packets && (e->lost_t == 0 || e->lost_t < a->first - USEC);
	f->no_packets = e->config.no_packets;
	if (e->config.interface && a->ifindex)
		e->config.interface(e->config.ctx, a->ifindex, f->iface);
	find_window(e, f);
	if (!a->out)
		look_at_door(e, f);
}

/* The listener's own drop counter is part of the proof. */
static bool rests_on_drops(enum cause cause)
{
	static const uint8_t causes[] = {CAUSE_ACCEPT_QUEUE_FULL, CAUSE_PROCESS_STOPPED, CAUSE_FD_LIMIT,
		CAUSE_REUSEPORT_STUCK, CAUSE_SYN_QUEUE_FULL, CAUSE_NO_ROUTE_BACK, CAUSE_TCP_MD5, CAUSE_MIN_TTL};

	return memchr(causes, (int)cause, sizeof(causes)) != NULL;
}

/* More silent SYNs than the listener dropped: some of them never reached it. */
static bool some_missed_listener(struct engine *e, const struct facts *f)
{
	const struct port *p = engine_port(e, f->a->key.server_port);
	uint32_t n = p->n_silent < PORT_SILENT ? p->n_silent : PORT_SILENT;
	int64_t since = f->a->first - CLOCK_SLACK, syns = 0;

	if (p->n_silent > PORT_SILENT)
		return false; /* too many to hold one against the other */
	for (uint32_t i = 0; i < n; i++)
		syns += p->silent[i] >= since && p->silent[i] <= e->listeners.last_poll;
	return f->drops_exact && syns > f->drops;
}

static bool wait(struct engine *e, struct attempt *a, int64_t until)
{
	track_set(e, a, (enum stage)a->stage, until);
	return false;
}

/* Why a connection that was accepted in the end took more than one SYN: what was said of the silence stands. */
static bool is_slow_cause(uint8_t cause)
{
	return cause == CAUSE_TIMEWAIT_REUSE || cause == CAUSE_DUPLICATE_CONNECTION;
}

static void tell_accepted(struct engine *e, struct attempt *a, enum confidence confidence)
{
	struct facts f;
	struct verdict v = {.cause = CAUSE_NONE, .confidence = confidence, .sees = SEES_NONE};

	gather(e, a, &f);
	f.situation = SITUATION_ACCEPTED;
	if (!a->out && (a->client_rsts > 0 || is_moved(&f, COUNTER_COOKIES_SENT))) {
		if (is_moved(&f, COUNTER_COOKIES_SENT))
			ask_half_open(e, &f);
		v = rules_judge(&f);
		v.confidence = v.cause == CAUSE_NONE ? confidence : v.confidence;
	}
	if (v.cause == CAUSE_NONE && a->emitted && is_slow_cause(a->cause)) {
		v.cause = (enum cause)a->cause;
		v.confidence = (enum confidence)a->confidence;
	}
	a->established_reported = true;
	report_attempt(e, a, &f, &v, a->emitted);
}

static bool nothing_answers(struct engine *e, uint16_t port)
{
	const struct port *p = engine_port(e, port);

	return p->c.synack == 0 && p->c.rst_out == 0 && p->c.refused == 0 && p->c.icmp_out == 0;
}

/* What only the host can say of a SYN that was dropped, asked for where its counters point there. */
static void ask_why_dropped(struct engine *e, struct facts *f)
{
	if (f->accepting && f->drops > 0 && is_full(&f->queue))
		ask_process(e, f, f->accepting);
	if (f->accepting && f->drops > 0 && is_moved(f, COUNTER_LISTEN_DROPS) && !is_full(&f->queue))
		ask_half_open(e, f);
	if (is_moved(f, COUNTER_CONNTRACK_DROP))
		ask_conntrack(e, f);
}

/* A packet that this host only forwards, or of which nothing is known. */
static bool is_passing_through(const struct facts *f)
{
	if (!f->asked_route || f->a->v6) /* where only the setting says that nothing is forwarded */
		return !f->asked_route || f->routing.forwarding != 0;
	return f->routing.in == ROUTE_UNICAST || (f->routing.in == ROUTE_NONE && f->routing.forwarding > 0);
}

static bool judge_silent(struct engine *e, struct attempt *a)
{
	struct facts f;
	struct verdict v;
	bool again = a->emitted;

	if (!a->out && e->sockets_known && e->listeners.last_poll < a->last + CLOCK_SLACK &&
		e->now < a->judge_by) {
		engine_want_poll(e);
		return wait(e, a, e->now + LOOK_AGAIN);
	}
	if (e->config.filtered && !a->out && nothing_answers(e, a->key.server_port))
		return true; /* the filter may let one direction through only */
	gather(e, a, &f);
	if (a->out) {
		look_up(e, &f);
	} else {
		ask_route(e, &f);
		if (f.accepting)
			look_up_listener(e, &f);
		ask_why_dropped(e, &f);
	}
	if (a->foreign && is_passing_through(&f)) {
		track_forget(e, a);
		return false;
	}
	if (f.looked_up && f.found && f.socket.state == SOCKET_OPEN && a->previous != PREVIOUS_OPEN &&
		a->client_rsts == 0 && !is_moved(&f, COUNTER_SYN_CHALLENGE)) { /* the SYN-ACK was not captured */
		tell_accepted(e, a, CONFIDENCE_PROVED);
		track_set(e, a, STAGE_OPEN, 0);
		return false;
	}
	v = rules_judge(&f);
	if (rests_on_drops(v.cause) && some_missed_listener(e, &f)) {
		v.confidence = CONFIDENCE_POSSIBLE;
		v.alternatives[0] = CAUSE_FIREWALL_DROP;
	}
	/* What was proved of the first SYN is not taken back because a later one left fewer traces. */
	if (!again || v.confidence >= a->confidence)
		report_attempt(e, a, &f, &v, again);
	return true;
}

/* A SYN-ACK was sent: did the peer complete? */
static bool judge_answered(struct engine *e, struct attempt *a)
{
	struct facts f;
	struct verdict v;
	bool connected, blocked, half_open, deferred, cookie, rejected;

	gather(e, a, &f);
	look_up(e, &f);
	blocked = a->out && f.looked_up && f.found && f.socket.state == SOCKET_SYN_SENT;
	if (blocked && e->now < a->answered + UNSEEN_AFTER) /* the SYN-ACK came, and did not get through */
		return wait(e, a, e->now + USEC);
	connected = f.looked_up && f.found &&
		    (f.socket.state == SOCKET_OPEN || f.socket.state == SOCKET_TIME_WAIT);
	half_open = f.looked_up && f.found && f.socket.state == SOCKET_SYN_RECV;
	cookie = f.looked_up && f.found && f.socket.state == SOCKET_LISTEN && is_moved(&f, COUNTER_COOKIES_SENT);
	if ((half_open || cookie) && !a->out && a->looked_from == 0) {
		engine_look(e, &a->key.client, a->key.server_port, e->now + LOOK_FOR);
		a->looked_from = e->now;
	}
	deferred = half_open && is_moved(&f, COUNTER_DEFER_ACCEPT_DROP) && e->now > a->answered + DEFERRED_AFTER;
	if (half_open && a->synacks < 2 && e->now < a->answered + UNSEEN_AFTER && !deferred)
		return wait(e, a, e->now + HALF_OPEN_LOOK);
	if (!a->out && !connected && a->synacks == 1 && e->now < a->answered + CONFIRM_WITHIN)
		return wait(e, a, a->answered + CONFIRM_WITHIN);
	f.found_listener = f.looked_up && f.found && f.socket.state == SOCKET_LISTEN;
	cookie = cookie && a->acks_in > 0 && is_moved(&f, COUNTER_LISTEN_OVERFLOWS); /* it believes to be connected */
	rejected = a->icmp_to_synack && !connected;
	if (blocked || half_open || cookie || rejected || (!f.looked_up && a->synacks > 1)) {
		if (a->stage != STAGE_UNFINISHED) {
			if (e->samples.n && e->now < a->last + UNFINISHED_WAIT &&
				(!f.window.known || f.window.to < a->last)) {
				engine_want_poll(e);
				return wait(e, a, e->now + LOOK_AGAIN);
			}
			v = rules_judge(&f);
			report_attempt(e, a, &f, &v, a->emitted);
		}
		track_set(e, a, STAGE_UNFINISHED, e->now + UNFINISHED_LOOK);
		return true;
	}
	/*
	 * No connection and no half-open one: it was given up, if the SYN-ACK had to be sent again; with
	 * cookies no SYN-ACK ever is, so its absence proves nothing. Else the connection has come and gone.
	 */
	if (!a->out && !connected &&
		(a->synacks > 1 || (f.window.known && f.window.delta[COUNTER_COOKIES_SENT] > 0))) {
		track_forget(e, a);
		return false;
	}
	tell_accepted(e, a, connected ? CONFIDENCE_PROVED : CONFIDENCE_INFERRED);
	track_set(e, a, STAGE_OPEN, 0);
	return true;
}

static bool judge_closing(struct engine *e, struct attempt *a)
{
	struct facts f;
	struct verdict v;

	a->close_judged = true;
	gather(e, a, &f);
	find_backend(e, &f);
	v = rules_judge(&f);
	if (v.cause == CAUSE_CLOSED_EARLY || v.cause == CAUSE_PROXY_BACKEND_DEAD) { /* a process that still holds it has only closed its half */
		look_up(e, &f);
		if (f.looked_up && f.found && f.socket.state == SOCKET_OPEN && f.socket.inode != 0)
			v.cause = CAUSE_UNKNOWN;
	}
	if ((v.cause == CAUSE_CLOSED_EARLY || v.cause == CAUSE_PROXY_BACKEND_DEAD) && a->cause != v.cause) {
		a->established_reported = true;
		report_attempt(e, a, &f, &v, a->emitted);
	} else if (!a->established_reported) {
		tell_accepted(e, a, CONFIDENCE_PROVED);
	}
	return true;
}

/* The counters and the packets around the end are not complete yet. */
static bool evidence_pending(struct engine *e, const struct attempt *a, const struct facts *f)
{
	if (e->samples.n == 0 || e->now >= a->judge_by)
		return false;
	return !f->window.known || e->now < f->window.to + RING_DELAY;
}

static void remember_refusal(struct engine *e, const struct attempt *a)
{
	e->recent[e->next_recent++ % RECENT_MAX] = (struct recent){*a, true};
}

/* What was said of the connection while it was open is why its client ended it. */
static bool is_waiting_cause(uint8_t cause)
{
	static const uint8_t waiting[] = {CAUSE_NOT_ACCEPTING, CAUSE_NOT_READING, CAUSE_PROCESS_STOPPED,
		CAUSE_FD_LIMIT, CAUSE_MTU_BLACKHOLE, CAUSE_PAWS};

	return memchr(waiting, cause, sizeof(waiting)) != NULL;
}

static bool by_remote(const struct attempt *a)
{
	return a->reset_by == (a->out ? SIDE_SERVER : SIDE_CLIENT);
}

/* The kernel still has the connection, whole or half open. */
static bool is_alive(const struct facts *f)
{
	return f->looked_up && f->found && (f->socket.state == SOCKET_OPEN || f->socket.state == SOCKET_SYN_RECV);
}

static bool judge_ended(struct engine *e, struct attempt *a)
{
	struct facts f;
	struct verdict v;
	bool empty;

	if (a->reset_by == SIDE_CLIENT && is_waiting_cause(a->cause))
		return true; /* it gave up what was said to lead nowhere */
	if (a->outcome == OUTCOME_UNFINISHED && a->reset_by == SIDE_CLIENT)
		return true; /* what was said of it stands: this RST only ends it */
	gather(e, a, &f);
	if (evidence_pending(e, a, &f)) {
		if (!f.window.known)
			engine_want_poll(e);
		return wait(e, a, e->now + LOOK_AGAIN);
	}
	empty = f.situation == SITUATION_REFUSED && !a->out && f.sockets && !f.accepting &&
		f.near == NEAR_NOTHING;
	if (empty && e->now < a->answered + DOOR_HOLD && a->judge_by > 0) {
		e->alert_until = e->now + 2 * USEC;
		return wait(e, a, e->now + LOOK_AGAIN);
	}
	if (empty) {
		ask_port(e, &f);
		if (f.asked && !f.port.bound && !f.port.udp && !f.port.outgoing && !f.gone)
			ask_elsewhere(e, &f);
	}
	if (f.situation == SITUATION_REFUSED && !a->out && f.gone && !f.accepting)
		ask_process(e, &f, f.gone);
	if (f.situation == SITUATION_REFUSED && !a->out && f.accepting)
		look_up_listener(e, &f);
	if (f.situation == SITUATION_UNREACHABLE && a->foreign) {
		ask_route(e, &f);
		ask_forward(e, &f);
	}
	if (f.situation == SITUATION_RESET) {
		look_around_end(e, &f);
		if (a->unknown || a->answer_flags == TCP_RST || by_remote(a))
			look_up(e, &f);
		if (by_remote(a) && is_alive(&f) && a->judge_by > 0) { /* out of its window: the kernel did not take it */
			a->reset_by = SIDE_NONE;
			a->ended = 0;
			track_set(e, a, (enum stage)a->before_rst, a->before_rst == STAGE_OPEN ? 0 : e->now + HALF_OPEN_LOOK);
			return false;
		}
		if (f.vanished || a->fate == FATE_UNREAD)
			ask_process(e, &f, f.vanished ? f.gone : f.accepting);
	}
	v = rules_judge(&f);
	if (f.situation == SITUATION_RESET && a->client_fin && a->server_fin)
		return true; /* a last segment after an orderly end */
	if (f.situation == SITUATION_RESET && a->reset_by == SIDE_CLIENT && (a->out || a->server_fin || a->client_fin)) {
		if (!a->out && !a->established_reported)
			tell_accepted(e, a, CONFIDENCE_PROVED);
		return true; /* a client ended what it had no use for: this host's own, or after a close */
	}
	report_attempt(e, a, &f, &v, a->emitted && a->outcome == OUTCOME_CANCELLED);
	if (f.situation == SITUATION_REFUSED && !a->out && f.sockets && !f.accepting)
		remember_refusal(e, a);
	return true;
}

/* Who holds an open connection, which need not be who holds the listener. */
static void ask_holder(struct engine *e, struct facts *f, uint32_t inode)
{
	struct answer answer = {.found = false};
	struct question q = {.kind = ASK_PROCESS, .inode = inode};

	if (!e->config.ask || !e->config.ask(e->config.ctx, &q, &answer))
		return;
	f->asked_process = true;
	f->process = answer.process;
	f->shared = answer.n > 1;
	f->holder = answer.bound_owner;
	f->has_holder = answer.process.pid != 0;
}

/* In whose queue a connection waits: of several listeners that take it the one whose queue is not empty. */
static bool choose_waiting(struct engine *e, struct facts *f)
{
	const struct listener *only = NULL;
	int n = 0;

	if (f->members < 2)
		return f->accepting != NULL;
	for (struct listener *l = NULL; (l = listeners_next(&e->listeners, f->a->key.server_port, l));)
		if (l->gone == 0 && l->row.queue > 0 &&
			listener_near(&l->row, &f->a->key.server, f->a->ifindex) == NEAR_ACCEPTS) {
			only = l;
			n++;
		}
	if (n == 1)
		f->accepting = only;
	return n == 1;
}

bool judge_waiting(struct engine *e, const struct connection *c, enum waiting why, int64_t waited)
{
	struct attempt_key key = {c->row.peer, c->row.addr, c->row.peer_port, c->row.port};
	struct attempt *a = table_find(e->attempts, &key);
	struct attempt own = {
		.key = key,
		.first = e->now - waited,
		.last = e->now,
		.stage = STAGE_OPEN,
		.outcome = OUTCOME_ACCEPTED,
		.v6 = !ip_is_v4(&c->row.addr),
	};
	struct facts f;
	struct verdict v;

	if (!a) { /* it began before we did, or unseen */
		own.id = e->next_id++;
		a = &own;
	}
	gather(e, a, &f);
	f.situation = SITUATION_WAITING;
	f.waiting = why;
	f.waited = waited;
	f.connection = *c;
	if (why == WAITING_READ)
		ask_holder(e, &f, c->row.inode);
	else if (choose_waiting(e, &f))
		ask_process(e, &f, f.accepting);
	v = rules_judge(&f);
	if (v.cause == CAUSE_UNKNOWN)
		return false;
	report_attempt(e, a, &f, &v, a->emitted && a->alone);
	return true;
}

void judge_unanswered(struct engine *e, const struct unanswered *u)
{
	struct attempt a = {
		.key = {u->peer, u->address, 0, u->port},
		.id = e->next_id++,
		.first = u->first,
		.last = u->last,
		.stage = STAGE_SYN,
		.ifindex = u->ifindex,
		.v6 = !ip_is_v4(&u->address),
	};
	struct facts f;
	struct verdict v;

	gather(e, &a, &f);
	f.situation = SITUATION_UNANSWERED;
	f.server_local = engine_is_local(e, &u->address);
	f.asked_times = u->times;
	f.address_gone = u->gone ? e->now - u->gone : 0;
	ask_route(e, &f);
	v = rules_judge(&f);
	report_attempt(e, &a, &f, &v, false);
}

bool judge_drops(struct engine *e, const struct listener *l, int64_t since, uint32_t n)
{
	struct attempt a = {
		.key = {.server = l->row.addr, .server_port = l->row.port},
		.id = e->next_id++,
		.first = since,
		.last = e->now,
		.stage = STAGE_SYN,
		.syns = (uint16_t)(n < UINT16_MAX ? n : UINT16_MAX),
		.v6 = !ip_is_v4(&l->row.addr),
	};
	struct facts f;
	struct verdict v;

	gather(e, &a, &f);
	if (e->samples.n && !f.window.known)
		return false;
	f.accepting = l;
	f.server_local = true;
	f.drops = n;
	f.drops_exact = true;
	f.queue = listener_fullest_since(l, since);
	ask_why_dropped(e, &f);
	v = rules_judge(&f);
	report_attempt(e, &a, &f, &v, false);
	return true;
}

bool judge_attempt(struct engine *e, struct attempt *a)
{
	switch ((enum stage)a->stage) {
	case STAGE_SYN:
	case STAGE_SILENT:
		return judge_silent(e, a);
	case STAGE_ANSWERED:
	case STAGE_UNFINISHED:
		return judge_answered(e, a);
	case STAGE_CLOSING:
		return judge_closing(e, a);
	case STAGE_REFUSED:
	case STAGE_UNREACHABLE:
	case STAGE_CANCELLED:
	case STAGE_RESET:
		return judge_ended(e, a);
	case STAGE_OPEN:
	case STAGE_DONE:
		break;
	}
	return true;
}

static bool has_ended(const struct attempt *a)
{
	return a->stage == STAGE_REFUSED || a->stage == STAGE_UNREACHABLE ||
	       a->stage == STAGE_CANCELLED || a->stage == STAGE_RESET;
}

void judge_pending(struct engine *e)
{
	for (struct attempt *a = NULL, *next = table_next(e->attempts, NULL); (a = next);) {
		next = table_next(e->attempts, a);
		if (!has_ended(a))
			continue;
		a->judge_by = 0;
		judge_attempt(e, a);
		track_forget(e, a);
	}
}

void judge_replaced(struct engine *e, struct attempt *a)
{
	struct attempt_key key = a->key;

	a->judge_by = 0; /* with the evidence there is */
	if (has_ended(a) || (!a->emitted && (a->stage == STAGE_SYN || a->stage == STAGE_SILENT))) {
		judge_attempt(e, a);
	} else if (a->stage == STAGE_CLOSING) {
		judge_closing(e, a);
	} else if (a->stage == STAGE_ANSWERED && a->synacks == 1) {
		tell_accepted(e, a, CONFIDENCE_INFERRED);
	}
	if (table_find(e->attempts, &key) == a) /* judging may have forgotten it */
		track_forget(e, a);
}

void judge_listener_up(struct engine *e, const struct listener *up)
{
	for (size_t i = 0; i < RECENT_MAX; i++) {
		struct recent *r = &e->recent[i];
		struct facts f;
		struct verdict v;

		if (!r->used || r->a.key.server_port != up->row.port)
			continue;
		if (up->up - r->a.answered > TOO_EARLY_WITHIN) {
			r->used = false;
			continue;
		}
		if (listener_near(&up->row, &r->a.key.server, r->a.ifindex) != NEAR_ACCEPTS)
			continue;
		r->a.stage = STAGE_REFUSED;
		gather(e, &r->a, &f);
		look_up_listener(e, &f);
		v = rules_judge(&f);
		if (v.cause == CAUSE_TOO_EARLY || v.cause == CAUSE_RESTARTING)
			report_attempt(e, &r->a, &f, &v, true);
		r->used = false;
	}
}
