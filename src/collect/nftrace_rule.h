/* nftrace_rule.h - the messages that make our tables, chains and rules. Pure. Private to nftrace*.c. */
#pragma once

#include "base/ip.h"

#include <net/if.h>

struct nlmsghdr;

enum { NFTRACE_BATCH = 65536 }; /* 1,000 devices take 24 KiB, a rule 1 KiB */

/* What to trace. */
struct nftrace_wish {
	struct ip peer;
	bool any, v6; /* any: of the family that v6 tells */
	uint16_t port;
};

/* A transaction's messages. Numbers go on from seq; last is that of the message added last. */
struct nftrace_batch {
	char *buf; /* of NFTRACE_BATCH bytes, not checked: who adds knows how much there is */
	size_t used;
	unsigned int *seq;
	uint32_t last;
};

/* Each returns the message that it added. */
struct nlmsghdr *nftrace_add_begin(struct nftrace_batch *b);
struct nlmsghdr *nftrace_add_end(struct nftrace_batch *b);
struct nlmsghdr *nftrace_add_table(struct nftrace_batch *b, const char *table, uint8_t family);
struct nlmsghdr *nftrace_add_removal(struct nftrace_batch *b, const char *table, uint8_t family);
/* n_devices 0: a hook that is none of devices. */
struct nlmsghdr *nftrace_add_chain(struct nftrace_batch *b, const char *table, uint8_t family, const char *chain,
	uint32_t hook, const char (*devices)[IF_NAMESIZE], size_t n_devices);
/* out: for the answers to the peer. */
struct nlmsghdr *nftrace_add_rule(struct nftrace_batch *b, const char *table, uint8_t family, const char *chain,
	const struct nftrace_wish *w, bool out);
