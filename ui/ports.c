/* ports.c - the Ports view: a row a local port, and in words why peers fail there. */
#include "base/text.h"
#include "engine/causes.h"
#include "view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RECENT = 60 * USEC, /* a failure younger than this is trouble */
};

enum {
	COL_PORT,
	COL_BIND,
	COL_OWNER,
	COL_SYN,
	COL_ACCEPTED,
	COL_REFUSED,
	COL_RESET,
	COL_SILENT,
	COL_UNREACHABLE,
	COL_FIN,
	COL_QUEUE,
	COL_WHY,
};

const struct column port_columns[] = {
	[COL_PORT] = {"PORT", 5, 0, 0, true},
	[COL_BIND] = {"LISTENS ON", 15, 22, 0, false},
	[COL_OWNER] = {"PROGRAM", 9, 15, 0, false},
	[COL_SYN] = {"SYN/s", 5, 0, 110, true},
	[COL_ACCEPTED] = {"ACC", 4, 0, 0, true},
	[COL_REFUSED] = {"REF", 4, 0, 0, true},
	[COL_RESET] = {"RST", 4, 0, 0, true},
	[COL_SILENT] = {"SIL", 4, 0, 0, true},
	[COL_UNREACHABLE] = {"ICMP", 4, 0, 90, true},
	[COL_FIN] = {"FIN", 5, 0, 132, true},
	[COL_QUEUE] = {"QUEUE", 9, 0, 110, false},
	[COL_WHY] = {"WHY", 0, 0, 0, false},
};
const int n_port_columns = sizeof(port_columns) / sizeof(port_columns[0]);

/* 1234 -> "1234", 123456 -> "123k": what fits four columns. */
static void number(char *buf, size_t size, int64_t v)
{
	if (v < 10000)
		snprintf(buf, size, "%" PRId64, v);
	else if (v < 1000000)
		snprintf(buf, size, "%" PRId64 "k", v / 1000);
	else
		snprintf(buf, size, "%" PRId64 "M", v / 1000000);
}

static void fill_number(struct row *row, int column, int64_t v)
{
	row->sort[column] = v;
	if (v != 0)
		number(row->cells[column], LIST_CELL, v);
}

/* "*" for all addresses of both families; an IPv4 or IPv6 address else; "+1" when there are more. */
static void fill_bind(struct row *row, const struct store *s, int64_t place,
	const struct store_listener *best)
{
	char more[8] = "";
	int others = -1;

	for (const struct store_listener *l = NULL; (l = store_next_listener(s, place, l));)
		others += l->gone == 0;
	if (others > 0)
		snprintf(more, sizeof(more), " +%d", others);
	if (best->l.device[0])
		snprintf(row->cells[COL_BIND], LIST_CELL, "%%%.15s%s", best->l.device, more);
	else if (strcmp(best->l.reach, "everyone") == 0)
		snprintf(row->cells[COL_BIND], LIST_CELL, "%s%s",
			strcmp(best->l.family, "dual") == 0   ? "* (all)"
			: strcmp(best->l.family, "ipv6") == 0 ? "[::] IPv6 only"
							      : "0.0.0.0",
			more);
	else
		snprintf(row->cells[COL_BIND], LIST_CELL, "%.39s%s", best->l.addr, more);
}

static void ago(char *buf, size_t size, int64_t usec)
{
	int64_t s = usec / USEC;

	if (s < 90)
		snprintf(buf, size, "%" PRId64 " s", s);
	else if (s < 5400)
		snprintf(buf, size, "%" PRId64 " min", s / 60);
	else
		snprintf(buf, size, "%" PRId64 " h", s / 3600);
}

/* Peers failed in the last minute. One that reset our SYN-ACK by itself did not. */
static bool is_trouble(const struct store *s, const struct store_port *p)
{
	const struct store_finding *f = store_finding(s, p->finding);

	return f && f->type != EVENT_LISTENER && s->now - p->last_failure < RECENT &&
	       strcmp(f->attempt.outcome, "cancelled") != 0;
}

/* The cause of its last failure, or what the bind alone says about remote peers. */
static void fill_why(struct row *row, const struct store *s, const struct store_port *p,
	const struct store_listener *best)
{
	const struct store_finding *f = store_finding(s, p->finding);
	int64_t age = s->now - p->last_failure;

	row->role = best ? ROLE_NORMAL : ROLE_DIM;
	if (f && f->type != EVENT_LISTENER) {
		const struct event_attempt *a = &f->attempt;
		char when[24];

		ago(when, sizeof(when), age);
		snprintf(row->last, sizeof(row->last), "%s%s%s%s%s",
			strcmp(a->confidence, "possible") == 0 ? "? " : is_trouble(s, p) ? "! " : "",
			cause_entry(cause_by_id(a->cause))->words, age < RECENT ? "" : " (",
			age < RECENT ? "" : when, age < RECENT ? "" : " ago)");
		snprintf(row->found_by, sizeof(row->found_by), "%s %s %s %s %s", a->summary, a->cause,
			a->client_sees, a->client_words, a->peer);
		row->role = is_trouble(s, p) ? ROLE_BAD : row->role;
		return;
	}
	if (!best)
		return;
	if (strcmp(best->l.reach, "loopback") == 0) {
		text_copy(row->last, sizeof(row->last), "loopback only: no remote peers");
		row->role = ROLE_WARN;
	} else if (strcmp(best->l.reach, "address") == 0) {
		text_copy(row->last, sizeof(row->last), "this address only");
	} else if (strcmp(best->l.reach, "device") == 0) {
		text_copy(row->last, sizeof(row->last), "this interface only");
	} else if (strcmp(best->l.reach, "link-local") == 0) {
		text_copy(row->last, sizeof(row->last), "link-local only");
	}
}

