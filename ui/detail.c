/* detail.c - the Port view: verdict, evidence, advice, listeners, timeline, peers, recent attempts. */
#include "base/text.h"
#include "view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	PEERS_SHOWN = 8,
	ATTEMPTS_SHOWN = 12,
};

const struct column text_columns_of_view[] = {{"", 0, 0, 0, false}};
const int n_text_columns = 1;

static const char *clock_text(int64_t t, char *buf, size_t size)
{
	time_t seconds = (time_t)(t / USEC);
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(buf, size, "%H:%M:%S", &tm);
	return buf;
}

static void add_verdict(struct list *l, const struct store *s, const struct event_attempt *a,
	enum event_type type, int64_t t, int width)
{
	char when[16];
	int64_t age = (s->now - t) / USEC;

	list_text(l, ROLE_BAD, width, 0, "%s: %s (%s)   %s, %" PRId64 " s ago%s",
		type == EVENT_RESET ? "reset" : a->outcome, a->cause, a->confidence,
		clock_text(t, when, sizeof(when)), age > 0 ? age : 0, a->count > 1 ? ", many alike" : "");
	list_text(l, ROLE_NORMAL, width, 2, "%s", a->summary);
	list_text(l, ROLE_STRONG, width, 0, "Evidence");
	for (int i = 0; i < EVENT_EVIDENCE && a->evidence[i].source[0]; i++)
		list_text(l, ROLE_NORMAL, width, 2, "%-8s %s", a->evidence[i].source, a->evidence[i].text);
	list_text(l, ROLE_STRONG, width, 0, "What to do");
	list_text(l, ROLE_NORMAL, width, 2, "%s", a->advice);
	if (a->client_words[0]) {
		list_text(l, ROLE_STRONG, width, 0, "The client sees %s", a->client_sees);
		list_text(l, ROLE_DIM, width, 2, "%s", a->client_words);
	}
}

static void add_listeners(struct list *l, const struct store *s, int64_t place, int width)
{
	int n = 0;
	char when[16];

	list_text(l, ROLE_STRONG, width, 0, "Listeners");
	for (const struct store_listener *one = NULL; (one = store_next_listener(s, place, one)); n++)
		list_text(l, one->gone ? ROLE_DIM : ROLE_NORMAL, width, 2,
			"%s%s%s: reach %s, %s (pid %" PRId64 "%s%s), queue %" PRId64 "/%" PRId64 "%s%s",
			one->l.addr, one->l.device[0] ? " on " : "", one->l.device, one->l.reach,
			one->l.owner.comm[0] ? one->l.owner.comm : "?", one->l.owner.pid,
			one->l.owner.unit[0] ? ", " : "", one->l.owner.unit, one->l.queue,
			one->l.queue_max, one->gone ? ", gone since " : "",
			one->gone ? clock_text(one->gone, when, sizeof(when)) : "");
	if (n == 0)
		list_text(l, ROLE_DIM, width, 2, "none seen");
}

static char slot_mark(const struct store_slot *slot)
{
	if (slot->down)
		return 'v';
	if (slot->up)
		return '^';
	if (slot->failed)
		return slot->accepted ? 'x' : 'X';
	return slot->accepted ? '+' : '.';
}

/* Whether connections end in order: by FINs, or by RSTs; since the start, and lately. */
static void add_ends(struct list *l, const struct store *s, const struct store_port *p, int width)
{
	int64_t resets = 0, fins = 0;

	for (uint64_t i = s->ticks > STORE_SLOTS ? s->ticks - STORE_SLOTS : 0; i < s->ticks; i++) {
		resets += p->slots[i % STORE_SLOTS].resets;
		fins += p->slots[i % STORE_SLOTS].fins;
	}
	if (p->c.accepted == 0)
		return;
	list_text(l, p->c.reset ? ROLE_BAD : ROLE_NORMAL, width, 2, "%" PRId64 " of %" PRId64
		" accepted were reset (%.1f %%); the last %d intervals: %" PRId64 " resets, %" PRId64 " FINs",
		p->c.reset, p->c.accepted, 100.0 * (double)p->c.reset / (double)p->c.accepted,
		(int)(s->ticks < STORE_SLOTS ? s->ticks : STORE_SLOTS), resets, fins);
}

