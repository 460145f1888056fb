/* hostfacts.c - what the host is like, told when it changes. */
#include "hostfacts.h"
#include "base/text.h"
#include "collect/inventory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FACTS_MAX = 256,
};

struct hostfacts {
	struct engine *engine;
	bool counting;
	struct counters first, told;
	size_t n;
	struct inventory_item facts[FACTS_MAX];
	struct inventory_item now[INVENTORY_MAX];
};

struct hostfacts *hostfacts_new(struct engine *e)
{
	struct hostfacts *h = calloc(1, sizeof(*h));

	if (h)
		h->engine = e;
	return h;
}

void hostfacts_free(struct hostfacts *h)
{
	free(h);
}

/* A place for a new fact; what is gone gives its own. NULL: there is none. */
static struct inventory_item *free_place(struct hostfacts *h)
{
	if (h->n < FACTS_MAX)
		return &h->facts[h->n++];
	for (size_t i = 0; i < h->n; i++)
		if (strcmp(h->facts[i].value, "gone") == 0)
			return &h->facts[i];
	return NULL;
}

void hostfacts_say(struct hostfacts *h, int64_t now, const char *kind, const char *name, const char *value, const char *note)
{
	struct inventory_item *f = NULL;

	for (size_t i = 0; i < h->n && !f; i++)
		if (strcmp(h->facts[i].kind, kind) == 0 && strcmp(h->facts[i].name, name) == 0)
			f = &h->facts[i];
	if (f && strcmp(f->value, value) == 0 && strcmp(f->note, note) == 0)
		return;
	if (!f && !(f = free_place(h)))
		return;
	if (f->kind != kind) { /* it may be about itself that it says something */
		text_copy(f->kind, sizeof(f->kind), kind);
		text_copy(f->name, sizeof(f->name), name);
	}
	text_copy(f->value, sizeof(f->value), value);
	text_copy(f->note, sizeof(f->note), note);
	engine_host(h->engine, now, kind, name, value, note);
}

/* What was there and is not any more: an interface, a module's setting. */
static void say_gone(struct hostfacts *h, int64_t now, size_t n)
{
	for (size_t i = 0; i < h->n; i++) {
		struct inventory_item *f = &h->facts[i];
		bool there = strcmp(f->kind, "interface") != 0 && strcmp(f->kind, "sysctl") != 0;

		for (size_t k = 0; k < n && !there; k++)
			there = strcmp(f->kind, h->now[k].kind) == 0 && strcmp(f->name, h->now[k].name) == 0;
		if (!there)
			hostfacts_say(h, now, f->kind, f->name, "gone", "");
	}
}

void hostfacts_look(struct hostfacts *h, int64_t now)
{
	size_t n;

	n = inventory_read(h->now);
	for (size_t i = 0; i < n; i++)
		hostfacts_say(h, now, h->now[i].kind, h->now[i].name, h->now[i].value, h->now[i].note);
	say_gone(h, now, n);
}

void hostfacts_counters(struct hostfacts *h, int64_t now, const struct counters *c)
{
	if (!h->counting) {
		h->counting = true;
		h->first = h->told = *c;
		return;
	}
	for (int i = 0; i < COUNTER_COUNT; i++) {
		char value[32];

		if (c->v[i] == h->told.v[i] || i == COUNTER_OUT_SEGS || i == COUNTER_ACTIVE_OPENS)
			continue;
		h->told.v[i] = c->v[i];
		snprintf(value, sizeof(value), "+%" PRIu64, c->v[i] - h->first.v[i]);
		hostfacts_say(h, now, "counter", counter_name((enum counter)i), value, "");
	}
}
