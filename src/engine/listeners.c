/* listeners.c - who listens where, since when, and who did and went. */
#include "listeners.h"

#include <errno.h>
#include <string.h>

int listeners_init(struct listeners *l, struct hash_key key)
{
	memset(l, 0, sizeof(*l));
	l->table = table_new(LISTENERS_MAX, sizeof(uint64_t), sizeof(struct listener), key);
	return l->table ? 0 : -ENOMEM;
}

void listeners_fini(struct listeners *l)
{
	table_free(l->table);
	l->table = NULL;
}

static void add_sample(struct listener *one, int64_t t)
{
	const struct socket_row *r = &one->row;
	struct listener_sample *last;

	if (one->n_samples > 0) {
		last = &one->samples[(one->n_samples - 1) % LISTENER_SAMPLES];
		if (last->drops == r->drops && last->queue == r->queue &&
			last->queue_max == r->queue_max)
			return;
	}
	one->samples[one->n_samples++ % LISTENER_SAMPLES] = (struct listener_sample){
		.t = t,
		.drops = r->drops,
		.queue = r->queue,
		.queue_max = r->queue_max,
	};
}

static void take_row(struct listeners *l, int64_t t, const struct socket_row *row,
	void (*changed)(void *ctx, struct listener *one), void *ctx)
{
	struct listener *one = table_find(l->table, &row->cookie), *oldest = NULL;
	bool fresh = !one;

	if (one && one->gone_exact)
		return; /* the multicast spoke after this dump was taken */
	if (fresh && table_used(l->table) == table_cap(l->table))
		oldest = table_next(l->table, NULL);
	if (oldest && oldest->gone == 0)
		return; /* all places are taken by live ones */
	if (fresh)
		one = table_get(l->table, &row->cookie, NULL, NULL, NULL);
	if (one->gone != 0) { /* two dumps in a row lacked it, wrongly */
		one->gone = 0;
		one->announced = false;
		l->went--;
	}
	if (fresh) {
		one->drops_told = one->absent || l->last_poll ? 0 : row->drops;
		one->absent = l->last_poll;
		one->up = t;
		l->came++;
		l->ports[row->port / 8] |= (uint8_t)(1u << row->port % 8);
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

bool listeners_poll(struct listeners *l, int64_t t, const struct socket_row *rows, size_t n,
	void (*changed)(void *ctx, struct listener *one), void *ctx)
{
	bool doubt = false;

	for (struct listener *one = NULL; (one = table_next(l->table, one));)
		if (one->gone == 0 && one->missed < UINT8_MAX)
			one->missed++;
	for (size_t i = 0; i < n; i++)
		take_row(l, t, &rows[i], changed, ctx);
	for (struct listener *one = NULL; (one = table_next(l->table, one));) {
		if (one->gone != 0 || one->missed == 0)
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
		for (int i = 0; i < LISTENER_SAMPLES; i++)
			one->samples[i].t += delta;
	}
	if (l->last_poll)
		l->last_poll += delta;
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
	struct listener *one = after;

	if (!(l->ports[port / 8] & 1u << port % 8))
		return NULL;
	while ((one = table_next(l->table, one)))
		if (one->row.port == port)
			return one;
	return NULL;
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
	if (i >= l->n_samples || i >= LISTENER_SAMPLES)
		return NULL;
	return &l->samples[(l->n_samples - 1 - i) % LISTENER_SAMPLES];
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
	if (l->n_samples <= LISTENER_SAMPLES && l->absent != 0)
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
