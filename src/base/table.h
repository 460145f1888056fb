/* table.h - a hash table of fixed capacity that evicts its least recently touched entry. */
#pragma once

#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table;

#define TABLE_NONE UINT32_MAX

/*
 * A table of cap entries, each a key of key_size bytes and a zeroed value of value_size bytes. All
 * memory is taken here (and touched by table_warm()): nothing grows later. NULL with errno when there is
 * none. Keys are compared byte by byte, so padding in them must be zero.
 */
struct table *table_new(size_t cap, size_t key_size, size_t value_size, struct hash_key key);
void table_free(struct table *t);

/* Touches all of its memory, so that use does not make the process grow. */
void table_warm(struct table *t);

/* The value under key, or NULL. */
void *table_find(struct table *t, const void *key);

/*
 * The value under key, made (zeroed) if it was not there; *ret_new (may be NULL) says so. A full table
 * first calls evict (may be NULL) with its oldest value, then reuses it. Never NULL.
 */
void *table_get(struct table *t, const void *key, bool *ret_new,
		void (*evict)(void *ctx, void *value), void *ctx);

/* Makes the entry the most recent one. */
void table_touch(struct table *t, void *value);
void table_remove(struct table *t, void *value);
void table_clear(struct table *t);

/* Makes to what from is: both made with the same sizes. Pointers into one are not valid in the other. */
void table_copy(struct table *to, const struct table *from);

/* The key of a value. */
const void *table_key(const struct table *t, const void *value);

/* Values from the oldest to the newest touched: NULL starts, NULL ends. */
void *table_next(struct table *t, void *value);

/* A stable number for a value while it lives, and back. */
uint32_t table_index(const struct table *t, const void *value);
void *table_at(struct table *t, uint32_t index);

size_t table_used(const struct table *t);
size_t table_cap(const struct table *t);
uint64_t table_evicted(const struct table *t); /* since table_new() */
