/* facts.c - gathers what is known of an attempt, and asks the host for what is not. */
#include "facts.h"
#include "base/text.h"
#include "blame.h"
#include "servers.h"

#include <string.h>

enum {
	RING_DELAY = 200000,      /* a packet is delivered within the ring's time-out, and some */
	PORT_ANSWER_KEPT = 500000,
	GONE_SLACK = 500000,      /* between a listener's end and our reading of it */
	ELSEWHERE_KEPT = 2000000,
	TARGET_KEPT = 500000,
	HOOKS_KEPT = 2000000,
	SAME_MOMENT = 300000,     /* the multicast is read when there is time */
	BACKEND_WITHIN = 1000000, /* a proxy closes soon after its own attempt was refused */
	BACKEND_AT_ONCE = 10000,    /* one that does nothing but relay closes at once */
	BACKEND_DIALLED = 300000,   /* a TLS handshake may come before */
	BACKEND_PATIENCE = 30000000, /* and waits for an answer no longer than this */
	LOOPBACK_INDEX = 1,       /* of lo in every namespace (include/net/flow.h LOOPBACK_IFINDEX) */
	ANSWERED_WITHIN = 20000,  /* a rule rejects and drops at once */
	SERVED_WITHIN = 60000000, /* a SYN-ACK that far off may still explain a refusal */
	DIED_WITHIN = 300000,     /* a large process gives its memory back before it closes what it holds */
	ONE_SHOT = 10000000,      /* a listener for one connection waits no longer for it */
	SETTLED = 3000000,        /* a listener that is older was there to stay */
	DIED_AFTER = 1200000,     /* an interpreter closes its sockets, and is a while at tidying up */
	COMM_KNOWN = 15,          /* characters of a process's name (TASK_COMM_LEN - 1) */
	TURNED_AWAY_KEPT = 60000000, /* who was turned away at a port speaks for the next ones */
	CLOCK_SLACK = 6000,       /* between a packet's time stamp and the counter it moved */
	COUNT_SLACK = 60000,      /* the same where the processor is taken away in between */
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

/*
 * Whether what the stack counted shortly before and after the window is all accounted for by the RSTs of others there. A
 * RST is counted after it is stamped (tcp_v4_send_reset(), v6.18), and a processor may be taken away in between.
 */
static bool counted_nearby(const struct engine *e, const struct window *w, int64_t from, int64_t to)
{
	struct window wide = samples_window(&e->samples, from - COUNT_SLACK, to + COUNT_SLACK);

	return wide.known && wide.delta[COUNTER_OUT_RSTS] > wide.wire_rsts - w->wire_rsts;
}

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
		    : rsts == 0 ? (counted_nearby(e, &f->window, from, to) ? ORIGIN_UNKNOWN : ORIGIN_OTHER)
		    : rsts < f->window.wire_rsts     ? ORIGIN_MIXED
		    : e->config.partial		     ? (rsts == f->window.wire_rsts ? ORIGIN_LIKELY_STACK : ORIGIN_UNKNOWN)
						     : ORIGIN_STACK;
}

static bool is_near(int64_t a, int64_t b)
{
	return a - b < SAME_MOMENT && b - a < SAME_MOMENT;
}

/* The same of other segments: by the server's port, which on the way in is not translated any more where it is dropped. */
static const struct kernel_word *about_server(const struct facts *f, const struct kernel_word *w, bool from_client)
{
	uint16_t port = f->a->key.server_port;

	return w && (from_client ? w->dport : w->sport) == port ? w : NULL;
}

/* A client may use one port, and even one sequence number, for several: what is about another attempt of its is not ours. */
static bool is_anothers(const struct engine *e, const struct attempt *a, const struct ip *server, uint16_t port)
{
	struct attempt_key key = {a->key.client, *server, a->key.client_port, port};
	const struct attempt *other = table_find(e->attempts, &key);

	return other && other != a && memcmp(&key, &a->key, sizeof(key)) != 0;
}

/*
 * Of several SYNs of an attempt the last one counts, which was answered or not: one before it may have been dropped for
 * another reason, that is gone.
 */
static bool is_about_syn(const struct engine *e, const struct facts *f, const struct kernel_word *w)
{
	const struct attempt *a = f->a;
	int64_t last = f->situation == SITUATION_REFUSED || f->situation == SITUATION_UNREACHABLE ? a->answered - ANSWERED_WITHIN
											       : a->last;

	return w->seq == a->client_isn && w->t >= last - CLOCK_SLACK && !is_anothers(e, a, &w->dst, w->dport);
}

