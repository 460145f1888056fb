/* store.c - what the screens read, built from events alone. */
#include "store.h"
#include "base/pages.h"
#include "base/text.h"
#include "engine/causes.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
	RATE_MAX = 1000000000, /* SYNs a second that no network brings */
};

#define COUNT_MAX (INT64_C(1) << 53)

static void store_event(struct sink *sink, const struct event *ev);

struct store *store_new(void)
{
	struct store *s = calloc(1, sizeof(*s));
	struct hash_key key = hash_key_random();

	if (!s)
		return NULL;
	s->sink.event = store_event;
	s->ports = table_new(STORE_PORTS, sizeof(int64_t), sizeof(struct store_port), key);
	s->listeners = table_new(STORE_LISTENERS + STORE_GONE, sizeof(int64_t), sizeof(struct store_listener), key);
	s->chains = calloc(STORE_CHAINS, sizeof(*s->chains));
	s->went = calloc(STORE_GONE, sizeof(*s->went));
	s->peers = table_new(STORE_PEERS, sizeof(struct store_peer_key), sizeof(struct store_peer), key);
	s->findings = calloc(STORE_FINDINGS, sizeof(*s->findings));
	s->facts = calloc(STORE_FACTS, sizeof(*s->facts));
	s->history = history_new(key);
	if (!s->ports || !s->listeners || !s->chains || !s->went || !s->peers || !s->findings || !s->facts || !s->history) {
		store_free(s);
		return NULL;
	}
	return s;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	history_free(s->history);
	free(s->facts);
	free(s->findings);
	table_free(s->peers);
	free(s->went);
	free(s->chains);
	table_free(s->listeners);
	table_free(s->ports);
	free(s);
}

void store_warm(struct store *s)
{
	table_warm(s->ports);
	table_warm(s->peers);
	history_warm(s->history);
	pages_touch(s->findings, STORE_FINDINGS * sizeof(*s->findings));
}

void store_copy(struct store *to, const struct store *from)
{
	struct store kept = *to;

	*to = *from;
	to->ports = kept.ports;
	to->listeners = kept.listeners;
	to->chains = kept.chains;
	to->went = kept.went;
	to->peers = kept.peers;
	to->findings = kept.findings;
	to->facts = kept.facts;
	to->history = kept.history;
	table_copy(to->ports, from->ports);
	table_copy(to->listeners, from->listeners);
	memcpy(to->chains, from->chains, STORE_CHAINS * sizeof(*to->chains));
	memcpy(to->went, from->went, STORE_GONE * sizeof(*to->went));
	table_copy(to->peers, from->peers);
	history_copy(to->history, from->history);
	memcpy(to->findings, from->findings, STORE_FINDINGS * sizeof(*to->findings));
	memcpy(to->facts, from->facts, from->n_facts * sizeof(*to->facts));
}

const struct store_finding *store_finding(const struct store *s, uint64_t number)
{
	const struct store_finding *f = &s->findings[number % STORE_FINDINGS];

	return number > 0 && f->number == number ? f : NULL;
}

/* The place of a port in a namespace; of more than can be named the last stands for all. */
static int64_t place_of(struct store *s, const char *netns, int64_t port)
{
	int64_t i = 0;

	port = port < 0 || port > UINT16_MAX ? 0 : port; /* a recording may say anything */
	while (i < s->n_netns && strcmp(s->netns[i + 1], netns) != 0)
		i++;
	if (!netns[0])
		return port;
	if (i == s->n_netns && i + 1 < STORE_NETNS) {
		s->n_netns++;
		text_copy(s->netns[i + 1], sizeof(s->netns[i + 1]), netns);
	} else if (i == s->n_netns) {
		i--;
	}
	return (i + 1) << 16 | port;
}

const char *store_netns(const struct store *s, int64_t place)
{
	return s->netns[place >> 16];
}

const struct store_port *store_port(const struct store *s, int64_t place)
{
	return table_find(s->ports, &place);
}

static uint32_t *chain_of(const struct store *s, int64_t place)
{
	return &s->chains[(uint64_t)place % STORE_CHAINS];
}

static struct store_listener *neighbour(const struct store *s, uint32_t link)
{
	return link ? table_at(s->listeners, link - 1) : NULL;
}

const struct store_listener *store_next_listener(const struct store *s, int64_t place,
	const struct store_listener *after)
{
	const struct store_listener *l = neighbour(s, after ? after->next : *chain_of(s, place));

	while (l && l->place != place)
		l = neighbour(s, l->next);
	return l;
}

