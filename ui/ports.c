/* ports.c - the Ports view: a row a local port, and in words why peers fail there. */
#include "base/text.h"
#include "engine/causes.h"
#include "format.h"
#include "view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RECENT = 60 * USEC, /* a failure younger than this is trouble, a listener new, or just gone */
	SPARK = 10,         /* columns */
};

enum {
	COL_PORT,
	COL_BIND,
	COL_OWNER,
	COL_STATE,
	COL_SYN,
	COL_SYN_SPARK,
	COL_ACCEPTED,
	COL_REFUSED,
	COL_RESET,
	COL_SILENT,
	COL_UNREACHABLE,
	COL_FAIL_SPARK,
	COL_FIN,
	COL_QUEUE,
	COL_USER,
	COL_UNIT,
	COL_NETNS,
	COL_WHY,
	COLUMNS,
};

static const struct column columns[COLUMNS] = {
	[COL_PORT] = {"port", "PORT", "the local port", 5, 0, 0, true},
	[COL_BIND] = {"bind", "LISTENS ON", "the address it is bound to; + how many more", 15, 22, 0, false},
	[COL_OWNER] = {"program", "PROGRAM", "who listens", 9, 15, 0, false},
	[COL_STATE] = {"state", "STATE", "new, gone or restarted within the last minute", 5, 0, 90, false},
	[COL_SYN] = {"syn", "SYN/s", "connection attempts a second", 5, 0, 110, true},
	[COL_SYN_SPARK] = {"syns", "SYN 1 min", "attempts over the last minute", SPARK, 0, 140, false},
	[COL_ACCEPTED] = {"accepted", "ACC", "accepted, since the start", 4, 6, 0, true},
	[COL_REFUSED] = {"refused", "REF", "refused; with ICMP errors where those have no column", 4, 0, 0, true},
	[COL_RESET] = {"reset", "RST", "accepted and then reset", 4, 0, 0, true},
	[COL_SILENT] = {"silent", "SIL", "without an answer, or never completed", 4, 0, 0, true},
	[COL_UNREACHABLE] = {"icmp", "ICMP", "answered by an ICMP error", 4, 0, 100, true},
	[COL_FAIL_SPARK] = {"failures", "FAIL 1 min", "failures over the last minute", SPARK, 0, 132, false},
	[COL_FIN] = {"fin", "FIN", "FINs of both sides", 5, 0, 160, true},
	[COL_QUEUE] = {"queue", "QUEUE", "accept queue, and its limit", 9, 0, 120, false},
	[COL_USER] = {"user", "USER", "whose process it is", 10, 0, -1, false},
	[COL_UNIT] = {"unit", "UNIT", "systemd unit or container", 18, 0, 220, false},
	[COL_NETNS] = {"netns", "NETNS", "network namespace, where others than the main one are watched", 14, 0, -1, false},
	[COL_WHY] = {"why", "WHY", "why peers fail, or would", 0, 0, 0, false},
};

/* Under a filter a port shows its latest finding that matches; sorted by place. */
static struct {
	size_t n;
	struct shown {
		int64_t place;
		uint64_t finding;
	} of[STORE_FINDINGS];
} under_filter;

static int by_place(const void *a, const void *b)
{
	const struct shown *x = a, *y = b;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return x->finding < y->finding ? 1 : x->finding > y->finding ? -1 : 0;
}

static int same_place(const void *key, const void *b)
{
	const int64_t *place = key;
	const struct shown *y = b;

	return *place < y->place ? -1 : *place > y->place;
}

/* The finding that stands for the port: its last failure. */
static const struct store_finding *failure_of(const struct store *s, const struct store_port *p)
{
	const struct shown *shown = bsearch(&p->place, under_filter.of, under_filter.n, sizeof(under_filter.of[0]), same_place);
	const struct store_finding *f = store_finding(s, shown ? shown->finding : p->finding);

	return tell_is_failure(f) ? f : NULL;
}

