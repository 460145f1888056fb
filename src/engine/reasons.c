/* reasons.c - the kernel's words, kept by the ends of their packets. */
#include "reasons.h"
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	ENDS_MAX = 1024,
	RUN_GAP = 10000000, /* retransmissions come at most so far apart while anybody waits for them */
};

struct end_key {
	struct ip ip; /* all zero: of a port, whatever the address */
	uint16_t port;
	uint16_t pad;
};

struct end {
	struct kernel_word words[WORD_KINDS];
	int64_t skipped[WORD_KINDS]; /* when one that was only counted had come before; of ports */
};

struct reasons {
	struct table *ends;
};

struct reasons *reasons_new(struct hash_key key)
{
	struct reasons *r = calloc(1, sizeof(*r));

	if (r)
		r->ends = table_new(ENDS_MAX, sizeof(struct end_key), sizeof(struct end), key);
	if (r && r->ends)
		return r;
	free(r);
	errno = ENOMEM;
	return NULL;
}

void reasons_free(struct reasons *r)
{
	if (!r)
		return;
	table_free(r->ends);
	free(r);
}

static struct end *end_of(struct reasons *r, const struct ip *ip, uint16_t port)
{
	struct end_key key = {.ip = *ip, .port = port};
	struct end *end = table_get(r->ends, &key, NULL, NULL, NULL);

	table_touch(r->ends, end);
	return end;
}

static void keep(struct reasons *r, enum word_kind kind, const struct ip *ip, uint16_t port,
	const struct kernel_word *w)
{
	struct kernel_word *kept = &end_of(r, ip, port)->words[kind];
	bool again = kept->t != 0 && w->t - kept->t < RUN_GAP && kept->reason == w->reason;
	uint32_t times = again ? kept->times + 1 : 1;
	int64_t since = again ? kept->since : w->t;

	*kept = *w;
	kept->times = times;
	kept->since = since;
}

static void keep_of_port(struct reasons *r, enum word_kind kind, uint16_t port, const struct kernel_word *w)
{
	static const struct ip any;
	struct end *end = end_of(r, &any, port);
	const struct kernel_word *before = &end->words[kind];

	if (before->t != 0 && before->reason == w->reason && w->count > before->count + 1)
		end->skipped[kind] = w->t;
	end->words[kind] = *w;
}

/*
 * NOT_SPECIFIED is what a repeated SYN of a half-open connection gets, and QUEUE_PURGE what waited in a socket that is
 * closed: they say nothing. Only a queue that nobody reads has no better name (nf_queue, net/netfilter/nf_queue.c, v6.18).
 */
static bool says_nothing(const struct kernel_word *w)
{
	bool named = w->name[0] && strcmp(w->name, "NOT_SPECIFIED") != 0 && strcmp(w->name, "QUEUE_PURGE") != 0 &&
		     w->flags & TCP_SYN;

	return !w->reset && w->reason == REASON_OTHER && !named && strncmp(w->function, "nf_queue", 8) != 0;
}

void reasons_add(struct reasons *r, const struct kernel_word *w)
{
	if (says_nothing(w))
		return;
	if (w->reset) {
		keep(r, WORD_RESET_TO, &w->dst, w->dport, w);
		keep(r, WORD_RESET_FROM, &w->src, w->sport, w);
	} else if ((w->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
		keep(r, WORD_SYN, &w->src, w->sport, w);
		keep_of_port(r, WORD_SYN, w->dport, w);
	} else if (w->flags & TCP_SYN) {
		keep(r, WORD_SYN_ACK, &w->dst, w->dport, w);
		keep_of_port(r, WORD_SYN_ACK, w->sport, w);
	} else {
		keep(r, WORD_FROM, &w->src, w->sport, w);
		keep(r, WORD_TO, &w->dst, w->dport, w);
	}
}

static const struct end *find(struct reasons *r, const struct ip *ip, uint16_t port)
{
	struct end_key key = {.ip = *ip, .port = port};

	return table_find(r->ends, &key);
}

const struct kernel_word *reasons_find(struct reasons *r, enum word_kind kind, const struct ip *ip, uint16_t port,
	int64_t since)
{
	const struct end *end = find(r, ip, port);

	return end && end->words[kind].t != 0 && end->words[kind].t >= since ? &end->words[kind] : NULL;
}

const struct kernel_word *reasons_of_port(struct reasons *r, enum word_kind kind, uint16_t port, int64_t since)
{
	static const struct ip any;
	const struct end *end = find(r, &any, port);

	return end && end->skipped[kind] != 0 && end->skipped[kind] >= since ? &end->words[kind] : NULL;
}

void reasons_shift(struct reasons *r, int64_t delta)
{
	for (struct end *end = NULL; (end = table_next(r->ends, end));)
		for (int i = 0; i < WORD_KINDS; i++) {
			end->words[i].t += end->words[i].t ? delta : 0;
			end->words[i].since += delta;
			end->skipped[i] += end->skipped[i] ? delta : 0;
		}
}
