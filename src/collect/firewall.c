/* firewall.c - reads this namespace's nftables ruleset over nfnetlink, and has packets judged by it. */
#include "firewall_rules.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum {
	BUFFER = 65536,
	DUMP_TRIES = 5,
	RECEIVE_TIMEOUT_SECONDS = 2,
	COUNTERS_MAX = 16, /* candidates whose counters are read anew */
	QUEUES_MAX = 256,
	SETS_AT_ONCE = 256,
	LOAD_MS = 100, /* for the elements that one packet makes it read */
	JUDGE_TRIES = 3,
	CHANGED = 1, /* beside -errno: the ruleset changed during a dump */
};

struct firewall {
	struct mnl_socket *nl;
	struct fw_ruleset *rs;
	uint32_t generation;
	unsigned int seq;
	char buf[BUFFER];
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- is there an nf_tables --- */

static bool file_has(const char *path, const char *word)
{
	FILE *f = fopen(path, "re");
	char line[512];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, word);
	if (f)
		fclose(f);
	return found;
}

/*
 * Asking nf_tables anything loads its module (nfnetlink_rcv_msg() calls request_module()), so this looks first:
 * false only where the kernel has modules, this one is neither loaded nor built in, and the list of those
 * built in can be read.
 */
static bool is_nf_tables_here(void)
{
	struct utsname u;
	char path[sizeof(u.release) + 40];

	if (access("/sys/module/nf_tables", F_OK) == 0 || access("/proc/modules", R_OK) != 0 ||
		file_has("/proc/modules", "nf_tables ") || uname(&u) < 0)
		return true;
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.builtin", u.release);
	return access(path, R_OK) != 0 || file_has(path, "/nf_tables.ko");
}

static int open_socket(struct firewall *fw)
{
	struct timeval timeout = {.tv_sec = RECEIVE_TIMEOUT_SECONDS};
	int saved;

	if (fw->nl)
		return 0;
	if (!is_nf_tables_here())
		return -EPROTONOSUPPORT;
	fw->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (fw->nl && mnl_socket_bind(fw->nl, 0, MNL_SOCKET_AUTOPID) == 0 &&
		setsockopt(mnl_socket_get_fd(fw->nl), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0)
		return 0;
	saved = errno;
	if (fw->nl)
		mnl_socket_close(fw->nl);
	fw->nl = NULL;
	return -saved;
}

struct firewall *firewall_new(void)
{
	struct firewall *fw = calloc(1, sizeof(*fw));
	int r;

	if (!fw)
		return NULL;
	fw->seq = (unsigned int)time(NULL);
	r = open_socket(fw);
	if (r == 0 || r == -EPROTONOSUPPORT)
		return fw;
	firewall_free(fw);
	errno = -r;
	return NULL;
}

void firewall_free(struct firewall *fw)
{
	if (!fw)
		return;
	if (fw->nl)
		mnl_socket_close(fw->nl);
	fw_ruleset_free(fw->rs);
	free(fw);
}

/* --- requests --- */

static struct nlmsghdr *put_request(struct firewall *fw, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(fw->buf);
	struct nfgenmsg *g;

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = ++fw->seq;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	return nlh;
}

/*
 * Sends a request and hands each message of the answer to take: 0, CHANGED, or -errno. An acknowledgement or the
 * end of a dump ends it; one: so does the first message.
 */
static int ask(struct firewall *fw, const struct nlmsghdr *request, bool one,
	void (*take)(void *ctx, const struct nlmsghdr *nlh, size_t n), void *ctx)
{
	bool changed = false;

	if (mnl_socket_sendto(fw->nl, request, request->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(void *)fw->buf;
		ssize_t got = mnl_socket_recvfrom(fw->nl, fw->buf, sizeof(fw->buf));
		int n = (int)got;

		if (got < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		for (; mnl_nlmsg_ok(nlh, n) && nlh->nlmsg_len <= (uint32_t)n; nlh = mnl_nlmsg_next(nlh, &n)) {
			if (nlh->nlmsg_seq != fw->seq)
				continue; /* what is left of a request that was given up */
			if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
				changed = true;
			if (nlh->nlmsg_type == NLMSG_ERROR) {
				const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);

				return mnl_nlmsg_get_payload_len(nlh) < sizeof(*err) ? -EBADMSG : err->error;
			}
			if (nlh->nlmsg_type == NLMSG_DONE)
				return changed ? CHANGED : 0;
			if (nlh->nlmsg_type < NLMSG_MIN_TYPE)
				continue;
			take(ctx, nlh, nlh->nlmsg_len);
			if (one)
				return 0;
		}
	}
}

static void take_generation(void *ctx, const struct nlmsghdr *nlh, size_t n)
{
	const struct nlattr *attr;
	uint32_t *ret = ctx;

	(void)n;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return;
	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == NFTA_GEN_ID && mnl_attr_get_payload_len(attr) == sizeof(*ret))
			*ret = ntohl(mnl_attr_get_u32(attr));
}

/* nf_tables' absence is EINVAL (nfnetlink_rcv_msg()). */
static int ask_generation(struct firewall *fw, uint32_t *ret)
{
	int r;

	*ret = 0;
	r = ask(fw, put_request(fw, NFT_MSG_GETGEN, 0, NFPROTO_UNSPEC), true, take_generation, ret);
	return r == -EINVAL || r == -EOPNOTSUPP ? -EPROTONOSUPPORT : r;
}

struct taker {
	struct fw_ruleset *rs;
	int64_t now_ms;
};

static void take_part(void *ctx, const struct nlmsghdr *nlh, size_t n)
{
	struct taker *t = ctx;

	fw_take(t->rs, nlh, n, t->now_ms);
}

/* All elements of one set: 0, CHANGED when it is not there any more, or -errno. */
static int dump_set(struct firewall *fw, struct fw_ruleset *rs, struct fw_set *s)
{
	struct taker t = {rs, now_ms()};
	struct nlmsghdr *nlh = put_request(fw, NFT_MSG_GETSETELEM, NLM_F_DUMP, s->table->family);
	int r;

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, s->table->name);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, s->name);
	r = ask(fw, nlh, false, take_part, &t);
	if (r == 0)
		fw_set_loaded(rs, s);
	return r == -ENOENT ? CHANGED : r;
}

