/* track.c - segments into attempts: the state machine described in attempt.h. */
#include "state.h"

#include <string.h>

enum {
	SILENT_AFTER_IN = 500000,   /* the kernel answers a SYN within microseconds */
	SILENT_AFTER_OUT = 2000000, /* a far host may take a while, and Linux retries after 1 s */
	LOOK_AFTER = 400000,        /* a handshake that is half open then is looked at more closely */
	CONFIRM_AFTER = 1300000,    /* an unacknowledged SYN-ACK is sent again after 1 s (TCP_TIMEOUT_INIT) */
	UNFINISHED_AFTER = 1000000, /* time for a peer's own retransmission to show */
	JUDGE_AFTER = 250000,       /* for the counters, and for packets still in the ring */
	SILENT_KEPT = 140000000,    /* Linux gives up a connect() after 127 s (tcp_syn_retries 6) */
	UNFINISHED_KEPT = 70000000, /* a SYN_RECV is given up after 63 s (tcp_synack_retries 5) */
	CLOSING_KEPT = 60000000,
	DONE_KEPT = 3000000,
	EPHEMERAL = 32768,   /* a port from here on is likely a client's (net.ipv4.ip_local_port_range) */
	LOOPBACK = 1,        /* lo has this index in every namespace (include/net/flow.h LOOPBACK_IFINDEX) */
	OPEN_LOOK = 3000000,        /* a connection that is open so long is looked at, */
	OPEN_DOUBLINGS = 6,         /* 2 s later again, 4 s after that, and so on up to every 64 s */
	LATE_FIN_KEPT = 1000000,
	REFUSAL_KEPT = 60000000, /* a refusal may still be explained by a listener that comes */
	SAME_PACKET = 50000, /* a copy of one packet on another interface comes within this */
};

static void swap_ends(struct attempt_key *key)
{
	*key = (struct attempt_key){key->server, key->client, key->server_port, key->client_port};
}

void track_set(struct engine *e, struct attempt *a, enum stage stage, int64_t due)
{
	bool half = stage == STAGE_SYN || stage == STAGE_ANSWERED || stage == STAGE_REFUSED ||
		    stage == STAGE_UNREACHABLE;

	if (half != a->counted) {
		struct port *p = engine_port(e, a->key.server_port);

		a->counted = half;
		e->half_open += half ? 1 : -1u;
		if (half || p->half_open > 0)
			p->half_open += half ? 1 : -1u;
	}
	a->stage = (uint8_t)stage;
	if (a->timed != (stage == STAGE_OPEN && due > 0)) {
		a->timed = !a->timed;
		e->timed += a->timed ? 1 : -1u;
	}
	if (due > 0)
		wheel_set(e->deadlines, table_index(e->attempts, a), due);
	else
		wheel_cancel(e->deadlines, table_index(e->attempts, a));
}

void track_open(struct engine *e, struct attempt *a)
{
	int64_t pause = a->looks == 0 ? OPEN_LOOK : USEC << (a->looks < OPEN_DOUBLINGS ? a->looks : OPEN_DOUBLINGS);

	track_set(e, a, STAGE_OPEN, a->out ? 0 : (a->looks == 0 && a->answered ? a->answered : e->now) + pause);
	a->looks += a->looks < UINT8_MAX;
}

void track_forget(struct engine *e, struct attempt *a)
{
	track_set(e, a, STAGE_DONE, 0);
	table_remove(e->attempts, a);
}

void track_shift(struct engine *e, struct attempt *a, int64_t delta)
{
	uint32_t i = table_index(e->attempts, a);
	int64_t due = wheel_due(e->deadlines, i);

	a->first += delta;
	a->last += delta;
	a->answered += a->answered ? delta : 0;
	a->ended += a->ended ? delta : 0;
	a->closed += a->closed ? delta : 0;
	a->judge_by += a->judge_by ? delta : 0;
	a->looked_from += a->looked_from ? delta : 0;
	a->previous_end += a->previous_end ? delta : 0;
	if (due >= 0)
		wheel_set(e->deadlines, i, due + delta);
}

static void evict(void *ctx, void *value)
{
	struct engine *e = ctx;

	track_forget(e, value);
}

/*
 * Whether a new attempt may take an entry. A flood fills at most half of the table with half-open
 * attempts of one port, so that other ports' attempts, and connections, keep theirs. What is not
 * tracked is still counted per port.
 */
