/* listeners.c - who listens where, since when, and who did and went. */
#include "listeners.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int listeners_init(struct listeners *l, struct hash_key key)
{
	memset(l, 0, sizeof(*l));
	l->table = table_new(LISTENERS_MAX + LISTENERS_GONE, sizeof(uint64_t), sizeof(struct listener), key);
	return l->table ? 0 : -ENOMEM;
}

void listeners_fini(struct listeners *l)
{
	for (struct listener *one = NULL; l->table && (one = table_next(l->table, one));)
		free(one->ring);
	table_free(l->table);
	l->table = NULL;
}

/* Rings of listeners with something in common: a head is 1 + the first one's index, the newest comes last. */
static struct listener *at(const struct listeners *l, uint32_t index)
{
	return table_at(l->table, index);
}

static struct listener_link *link_of(struct listener *one, bool port)
{
	return port ? &one->by_port : &one->by_inode;
}

static uint32_t *head_of(struct listeners *l, const struct listener *one, bool port)
{
	return port ? &l->ports[one->row.port] : &l->inodes[one->row.inode % LISTENER_INODES];
}

static void join(struct listeners *l, struct listener *one, bool port)
{
	uint32_t *head = head_of(l, one, port), i = table_index(l->table, one);
	struct listener_link *own = link_of(one, port), *first;

	own->next = own->before = i;
	if (*head == 0) {
		*head = i + 1;
		return;
	}
	first = link_of(at(l, *head - 1), port);
	own->next = *head - 1;
	own->before = first->before;
	link_of(at(l, first->before), port)->next = i;
	first->before = i;
}

static void part(struct listeners *l, struct listener *one, bool port)
{
	uint32_t *head = head_of(l, one, port), i = table_index(l->table, one);
	struct listener_link *own = link_of(one, port);

	if (own->next == i) {
		*head = 0;
		return;
	}
	link_of(at(l, own->next), port)->before = own->before;
	link_of(at(l, own->before), port)->next = own->next;
	if (*head == i + 1)
		*head = own->next + 1;
}

static void forget(struct listeners *l, struct listener *one)
{
	part(l, one, true);
	part(l, one, false);
	free(one->ring);
	table_remove(l->table, one);
}

/* The place of the i-th sample of all. Most listeners never have more than two: nothing moves. */
static struct listener_sample *slot(const struct listener *one, uint32_t i)
{
	return one->ring ? &one->ring[i % LISTENER_SAMPLES] : (struct listener_sample *)&one->first[i % LISTENER_FIRST];
}

static uint32_t kept(const struct listener *one)
{
	uint32_t room = one->ring ? LISTENER_SAMPLES : LISTENER_FIRST;

	return one->n_samples < room ? one->n_samples : room;
}

static void add_sample(struct listener *one, int64_t t)
{
	const struct socket_row *r = &one->row;
	const struct listener_sample *last;

	if (one->n_samples > 0) {
		last = slot(one, one->n_samples - 1);
		if (last->drops == r->drops && last->queue == r->queue &&
			last->queue_max == r->queue_max)
			return;
	}
	if (one->n_samples == LISTENER_FIRST && !one->ring) {
		one->ring = calloc(LISTENER_SAMPLES, sizeof(*one->ring));
		if (one->ring) /* else the last two have to do */
			memcpy(one->ring, one->first, sizeof(one->first));
	}
	*slot(one, one->n_samples++) = (struct listener_sample){
		.t = t,
		.drops = r->drops,
		.queue = r->queue,
		.queue_max = r->queue_max,
	};
}

/* Room for one more: one that went makes way when many are remembered. False: all places are taken by live ones. */
static bool make_room(struct listeners *l)
{
	size_t live = (size_t)(l->came - l->went);
	struct listener *oldest = table_next(l->table, NULL);

	if (live >= LISTENERS_MAX)
		return false;
	if (oldest && oldest->gone != 0 && table_used(l->table) - live >= LISTENERS_GONE)
		forget(l, oldest);
	return table_used(l->table) < table_cap(l->table);
}

