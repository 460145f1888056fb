/* samples.c - the namespace's counters over time. */
#include "samples.h"

void samples_add(struct samples *s, const struct counters *c)
{
	uint32_t i;

	int64_t back = s->n > 0 ? s->ring[(s->n - 1) % SAMPLES_KEPT].t - c->t : -1;

	if (back > USEC)
		s->n = 0; /* the clock was set back: what was before says nothing about what comes */
	else if (back >= 0)
		return; /* a small step: the order of the ring counts more than this sample */
	i = (uint32_t)(s->n % SAMPLES_KEPT);
	s->ring[i] = *c;
	s->wire_rsts[i] = s->rst_acks[i] = 0;
	s->n++;
}

/* Number of the last sample at or before t, counted from the first ever; -1: none is kept. */
static int64_t sample_before(const struct samples *s, int64_t t)
{
	int64_t oldest = s->n > SAMPLES_KEPT ? (int64_t)(s->n - SAMPLES_KEPT) : 0;

	for (int64_t i = (int64_t)s->n - 1; i >= oldest; i--)
		if (s->ring[i % SAMPLES_KEPT].t <= t)
			return i;
	return -1;
}

void samples_shift(struct samples *s, int64_t delta)
{
	for (uint64_t i = 0; i < s->n && i < SAMPLES_KEPT; i++)
		s->ring[i].t += delta;
}

void samples_count_rst(struct samples *s, int64_t t, bool ended_connection)
{
	int64_t i = sample_before(s, t);

	if (i < 0)
		return;
	s->wire_rsts[i % SAMPLES_KEPT]++;
	s->rst_acks[i % SAMPLES_KEPT] += ended_connection;
}

struct window samples_window(const struct samples *s, int64_t from, int64_t to)
{
	struct window w = {.known = false};
	int64_t a = sample_before(s, from);
	int64_t b = sample_before(s, to) + 1;

	if (a < 0 || b >= (int64_t)s->n)
		return w;
	w.known = true;
	w.from = s->ring[a % SAMPLES_KEPT].t;
	w.to = s->ring[b % SAMPLES_KEPT].t;
	for (int c = 0; c < COUNTER_COUNT; c++)
		w.delta[c] = s->ring[b % SAMPLES_KEPT].v[c] - s->ring[a % SAMPLES_KEPT].v[c];
	for (int64_t i = a; i < b; i++) {
		w.wire_rsts += s->wire_rsts[i % SAMPLES_KEPT];
		w.rst_acks += s->rst_acks[i % SAMPLES_KEPT];
	}
	return w;
}