static bool may_track(struct engine *e, uint16_t port)
{
	return e->half_open < e->attempts_max / 2 || engine_port(e, port)->half_open < e->attempts_max / 8;
}

/* Whose business a first segment is: this host's as server, as client, or nobody's (a router's). */
struct role {
	bool in, out, foreign;
};

static struct role role_of(const struct engine *e, const struct segment *s)
{
	struct role r = {.in = false};

	if (!e->addresses_known) {
		r.in = s->way != WAY_OUT;
		r.out = !r.in;
	} else if (engine_is_local(e, &s->dst)) {
		r.in = true;
	} else if (engine_is_local(e, &s->src)) {
		r.out = true;
	} else { /* it came here all the same: routing will say why */
		r.in = r.foreign = s->way == WAY_IN || s->way == WAY_OTHER;
	}
	return r;
}

static void count_syn(struct engine *e, const struct segment *s)
{
	struct port *p = engine_port(e, s->dport);

	p->c.syn++;
	p->dirty = true;
}

static struct attempt *begin(struct engine *e, const struct segment *s, const struct attempt_key *key)
{
	struct role role = role_of(e, s);
	struct attempt *a;

	if (!role.in && !role.out)
		return NULL;
	if (role.in && !role.foreign)
		count_syn(e, s);
	e->totals.attempts += !role.foreign;
	if (!may_track(e, s->dport)) {
		e->totals.untracked++;
		return NULL;
	}
	a = table_get(e->attempts, key, NULL, evict, e);
	a->key = *key;
	a->id = e->next_id++;
	a->out = role.out;
	a->foreign = role.foreign;
	a->v6 = s->v6;
	a->first = a->last = s->t;
	a->client_isn = s->seq;
	a->syns = 1;
	a->peer_ttl = s->ttl;
	a->ifindex = s->ifindex;
	a->other_mac = s->way == WAY_OTHER || s->to_group;
	a->bad_ip_sum = s->bad_ip_sum;
	a->bad_tcp_sum = s->bad_tcp_sum;
	trail_add(e->trail, &a->trail, s, true);
	track_set(e, a, STAGE_SYN, s->t + (role.out ? SILENT_AFTER_OUT : SILENT_AFTER_IN));
	return a;
}

/* A SYN that stayed without an answer: held against the listener's drop counter later. */
static void count_silent(struct engine *e, const struct attempt *a, int64_t t)
{
	struct port *p;

	if (a->out)
		return;
	p = engine_port(e, a->key.server_port);
	p->silent[p->n_silent++ % PORT_SILENT] = t;
}

/* What a new SYN finds here on its 4-tuple. */
static enum previous previous_of(const struct attempt *a)
{
	enum side us = a->out ? SIDE_CLIENT : SIDE_SERVER;

	if (a->stage == STAGE_OPEN || (a->stage == STAGE_ANSWERED && a->synacks == 1))
		return PREVIOUS_OPEN;
	return a->stage == STAGE_CLOSING && a->first_fin == us ? PREVIOUS_CLOSED_HERE : PREVIOUS_NONE;
}

/* A frame for another host that a bridge here forwards, and that netfilter dropped on its way (bridge-nf, or a rule there). */
static bool was_filtered(struct engine *e, const struct segment *s)
{
	const struct kernel_word *w = reasons_find(e->reasons, WORD_SYN, &s->src, s->sport, s->t - SAME_PACKET);

	return w && w->reason == REASON_NETFILTER_DROP && w->seq == s->seq && w->dport == s->dport && ip_equal(&w->dst, &s->dst);
}