static struct listener *add(struct listeners *l, int64_t t, const struct socket_row *row)
{
	struct listener *one;

	if (!make_room(l)) {
		l->refused++;
		return NULL;
	}
	one = table_get(l->table, &row->cookie, NULL, NULL, NULL);
	one->row = *row;
	join(l, one, true);
	join(l, one, false);
	one->drops_told = l->last_poll ? 0 : row->drops;
	/* What an incomplete snapshot did not show may have been there: then it was missing long ago, for all that is known. */
	one->absent = l->last_whole ? l->last_whole : l->last_poll != 0;
	one->up = t;
	l->came++;
	return one;
}

static void take_row(struct listeners *l, int64_t t, const struct socket_row *row,
	void (*changed)(void *ctx, struct listener *one), void *ctx)
{
	struct listener *one = table_find(l->table, &row->cookie);
	bool fresh = !one;

	if (one && one->gone_exact)
		return; /* the multicast spoke after this dump was taken */
	if (fresh)
		one = add(l, t, row);
	if (!one)
		return;
	if (one->gone != 0) { /* two dumps in a row lacked it, wrongly */
		one->gone = 0;
		one->announced = false;
		l->went--;
	}
	if (one->row.port != row->port || one->row.inode != row->inode) { /* no listener of ours does that */
		part(l, one, true);
		part(l, one, false);
		one->row = *row;
		join(l, one, true);
		join(l, one, false);
	}
	one->row = *row;
	one->seen = t;
	one->waiting_since = row->queue == 0 ? 0 : one->waiting_since ? one->waiting_since : t;
	one->missed = 0;
	table_touch(l->table, one);
	add_sample(one, t);
	if (fresh || one->announce_queue != row->queue || one->announce_queue_max != row->queue_max)
		changed(ctx, one);
}

/* Takes a snapshot; which: all: whose absence counts, or only those of one port. */
static bool take_snapshot(struct listeners *l, int64_t t, const struct socket_row *rows, size_t n, bool all, uint16_t whole,
	void (*changed)(void *ctx, struct listener *one), void *ctx)
{
	bool doubt = false;

	for (struct listener *one = NULL; (one = table_next(l->table, one));)
		if (one->gone == 0 && one->missed < UINT8_MAX && (all || one->row.port == whole))
			one->missed++;
	for (size_t i = 0; i < n; i++)
		take_row(l, t, &rows[i], changed, ctx);
	for (struct listener *one = NULL; (one = table_next(l->table, one));) {
		if (one->gone != 0 || one->missed == 0 || (!all && one->row.port != whole))
			continue;
		if (one->missed == 1) {
			doubt = true;
			continue;
		}
		one->gone = t;
		l->went++;
		changed(ctx, one);
	}
	l->last_poll = t;
	return doubt;
}

bool listeners_poll(struct listeners *l, int64_t t, const struct socket_row *rows, size_t n,
	void (*changed)(void *ctx, struct listener *one), void *ctx)
{
	bool doubt = take_snapshot(l, t, rows, n, true, 0, changed, ctx);

	l->last_whole = t;
	return doubt;
}

bool listeners_poll_some(struct listeners *l, int64_t t, const struct socket_row *rows, size_t n, uint16_t whole,
	void (*changed)(void *ctx, struct listener *one), void *ctx)
{
	bool doubt = take_snapshot(l, t, rows, n, false, whole, changed, ctx);

	l->last_whole = 0; /* what comes up by the next snapshot may have been there */
	return doubt;
}

void listeners_shift(struct listeners *l, int64_t delta)
{
	for (struct listener *one = NULL; (one = table_next(l->table, one));) {
		one->up += delta;
		one->seen += delta;
		one->dropped_after += one->dropped_after ? delta : 0;
		one->waiting_since += one->waiting_since ? delta : 0;
		one->announce_by += delta;
		if (one->absent)
			one->absent += delta;
		if (one->gone)
			one->gone += delta;
		for (uint32_t i = 0; i < kept(one); i++)
			slot(one, one->n_samples - 1 - i)->t += delta;
	}
	if (l->last_poll)
		l->last_poll += delta;
	if (l->last_whole)
		l->last_whole += delta;
}

