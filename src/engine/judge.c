/* judge.c - when the facts about an attempt are complete: asks the rules, and hands the verdict to the report. */
#include "facts.h"
#include "servers.h"

#include <string.h>

enum {
	LOOK_AGAIN = 60000,       /* while a sample of the counters is awaited */
	ASK_AGAIN = 600000,     /* between two questions that were not answered */
	RING_DELAY = 200000,      /* a packet is delivered within the ring's time-out, and some */
	DOOR_HOLD = 650000,       /* from a refusal at an empty door, time for a listener to come up */
	HALF_OPEN_LOOK = 300000,
	CONFIRM_WITHIN = 1300000,  /* by then an unacknowledged SYN-ACK was sent again */
	UNSEEN_AFTER = 5000000,    /* by then a second SYN-ACK was sent, seen or not */
	UNFINISHED_WAIT = 2000000, /* for a sample of the counters after the last SYN-ACK */
	UNFINISHED_LOOK = 5000000, /* whether it completed after all */
	TOO_EARLY_WITHIN = 60000000, /* a listener that comes up within this explains a refusal */
	FILTERED_SINCE = 10000000, /* of a connection whose beginning was not seen */
	DEFERRED_AFTER = 1800000, /* a SYN-ACK that was due again by then is held back */
	LOOK_FOR = 8000000,
	MOURN = 1250000,          /* after a close without an answer: for a process that ends after it */
	CLOCK_SLACK = 6000,       /* between a packet's time stamp and the counter it moved */
};

/* The listener's own drop counter is part of the proof. */
static bool rests_on_drops(enum cause cause)
{
	static const uint8_t causes[] = {CAUSE_ACCEPT_QUEUE_FULL, CAUSE_PROCESS_STOPPED, CAUSE_FD_LIMIT,
		CAUSE_REUSEPORT_STUCK, CAUSE_SYN_QUEUE_FULL, CAUSE_NO_ROUTE_BACK, CAUSE_TCP_MD5, CAUSE_MIN_TTL};

	return memchr(causes, (int)cause, sizeof(causes)) != NULL;
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

	facts_gather(e, a, &f);
	f.situation = SITUATION_ACCEPTED;
	if (!a->out && (a->client_rsts > 0 || facts_moved(&f, COUNTER_COOKIES_SENT))) {
		if (facts_moved(&f, COUNTER_COOKIES_SENT))
			facts_ask_half_open(e, &f);
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

/* A packet that this host only forwards, or of which nothing is known. */
static bool is_passing_through(const struct facts *f)
{
	if (!f->asked_route || f->a->v6) /* where only the setting says that nothing is forwarded */
		return !f->asked_route || f->routing.forwarding != 0;
	return f->routing.in == ROUTE_UNICAST || (f->routing.in == ROUTE_NONE && f->routing.forwarding > 0);
}

/* Of a packet that this host only forwards: netfilter dropped just this one. */
static bool is_dropped_on_its_way(const struct facts *f)
{
	return f->said.syn && !f->said.syn_of_port && f->said.syn->reason == REASON_NETFILTER_DROP;
}

/* Where what dropped a packet can be named: which programs it passed. */
static void ask_who_dropped(struct engine *e, struct facts *f)
{
	static const uint8_t reasons[] = {REASON_NETFILTER_DROP, REASON_XDP, REASON_TC_INGRESS, REASON_TC_EGRESS,
		REASON_SOCKET_FILTER, REASON_BPF_CGROUP_EGRESS};
	const struct kernel_word *words[] = {f->said.syn, f->said.syn_ack, f->said.from_client, f->said.to_client};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i] && memchr(reasons, words[i]->reason, sizeof(reasons)) &&
			strncmp(words[i]->function, "nft_do_chain", strlen("nft_do_chain")) != 0) {
			facts_ask_hooks(e, f);
			return;
		}
}

/*
 * Without packets only the kernel's word tells of a SYN that was dropped; by the rules it was rejected, and got an answer
 * that nobody here saw. False: it got none.
 */
