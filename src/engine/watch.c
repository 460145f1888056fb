/* watch.c - what goes wrong on connections that are open: nobody accepts, nobody reads, nothing gets through. */
#include "state.h"

#include <stdlib.h>
#include <string.h>

/*
 * Theory of operation
 *
 * No packet says that a connection waits, and the table of connections is not walked at rest. So there are
 * triggers that cost nothing: a listener whose accept queue is not empty, and counters of the namespace that
 * move when a window closes, when a segment is sent again or when timestamps run backwards. After one, the
 * connections of the port (or all) are looked at, and those in which something waits become suspects. A suspect
 * that has not moved by a later look is told, once; one that has is forgotten. The kernel's word that it dropped a segment
 * of a connection is a trigger as well. Walks come at most once a
 * second, and the host refuses what would be too many.
 *
 * Addresses are watched in the same way: only where an address of ours could be asked for in vain.
 */
enum {
	SUSPECTS_MAX = 4096,
	WALK_EVERY = 1000000,
	QUEUE_NOTICED = 700000,  /* a queue that is not empty for so long is looked into */
	WAITS_AFTER = 1500000,   /* a connection in it is told after this */
	UNREAD_AFTER = 1900000,
	TRIGGERED_FOR = 4000000, /* after a counter moved, suspects are looked for during this time */
	LOOK_FOR = 5000000,
	BEFORE_POLL = 50000,     /* what a poll itself takes, and some */
	RESENDS = 2,             /* of one segment in a row, before a connection is suspect */
	RESENDS_UNANSWERED = 4,  /* and nothing of what was sent after it has arrived either: 3 s (tcp_rto_min 200 ms, doubled) */
	ASKED_MAX = 32,
	ASKED_IN_VAIN = 3,       /* mcast_solicit and ucast_solicit of Linux, and others' */
	ASKED_AGAIN = 700000,    /* a host that got no answer asks again after a second (mcast_solicit 3) */
	ASKED_KEPT = 4000000,
	GONE_MAX = 16,           /* addresses that were ours */
	GONE_KEPT = 600,         /* seconds */
	CLAIMS_MAX = 16,         /* addresses of ours that others claim */
	CLAIM_TOLD = 60,         /* seconds, until it is told again */
	SUSPECT_KEPT = 600,      /* seconds without a walk that shows it */
	OWN_LOOKED_AT = 18,      /* a host with more addresses of its own is not looked at by address */
	DROPPED_TIMES = 3,       /* the first, and two that are sent anew ... */
	DROPPED_FOR = 500000,    /* ... which takes at least so long (tcp_rto_min 200 ms, doubled) */
	PAWS_SEGMENTS = 2,       /* segments with data that came and did not count */
};

enum trigger {
	TRIGGER_ZERO_WINDOW,
	TRIGGER_NEAR_ZERO_WINDOW,
	TRIGGER_PAWS,
	TRIGGER_RESENT,
	TRIGGERS,
};

static const enum counter triggers[TRIGGERS] = {
	[TRIGGER_ZERO_WINDOW] = COUNTER_TO_ZERO_WINDOW,
	[TRIGGER_NEAR_ZERO_WINDOW] = COUNTER_WANT_ZERO_WINDOW,
	[TRIGGER_PAWS] = COUNTER_PAWS_ESTAB,
	[TRIGGER_RESENT] = COUNTER_RETRANS_SEGS,
};

struct suspect {
	int64_t first, seen; /* by a walk */
	enum waiting why;
	uint32_t unread, data_in;
	uint64_t received, acked;
	bool told;
};

/* Somebody asks where an address is (ARP, neighbour discovery). */
struct asked {
	struct ip address, peer;
	uint32_t ifindex;
	int64_t first, last; /* first 0: free */
	uint32_t times;
	bool told;
};

struct gone_address {
	struct ip ip;
	int64_t t;
};

/* Another host says that an address of this one is its own. */
struct claim {
	struct ip address;
	int64_t t; /* when it was told; 0: free */
};

