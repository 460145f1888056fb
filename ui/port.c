/* port.c - a page on one port: verdict, what to do, evidence, timeline, peers, listeners, the last findings. */
#include "base/text.h"
#include "engine/causes.h"
#include "format.h"
#include "view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PEERS_SHOWN = 10,
	FINDINGS_SHOWN = 16,
};

static const struct store_finding *last_failure(const struct view *v)
{
	const struct store_port *p = store_port(v->store, v->at.port);
	const struct store_finding *f = store_finding(v->store, v->at.finding ? v->at.finding : p ? p->finding : 0);

	return tell_is_failure(f) ? f : NULL;
}

struct shown_peer {
	const char *name;
	const struct store_peer *p;
};

static int by_failures(const void *a, const void *b)
{
	const struct shown_peer *x = a, *y = b;

	if (x->p->failed != y->p->failed)
		return x->p->failed < y->p->failed ? 1 : -1;
	return x->p->last < y->p->last ? 1 : x->p->last > y->p->last ? -1 : strcmp(x->name, y->name);
}

static void add_peers(struct view *v)
{
	static struct shown_peer peers[STORE_PEERS];
	const struct store *s = v->store;
	int n = 0;

	for (struct store_peer *p = NULL; (p = table_next(s->peers, p));) {
		const struct store_peer_key *key = table_key(s->peers, p);

		if (key->place == v->at.port && strcmp(p->dir, "out") != 0)
			peers[n++] = (struct shown_peer){key->peer, p};
	}
	if (n == 0)
		return;
	qsort(peers, (size_t)n, sizeof(peers[0]), by_failures);
	page_heading(v, "Peers by failures (%d)", n);
	for (int i = 0; i < n && i < PEERS_SHOWN; i++) {
		const struct store_peer *p = peers[i].p;
		struct place to = {.view = VIEW_PEER, .port = v->at.port};
		char every[64] = "", cause[64] = "";

		text_copy(to.peer, sizeof(to.peer), peers[i].name);
		if (p->failed > 1 && p->retry_interval > 0)
			snprintf(every, sizeof(every), ", every %.1f s", (double)p->retry_interval / 1e6);
		if (p->failed)
			snprintf(cause, sizeof(cause), ": %s", cause_entry(cause_by_id(p->cause))->words);
		page_text(v, p->failed ? ROLE_BAD : ROLE_NORMAL, 2, 4, &to, "%-18s failed %" PRId64 ", served %" PRId64 "%s%s",
			peers[i].name, p->failed, p->accepted, every, cause);
	}
	if (n > PEERS_SHOWN)
		page_line(&v->list, ROLE_DIM, "  and %d more (2, then f port:%" PRId64 ")", n - PEERS_SHOWN, STORE_PORT(v->at.port));
}

static void add_listeners(struct view *v)
{
	int n = 0;

	page_heading(v, "Listeners");
	for (const struct store_listener *l = NULL; (l = store_next_listener(v->store, v->at.port, l)); n++) {
		char when[16], gone[16];

		page_text(v, l->gone ? ROLE_DIM : ROLE_NORMAL, 2, 4, NULL, "%s%s%s: reachable by %s, %s (pid %" PRId64 "%s%s), queue %" PRId64
			"/%" PRId64 ", %s %s%s%s", l->l.addr, l->l.device[0] ? " on " : "", l->l.device, page_reach(l->l.reach),
			l->l.owner.comm[0] ? l->l.owner.comm : "?", l->l.owner.pid, l->l.owner.unit[0] ? ", " : "", l->l.owner.unit,
			l->l.queue, l->l.queue_max, l->found ? "there before" : "since", format_clock(l->since, when, sizeof(when)),
			l->gone ? ", gone since " : "", l->gone ? format_clock(l->gone, gone, sizeof(gone)) : "");
	}
	if (n == 0)
		page_line(&v->list, ROLE_DIM, "  none seen");
}

static void add_counters(struct view *v, const struct store_port *p)
{
	const struct event_port *c = &p->c;

	page_heading(v, "Since the start");
	page_text(v, ROLE_NORMAL, 2, 2, NULL, "SYN %" PRId64 "  SYN-ACK %" PRId64 "  accepted %" PRId64 "  refused %" PRId64
		"  reset %" PRId64 "  silent %" PRId64 "  ICMP %" PRId64 "  unfinished %" PRId64, c->syn, c->synack, c->accepted,
		c->refused, c->reset, c->silent, c->unreachable, c->unfinished);
	page_text(v, ROLE_NORMAL, 2, 2, NULL, "FIN in %" PRId64 " out %" PRId64 "   RST in %" PRId64 " out %" PRId64
		"   ICMP in %" PRId64 " out %" PRId64, c->fin_in, c->fin_out, c->rst_in, c->rst_out, c->icmp_in, c->icmp_out);
	if (c->accepted > 0)
		page_text(v, c->reset ? ROLE_BAD : ROLE_NORMAL, 2, 2, NULL, "%" PRId64 " of %" PRId64 " accepted connections were reset "
			"(%.1f %%)", c->reset, c->accepted, 100.0 * (double)c->reset / (double)c->accepted);
}

