/* inner.c - packets that this host forwards. */
#include "inner.h"
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>

enum {
	INNERS_MAX = 2048,
};

struct inner_key {
	struct ip client;
	uint16_t port, pad;
};

struct inners {
	struct table *table; /* struct inner_key -> struct inner */
};

struct inners *inners_new(struct hash_key key)
{
	struct inners *n = calloc(1, sizeof(*n));

	if (n)
		n->table = table_new(INNERS_MAX, sizeof(struct inner_key), sizeof(struct inner), key);
	if (n && n->table)
		return n;
	free(n);
	errno = ENOMEM;
	return NULL;
}

void inners_free(struct inners *n)
{
	if (!n)
		return;
	table_free(n->table);
	free(n);
}

static void on_syn(struct inners *n, const struct segment *s)
{
	struct inner_key key = {.client = s->src, .port = s->sport};
	struct inner *i = table_get(n->table, &key, NULL, NULL, NULL);

	table_touch(n->table, i);
	if (i->seq == s->seq && i->port == s->dport && ip_equal(&i->addr, &s->dst))
		return; /* sent again */
	*i = (struct inner){.addr = s->dst, .port = s->dport, .seq = s->seq, .ifindex = s->ifindex, .t = s->t};
}

static void on_answer(struct inners *n, const struct segment *s)
{
	struct inner_key key = {.client = s->dst, .port = s->dport};
	struct inner *i = table_find(n->table, &key);

	if (!i || i->port != s->sport || !ip_equal(&i->addr, &s->src) || s->ack != i->seq + 1)
		return;
	i->answered = s->t;
	i->answer_flags = s->flags;
}

/* A RST after the handshake, as it comes from the target or leaves for it. */
static void on_rst(struct inners *n, const struct segment *s)
{
	bool from_target = s->way == WAY_IN;
	struct inner_key key = {.client = from_target ? s->dst : s->src, .port = from_target ? s->dport : s->sport};
	struct inner *i = table_find(n->table, &key);

	if (!i || i->port != (from_target ? s->sport : s->dport) || !ip_equal(&i->addr, from_target ? &s->src : &s->dst))
		return;
	*(from_target ? &i->reset : &i->client_reset) = s->t;
}

void inners_segment(struct inners *n, const struct segment *s)
{
	if (s->kind != SEGMENT_TCP)
		return;
	if (s->way == WAY_OUT && (s->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN)
		on_syn(n, s);
	else if (s->way == WAY_IN && s->flags & TCP_ACK && s->flags & (TCP_SYN | TCP_RST))
		on_answer(n, s);
	if (s->flags & TCP_RST && (s->way == WAY_IN || s->way == WAY_OUT))
		on_rst(n, s);
}

const struct inner *inners_find(struct inners *n, const struct ip *client, uint16_t port, uint32_t seq)
{
	struct inner_key key = {.client = *client, .port = port};
	const struct inner *i = table_find(n->table, &key);

	return i && i->seq == seq ? i : NULL;
}

void inners_shift(struct inners *n, int64_t delta)
{
	for (struct inner *i = NULL; (i = table_next(n->table, i));) {
		i->t += delta;
		i->answered += i->answered ? delta : 0;
		i->reset += i->reset ? delta : 0;
		i->client_reset += i->client_reset ? delta : 0;
	}
}