/* A client's port may be at several servers, and be used anew: whether the word is about this attempt's RST. */
static bool is_about_rst(const struct facts *f, const struct kernel_word *w)
{
	const struct attempt *a = f->a;

	if (f->situation == SITUATION_REFUSED) /* by the SYN that it answers, wherever translation led that */
		return w->seq == a->client_isn;
	if (f->situation != SITUATION_RESET || !is_near(w->t, a->ended))
		return false;
	return a->out ? w->dport == a->key.server_port && ip_equal(&w->dst, &a->key.server)
		      : w->sport == a->key.server_port && ip_equal(&w->src, &a->key.server);
}

/* What the kernel said of the attempt's packets. Its words stay valid while the facts are used: no word comes then. */
static void find_words(struct engine *e, struct facts *f)
{
	const struct attempt *a = f->a;
	const struct ip *ip = &a->key.client;
	uint16_t port = a->key.client_port, server_port = a->key.server_port;
	int64_t since = a->first - CLOCK_SLACK;
	struct said *said = &f->said;

	said->syn = reasons_find(e->reasons, WORD_SYN, ip, port, since);
	if (said->syn && !is_about_syn(e, f, said->syn))
		said->syn = NULL;
	said->syn_ack = reasons_find(e->reasons, WORD_SYN_ACK, ip, port, since);
	if (said->syn_ack && (said->syn_ack->ack != a->client_isn + 1 ||
				     is_anothers(e, a, &said->syn_ack->src, said->syn_ack->sport)))
		said->syn_ack = NULL;
	said->from_client = about_server(f, reasons_find(e->reasons, WORD_FROM, ip, port, since), true);
	said->to_client = about_server(f, reasons_find(e->reasons, WORD_TO, ip, port, since), false);
	said->reset = reasons_find(e->reasons, a->out ? WORD_RESET_FROM : WORD_RESET_TO, ip, port, since);
	if (said->reset && (!is_about_rst(f, said->reset) || is_anothers(e, a, &said->reset->src, said->reset->sport)))
		said->reset = NULL;
	if (!said->syn && !a->out)
		said->syn_of_port = (said->syn = reasons_of_port(e->reasons, WORD_SYN, server_port, since)) != NULL;
	if (!said->syn_ack && !a->out)
		said->syn_ack_of_port =
			(said->syn_ack = reasons_of_port(e->reasons, WORD_SYN_ACK, server_port, since)) != NULL;
}

static void find_traced(const struct engine *e, struct facts *f)
{
	const struct attempt *a = f->a;
	const struct attempt_key *k = &a->key;

	for (size_t i = 0; i < TRACED_MAX; i++) {
		const struct traced *t = &e->traced[i];

		if (t->t < a->first - CLOCK_SLACK || a->out)
			continue;
		if (!t->answer && t->seq == a->client_isn && t->sport == k->client_port && ip_equal(&t->src, &k->client))
			f->traced_syn = &t->rule;
		if (t->answer && t->dport == k->client_port && t->sport == k->server_port && ip_equal(&t->dst, &k->client))
			f->traced_answer = &t->rule;
	}
}

static bool is_dialled(const struct attempt *a, const struct ip *addr, uint16_t port)
{
	return port == a->key.server_port && ip_equal(addr, &a->key.server);
}

/* Whether it is this host itself, and who listens there. */
static void look_at_target(struct engine *e, struct facts *f)
{
	struct target *t = &f->target;

	t->here = e->addresses_known && engine_is_local(e, &t->addr);
	for (struct listener *l = NULL; t->here && (l = listeners_next(&e->listeners, t->port, l));)
		if (l->gone == 0 && listener_near(&l->row, &t->addr, 0) == NEAR_ACCEPTS)
			t->listens_here = true;
}

