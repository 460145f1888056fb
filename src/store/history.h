/* history.h - what happened at a port over time, at several scales. */
#pragma once

#include "base/hash.h"

#include <stddef.h>

enum {
	HISTORY_PORTS = 512,   /* that something happened at last */
	HISTORY_SLOTS = 120,   /* kept of each scale */
	HISTORY_SCALES = 4,
};

/* One slot of time. Counts stay at their greatest value. */
struct history_slot {
	uint32_t at; /* time divided by the scale's width; a slot with another one is empty */
	uint16_t syn, accepted, refused, reset, silent, fin, rst;
	uint16_t queue; /* the longest that the accept queue was */
	uint8_t up, down; /* listeners that came and went */
};

struct history;

/* All memory is taken here. NULL with errno. */
struct history *history_new(struct hash_key key);
void history_free(struct history *h);
void history_warm(struct history *h);
void history_clear(struct history *h);

/* Makes to what from is. */
void history_copy(struct history *to, const struct history *from);

/* Seconds that a slot of this scale spans. */
int history_width(int scale);

/* Adds counts at a time (microseconds), at every scale; at is ignored, queue is a maximum. */
void history_add(struct history *h, int64_t place, int64_t t, const struct history_slot *counts);

/* The slot of a scale at a time; NULL: nothing is known of it. */
const struct history_slot *history_at(const struct history *h, int64_t place, int scale, int64_t t);
