/* nftrace_join.h - the kernel's trace messages joined into packets. Pure. Private to nftrace*.c. */
#pragma once

#include "collect/nftrace.h"

struct nftrace_join;

enum { NFTRACE_JOIN_PACKETS = 128 }; /* under way, or told of and not yet fetched */

/* table: the name of our own tables, whose rules begin a packet. NULL with errno. */
struct nftrace_join *nftrace_join_new(const char *table);
void nftrace_join_free(struct nftrace_join *j);

/* Takes one netlink message of n bytes; what is no trace message, or not well formed, is left aside. */
void nftrace_join_take(struct nftrace_join *j, const void *msg, size_t n, int64_t now_us);

/* Messages were lost: what is under way is no longer complete. */
void nftrace_join_lost(struct nftrace_join *j);

/* All messages up to now_us were taken: packets without a word for NFTRACE_WAIT_US have passed. */
void nftrace_join_expire(struct nftrace_join *j, int64_t now_us);

/* The packet that ended first, its interfaces without names. False when there is none. */
bool nftrace_join_next(struct nftrace_join *j, struct nftrace_result *ret);

int64_t nftrace_join_due(const struct nftrace_join *j);
uint64_t nftrace_join_evicted(const struct nftrace_join *j);
