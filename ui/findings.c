/* findings.c - the Findings view: a log of what went wrong, and of listeners that came and went. */
#include "base/text.h"
#include "engine/causes.h"
#include "format.h"
#include "view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	COL_TIME,
	COL_PORT,
	COL_PEER,
	COL_OUTCOME,
	COL_COUNT,
	COL_CONFIDENCE,
	COL_CAUSE,
	COL_PROGRAM,
	COL_WHAT,
	COLUMNS,
};

static const struct column columns[COLUMNS] = {
	[COL_TIME] = {"time", "TIME", "of the last packet", 8, 0, 0, false},
	[COL_PORT] = {"port", "PORT", "the listening side's", 5, 0, 0, true},
	[COL_PEER] = {"peer", "PEER", "\">\" where this host dialled", 16, 28, 0, false},
	[COL_OUTCOME] = {"outcome", "OUTCOME", "refused, silent, reset ...", 11, 0, 0, false},
	[COL_COUNT] = {"count", "N", "attempts alike", 4, 0, 0, true},
	[COL_CONFIDENCE] = {"confidence", "SURE", "proved, inferred, possible", 8, 0, 110, false},
	[COL_CAUSE] = {"cause", "CAUSE", "as in the manual", 20, 24, 150, false},
	[COL_PROGRAM] = {"program", "PROGRAM", "who listens", 9, 15, 132, false},
	[COL_WHAT] = {"what", "WHAT", "in words", 0, 0, 0, false},
};

static const struct store_finding *finding_of(const struct view *v, int64_t id)
{
	return store_finding(v->store, (uint64_t)id);
}

static const char *outcome_of(const struct store_finding *f)
{
	if (f->type == EVENT_LISTENER)
		return strcmp(f->listener.event, "up") == 0 ? "listens" : "gone";
	return f->type == EVENT_RESET ? "reset" : f->attempt.outcome;
}

static void fill_what(const struct store_finding *f, const char *netns, struct cell *ret)
{
	const struct event_attempt *a = &f->attempt;
	const char *open = netns[0] ? "[" : "", *close = netns[0] ? "] " : "";

	if (f->type == EVENT_LISTENER) {
		const char *does = strcmp(f->listener.event, "up") == 0 ? "listens on" : "listens no more on";

		snprintf(ret->text, sizeof(ret->text), "%s%s%s%s (pid %" PRId64 ") %s %s", open, netns, close, f->listener.owner.comm,
			f->listener.owner.pid, does, f->listener.addr);
		if (text_width(ret->text) > ret->width)
			snprintf(ret->text, sizeof(ret->text), "%s %s", does, f->listener.addr);
		ret->role = ROLE_DIM;
		return;
	}
	snprintf(ret->text, sizeof(ret->text), "%s%s%s%s", open, netns, close, a->summary);
	if (text_width(ret->text) > ret->width)
		snprintf(ret->text, sizeof(ret->text), "%s%s%s%s%s", open, netns, close,
			strcmp(a->confidence, "possible") == 0 ? "? " : "", tell_cause(f));
	ret->role = strcmp(a->outcome, "cancelled") == 0 ? ROLE_NORMAL : ROLE_BAD;
}

static void cell(const struct view *v, int64_t id, int column, struct cell *ret)
{
	const struct store_finding *f = finding_of(v, id);
	bool failed = tell_is_failure(f);

	if (!f)
		return;
	ret->role = failed ? ROLE_NORMAL : ROLE_DIM;
	switch (column) {
	case COL_TIME:
		format_clock(f->t, ret->text, sizeof(ret->text));
		break;
	case COL_PORT:
		ret->number = -STORE_PORT(f->place);
		snprintf(ret->text, sizeof(ret->text), "%" PRId64, STORE_PORT(f->place));
		break;
	case COL_PEER:
		if (failed)
			snprintf(ret->text, sizeof(ret->text), "%s%s", strcmp(f->attempt.dir, "out") == 0 ? ">" : "", f->attempt.peer);
		if (ret->width < CELL_TEXT)
			format_middle(ret->text, ret->width);
		break;
	case COL_OUTCOME:
		text_copy(ret->text, sizeof(ret->text), outcome_of(f));
		break;
	case COL_COUNT:
		ret->number = failed ? f->attempt.count : 0;
		if (ret->number > 1)
			format_number(ret->number, ret->text, sizeof(ret->text));
		break;
	case COL_CONFIDENCE:
		text_copy(ret->text, sizeof(ret->text), failed ? f->attempt.confidence : "");
		break;
	case COL_CAUSE:
		text_copy(ret->text, sizeof(ret->text), failed ? f->attempt.cause : "");
		break;
	case COL_PROGRAM:
		text_copy(ret->text, sizeof(ret->text), failed ? f->attempt.owner.comm : f->listener.owner.comm);
		break;
	case COL_WHAT:
		fill_what(f, store_netns(v->store, f->place), ret);
		break;
	}
}