/* Whether the SYN was led elsewhere: by the wire's second copy of it, or by the kernel's word. */
static void find_target(struct engine *e, struct facts *f)
{
	const struct attempt *a = f->a;
	const struct kernel_word *syn = f->said.syn_of_port ? NULL : f->said.syn;
	struct target *t = &f->target;

	t->inner = inners_find(e->inners, &a->key.client, a->key.client_port, a->client_isn);
	if (t->inner && is_anothers(e, a, &t->inner->addr, t->inner->port))
		t->inner = NULL;
	if (t->inner && !is_dialled(a, &t->inner->addr, t->inner->port)) {
		t->known = TARGET_SEEN;
		t->addr = t->inner->addr;
		t->port = t->inner->port;
	} else if (syn && !is_dialled(a, &syn->dst, syn->dport)) {
		t->known = TARGET_SAID;
		t->addr = syn->dst;
		t->port = syn->dport;
	} else if (f->said.reset && f->said.reset->sport != 0 && f->situation == SITUATION_REFUSED && !is_dialled(a, &f->said.reset->src, f->said.reset->sport)) {
		t->known = TARGET_SAID;
		t->addr = f->said.reset->src;
		t->port = f->said.reset->sport;
	}
	if (t->known)
		look_at_target(e, f);
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

/*
 * What the port answered before and after the refusal: a listener that came and went between two polls is known by that,
 * where none is known otherwise.
 */
static void look_at_answers(struct engine *e, struct facts *f)
{
	const struct attempt *a = f->a;
	const struct port *p = table_find(e->ports, &a->key.server_port);

	if (!p || f->situation != SITUATION_REFUSED || !ip_equal(&p->refused_addr, &a->key.server))
		return;
	for (int i = 0; f->gone && i < PORT_SERVED; i++) {
		int64_t since = f->gone->absent ? f->gone->absent : f->gone->gone - ONE_SHOT, t = p->served[i];

		if (t == 0 || t < since || t > f->gone->gone + CLOCK_SLACK)
			continue;
		f->gone_answered++;
		if (f->gone_after == 0 || f->gone->gone - t < f->gone_after)
			f->gone_after = f->gone->gone - t;
	}
	if (p->served_first > a->answered && p->served_first - a->answered < SERVED_WITHIN)
		f->served_after = p->served_first;
	if (p->refused_last >= a->answered && p->served_before != 0 && p->served_before < a->answered &&
		a->answered - p->served_before < SERVED_WITHIN)
		f->served_before = p->served_before;
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
		} else if (l->up > t && l->absent >= t) {
			continue; /* it came later, and would not have taken the SYN anyway */
		} else if (near > f->near || !f->nearest) {
			f->near = near;
			f->nearest = l;
		}
	}
	f->later = f->later && f->accepting;
	look_at_answers(e, f);
	for (size_t i = 0; f->gone && i < EXITED_KEPT; i++)
		f->gone_failed |= e->exited[i].t != 0 && e->exited[i].pid == f->gone->owner.pid;
	if (f->gone)
		f->gone_served = engine_port(e, a->key.server_port)->c.accepted - f->gone->accepted_before;
}

/*
 * The kernel found no socket for this very SYN: who takes it now came after it, though it was first seen between two polls.
 */
static void take_no_socket(struct facts *f)
{
	const struct kernel_word *w = f->said.syn_of_port ? NULL : f->said.syn;

	if (f->situation == SITUATION_REFUSED && f->accepting && !f->steady && f->accepting->up > f->a->first && w &&
		w->reason == REASON_NO_SOCKET && w->dport == f->a->key.server_port && !f->target.known)
		f->later = true;
}

/* Whether a socket that only has the port would have been dialled by its address too. */
static bool is_at(const struct socket_row *row, const struct attempt *a)
{
	return listener_near(row, &a->key.server, a->ifindex) == NEAR_ACCEPTS;
}

void facts_ask_port(struct engine *e, struct facts *f)
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
	if (!slot->valid)
		return;
	f->port = slot->answer;
	if (is_present(f->port.bound))
		f->port.bound = presence_of(is_at(&f->port.bound_row, f->a));
	if (is_present(f->port.udp))
		f->port.udp = presence_of(is_at(&f->port.udp_row, f->a));
}

