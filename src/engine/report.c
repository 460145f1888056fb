/* report.c - verdicts as events, rolled up where they are many, and the counters of each interval. */
#include "report.h"
#include "base/text.h"
#include "state.h"
#include "steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Theory of operation
 *
 * Findings alike in peer network, port, outcome and cause are one kind. The first of a kind in an
 * interval is told at once; the others of that interval are counted and told as one line when it ends,
 * in the words of one of them. Kinds are bounded as well: when a flood from random sources makes too
 * many, they fall together per port, and then altogether.
 */
struct rollup_key {
	struct ip prefix; /* all zero: any */
	uint16_t port;
	uint8_t out, situation;
	uint16_t cause;
	uint8_t confidence;
	uint8_t wide; /* any peer network */
};

struct rollup {
	struct attempt last;
	enum situation situation;
	struct event told;   /* in the words of one of them: written while its facts are true, for they do not last */
	uint64_t extra;      /* since the line that was told at once */
	uint64_t syns;
	int64_t first, latest; /* over those that are counted in extra */
	uint32_t peers_told; /* in the key of a whole port: networks told apart */
	uint8_t *ports;      /* in the key of any port: which were dialled, a bit each; NULL: none, or no memory */
	uint32_t n_ports;
	uint16_t low, high;
	bool one_peer, one_addr;
};

struct table *report_rollups_new(struct hash_key key)
{
	return table_new(ROLLUP_MAX, sizeof(struct rollup_key), sizeof(struct rollup), key);
}

void report_rollups_free(struct table *rollups)
{
	for (struct rollup *r = NULL; rollups && (r = table_next(rollups, r));)
		free(r->ports);
	table_free(rollups);
}

static const enum outcome outcomes[SITUATION_COUNT] = {
	[SITUATION_REFUSED] = OUTCOME_REFUSED,
	[SITUATION_UNREACHABLE] = OUTCOME_UNREACHABLE,
	[SITUATION_SILENT] = OUTCOME_SILENT,
	[SITUATION_UNFINISHED] = OUTCOME_UNFINISHED,
	[SITUATION_CANCELLED] = OUTCOME_CANCELLED,
	[SITUATION_RESET] = OUTCOME_ACCEPTED,
	[SITUATION_CLOSED] = OUTCOME_ACCEPTED,
	[SITUATION_ACCEPTED] = OUTCOME_ACCEPTED,
	[SITUATION_WAITING] = OUTCOME_ACCEPTED,
	[SITUATION_UNANSWERED] = OUTCOME_UNREACHABLE,
};

const char *outcome_name(enum outcome o)
{
	static const char *const names[OUTCOME_COUNT] = {"none", "accepted", "refused", "unreachable",
		"silent", "unfinished", "cancelled"};

	return names[o];
}

/* The counters that an outcome adds to, in the port's line and in the totals. */
static void count_outcome(struct engine *e, const struct attempt *a, enum situation situation)
{
	bool ours = !a->out && a->key.server_port != 0; /* 0: about an address, not a port */
	struct port *p = ours ? engine_port(e, a->key.server_port) : NULL;
	struct event_port none = {.port = 0};
	struct event_port *c = p ? &p->c : &none;

	if (p)
		p->dirty = true;
	switch (situation) {
	case SITUATION_REFUSED:
		c->refused++;
		e->totals.refused++;
		break;
	case SITUATION_UNREACHABLE:
	case SITUATION_UNANSWERED:
		c->unreachable++;
		e->totals.unreachable++;
		break;
	case SITUATION_SILENT:
		c->silent++;
		e->totals.silent++;
		break;
	case SITUATION_UNFINISHED:
		c->unfinished++;
		e->totals.unfinished++;
		break;
	case SITUATION_CANCELLED:
		e->totals.cancelled++;
		break;
	case SITUATION_RESET:
		c->reset++;
		e->totals.reset++;
		break;
	case SITUATION_CLOSED:
	case SITUATION_ACCEPTED:
	case SITUATION_WAITING:
		c->accepted++;
		e->totals.accepted++;
		break;
	case SITUATION_COUNT:
		break;
	}
}

