/* peers.c - the Peers view: a row a peer and port. */
#include "base/text.h"
#include "engine/causes.h"
#include "format.h"
#include "view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RECENT = 60 * USEC,
};

enum {
	COL_PEER,
	COL_PORT,
	COL_FAILED,
	COL_ACCEPTED,
	COL_LAST,
	COL_EVERY,
	COL_PATTERN,
	COL_SINCE,
	COL_PROGRAM,
	COL_WHY,
	COLUMNS,
};

static const struct column columns[COLUMNS] = {
	[COL_PEER] = {"peer", "PEER", "its address; \">\" a remote server that this host dials", 17, 28, 0, false},
	[COL_PORT] = {"port", "PORT", "at which port", 5, 0, 0, true},
	[COL_FAILED] = {"failed", "FAIL", "attempts and connections that failed", 5, 0, 0, true},
	[COL_ACCEPTED] = {"accepted", "ACC", "that it was served", 5, 0, 0, true},
	[COL_LAST] = {"last", "LAST", "how long ago it was last heard of", 7, 0, 0, true},
	[COL_EVERY] = {"every", "EVERY", "time between its tries", 7, 0, 0, true},
	[COL_PATTERN] = {"pattern", "TRIES", "periodic, bursts, irregular", 9, 0, 100, false},
	[COL_SINCE] = {"since", "FAILING", "for how long it has failed", 7, 0, 110, true},
	[COL_PROGRAM] = {"program", "PROGRAM", "who listens on the port", 9, 15, 120, false},
	[COL_WHY] = {"why", "WHY", "of its last failure", 0, 0, 0, false},
};

static const struct store_peer *peer_of(const struct view *v, int64_t id)
{
	return table_at(v->store->peers, (uint32_t)id);
}

static const char *name_of(const struct view *v, const struct store_peer *p)
{
	return ((const struct store_peer_key *)table_key(v->store->peers, p))->peer;
}

/* Marked as in Ports: "!" it failed within the last minute and was not served since, "?" the cause is only possible. */
static void fill_why(const struct view *v, const struct store_peer *p, struct cell *ret)
{
	const struct store_finding *f = store_finding(v->store, p->finding);
	bool possible = tell_is_failure(f) && strcmp(f->attempt.confidence, "possible") == 0;
	bool cancelled = tell_is_failure(f) && strcmp(f->attempt.outcome, "cancelled") == 0;
	bool served = p->last > p->last_failure;
	const char *netns = store_netns(v->store, p->place);
	bool trouble = v->store->now - p->last_failure < RECENT && !served && !cancelled;

	snprintf(ret->text, sizeof(ret->text), "%s%s%s%s%s%s", possible ? "? " : trouble ? "! " : "", netns[0] ? "[" : "", netns,
		netns[0] ? "] " : "", cause_entry(cause_by_id(p->cause))->words, served ? ", then served" : "");
	ret->role = trouble ? ROLE_BAD : ROLE_NORMAL;
}

static void cell(const struct view *v, int64_t id, int column, struct cell *ret)
{
	const struct store_peer *p = peer_of(v, id);
	const struct store_listener *best;
	int64_t age;

	if (!p) /* it has left the table since the list was filled */
		return;
	best = store_listener(v->store, p->place);
	age = v->store->now - p->last;
	ret->role = p->failed ? ROLE_NORMAL : ROLE_DIM;
	switch (column) {
	case COL_PEER:
		snprintf(ret->text, sizeof(ret->text), "%s%s", strcmp(p->dir, "out") == 0 ? ">" : "", name_of(v, p));
		if (ret->width < CELL_TEXT)
			format_middle(ret->text, ret->width);
		break;
	case COL_PORT:
		ret->number = -STORE_PORT(p->place);
		snprintf(ret->text, sizeof(ret->text), "%" PRId64, STORE_PORT(p->place));
		break;
	case COL_FAILED:
	case COL_ACCEPTED:
		ret->number = column == COL_FAILED ? p->failed : p->accepted;
		if (ret->number)
			format_number(ret->number, ret->text, sizeof(ret->text));
		break;
	case COL_LAST:
		ret->number = p->last;
		format_span(age, ret->text, sizeof(ret->text));
		break;
	case COL_EVERY:
		ret->number = p->failed > 1 ? p->retry_interval : 0;
		if (ret->number > 0)
			snprintf(ret->text, sizeof(ret->text), "%.1f s", (double)ret->number / 1e6);
		break;
	case COL_PATTERN:
		text_copy(ret->text, sizeof(ret->text), p->pattern);
		break;
	case COL_SINCE:
		ret->number = p->failing_for;
		if (ret->number > 0)
			format_span(ret->number, ret->text, sizeof(ret->text));
		break;
	case COL_PROGRAM:
		text_copy(ret->text, sizeof(ret->text), best && strcmp(p->dir, "out") != 0 ? best->l.owner.comm : "");
		break;
	case COL_WHY:
		if (p->failed)
			fill_why(v, p, ret);
		break;
	}
}