static void add_findings(struct view *v)
{
	uint64_t numbers[FINDINGS_SHOWN];
	size_t n = tell_latest(v->store, v->at.port, NULL, numbers, FINDINGS_SHOWN);

	page_heading(v, "The last findings (Enter: packet by packet)");
	for (size_t i = 0; i < n; i++) {
		const struct store_finding *f = store_finding(v->store, numbers[i]);
		struct place to = {.view = VIEW_ATTEMPT, .port = v->at.port, .finding = numbers[i]};
		char when[16], peer[IP_TEXT + 10];

		format_clock(f->t, when, sizeof(when));
		if (f->type == EVENT_LISTENER)
			page_text(v, ROLE_DIM, 2, 12, NULL, "%s  listener %s: %s (pid %" PRId64 ") on %s", when, f->listener.event,
				f->listener.owner.comm, f->listener.owner.pid, f->listener.addr);
		else
			page_text(v, ROLE_NORMAL, 2, 12, &to, "%s  %s %s: %s (%s)%s", when,
				format_endpoint(f->attempt.peer, f->attempt.peer_port, peer, sizeof(peer)),
				f->type == EVENT_RESET ? "reset" : f->attempt.outcome, tell_cause(f), f->attempt.confidence,
				page_times(f));
	}
	if (n == 0)
		page_line(&v->list, ROLE_DIM, "  none");
}

/* The last line that was told of many ports at once, this one among them perhaps. NULL: none is kept. */
static const struct store_finding *told_with_others(const struct view *v)
{
	const struct store *s = v->store;
	int64_t port = STORE_PORT(v->at.port);

	for (uint64_t i = s->n_findings; i > 0 && s->n_findings - i < STORE_FINDINGS; i--) {
		const struct store_finding *f = store_finding(s, i);

		if (f && f->type != EVENT_LISTENER && f->attempt.ports > 1 && strcmp(f->attempt.dir, "out") != 0 &&
			STORE_PORT(f->place) == 0 && strcmp(store_netns(s, f->place), store_netns(s, v->at.port)) == 0 &&
			port >= f->attempt.port_low && port <= f->attempt.port_high)
			return f;
	}
	return NULL;
}

/* No finding is the port's own; but counters may say that there were failures, told together with those of other ports. */
static void add_no_finding(struct view *v, const struct store_port *p)
{
	const struct event_port *c = p ? &p->c : NULL;
	int64_t failed = c ? c->refused + c->reset + c->silent + c->unreachable + c->unfinished : 0;
	const struct store_finding *f = failed > 0 ? told_with_others(v) : NULL;
	bool packets = strcmp(v->store->hello.sources[SOURCE_PACKETS].state, "on") == 0;

	if (failed == 0) {
		page_text(v, ROLE_NORMAL, 0, 2, NULL, "%s", packets ? "Nobody has failed to connect here."
								  : "Whether peers fail cannot be seen without packets.");
	} else {
		struct place to = {.view = VIEW_ATTEMPT, .port = f ? f->place : 0, .finding = f ? f->number : 0};

		page_text(v, ROLE_BAD, 0, 2, f ? &to : NULL, "%" PRId64 " failed here, told together with those at other ports%s%s", failed,
			f ? ": " : ".", f ? f->attempt.summary : "");
	}
}

static void fill(struct view *v)
{
	const struct store_finding *f = last_failure(v);
	const struct store_port *p = store_port(v->store, v->at.port);
	const struct store_listener *best = store_listener(v->store, v->at.port);

	if (f) {
		struct place to = {.view = VIEW_ATTEMPT, .port = v->at.port, .finding = f->number};

		page_verdict(v, f, &to);
	} else {
		add_no_finding(v, p);
		if (best && strcmp(best->l.reach, "loopback") == 0)
			page_text(v, ROLE_WARN, 0, 2, NULL, "It listens on loopback only: other hosts would be refused.");
	}
	timeline_add(v, v->at.port);
	if (p)
		add_peers(v);
	add_listeners(v);
	if (p)
		add_counters(v, p);
	add_findings(v);
}

static void title(const struct view *v, char *buf, size_t size)
{
	const struct store_listener *best = store_listener(v->store, v->at.port);
	const char *netns = store_netns(v->store, v->at.port);

	snprintf(buf, size, "Port %" PRId64 "%s%s", STORE_PORT(v->at.port), netns[0] ? " in " : "", netns);
	if (best)
		text_append(buf, size, "  %s (pid %" PRId64 ") on %s", best->l.owner.comm[0] ? best->l.owner.comm : "?",
			best->l.owner.pid, best->l.addr);
	else
		text_append(buf, size, "  nobody listens");
}

static uint64_t finding(const struct view *v, int64_t id)
{
	const struct store_finding *f = last_failure(v);

	(void)id;
	return f ? f->number : 0;
}

const struct view_ops port_view = {.name = "Port", .fill = fill, .title = title, .finding = finding};