struct watch {
	struct claim claims[CLAIMS_MAX];
	struct asked asked[ASKED_MAX];
	size_t next_asked;
	struct gone_address gone[GONE_MAX];
	size_t next_gone;
	struct table *suspects; /* cookie -> struct suspect */
	int64_t next_walk;
	bool sampled;
	uint64_t seen[TRIGGERS];     /* what the counters were */
	int64_t pulled[TRIGGERS];    /* when each moved last; 0: never */
	int64_t filtered;            /* when the kernel dropped a segment of a connection; 0: never */
};

struct watch *watch_new(struct hash_key key)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->suspects = table_new(SUSPECTS_MAX, sizeof(uint64_t), sizeof(struct suspect), key);
	if (!w->suspects) {
		free(w);
		return NULL;
	}
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	table_free(w->suspects);
	free(w);
}

void watch_shift(struct watch *w, int64_t delta)
{
	for (struct suspect *s = NULL; (s = table_next(w->suspects, s));) {
		s->first += delta;
		s->seen += delta;
	}
	for (size_t i = 0; i < ASKED_MAX; i++) {
		w->asked[i].first += w->asked[i].first ? delta : 0;
		w->asked[i].last += delta;
	}
	for (size_t i = 0; i < CLAIMS_MAX; i++)
		w->claims[i].t += w->claims[i].t ? delta : 0;
	for (size_t i = 0; i < GONE_MAX; i++)
		w->gone[i].t += w->gone[i].t ? delta : 0;
	for (int i = 0; i < TRIGGERS; i++)
		w->pulled[i] += w->pulled[i] ? delta : 0;
	w->filtered += w->filtered ? delta : 0;
	w->next_walk += delta;
}

/* Looks which counters have moved since the last sample. */
static void pull_triggers(struct engine *e)
{
	struct watch *w = e->watch;
	const struct counters *c;

	if (e->samples.n == 0)
		return;
	c = &e->samples.ring[(e->samples.n - 1) % SAMPLES_KEPT];
	for (int i = 0; i < TRIGGERS; i++) {
		if (w->sampled && c->v[triggers[i]] != w->seen[i])
			w->pulled[i] = e->now;
		w->seen[i] = c->v[triggers[i]];
	}
	w->sampled = true;
}

static bool is_pulled(const struct engine *e, enum trigger t)
{
	return e->watch->pulled[t] != 0 && e->now - e->watch->pulled[t] < TRIGGERED_FOR;
}

/* A port whose accept queue has not been empty for a while; 0: none. */
static uint16_t waiting_port(struct engine *e, bool *ret_several)
{
	uint16_t port = 0;

	*ret_several = false;
	for (struct listener *l = NULL; (l = table_next(e->listeners.table, l));) {
		if (l->gone != 0 || l->row.queue == 0 || l->waiting_since == 0 ||
			e->now - l->waiting_since < QUEUE_NOTICED)
			continue;
		*ret_several = *ret_several || (port != 0 && port != l->row.port);
		port = l->row.port;
	}
	return port;
}

static bool is_filtered(const struct engine *e)
{
	return e->watch->filtered != 0 && e->now - e->watch->filtered < TRIGGERED_FOR;
}

void watch_word(struct engine *e, const struct kernel_word *w)
{
	bool ours = listeners_next(&e->listeners, w->dport, NULL) || listeners_next(&e->listeners, w->sport, NULL);

	if (!w->reset && !(w->flags & (TCP_SYN | TCP_RST)) && ours)
		e->watch->filtered = w->t > e->now ? w->t : e->now;
}

/* Segments of the connection, from the peer or to it, were dropped again and again: as data are that are sent anew. */
static bool is_dropped(const struct engine *e, const struct connection *c)
{
	static const enum word_kind kinds[] = {WORD_FROM, WORD_TO};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct kernel_word *w = reasons_find(e->reasons, kinds[i], &c->row.peer, c->row.peer_port,
			e->now - TRIGGERED_FOR);
		uint16_t port = !w ? 0 : kinds[i] == WORD_FROM ? w->dport : w->sport;

		if (w && port == c->row.port && w->times >= DROPPED_TIMES && w->t - w->since >= DROPPED_FOR)
			return true;
	}
	return false;
}

