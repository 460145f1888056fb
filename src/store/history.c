/* history.c - what happened at a port over time. */
#include "history.h"
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>

static const int widths[HISTORY_SCALES] = {1, 10, 60, 600};

struct port_history {
	struct history_slot slots[HISTORY_SCALES][HISTORY_SLOTS];
};

struct history {
	struct table *ports; /* int64_t place -> struct port_history */
};

struct history *history_new(struct hash_key key)
{
	struct history *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->ports = table_new(HISTORY_PORTS, sizeof(int64_t), sizeof(struct port_history), key);
	if (!h->ports) {
		free(h);
		errno = ENOMEM;
		return NULL;
	}
	return h;
}

void history_free(struct history *h)
{
	if (h)
		table_free(h->ports);
	free(h);
}

void history_warm(struct history *h)
{
	table_warm(h->ports);
}

void history_clear(struct history *h)
{
	table_clear(h->ports);
}

void history_copy(struct history *to, const struct history *from)
{
	table_copy(to->ports, from->ports);
}

int history_width(int scale)
{
	return widths[scale];
}

static uint32_t slot_number(int scale, int64_t t)
{
	return (uint32_t)(t / 1000000 / widths[scale]);
}

static void grow(uint16_t *v, uint16_t by)
{
	*v = (uint16_t)(*v + by < *v ? UINT16_MAX : *v + by > UINT16_MAX ? UINT16_MAX : *v + by);
}

static void add_to(struct history_slot *s, const struct history_slot *c)
{
	grow(&s->syn, c->syn);
	grow(&s->accepted, c->accepted);
	grow(&s->refused, c->refused);
	grow(&s->reset, c->reset);
	grow(&s->silent, c->silent);
	grow(&s->fin, c->fin);
	grow(&s->rst, c->rst);
	s->queue = c->queue > s->queue ? c->queue : s->queue;
	s->up = (uint8_t)(s->up + c->up > UINT8_MAX ? UINT8_MAX : s->up + c->up);
	s->down = (uint8_t)(s->down + c->down > UINT8_MAX ? UINT8_MAX : s->down + c->down);
}

void history_add(struct history *h, int64_t place, int64_t t, const struct history_slot *counts)
{
	struct port_history *p = table_get(h->ports, &place, NULL, NULL, NULL);

	table_touch(h->ports, p);
	for (int i = 0; i < HISTORY_SCALES; i++) {
		uint32_t at = slot_number(i, t);
		struct history_slot *s = &p->slots[i][at % HISTORY_SLOTS];

		if (s->at != at)
			*s = (struct history_slot){.at = at};
		add_to(s, counts);
	}
}

const struct history_slot *history_at(const struct history *h, int64_t place, int scale, int64_t t)
{
	const struct port_history *p = table_find(h->ports, &place);
	const struct history_slot *s;

	if (!p || t < 0)
		return NULL;
	s = &p->slots[scale][slot_number(scale, t) % HISTORY_SLOTS];
	return s->at == slot_number(scale, t) ? s : NULL;
}