/* Whether the situation is one in which the peer did not get what it came for. */
static bool is_failure(enum situation s, enum cause cause)
{
	return s != SITUATION_ACCEPTED && !((s == SITUATION_CLOSED || s == SITUATION_RESET) && cause_is_harmless(cause));
}

enum {
	ENOUGH_TRIES = 4,   /* to say how they follow each other */
	BURST_RATIO = 5,    /* between the longest gap and the mean one */
	HABIT_TOLD = 3600,  /* seconds, until it is told again */
	NEIGHBOURS = 10,    /* ports to either side of the dialled one that it may be a slip for */
	WORDS_ANEW = 4,     /* of those that are told together, each of the first is put into words */
};

static enum pattern pattern_of(const struct peer *p)
{
	if (p->failing < ENOUGH_TRIES || p->mean_interval <= 0)
		return PATTERN_NONE;
	if (p->min_gap * 2 >= p->mean_interval && p->max_gap * 2 <= p->mean_interval * 3)
		return PATTERN_PERIODIC;
	return p->max_gap >= p->mean_interval * BURST_RATIO ? PATTERN_BURSTS : PATTERN_IRREGULAR;
}

static void add_gap(struct peer *p, int64_t gap)
{
	if (gap <= 0)
		return;
	if (p->failing == 1)
		p->mean_interval = p->min_gap = p->max_gap = gap;
	else
		p->mean_interval += (gap - p->mean_interval) / 4;
	p->min_gap = gap < p->min_gap ? gap : p->min_gap;
	p->max_gap = gap > p->max_gap ? gap : p->max_gap;
}

static void take_tries(const struct peer *p, int64_t now, struct facts *f)
{
	f->failures = p->failures;
	f->failing = p->failing;
	f->failing_for = p->failing && now > p->since ? now - p->since : 0;
	f->retry_interval = p->failing > 1 && p->last_try > p->since ? (p->last_try - p->since) / (p->failing - 1) : 0;
	f->pattern = pattern_of(p);
}

/* Counts a peer's failed try, and how far apart its tries are. */
static void count_try(struct engine *e, const struct attempt *a, struct facts *f, bool again)
{
	struct peer_key key = {*attempt_peer(a), a->key.server_port, a->out};
	struct peer *p = table_get(e->peers, &key, NULL, NULL, NULL);

	if (!again) {
		if (p->failing > 0)
			add_gap(p, a->first - p->last_try);
		/* Judged later is not dialled later. */
		p->since = p->failing == 0 || a->first < p->since ? a->first : p->since;
		p->last_try = p->failing == 0 || a->first > p->last_try ? a->first : p->last_try;
		p->failures++;
		p->failing++;
		table_touch(e->peers, p);
	}
	take_tries(p, a->first > p->last_try ? a->first : p->last_try, f);
}

/* A peer that had failed is served: its first failures are over, and this line says how they went. */
static void end_tries(struct engine *e, const struct attempt *a, struct facts *f)
{
	struct peer_key key = {*attempt_peer(a), a->key.server_port, a->out};
	struct peer *p = table_used(e->peers) ? table_find(e->peers, &key) : NULL;

	if (!p || p->failing == 0 || p->last_try >= a->first)
		return;
	take_tries(p, a->first, f);
	p->failing = 0;
}

/* Who listens on one of the next ports, the nearest first. */
static const struct listener *neighbour_of(struct engine *e, uint16_t port)
{
	for (int distance = 1; distance <= NEIGHBOURS; distance++)
		for (int side = -1; side <= 1; side += 2) {
			int next = port + side * distance;

			if (next <= 0 || next > UINT16_MAX)
				continue;
			for (struct listener *l = NULL; (l = listeners_next(&e->listeners, (uint16_t)next, l));)
				if (l->gone == 0 && !ip_is_loopback(&l->row.addr))
					return l;
		}
	return NULL;
}

/* What a line tells of: one attempt, or several alike. */
struct extent {
	int64_t id, first, last;
	uint64_t count;
	const struct rollup_key *many; /* NULL: all of one peer */
};