void facts_look_up(struct engine *e, struct facts *f)
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
void facts_look_up_listener(struct engine *e, struct facts *f)
{
	const struct listener *l;
	bool exact;

	facts_look_up(e, f);
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

void facts_ask_route(struct engine *e, struct facts *f)
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
void facts_ask_forward(struct engine *e, struct facts *f)
{
	struct answer answer = {.found = false};
	struct question q = {.kind = ASK_ROUTE, .addr = f->a->icmp_from, .peer = f->a->key.server};

	if (!e->config.ask || !e->config.ask(e->config.ctx, &q, &answer))
		return;
	f->asked_forward = true;
	f->forward = answer.routing;
}

void facts_ask_process(struct engine *e, struct facts *f, const struct listener *l)
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

void facts_ask_half_open(struct engine *e, struct facts *f)
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
void facts_ask_elsewhere(struct engine *e, struct facts *f)
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
	/* What is the peer's own is not what it dialled here for. */
	f->elsewhere = slot->asked_elsewhere && slot->elsewhere.found && slot->elsewhere.reach != ELSEWHERE_LOOPBACK &&
		       !ip_equal(&slot->elsewhere.reach_addr, &f->a->key.client);
	f->elsewhere_reach = slot->elsewhere.reach;
	f->elsewhere_addr = slot->elsewhere.reach_addr;
	f->elsewhere_row = slot->elsewhere.row;
	f->elsewhere_owner = slot->elsewhere.elsewhere_owner;
	text_copy(f->elsewhere_netns, sizeof(f->elsewhere_netns), slot->elsewhere.netns);
}

/* The rules lead it somewhere: known only by them where the packet itself did not get there. */
static void take_translation(struct engine *e, struct facts *f, const struct firewall_translation *t)
{
	struct target *target = &f->target;
	struct ip addr = t->addr_known ? t->addr : f->a->key.server;
	uint16_t port = t->port_known ? t->port : f->a->key.server_port;

	if (target->known || !t->is || !t->must || is_dialled(f->a, &addr, port))
		return;
	target->known = TARGET_RULED;
	target->addr = addr;
	target->port = port;
	look_at_target(e, f);
}

void facts_ask_firewall(struct engine *e, struct facts *f, enum ruling ruling)
{
	const struct attempt *a = f->a;
	struct answer answer = {.found = false};
	struct question q = {
		.kind = ASK_FIREWALL,
		.addr = a->key.server,
		.peer = a->key.client,
		.port = a->key.server_port,
		.peer_port = a->key.client_port,
		.ifindex = a->ifindex,
		.ruling = ruling,
		.ttl = a->peer_ttl,
		.out = ruling == RULING_ANSWER || (f->situation == SITUATION_WAITING && !f->said.from_client && f->said.to_client),
	};

	if (a->out || !e->config.ask || !e->config.ask(e->config.ctx, &q, &answer))
		return;
	e->rulings[ruling] = answer.firewall;
	f->ruling[ruling] = &e->rulings[ruling];
	if (ruling == RULING_SYN)
		take_translation(e, f, &answer.firewall.translation);
}

static struct acted *acted_of(struct engine *e, uint64_t id)
{
	for (size_t i = 0; i < sizeof(e->acted) / sizeof(e->acted[0]); i++)
		if (e->acted[i].id == id)
			return &e->acted[i];
	return NULL;
}

void facts_remember_rule(struct engine *e, const struct facts *f, enum cause cause)
{
	const struct firewall_rule *r = blamed_rule(f, cause);
	struct acted *slot = r && r != f->acted && rule_acted(r, f, cause) ? acted_of(e, f->a->id) : NULL;

	if (!r || r == f->acted || !rule_acted(r, f, cause))
		return;
	if (!slot)
		slot = &e->acted[e->next_acted++ % (sizeof(e->acted) / sizeof(e->acted[0]))];
	*slot = (struct acted){f->a->id, (uint16_t)cause, *r};
}

/* What the last verdict on the attempt laid it at. */
static void find_acted(struct engine *e, struct facts *f)
{
	const struct acted *acted = f->a->emitted ? acted_of(e, f->a->id) : NULL;

	if (!acted)
		return;
	f->acted = &acted->rule;
	f->acted_by = (enum cause)acted->cause;
}

static const struct answer *ask_target(struct engine *e, const struct target *t)
{
	size_t n = sizeof(e->targets) / sizeof(e->targets[0]);
	struct question q = {.kind = ASK_TARGET, .addr = t->addr, .port = t->port};
	struct target_answer *slot = NULL;

	for (size_t i = 0; i < n; i++)
		if (e->targets[i].t != 0 && e->targets[i].port == t->port && ip_equal(&e->targets[i].addr, &t->addr))
			slot = &e->targets[i];
	if (slot && e->now - slot->t < TARGET_KEPT)
		return &slot->answer;
	if (!slot)
		slot = &e->targets[e->next_target++ % n];
	*slot = (struct target_answer){.addr = t->addr, .port = t->port};
	if (!e->config.ask || !e->config.ask(e->config.ctx, &q, &slot->answer))
		return NULL;
	slot->t = e->now;
	return &slot->answer;
}

