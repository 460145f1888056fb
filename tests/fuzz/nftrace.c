/*
 * nftrace.c - fuzzes what joins nftables' trace messages into packets. The input is messages as they came; one that is
 * of another type lets time pass instead, by its sequence number, and its flags say what else happens.
 */
#include "base/text.h"
#include "collect/nftrace_join.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { TRACE = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE };

static void check(bool right)
{
	if (!right)
		abort();
}

static void check_clean(const char *s, size_t size)
{
	size_t n = strnlen(s, size);

	check(n < size);
	for (size_t i = n; i < size; i++) /* it crosses a process boundary: nothing of ours is behind the text */
		check(s[i] == '\0');
	while (n > 0) {
		uint32_t cp;
		size_t len = text_decode(s, n, &cp);

		check(len > 0 && text_columns(cp) > 0);
		s += len;
		n -= len;
	}
}

static void check_step(const struct nftrace_step *s)
{
	check_clean(s->family, sizeof(s->family));
	check_clean(s->table, sizeof(s->table));
	check_clean(s->chain, sizeof(s->chain));
	check_clean(s->base, sizeof(s->base));
	check(s->verdict < NFTRACE_VERDICT_COUNT);
}

static void check_result(const struct nftrace_result *r)
{
	bool ended = r->end != NFTRACE_PASSED;

	check(r->end < NFTRACE_END_COUNT && r->n_path <= NFTRACE_PATH && r->n_path <= r->n_steps);
	check(r->first_us <= r->last_us);
	check(ended == (r->by.family[0] != '\0'));
	check(!ended || (r->n_path > 0 && memcmp(&r->by, &r->path[r->n_path - 1], sizeof(r->by)) == 0));
	check(r->end != NFTRACE_DROPPED_BY_POLICY || r->by.handle == 0);
	check(r->v6 || ip_is_v4(&r->src));
	check_step(&r->by);
	for (uint32_t i = 0; i < r->n_path; i++)
		check_step(&r->path[i]);
}

static size_t fetch(struct nftrace_join *j)
{
	static struct nftrace_result r;
	size_t n = 0;

	while (nftrace_join_next(j, &r)) {
		check_result(&r);
		n++;
	}
	check(n <= NFTRACE_JOIN_PACKETS);
	return n;
}

static void take(struct nftrace_join *j, const struct nlmsghdr *nlh, int64_t *now)
{
	if (nlh->nlmsg_type == TRACE) {
		nftrace_join_take(j, nlh, nlh->nlmsg_len, *now);
		return;
	}
	*now += nlh->nlmsg_seq;
	if (nlh->nlmsg_flags & 1)
		nftrace_join_lost(j);
	if (nlh->nlmsg_flags & 2) {
		nftrace_join_expire(j, *now);
		check(nftrace_join_due(j) > *now);
	}
	if (nlh->nlmsg_flags & 4)
		fetch(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct nftrace_join *j = nftrace_join_new("tcpwhy_trace");
	void *copy = malloc(n ? n : 1);
	const struct nlmsghdr *nlh = copy;
	int64_t now = 1000000;
	int left = (int)n;

	if (j && copy && n <= 1 << 20) {
		if (n)
			memcpy(copy, data, n);
		for (; mnl_nlmsg_ok(nlh, left) && nlh->nlmsg_len <= (uint32_t)left; nlh = mnl_nlmsg_next(nlh, &left))
			take(j, nlh, &now);
		if (left > 0) /* the rest is no message: it has to see that itself */
			nftrace_join_take(j, nlh, (size_t)left, now);
		fetch(j);
		nftrace_join_expire(j, now + NFTRACE_WAIT_US);
		fetch(j);
		check(nftrace_join_due(j) == INT64_MAX);
	}
	nftrace_join_free(j);
	free(copy);
	return 0;
}
