/*
 * firewall.c - fuzzes the reader of nftables' messages: what they make is walked by packets, and every rule is
 * written. The input is a dump's messages as they came.
 */
#include "base/text.h"
#include "collect/firewall_rules.h"

#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool is_local(void *ctx, const struct ip *ip)
{
	(void)ctx;
	return ip->b[15] & 1;
}

static void route(void *ctx, const struct ip *dst, char ret_name[16], uint32_t *ret_index)
{
	(void)ctx;
	text_copy(ret_name, 16, "eth1");
	*ret_index = dst->b[15];
}

static void check_clean(const char *s, size_t size)
{
	size_t n = strnlen(s, size);

	if (n == size)
		abort();
	while (n > 0) {
		uint32_t cp;
		size_t len = text_decode(s, n, &cp);

		if (len == 0 || text_columns(cp) == 0)
			abort();
		s += len;
		n -= len;
	}
}

static void check_end(const struct fw_end *end)
{
	static struct firewall_rule r;

	fw_describe(end, &r);
	check_clean(r.table, sizeof(r.table));
	check_clean(r.chain, sizeof(r.chain));
	check_clean(r.base, sizeof(r.base));
	check_clean(r.comment, sizeof(r.comment));
	check_clean(r.text, sizeof(r.text));
}

static void judge(const struct fw_ruleset *rs, bool v6, enum firewall_path path)
{
	static const uint16_t queues[] = {1, 2};
	static struct firewall_verdict v;
	static struct fw_walk w;
	struct firewall_packet p = {.sport = 40000, .dport = 80, .flags = 2, .ttl = 64, .v6 = v6, .path = path,
		.mark_known = 0xffff, .is_local = is_local, .route = route, .iif = "eth0", .iif_index = 2};

	p.src = v6 ? ip_from_v6("\xfd\x77\0\0\0\0\0\0\0\0\0\0\0\0\0\2") : ip_from_v4("\12\115\0\2");
	p.dst = v6 ? ip_from_v6("\xfd\x77\0\0\0\0\0\0\0\0\0\0\0\0\0\1") : ip_from_v4("\12\115\0\1");
	memset(&w, 0, sizeof(w));
	w.rs = rs;
	w.p = &p;
	w.queues = queues;
	w.n_queues = 2;
	w.now_ms = 100000;
	fw_walk(&w);
	memset(&v, 0, sizeof(v));
	fw_conclude(&w, &v);
	if (v.fate >= FIREWALL_FATE_COUNT || (v.fate == FIREWALL_ACCEPTED && v.n_found > 0))
		abort();
	for (uint32_t i = 0; i < w.n_ends; i++)
		check_end(&w.ends[i]);
	if (w.has_nat)
		check_end(&w.nat);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct nlmsghdr *nlh;
	struct fw_ruleset *rs;
	uint64_t packets;
	void *copy;
	int left = (int)n;

	if (n > 1 << 20 || !(copy = malloc(n ? n : 1)))
		return 0;
	if (n)
		memcpy(copy, data, n);
	rs = fw_ruleset_new();
	for (nlh = copy; rs && mnl_nlmsg_ok(nlh, left) && nlh->nlmsg_len <= (uint32_t)left; nlh = mnl_nlmsg_next(nlh, &left)) {
		fw_take(rs, nlh, nlh->nlmsg_len, 95000);
		fw_take_counter(nlh, nlh->nlmsg_len, &packets);
	}
	if (rs) {
		char text[FIREWALL_TEXT];

		fw_link(rs);
		for (size_t i = 0; i < rs->n_sets; i++)
			fw_set_loaded(rs, rs->sets[i]);
		for (size_t i = 0; i < rs->n_rules; i++) {
			fw_rule_text(&rs->rules[i], text, sizeof(text));
			check_clean(text, sizeof(text));
		}
		judge(rs, false, FIREWALL_IN);
		judge(rs, true, FIREWALL_IN);
		judge(rs, false, FIREWALL_OUT);
		fw_ruleset_free(rs);
	}
	free(copy);
	return 0;
}