/* Why a connection is suspect; WAITING_NONE: it is not. */
static enum waiting suspicion(const struct engine *e, const struct connection *c)
{
	if (c->row.inode == 0)
		return WAITING_ACCEPT;
	if (is_filtered(e) && is_dropped(e, c))
		return WAITING_FILTERED;
	if (is_pulled(e, TRIGGER_RESENT) && c->retransmits >= RESENDS)
		return WAITING_RESENT;
	if ((is_pulled(e, TRIGGER_ZERO_WINDOW) || is_pulled(e, TRIGGER_NEAR_ZERO_WINDOW)) && c->row.queue > 0)
		return WAITING_READ;
	if (is_pulled(e, TRIGGER_PAWS) && c->data_in > 0)
		return WAITING_PAWS;
	return WAITING_NONE;
}

/* Whether the suspect has not moved since it was first seen, for long enough. */
static bool is_stuck(const struct engine *e, const struct suspect *s, const struct connection *c)
{
	int64_t waited = e->now - s->first;

	switch (s->why) {
	case WAITING_ACCEPT:
		return waited >= WAITS_AFTER;
	case WAITING_READ:
		return waited >= UNREAD_AFTER && c->row.queue >= s->unread && c->received == s->received;
	case WAITING_RESENT:
		return waited >= WALK_EVERY && c->acked == s->acked && (c->sacked > 0 || c->retransmits >= RESENDS_UNANSWERED);
	case WAITING_FILTERED:
		return waited >= WALK_EVERY - BEFORE_POLL && c->acked == s->acked && c->received == s->received;
	case WAITING_PAWS:
		return c->received == s->received && c->data_in - s->data_in >= PAWS_SEGMENTS;
	case WAITING_READER: /* these are looked up one by one: judge_open() */
	case WAITING_ANSWER:
	case WAITING_GREETING:
	case WAITING_NONE:
		break;
	}
	return false;
}

/* Whether it has moved, so that what was held against it does not count any more. */
static bool has_moved(const struct suspect *s, enum waiting why, const struct connection *c)
{
	if (s->why != why)
		return true;
	switch (why) {
	case WAITING_READ:
		return c->row.queue < s->unread || c->received != s->received;
	case WAITING_RESENT:
		return c->acked != s->acked;
	case WAITING_FILTERED:
		return c->acked != s->acked || c->received != s->received;
	case WAITING_PAWS:
		return c->received != s->received;
	case WAITING_ACCEPT:
	case WAITING_READER:
	case WAITING_ANSWER:
	case WAITING_GREETING:
	case WAITING_NONE:
		break;
	}
	return false;
}

static void look_at(struct engine *e, const struct connection *c)
{
	struct table *suspects = e->watch->suspects;
	struct suspect *s = table_find(suspects, &c->row.cookie);
	enum waiting why = suspicion(e, c);
	bool fresh = false;

	if (!listeners_next(&e->listeners, c->row.port, NULL))
		return; /* an outgoing connection: its far end is where to look */
	if (why == WAITING_NONE) {
		if (s)
			table_remove(suspects, s);
		return;
	}
	if (!s)
		s = table_get(suspects, &c->row.cookie, &fresh, NULL, NULL);
	table_touch(suspects, s);
	s->seen = e->now;
	if (fresh || has_moved(s, why, c)) {
		if (why == WAITING_RESENT)
			engine_look(e, &c->row.peer, c->row.port, e->now + LOOK_FOR);
		*s = (struct suspect){
			.first = e->now,
			.seen = e->now,
			.why = why,
			.unread = c->row.queue,
			.data_in = c->data_in,
			.received = c->received,
			.acked = c->acked,
		};
	} else if (!s->told && is_stuck(e, s, c)) {
		s->told = judge_waiting(e, c, why, e->now - s->first);
	}
}

/* Forgets suspects that no walk has shown for a while: accepted, read, or closed. */
static void forget_old(struct engine *e)
{
	struct table *suspects = e->watch->suspects;

	for (struct suspect *s = table_next(suspects, NULL), *next; s; s = next) {
		next = table_next(suspects, s);
		if (e->now - s->seen > SUSPECT_KEPT * USEC)
			table_remove(suspects, s);
	}
}

void watch_segment(struct engine *e, const struct segment *s, struct attempt *a, bool from_client)
{
	(void)e;
	if (from_client != a->out || s->payload == 0)
		return; /* the peer's, or a bare ACK */
	if (a->sent_end != 0 && (int32_t)(s->seq - a->sent_end) < 0) {
		a->resends += a->resends < UINT16_MAX;
		if (s->payload > a->resent_size)
			a->resent_size = s->payload;
	} else {
		a->sent_end = s->seq + s->payload;
	}
}