/* At the end. The first one's before is the last; the last one's next is none. */
static void join(struct store *s, struct store_listener *l)
{
	uint32_t *chain = chain_of(s, l->place), link = table_index(s->listeners, l) + 1;
	struct store_listener *first = neighbour(s, *chain);

	l->next = 0;
	l->before = first ? first->before : link;
	if (first) {
		neighbour(s, first->before)->next = link;
		first->before = link;
	} else {
		*chain = link;
	}
}

static void part(struct store *s, struct store_listener *l)
{
	uint32_t *chain = chain_of(s, l->place), link = table_index(s->listeners, l) + 1;
	struct store_listener *next = neighbour(s, l->next);

	if (*chain == link)
		*chain = l->next;
	else
		neighbour(s, l->before)->next = l->next;
	if (next)
		next->before = l->before;
	else if (*chain)
		neighbour(s, *chain)->before = l->before;
}

/* Of a table that is full. */
static void on_evicted(void *ctx, void *value)
{
	part(ctx, value);
}

/* Remembers one that went, and forgets who went long before. */
static void remember_gone(struct store *s, int64_t id)
{
	int64_t *slot = &s->went[s->next_went++ % STORE_GONE];
	struct store_listener *old = *slot ? table_find(s->listeners, slot) : NULL;

	if (old && old->gone != 0 && *slot != id) {
		part(s, old);
		table_remove(s->listeners, old);
	}
	*slot = id;
}

const struct store_peer *store_peer(const struct store *s, int64_t place, const char *peer)
{
	struct store_peer_key key;

	memset(&key, 0, sizeof(key));
	key.place = place;
	text_copy(key.peer, sizeof(key.peer), peer);
	return table_find(s->peers, &key);
}

enum {
	FARTHEST = 4, /* everyone */
};

static int reach_rank(const char *reach)
{
	static const char *const ranks[] = {"loopback", "link-local", "device", "address", "everyone"};

	for (int i = 0; i < 5; i++)
		if (strcmp(reach, ranks[i]) == 0)
			return i;
	return -1;
}

const struct store_listener *store_listener(const struct store *s, int64_t place)
{
	const struct store_port *p = store_port(s, place);
	const struct store_listener *best = p && p->best ? table_find(s->listeners, &p->best) : NULL;

	return best && best->place == place && best->gone == 0 ? best : NULL;
}

bool store_is_failure(const struct event *ev)
{
	if (ev->type == EVENT_RESET)
		return !cause_is_harmless(cause_by_id(ev->attempt.cause));
	return ev->type == EVENT_ATTEMPT && (strcmp(ev->attempt.outcome, "accepted") != 0 ||
						    (ev->attempt.cause[0] != '\0' &&
							    !cause_is_harmless(cause_by_id(ev->attempt.cause))));
}

/* Finds the port's live listener that reaches farthest; of those that reach as far the first. Enough: none reaches farther. */
static void find_best(struct store *s, struct store_port *p, int64_t place, int enough)
{
	const struct store_listener *best = NULL;

	for (const struct store_listener *l = NULL; (l = store_next_listener(s, place, l));) {
		if (l->gone != 0 || (best && reach_rank(l->l.reach) <= reach_rank(best->l.reach)))
			continue;
		best = l;
		if (reach_rank(l->l.reach) >= enough)
			break;
	}
	p->best = best ? *(const int64_t *)table_key(s->listeners, best) : 0;
}

/* Counts a port's live listeners, which it may have had before it was forgotten. */
static void find_listeners(struct store *s, struct store_port *p, int64_t place)
{
	p->listeners = 0;
	for (const struct store_listener *l = NULL; (l = store_next_listener(s, place, l));)
		p->listeners += l->gone == 0;
	find_best(s, p, place, FARTHEST);
}

static struct store_port *get_port(struct store *s, int64_t place)
{
	bool fresh;
	struct store_port *p = table_get(s->ports, &place, &fresh, NULL, NULL);

	if (fresh) {
		p->c.port = p->before.port = STORE_PORT(place);
		find_listeners(s, p, place); /* which it had before it was forgotten */
	}
	p->place = place;
	table_touch(s->ports, p);
	return p;
}

/* A new place in the log; the oldest one falls out. */
static struct store_finding *new_finding(struct store *s, const struct event *ev, int64_t place)
{
	uint64_t number = ++s->n_findings;
	struct store_finding *f = &s->findings[number % STORE_FINDINGS];

