/* engine.c - facts and a clock in, events out: the tables, and who is called when. */
#include "engine.h"
#include "base/text.h"
#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEPT_AT_ONCE = 256,  /* listened-on ports passed over in search of one to forget */
	CLOCK_STEP = 1500000, /* a clock that is this far behind was set back */
	LOOK_AT_END = 250000, /* for the counters, once a connection has ended */
	LOOKS_FOR_PORTS = 12, /* of LOOKS_MAX: not for addresses */
	SMALL_SHARE = 8,     /* of the tables that a flood fills */
	OWNER_WAIT = 500000, /* a listener is announced without its owner after this */
};

struct engine *engine_new(const struct engine_config *config)
{
	struct engine *e = calloc(1, sizeof(*e));
	uint32_t share = config->small ? SMALL_SHARE : 1;

	if (!e)
		return NULL;
	e->config = *config;
	e->next_id = 1;
	e->attempts_max = ATTEMPTS_MAX / share;
	e->seen_max = SEEN_MAX / share;
	e->attempts = table_new(e->attempts_max, sizeof(struct attempt_key), sizeof(struct attempt),
		config->key);
	e->deadlines = wheel_new(e->attempts_max);
	e->ports = table_new(PORTS_MAX / share, sizeof(uint16_t), sizeof(struct port), config->key);
	e->peers = table_new(PEERS_MAX / share, sizeof(struct peer_key), sizeof(struct peer), config->key);
	e->rollups = report_rollups_new(config->key);
	e->watch = watch_new(config->key);
	e->reasons = reasons_new(config->key);
	e->inners = inners_new(config->key);
	e->trail = trail_new(TRAIL_MAX / share);
	e->recent = calloc(RECENT_MAX, sizeof(*e->recent));
	e->seen = calloc(e->seen_max, sizeof(*e->seen));
	e->addresses = calloc(ADDRESSES_MAX, sizeof(*e->addresses));
	e->addresses_before = calloc(ADDRESSES_MAX, sizeof(*e->addresses));
	if (!e->attempts || !e->deadlines || !e->ports || !e->peers || !e->rollups || !e->watch || !e->recent ||
		!e->reasons || !e->inners || !e->trail || !e->seen || !e->addresses || !e->addresses_before || listeners_init(&e->listeners, config->key) < 0) {
		engine_free(e);
		errno = ENOMEM;
		return NULL;
	}
	return e;
}

void engine_warm(struct engine *e)
{
	struct table *const tables[] = {e->attempts, e->ports, e->peers, e->rollups};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		table_warm(tables[i]);
	trail_warm(e->trail);
}

void engine_hear_kernel(struct engine *e)
{
	e->config.kernel = true;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	listeners_fini(&e->listeners);
	free(e->addresses);
	free(e->addresses_before);
	free(e->seen);
	free(e->recent);
	watch_free(e->watch);
	reasons_free(e->reasons);
	inners_free(e->inners);
	trail_free(e->trail);
	report_rollups_free(e->rollups);
	table_free(e->peers);
	table_free(e->ports);
	wheel_free(e->deadlines);
	table_free(e->attempts);
	free(e);
}

static int compare_ip(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ip));
}

bool engine_is_local(const struct engine *e, const struct ip *ip)
{
	return ip_is_loopback(ip) ||
	       bsearch(ip, e->addresses, e->n_addresses, sizeof(*ip), compare_ip) != NULL;
}

/* A scan of closed ports must not push out the counters of those that are listened on. */
static void make_room(struct engine *e)
{
	struct port *oldest;

	for (int i = 0; i < KEPT_AT_ONCE && table_used(e->ports) == table_cap(e->ports); i++) {
		oldest = table_next(e->ports, NULL);
		if (!listeners_next(&e->listeners, (uint16_t)oldest->c.port, NULL))
			return;
		table_touch(e->ports, oldest);
	}
}

struct port *engine_port(struct engine *e, uint16_t port)
{
	bool fresh;
	struct port *p = table_find(e->ports, &port);

	if (!p)
		make_room(e);
	p = table_get(e->ports, &port, &fresh, NULL, NULL);

