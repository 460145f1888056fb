/* tell.c - a finding as text to be handed to somebody. */
#include "base/text.h"
#include "engine/causes.h"
#include "format.h"
#include "view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool tell_is_failure(const struct store_finding *f)
{
	return f && f->type != EVENT_LISTENER;
}

const char *tell_cause(const struct store_finding *f)
{
	return cause_entry(cause_by_id(f->attempt.cause))->words;
}

void tell_briefly(const struct store_finding *f, char *what, size_t what_size, char *todo, size_t todo_size)
{
	what[0] = todo[0] = '\0';
	text_append(what, what_size, "%s (%s): %s", f->attempt.cause, f->attempt.confidence, f->attempt.summary);
	text_append(todo, todo_size, "Fix: %s", f->attempt.advice);
}

struct dated {
	int64_t t;
	uint64_t number;
};

static int by_time(const void *a, const void *b)
{
	const struct dated *x = a, *y = b;

	if (x->t != y->t)
		return x->t < y->t ? 1 : -1;
	return x->number < y->number ? 1 : x->number > y->number ? -1 : 0;
}

static bool is_of(const struct store_finding *f, int64_t port, const char *peer)
{
	if (f->place != port)
		return false;
	if (peer)
		return tell_is_failure(f) && strcmp(f->attempt.peer, peer) == 0;
	return !tell_is_failure(f) || strcmp(f->attempt.dir, "out") != 0;
}

size_t tell_latest(const struct store *s, int64_t port, const char *peer, uint64_t *ret, size_t max)
{
	static struct dated found[STORE_FINDINGS];
	size_t n = 0;

	for (uint64_t i = s->n_findings; i > 0 && n < STORE_FINDINGS; i--) {
		const struct store_finding *f = store_finding(s, i);

		if (!f)
			break;
		if (is_of(f, port, peer))
			found[n++] = (struct dated){f->t, i};
	}
	qsort(found, n, sizeof(found[0]), by_time);
	n = n < max ? n : max;
	for (size_t i = 0; i < n; i++)
		ret[i] = found[i].number;
	return n;
}

static void tell_step(const struct event_step *s, int64_t first, char *buf, size_t size)
{
	char offset[24];

	text_append(buf, size, "  %12s  %-8s ", format_offset(s->t - first, offset, sizeof(offset)), s->by);
	if (s->flags[0])
		text_append(buf, size, "[%s] seq %" PRId64 " ack %" PRId64 " length %" PRId64 " window %" PRId64 " ttl %" PRId64,
			s->flags, s->seq, s->ack, s->length, s->window, s->ttl);
	text_append(buf, size, "%s%s\n", s->flags[0] && s->text[0] ? " " : "", s->text);
}

/* With its zone: it is read elsewhere, and later. */
static const char *date_of(int64_t t, char *buf, size_t size)
{
	time_t seconds = (time_t)(t / USEC);
	struct tm tm;

	buf[0] = '\0';
	if (localtime_r(&seconds, &tm))
		strftime(buf, size, "%Y-%m-%d %H:%M:%S %z", &tm);
	return buf;
}

size_t tell_finding(const struct store *s, const struct store_finding *f, char *buf, size_t size)
{
	const struct event_attempt *a = &f->attempt;
	char when[40];

	text_copy(buf, size, "");
	if (f->type == EVENT_LISTENER) {
		text_append(buf, size, "%s %s: %s (pid %" PRId64 ") %s %s port %" PRId64 "\n", s->hello.host,
			date_of(f->t, when, sizeof(when)), f->listener.owner.comm, f->listener.owner.pid,
			strcmp(f->listener.event, "up") == 0 ? "listens on" : "listens no more on", f->listener.addr,
			f->listener.port);
		return strlen(buf);
	}
	text_append(buf, size, "%s %s%s%s port %" PRId64 " %s %s: %s\n", s->hello.host, date_of(f->t, when, sizeof(when)),
		a->netns[0] ? " in " : "", a->netns, a->port, strcmp(a->dir, "out") == 0 ? "to" : "from", a->peer,
		f->type == EVENT_RESET ? "reset" : a->outcome);
	text_append(buf, size, "%s\ncause: %s (%s)\n", a->summary, a->cause, a->confidence);
	for (int i = 0; i < EVENT_ALTERNATIVES && a->alternatives[i][0]; i++)
		text_append(buf, size, "%s%s", i == 0 ? "or: " : ", ", a->alternatives[i]);
	text_append(buf, size, "%sfix: %s\n", a->alternatives[0][0] ? "\n" : "", a->advice);
	if (a->client_words[0])
		text_append(buf, size, "the client sees %s: %s\n", a->client_sees, a->client_words);
	text_append(buf, size, "\nevidence:\n");
	for (int i = 0; i < EVENT_EVIDENCE && a->evidence[i].source[0]; i++)
		text_append(buf, size, "  %-9s %s\n", a->evidence[i].source, a->evidence[i].text);
	if (a->steps[0].by[0])
		text_append(buf, size, "\nstep by step:\n");
	for (int i = 0; i < EVENT_STEPS && a->steps[i].by[0]; i++)
		tell_step(&a->steps[i], a->first, buf, size);
	return strlen(buf);
}
