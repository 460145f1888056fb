/* reasons.h - the kernel's words on dropped packets and RSTs, to be found again by the attempt they are about. */
#pragma once

#include "base/hash.h"
#include "fact.h"

/*
 * Theory of operation
 *
 * A word comes before its packet: the capture ring delivers up to 100 ms later. So words are not put into attempts but
 * kept by the ends of their packet, and looked for when an attempt is judged. The client's end is the key, since
 * address translation changes the server's. Where the flags do not say who the client is, a word is kept under both
 * ends. Of a flood the kernel's side tells samples only; for the others there is the port's latest word, kept under
 * no address.
 */
enum word_kind {
	WORD_SYN,        /* a SYN from the end was dropped */
	WORD_SYN_ACK,    /* a SYN-ACK to it */
	WORD_FROM,       /* another segment from it */
	WORD_TO,         /* another segment to it */
	WORD_RESET_TO,   /* this host sent a RST to it */
	WORD_RESET_FROM, /* this host sent a RST from it */
	WORD_KINDS,
};

struct reasons;

/* All memory is taken here. NULL with errno. */
struct reasons *reasons_new(struct hash_key key);
void reasons_free(struct reasons *r);

void reasons_add(struct reasons *r, const struct kernel_word *w);

/* The latest word of a kind about an end since then; NULL: none. Valid until the next reasons_add(). */
const struct kernel_word *reasons_find(struct reasons *r, enum word_kind kind, const struct ip *ip, uint16_t port,
	int64_t since);

/*
 * The latest word since then on SYNs that came for a port, whosever they were, if not every one of them was told:
 * WORD_SYN, or WORD_SYN_ACK for the answers.
 */
const struct kernel_word *reasons_of_port(struct reasons *r, enum word_kind kind, uint16_t port, int64_t since);

/* Moves all times, when the clock was set. */
void reasons_shift(struct reasons *r, int64_t delta);