static void on_syn(struct engine *e, const struct segment *s)
{
	struct attempt_key key = {s->src, s->dst, s->sport, s->dport};
	struct attempt *a = table_find(e->attempts, &key);
	enum previous previous = PREVIOUS_NONE;
	int64_t previous_end = 0;

	if (s->way == WAY_OTHER && (a || !e->addresses_known || (!engine_is_local(e, &s->dst) && !was_filtered(e, s))))
		return; /* a neighbour's, or a copy of one that is known */
	if (a && a->client_isn != s->seq) { /* a new connection on the same ports */
		previous = previous_of(a);
		previous_end = previous ? a->last : 0;
		judge_replaced(e, a);
		a = NULL;
	}
	if (!a) {
		a = begin(e, s, &key);
		if (a) {
			a->previous = (uint8_t)previous;
			a->previous_end = previous_end;
		}
		return;
	}
	if (!a->out && !a->foreign)
		count_syn(e, s);
	trail_add(e->trail, &a->trail, s, true);
	a->other_mac = s->to_group;
	a->syns += a->syns < UINT16_MAX;
	a->last = s->t;
	table_touch(e->attempts, a);
	if (a->stage == STAGE_CANCELLED || (a->stage == STAGE_DONE && a->outcome == OUTCOME_CANCELLED)) {
		a->judge_by = s->t; /* it reset our answer and asks again: another matter */
		track_set(e, a, STAGE_CANCELLED, s->t + JUDGE_AFTER);
	}
	if (a->stage == STAGE_SILENT) { /* tell it again, with what the counters say now */
		count_silent(e, a, s->t);
		a->judge_by = s->t + USEC;
		track_set(e, a, STAGE_SILENT, s->t + JUDGE_AFTER);
		engine_want_poll(e);
	}
}

/*
 * Flags that no connection sends: SYN with FIN or RST, FIN without ACK, none at all (RFC 9293, 3.10.7; scans).
 * A listener drops them, a closed port answers most with a RST.
 */
static bool is_odd(uint8_t flags)
{
	return (flags & TCP_SYN && flags & (TCP_FIN | TCP_RST)) ||
	       (!(flags & (TCP_SYN | TCP_RST | TCP_ACK)) && (flags & TCP_FIN || flags == 0));
}

static void on_odd(struct engine *e, const struct segment *s)
{
	struct attempt_key key = {s->src, s->dst, s->sport, s->dport};
	struct attempt *a;

	if (s->way == WAY_OTHER || table_find(e->attempts, &key))
		return;
	a = begin(e, s, &key);
	if (!a)
		return;
	a->odd = s->flags | 0x80; /* none at all counts too */
	if (a->out || a->foreign)
		track_forget(e, a);
}

/* Somebody listens on the port now; if it had refused before, and nobody is known to, that tells of both moments. */
static void note_served(struct engine *e, struct port *p, const struct segment *s)
{
	int64_t t = s->t;

	if (p->refused_last != 0 && !ip_equal(&p->refused_addr, &s->src))
		return; /* another address, for which somebody else may listen */
	p->served_last = t;
	p->served[p->n_served++ % PORT_SERVED] = t;
	p->served_addr = s->src;
	if (p->refused_last == 0 || p->served_first >= p->refused_last)
		return;
	p->served_first = t;
	engine_want_poll(e); /* it may still be there */
	if (t - p->refused_last < REFUSAL_KEPT)
		judge_port_served(e, (uint16_t)p->c.port);
}

/* Of this host itself: a proxy's, perhaps. */
static bool is_own(const struct engine *e, const struct attempt *a)
{
	return a->out || engine_is_local(e, &a->key.client);
}

static void on_syn_ack(struct engine *e, const struct segment *s)
{
	struct attempt_key key = {s->dst, s->src, s->dport, s->sport};
	struct attempt *a = table_find(e->attempts, &key);

	if (engine_is_local(e, &s->src) || s->way == WAY_OUT) {
		struct port *p = engine_port(e, s->sport);

		p->c.synack++;
		p->dirty = true;
		if (s->window != 0) /* SYNPROXY's answer says nothing of who listens */
			note_served(e, p, s);
	}
	if (!a || s->ack - a->client_isn - 1 > 1460) /* with Fast Open it acknowledges data as well */
		return;
	if (a->foreign) { /* forwarded, and answered */
		track_forget(e, a);
		return;
	}
	trail_add(e->trail, &a->trail, s, false);
	a->last = s->t;
	if (a->stage == STAGE_SYN || a->stage == STAGE_SILENT) {
		a->answered = s->t;
		a->synacks = 1;
		a->server_isn = s->seq;
		a->answer_ttl = s->ttl;
		a->answer_window = s->window;
		a->zero_window = s->window == 0;
		if (is_own(e, a))
			e->own_reached[e->next_own_reached++ % OWN_REACHED] = a->first;
		if (a->out)
			a->peer_ttl = s->ttl;
		track_set(e, a, STAGE_ANSWERED, s->t + (a->out || a->emitted ? JUDGE_AFTER : LOOK_AFTER));
	} else if (a->stage == STAGE_ANSWERED || a->stage == STAGE_UNFINISHED) {
		a->synacks += a->synacks < UINT16_MAX;
		if (a->stage == STAGE_ANSWERED)
			track_set(e, a, STAGE_ANSWERED, s->t + UNFINISHED_AFTER);
	}
}

