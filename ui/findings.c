/* findings.c - the Findings view: a log of what went wrong, and of listeners that came and went. */
#include "base/text.h"
#include "engine/causes.h"
#include "view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	COL_TIME,
	COL_PORT,
	COL_PEER,
	COL_OUTCOME,
	COL_COUNT,
	COL_WHAT,
};

const struct column finding_columns[] = {
	[COL_TIME] = {"TIME", 8, 0, 0, false},
	[COL_PORT] = {"PORT", 5, 0, 0, true},
	[COL_PEER] = {"PEER", 16, 40, 0, false},
	[COL_OUTCOME] = {"OUTCOME", 11, 0, 0, false},
	[COL_COUNT] = {"N", 4, 0, 0, true},
	[COL_WHAT] = {"WHAT", 0, 0, 0, false},
};
const int n_finding_columns = sizeof(finding_columns) / sizeof(finding_columns[0]);

static void fill_attempt(struct row *row, const struct store_finding *f)
{
	const struct event_attempt *a = &f->attempt;

	snprintf(row->cells[COL_PORT], LIST_CELL, "%" PRId64, a->port);
	row->sort[COL_PORT] = -a->port;
	snprintf(row->cells[COL_PEER], LIST_CELL, "%s%.40s", strcmp(a->dir, "out") == 0 ? ">" : "", a->peer);
	text_copy(row->cells[COL_OUTCOME], LIST_CELL, f->type == EVENT_RESET ? "reset" : a->outcome);
	if (a->count > 1)
		snprintf(row->cells[COL_COUNT], LIST_CELL, "%" PRId64, a->count);
	row->sort[COL_COUNT] = a->count;
	snprintf(row->last, sizeof(row->last), "%s%s%s%s%s", a->netns[0] ? "[" : "", a->netns, a->netns[0] ? "] " : "",
		strcmp(a->confidence, "possible") == 0 ? "? " : "",
		cause_entry(cause_by_id(a->cause))->words);
	snprintf(row->found_by, sizeof(row->found_by), "%s %s %s %s %s", a->cause, a->summary,
		a->client_sees, a->client_words, a->owner.comm);
	row->role = strcmp(a->outcome, "cancelled") == 0 ? ROLE_NORMAL : ROLE_BAD;
}

static void fill_listener(struct row *row, const struct store_finding *f)
{
	const struct event_listener *l = &f->listener;

	snprintf(row->cells[COL_PORT], LIST_CELL, "%" PRId64, l->port);
	row->sort[COL_PORT] = -l->port;
	text_copy(row->cells[COL_OUTCOME], LIST_CELL, strcmp(l->event, "up") == 0 ? "listens" : "gone");
	snprintf(row->last, sizeof(row->last), "%s (pid %" PRId64 ") %s %s", l->owner.comm, l->owner.pid,
		strcmp(l->event, "up") == 0 ? "listens on" : "listens no more on", l->addr);
	row->role = ROLE_DIM;
}

static void fill(struct view *v, const struct store *s)
{
	list_clear(&v->list);
	for (uint64_t i = s->n_findings; i > 0; i--) {
		const struct store_finding *f = store_finding(s, i);
		struct row *row = f ? list_add(&v->list, (int64_t)i) : NULL;
		time_t t;
		struct tm tm;

		if (!row)
			break;
		t = (time_t)(f->t / USEC);
		localtime_r(&t, &tm);
		strftime(row->cells[COL_TIME], LIST_CELL, "%H:%M:%S", &tm);
		if (f->type == EVENT_LISTENER)
			fill_listener(row, f);
		else
			fill_attempt(row, f);
	}
}

static void detail(struct view *v, const struct store *s, const struct row *row, char *what,
	size_t what_size, char *todo, size_t todo_size)
{
	const struct store_finding *f = store_finding(s, (uint64_t)row->id);

	(void)v;
	if (!f || f->type == EVENT_LISTENER)
		return;
	snprintf(what, what_size, "%s (%s): %s", f->attempt.cause, f->attempt.confidence,
		f->attempt.summary);
	snprintf(todo, todo_size, "Fix: %s", f->attempt.advice);
}

const struct view_ops findings_view = {"Findings", fill, detail};