/* Writes the event of an attempt; facts point to what lasts no longer than the judgement. */
static void write_event(struct engine *e, const struct attempt *a, const struct facts *f, const struct verdict *v,
	const struct extent *x, struct event *ret)
{
	static const struct event empty;
	struct event_attempt *out = &ret->attempt;
	struct telling telling = {.count = (int64_t)x->count};

	*ret = empty;
	ret->type = f->situation == SITUATION_RESET ? EVENT_RESET : EVENT_ATTEMPT;
	ret->t = e->now > x->last ? e->now : x->last; /* a packet may be newer than the last look at the clock */
	out->id = x->id;
	out->first = x->first;
	out->last = x->last;
	text_copy(out->dir, sizeof(out->dir), a->out ? "out" : "in");
	text_copy(out->netns, sizeof(out->netns), e->config.netns);
	text_copy(out->iface, sizeof(out->iface), f->iface);
	if (!x->many && f->no_packets && a->key.client_port == 0 && f->situation == SITUATION_SILENT)
		text_copy(out->peer, sizeof(out->peer), "unknown");
	else if (!x->many)
		ip_format(attempt_peer(a), out->peer, sizeof(out->peer));
	else if (x->many->wide)
		text_copy(out->peer, sizeof(out->peer), "many");
	else
		ip_format_prefix(&x->many->prefix, out->peer, sizeof(out->peer));
	out->peer_port = a->out ? a->key.server_port : a->key.client_port;
	ip_format(a->out ? &a->key.client : &a->key.server, out->addr, sizeof(out->addr));
	out->port = a->key.server_port;
	text_copy(out->outcome, sizeof(out->outcome), outcome_name(outcomes[f->situation]));
	text_copy(out->cause, sizeof(out->cause), cause_entry(v->cause)->id);
	text_copy(out->confidence, sizeof(out->confidence), confidence_name(v->confidence));
	text_copy(out->client_sees, sizeof(out->client_sees), client_errno(v->sees));
	if (f->situation == SITUATION_RESET) {
		bool host = a->reset_by == (a->out ? SIDE_CLIENT : SIDE_SERVER);

		text_copy(out->by, sizeof(out->by), host ? "host" : "peer");
	}
	out->syns = a->syns;
	out->count = (int64_t)x->count;
	out->failures = f->failures;
	out->retry_interval = f->retry_interval;
	out->failing_for = f->failing_for;
	text_copy(out->pattern, sizeof(out->pattern), pattern_name(f->pattern));
	if (f->situation == SITUATION_REFUSED && !a->out && !f->nearest && !f->accepting)
		telling.neighbour = neighbour_of(e, a->key.server_port);
	words_tell(f, v, &telling, out);
	steps_tell(e->trail, f, v, out);
}

static void report_port(struct engine *e, struct port *p)
{
	static const struct event empty;
	struct event ev = empty;

	p->dirty = false;
	ev.type = EVENT_PORT;
	ev.t = e->now;
	ev.port = p->c;
	text_copy(ev.port.netns, sizeof(ev.port.netns), e->config.netns);
	e->config.sink->event(e->config.sink, &ev);
}

/* So that counts and finding agree at once. */
static void report_its_port(struct engine *e, const struct attempt *a, enum situation situation)
{
	if (!a->out && a->key.server_port != 0 && situation != SITUATION_ACCEPTED)
		report_port(e, engine_port(e, a->key.server_port));
}

static void emit_one(struct engine *e, struct attempt *a, const struct facts *f, const struct verdict *v)
{
	struct extent x = {(int64_t)a->id, a->first, a->last, 1, NULL};
	struct event ev;

	a->alone = true;
	write_event(e, a, f, v, &x, &ev);
	e->config.sink->event(e->config.sink, &ev);
	report_its_port(e, a, f->situation);
}

/* The attempt has a line of its own, which a later one may replace. */
static void mark_alone(struct engine *e, const struct attempt *told)
{
	struct attempt *a = table_find(e->attempts, &told->key);

	if (a && a->id == told->id)
		a->alone = true;
	for (size_t i = 0; i < RECENT_MAX; i++)
		if (e->recent[i].used && e->recent[i].a.id == told->id)
			e->recent[i].a.alone = true;
}