/*
 * The kernel walks the list of all sets for each dump of one (nf_tables_dump_set()), so of very many only the
 * first are read at once, and the others when a packet comes to them: see load_set().
 */
static int dump_elements(struct firewall *fw, struct fw_ruleset *rs)
{
	int r = 0;

	for (size_t i = 0; i < rs->n_sets && i < SETS_AT_ONCE && r == 0; i++)
		if (!rs->sets[i]->unknown)
			r = dump_set(fw, rs, rs->sets[i]);
	return r;
}

static int dump(struct firewall *fw, struct fw_ruleset *rs)
{
	static const uint16_t kinds[] = {NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN, NFT_MSG_GETSET, NFT_MSG_GETRULE};
	struct taker t = {rs, now_ms()};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int r = ask(fw, put_request(fw, kinds[i], NLM_F_DUMP, NFPROTO_UNSPEC), false, take_part, &t);

		if (r != 0)
			return r;
	}
	return dump_elements(fw, rs);
}

/* One try: 0, CHANGED, or -errno. */
static int read_ruleset(struct firewall *fw, uint32_t generation)
{
	struct fw_ruleset *rs = fw_ruleset_new();
	uint32_t after = 0;
	int r;

	if (!rs)
		return -ENOMEM;
	r = dump(fw, rs);
	if (r == 0)
		r = ask_generation(fw, &after);
	if (r == 0 && after != generation)
		r = CHANGED;
	if (r != 0) {
		fw_ruleset_free(rs);
		return r;
	}
	fw_link(rs);
	fw_ruleset_free(fw->rs);
	fw->rs = rs;
	fw->generation = generation;
	return 0;
}

int firewall_refresh(struct firewall *fw)
{
	int r = open_socket(fw);

	if (r < 0)
		return r;
	for (int i = 0; i < DUMP_TRIES; i++) {
		uint32_t generation;

		r = ask_generation(fw, &generation);
		if (r < 0)
			return r;
		if (fw->rs && fw->generation == generation)
			return 1;
		r = read_ruleset(fw, generation);
		if (r != CHANGED && r != -EINTR)
			return r;
	}
	return -EAGAIN;
}