struct listener *listeners_destroyed(struct listeners *l, int64_t t, uint64_t cookie)
{
	struct listener *one = table_find(l->table, &cookie);

	if (!one || one->gone != 0)
		return NULL;
	one->gone = t;
	one->gone_exact = true;
	l->went++;
	return one;
}

struct listener *listeners_next(struct listeners *l, uint16_t port, struct listener *after)
{
	uint32_t head = l->ports[port];

	if (head == 0 || (after && after->by_port.next == head - 1))
		return NULL;
	return at(l, after ? after->by_port.next : head - 1);
}

struct listener *listeners_of_inode(struct listeners *l, uint32_t inode)
{
	uint32_t head = l->inodes[inode % LISTENER_INODES];
	struct listener *one = head ? at(l, head - 1) : NULL;

	while (one && one->row.inode != inode)
		one = one->by_inode.next == head - 1 ? NULL : at(l, one->by_inode.next);
	return one;
}

enum near listener_near(const struct socket_row *row, const struct ip *addr, uint32_t ifindex)
{
	bool syn4 = ip_is_v4(addr);
	bool row4 = ip_is_v4(&row->addr); /* an IPv6 socket bound to a v4-mapped address too */
	bool any = ip_is_any(&row->addr);
	bool family_fits = row4 ? syn4 : !syn4 || (any && !row->v6only);
	bool address_fits = any || ip_equal(&row->addr, addr);

	if (family_fits && address_fits)
		return row->ifindex == 0 || ifindex == 0 || row->ifindex == ifindex ? NEAR_ACCEPTS
										     : NEAR_DEVICE;
	if (ip_is_loopback(&row->addr) && !ip_is_loopback(addr))
		return NEAR_LOOPBACK;
	if (!family_fits && any)
		return syn4 ? NEAR_V6ONLY : NEAR_V4ONLY;
	return NEAR_ADDRESS;
}

const char *listener_reach(const struct socket_row *row)
{
	if (row->ifindex != 0)
		return "device";
	if (ip_is_any(&row->addr))
		return "everyone";
	if (ip_is_loopback(&row->addr))
		return "loopback";
	return ip_is_link_local(&row->addr) ? "link-local" : "address";
}

const char *listener_family(const struct socket_row *row)
{
	if (ip_is_v4(&row->addr) || !row->v6)
		return "ipv4";
	return ip_is_any(&row->addr) && !row->v6only ? "dual" : "ipv6";
}

/* Samples from the newest back: i counts from 0; NULL past the oldest kept. */
static const struct listener_sample *sample_back(const struct listener *l, uint32_t i)
{
	return i < kept(l) ? slot(l, l->n_samples - 1 - i) : NULL;
}

uint32_t listener_drops_since(const struct listener *l, int64_t t, bool *ret_exact)
{
	const struct listener_sample *s, *oldest = NULL;
	uint32_t now = l->row.drops;

	*ret_exact = true;
	for (uint32_t i = 0; (s = sample_back(l, i)); i++) {
		if (s->t <= t)
			return now - s->drops;
		oldest = s;
	}
	/* One that came up under watch, at t at the earliest or up to one poll before, began at 0. */
	if (l->n_samples <= kept(l) && l->absent != 0)
		return now;
	*ret_exact = false;
	return oldest ? now - oldest->drops : 0;
}

struct listener_sample listener_fullest_since(const struct listener *l, int64_t t)
{
	struct listener_sample best = {0, 0, 0, 0};
	const struct listener_sample *s;

	for (uint32_t i = 0; (s = sample_back(l, i)); i++) {
		if (i == 0 || (int64_t)s->queue - s->queue_max > (int64_t)best.queue - best.queue_max)
			best = *s;
		if (s->t <= t)
			break;
	}
	return best;
}