	f->number = number;
	s->news++;
	f->place = place;
	f->t = ev->type == EVENT_LISTENER || ev->attempt.last <= 0 ? ev->t : ev->attempt.last;
	f->type = ev->type;
	return f;
}

static uint16_t cap16(int64_t v)
{
	return v < 0 ? 0 : v > UINT16_MAX ? UINT16_MAX : (uint16_t)v;
}

/* One listener of the port has changed: was is what its reach ranked as while it was live, -1: it was not. */
static void count_listener(struct store *s, struct store_port *p, int64_t id, const struct store_listener *one, int was)
{
	int rank = one->gone == 0 ? reach_rank(one->l.reach) : -1;
	const struct store_listener *best = p->best ? table_find(s->listeners, &p->best) : NULL;

	p->listeners += (uint32_t)(one->gone == 0) - (uint32_t)(was >= 0);
	if (p->best == id && rank < was)
		find_best(s, p, one->place, was);
	else if (one->gone == 0 && (!best || best->gone != 0 || rank > reach_rank(best->l.reach)))
		p->best = id;
}

/* The entry of a listener, in the chain of its place; *ret_was as above. */
static struct store_listener *get_listener(struct store *s, int64_t id, int64_t place, bool *ret_fresh, int *ret_was)
{
	struct store_listener *one = table_get(s->listeners, &id, ret_fresh, on_evicted, s);

	table_touch(s->listeners, one);
	*ret_was = *ret_fresh || one->gone != 0 ? -1 : reach_rank(one->l.reach);
	if (!*ret_fresh && one->place == place)
		return one;
	if (!*ret_fresh) { /* a recording may use a number anew */
		struct store_port *old = table_find(s->ports, &one->place);

		part(s, one);
		if (old)
			find_listeners(s, old, old->place);
		*ret_was = -1;
	}
	one->place = place;
	join(s, one);
	return one;
}

static void take_listener(struct store *s, const struct event *ev)
{
	int64_t id = ev->listener.id ? ev->listener.id : ev->listener.port;
	struct store_listener *one;
	int64_t place = place_of(s, ev->listener.netns, ev->listener.port);
	struct store_port *p = get_port(s, place);
	bool fresh, down = strcmp(ev->listener.event, "down") == 0, up = strcmp(ev->listener.event, "up") == 0;
	int was;

	one = get_listener(s, id, place, &fresh, &was);
	s->news += fresh;
	one->l = ev->listener;
	if (fresh) {
		one->since = ev->t;
		one->found = strcmp(ev->listener.event, "found") == 0;
	}
	if (down && one->gone == 0) {
		one->gone = ev->t;
		p->last_down = ev->t;
		p->downs++;
	}
	if (up) {
		p->last_up = ev->t;
		p->ups++;
	}
	count_listener(s, p, id, one, was);
	if (down)
		remember_gone(s, id);
	history_add(s->history, place, ev->t, &(struct history_slot){
		.up = up,
		.down = down,
		.queue = cap16(ev->listener.queue),
	});
	if (down || up)
		new_finding(s, ev, place)->listener = ev->listener;
}

static void add_count(int64_t *to, int64_t n)
{
	*to = *to + n < COUNT_MAX ? *to + n : COUNT_MAX;
}

static void take_peer(struct store *s, const struct event *ev, int64_t place, bool failed, bool served, const struct store_finding *told)
{
	struct store_peer_key key;
	struct store_peer *p;

	memset(&key, 0, sizeof(key));
	key.place = place;
	text_copy(key.peer, sizeof(key.peer), ev->attempt.peer);
	p = table_get(s->peers, &key, NULL, NULL, NULL);
	table_touch(s->peers, p);
	p->place = place;
	if (served && p->accepted > 0) /* as it seemed */
		p->accepted--;
	if (!told)
		add_count(failed ? &p->failed : &p->accepted, ev->attempt.count);
	p->last = ev->attempt.last;
	text_copy(p->dir, sizeof(p->dir), ev->attempt.dir);
	if (!failed)
		return;
	p->last_failure = ev->attempt.last;
	p->finding = told ? told->number : s->n_findings + 1; /* the one that comes next */
	p->retry_interval = ev->attempt.retry_interval;
	p->failing_for = ev->attempt.failing_for;
	text_copy(p->pattern, sizeof(p->pattern), ev->attempt.pattern);
	text_copy(p->cause, sizeof(p->cause), ev->attempt.cause);
}

