/* wheel.c - a hashed timing wheel (Varghese and Lauck, 1987, scheme 6). */
#include "wheel.h"

#include <stdlib.h>
#include <string.h>

enum {
	SLOT_USEC = 16384,
	SLOTS = 1024, /* a turn is 16.8 s; a later deadline goes round more than once */
};

struct timer {
	int64_t due; /* -1: none */
	uint32_t prev, next;
};

struct wheel {
	struct timer *timers;
	uint32_t heads[SLOTS];
	uint32_t n, pending;
	int64_t tick;   /* the slot being emptied, as an absolute number; -1: before the first pop */
	uint32_t cursor; /* next timer of that slot to look at */
	int rest;        /* between two rounds of pops: the slot is looked at again from its head */
};

struct wheel *wheel_new(uint32_t n)
{
	struct wheel *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->timers = malloc(n * sizeof(*w->timers));
	if (!w->timers) {
		free(w);
		return NULL;
	}
	w->n = n;
	w->tick = -1;
	w->cursor = WHEEL_NONE;
	w->rest = 1;
	memset(w->heads, 0xff, sizeof(w->heads));
	for (uint32_t i = 0; i < n; i++)
		w->timers[i] = (struct timer){.due = -1, .prev = WHEEL_NONE, .next = WHEEL_NONE};
	return w;
}

void wheel_free(struct wheel *w)
{
	if (!w)
		return;
	free(w->timers);
	free(w);
}

static uint32_t *head_of(struct wheel *w, int64_t due)
{
	return &w->heads[(due / SLOT_USEC) % SLOTS];
}

void wheel_cancel(struct wheel *w, uint32_t i)
{
	struct timer *t = &w->timers[i];

	if (t->due < 0)
		return;
	if (w->cursor == i)
		w->cursor = t->next;
	if (t->prev != WHEEL_NONE)
		w->timers[t->prev].next = t->next;
	else
		*head_of(w, t->due) = t->next;
	if (t->next != WHEEL_NONE)
		w->timers[t->next].prev = t->prev;
	t->due = -1;
	w->pending--;
}

void wheel_set(struct wheel *w, uint32_t i, int64_t due)
{
	struct timer *t = &w->timers[i];
	uint32_t *head;

	wheel_cancel(w, i);
	if (due < 0)
		due = 0;
	if (w->tick >= 0) { /* what goes behind the cursor would wait for a whole turn */
		int64_t first = w->rest ? w->tick : w->tick + 1;

		if (due / SLOT_USEC < first)
			due = first * SLOT_USEC;
	}
	head = head_of(w, due);
	t->due = due;
	t->prev = WHEEL_NONE;
	t->next = *head;
	if (*head != WHEEL_NONE)
		w->timers[*head].prev = i;
	*head = i;
	w->pending++;
}

void wheel_rewind(struct wheel *w)
{
	w->tick = -1;
	w->rest = 1;
}

uint32_t wheel_pop(struct wheel *w, int64_t now)
{
	int64_t last = now / SLOT_USEC;

	if (w->tick < 0 || last - w->tick >= SLOTS) { /* one turn sees every slot */
		w->tick = last < SLOTS ? 0 : last - SLOTS + 1;
		w->rest = 1;
	}
	if (w->rest)
		w->cursor = w->heads[w->tick % SLOTS];
	w->rest = 0;
	for (;;) {
		while (w->cursor != WHEEL_NONE) {
			uint32_t i = w->cursor;

			w->cursor = w->timers[i].next;
			if (w->timers[i].due > now)
				continue;
			wheel_cancel(w, i);
			return i;
		}
		if (w->tick >= last) {
			w->rest = 1; /* the later half of this slot is due next time */
			return WHEEL_NONE;
		}
		w->tick++;
		w->cursor = w->heads[w->tick % SLOTS];
	}
}

int64_t wheel_due(const struct wheel *w, uint32_t i)
{
	return w->timers[i].due;
}

uint32_t wheel_pending(const struct wheel *w)
{
	return w->pending;
}