static bool was_rejected_unseen(struct engine *e, struct attempt *a, const struct facts *f)
{
	const struct firewall_verdict *v = f->ruling[RULING_SYN];

	if (!f->no_packets || !v || !v->complete || (v->fate != FIREWALL_RESET && v->fate != FIREWALL_ICMP))
		return false;
	a->answered = a->ended = a->last;
	a->answer_flags = TCP_RST | TCP_ACK;
	a->answer_ttl = f->own_ttl;
	a->icmp_from = a->key.server;
	a->icmp_type = v->icmp_type;
	a->icmp_code = v->icmp_code;
	a->judge_by = e->now;
	track_set(e, a, v->fate == FIREWALL_RESET ? STAGE_REFUSED : STAGE_UNREACHABLE, e->now + 1);
	return true;
}

/* A failure that the firewall may have caused: the next packets of the peer are worth a trace. */
static void want_trace(struct engine *e, const struct facts *f, const struct verdict *v)
{
	static const uint8_t causes[] = {CAUSE_UNKNOWN, CAUSE_FIREWALL_DROP, CAUSE_FIREWALL_RESET, CAUSE_FIREWALL_REJECT,
		CAUSE_FIREWALL_DROP_REPLY, CAUSE_PUBLISHED_NOT_FORWARDED, CAUSE_TPROXY_DEAD, CAUSE_NFQUEUE_DEAD};

	if (!e->config.trace || f->a->out || f->a->foreign || f->traced_syn || f->traced_answer ||
		!memchr(causes, (int)v->cause, sizeof(causes)))
		return;
	e->wants_trace = true;
	e->trace_peer = f->a->key.client;
	e->trace_port = f->a->key.server_port;
}

static bool judge_silent(struct engine *e, struct attempt *a)
{
	struct facts f;
	struct verdict v;
	bool again = a->emitted, dropped_before = e->config.kernel && a->cause == CAUSE_FIREWALL_DROP;

	if (!a->out && e->sockets_known && e->listeners.last_poll < a->last + CLOCK_SLACK &&
		e->now < a->judge_by) {
		engine_want_poll(e);
		return wait(e, a, e->now + LOOK_AGAIN);
	}
	if (e->config.filtered && !a->out && nothing_answers(e, a->key.server_port))
		return true; /* the filter may let one direction through only */
	facts_gather(e, a, &f);
	if (a->out) {
		facts_look_up(e, &f);
	} else {
		facts_ask_route(e, &f);
		if (f.accepting)
			facts_look_up_listener(e, &f);
		facts_ask_why_dropped(e, &f);
		facts_ask_firewall(e, &f, RULING_SYN);
		if (f.said.syn_ack || a->rejected_here || (f.looked_up && f.found && f.socket.state == SOCKET_SYN_RECV))
			facts_ask_firewall(e, &f, RULING_ANSWER);
		facts_ask_target(e, &f);
	}
	if (was_rejected_unseen(e, a, &f))
		return false;
	ask_who_dropped(e, &f);
	if (a->foreign && is_passing_through(&f) && !is_dropped_on_its_way(&f)) {
		track_forget(e, a);
		return false;
	}
	if (f.looked_up && f.found && f.socket.state == SOCKET_OPEN && a->previous != PREVIOUS_OPEN &&
		a->client_rsts == 0 && !facts_moved(&f, COUNTER_SYN_CHALLENGE)) { /* the SYN-ACK was not captured */
		tell_accepted(e, a, CONFIDENCE_PROVED);
		track_open(e, a);
		return false;
	}
	v = rules_judge(&f);
	facts_remember_rule(e, &f, v.cause);
	want_trace(e, &f, &v);
	if (v.confidence <= CONFIDENCE_POSSIBLE && !a->out && !a->foreign)
		facts_ask_hooks(e, &f); /* which programs it may have met */
	if (rests_on_drops(v.cause) && facts_some_missed_listener(e, &f)) {
		v.confidence = CONFIDENCE_POSSIBLE;
		v.alternatives[0] = CAUSE_FIREWALL_DROP;
	}
	/*
	 * What was proved of the first SYN is not taken back because a later one left fewer traces; but where the kernel
	 * dropped the first and says nothing of the last, something else happened to that.
	 */
	if (!again || v.confidence >= a->confidence || (dropped_before && !f.said.syn && v.cause != CAUSE_UNKNOWN))
		report_attempt(e, a, &f, &v, again);
	return true;
}