/* --- what else there is in the namespace --- */

static bool has_text(const char *path)
{
	FILE *f = fopen(path, "re");
	bool some = f && fgetc(f) != EOF;

	if (f)
		fclose(f);
	return some;
}

/* The queue numbers that programs listen to: the first column of each line. -1: not known. */
static int read_queues(uint16_t *ret, int max)
{
	FILE *f = fopen("/proc/self/net/netfilter/nfnetlink_queue", "re");
	char line[256];
	unsigned int number;
	int n = 0;

	if (!f)
		return -1;
	while (n < max && fgets(line, sizeof(line), f))
		if (sscanf(line, "%u", &number) == 1)
			ret[n++] = (uint16_t)number;
	fclose(f);
	return n;
}

/* --- counters --- */

struct counter {
	bool is;
	uint64_t packets;
};

static void take_counter(void *ctx, const struct nlmsghdr *nlh, size_t n)
{
	struct counter *c = ctx;

	c->is = fw_take_counter(nlh, n, &c->packets);
}

/* Reads the counter of a rule, or of a base chain, anew. How much it grew is of interest, so both are kept. */
static void read_counter(struct firewall *fw, const struct fw_end *end, struct firewall_rule *ret)
{
	struct fw_chain *chain = (struct fw_chain *)(uintptr_t)end->chain;
	struct fw_rule *rule = end->rule ? &fw->rs->rules[end->rule - fw->rs->rules] : NULL;
	uint64_t *packets = rule ? &rule->packets : &chain->packets;
	int64_t *read_ms = rule ? &rule->read_ms : &chain->read_ms, now = now_ms();
	struct counter c = {.is = false};
	struct nlmsghdr *nlh;

	if (!(rule ? rule->has_counter : chain->has_counter) || !fw->nl)
		return;
	nlh = put_request(fw, rule ? NFT_MSG_GETRULE : NFT_MSG_GETCHAIN, 0, chain->table->family);
	mnl_attr_put_strz(nlh, rule ? NFTA_RULE_TABLE : NFTA_CHAIN_TABLE, chain->table->name);
	mnl_attr_put_strz(nlh, rule ? NFTA_RULE_CHAIN : NFTA_CHAIN_NAME, chain->name);
	if (rule)
		mnl_attr_put_u64(nlh, NFTA_RULE_HANDLE, htobe64(rule->handle));
	if (ask(fw, nlh, true, take_counter, &c) != 0 || !c.is)
		return;
	ret->has_counter = true;
	ret->packets = c.packets;
	ret->grew = c.packets > *packets ? c.packets - *packets : 0;
	ret->age_ms = now - *read_ms < UINT32_MAX ? (uint32_t)(now - *read_ms) : UINT32_MAX;
	*packets = c.packets;
	*read_ms = now;
}

/* --- judging --- */

/* What surely or evidently ended the packet comes first; else the order of the way. */
static int compare_rules(const void *a, const void *b)
{
	const struct firewall_rule *x = *(const struct firewall_rule *const *)a;
	const struct firewall_rule *y = *(const struct firewall_rule *const *)b;
	int grew = (y->grew > 0) - (x->grew > 0), must = (int)y->must - (int)x->must;

	return grew ? grew : must ? must : (x > y) - (x < y);
}

static void tell_candidates(struct firewall *fw, const struct fw_walk *w, struct firewall_verdict *ret)
{
	struct firewall_rule *found = calloc(COUNTERS_MAX, sizeof(*found)), *order[COUNTERS_MAX];
	uint32_t n = w->n_ends < COUNTERS_MAX ? w->n_ends : COUNTERS_MAX;

	if (!found)
		return;
	for (uint32_t i = 0; i < n; i++) {
		fw_describe(&w->ends[i], &found[i]);
		found[i].must = w->ends[i].runs_must == w->runs;
		read_counter(fw, &w->ends[i], &found[i]);
		order[i] = &found[i];
	}
	qsort(order, n, sizeof(order[0]), compare_rules);
	ret->n = n < FIREWALL_CANDIDATES ? n : FIREWALL_CANDIDATES;
	for (uint32_t i = 0; i < ret->n; i++)
		ret->candidates[i] = *order[i];
	free(found);
}