/* This host's own attempt failed at t: perhaps a proxy's. */
static void count_own_failure(struct engine *e, const struct attempt *a, int64_t t, enum outcome how)
{
	size_t n = sizeof(e->own_failures) / sizeof(e->own_failures[0]);

	if (is_own(e, a))
		e->own_failures[e->next_own_failure++ % n] = (struct own_failure){t, a->first, how, a->key};
}

static void on_rst_to_syn(struct engine *e, struct attempt *a, const struct segment *s)
{
	if (!a->odd && (!(s->flags & TCP_ACK) || s->ack - a->client_isn - 1 > 1460))
		return; /* no valid answer to this SYN (RFC 9293, 3.10.7.3) */
	a->answered = a->last = a->ended = s->t;
	a->answer_flags = s->flags;
	a->answer_ttl = s->ttl;
	a->answer_window = s->window;
	a->answer_timestamps = s->timestamps;
	a->judge_by = s->t + 2 * USEC;
	count_own_failure(e, a, s->t, OUTCOME_REFUSED);
	if (!a->out) {
		struct port *p = engine_port(e, a->key.server_port);

		if (p->refused_last == 0 || !ip_equal(&p->refused_addr, &s->src))
			p->served_first = 0;
		p->served_before = ip_equal(&p->served_addr, &s->src) ? p->served_last : 0;
		p->refused_last = s->t;
		p->refused_addr = s->src;
	}
	engine_want_poll(e);
	track_set(e, a, STAGE_REFUSED, s->t + JUDGE_AFTER);
}

/* How each side began to speak, and whether it took leave. */
static void note_speech(struct attempt *a, const struct segment *s, bool from_client)
{
	bool *left = from_client ? &a->client_left : &a->server_left;

	if (!from_client && speech_ends((enum speech)s->speech) && !a->client_left && a->first_fin == SIDE_NONE)
		a->server_left_first = true;
	*left = *left || speech_ends((enum speech)s->speech);
	a->client_hello = a->client_hello || (from_client && s->speech == SPEECH_TLS_HELLO);
}

/*
 * How much the two had sent by then. A RST of what a socket knows has both numbers; a bare one has that which the
 * segment acknowledged that it answers (RFC 9293, 3.10.7.1).
 */
static void count_bytes(struct attempt *a, const struct segment *s, enum side by)
{
	bool numbers = s->flags & TCP_ACK;
	uint32_t seq = s->seq, ack = s->ack;

	if (a->synacks == 0)
		return; /* where the server began is not known */
	if (by == SIDE_SERVER) {
		a->server_acked = seq - a->server_isn - 1;
		if (a->server_fin && a->server_acked > a->server_bytes)
			a->server_acked = a->server_bytes;
		if (!a->server_fin)
			a->server_bytes = a->server_acked;
		if (numbers && !a->client_fin)
			a->client_bytes = ack - a->client_isn - 1;
		a->bytes_known = numbers || a->server_fin;
		return;
	}
	if (!a->client_fin)
		a->client_bytes = seq - a->client_isn - 1;
	a->server_acked = numbers ? ack - a->server_isn - 1 : 0;
	if (!a->server_fin)
		a->server_bytes = a->server_acked;
	else if (a->server_acked > a->server_bytes)
		a->server_acked = a->server_bytes;
	a->bytes_known = numbers;
}