static const char *owner_text(const struct event_owner *o, char *buf, size_t size)
{
	if (o->pid == 0)
		snprintf(buf, size, "A process that could not be looked up");
	else
		snprintf(buf, size, "%s (pid %" PRId64 "%s%s)", o->comm, o->pid, o->unit[0] ? ", " : "",
			o->unit);
	return buf;
}

/* Trouble first, then what listens, then the rest; within each by port. */
static int64_t rank(const struct store *s, const struct store_port *p)
{
	return (is_trouble(s, p) ? 2 : 0) + (p->listeners > 0);
}

/* A namespace stands before the words: "[web] listens on loopback only". */
static void prefix_netns(struct row *row, const char *netns)
{
	char words[sizeof(row->last)];

	if (!netns[0])
		return;
	text_copy(words, sizeof(words), row->last);
	snprintf(row->last, sizeof(row->last), "[%s] %.*s", netns, (int)(sizeof(words) - 40), words);
}

static int by_trouble(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->sort[COL_WHY] != y->sort[COL_WHY])
		return x->sort[COL_WHY] < y->sort[COL_WHY] ? 1 : -1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static void fill(struct view *v, const struct store *s)
{
	struct store_port *p = NULL;

	list_clear(&v->list);
	while ((p = table_next(s->ports, p))) {
		const struct store_listener *best = store_listener(s, p->place);
		struct row *row;

		if (!best && !p->finding && p->c.syn == 0 && p->listeners == 0)
			continue;
		row = list_add(&v->list, p->place);
		if (!row)
			break;
		row->sort[COL_PORT] = -p->c.port;
		row->sort[COL_WHY] = rank(s, p);
		snprintf(row->cells[COL_PORT], LIST_CELL, "%" PRId64, p->c.port);
		fill_why(row, s, p, best);
		prefix_netns(row, store_netns(s, p->place));
		if (best) {
			fill_bind(row, s, p->place, best);
			text_copy(row->cells[COL_OWNER], LIST_CELL,
				best->l.owner.comm[0] ? best->l.owner.comm : "?");
			snprintf(row->cells[COL_QUEUE], LIST_CELL, "%" PRId64 "/%" PRId64, best->l.queue,
				best->l.queue_max);
			text_append(row->found_by, sizeof(row->found_by), " %s %s", best->l.owner.unit,
				best->l.owner.cmdline);
		} else {
			text_copy(row->cells[COL_BIND], LIST_CELL, "-");
		}
		fill_number(row, COL_SYN, p->syn_rate);
		fill_number(row, COL_ACCEPTED, p->c.accepted);
		fill_number(row, COL_REFUSED,
			p->c.refused + (v->width < port_columns[COL_UNREACHABLE].from_width
						       ? p->c.unreachable
						       : 0));
		fill_number(row, COL_RESET, p->c.reset);
		fill_number(row, COL_SILENT, p->c.silent + p->c.unfinished);
		fill_number(row, COL_UNREACHABLE, p->c.unreachable);
		fill_number(row, COL_FIN, p->c.fin_in + p->c.fin_out);
	}
	qsort(v->list.rows, (size_t)v->list.n_rows, sizeof(*v->list.rows), by_trouble);
}

static void detail(struct view *v, const struct store *s, const struct row *row, char *what,
	size_t what_size, char *todo, size_t todo_size)
{
	const struct store_port *p = store_port(s, row->id);
	const struct store_finding *f = p ? store_finding(s, p->finding) : NULL;
	const struct store_listener *best = store_listener(s, row->id);

	(void)v;
	if (f && f->type != EVENT_LISTENER) {
		snprintf(what, what_size, "%s (%s): %s", f->attempt.cause, f->attempt.confidence,
			f->attempt.summary);
		snprintf(todo, todo_size, "Fix: %s", f->attempt.advice);
	} else if (best) {
		char owner[160];

		snprintf(what, what_size, "%s listens on %s: reach %s. %s",
			owner_text(&best->l.owner, owner, sizeof(owner)), best->l.addr, best->l.reach,
			strcmp(s->hello.sources[SOURCE_PACKETS].state, "on") == 0
				? "Nobody has failed to connect."
				: "Whether peers fail cannot be seen without packets.");
		if (strcmp(best->l.reach, "loopback") == 0)
			snprintf(todo, todo_size, "Only this host itself can connect. If remote peers "
				"should, make it listen on 0.0.0.0 or ::");
	}
}

const struct view_ops ports_view = {"Ports", fill, detail};
