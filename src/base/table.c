/* table.c - a hash table of fixed capacity that evicts its least recently touched entry. */
#include "table.h"
#include "pages.h"

#include <stdlib.h>
#include <string.h>

/* Followed in memory by the key, padded to 8 bytes, and the value. */
struct entry {
	uint32_t chain;
	uint32_t older, newer;
	uint32_t bucket; /* TABLE_NONE while free */
};

struct table {
	struct hash_key key;
	size_t cap, key_size, key_room, stride, used;
	uint64_t evicted;
	uint32_t *buckets;
	uint32_t mask;
	uint32_t oldest, newest;
	uint32_t free;  /* removed ones */
	uint32_t fresh; /* from here on no entry has been used yet */
	char *entries;
};

static size_t round_up(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static struct entry *entry_at(const struct table *t, uint32_t i)
{
	return (struct entry *)(void *)(t->entries + (size_t)i * t->stride);
}

static char *key_of(struct entry *e)
{
	return (char *)(e + 1);
}

static void *value_of(const struct table *t, uint32_t i)
{
	return key_of(entry_at(t, i)) + t->key_room;
}

static uint32_t index_of(const struct table *t, const void *value)
{
	return (uint32_t)((size_t)((const char *)value - t->entries) / t->stride);
}

struct table *table_new(size_t cap, size_t key_size, size_t value_size, struct hash_key key)
{
	struct table *t = calloc(1, sizeof(*t));
	uint32_t buckets = 16;

	if (!t)
		return NULL;
	while (buckets < cap)
		buckets *= 2;
	t->key = key;
	t->cap = cap;
	t->key_size = key_size;
	t->key_room = round_up(key_size);
	t->stride = round_up(sizeof(struct entry) + t->key_room + value_size);
	t->mask = buckets - 1;
	t->buckets = malloc(buckets * sizeof(*t->buckets));
	t->entries = malloc(cap * t->stride);
	if (!t->buckets || !t->entries) {
		table_free(t);
		return NULL;
	}
	table_clear(t);
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	free(t->buckets);
	free(t->entries);
	free(t);
}

void table_clear(struct table *t)
{
	memset(t->buckets, 0xff, ((size_t)t->mask + 1) * sizeof(*t->buckets));
	t->free = TABLE_NONE;
	t->fresh = 0;
	t->oldest = t->newest = TABLE_NONE;
	t->used = 0;
}

void table_warm(struct table *t)
{
	pages_touch(t->entries, t->cap * t->stride);
}

void table_copy(struct table *to, const struct table *from)
{
	to->key = from->key;
	to->used = from->used;
	to->evicted = from->evicted;
	to->oldest = from->oldest;
	to->newest = from->newest;
	to->free = from->free;
	to->fresh = from->fresh;
	memcpy(to->buckets, from->buckets, ((size_t)from->mask + 1) * sizeof(*from->buckets));
	memcpy(to->entries, from->entries, from->fresh * from->stride);
}

static void lru_unlink(struct table *t, uint32_t i)
{
	struct entry *e = entry_at(t, i);

	if (e->older != TABLE_NONE)
		entry_at(t, e->older)->newer = e->newer;
	else
		t->oldest = e->newer;
	if (e->newer != TABLE_NONE)
		entry_at(t, e->newer)->older = e->older;
	else
		t->newest = e->older;
}

static void lru_append(struct table *t, uint32_t i)
{
	struct entry *e = entry_at(t, i);

	e->older = t->newest;
	e->newer = TABLE_NONE;
	if (t->newest != TABLE_NONE)
		entry_at(t, t->newest)->newer = i;
	else
		t->oldest = i;
	t->newest = i;
}

static uint32_t find(const struct table *t, const void *key, uint32_t bucket)
{
	uint32_t i = t->buckets[bucket];

	while (i != TABLE_NONE && memcmp(key_of(entry_at(t, i)), key, t->key_size) != 0)
		i = entry_at(t, i)->chain;
	return i;
}

static uint32_t bucket_of(const struct table *t, const void *key)
{
	return (uint32_t)hash_bytes(&t->key, key, t->key_size) & t->mask;
}

void *table_find(struct table *t, const void *key)
{
	uint32_t i = find(t, key, bucket_of(t, key));

	return i == TABLE_NONE ? NULL : value_of(t, i);
}

void table_remove(struct table *t, void *value)
{
	uint32_t i = index_of(t, value);
	struct entry *e = entry_at(t, i);
	uint32_t *link = &t->buckets[e->bucket];

	while (*link != i)
		link = &entry_at(t, *link)->chain;
	*link = e->chain;
	lru_unlink(t, i);
	e->bucket = TABLE_NONE;
	e->chain = t->free;
	t->free = i;
	t->used--;
}

void *table_get(struct table *t, const void *key, bool *ret_new,
	void (*evict)(void *ctx, void *value), void *ctx)
{
	uint32_t bucket = bucket_of(t, key);
	uint32_t i = find(t, key, bucket);
	struct entry *e;

	if (ret_new)
		*ret_new = i == TABLE_NONE;
	if (i != TABLE_NONE)
		return value_of(t, i);
	if (t->free == TABLE_NONE && t->fresh == t->cap) {
		void *oldest = value_of(t, t->oldest);

		if (evict)
			evict(ctx, oldest);
		if (t->free == TABLE_NONE)
			table_remove(t, oldest);
		t->evicted++;
	}
	i = t->free == TABLE_NONE ? t->fresh++ : t->free;
	e = entry_at(t, i);
	if (i == t->free)
		t->free = e->chain;
	memset(key_of(e), 0, t->stride - sizeof(*e));
	memcpy(key_of(e), key, t->key_size);
	e->bucket = bucket;
	e->chain = t->buckets[bucket];
	t->buckets[bucket] = i;
	lru_append(t, i);
	t->used++;
	return value_of(t, i);
}

void table_touch(struct table *t, void *value)
{
	uint32_t i = index_of(t, value);

	if (t->newest == i)
		return;
	lru_unlink(t, i);
	lru_append(t, i);
}

const void *table_key(const struct table *t, const void *value)
{
	return key_of(entry_at(t, index_of(t, value)));
}

void *table_next(struct table *t, void *value)
{
	uint32_t i = value ? entry_at(t, index_of(t, value))->newer : t->oldest;

	return i == TABLE_NONE ? NULL : value_of(t, i);
}

uint32_t table_index(const struct table *t, const void *value)
{
	return index_of(t, value);
}

void *table_at(struct table *t, uint32_t index)
{
	return index < t->fresh && entry_at(t, index)->bucket != TABLE_NONE ? value_of(t, index) : NULL;
}

size_t table_used(const struct table *t)
{
	return t->used;
}

size_t table_cap(const struct table *t)
{
	return t->cap;
}

uint64_t table_evicted(const struct table *t)
{
	return t->evicted;
}