static void take_target(struct target *t, const struct answer *a)
{
	if (!a)
		return;
	t->asked = true;
	t->complete = a->complete;
	t->has_namespace = a->has_namespace;
	t->container = a->netns_container;
	t->pid = a->netns_pid;
	t->listens = a->has_namespace && a->found;
	t->row = a->row;
	t->near = t->listens ? listener_near(&a->row, &t->addr, 0) : NEAR_NOTHING;
	t->owner = a->elsewhere_owner;
	t->way = a->routing;
	text_copy(t->netns, sizeof(t->netns), a->netns);
}

/* Who is there where translation leads to. */
void facts_ask_target(struct engine *e, struct facts *f)
{
	struct target *t = &f->target;

	take_target(t, t->known && !t->here ? ask_target(e, t) : NULL);
}

/* Whether there is a source port left for one more connection to where most of them lead. */
void facts_ask_ports(struct engine *e, struct facts *f)
{
	struct question q = {.kind = ASK_SOURCE_PORTS};
	struct answer answer = {.found = false};

	f->asked_ports = e->config.ask && e->config.ask(e->config.ctx, &q, &answer);
	f->ports_used = answer.n;
	f->ports_max = answer.n_max;
	f->ports_peer = answer.row.peer;
	f->ports_port = answer.row.peer_port;
}

/* Who is there where a proxy dialled in vain. */
void facts_ask_behind(struct engine *e, struct facts *f)
{
	struct target *t = &f->behind;

	if (!f->backend)
		return;
	t->addr = f->backend_key.server;
	t->port = f->backend_key.server_port;
	if (!engine_is_local(e, &t->addr))
		take_target(t, ask_target(e, t));
}

bool facts_moved(const struct facts *f, enum counter c)
{
	return f->window.known && f->window.delta[c] > 0;
}

/* What else happened to the port when the connection ended. */
void facts_look_around_end(struct engine *e, struct facts *f)
{
	const struct attempt *a = f->a;
	size_t n = sizeof(e->disconnected) / sizeof(e->disconnected[0]);

	f->vanished = f->gone && f->gone->gone_exact && is_near(f->gone->gone, a->ended);
	for (size_t i = 0; i < n; i++)
		f->disconnected += e->disconnected[i].t != 0 && e->disconnected[i].port == a->key.server_port &&
				   is_near(e->disconnected[i].t, a->ended);
}

/* An attempt of this host's own that failed while the connection was served: the last one before its end. */
/* Whether an attempt that began between the two was answered, or may have been: the oldest ones are forgotten. */
static bool was_another_reached(const struct engine *e, int64_t after, int64_t until)
{
	const int64_t *oldest = &e->own_reached[e->next_own_reached % OWN_REACHED];

	for (size_t i = 0; i < OWN_REACHED; i++)
		if (e->own_reached[i] > after && e->own_reached[i] <= until)
			return true;
	return *oldest > until;
}

void facts_find_backend(struct engine *e, struct facts *f)
{
	const struct attempt *a = f->a;
	size_t n = sizeof(e->own_failures) / sizeof(e->own_failures[0]);
	int64_t best = 0, ended = a->closed ? a->closed : a->ended ? a->ended : e->now;

	for (size_t i = 0; i < n; i++) {
		const struct own_failure *o = &e->own_failures[i];

		int64_t within = o->how == OUTCOME_REFUSED ? BACKEND_WITHIN : BACKEND_PATIENCE;

		if (o->t == 0 || o->began < a->first || o->began > ended || ended - o->began > within || o->began <= best)
			continue;
		best = o->began;
		f->backend = true;
		f->backend_how = o->how;
		/* Refused, and closed at that moment; or dialled as soon as it was accepted, and without an answer to the end. */
		f->backend_at_once = o->how == OUTCOME_REFUSED ? ended - o->t < BACKEND_AT_ONCE : o->began - a->first < BACKEND_DIALLED;
		f->backend_key = o->key;
	}
	f->backend_passed = f->backend && was_another_reached(e, best, ended);
}

/*
 * A process closes what it holds as it ends: that of a worker is the end of its connections, while its master lives on. What
 * it is called is all that joins it to the listener.
 */