/* A RST after the SYN-ACK, from one of the two sides. */
static void on_rst_later(struct engine *e, struct attempt *a, const struct segment *s, enum side by)
{
	a->before_rst = a->stage;
	a->last = a->ended = s->t;
	a->reset_by = (uint8_t)by;
	a->reset_elsewhere = s->ifindex == LOOPBACK && a->ifindex != LOOPBACK && a->ifindex != 0;
	a->answer_flags = s->flags;
	a->answer_ttl = s->ttl;
	a->answer_window = s->window;
	a->answer_timestamps = s->timestamps;
	/* A bare RST has the number that its cause acknowledged (RFC 9293, 3.10.7.1). */
	a->fin_unseen = a->server_fin && by == SIDE_SERVER && !(s->flags & TCP_ACK) && s->seq != a->server_end;
	count_bytes(a, s, by);
	a->judge_by = s->t + 2 * USEC;
	engine_want_poll(e);
	/*
	 * A half-open probe: the peer's stack knows no such connection and answers the SYN-ACK with a RST
	 * that has the acknowledged sequence number and no ACK (RFC 9293, 3.5.2). The close of a completed
	 * connection carries an ACK.
	 */
	if (by == SIDE_CLIENT && (a->stage == STAGE_ANSWERED || a->stage == STAGE_UNFINISHED) &&
		!(s->flags & TCP_ACK) && s->seq == a->client_isn + 1) {
		a->synack_rsts++;
		track_set(e, a, STAGE_CANCELLED, a->first + CONFIRM_AFTER); /* it may ask again */
	} else {
		track_set(e, a, STAGE_RESET, s->t + JUDGE_AFTER);
	}
}

/* Whether the RST answers the FIN of a connection that is forgotten here: the peer closes what this host has closed long ago. */
static bool answers_late_fin(const struct engine *e, const struct segment *s)
{
	struct attempt_key key = {s->src, s->dst, s->sport, s->dport};

	for (size_t i = 0; i < LATE_FINS; i++)
		if (e->late_fins[i].t != 0 && s->t - e->late_fins[i].t < LATE_FIN_KEPT &&
			memcmp(&e->late_fins[i].key, &key, sizeof(key)) == 0)
			return true;
	return false;
}

/* A bare RST of this host for a connection that is not known: neither its segment nor its beginning was seen. */
static void on_unknown_rst(struct engine *e, const struct segment *s)
{
	struct attempt_key key = {s->dst, s->src, s->dport, s->sport};
	struct attempt *a;

	if (!e->addresses_known || !engine_is_local(e, &s->src) || engine_is_local(e, &s->dst) ||
		s->flags & TCP_ACK || s->seq == 0 || !may_track(e, s->sport) || answers_late_fin(e, s) ||
		(s->sport >= EPHEMERAL && !listeners_next(&e->listeners, s->sport, NULL)))
		return;
	a = table_get(e->attempts, &key, NULL, evict, e);
	a->key = key;
	a->id = e->next_id++;
	a->v6 = s->v6;
	a->unknown = true;
	a->first = a->last = a->ended = s->t;
	a->reset_by = SIDE_SERVER;
	a->ifindex = s->ifindex;
	trail_add(e->trail, &a->trail, s, false);
	a->answer_flags = s->flags;
	a->answer_ttl = s->ttl;
	a->judge_by = s->t + 2 * USEC;
	a->established_reported = true;
	engine_want_poll(e);
	track_set(e, a, STAGE_RESET, s->t + JUDGE_AFTER);
}

static void on_rst(struct engine *e, const struct segment *s)
{
	struct attempt_key key = {s->src, s->dst, s->sport, s->dport};
	struct attempt *a = table_find(e->attempts, &key);
	enum side by = SIDE_CLIENT;

	if (!a) {
		swap_ends(&key);
		a = table_find(e->attempts, &key);
		by = SIDE_SERVER;
	}
	if (!a) {
		on_unknown_rst(e, s);
		return;
	}
	if (a->foreign) {
		track_forget(e, a);
		return;
	}
	trail_add(e->trail, &a->trail, s, by == SIDE_CLIENT);
	if (a->stage == STAGE_SYN || a->stage == STAGE_SILENT) {
		if (by == SIDE_SERVER)
			on_rst_to_syn(e, a, s);
		else if (s->ifindex == LOOPBACK && a->ifindex != LOOPBACK)
			a->rejected_here = true;
		else
			a->client_rsts += a->client_rsts < UINT8_MAX;
	} else if (a->stage == STAGE_ANSWERED || a->stage == STAGE_OPEN ||
		   a->stage == STAGE_CLOSING || a->stage == STAGE_UNFINISHED) {
		on_rst_later(e, a, s, by);
	} else if (a->stage == STAGE_RESET && a->given_up && s->flags & TCP_ACK &&
		   by == (a->out ? SIDE_CLIENT : SIDE_SERVER)) {
		a->given_up = false; /* its own RST was still in the ring when the socket's end was told */
		a->fate = FATE_UNKNOWN;
		on_rst_later(e, a, s, by);
	} else if (by == SIDE_CLIENT && a->stage == STAGE_RESET) {
		a->client_reset_too = true;
	} else if (by == SIDE_CLIENT) {
		a->synack_rsts += a->synack_rsts < UINT8_MAX;
	}
}