/* Which ports were dialled, of a kind that is counted for any. */
static void count_port(struct rollup *r, uint16_t port)
{
	if (!r->ports)
		r->ports = calloc(65536 / 8, 1);
	if (!r->ports || r->ports[port / 8] & 1u << port % 8)
		return;
	r->ports[port / 8] |= (uint8_t)(1u << port % 8);
	r->low = r->n_ports == 0 || port < r->low ? port : r->low;
	r->high = r->n_ports == 0 || port > r->high ? port : r->high;
	r->n_ports++;
}

/* Of attempts at several ports: words about the last one's would be wrong of the others, so it is an example. */
static void tell_ports(const struct rollup *r, struct event_attempt *a)
{
	const struct cause_entry *cause = cause_entry(cause_by_id(a->cause));
	char text[sizeof(a->evidence[0].text)];
	bool out = strcmp(a->dir, "out") == 0;
	const char *other = strcmp(a->peer, "many") == 0 ? out ? "several hosts" : "Many peers" : a->peer;
	const char *here = r->one_addr ? a->addr : "this host";

	a->ports = r->n_ports;
	a->port_low = r->low;
	a->port_high = r->high;
	a->port = r->low; /* one of them, for readers that know of no range */
	memset(a->summary, 0, sizeof(a->summary)); /* nothing of the old words behind the new ones */
	memset(a->advice, 0, sizeof(a->advice));
	memset(&a->owner, 0, sizeof(a->owner));
	snprintf(a->summary, sizeof(a->summary), "%s%s dialled %u ports of %s, from %u to %u: %s, %s",
		strcmp(a->confidence, confidence_name(CONFIDENCE_POSSIBLE)) == 0 ? "Possibly: " : "",
		out ? "This host" : other, r->n_ports, out ? other : here, r->low, r->high,
		r->told.type == EVENT_RESET ? "reset" : a->outcome, cause->words);
	text_copy(a->advice, sizeof(a->advice), "Who dials many ports looks for what is there (a scan), and of ports that nobody "
		"should reach nothing is wrong. Of one that should be: tcpwhy -x PORT while the peer dials it");
	for (int i = 0; i < EVENT_EVIDENCE && a->evidence[i].source[0]; i++) {
		text_copy(text, sizeof(text), a->evidence[i].text);
		memset(a->evidence[i].text, 0, sizeof(a->evidence[i].text));
		text_copy(a->evidence[i].text, sizeof(a->evidence[i].text), "of one of them: ");
		text_append(a->evidence[i].text, sizeof(a->evidence[i].text), "%s", text);
	}
}

/* Tells what was counted of one kind since its first line. */
static void flush_one(void *ctx, void *value)
{
	struct engine *e = ctx;
	struct rollup *r = value;
	struct event_attempt *a = &r->told.attempt;

	free(r->ports);
	r->ports = NULL;
	if (r->extra == 0)
		return;
	r->told.t = e->now > r->latest ? e->now : r->latest;
	a->id = r->extra == 1 ? (int64_t)r->last.id : (int64_t)e->next_id++;
	a->first = r->first;
	a->last = r->latest;
	a->count = (int64_t)r->extra;
	if (r->n_ports > 1)
		tell_ports(r, a);
	if (r->extra > 1)
		text_append(a->summary, sizeof(a->summary), " (%" PRId64 " attempts alike)", a->count);
	e->config.sink->event(e->config.sink, &r->told);
	if (r->extra > 1)
		return;
	mark_alone(e, &r->last);
	report_its_port(e, &r->last, r->situation);
}

static void flush_rollups(struct engine *e)
{
	for (struct rollup *r = NULL; (r = table_next(e->rollups, r));)
		flush_one(e, r);
	table_clear(e->rollups);
}

