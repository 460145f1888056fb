/* timeline.c - what happened at a port, on one time axis. */
#include "base/text.h"
#include "format.h"
#include "view.h"

#include <stdio.h>
#include <string.h>

enum {
	LABEL = 14, /* columns before the axis: what it is, and how many the highest bar stands for */
	AXIS_APART = 20, /* columns between two times on the axis */
	SPARK_SPAN = 60, /* seconds */
};

/* Rows of the timeline, each a count of a slot. */
static const struct {
	const char *label;
	size_t offset;
	enum role role;
} rows[] = {
	{"accepted", offsetof(struct history_slot, accepted), ROLE_GOOD},
	{"refused", offsetof(struct history_slot, refused), ROLE_BAD},
	{"reset", offsetof(struct history_slot, reset), ROLE_BAD},
	{"silent", offsetof(struct history_slot, silent), ROLE_BAD},
	{"queue", offsetof(struct history_slot, queue), ROLE_WARN},
};

/* A span of time: n columns, each a slot, up to now. */
struct axis {
	int scale, n;
	int64_t width, start; /* microseconds */
};

static struct axis axis_of(const struct view *v)
{
	struct axis a = {.scale = v->zoom, .n = v->width - LABEL - 1};

	a.n = a.n > HISTORY_SLOTS ? HISTORY_SLOTS : a.n < 8 ? 8 : a.n;
	a.width = history_width(a.scale) * USEC;
	a.start = v->store->now / a.width * a.width - (a.n - 1) * a.width;
	return a;
}

static uint16_t count_of(const struct history_slot *s, size_t offset)
{
	uint16_t v = 0;

	if (s)
		memcpy(&v, (const char *)s + offset, sizeof(v));
	return v;
}

static void add_row(struct view *v, int64_t port, const struct axis *a, size_t row)
{
	uint16_t most = 0;
	struct line *line;

	for (int i = 0; i < a->n; i++) {
		uint16_t c = count_of(history_at(v->store->history, port, a->scale, a->start + i * a->width), rows[row].offset);

		most = c > most ? c : most;
	}
	if (most == 0)
		return;
	line = page_line(&v->list, rows[row].role, "%-9s%4u ", rows[row].label, most);
	line->lead = LABEL;
	line->lead_role = ROLE_DIM;
	for (int i = 0; i < a->n; i++) {
		uint16_t c = count_of(history_at(v->store->history, port, a->scale, a->start + i * a->width), rows[row].offset);

		text_append(line->text, sizeof(line->text), "%s", theme_bar(c, most));
	}
}

/* Whether somebody listened at some time within a slot. */
static bool listened(const struct view *v, int64_t port, int64_t from, int64_t to)
{
	for (const struct store_listener *l = NULL; (l = store_next_listener(v->store, port, l));)
		if (l->since < to && (l->gone == 0 || l->gone >= from))
			return true;
	return false;
}

static void add_listener_row(struct view *v, int64_t port, const struct axis *a)
{
	struct line *line = page_line(&v->list, ROLE_NORMAL, "%-*s", LABEL, "listener");

	line->lead = LABEL;
	line->lead_role = ROLE_DIM;
	for (int i = 0; i < a->n; i++) {
		int64_t from = a->start + i * a->width;
		const struct history_slot *s = history_at(v->store->history, port, a->scale, from);
		const char *sign = listened(v, port, from, from + a->width) ? theme_glyph(GLYPH_THERE) : " ";

		if (s && s->down)
			sign = theme_glyph(GLYPH_DOWN);
		if (s && s->up) /* both: it restarted, and is there again */
			sign = theme_glyph(GLYPH_UP);
		text_append(line->text, sizeof(line->text), "%s", sign);
	}
}

/* Times below the slots that they are about. */
static void add_axis(struct view *v, const struct axis *a)
{
	struct line *line = page_line(&v->list, ROLE_DIM, "%-*s", LABEL, "");

	for (int i = 0; i < a->n;) {
		char when[16];

		if (a->n - i < AXIS_APART / 2) {
			text_append(line->text, sizeof(line->text), "%*s", a->n - i, "now");
			break;
		}
		format_clock(a->start + i * a->width, when, sizeof(when));
		text_append(line->text, sizeof(line->text), "%s%-*s", theme_glyph(GLYPH_TICK),
			(a->n - i < AXIS_APART ? a->n - i : AXIS_APART) - 1, when);
		i += AXIS_APART;
	}
}

static void add_ends(struct view *v, int64_t port, const struct axis *a)
{
	unsigned int fins = 0, rsts = 0;

	for (int i = 0; i < a->n; i++) {
		const struct history_slot *s = history_at(v->store->history, port, a->scale, a->start + i * a->width);

		fins += s ? s->fin : 0;
		rsts += s ? s->rst : 0;
	}
	if (fins + rsts > 0)
		page_line(&v->list, ROLE_NORMAL, "%-*s%u FIN, %u RST in this time, of both sides", LABEL, "ends by", fins, rsts);
}

void timeline_add(struct view *v, int64_t port)
{
	struct axis a = axis_of(v);
	char span[16], slot[16];

	page_heading(v, "Timeline  %s, %s a column (+ finer, - coarser)  %s listens  %s gone", format_span(a.n * a.width, span,
		sizeof(span)), format_span(a.width, slot, sizeof(slot)), theme_glyph(GLYPH_UP), theme_glyph(GLYPH_DOWN));
	add_listener_row(v, port, &a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		add_row(v, port, &a, i);
	add_axis(v, &a);
	add_ends(v, port, &a);
}

void timeline_spark(const struct view *v, int64_t port, bool failures, int columns, char *buf, size_t size)
{
	unsigned int counts[SPARK_SPAN] = {0}, most = 0;
	int64_t now = v->store->now;

	if (columns > SPARK_SPAN)
		columns = SPARK_SPAN;
	for (int second = 0; second < SPARK_SPAN; second++) {
		const struct history_slot *s = history_at(v->store->history, port, 0, now - (SPARK_SPAN - 1 - second) * USEC);
		unsigned int *c = &counts[second * columns / SPARK_SPAN];

		if (s)
			*c += failures ? (unsigned int)s->refused + s->reset + s->silent : s->syn;
	}
	for (int i = 0; i < columns; i++)
		most = counts[i] > most ? counts[i] : most;
	text_copy(buf, size, "");
	for (int i = 0; i < columns && most > 0; i++)
		text_append(buf, size, "%s", theme_bar(counts[i], most));
}