static void subject(const struct view *v, int64_t id, struct subject *ret)
{
	static char found_by[1000];
	const struct store_finding *f = finding_of(v, id);
	bool failed = tell_is_failure(f);

	*ret = (struct subject){.port = f ? STORE_PORT(f->place) : 0};
	if (!f)
		return;
	text_copy(found_by, sizeof(found_by), "");
	if (failed)
		text_append(found_by, sizeof(found_by), "%s %s %s", f->attempt.summary, f->attempt.client_sees,
			f->attempt.client_words);
	ret->texts[FILTER_ANY] = found_by;
	ret->texts[FILTER_NETNS] = store_netns(v->store, f->place);
	ret->texts[FILTER_OUTCOME] = outcome_of(f);
	ret->texts[FILTER_PROGRAM] = failed ? f->attempt.owner.comm : f->listener.owner.comm;
	ret->texts[FILTER_PEER] = failed ? f->attempt.peer : NULL;
	ret->texts[FILTER_CAUSE] = failed ? f->attempt.cause : NULL;
	ret->texts[FILTER_CONFIDENCE] = failed ? f->attempt.confidence : NULL;
}

/* The newest first, by when it happened: verdicts come up to a second later, and listeners at once. */
static int by_time(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? 1 : -1;
	return x->id < y->id ? 1 : x->id > y->id ? -1 : 0;
}

static void fill(struct view *v)
{
	for (uint64_t i = v->store->n_findings; i > 0 && store_finding(v->store, i); i--) {
		struct subject about;

		if (v->filter->n > 0) {
			subject(v, (int64_t)i, &about);
			if (!filter_matches(v->filter, &about))
				continue;
		}
		list_add(&v->list, (int64_t)i);
		v->list.rows[v->list.n - 1].number = store_finding(v->store, i)->t;
	}
	qsort(v->list.rows, (size_t)v->list.n, sizeof(*v->list.rows), by_time);
}

static void detail(const struct view *v, int64_t id, char *what, size_t what_size, char *todo, size_t todo_size)
{
	const struct store_finding *f = finding_of(v, id);

	if (!f)
		return;
	if (!tell_is_failure(f)) {
		const struct event_listener *l = &f->listener;
		bool up = strcmp(l->event, "up") == 0;

		snprintf(what, what_size, "%s (pid %" PRId64 "%s%s) %s %s port %" PRId64 ": reachable by %s", l->owner.comm[0] ? l->owner.comm :
			"A process that could not be looked up", l->owner.pid, l->owner.unit[0] ? ", " : "", l->owner.unit,
			up ? "began to listen on" : "listens no more on", l->addr, l->port, page_reach(l->reach));
		if (l->owner.cmdline[0])
			snprintf(todo, todo_size, "Command: %s", l->owner.cmdline);
		return;
	}
	tell_briefly(f, what, what_size, todo, todo_size);
}

static bool enter(const struct view *v, int64_t id, struct place *ret)
{
	const struct store_finding *f = finding_of(v, id);

	if (!f)
		return false;
	*ret = (struct place){.view = tell_is_failure(f) ? VIEW_ATTEMPT : VIEW_PORT, .port = f->place,
		.finding = tell_is_failure(f) ? f->number : 0};
	return true;
}

static uint64_t finding(const struct view *v, int64_t id)
{
	(void)v;
	return (uint64_t)id;
}

const struct view_ops findings_view = {
	.name = "Findings",
	.columns = columns,
	.n_columns = COLUMNS,
	.fill = fill,
	.cell = cell,
	.subject = subject,
	.detail = detail,
	.enter = enter,
	.finding = finding,
	.list = SETTINGS_FINDINGS,
};