/* The kind that a finding is counted under; a wider one when there are too many. */
static struct rollup *rollup_of(struct engine *e, const struct attempt *a, const struct facts *f,
	const struct verdict *v, bool *ret_new)
{
	struct rollup_key key = {
		.prefix = ip_prefix(attempt_peer(a)),
		.port = a->key.server_port,
		.out = a->out,
		.situation = (uint8_t)f->situation,
		.cause = (uint16_t)v->cause,
		.confidence = (uint8_t)v->confidence,
	};
	struct rollup_key wide = key;
	struct rollup *r = table_find(e->rollups, &key), *port;

	*ret_new = false;
	if (r)
		return r;
	memset(&wide.prefix, 0, sizeof(wide.prefix));
	wide.wide = 1;
	if (table_used(e->rollups) + ROLLUP_WIDE < ROLLUP_MAX) {
		bool fresh;

		port = table_get(e->rollups, &wide, &fresh, NULL, NULL);
		if (fresh)
			port->first = 0;
		if (port->peers_told < ROLLUP_PEERS && table_used(e->rollups) + ROLLUP_WIDE < ROLLUP_MAX) {
			port->peers_told++;
			return table_get(e->rollups, &key, ret_new, NULL, NULL);
		}
		return port;
	}
	r = table_find(e->rollups, &wide);
	if (!r) {
		wide.port = 0;
		r = table_get(e->rollups, &wide, NULL, flush_one, e);
	}
	return r;
}

static void roll_up(struct engine *e, struct attempt *a, const struct facts *f,
	const struct verdict *v)
{
	bool fresh, many;
	struct rollup *r = rollup_of(e, a, f, v, &fresh);

	if (fresh) {
		emit_one(e, a, f, v);
		return;
	}
	if (r->extra == 0 || a->first < r->first)
		r->first = a->first;
	if (r->extra == 0 || a->last > r->latest)
		r->latest = a->last;
	if (((const struct rollup_key *)table_key(e->rollups, r))->port == 0)
		count_port(r, a->key.server_port);
	r->one_addr = r->extra == 0 || (r->one_addr && ip_equal(&r->last.key.server, &a->key.server));
	many = r->extra > 0 && (!r->one_peer || !ip_equal(attempt_peer(&r->last), attempt_peer(a)));
	/* In a flood the words of one of the first are good enough: writing them takes longer than judging. */
	if (r->extra < WORDS_ANEW || many == r->one_peer) {
		struct extent x = {0, a->first, a->last, 1, many ? table_key(e->rollups, r) : NULL};

		write_event(e, a, f, v, &x, &r->told);
	} else {
		r->told.attempt.failures = f->failures;
		r->told.attempt.failing_for = f->failing_for;
		r->told.attempt.retry_interval = f->retry_interval;
	}
	r->one_peer = !many;
	r->extra++;
	r->last = *a;
	r->situation = f->situation;
	e->totals.rolled_up++;
}

void report_late_reset(struct engine *e, const struct attempt *a)
{
	struct port *p;

	e->totals.late_reset++;
	if (a->out || a->key.server_port == 0)
		return;
	p = engine_port(e, a->key.server_port);
	p->c.late_reset++;
	p->dirty = true;
}

/* What the end of one connection says of the port's others. */
static void learn_manners(struct engine *e, const struct attempt *a, const struct verdict *v)
{
	struct port *p;

	if (a->out || a->key.server_port == 0 || !a->bytes_known)
		return;
	p = engine_port(e, a->key.server_port);
	p->answers = p->answers || (a->server_bytes > 0 && a->client_bytes > 0);
	if (v->cause == CAUSE_CLOSED_EARLY && a->client_bytes == 0)
		p->turned_away = a->ended;
}

/* What a peer does by habit is told once in a while, not each time. */
static bool is_known_habit(struct engine *e, const struct attempt *a, enum cause cause)
{
	struct peer_key key = {*attempt_peer(a), a->key.server_port, a->out};
	struct peer *p;
	bool known;
	bool answered = a->bytes_known && a->server_bytes > 0;

	if (cause != CAUSE_HEALTH_CHECK && (cause != CAUSE_PEER_CLOSED_ABRUPTLY || !answered))
		return false;
	p = table_get(e->peers, &key, NULL, NULL, NULL);
	table_touch(e->peers, p);
	known = p->habit != 0 && a->first - p->habit < HABIT_TOLD * USEC;
	if (!known)
		p->habit = a->first;
	return known;
}