/* Finds the findings that match the filter, one a port. */
static void look_under_filter(const struct view *v)
{
	size_t kept = 0;

	under_filter.n = 0;
	for (uint64_t i = v->store->n_findings; v->filter->n > 0 && i > 0 && store_finding(v->store, i); i--) {
		const struct store_finding *f = store_finding(v->store, i);
		struct subject about;

		if (!tell_is_failure(f) || strcmp(f->attempt.dir, "out") == 0)
			continue;
		findings_view.subject(v, (int64_t)i, &about);
		if (filter_matches(v->filter, &about))
			under_filter.of[under_filter.n++] = (struct shown){f->place, i};
	}
	qsort(under_filter.of, under_filter.n, sizeof(under_filter.of[0]), by_place);
	for (size_t i = 0; i < under_filter.n; i++)
		if (kept == 0 || under_filter.of[kept - 1].place != under_filter.of[i].place)
			under_filter.of[kept++] = under_filter.of[i];
	under_filter.n = kept;
}

/* Peers failed in the last minute. One that reset our SYN-ACK by itself did not. */
static bool is_trouble(const struct store *s, const struct store_port *p)
{
	const struct store_finding *f = failure_of(s, p);

	return f && s->now - f->t < RECENT && strcmp(f->attempt.outcome, "cancelled") != 0;
}

static void fill_bind(const struct store *s, int64_t place, const struct store_listener *best, struct cell *ret)
{
	const struct store_port *p = store_port(s, place);
	int64_t others = p ? (int64_t)p->listeners - 1 : 0;

	if (!best) {
		text_copy(ret->text, sizeof(ret->text), "-");
		return;
	}
	if (best->l.device[0])
		text_append(ret->text, sizeof(ret->text), "%%%.15s", best->l.device);
	else if (strcmp(best->l.reach, "everyone") == 0)
		text_append(ret->text, sizeof(ret->text), "%s", strcmp(best->l.family, "dual") == 0 ? "* (all)" :
			strcmp(best->l.family, "ipv6") == 0 ? "[::] IPv6 only" : "0.0.0.0");
	else
		text_append(ret->text, sizeof(ret->text), "%.39s", best->l.addr);
	if (others > 0)
		text_append(ret->text, sizeof(ret->text), " +%" PRId64, others);
}

/* Nobody has listened there for long: a second listener beside an old one is nothing new. */
static bool all_new(const struct store *s, int64_t place)
{
	for (const struct store_listener *l = NULL; (l = store_next_listener(s, place, l));)
		if (l->gone == 0 && (l->found || s->now - l->since >= RECENT))
			return false;
	return true;
}

/* A listener that came, went, or both, within the last minute: "new", "gone", "again"; "". */
static const char *state_of(const struct store *s, const struct store_port *p)
{
	bool up = all_new(s, p->place) && p->last_up && s->now - p->last_up < RECENT, down = p->last_down && s->now - p->last_down < RECENT;

	if (p->listeners == 0)
		return down ? "gone" : "";
	return up && p->downs > 0 && p->last_up >= p->last_down ? "again" : up ? "new" : "";
}

static void say_state(const struct store *s, const struct store_port *p, struct cell *ret)
{
	const char *state = state_of(s, p);
	char span[16];

	if (strcmp(state, "again") == 0)
		text_append(ret->text, sizeof(ret->text), "restarted %s ago%s", format_span(s->now - p->last_up, span,
			sizeof(span)), p->downs > 2 ? ", as often before" : "");
	else if (strcmp(state, "new") == 0)
		text_append(ret->text, sizeof(ret->text), "new: has listened for %s", format_span(s->now - p->last_up, span,
			sizeof(span)));
	else if (strcmp(state, "gone") == 0)
		text_append(ret->text, sizeof(ret->text), "gone: listened until %s ago", format_span(s->now - p->last_down, span,
			sizeof(span)));
}

