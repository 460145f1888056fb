/* hostfacts.h - tells what the host itself is like, once and whenever it changes. */
#pragma once

#include "engine/engine.h"

struct hostfacts;

/* NULL with errno. Events go out through the engine. */
struct hostfacts *hostfacts_new(struct engine *e);
void hostfacts_free(struct hostfacts *h);

/* Reads interfaces and settings anew. */
void hostfacts_look(struct hostfacts *h, int64_t now);

/* Counters that moved since the first sample; called once an interval. */
void hostfacts_counters(struct hostfacts *h, int64_t now, const struct counters *c);

/* One fact: told when it is new, or its value or note has changed. All text is clean. */
void hostfacts_say(struct hostfacts *h, int64_t now, const char *kind, const char *name, const char *value, const char *note);
