/* trail.h - the last packets of attempts, so that a verdict can show them. */
#pragma once

#include "fact.h"

#include <stddef.h>

/*
 * Theory of operation
 *
 * One ring for all attempts. Each entry has the number of its attempt's entry before it, and an attempt has the number
 * of its last: writing costs one entry and no look-up, reading follows the chain back. What the ring has overwritten
 * ends a chain, since its number is too small.
 */
struct trail;

struct trail_packet {
	int64_t t;
	uint32_t seq, ack;
	uint16_t length; /* payload in bytes */
	uint16_t window;
	uint8_t flags, ttl;
	uint8_t icmp_type, icmp_code;
	bool icmp, from_client; /* of an ICMP error: who sent what it quotes */
};

/* All memory is taken here, and touched by trail_warm(). NULL with errno. */
struct trail *trail_new(size_t packets);
void trail_free(struct trail *t);
void trail_warm(struct trail *t);

/* Notes a packet of the attempt whose last number is *last (0: none yet). */
void trail_add(struct trail *t, uint64_t *last, const struct segment *s, bool from_client);

/*
 * The packets that end with number last, oldest first: the first one that is kept and the latest, at most max (2 or more).
 * Returns how many; *ret_skipped: how many are left out after the first.
 */
size_t trail_read(const struct trail *t, uint64_t last, struct trail_packet *ret, size_t max, size_t *ret_skipped);

/* Moves all times, when the clock was set. */
void trail_shift(struct trail *t, int64_t delta);