/* What the bind alone says of remote peers, before anybody has failed. */
static void say_reach(const struct store_listener *best, struct cell *ret)
{
	static const struct {
		const char *reach, *brief, *whole;
		enum role role;
	} words[] = {
		{"loopback", "loopback only: no remote peers", "loopback only: remote peers would be refused", ROLE_WARN},
		{"address", "this address only", "this address only: peers that dial another one would be refused", ROLE_NORMAL},
		{"device", "this interface only", "this interface only: peers that come by another one would be refused", ROLE_NORMAL},
		{"link-local", "link-local only", "link-local only: peers of the same link", ROLE_NORMAL},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(best->l.reach, words[i].reach) == 0) {
			ret->role = words[i].role;
			text_copy(ret->text, sizeof(ret->text), text_width(words[i].whole) <= ret->width ? words[i].whole : words[i].brief);
		}
}

/* The longest of what says it and fits: the sentence, the cause with who fails how often, the cause. */
static void say_failure(const struct store *s, const struct store_port *p, const struct store_finding *f, const char *before,
	struct cell *ret)
{
	const struct event_attempt *a = &f->attempt;
	bool recent = s->now - f->t < RECENT;
	char span[16], tries[CELL_TEXT] = "", age[40] = "";
	const char *mark = strcmp(a->confidence, "possible") == 0 ? "? " : is_trouble(s, p) ? "! " : "";

	if (!recent)
		snprintf(age, sizeof(age), "%s ago: ", format_span(s->now - f->t, span, sizeof(span)));
	if (a->failures > 1 && a->retry_interval > 0)
		snprintf(tries, sizeof(tries), ": %s, %" PRId64 " times, every %.1f s", a->peer, a->failures,
			(double)a->retry_interval / 1e6);
	else
		snprintf(tries, sizeof(tries), ": %s", a->peer);
	snprintf(ret->text, sizeof(ret->text), "%s%s%s%s", mark, before, age, a->summary);
	if (text_width(ret->text) > ret->width)
		snprintf(ret->text, sizeof(ret->text), "%s%s%s%s%s", mark, before, age, tell_cause(f), tries);
	if (text_width(ret->text) > ret->width)
		snprintf(ret->text, sizeof(ret->text), "%s%s%s%s", mark, before, age, tell_cause(f));
	ret->role = is_trouble(s, p) ? ROLE_BAD : ROLE_NORMAL;
}

static void fill_why(const struct view *v, const struct store_port *p, const struct store_listener *best, struct cell *ret)
{
	const struct store *s = v->store;
	const struct store_finding *f = failure_of(s, p);
	const char *netns = store_netns(s, p->place);
	char before[48] = "";

	if (netns[0] && v->width < VIEW_WIDE) /* else it has a column */
		snprintf(before, sizeof(before), "[%s] ", netns);
	ret->role = best ? ROLE_NORMAL : ROLE_DIM;
	if (f && (is_trouble(s, p) || !state_of(s, p)[0])) {
		say_failure(s, p, f, before, ret);
		return;
	}
	text_copy(ret->text, sizeof(ret->text), "");
	if (best)
		say_reach(best, ret);
	if (state_of(s, p)[0] && ret->role != ROLE_WARN) {
		text_copy(ret->text, sizeof(ret->text), before);
		say_state(s, p, ret);
	} else if (before[0]) {
		char words[CELL_TEXT];

		text_copy(words, sizeof(words), ret->text);
		snprintf(ret->text, sizeof(ret->text), "%s%s", before, words);
	}
}

static void set_number(struct cell *ret, int64_t v)
{
	ret->number = v;
	if (v != 0)
		format_number(v, ret->text, sizeof(ret->text));
}