static void subject(const struct view *v, int64_t id, struct subject *ret)
{
	const struct store_peer *p = peer_of(v, id);
	const struct store_finding *f;
	const struct store_listener *best;

	*ret = (struct subject){.port = 0};
	if (!p)
		return;
	f = store_finding(v->store, p->finding);
	best = store_listener(v->store, p->place);
	*ret = (struct subject){.port = STORE_PORT(p->place), .texts = {
		[FILTER_PEER] = name_of(v, p),
		[FILTER_CAUSE] = p->cause,
		[FILTER_NETNS] = store_netns(v->store, p->place),
		[FILTER_PROGRAM] = best ? best->l.owner.comm : NULL,
		[FILTER_OUTCOME] = tell_is_failure(f) ? f->type == EVENT_RESET ? "reset" : f->attempt.outcome : "accepted",
		[FILTER_CONFIDENCE] = tell_is_failure(f) ? f->attempt.confidence : NULL,
		[FILTER_ANY] = tell_is_failure(f) ? f->attempt.client_words : NULL,
	}};
}

/* The latest failure first, then those that were only served. */
static int by_failure(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? 1 : -1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static void fill(struct view *v)
{
	for (struct store_peer *p = NULL; (p = table_next(v->store->peers, p));) {
		int64_t id = table_index(v->store->peers, p);
		struct subject about;

		if (v->filter->n > 0) {
			subject(v, id, &about);
			if (!filter_matches(v->filter, &about))
				continue;
		}
		list_add(&v->list, id);
		v->list.rows[v->list.n - 1].number = p->failed ? p->last_failure : p->last - v->store->now;
	}
	qsort(v->list.rows, (size_t)v->list.n, sizeof(*v->list.rows), by_failure);
}

static void detail(const struct view *v, int64_t id, char *what, size_t what_size, char *todo, size_t todo_size)
{
	const struct store_peer *p = peer_of(v, id);
	const struct store_finding *f = p ? store_finding(v->store, p->finding) : NULL;

	if (!p)
		return;
	if (!tell_is_failure(f)) {
		snprintf(what, what_size, "%s was served each time.", name_of(v, p));
		return;
	}
	tell_briefly(f, what, what_size, todo, todo_size);
}

static bool enter(const struct view *v, int64_t id, struct place *ret)
{
	const struct store_peer *p = peer_of(v, id);

	if (!p)
		return false;
	*ret = (struct place){.view = VIEW_PEER, .port = p->place};
	text_copy(ret->peer, sizeof(ret->peer), name_of(v, p));
	return true;
}

static uint64_t finding(const struct view *v, int64_t id)
{
	const struct store_peer *p = peer_of(v, id);

	return p ? p->finding : 0;
}

const struct view_ops peers_view = {
	.name = "Peers",
	.columns = columns,
	.n_columns = COLUMNS,
	.fill = fill,
	.cell = cell,
	.subject = subject,
	.detail = detail,
	.enter = enter,
	.finding = finding,
	.list = SETTINGS_PEERS,
};