static void tell_translation(struct firewall *fw, const struct fw_walk *w, struct firewall_translation *ret)
{
	bool one = w->nat_runs == w->nat_must_runs;

	if (!w->has_nat)
		return;
	ret->is = true;
	ret->must = one && w->nat_must_runs == w->runs;
	ret->addr_known = w->nat_addr_known && w->nat_targets == 1;
	ret->port_known = w->nat_port_known && w->nat_targets == 1;
	if (ret->addr_known)
		ret->addr = w->nat_addr;
	if (ret->port_known)
		ret->port = w->nat_port;
	fw_describe(&w->nat, &ret->rule);
	ret->rule.must = ret->must;
	read_counter(fw, &w->nat, &ret->rule);
}

struct loader {
	struct firewall *fw;
	int64_t until_ms;
	bool loaded, changed;
};

static void load_set(struct fw_walk *w, struct fw_set *s)
{
	struct loader *l = w->load_ctx;

	if (l->changed || !l->fw->nl || now_ms() > l->until_ms) {
		w->out_of_budget = true; /* it stays for the next packet to ask for */
		return;
	}
	l->loaded = true;
	if (dump_set(l->fw, l->fw->rs, s) != 0) {
		s->unknown = true;
		l->changed = true;
	}
}

/* One walk: CHANGED when the ruleset did during it, so that elements that were read belong to another. */
static int walk_once(struct firewall *fw, struct fw_walk *w)
{
	struct loader l = {.fw = fw, .until_ms = now_ms() + LOAD_MS};
	uint32_t generation;

	w->rs = fw->rs;
	w->now_ms = now_ms();
	w->load = load_set;
	w->load_ctx = &l;
	fw_walk(w);
	if (!l.loaded)
		return 0;
	if (l.changed || ask_generation(fw, &generation) < 0 || generation != fw->generation)
		return CHANGED;
	return 0;
}

static void judge(struct firewall *fw, struct fw_walk *w, struct firewall_verdict *ret)
{
	const struct fw_walk fresh = *w;
	int r = walk_once(fw, w);

	for (int i = 1; i < JUDGE_TRIES && r == CHANGED && firewall_refresh(fw) >= 0; i++) {
		*w = fresh;
		r = walk_once(fw, w);
	}
	w->out_of_budget = w->out_of_budget || r == CHANGED;
	fw_conclude(w, ret);
	if (ret->fate == FIREWALL_ACCEPTED && ret->legacy)
		ret->fate = FIREWALL_UNKNOWN;
	tell_candidates(fw, w, ret);
	tell_translation(fw, w, &ret->translation);
}

int firewall_judge(struct firewall *fw, const struct firewall_packet *p, struct firewall_verdict *ret)
{
	uint16_t queues[QUEUES_MAX];
	struct fw_walk *w;

	memset(ret, 0, sizeof(*ret));
	ret->legacy = has_text(p->v6 ? "/proc/self/net/ip6_tables_names" : "/proc/self/net/ip_tables_names");
	ret->queue_listeners = read_queues(queues, QUEUES_MAX);
	if (!fw->rs)
		return -ENODATA;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->p = p;
	w->queues = queues;
	w->n_queues = ret->queue_listeners;
	judge(fw, w, ret);
	free(w);
	return 0;
}

int firewall_describe(struct firewall *fw, const char *family, const char *table, const char *chain, uint64_t handle,
	struct firewall_rule *ret)
{
	struct firewall_rule rule;
	struct fw_end end;

	if (!fw->rs || !fw_find(fw->rs, family, table, chain, handle, &end, &rule))
		return -ENOENT;
	if (!end.rule && !end.chain->drops)
		text_copy(rule.text, sizeof(rule.text), "policy accept");
	read_counter(fw, &end, &rule);
	*ret = rule;
	return 0;
}

uint32_t firewall_generation(const struct firewall *fw)
{
	return fw->rs ? fw->generation : 0;
}

void firewall_size(const struct firewall *fw, size_t *ret_rules, size_t *ret_elements)
{
	*ret_rules = fw->rs ? fw->rs->n_rules : 0;
	*ret_elements = fw->rs ? fw->rs->n_elements : 0;
}