static void cell(const struct view *v, int64_t id, int column, struct cell *ret)
{
	const struct store_port *p = store_port(v->store, id);
	const struct store_listener *best = store_listener(v->store, id);
	static const struct event_owner nobody;
	const struct event_owner *owner = best ? &best->l.owner : &nobody;

	if (!p)
		return;
	ret->role = best ? ROLE_NORMAL : ROLE_DIM;
	switch (column) {
	case COL_PORT:
		ret->number = -p->c.port;
		snprintf(ret->text, sizeof(ret->text), "%" PRId64, p->c.port);
		break;
	case COL_BIND:
		fill_bind(v->store, id, best, ret);
		break;
	case COL_OWNER:
		text_copy(ret->text, sizeof(ret->text), owner->comm[0] ? owner->comm : best ? "?" : "");
		break;
	case COL_STATE:
		text_copy(ret->text, sizeof(ret->text), state_of(v->store, p));
		break;
	case COL_SYN:
		set_number(ret, p->syn_rate);
		break;
	case COL_SYN_SPARK:
	case COL_FAIL_SPARK:
		timeline_spark(v, id, column == COL_FAIL_SPARK, SPARK, ret->text, sizeof(ret->text));
		break;
	case COL_ACCEPTED:
		set_number(ret, p->c.accepted);
		break;
	case COL_REFUSED:
		set_number(ret, p->c.refused + (v->width < columns[COL_UNREACHABLE].from_width ? p->c.unreachable : 0));
		break;
	case COL_RESET:
		set_number(ret, p->c.reset);
		break;
	case COL_SILENT:
		set_number(ret, p->c.silent + p->c.unfinished);
		break;
	case COL_UNREACHABLE:
		set_number(ret, p->c.unreachable);
		break;
	case COL_FIN:
		set_number(ret, p->c.fin_in + p->c.fin_out);
		break;
	case COL_QUEUE:
		if (best)
			snprintf(ret->text, sizeof(ret->text), "%" PRId64 "/%" PRId64, best->l.queue, best->l.queue_max);
		break;
	case COL_USER:
		text_copy(ret->text, sizeof(ret->text), owner->user);
		break;
	case COL_UNIT:
		text_copy(ret->text, sizeof(ret->text), owner->container[0] ? owner->container : owner->unit);
		break;
	case COL_NETNS:
		text_copy(ret->text, sizeof(ret->text), store_netns(v->store, id));
		break;
	case COL_WHY:
		fill_why(v, p, best, ret);
		break;
	}
}

/* Trouble first, then what listens, then the rest. */
static int64_t rank(const struct store *s, const struct store_port *p)
{
	return (is_trouble(s, p) ? 2 : 0) + (p->listeners > 0);
}

