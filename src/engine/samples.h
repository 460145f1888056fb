/* samples.h - the namespace's counters over time, and how many RSTs the wire showed in between. */
#pragma once

#include "fact.h"

enum {
	SAMPLES_KEPT = 128,
};

struct samples {
	struct counters ring[SAMPLES_KEPT];
	uint32_t wire_rsts[SAMPLES_KEPT];  /* RSTs out between this sample and the next */
	uint32_t rst_acks[SAMPLES_KEPT];   /* of those, RST+ACK that ended a connection */
	uint64_t n;
};

/* What the counters did around a moment. */
struct window {
	bool known;      /* samples on both sides of the moment are kept */
	int64_t from, to;
	uint64_t delta[COUNTER_COUNT];
	uint32_t wire_rsts, rst_acks;
};

void samples_add(struct samples *s, const struct counters *c);

/* Moves all times, when the clock was set. */
void samples_shift(struct samples *s, int64_t delta);

/* A RST left this host at t. */
void samples_count_rst(struct samples *s, int64_t t, bool ended_connection);

/* The narrowest window of samples around from..to. */
struct window samples_window(const struct samples *s, int64_t from, int64_t to);