/* The finding that a line with the same id told earlier, not too far back. */
static struct store_finding *same_attempt(struct store *s, const struct event *ev)
{
	for (uint64_t i = s->n_findings; i > 0 && s->n_findings - i < STORE_FINDINGS; i--) {
		struct store_finding *f = &s->findings[i % STORE_FINDINGS];

		if (f->number == i && f->type == ev->type && f->attempt.id == ev->attempt.id)
			return f;
	}
	return NULL;
}

/* How many ended how, at the time at which it happened: counters come up to a second later. */
static void remember(struct store *s, const struct event *ev, int64_t place)
{
	static const struct {
		const char *outcome;
		size_t offset;
	} kinds[] = {
		{"accepted", offsetof(struct history_slot, accepted)}, {"refused", offsetof(struct history_slot, refused)},
		{"unreachable", offsetof(struct history_slot, refused)}, {"silent", offsetof(struct history_slot, silent)},
		{"unfinished", offsetof(struct history_slot, silent)},
	};
	const struct event_attempt *a = &ev->attempt;
	struct history_slot counts = {.at = 0};
	uint16_t n = cap16(a->count);
	int64_t t = a->first > 0 ? a->first : ev->t;

	if (ev->type == EVENT_RESET) {
		counts.reset = n;
		t = a->last > 0 ? a->last : ev->t;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && ev->type == EVENT_ATTEMPT; i++)
		if (strcmp(a->outcome, kinds[i].outcome) == 0)
			memcpy((char *)&counts + kinds[i].offset, &n, sizeof(n));
	history_add(s->history, place, t, &counts);
}

/* Whether the attempt was told as served before; remembers it if it is told so now. */
static bool was_served(struct store *s, const struct event *ev, int64_t place, bool failed)
{
	struct store_served *one = &s->served[(uint64_t)ev->attempt.id % STORE_SERVED];
	bool same = ev->attempt.id != 0 && one->id == ev->attempt.id && one->place == place;

	/* What waits in an open connection was told as served before, perhaps together with others. */
	if (failed && ev->type == EVENT_ATTEMPT && strcmp(ev->attempt.outcome, "accepted") == 0 &&
		strcmp(ev->attempt.cause, "closed-early") != 0 && strcmp(ev->attempt.cause, "proxy-backend-dead") != 0 &&
		strcmp(ev->attempt.cause, "unknown") != 0)
		same = true;
	if (!failed && ev->attempt.count == 1)
		*one = (struct store_served){ev->attempt.id, place};
	else if (same)
		one->id = 0;
	return same && failed;
}

static void take_attempt(struct store *s, const struct event *ev)
{
	bool failed = store_is_failure(ev);
	int64_t port = ev->attempt.ports > 1 ? 0 : ev->attempt.port; /* several: no page of theirs has it for itself */
	int64_t place = place_of(s, ev->attempt.netns, port);
	struct store_finding *f = same_attempt(s, ev);
	bool served = was_served(s, ev, place, failed);
	struct store_port *p;

	take_peer(s, ev, place, failed, served, f);
	if (!f && strcmp(ev->attempt.dir, "out") != 0 && (!served || ev->type == EVENT_RESET))
		remember(s, ev, place);
	if (!failed && !f)
		return;
	if (!f)
		f = new_finding(s, ev, place);
	if (failed) {
		f->t = ev->attempt.last > 0 ? ev->attempt.last : ev->t;
		f->attempt = ev->attempt;
	} else { /* it got through after all: the log keeps why it was late */
		text_copy(f->attempt.outcome, sizeof(f->attempt.outcome), ev->attempt.outcome);
		text_copy(f->attempt.summary, sizeof(f->attempt.summary), ev->attempt.summary);
	}
	if (strcmp(ev->attempt.dir, "out") == 0 || !failed || port == 0) /* 0: about an address, or several */
		return;
	p = get_port(s, place);
	p->finding = f->number;
}

static void take_port(struct store *s, const struct event *ev)
{
	struct store_port *p = get_port(s, place_of(s, ev->port.netns, ev->port.port));
	const struct event_port was = p->c, *now = &ev->port;
	int64_t span;

	history_add(s->history, p->place, ev->t, &(struct history_slot){
		.syn = cap16(now->syn - was.syn),
		.fin = cap16(now->fin_in + now->fin_out - was.fin_in - was.fin_out),
		.rst = cap16(now->rst_in + now->rst_out - was.rst_in - was.rst_out),
	});
	p->c = ev->port;
	span = ev->t - s->last_tick;
	p->syn_rate = p->c.syn - p->before.syn;
	if (p->syn_rate < 0 || p->syn_rate > RATE_MAX)
		p->syn_rate = p->syn_rate < 0 ? 0 : RATE_MAX;
	if (s->last_tick && span > 0)
		p->syn_rate = (p->syn_rate * USEC + span / 2) / span;
	p->last_line = s->ticks;
}