/* An address that was this host's a while ago. */
static const struct gone_address *gone_address(const struct engine *e, const struct ip *ip)
{
	for (size_t i = 0; i < GONE_MAX; i++) {
		const struct gone_address *g = &e->watch->gone[i];

		if (g->t != 0 && ip_equal(&g->ip, ip) && e->now - g->t < GONE_KEPT * USEC)
			return g;
	}
	return NULL;
}

/* A listener that waits for connections to just this address. */
static const struct listener *bound_to(struct engine *e, const struct ip *ip)
{
	for (struct listener *l = NULL; (l = table_next(e->listeners.table, l));)
		if (l->gone == 0 && ip_equal(&l->row.addr, ip))
			return l;
	return NULL;
}

/* Who asks for an address is looked at where the question could be in vain, or where there are few. */
static void look_at_addresses(struct engine *e)
{
	const int64_t until = e->now + LOOK_FOR + 2 * e->config.interval; /* each poll prolongs it */

	if (e->addresses_known && e->n_addresses <= OWN_LOOKED_AT)
		for (size_t i = 0; i < e->n_addresses; i++)
			if (!ip_is_loopback(&e->addresses[i]))
				engine_look(e, &e->addresses[i], 0, until);
	for (size_t i = 0; i < GONE_MAX; i++)
		if (e->watch->gone[i].t != 0 && gone_address(e, &e->watch->gone[i].ip))
			engine_look(e, &e->watch->gone[i].ip, 0, until);
	for (struct listener *l = NULL; e->addresses_known && (l = table_next(e->listeners.table, l));)
		if (l->gone == 0 && !ip_is_any(&l->row.addr) && !engine_is_local(e, &l->row.addr))
			engine_look(e, &l->row.addr, 0, until);
}

void watch_addresses_changed(struct engine *e, const struct ip *before, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!engine_is_local(e, &before[i]))
			e->watch->gone[e->watch->next_gone++ % GONE_MAX] = (struct gone_address){before[i], e->now};
	for (size_t i = 0; i < GONE_MAX; i++)
		if (e->watch->gone[i].t != 0 && engine_is_local(e, &e->watch->gone[i].ip))
			e->watch->gone[i].t = 0; /* it is back */
	look_at_addresses(e);
}

/*
 * Somebody on the link says that an address of this host is at another MAC address (RFC 5227, 2.4). What this host itself
 * sends by one interface and gets back by another has a MAC address of its own.
 */
static void note_claim(struct engine *e, const struct segment *s)
{
	static const uint8_t none[6];
	struct claim *slot = &e->watch->claims[0];
	struct question q = {.kind = ASK_MAC};
	struct answer answer = {.found = false};

	if (memcmp(s->mac, none, sizeof(none)) == 0 || !e->config.ask)
		return;
	for (size_t i = 0; i < CLAIMS_MAX; i++) {
		struct claim *c = &e->watch->claims[i];

		if (c->t != 0 && ip_equal(&c->address, &s->src) && s->t - c->t < CLAIM_TOLD * USEC)
			return; /* told */
		if (c->t < slot->t)
			slot = c;
	}
	memcpy(q.mac, s->mac, sizeof(q.mac));
	if (!e->config.ask(e->config.ctx, &q, &answer) || answer.found)
		return;
	*slot = (struct claim){.address = s->src, .t = s->t};
	judge_claim(e, s);
}

