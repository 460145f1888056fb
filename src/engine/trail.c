/* trail.c - the last packets of attempts. */
#include "trail.h"
#include "base/pages.h"

#include <errno.h>
#include <stdlib.h>

enum {
	CHAIN_MAX = 4096, /* entries followed back */
};

struct entry {
	uint64_t before; /* the number of the attempt's entry before this one; 0: none */
	struct trail_packet p;
};

struct trail {
	size_t cap;
	uint64_t newest; /* counts up from 1 */
	struct entry *ring;
};

struct trail *trail_new(size_t packets)
{
	struct trail *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->cap = packets;
	t->ring = calloc(packets, sizeof(*t->ring));
	if (!t->ring) {
		free(t);
		errno = ENOMEM;
		return NULL;
	}
	return t;
}

void trail_warm(struct trail *t)
{
	pages_touch(t->ring, t->cap * sizeof(*t->ring));
}

void trail_free(struct trail *t)
{
	if (t)
		free(t->ring);
	free(t);
}

void trail_add(struct trail *t, uint64_t *last, const struct segment *s, bool from_client)
{
	t->ring[++t->newest % t->cap] = (struct entry){
		.before = *last,
		.p = {
			.t = s->t,
			.seq = s->seq,
			.ack = s->ack,
			.length = s->payload,
			.window = s->window,
			.flags = s->flags,
			.ttl = s->ttl,
			.icmp_type = s->icmp_type,
			.icmp_code = s->icmp_code,
			.icmp = s->kind == SEGMENT_ICMP,
			.from_client = from_client,
		},
	};
	*last = t->newest;
}

static const struct entry *entry_of(const struct trail *t, uint64_t number)
{
	return number > 0 && number + t->cap > t->newest ? &t->ring[number % t->cap] : NULL;
}

size_t trail_read(const struct trail *t, uint64_t last, struct trail_packet *ret, size_t max, size_t *ret_skipped)
{
	const struct entry *e = entry_of(t, last), *first = NULL;
	size_t n = 0, more = 0;

	for (; e && n < max - 1; e = entry_of(t, e->before))
		ret[n++] = e->p;
	for (; e && more < CHAIN_MAX; e = entry_of(t, e->before), more++)
		first = e;
	*ret_skipped = more > 0 ? more - 1 : 0;
	if (first)
		ret[n++] = first->p;
	for (size_t i = 0; i < n / 2; i++) {
		struct trail_packet p = ret[i];

		ret[i] = ret[n - 1 - i];
		ret[n - 1 - i] = p;
	}
	return n;
}

void trail_shift(struct trail *t, int64_t delta)
{
	for (size_t i = 0; i < t->cap; i++)
		t->ring[i].p.t += delta;
}