/* The last word of a connection that is not known here (any more): what answers it is no failure. */
static void note_late(struct engine *e, const struct segment *s)
{
	e->late_fins[e->next_late_fin++ % LATE_FINS] = (struct late_fin){{s->dst, s->src, s->dport, s->sport}, s->t};
}

static void on_fin(struct engine *e, const struct segment *s)
{
	struct attempt_key key = {s->src, s->dst, s->sport, s->dport};
	struct attempt *a = table_find(e->attempts, &key);
	enum side by = SIDE_CLIENT;

	if (!a) {
		swap_ends(&key);
		a = table_find(e->attempts, &key);
		by = SIDE_SERVER;
	}
	if (!a)
		note_late(e, s);
	if (!a || (a->stage != STAGE_ANSWERED && a->stage != STAGE_OPEN &&
			  a->stage != STAGE_CLOSING && a->stage != STAGE_UNFINISHED))
		return;
	trail_add(e->trail, &a->trail, s, by == SIDE_CLIENT);
	note_speech(a, s, by == SIDE_CLIENT);
	a->last = s->t;
	if (by == SIDE_CLIENT && !a->client_fin) {
		a->client_fin = true;
		a->client_bytes = s->seq + s->payload - a->client_isn - 1;
	} else if (by == SIDE_SERVER && !a->server_fin) {
		a->server_fin = true;
		a->server_bytes = s->seq + s->payload - a->server_isn - 1;
		a->server_end = s->seq + s->payload + 1;
		if (!a->client_fin)
			a->client_bytes = s->ack - a->client_isn - 1;
		a->bytes_known = true;
	}
	if (a->first_fin == SIDE_NONE) {
		a->first_fin = (uint8_t)by;
		a->ended = a->closed = s->t;
	}
	table_touch(e->attempts, a);
	track_set(e, a, STAGE_CLOSING, s->t + JUDGE_AFTER);
}

/* An ICMP error about our SYN-ACK: the peer's own firewall, or one on the way. False: it is about something else. */
static bool on_icmp_to_answer(struct engine *e, const struct segment *s)
{
	struct attempt_key key = {s->dst, s->src, s->dport, s->sport};
	struct attempt *a = table_find(e->attempts, &key);

	if (a && !a->out && engine_is_local(e, &s->icmp_from) && s->ifindex == LOOPBACK)
		a->rejected_here = true;
	if (!a || a->out || (a->stage != STAGE_ANSWERED && a->stage != STAGE_UNFINISHED) ||
		s->seq != a->server_isn)
		return a != NULL;
	trail_add(e->trail, &a->trail, s, false);
	a->icmp_to_synack = true;
	a->icmp_type = s->icmp_type;
	a->icmp_code = s->icmp_code;
	a->icmp_from = s->icmp_from;
	return true;
}

/* This host, as a router, says that it cannot deliver a SYN that was forgotten meanwhile. NULL: not so. */
static struct attempt *begin_forwarded(struct engine *e, const struct segment *s, const struct attempt_key *key)
{
	struct attempt *a;

	if (!e->addresses_known || !engine_is_local(e, &s->icmp_from) || engine_is_local(e, &s->src) ||
		engine_is_local(e, &s->dst) || (s->flags & (TCP_SYN | TCP_ACK)) != TCP_SYN || !may_track(e, s->dport))
		return NULL;
	a = table_get(e->attempts, key, NULL, evict, e);
	a->key = *key;
	a->id = e->next_id++;
	a->foreign = true;
	a->v6 = s->v6;
	a->first = a->last = s->t;
	a->client_isn = s->seq;
	a->syns = 1;
	a->ifindex = s->ifindex;
	track_set(e, a, STAGE_SYN, 0);
	return a;
}