void watch_address(struct engine *e, const struct segment *s)
{
	struct watch *w = e->watch;
	struct asked *slot = NULL;

	if (s->way != WAY_OUT && s->way != WAY_UNKNOWN && e->addresses_known && engine_is_local(e, &s->src) &&
		!ip_is_loopback(&s->src))
		note_claim(e, s);

	if (s->way != WAY_OUT && (s->kind == SEGMENT_IS_AT || ip_equal(&s->src, &s->dst)))
		for (size_t i = 0; i < GONE_MAX; i++) /* another host has it now, and says so */
			if (w->gone[i].t != 0 && ip_equal(&w->gone[i].ip, &s->src))
				w->gone[i].t = 0;
	if (s->kind == SEGMENT_IS_AT || ip_equal(&s->src, &s->dst)) {
		for (size_t i = 0; i < ASKED_MAX; i++)
			if (w->asked[i].first != 0 && ip_equal(&w->asked[i].address, &s->src))
				w->asked[i].first = 0;
		return;
	}
	/* From this host, a probe for a duplicate, or an announcement (RFC 5227). */
	if (s->way == WAY_OUT || engine_is_local(e, &s->src) || ip_is_any(&s->src) || ip_equal(&s->src, &s->dst))
		return;
	for (size_t i = 0; i < ASKED_MAX; i++)
		if (w->asked[i].first != 0 && ip_equal(&w->asked[i].address, &s->dst) &&
			ip_equal(&w->asked[i].peer, &s->src) && s->t - w->asked[i].last < ASKED_KEPT)
			slot = &w->asked[i];
	if (!slot) {
		slot = &w->asked[w->next_asked++ % ASKED_MAX];
		*slot = (struct asked){.address = s->dst, .peer = s->src, .ifindex = s->ifindex, .first = s->t};
	}
	slot->times++;
	slot->last = s->t;
}

/* Questions that were repeated and never answered. */
static void judge_asked(struct engine *e)
{
	struct watch *w = e->watch;

	for (size_t i = 0; i < ASKED_MAX; i++) {
		struct asked *a = &w->asked[i];
		const struct listener *l;
		/* Another host's answer is not seen here; but a stack asks three times only if it got none. */
		uint32_t enough = engine_is_local(e, &a->address) ? 2 : ASKED_IN_VAIN;

		if (a->first == 0 || a->told || a->times < enough || a->last - a->first < ASKED_AGAIN ||
			e->now - a->last < ASKED_AGAIN / 2)
			continue;
		l = bound_to(e, &a->address);
		if (!engine_is_local(e, &a->address) && !l && !gone_address(e, &a->address))
			continue; /* nobody's business */
		a->told = true;
		judge_unanswered(e, &(struct unanswered){
			.address = a->address,
			.peer = a->peer,
			.ifindex = a->ifindex,
			.first = a->first,
			.last = a->last,
			.times = a->times,
			.port = l ? l->row.port : 0,
			.gone = gone_address(e, &a->address) ? gone_address(e, &a->address)->t : 0,
		});
	}
}

/* Without packets a listener's own drop counter is all that tells of a SYN that was lost. */
static void look_at_drops(struct engine *e)
{
	if (!e->config.no_packets)
		return;
	for (struct listener *l = NULL; (l = table_next(e->listeners.table, l));) {
		uint32_t n = l->row.drops - l->drops_told;

		if (l->gone != 0 || n == 0)
			continue;
		if (l->dropped_after == 0) { /* the counters were sampled before: once more */
			l->dropped_after = l->seen - e->config.interval - BEFORE_POLL;
			continue;
		}
		if (!judge_drops(e, l, l->dropped_after, n))
			continue;
		l->drops_told = l->row.drops;
		l->dropped_after = 0;
	}
}

void watch_poll(struct engine *e)
{
	struct watch *w = e->watch;
	struct question q = {.kind = ASK_CONNECTIONS};
	struct answer a = {.found = false};
	bool several, pulled = false;

	pull_triggers(e);
	look_at_addresses(e);
	judge_asked(e);
	look_at_drops(e);
	if (!e->config.ask || e->now < w->next_walk)
		return;
	for (int i = 0; i < TRIGGERS; i++)
		pulled = pulled || is_pulled(e, (enum trigger)i);
	q.port = waiting_port(e, &several);
	pulled = pulled || is_filtered(e);
	if (!pulled && q.port == 0)
		return;
	if (pulled || several)
		q.port = 0;
	q.every = is_pulled(e, TRIGGER_PAWS) || is_filtered(e);
	w->next_walk = e->now + WALK_EVERY;
	if (!e->config.ask(e->config.ctx, &q, &a))
		return;
	for (size_t i = 0; i < a.n_connections; i++) {
		struct connection c = a.connections[i]; /* the next question overwrites the answer */

		look_at(e, &c);
	}
	forget_old(e);
}
