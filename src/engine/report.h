/* report.h - verdicts in words, and as events that are rolled up where they are many. */
#pragma once

#include "engine/rules.h"
#include "event/event.h"

/* What a verdict needs besides the facts: whether the attempt is one of several alike. */
struct telling {
	int64_t count;
	const struct listener *neighbour; /* a listener on a port close by; NULL: none */
};

/* Fills evidence, summary, advice and client_words of an event from the facts: pure. */
void words_tell(const struct facts *f, const struct verdict *v, const struct telling *t,
	struct event_attempt *ret);

/* "python3 (pid 123)", with the unit or container where there is one; returns buf. */
const char *words_owner(const struct owner *o, char *buf, size_t size);

/* "312 ms", "2.0 s", "5 min 3 s"; returns buf. */
const char *words_duration(int64_t usec, char *buf, size_t size);
