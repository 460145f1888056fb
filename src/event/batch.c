/* batch.c - events as plain text, a line per finding. */
#include "batch.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct batch {
	struct sink sink;
	int fd, error;
	bool plain; /* a sentence a finding */
};

static struct batch *batch_of(struct sink *sink)
{
	return (struct batch *)(void *)sink;
}

static void line(struct batch *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void line(struct batch *b, const char *format, ...)
{
	char text[2048];
	size_t done = 0, n;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	n = strlen(text);
	text[n++] = '\n';
	while (done < n && b->error == 0) {
		ssize_t w = write(b->fd, text + done, n - done);

		if (w < 0 && errno != EINTR)
			b->error = -errno;
		else if (w > 0)
			done += (size_t)w;
	}
}

static const char *clock_of(int64_t t, char *buf, size_t size)
{
	time_t seconds = (time_t)(t / USEC);
	struct tm tm;
	char hms[16];

	localtime_r(&seconds, &tm);
	strftime(hms, sizeof(hms), "%H:%M:%S", &tm);
	snprintf(buf, size, "%s.%03d", hms, (int)(t % USEC / 1000));
	return buf;
}

static bool ends_sentence(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && (text[n - 1] == '.' || text[n - 1] == '!' || text[n - 1] == '?');
}

static void tell_attempt(struct batch *b, const struct event *ev)
{
	const struct event_attempt *a = &ev->attempt;
	bool reset = ev->type == EVENT_RESET;
	char when[32];

	if (!reset && strcmp(a->outcome, "accepted") == 0 && strcmp(a->cause, "none") == 0)
		return;
	clock_of(a->last, when, sizeof(when));
	if (b->plain) {
		when[8] = '\0'; /* nobody wants to hear milliseconds */
		line(b, "%s, port %" PRId64 ": %s%s", when, a->port, a->summary, ends_sentence(a->summary) ? "" : ".");
		return;
	}
	line(b, "%s %s %s %s %s port %" PRId64 ": %s (%s): %s", when, reset ? "reset" : a->outcome, a->dir,
		strcmp(a->dir, "out") == 0 ? "to" : "from", a->peer, a->port, a->cause, a->confidence,
		a->summary);
	for (int i = 0; i < EVENT_EVIDENCE && a->evidence[i].source[0]; i++)
		line(b, "             %s: %s", a->evidence[i].source, a->evidence[i].text);
	if (a->advice[0])
		line(b, "             advice: %s", a->advice);
	if (a->client_words[0])
		line(b, "             the client sees %s: %s", a->client_sees, a->client_words);
}

static void tell_listener(struct batch *b, const struct event *ev)
{
	const struct event_listener *l = &ev->listener;
	char when[32], owner[96] = "a process that could not be looked up";

	if (strcmp(l->event, "change") == 0)
		return;
	if (l->owner.pid)
		snprintf(owner, sizeof(owner), "%s (pid %" PRId64 ")", l->owner.comm, l->owner.pid);
	if (b->plain) {
		if (strcmp(l->event, "found") != 0)
			line(b, "%.8s, port %" PRId64 ": %s listens %s %s.", clock_of(ev->t, when, sizeof(when)), l->port, owner,
				strcmp(l->event, "up") == 0 ? "on" : "no more on", l->addr);
		return;
	}
	line(b, "%s listener %s: %s port %" PRId64 " (%s%s%s), %s", clock_of(ev->t, when, sizeof(when)),
		l->event, l->addr, l->port, l->reach, l->device[0] ? " " : "", l->device, owner);
}

static void tell_sources(struct batch *b, const struct event *ev)
{
	line(b, "tcpwhy %s on %s", ev->hello.version, ev->hello.host);
	for (int i = 0; i < SOURCE_COUNT && b->plain; i++)
		if (i != SOURCE_NAMESPACES && strcmp(ev->hello.sources[i].state, "on") != 0)
			line(b, "No %s: %s.", source_name((enum source)i), ev->hello.sources[i].why);
	if (b->plain)
		return;
	for (int i = 0; i < SOURCE_COUNT; i++)
		line(b, "source %s: %s%s%s", source_name((enum source)i), ev->hello.sources[i].state,
			ev->hello.sources[i].why[0] ? ": " : "", ev->hello.sources[i].why);
}

static void batch_event(struct sink *sink, const struct event *ev)
{
	struct batch *b = batch_of(sink);
	const struct event_tick *t = &ev->bye.totals;

	switch (ev->type) {
	case EVENT_HELLO:
		tell_sources(b, ev);
		break;
	case EVENT_SOURCE:
		line(b, "source %s: %s%s%s", ev->source.source, ev->source.s.state,
			ev->source.s.why[0] ? ": " : "", ev->source.s.why);
		break;
	case EVENT_ATTEMPT:
	case EVENT_RESET:
		tell_attempt(b, ev);
		break;
	case EVENT_LISTENER:
		tell_listener(b, ev);
		break;
	case EVENT_BYE:
		line(b, "end (%s): %" PRId64 " attempts: %" PRId64 " accepted, %" PRId64 " refused, %" PRId64
			" silent, %" PRId64 " unreachable, %" PRId64 " unfinished, %" PRId64 " cancelled; %"
			PRId64 " reset; %" PRId64 " packets, %" PRId64 " lost", ev->bye.reason, t->attempts,
			t->accepted, t->refused, t->silent, t->unreachable, t->unfinished, t->cancelled,
			t->reset, t->received, t->lost);
		break;
	case EVENT_PORT:
	case EVENT_HOST:
	case EVENT_TICK:
	case EVENT_TYPE_COUNT:
		break;
	}
}

struct sink *batch_new(int fd, bool plain)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->sink.event = batch_event;
	b->fd = fd;
	b->plain = plain;
	return &b->sink;
}

void batch_free(struct sink *sink)
{
	free(sink ? batch_of(sink) : NULL);
}

int batch_error(struct sink *sink)
{
	return batch_of(sink)->error;
}