void report_attempt(struct engine *e, struct attempt *a, const struct facts *f, const struct verdict *v,
	bool again)
{
	struct facts told = *f;
	bool habit = is_known_habit(e, a, v->cause);
	bool counted = a->outcome == outcomes[f->situation];

	if (f->situation == SITUATION_RESET || f->situation == SITUATION_CLOSED ||
		f->situation == SITUATION_ACCEPTED)
		counted = counted && f->situation != SITUATION_RESET;
	if (habit && f->situation == SITUATION_RESET)
		report_late_reset(e, a);
	else if (!counted)
		count_outcome(e, a, f->situation);
	if (f->situation == SITUATION_RESET && !a->established_reported) {
		count_outcome(e, a, SITUATION_ACCEPTED); /* it was, and the reset's line says so */
		a->established_reported = true;
	}
	if (is_failure(f->situation, v->cause)) {
		count_try(e, a, &told, again);
		e->alert_until = e->now + 10 * USEC;
	} else {
		end_tries(e, a, &told);
	}
	a->outcome = (uint8_t)outcomes[f->situation];
	a->cause = (uint8_t)v->cause;
	a->confidence = (uint8_t)v->confidence;
	a->emitted = true;
	told.a = a;
	learn_manners(e, a, v);
	if (habit)
		return;
	if (!again)
		roll_up(e, a, &told, v);
	else if (a->alone && e->again_lines++ < AGAIN_MAX)
		emit_one(e, a, &told, v);
}

void report_listener(struct engine *e, const char *what, struct listener *l)
{
	static const struct event empty;
	struct event ev = empty;
	struct event_listener *out = &ev.listener;

	ev.type = EVENT_LISTENER;
	ev.t = e->now;
	text_copy(out->event, sizeof(out->event), what);
	out->id = (int64_t)(l->row.cookie & INT64_MAX);
	text_copy(out->netns, sizeof(out->netns), e->config.netns);
	text_copy(out->proto, sizeof(out->proto), "tcp");
	text_copy(out->family, sizeof(out->family), listener_family(&l->row));
	ip_format(&l->row.addr, out->addr, sizeof(out->addr));
	text_copy(out->reach, sizeof(out->reach), listener_reach(&l->row));
	text_copy(out->device, sizeof(out->device), l->row.device);
	out->port = l->row.port;
	out->queue = l->row.queue;
	out->queue_max = l->row.queue_max;
	out->owner.pid = l->owner.pid;
	text_copy(out->owner.comm, sizeof(out->owner.comm), l->owner.comm);
	text_copy(out->owner.cmdline, sizeof(out->owner.cmdline), l->owner.cmdline);
	text_copy(out->owner.user, sizeof(out->owner.user), l->owner.user);
	text_copy(out->owner.unit, sizeof(out->owner.unit), l->owner.unit);
	text_copy(out->owner.container, sizeof(out->owner.container), l->owner.container);
	l->announce_queue = l->row.queue;
	l->announce_queue_max = l->row.queue_max;
	l->announce_by = e->now + e->config.interval; /* no sooner than this again */
	e->config.sink->event(e->config.sink, &ev);
}

static void report_ports(struct engine *e, int max)
{
	int lines = 0;

	for (struct port *p = NULL; (p = table_next(e->ports, p)) && lines < max;) {
		if (!p->dirty)
			continue;
		report_port(e, p);
		lines++;
	}
}

static struct event_tick totals(const struct engine *e)
{
	struct event_tick t = e->totals;

	t.tracked = (int64_t)table_used(e->attempts);
	t.evicted = (int64_t)(table_evicted(e->attempts) + table_evicted(e->ports) +
			      table_evicted(e->peers) + table_evicted(e->listeners.table));
	return t;
}

void report_bye(struct engine *e, const char *reason)
{
	static const struct event empty;
	struct event ev = empty;

	flush_rollups(e);
	report_ports(e, PORTS_MAX);
	ev.type = EVENT_BYE;
	ev.t = e->now;
	text_copy(ev.bye.reason, sizeof(ev.bye.reason), reason);
	ev.bye.totals = totals(e);
	e->config.sink->event(e->config.sink, &ev);
}

void report_interval(struct engine *e)
{
	static const struct event empty;
	struct event ev = empty;

	flush_rollups(e);
	e->again_lines = 0;
	report_ports(e, PORT_LINES_MAX);
	ev.type = EVENT_TICK;
	ev.t = e->now;
	ev.tick = totals(e);
	e->config.sink->event(e->config.sink, &ev);
}