/* A SYN-ACK was sent: did the peer complete? */
static bool judge_answered(struct engine *e, struct attempt *a)
{
	struct facts f;
	struct verdict v;
	bool connected, blocked, half_open, deferred, cookie, rejected;

	facts_gather(e, a, &f);
	facts_look_up(e, &f);
	if (a->acks_in > 0 || f.said.from_client)
		facts_ask_firewall(e, &f, RULING_ACK);
	ask_who_dropped(e, &f);
	blocked = a->out && f.looked_up && f.found && f.socket.state == SOCKET_SYN_SENT;
	if (blocked && e->now < a->answered + UNSEEN_AFTER) /* the SYN-ACK came, and did not get through */
		return wait(e, a, e->now + USEC);
	connected = f.looked_up && f.found &&
		    (f.socket.state == SOCKET_OPEN || f.socket.state == SOCKET_TIME_WAIT);
	half_open = f.looked_up && f.found && f.socket.state == SOCKET_SYN_RECV;
	cookie = f.looked_up && f.found && f.socket.state == SOCKET_LISTEN && facts_moved(&f, COUNTER_COOKIES_SENT);
	if ((half_open || cookie) && !a->out && a->looked_from == 0 &&
		engine_look(e, &a->key.client, a->key.server_port, e->now + LOOK_FOR))
		a->looked_from = engine_looked_since(e, &a->key.client, a->key.server_port);
	deferred = half_open && facts_moved(&f, COUNTER_DEFER_ACCEPT_DROP) && e->now > a->answered + DEFERRED_AFTER;
	if (half_open && a->synacks < 2 && e->now < a->answered + UNSEEN_AFTER && !deferred)
		return wait(e, a, e->now + HALF_OPEN_LOOK);
	if (!a->out && !connected && a->synacks == 1 && e->now < a->answered + CONFIRM_WITHIN)
		return wait(e, a, a->answered + CONFIRM_WITHIN);
	f.found_listener = f.looked_up && f.found && f.socket.state == SOCKET_LISTEN;
	cookie = cookie && a->acks_in > 0 && facts_moved(&f, COUNTER_LISTEN_OVERFLOWS); /* it believes to be connected */
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
	track_open(e, a);
	return true;
}

/* What was said of it does not hold any more: it is served. */
static void take_back(struct engine *e, struct attempt *a)
{
	if (a->cause == CAUSE_NOT_ANSWERING || (a->cause == CAUSE_PROXY_BACKEND_DEAD && a->stage != STAGE_CLOSING))
		tell_accepted(e, a, CONFIDENCE_PROVED);
}

/* What can be said of a server that closed without serving. */
static void ask_about_close(struct engine *e, struct facts *f, struct verdict *v)
{
	if (v->cause == CAUSE_CLOSED_EARLY && f->manners & MANNER_PROXY) {
		facts_ask_ports(e, f);
		*v = rules_judge(f);
	}
	if (v->cause == CAUSE_PROXY_BACKEND_DEAD)
		facts_ask_behind(e, f);
	if (v->cause == CAUSE_CLOSED_EARLY && f->accepting)
		facts_ask_process(e, f, f->accepting);
}

/* How much the port sends over TLS to those whom it serves, and then closes. */
static void learn_answer(struct engine *e, const struct facts *f)
{
	const struct attempt *a = f->a;
	bool closed_first = a->first_fin == SIDE_SERVER || a->server_left_first;
	struct port *p;

	if (a->out || !a->client_hello || !a->bytes_known || a->server_bytes == 0 || !closed_first || (f->backend && !f->backend_passed))
		return;
	p = engine_port(e, a->key.server_port);
	if (p->tls_answer == 0 || a->server_bytes < p->tls_answer)
		p->tls_answer = a->server_bytes;
}

