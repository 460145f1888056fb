/* page.c - lines of pages. */
#include "base/text.h"
#include "draw.h"
#include "format.h"
#include "view.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct line *next_line(struct list *l, enum role role)
{
	static struct line spare;
	struct line *line = l->n < PAGE_LINES ? &l->lines[l->n++] : &spare;

	memset(line, 0, sizeof(*line));
	line->role = role;
	return line;
}

struct line *page_line(struct list *l, enum role role, const char *format, ...)
{
	struct line *line = next_line(l, role);
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_copy(line->text, sizeof(line->text), text);
	return line;
}

void page_text(struct view *v, enum role role, int indent, int hang, const struct place *to, const char *format, ...)
{
	char text[1600];
	const char *p = text, *next;
	int in = indent;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	do {
		size_t n = draw_wrap(p, v->width - in > 10 ? v->width - in : 10, &next);
		struct line *line = next_line(&v->list, role);

		snprintf(line->text, sizeof(line->text), "%*s%.*s", in, "", (int)n, p);
		if (to) {
			line->links = true;
			line->to = *to;
		}
		p = next;
		in = hang;
	} while (*p);
}

void page_heading(struct view *v, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	page_line(&v->list, ROLE_STRONG, "%s", text);
}

const char *page_times(const struct store_finding *f)
{
	static char text[32];

	text[0] = '\0';
	if (f->attempt.count > 1)
		snprintf(text, sizeof(text), " x%" PRId64, f->attempt.count);
	return text;
}

const char *page_reach(const char *reach)
{
	static const char *const words[][2] = {
		{"loopback", "this host only"}, {"link-local", "peers of the same link"}, {"device", "peers of that interface"},
		{"address", "who dials that address"}, {"everyone", "everyone"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i][0], reach) == 0)
			return words[i][1];
	return "an unknown range";
}

static void add_evidence(struct view *v, const struct event_attempt *a, const struct place *to)
{
	page_heading(v, "Evidence");
	for (int i = 0; i < EVENT_EVIDENCE && a->evidence[i].source[0]; i++) {
		int from = v->list.n;

		page_text(v, ROLE_NORMAL, 2, 12, to, "%-9s %s", a->evidence[i].source, a->evidence[i].text);
		if (from < v->list.n) {
			v->list.lines[from].lead = 11;
			v->list.lines[from].lead_role = ROLE_DIM;
		}
	}
}

void page_verdict(struct view *v, const struct store_finding *f, const struct place *to)
{
	const struct event_attempt *a = &f->attempt;
	int64_t age = v->store->now - f->t;
	char when[16], span[16];

	page_text(v, ROLE_BAD, 0, 2, to, "%s: %s (%s, %s)  %s, %s ago%s", f->type == EVENT_RESET ? "reset" : a->outcome,
		tell_cause(f), a->cause, a->confidence, format_clock(f->t, when, sizeof(when)),
		format_span(age, span, sizeof(span)), page_times(f));
	page_text(v, ROLE_NORMAL, 2, 2, to, "%s", a->summary);
	page_heading(v, "What to do");
	page_text(v, ROLE_NORMAL, 2, 2, to, "%s", a->advice[0] ? a->advice : "Nothing: it got through.");
	add_evidence(v, a, to);
}