static void take_tick(struct store *s, const struct event *ev)
{
	s->totals = ev->tick;
	s->last_tick = ev->t;
	s->ticks++;
	for (struct store_port *p = NULL; (p = table_next(s->ports, p));) {
		p->before = p->c;
		if (p->last_line + 1 != s->ticks) /* no port line in this interval: nothing came */
			p->syn_rate = 0;
	}
	/* What is listened on is not forgotten for the sake of a scan. */
	for (struct store_listener *l = NULL; (l = table_next(s->listeners, l));) {
		struct store_port *p = l->gone == 0 ? table_find(s->ports, &l->place) : NULL;

		if (p)
			table_touch(s->ports, p);
	}
	/* A queue that stays as long as it was is told once, and drawn for as long as it stays. */
	for (struct store_listener *l = NULL; (l = table_next(s->listeners, l));)
		if (l->gone == 0 && l->l.queue > 0)
			history_add(s->history, l->place, ev->t, &(struct history_slot){.queue = cap16(l->l.queue)});
}

static void take_host(struct store *s, const struct event *ev)
{
	struct store_fact *f = NULL;

	for (size_t i = 0; i < s->n_facts && !f; i++)
		if (strcmp(s->facts[i].f.kind, ev->host.kind) == 0 && strcmp(s->facts[i].f.name, ev->host.name) == 0 &&
			strcmp(s->facts[i].f.netns, ev->host.netns) == 0)
			f = &s->facts[i];
	for (size_t i = 0; i < s->n_facts && !f && s->n_facts == STORE_FACTS; i++)
		if (strcmp(s->facts[i].f.value, "gone") == 0) {
			f = &s->facts[i];
			f->changed = false;
			f->f = ev->host;
		}
	if (!f && s->n_facts == STORE_FACTS)
		return;
	if (f)
		f->changed = true;
	else
		f = &s->facts[s->n_facts++];
	f->f = ev->host;
	f->t = ev->t;
}

static void take_source(struct store *s, const struct event *ev)
{
	for (int i = 0; i < SOURCE_COUNT; i++) {
		if (strcmp(ev->source.source, source_name((enum source)i)) != 0)
			continue;
		s->sources[i] = ev->source;
		s->news++;
		s->hello.sources[i] = ev->source.s;
	}
}

/* A recording may hold several runs, one after another: each hello starts anew. */
static void take_hello(struct store *s, const struct event *ev)
{
	table_clear(s->ports);
	table_clear(s->listeners);
	memset(s->chains, 0, STORE_CHAINS * sizeof(*s->chains));
	memset(s->went, 0, STORE_GONE * sizeof(*s->went));
	table_clear(s->peers);
	history_clear(s->history);
	s->n_facts = 0;
	memset(s->served, 0, sizeof(s->served));
	memset(s->findings, 0, STORE_FINDINGS * sizeof(*s->findings));
	s->n_findings = 0;
	s->ticks = 0;
	s->last_tick = 0;
	s->ended = false;
	s->hello = ev->hello;
	s->started = ev->t;
	memset(&s->totals, 0, sizeof(s->totals));
}

static void store_event(struct sink *sink, const struct event *ev)
{
	struct store *s = (struct store *)(void *)sink;

	s->now = ev->t;
	s->changes++;
	switch (ev->type) {
	case EVENT_HELLO:
		take_hello(s, ev);
		break;
	case EVENT_SOURCE:
		take_source(s, ev);
		break;
	case EVENT_LISTENER:
		take_listener(s, ev);
		break;
	case EVENT_ATTEMPT:
	case EVENT_RESET:
		take_attempt(s, ev);
		break;
	case EVENT_PORT:
		take_port(s, ev);
		break;
	case EVENT_HOST:
		take_host(s, ev);
		break;
	case EVENT_TICK:
		take_tick(s, ev);
		break;
	case EVENT_BYE:
		s->totals = ev->bye.totals;
		s->ended = true;
		text_copy(s->ended_why, sizeof(s->ended_why), ev->bye.reason);
		break;
	case EVENT_TYPE_COUNT:
		break;
	}
}