static bool judge_closing(struct engine *e, struct attempt *a)
{
	struct facts f;
	struct verdict v;

	a->close_judged = true;
	facts_gather(e, a, &f);
	facts_look_around_end(e, &f);
	facts_find_backend(e, &f);
	if (f.target.known)
		facts_ask_target(e, &f);
	learn_answer(e, &f);
	v = rules_judge(&f);
	/* A process that still holds it has only closed its half. */
	if (v.cause == CAUSE_CLOSED_EARLY || v.cause == CAUSE_PROXY_BACKEND_DEAD || v.cause == CAUSE_PROCESS_DIED) {
		facts_look_up(e, &f);
		if (f.looked_up && f.found && f.socket.state == SOCKET_OPEN && f.socket.inode != 0)
			v.cause = CAUSE_UNKNOWN;
	}
	if (a->bytes_known && a->server_bytes > 0)
		engine_port(e, a->key.server_port)->answers = true;
	if (v.cause == CAUSE_CLOSED_EARLY && f.kernel && a->closed - a->answered > RULES_AT_DOOR && e->now < a->closed + MOURN) {
		a->close_judged = false; /* its process may be about to end */
		return wait(e, a, a->closed + MOURN);
	}
	ask_about_close(e, &f, &v);
	if (a->cause == CAUSE_NOT_ANSWERING && a->bytes_known && a->server_bytes > 0) {
		take_back(e, a);
		return true;
	}
	if (a->cause == CAUSE_PROXY_BACKEND_DEAD)
		return true;
	if ((v.cause == CAUSE_CLOSED_EARLY || v.cause == CAUSE_PROXY_BACKEND_DEAD || v.cause == CAUSE_NOT_ANSWERING ||
		    v.cause == CAUSE_PROCESS_DIED || v.cause == CAUSE_SOURCE_PORTS_EXHAUSTED) &&
		a->cause != v.cause) {
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
		CAUSE_FD_LIMIT, CAUSE_MTU_BLACKHOLE, CAUSE_PAWS, CAUSE_CONNTRACK_INVALID, CAUSE_NOT_ANSWERING,
		CAUSE_PEER_UNRESPONSIVE, CAUSE_QUEUE_DROP, CAUSE_PROXY_BACKEND_DEAD};

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

/* By a RST, after an orderly end or when both sides had what they came for. */
static bool is_good_end(const struct facts *f)
{
	const struct attempt *a = f->a;
	bool orderly = a->client_fin && a->server_fin && (!a->bytes_known || a->server_bytes > 0);

	return f->situation == SITUATION_RESET && (orderly || rules_was_served(f)) && !rules_was_unserved(f);
}

/* Counted apart from those that failed. */
static bool tell_good_end(struct engine *e, struct attempt *a)
{
	if (!a->out && !a->established_reported)
		tell_accepted(e, a, CONFIDENCE_PROVED);
	report_late_reset(e, a);
	return true;
}

static bool judge_ended(struct engine *e, struct attempt *a)
{
	struct facts f;
	struct verdict v;
	bool empty;

	if (a->reset_by == SIDE_CLIENT && is_waiting_cause(a->cause))
		return true; /* it gave up what was said to lead nowhere */
	if (a->given_up && (a->cause == CAUSE_CONNTRACK_INVALID || a->cause == CAUSE_FIREWALL_DROP_ACK ||
				a->cause == CAUSE_BPF_DROP || a->cause == CAUSE_QUEUE_DROP || a->cause == CAUSE_IPSEC_POLICY ||
				a->cause == CAUSE_PEER_UNRESPONSIVE))
		return true; /* what was said is why nothing of it was acknowledged */
	if (a->outcome == OUTCOME_UNFINISHED && a->reset_by == SIDE_CLIENT)
		return true; /* what was said of it stands: this RST only ends it */
	facts_gather(e, a, &f);
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
		facts_ask_port(e, &f);
		if (!is_present(f.port.bound) && !is_present(f.port.udp) && !is_present(f.port.outgoing) && !f.gone)
			facts_ask_elsewhere(e, &f);
	}
	if (f.situation == SITUATION_REFUSED || f.situation == SITUATION_UNREACHABLE) {
		facts_ask_firewall(e, &f, RULING_SYN);
		facts_ask_target(e, &f);
		/* The broker was busy, or has been asked enough within this second: who is there decides. */
		if (e->config.ask && f.target.known && !f.target.here && !f.target.asked && e->now < a->judge_by)
			return wait(e, a, e->now + ASK_AGAIN);
	}
	if (f.situation == SITUATION_REFUSED && !a->out && f.gone && !f.accepting)
		facts_ask_process(e, &f, f.gone);
	if (f.situation == SITUATION_REFUSED && !a->out && f.accepting)
		facts_look_up_listener(e, &f);
	if (f.situation == SITUATION_UNREACHABLE && a->foreign) {
		facts_ask_route(e, &f);
		facts_ask_forward(e, &f);
	}
	if (f.situation == SITUATION_CANCELLED && a->answer_ttl != a->peer_ttl)
		facts_ask_route(e, &f);
	if (f.situation == SITUATION_RESET && f.target.known)
		facts_ask_target(e, &f);
	if (f.situation == SITUATION_RESET && (a->cause == CAUSE_CLOSED_EARLY || a->cause == CAUSE_PROXY_BACKEND_DEAD || a->cause == CAUSE_PROCESS_DIED ||
						   a->cause == CAUSE_SOURCE_PORTS_EXHAUSTED))
		return true; /* the RST to what the client had still to say */
	if (f.situation == SITUATION_RESET) {
		facts_look_around_end(e, &f);
		facts_find_backend(e, &f);
		if (a->unknown || a->answer_flags == TCP_RST || by_remote(a))
			facts_look_up(e, &f);
		if (by_remote(a) && is_alive(&f) && a->judge_by > 0) { /* out of its window: the kernel did not take it */
			a->reset_by = SIDE_NONE;
			a->ended = 0;
			if (a->before_rst == STAGE_OPEN)
				track_open(e, a);
			else
				track_set(e, a, (enum stage)a->before_rst, e->now + HALF_OPEN_LOOK);
			return false;
		}
		if (f.vanished || a->fate == FATE_UNREAD)
			facts_ask_process(e, &f, f.vanished ? f.gone : f.accepting);
		learn_answer(e, &f);
	}
	if (is_good_end(&f))
		return tell_good_end(e, a);
	if (rules_is_health_check(&f))
		f.situation = SITUATION_ACCEPTED;
	v = rules_judge(&f);
	if (f.situation == SITUATION_REFUSED || f.situation == SITUATION_UNREACHABLE)
		want_trace(e, &f, &v);
	if (f.situation == SITUATION_RESET && a->reset_by == SIDE_CLIENT && (a->out || a->server_fin || a->client_fin)) {
		if (!a->out && !a->established_reported)
			tell_accepted(e, a, CONFIDENCE_PROVED);
		return true; /* a client ended what it had no use for: this host's own, or after a close */
	}
	ask_about_close(e, &f, &v);
	report_attempt(e, a, &f, &v, a->emitted && a->outcome == OUTCOME_CANCELLED);
	if (f.situation == SITUATION_REFUSED && !a->out && f.sockets && !f.accepting)
		remember_refusal(e, a);
	return true;
}

