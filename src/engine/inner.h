/* inner.h - packets that this host forwards: where address translation leads a SYN, and what came back from there. */
#pragma once

#include "base/hash.h"
#include "fact.h"

/*
 * Theory of operation
 *
 * A SYN to a published port is on the wire twice: as it was dialled, and as it leaves for its target. Translation of
 * the destination changes neither the client's end nor the sequence number, so the two are found by these. Kept are
 * the inner copies alone; an attempt looks for its own when it is judged.
 */
struct inner {
	struct ip addr; /* of the target */
	uint16_t port;
	uint32_t seq; /* of the SYN */
	uint32_t ifindex; /* by which it left */
	int64_t t, answered; /* 0: not */
	uint8_t answer_flags; /* SYN-ACK or RST of the target */
	int64_t reset, client_reset; /* a RST later on: of the target, and of the client as it leaves for it; 0: none */
};

struct inners;

/* All memory is taken here. NULL with errno. */
struct inners *inners_new(struct hash_key key);
void inners_free(struct inners *n);

/* A segment between two addresses of which neither is this host's. */
void inners_segment(struct inners *n, const struct segment *s);

/* The inner copy of a client's SYN; NULL: none was seen. Valid until the next inners_segment(). */
const struct inner *inners_find(struct inners *n, const struct ip *client, uint16_t port, uint32_t seq);

/* Moves all times, when the clock was set. */
void inners_shift(struct inners *n, int64_t delta);
