/* hash.h - SipHash-2-4, keyed per run, for tables whose keys an attacker chooses. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k[2];
};

/* A key nobody outside can know (getrandom(2); the clock where that fails). */
struct hash_key hash_key_random(void);

/* SipHash-2-4 of n bytes (Aumasson and Bernstein, 2012). */
uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t n);