static void add_counters(struct list *l, const struct store *s, const struct store_port *p, int width)
{
	char line[STORE_SLOTS + 1] = "";
	int n = 0;

	list_text(l, ROLE_STRONG, width, 0, "Since the start");
	list_text(l, ROLE_NORMAL, width, 2, "SYN %" PRId64 "  SYN-ACK %" PRId64 "  accepted %" PRId64
		"  refused %" PRId64 "  reset %" PRId64 "  silent %" PRId64 "  ICMP %" PRId64
		"  unfinished %" PRId64, p->c.syn, p->c.synack, p->c.accepted, p->c.refused, p->c.reset,
		p->c.silent, p->c.unreachable, p->c.unfinished);
	list_text(l, ROLE_NORMAL, width, 2, "FIN in %" PRId64 " out %" PRId64 "   RST in %" PRId64 " out %"
		PRId64 "   ICMP in %" PRId64 " out %" PRId64, p->c.fin_in, p->c.fin_out, p->c.rst_in,
		p->c.rst_out, p->c.icmp_in, p->c.icmp_out);
	add_ends(l, s, p, width);
	for (uint64_t i = s->ticks > STORE_SLOTS ? s->ticks - STORE_SLOTS : 0; i < s->ticks; i++)
		line[n++] = slot_mark(&p->slots[i % STORE_SLOTS]);
	list_text(l, ROLE_STRONG, width, 0, "The last %d intervals (+ accepted, X failed, x both, ^ listens, "
		"v gone)", n);
	list_text(l, ROLE_NORMAL, width, 2, "%s now", line);
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
	return x->p->last < y->p->last ? 1 : x->p->last > y->p->last ? -1 : 0;
}

static void add_peers(struct list *l, const struct store *s, int64_t place, int width)
{
	static struct shown_peer peers[STORE_PEERS];
	int n = 0;

	for (struct store_peer *p = NULL; (p = table_next(s->peers, p));) {
		const struct store_peer_key *key = table_key(s->peers, p);

		if (key->place == place && strcmp(p->dir, "out") != 0)
			peers[n++] = (struct shown_peer){key->peer, p};
	}
	qsort(peers, (size_t)n, sizeof(peers[0]), by_failures);
	list_text(l, ROLE_STRONG, width, 0, "Peers by failures (%d)", n);
	for (int i = 0; i < n && i < PEERS_SHOWN; i++) {
		const struct store_peer *p = peers[i].p;
		char every[48] = "";

		if (p->failed > 1 && p->retry_interval > 0)
			snprintf(every, sizeof(every), ", tries every %.1f s",
				(double)p->retry_interval / (double)USEC);
		list_text(l, p->failed ? ROLE_BAD : ROLE_NORMAL, width, 2, "%-20s failed %" PRId64
			", accepted %" PRId64 "%s%s%s", peers[i].name, p->failed, p->accepted,
			p->cause[0] ? ", last: " : "", p->cause, every);
	}
}

static void add_recent(struct list *l, const struct store *s, int64_t place, int width)
{
	int n = 0;
	char when[16];

	list_text(l, ROLE_STRONG, width, 0, "Recent");
	for (uint64_t i = s->n_findings; i > 0 && n < ATTEMPTS_SHOWN; i--) {
		const struct store_finding *f = store_finding(s, i);

		if (!f)
			break;
		clock_text(f->t, when, sizeof(when));
		if (f->type == EVENT_LISTENER && f->place == place) {
			list_text(l, ROLE_DIM, width, 2, "%s  listener %s: %s (pid %" PRId64 ")", when,
				f->listener.event, f->listener.owner.comm, f->listener.owner.pid);
			n++;
		} else if (f->type != EVENT_LISTENER && f->place == place) {
			list_text(l, ROLE_NORMAL, width, 2, "%s  %s:%" PRId64 " %s, %s (%s)%s", when,
				f->attempt.peer, f->attempt.peer_port,
				f->type == EVENT_RESET ? "reset" : f->attempt.outcome, f->attempt.cause,
				f->attempt.confidence, f->attempt.count > 1 ? ", several" : "");
			n++;
		}
	}
}

static void fill(struct view *v, const struct store *s)
{
	struct list *l = &v->list;
	const struct store_port *p = store_port(s, v->port);
	const struct store_finding *f =
		store_finding(s, v->finding ? v->finding : p ? p->finding : 0);
	int width = v->width;

	list_clear(l);
	list_text(l, ROLE_TITLE, width, 0, "Port %" PRId64 "%s%s", STORE_PORT(v->port),
		store_netns(s, v->port)[0] ? " in namespace " : "", store_netns(s, v->port));
	if (f && f->type != EVENT_LISTENER)
		add_verdict(l, s, &f->attempt, f->type, f->t, width);
	else
		list_text(l, ROLE_NORMAL, width, 0, "%s",
			strcmp(s->hello.sources[SOURCE_PACKETS].state, "on") == 0
				? "Nobody has failed to connect here."
				: "Whether peers fail cannot be seen without packets.");
	add_listeners(l, s, v->port, width);
	if (p) {
		add_counters(l, s, p, width);
		add_peers(l, s, v->port, width);
	}
	add_recent(l, s, v->port, width);
}

const struct view_ops detail_view = {"Port", fill, NULL};