/* An ICMP error about a segment of an attempt. */
static void on_icmp(struct engine *e, const struct segment *s)
{
	struct attempt_key key = {s->src, s->dst, s->sport, s->dport};
	struct attempt *a = table_find(e->attempts, &key);

	if (!a && !on_icmp_to_answer(e, s))
		a = begin_forwarded(e, s, &key);
	if (!a)
		return;
	if ((a->stage != STAGE_SYN && a->stage != STAGE_SILENT) || s->seq != a->client_isn)
		return;
	if (a->foreign && !engine_is_local(e, &s->icmp_from)) { /* another router's word */
		track_forget(e, a);
		return;
	}
	trail_add(e->trail, &a->trail, s, true);
	a->answered = a->last = a->ended = s->t;
	a->icmp_type = s->icmp_type;
	a->icmp_code = s->icmp_code;
	a->icmp_from = s->icmp_from;
	a->answer_ttl = s->ttl;
	a->judge_by = s->t + 2 * USEC;
	count_own_failure(e, a, s->t, OUTCOME_UNREACHABLE);
	engine_want_poll(e);
	track_set(e, a, STAGE_UNREACHABLE, s->t + JUDGE_AFTER);
}

/* The same packet on a second interface: same bytes that matter, another interface, at once. */
static bool is_copy(struct engine *e, const struct segment *s)
{
	struct {
		struct ip src, dst;
		uint32_t seq, ack;
		uint16_t sport, dport;
		uint8_t flags, kind, type, code;
	} id = {s->src, s->dst, s->seq, s->ack, s->sport, s->dport, s->flags, s->kind, s->icmp_type,
		s->icmp_code};
	uint64_t hash;
	struct seen *slot;
	bool copy;

	if (s->ifindex == 0)
		return false;
	hash = hash_bytes(&e->config.key, &id, sizeof(id));
	slot = &e->seen[hash % e->seen_max];
	copy = slot->hash == hash && slot->ifindex != s->ifindex && s->t - slot->t < SAME_PACKET &&
	       slot->t - s->t < SAME_PACKET;
	if (!copy)
		*slot = (struct seen){hash, s->t, s->ifindex};
	return copy;
}

/* A SYN that climbs from a bridge's port to the bridge: sockets are looked up on the last interface. */
static void follow_copy(struct engine *e, const struct segment *s)
{
	struct attempt_key key = {s->src, s->dst, s->sport, s->dport};
	struct attempt *a;

	if (s->kind != SEGMENT_TCP || (s->flags & (TCP_SYN | TCP_ACK)) != TCP_SYN || s->way == WAY_OUT)
		return;
	a = table_find(e->attempts, &key);
	if (a && a->client_isn == s->seq && !a->out) {
		a->ifindex = s->ifindex;
		a->other_mac = s->way == WAY_OTHER || s->to_group;
	}
}

/* FIN, RST and ICMP counts of a local port, whether or not the attempt is tracked. */
static void count_segment(struct engine *e, const struct segment *s)
{
	bool from_server = false, to_server = false;
	struct attempt_key key = {s->src, s->dst, s->sport, s->dport};
	struct attempt *a;
	struct port *p;

	if (s->kind == SEGMENT_TCP && !(s->flags & (TCP_FIN | TCP_RST)))
		return;
	if ((a = table_find(e->attempts, &key))) {
		to_server = !a->out;
	} else {
		swap_ends(&key);
		if ((a = table_find(e->attempts, &key)))
			from_server = !a->out;
		else if (listeners_next(&e->listeners, s->sport, NULL) && engine_is_local(e, &s->src))
			from_server = true;
		else if (listeners_next(&e->listeners, s->dport, NULL) && engine_is_local(e, &s->dst))
			to_server = true;
	}
	if (!from_server && !to_server)
		return;
	p = engine_port(e, from_server ? s->sport : s->dport);
	p->dirty = true;
	if (s->kind == SEGMENT_ICMP) { /* the quoted segment went to the server, the error comes from it */
		p->c.icmp_out += to_server;
		p->c.icmp_in += from_server;
		return;
	}
	if (s->flags & TCP_FIN) {
		p->c.fin_in += to_server;
		p->c.fin_out += from_server;
	}
	if (s->flags & TCP_RST) {
		p->c.rst_in += to_server;
		p->c.rst_out += from_server;
	}
}