static int by_trouble(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? 1 : -1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static int by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void subject(const struct view *v, int64_t id, struct subject *ret)
{
	static char found_by[1400];
	const struct store_port *p = store_port(v->store, id);
	const struct store_finding *f = p ? failure_of(v->store, p) : NULL;
	const struct store_listener *best = store_listener(v->store, id);

	*ret = (struct subject){.port = STORE_PORT(id)};
	text_copy(found_by, sizeof(found_by), "");
	ret->texts[FILTER_NETNS] = store_netns(v->store, id);
	if (f) {
		ret->texts[FILTER_PEER] = f->attempt.peer;
		ret->texts[FILTER_CAUSE] = f->attempt.cause;
		ret->texts[FILTER_OUTCOME] = f->type == EVENT_RESET ? "reset" : f->attempt.outcome;
		ret->texts[FILTER_CONFIDENCE] = f->attempt.confidence;
		text_append(found_by, sizeof(found_by), "%s %s %s", f->attempt.summary, f->attempt.client_sees,
			f->attempt.client_words);
	}
	if (best) {
		ret->texts[FILTER_PROGRAM] = best->l.owner.comm;
		text_append(found_by, sizeof(found_by), " %s %s %s %s", best->l.addr, best->l.owner.unit, best->l.owner.container,
			best->l.owner.cmdline);
	}
	ret->texts[FILTER_ANY] = found_by;
}

/* Ports at which a peer matches, whatever failed there last: sorted, for bsearch(). */
static size_t ports_of_peers(const struct view *v, int64_t *ret)
{
	size_t n = 0;

	if (v->filter->n == 0)
		return 0;
	for (struct store_peer *p = NULL; (p = table_next(v->store->peers, p));) {
		const struct store_peer_key *key = table_key(v->store->peers, p);
		const struct store_listener *best = store_listener(v->store, p->place);
		struct subject s = {.port = STORE_PORT(p->place), .texts = {
			[FILTER_PEER] = key->peer,
			[FILTER_CAUSE] = p->cause,
			[FILTER_NETNS] = store_netns(v->store, p->place),
			[FILTER_PROGRAM] = best ? best->l.owner.comm : NULL,
		}};

		if (filter_matches(v->filter, &s))
			ret[n++] = p->place;
	}
	qsort(ret, n, sizeof(*ret), by_value);
	return n;
}

static void fill(struct view *v)
{
	static int64_t places[STORE_PEERS];
	const struct store *s = v->store;
	size_t n = ports_of_peers(v, places);
	struct store_port *p = NULL;
	struct subject about;

	look_under_filter(v);
	while ((p = table_next(s->ports, p))) {
		if (!p->finding && p->c.syn == 0 && p->listeners == 0 && !state_of(s, p)[0])
			continue;
		if (v->filter->n > 0 && !bsearch(&p->place, places, n, sizeof(places[0]), by_value) &&
			!bsearch(&p->place, under_filter.of, under_filter.n, sizeof(under_filter.of[0]), same_place)) {
			subject(v, p->place, &about);
			if (!filter_matches(v->filter, &about))
				continue;
		}
		list_add(&v->list, p->place);
		if (v->list.n > 0)
			v->list.rows[v->list.n - 1].number = rank(s, p);
	}
	qsort(v->list.rows, (size_t)v->list.n, sizeof(*v->list.rows), by_trouble);
}

static void detail(const struct view *v, int64_t id, char *what, size_t what_size, char *todo, size_t todo_size)
{
	const struct store_port *p = store_port(v->store, id);
	const struct store_finding *f = p ? failure_of(v->store, p) : NULL;
	const struct store_listener *best = store_listener(v->store, id);

	if (f) {
		tell_briefly(f, what, what_size, todo, todo_size);
		return;
	}
	if (!best)
		return;
	if (best->l.owner.pid == 0)
		text_copy(what, what_size, "A process that could not be looked up");
	else
		snprintf(what, what_size, "%s (pid %" PRId64 "%s%s)", best->l.owner.comm, best->l.owner.pid,
			best->l.owner.unit[0] ? ", " : "", best->l.owner.unit);
	text_append(what, what_size, " listens on %s: reachable by %s. %s", best->l.addr, page_reach(best->l.reach),
		strcmp(v->store->hello.sources[SOURCE_PACKETS].state, "on") == 0 ? "Nobody has failed to connect." :
		"Whether peers fail cannot be seen without packets.");
	if (strcmp(best->l.reach, "loopback") == 0)
		snprintf(todo, todo_size, "Only this host itself can connect. If remote peers should, make it listen on 0.0.0.0 or ::");
}

static bool enter(const struct view *v, int64_t id, struct place *ret)
{
	const struct store_port *p = store_port(v->store, id);
	const struct store_finding *f = p ? failure_of(v->store, p) : NULL;

	/* Under a filter the page is about the finding that matches, not about the last one. */
	*ret = (struct place){.view = VIEW_PORT, .port = id, .finding = v->filter->n > 0 && f ? f->number : 0};
	return true;
}

static uint64_t finding(const struct view *v, int64_t id)
{
	const struct store_port *p = store_port(v->store, id);

	const struct store_finding *f = p ? failure_of(v->store, p) : NULL;

	return f ? f->number : 0;
}

const struct view_ops ports_view = {
	.name = "Ports",
	.columns = columns,
	.n_columns = COLUMNS,
	.fill = fill,
	.cell = cell,
	.subject = subject,
	.detail = detail,
	.enter = enter,
	.finding = finding,
	.list = SETTINGS_PORTS,
};
