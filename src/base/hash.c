/* hash.c - SipHash-2-4. */
#include "hash.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

static uint64_t rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static void round_once(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

struct hash_key hash_key_random(void)
{
	struct hash_key key = {{0, 0}};

	if (getrandom(&key, sizeof(key), GRND_NONBLOCK) != (ssize_t)sizeof(key)) {
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		key.k[0] ^= (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u;
		key.k[1] ^= (uint64_t)(uintptr_t)&key;
	}
	return key;
}

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t v[4] = {
		key->k[0] ^ 0x736f6d6570736575u,
		key->k[1] ^ 0x646f72616e646f6du,
		key->k[0] ^ 0x6c7967656e657261u,
		key->k[1] ^ 0x7465646279746573u,
	};
	uint64_t last = (uint64_t)n << 56;
	uint64_t m;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&m, p, 8);
		v[3] ^= m;
		round_once(v);
		round_once(v);
		v[0] ^= m;
	}
	for (size_t i = 0; i < n; i++)
		last |= (uint64_t)p[i] << (8 * i);
	v[3] ^= last;
	round_once(v);
	round_once(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		round_once(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