/* What only a closer look lets in. */
static void on_other(struct engine *e, const struct segment *s)
{
	struct attempt_key key = {s->src, s->dst, s->sport, s->dport};
	struct attempt *a = table_find(e->attempts, &key);
	bool from_client = a != NULL;

	if (!a) {
		swap_ends(&key);
		a = table_find(e->attempts, &key);
	}
	if (!a) {
		if (speech_ends((enum speech)s->speech))
			note_late(e, s);
		return;
	}
	trail_add(e->trail, &a->trail, s, from_client);
	note_speech(a, s, from_client);
	if (from_client && !a->out && s->flags & TCP_ACK &&
		(a->stage == STAGE_ANSWERED || a->stage == STAGE_UNFINISHED)) {
		a->acks_in += s->ack == a->server_isn + 1;
		a->data_in += s->payload > 0;
	}
	watch_segment(e, s, a, from_client);
}

void track_segment(struct engine *e, const struct segment *s)
{
	if (s->way == WAY_OTHER && (s->kind != SEGMENT_TCP || (s->flags & 0x3f) != TCP_SYN))
		return;
	if (s->kind == SEGMENT_WHO_HAS || s->kind == SEGMENT_IS_AT) {
		watch_address(e, s);
		return;
	}
	if (e->addresses_known && !engine_is_local(e, &s->src) && !engine_is_local(e, &s->dst))
		inners_segment(e->inners, s);
	if (is_copy(e, s)) {
		follow_copy(e, s);
		return;
	}
	if (s->kind == SEGMENT_ICMP) {
		count_segment(e, s);
		on_icmp(e, s);
		return;
	}
	if (is_odd(s->flags)) {
		on_odd(e, s);
		return;
	}
	count_segment(e, s);
	if (s->flags & TCP_RST) {
		if (e->addresses_known ? engine_is_local(e, &s->src) : s->way == WAY_OUT)
			samples_count_rst(&e->samples, s->t, s->seq != 0 && s->flags & TCP_ACK);
		on_rst(e, s);
	} else if (s->flags & TCP_SYN) {
		if (s->flags & TCP_ACK)
			on_syn_ack(e, s);
		else
			on_syn(e, s);
	} else if (s->flags & TCP_FIN) {
		on_fin(e, s);
	} else {
		on_other(e, s);
	}
}

/* What happens when the deadline of a stage passes. */
void track_deadline(struct engine *e, struct attempt *a)
{
	switch ((enum stage)a->stage) {
	case STAGE_SYN:
		a->judge_by = e->now + USEC;
		count_silent(e, a, a->first);
		count_own_failure(e, a, e->now, OUTCOME_SILENT);
		engine_want_poll(e);
		track_set(e, a, STAGE_SILENT, e->now + JUDGE_AFTER);
		break;
	case STAGE_SILENT:
		if (e->now - a->last >= SILENT_KEPT)
			track_forget(e, a);
		else if (judge_attempt(e, a))
			track_set(e, a, STAGE_SILENT, a->last + SILENT_KEPT);
		break;
	case STAGE_ANSWERED:
	case STAGE_UNFINISHED:
		if (e->now - a->last >= UNFINISHED_KEPT)
			track_forget(e, a);
		else
			judge_attempt(e, a);
		break;
	case STAGE_OPEN:
		judge_open(e, a);
		break;
	case STAGE_CLOSING:
		if (e->now - a->last >= CLOSING_KEPT || (a->client_fin && a->server_fin &&
								 a->close_judged)) {
			track_forget(e, a);
			break;
		}
		if (!judge_attempt(e, a))
			break; /* it waits for more */
		track_set(e, a, STAGE_CLOSING,
			a->client_fin && a->server_fin ? e->now + DONE_KEPT : a->last + CLOSING_KEPT);
		break;
	case STAGE_REFUSED:
	case STAGE_UNREACHABLE:
	case STAGE_CANCELLED:
	case STAGE_RESET:
		if (judge_attempt(e, a))
			track_set(e, a, STAGE_DONE,
				e->half_open < e->attempts_max / 4 ? e->now + DONE_KEPT : e->now + 1);
		break;
	case STAGE_DONE:
		track_forget(e, a);
		break;
	}
}