static void ask_who_filters(struct engine *e, struct facts *f)
{
	facts_ask_flow(e, f);
	facts_ask_firewall(e, f, RULING_ACK);
	facts_ask_firewall(e, f, RULING_INVALID);
}

void judge_open(struct engine *e, struct attempt *a)
{
	struct question q = {
		.kind = ASK_CONNECTION,
		.addr = a->key.server,
		.peer = a->key.client,
		.port = a->key.server_port,
		.peer_port = a->key.client_port,
		.ifindex = a->ifindex,
	};
	struct answer answer = {.found = false};
	struct connection c;
	struct facts f;
	struct verdict v;

	track_open(e, a);
	if (!e->config.ask || !e->config.ask(e->config.ctx, &q, &answer) || !answer.found ||
		answer.n_connections == 0)
		return;
	c = answer.connections[0]; /* the next question overwrites the answer */
	if (c.sent > 0)
		engine_port(e, a->key.server_port)->answers |= c.received > 0;
	facts_gather(e, a, &f);
	f.situation = SITUATION_WAITING;
	f.connection = c;
	f.waiting = rules_silence(&f);
	if (f.waiting == WAITING_NONE) {
		take_back(e, a);
		return;
	}
	if (is_waiting_cause(a->cause))
		return; /* told already */
	f.waited = e->now - a->answered;
	if (f.waiting != WAITING_GREETING)
		f.waited = c.idle_ms * INT64_C(1000);
	facts_ask_holder(e, &f, c.row.inode);
	facts_find_backend(e, &f);
	v = rules_judge(&f);
	if (v.cause != CAUSE_UNKNOWN)
		report_attempt(e, a, &f, &v, a->emitted && a->alone);
}