	if (fresh)
		p->c.port = port;
	else
		table_touch(e->ports, p);
	return p;
}

void engine_want_poll(struct engine *e)
{
	e->wants_poll = true;
}

bool engine_wants_poll(struct engine *e)
{
	bool wanted = e->wants_poll;

	e->wants_poll = false;
	return wanted;
}

bool engine_is_busy(const struct engine *e)
{
	return wheel_pending(e->deadlines) > e->timed || engine_is_alert(e);
}

bool engine_is_alert(const struct engine *e)
{
	return e->now < e->alert_until;
}

void engine_segment(struct engine *e, const struct segment *s)
{
	track_segment(e, s);
}

void engine_kernel(struct engine *e, const struct kernel_word *w)
{
	if (w->exited) {
		struct exited *x = &e->exited[e->next_exited++ % EXITED_KEPT];

		*x = (struct exited){.t = w->t, .pid = w->pid, .status = w->seq};
		text_copy(x->comm, sizeof(x->comm), w->comm);
		return;
	}
	reasons_add(e->reasons, w);
	watch_word(e, w);
	/* What the capture cannot have seen begins here: XDP comes before it. */
	if (!w->reset && (w->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && (w->reason == REASON_XDP || e->config.no_packets)) {
		struct segment s = {
			.t = w->t,
			.src = w->src,
			.dst = w->dst,
			.sport = w->sport,
			.dport = w->dport,
			.seq = w->seq,
			.ack = w->ack,
			.ifindex = w->ifindex,
			.flags = w->flags,
			.ttl = w->ttl,
			.way = engine_is_local(e, &w->src) ? WAY_OUT : WAY_IN,
			.v6 = w->v6,
		};

		track_segment(e, &s);
	}
}

void engine_traced(struct engine *e, const struct traced *t)
{
	struct attempt_key key = {t->src, t->dst, t->sport, t->dport};
	struct attempt *a;

	if (!t->ended)
		return;
	e->traced[e->next_traced++ % TRACED_MAX] = *t;
	if (t->answer)
		key = (struct attempt_key){t->dst, t->src, t->dport, t->sport};
	a = table_find(e->attempts, &key);
	if (a && a->stage == STAGE_SILENT) /* tell it again, by the rule */
		track_set(e, a, STAGE_SILENT, e->now + 1);
}

bool engine_wants_trace(struct engine *e, struct ip *ret_peer, uint16_t *ret_port)
{
	bool wants = e->wants_trace;

	e->wants_trace = false;
	*ret_peer = e->trace_peer;
	*ret_port = e->trace_port;
	return wants;
}

/* Announces a listener once its owner is known, or is not going to be. */
static void announce(struct engine *e, struct listener *l)
{
	if (l->announced || (!l->owner_known && l->gone == 0 && e->now < l->announce_by))
		return;
	l->announced = true;
	report_listener(e, l->absent ? "up" : "found", l);
	if (l->absent)
		judge_listener_up(e, l);
}

static void on_listener(void *ctx, struct listener *l)
{
	struct engine *e = ctx;

	if (l->gone != 0) {
		announce(e, l);
		report_listener(e, "down", l);
		e->alert_until = e->now + 10 * USEC;
	} else if (!l->announced) {
		if (l->announce_by == 0) {
			struct port *p = table_find(e->ports, &l->row.port);

			l->accepted_before = p ? p->c.accepted : 0;
			l->announce_by = e->now + OWNER_WAIT;
		}
		announce(e, l);
	} else if (e->now >= l->announce_by) {
		report_listener(e, "change", l);
	}
}

static void after_poll(struct engine *e)
{
	for (struct listener *l = NULL; (l = table_next(e->listeners.table, l));)
		if (!l->announced)
			announce(e, l);
	watch_poll(e);
}

void engine_sockets(struct engine *e, int64_t t, const struct socket_row *rows, size_t n)
{
	e->sockets_known = true;
	e->whole_port = 0;
	if (t > e->now)
		e->now = t;
	if (listeners_poll(&e->listeners, t, rows, n, on_listener, e))
		engine_want_poll(e);
	after_poll(e);
}

void engine_sockets_some(struct engine *e, int64_t t, const struct socket_row *rows, size_t n, uint16_t whole)
{
	e->sockets_known = false;
	e->whole_port = whole;
	if (t > e->now)
		e->now = t;
	if (listeners_poll_some(&e->listeners, t, rows, n, whole, on_listener, e))
		engine_want_poll(e);
	after_poll(e);
}

void engine_sockets_unknown(struct engine *e)
{
	e->sockets_known = false;
	e->whole_port = 0;
}

/* The attempt that a connection's row belongs to, whoever opened it; NULL: its SYN was not seen. */
static struct attempt *attempt_of(struct engine *e, const struct socket_row *r)
{
	struct attempt_key in = {r->peer, r->addr, r->peer_port, r->port};
	struct attempt_key out = {r->addr, r->peer, r->port, r->peer_port};
	struct attempt *a = table_find(e->attempts, &in);

	return a ? a : table_find(e->attempts, &out);
}

static void connection_ended(struct engine *e, int64_t t, const struct connection *c)
{
	struct attempt *a = attempt_of(e, &c->row);
	bool peer_fin;

	if (!a)
		return;
	peer_fin = a->out ? a->server_fin : a->client_fin; /* which counts as one byte to read */
	a->unread = c->row.queue > peer_fin ? c->row.queue - peer_fin : 0;
	a->unsent = c->row.queue_max;
	if ((c->retransmits > 0 || c->probes > 0) && a->unsent > 0) /* probes: of a window that stayed closed */
		a->fate = FATE_RETRANSMITS;
	else if (c->probes > 0 && a->unsent == 0)
		a->fate = FATE_PROBES;
	else if (a->unread > 0)
		a->fate = FATE_UNREAD;
	if (a->fate == FATE_RETRANSMITS && (a->stage == STAGE_OPEN || a->stage == STAGE_ANSWERED)) {
		a->ended = t;
		a->reset_by = a->out ? SIDE_CLIENT : SIDE_SERVER;
		a->given_up = true;
		a->judge_by = t + 2 * USEC;
		engine_want_poll(e);
		track_set(e, a, STAGE_RESET, t + LOOK_AT_END);
	}
}

void engine_socket_gone(struct engine *e, int64_t t, const struct connection *c)
{
	struct listener *l = listeners_destroyed(&e->listeners, t, c->row.cookie);

	if (l)
		on_listener(e, l);
	else if (c->row.peer_port != 0)
		connection_ended(e, t, c);
	else if (listeners_next(&e->listeners, c->row.port, NULL))
		e->disconnected[e->next_disconnected++ % (sizeof(e->disconnected) / sizeof(e->disconnected[0]))] =
			(struct disconnected){t, c->row.port};
}

bool engine_look(struct engine *e, const struct ip *ip, uint16_t port, int64_t until)
{
	struct looking *slot = NULL;
	size_t first = port == 0 ? LOOKS_FOR_PORTS : 0; /* so that addresses do not take them all */

	for (size_t i = first; i < LOOKS_MAX; i++) {
		struct looking *l = &e->looks[i];

		if (l->until != 0 && l->look.port == port && ip_equal(&l->look.ip, ip)) {
			l->until = until > l->until ? until : l->until;
			return true;
		}
		if (l->until == 0 && (!slot || slot->until != 0))
			slot = l;
	}
	if (!slot)
		return false; /* enough is looked at already */
	*slot = (struct looking){.look = {*ip, port}, .until = until, .generation = ++e->look_generation};
	return true;
}

int64_t engine_looked_since(const struct engine *e, const struct ip *ip, uint16_t port)
{
	for (size_t i = 0; i < LOOKS_MAX; i++)
		if (e->looks[i].until != 0 && e->looks[i].look.port == port && ip_equal(&e->looks[i].look.ip, ip))
			return e->looks[i].since;
	return 0;
}

void engine_looks_taken(struct engine *e, int64_t t, uint64_t generation)
{
	for (size_t i = 0; i < LOOKS_MAX; i++)
		if (e->looks[i].until != 0 && e->looks[i].since == 0 && e->looks[i].generation <= generation)
			e->looks[i].since = t;
}

static void end_looks(struct engine *e)
{
	for (size_t i = 0; i < LOOKS_MAX; i++)
		if (e->looks[i].until != 0 && e->looks[i].until <= e->now) {
			e->looks[i].until = 0;
			e->look_generation++;
		}
}

size_t engine_looks(const struct engine *e, struct look *ret, uint64_t *ret_generation)
{
	size_t n = 0;

	for (size_t i = 0; i < LOOKS_MAX; i++)
		if (e->looks[i].until != 0)
			ret[n++] = e->looks[i].look;
	*ret_generation = e->look_generation;
	return n;
}

void engine_owner(struct engine *e, uint32_t inode, const struct owner *o)
{
	struct listener *l = listeners_of_inode(&e->listeners, inode);

	if (!l || (l->owner_known && l->owner.pid == o->pid))
		return;
	l->owner = *o;
	l->owner_known = true;
	if (l->announced && l->gone == 0)
		report_listener(e, "change", l);
	else
		announce(e, l);
}

void engine_counters(struct engine *e, const struct counters *c)
{
	samples_add(&e->samples, c);
}

void engine_addresses(struct engine *e, const struct ip *addrs, size_t n, bool known)
{
	bool was_known = e->addresses_known;
	size_t n_before = e->n_addresses;
	struct ip *before = e->addresses_before;

	memcpy(before, e->addresses, n_before * sizeof(*before));
	e->n_addresses = n < ADDRESSES_MAX ? n : ADDRESSES_MAX;
	memcpy(e->addresses, addrs, e->n_addresses * sizeof(*addrs));
	qsort(e->addresses, e->n_addresses, sizeof(*addrs), compare_ip);
	e->addresses_known = known;
	if (known && was_known)
		watch_addresses_changed(e, before, n_before);
}

void engine_capture_stats(struct engine *e, uint64_t received, uint64_t lost)
{
	if ((int64_t)lost > e->totals.lost)
		e->lost_t = e->now;
	e->totals.received = (int64_t)received;
	e->totals.lost = (int64_t)lost;
}

/* The clock was set back: every time that is kept moves with it, so that nothing waits for the gap. */
static void shift_clock(struct engine *e, int64_t delta)
{
	wheel_rewind(e->deadlines);
	trail_shift(e->trail, delta);
	for (struct attempt *a = NULL; (a = table_next(e->attempts, a));)
		track_shift(e, a, delta);
	for (size_t i = 0; i < RECENT_MAX; i++) {
		e->recent[i].a.first += delta;
		e->recent[i].a.last += delta;
		e->recent[i].a.answered += delta;
	}
	for (size_t i = 0; i < sizeof(e->port_answers) / sizeof(e->port_answers[0]); i++)
		e->port_answers[i].valid = e->port_answers[i].asked_elsewhere = false;
	for (size_t i = 0; i < LOOKS_MAX; i++) {
		e->looks[i].until += e->looks[i].until ? delta : 0;
		e->looks[i].since += e->looks[i].since ? delta : 0;
	}
	for (size_t i = 0; i < sizeof(e->disconnected) / sizeof(e->disconnected[0]); i++)
		e->disconnected[i].t += e->disconnected[i].t ? delta : 0;
	for (size_t i = 0; i < sizeof(e->own_failures) / sizeof(e->own_failures[0]); i++) {
		e->own_failures[i].t += e->own_failures[i].t ? delta : 0;
		e->own_failures[i].began += e->own_failures[i].began ? delta : 0;
	}
	for (size_t i = 0; i < OWN_REACHED; i++)
		e->own_reached[i] += e->own_reached[i] ? delta : 0;
	for (size_t i = 0; i < EXITED_KEPT; i++)
		e->exited[i].t += e->exited[i].t ? delta : 0;
	for (size_t i = 0; i < LATE_FINS; i++)
		e->late_fins[i].t += e->late_fins[i].t ? delta : 0;
	for (struct port *p = NULL; (p = table_next(e->ports, p));) {
		p->turned_away += p->turned_away ? delta : 0;
		p->refused_last += p->refused_last ? delta : 0;
		p->served_first += p->served_first ? delta : 0;
		p->served_last += p->served_last ? delta : 0;
		p->served_before += p->served_before ? delta : 0;
		for (int i = 0; i < PORT_SERVED; i++)
			p->served[i] += p->served[i] ? delta : 0;
		for (int i = 0; i < PORT_SILENT; i++)
			p->silent[i] += delta;
	}
	for (struct peer *p = NULL; (p = table_next(e->peers, p));) {
		p->last_try += delta;
		p->habit += p->habit ? delta : 0;
		p->since += delta;
	}
	watch_shift(e->watch, delta);
	samples_shift(&e->samples, delta);
	reasons_shift(e->reasons, delta);
	e->hooks.t = 0;
	for (size_t i = 0; i < TRACED_MAX; i++)
		e->traced[i].t += e->traced[i].t ? delta : 0;
	inners_shift(e->inners, delta);
	for (size_t i = 0; i < sizeof(e->targets) / sizeof(e->targets[0]); i++)
		e->targets[i].t += e->targets[i].t ? delta : 0;
	listeners_shift(&e->listeners, delta);
	e->alert_until += delta;
	e->next_tick += delta;
	e->lost_t += e->lost_t ? delta : 0;
}

void engine_advance(struct engine *e, int64_t now)
{
	uint32_t i;

	if (now < e->now - CLOCK_STEP) {
		shift_clock(e, now - e->now);
		e->now = now;
	}
	if (now > e->now)
		e->now = now;
	end_looks(e);
	while ((i = wheel_pop(e->deadlines, e->now)) != WHEEL_NONE)
		track_deadline(e, table_at(e->attempts, i));
	if (e->next_tick == 0)
		e->next_tick = e->now + e->config.interval;
	if (e->now >= e->next_tick) {
		report_interval(e);
		e->next_tick += e->config.interval;
		if (e->next_tick <= e->now) /* the clock jumped, or we were stopped */
			e->next_tick = e->now + e->config.interval;
	}
}

void engine_hello(struct engine *e, int64_t t, const struct event_hello *hello)
{
	static const struct event empty;
	struct event ev = empty;

	e->now = t;
	e->next_tick = t + e->config.interval;
	ev.type = EVENT_HELLO;
	ev.t = t;
	ev.hello = *hello;
	e->config.sink->event(e->config.sink, &ev);
}

void engine_bye(struct engine *e, int64_t t, const char *reason)
{
	if (t > e->now)
		e->now = t;
	judge_pending(e);
	report_bye(e, reason);
}

void engine_host(struct engine *e, int64_t t, const char *kind, const char *name, const char *value, const char *note)
{
	static const struct event empty;
	struct event ev = empty;

	ev.type = EVENT_HOST;
	ev.t = t;
	text_copy(ev.host.netns, sizeof(ev.host.netns), e->config.netns);
	text_copy(ev.host.kind, sizeof(ev.host.kind), kind);
	text_copy(ev.host.name, sizeof(ev.host.name), name);
	text_copy(ev.host.value, sizeof(ev.host.value), value);
	text_copy(ev.host.note, sizeof(ev.host.note), note);
	e->config.sink->event(e->config.sink, &ev);
}

void engine_source(struct engine *e, int64_t t, enum source source, enum source_state state,
	const char *why)
{
	static const struct event empty;
	struct event ev = empty;

	ev.type = EVENT_SOURCE;
	ev.t = t;
	text_copy(ev.source.source, sizeof(ev.source.source), source_name(source));
	text_copy(ev.source.s.state, sizeof(ev.source.s.state), source_state_name(state));
	text_copy(ev.source.s.why, sizeof(ev.source.s.why), why);
	if (source == SOURCE_PACKETS) {
		ev.source.received = e->totals.received;
		ev.source.lost = e->totals.lost;
	}
	e->config.sink->event(e->config.sink, &ev);
}