static void find_dead(const struct engine *e, struct facts *f, const struct listener *l)
{
	const struct attempt *a = f->a;
	int64_t ended = a->first_fin == SIDE_SERVER && a->closed ? a->closed : a->ended;

	for (size_t i = 0; l && ended && i < EXITED_KEPT; i++) {
		const struct exited *x = &e->exited[i];
		size_t n = strcspn(x->comm, ":");

		if (x->t == 0 || x->t < a->first || ended - x->t > DIED_WITHIN || x->t - ended > DIED_AFTER ||
			strncmp(x->comm, l->owner.comm, n < COMM_KNOWN ? n : COMM_KNOWN) != 0)
			continue;
		/* Of several the one that was killed: the others may only have been told to end after it. */
		if (f->died && ((f->died_status & 0x7f) != 0 || (x->status & 0x7f) == 0))
			continue;
		f->died = true;
		f->died_pid = x->pid;
		f->died_status = x->status;
		f->died_apart = ended > x->t ? ended - x->t : x->t - ended;
	}
}

/* What is known of the server, by its name and by what its port did before. */
static void find_manners(struct engine *e, struct facts *f)
{
	const struct attempt *a = f->a;
	const struct listener *l = f->accepting ? f->accepting : f->gone;
	const struct port *p = table_find(e->ports, &a->key.server_port);

	f->manners = l ? server_manners(&l->owner) : 0;
	/* One that has just been opened is no door at which anybody is turned away: FTP's data, say. */
	f->limit = f->accepting && (l->absent == 0 || a->first - l->up > SETTLED) && server_has_limit(&l->owner);
	f->answers = f->manners & MANNER_ANSWERS || (p && p->answers);
	f->tls_answer = p ? p->tls_answer : 0;
	find_dead(e, f, l);
	f->turned_away = p && p->turned_away != 0 && a->ended - p->turned_away < TURNED_AWAY_KEPT &&
			 p->turned_away - a->ended < TURNED_AWAY_KEPT;
}

void facts_gather(struct engine *e, const struct attempt *a, struct facts *f)
{
	memset(f, 0, sizeof(*f));
	f->a = a;
	f->situation = situations[a->stage];
	f->sockets = e->sockets_known || (e->whole_port != 0 && e->whole_port == a->key.server_port);
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
	f->kernel = e->config.kernel;
	find_words(e, f);
	find_traced(e, f);
	find_acted(e, f);
	if (!a->out)
		find_target(e, f);
	if (!a->out)
		look_at_door(e, f);
	take_no_socket(f);
	if (!a->out)
		find_manners(e, f);
}

/* More silent SYNs than the listener dropped: some of them never reached it. */
bool facts_some_missed_listener(struct engine *e, const struct facts *f)
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

/* What only the host can say of a SYN that was dropped, asked for where its counters point there. */
void facts_ask_why_dropped(struct engine *e, struct facts *f)
{
	if (f->accepting && f->drops > 0 && is_full(&f->queue))
		facts_ask_process(e, f, f->accepting);
	if (f->accepting && f->drops > 0 && facts_moved(f, COUNTER_LISTEN_DROPS) && !is_full(&f->queue))
		facts_ask_half_open(e, f);
	if (facts_moved(f, COUNTER_CONNTRACK_DROP))
		ask_conntrack(e, f);
}

/* Who holds an open connection, which need not be who holds the listener. */
void facts_ask_holder(struct engine *e, struct facts *f, uint32_t inode)
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
bool facts_choose_waiting(struct engine *e, struct facts *f)
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

void facts_ask_flow(struct engine *e, struct facts *f)
{
	const struct attempt_key *k = &f->a->key;
	struct answer answer = {.found = false};
	struct question q = {.kind = ASK_FLOW, .addr = k->server, .port = k->server_port, .peer = k->client,
		.peer_port = k->client_port};

	f->asked_flow = e->config.ask && e->config.ask(e->config.ctx, &q, &answer);
	f->flow = answer.flow;
}

/* Remembered for a moment: many attempts fail alike. */
void facts_ask_hooks(struct engine *e, struct facts *f)
{
	struct hooks_answer *kept = &e->hooks;
	struct question q = {.kind = ASK_HOOKS, .addr = f->a->key.server,
		.pid = f->accepting ? f->accepting->owner.pid : 0};
	struct answer answer = {.found = false};

	if (kept->t == 0 || e->now - kept->t > HOOKS_KEPT || kept->v6 != f->a->v6 || kept->pid != q.pid) {
		if (!e->config.ask || !e->config.ask(e->config.ctx, &q, &answer))
			return;
		*kept = (struct hooks_answer){e->now, f->a->v6, q.pid, answer.hooks};
	}
	f->asked_hooks = true;
	f->hooks = kept->hooks;
}