bool judge_waiting(struct engine *e, const struct connection *c, enum waiting why, int64_t waited)
{
	struct attempt_key key = {c->row.peer, c->row.addr, c->row.peer_port, c->row.port};
	struct attempt *a = table_find(e->attempts, &key);
	struct attempt own = {
		.key = key,
		.first = e->now - waited - (why == WAITING_FILTERED ? FILTERED_SINCE : 0),
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
	facts_gather(e, a, &f);
	f.situation = SITUATION_WAITING;
	f.waiting = why;
	f.waited = waited;
	f.connection = *c;
	if (why == WAITING_FILTERED && !f.said.from_client && !f.said.to_client)
		return true; /* it was an earlier connection's, on the same ports */
	if (why == WAITING_READ)
		facts_ask_holder(e, &f, c->row.inode);
	else if (why == WAITING_FILTERED)
		ask_who_filters(e, &f);
	else if (why == WAITING_RESENT)
		facts_ask_route(e, &f);
	else if (facts_choose_waiting(e, &f))
		facts_ask_process(e, &f, f.accepting);
	ask_who_dropped(e, &f);
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

	facts_gather(e, &a, &f);
	f.situation = SITUATION_UNANSWERED;
	f.server_local = engine_is_local(e, &u->address);
	f.asked_times = u->times;
	f.address_gone = u->gone ? e->now - u->gone : 0;
	facts_ask_route(e, &f);
	v = rules_judge(&f);
	report_attempt(e, &a, &f, &v, false);
}

void judge_claim(struct engine *e, const struct segment *s)
{
	struct attempt a = {
		.key = {s->src, s->src, 0, 0},
		.id = e->next_id++,
		.first = s->t,
		.last = s->t,
		.stage = STAGE_SYN,
		.ifindex = s->ifindex,
		.v6 = s->v6,
	};
	struct facts f;
	struct verdict v;

	facts_gather(e, &a, &f);
	f.situation = SITUATION_UNANSWERED;
	f.server_local = true;
	f.claimed = true;
	memcpy(f.claimant, s->mac, sizeof(f.claimant));
	facts_ask_route(e, &f);
	/* It is meant to be there and not to be answered for, as on the servers behind a balancer (LVS, direct routing). */
	if (f.asked_route && (f.routing.arp_ignore > 0 || f.routing.dad_failed)) /* the latter is told where it is asked for */
		return;
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

	facts_gather(e, &a, &f);
	if (e->samples.n && !f.window.known)
		return false;
	f.accepting = l;
	f.server_local = true;
	f.drops = n;
	f.drops_exact = true;
	f.queue = listener_fullest_since(l, since);
	facts_ask_why_dropped(e, &f);
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

void judge_port_served(struct engine *e, uint16_t port)
{
	for (size_t i = 0; i < RECENT_MAX; i++) {
		struct recent *r = &e->recent[i];
		struct facts f;
		struct verdict v;

		if (!r->used || r->a.key.server_port != port)
			continue;
		r->a.stage = STAGE_REFUSED;
		facts_gather(e, &r->a, &f);
		if (f.gone)
			facts_ask_process(e, &f, f.gone);
		v = rules_judge(&f);
		if (v.cause == CAUSE_TOO_EARLY)
			report_attempt(e, &r->a, &f, &v, true);
	}
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
		facts_gather(e, &r->a, &f);
		facts_look_up_listener(e, &f);
		v = rules_judge(&f);
		if (v.cause == CAUSE_TOO_EARLY || v.cause == CAUSE_RESTARTING ||
			(v.cause == CAUSE_LISTENER_GONE && f.accepting))
			report_attempt(e, &r->a, &f, &v, true);
		r->used = false;
	}
}
