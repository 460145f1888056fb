/* nftrace_join.c - the kernel's trace messages joined into packets. */
#include "nftrace_join.h"
#include "base/text.h"
#include "collect/firewall_attrs.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_arp.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

enum {
	IDS_MAX = 4, /* of one packet: it gets another one with each interface that it comes by */
	FLAGS_ANSWER = 0x12, /* SYN, ACK */
};

/* Our tables, and those of others like us, are no steps of a packet's way. */
static const char own_prefix[] = "tcpwhy_trace";

enum state {
	STATE_FREE,
	STATE_UNDER_WAY,
	STATE_ENDED,
};

/* What stays of a packet when its destination, its interface and its buffer change. */
struct identity {
	struct ip src;
	uint32_t seq;
	uint16_t sport;
	uint8_t flags;
};

struct packet {
	enum state state;
	uint64_t serial; /* STATE_UNDER_WAY: in the order of their first messages; STATE_ENDED: of their ends */
	uint32_t ids[IDS_MAX];
	uint32_t n_ids; /* so far: the oldest is overwritten */
	struct identity identity;
	uint8_t base_family;
	char base_table[FIREWALL_NAME], base[FIREWALL_NAME]; /* the base chain that it is in */
	struct nftrace_result r;
};

struct nftrace_join {
	char table[NFT_NAME_MAXLEN + 1];
	uint64_t serial, evicted;
	struct packet packets[NFTRACE_JOIN_PACKETS];
};

/* One message. Strings live as long as it. */
struct message {
	uint8_t family;
	const char *table, *chain;
	uint64_t handle;
	uint32_t type, id;
	int32_t verdict;
	const uint8_t *ll, *nh, *th;
	size_t ll_len, nh_len, th_len;
	uint32_t iif, oif, mark, iif_type;
	/* of the headers, where has_headers */
	bool has_headers, v6;
	struct identity identity;
	struct ip dst;
	uint16_t dport;
	uint8_t ttl;
};

struct nftrace_join *nftrace_join_new(const char *table)
{
	struct nftrace_join *j = calloc(1, sizeof(*j));

	if (j)
		text_copy(j->table, sizeof(j->table), table);
	return j;
}

void nftrace_join_free(struct nftrace_join *j)
{
	free(j);
}

/* --- one message --- */

static const uint8_t *get_bytes(const struct nlattr *attr, size_t *ret_n)
{
	*ret_n = attr ? mnl_attr_get_payload_len(attr) : 0;
	return attr ? mnl_attr_get_payload(attr) : NULL;
}

static uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/*
 * The kernel copies the network header (at most 40 bytes) and, where it knows the transport protocol, 20 bytes of
 * that. Whether it is TCP: our rules match nothing else, and others' messages have to fit a packet of ours.
 */
static void read_headers(struct message *m)
{
	struct identity *i = &m->identity;
	unsigned int version = m->nh_len > 0 ? m->nh[0] >> 4 : 0;

	if ((version != 4 || m->nh_len < 20) && (version != 6 || m->nh_len < 40))
		return;
	if (m->th_len < 20)
		return;
	m->v6 = version == 6;
	i->src = m->v6 ? ip_from_v6(m->nh + 8) : ip_from_v4(m->nh + 12);
	m->dst = m->v6 ? ip_from_v6(m->nh + 24) : ip_from_v4(m->nh + 16);
	m->ttl = m->nh[m->v6 ? 7 : 8];
	i->sport = get_be16(m->th);
	m->dport = get_be16(m->th + 2);
	i->seq = (uint32_t)get_be16(m->th + 4) << 16 | get_be16(m->th + 6);
	i->flags = m->th[13];
	m->has_headers = true;
}

/* Older kernels write the policy in the host's byte order (nft_trace_notify(), v4.6): dropping is 0 in both. */
static bool read_verdict(const struct fw_attrs *a, struct message *m)
{
	struct fw_attrs verdict;

	if (m->type == NFT_TRACETYPE_POLICY) {
		if (!a->a[NFTA_TRACE_POLICY])
			return false;
		m->verdict = fw_get32(a->a[NFTA_TRACE_POLICY], NF_ACCEPT) == NF_DROP ? NF_DROP : NF_ACCEPT;
		return true;
	}
	fw_index_nested(a->a[NFTA_TRACE_VERDICT], &verdict);
	if (!verdict.a[NFTA_VERDICT_CODE])
		return false;
	m->verdict = (int32_t)fw_get32(verdict.a[NFTA_VERDICT_CODE], (uint32_t)NFT_CONTINUE);
	return true;
}

/* libmnl compares the length as a signed number, so one of 2 GiB would pass. */
static bool is_trace(const struct nlmsghdr *nlh, size_t n)
{
	return n <= INT32_MAX && mnl_nlmsg_ok(nlh, (int)n) && nlh->nlmsg_len <= n &&
	       nlh->nlmsg_len > MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct nfgenmsg)) &&
	       nlh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE);
}

static bool read_message(const void *msg, size_t n, struct message *m)
{
	const struct nlmsghdr *nlh = msg;
	struct fw_attrs a;

	memset(m, 0, sizeof(*m));
	if (!is_trace(nlh, n))
		return false;
	m->family = ((const struct nfgenmsg *)mnl_nlmsg_get_payload(nlh))->nfgen_family;
	fw_index_attrs(mnl_nlmsg_get_payload_offset(nlh, sizeof(struct nfgenmsg)),
		mnl_nlmsg_get_payload_len(nlh) - MNL_ALIGN(sizeof(struct nfgenmsg)), &a);
	m->table = fw_get_string(a.a[NFTA_TRACE_TABLE]);
	m->chain = fw_get_string(a.a[NFTA_TRACE_CHAIN]);
	m->handle = fw_get64(a.a[NFTA_TRACE_RULE_HANDLE], 0);
	m->type = fw_get32(a.a[NFTA_TRACE_TYPE], NFT_TRACETYPE_UNSPEC);
	m->id = fw_get32(a.a[NFTA_TRACE_ID], 0);
	m->iif = fw_get32(a.a[NFTA_TRACE_IIF], 0);
	m->oif = fw_get32(a.a[NFTA_TRACE_OIF], 0);
	m->iif_type = fw_get16(a.a[NFTA_TRACE_IIFTYPE], UINT16_MAX);
	m->mark = fw_get32(a.a[NFTA_TRACE_MARK], 0);
	m->ll = get_bytes(a.a[NFTA_TRACE_LL_HEADER], &m->ll_len);
	m->nh = get_bytes(a.a[NFTA_TRACE_NETWORK_HEADER], &m->nh_len);
	m->th = get_bytes(a.a[NFTA_TRACE_TRANSPORT_HEADER], &m->th_len);
	read_headers(m);
	return a.a[NFTA_TRACE_ID] && m->table && m->chain && read_verdict(&a, m);
}

/* --- packets --- */

static bool is_same(const struct identity *a, const struct identity *b)
{
	return a->seq == b->seq && a->flags == b->flags && a->sport == b->sport && ip_equal(&a->src, &b->src);
}

static struct packet *find_id(struct nftrace_join *j, uint32_t id)
{
	for (struct packet *p = j->packets; p < j->packets + NFTRACE_JOIN_PACKETS; p++)
		for (uint32_t i = 0; p->state == STATE_UNDER_WAY && i < p->n_ids && i < IDS_MAX; i++)
			if (p->ids[i] == id)
				return p;
	return NULL;
}

static struct packet *find_identity(struct nftrace_join *j, const struct identity *identity)
{
	for (struct packet *p = j->packets; p < j->packets + NFTRACE_JOIN_PACKETS; p++)
		if (p->state == STATE_UNDER_WAY && is_same(&p->identity, identity))
			return p;
	return NULL;
}

static void add_id(struct packet *p, uint32_t id)
{
	p->ids[p->n_ids++ % IDS_MAX] = id;
}

static void end(struct nftrace_join *j, struct packet *p, enum nftrace_end how)
{
	p->r.end = (uint8_t)how;
	p->state = STATE_ENDED;
	p->serial = ++j->serial;
}

/* How a packet that is not heard of any more ended. */
static void end_silently(struct nftrace_join *j, struct packet *p)
{
	const struct nftrace_step *last = p->r.n_path ? &p->r.path[p->r.n_path - 1] : NULL;

	if (last && last->verdict == NFTRACE_QUEUE) {
		p->r.by = *last;
		end(j, p, NFTRACE_QUEUED);
	} else {
		end(j, p, NFTRACE_PASSED);
	}
}

/* A free place, or that of the oldest. */
static struct packet *take_place(struct nftrace_join *j)
{
	struct packet *oldest = NULL;

	for (struct packet *p = j->packets; p < j->packets + NFTRACE_JOIN_PACKETS; p++) {
		if (p->state == STATE_FREE)
			return p;
		if (!oldest || p->serial < oldest->serial)
			oldest = p;
	}
	j->evicted++;
	return oldest;
}

static struct packet *begin(struct nftrace_join *j, const struct message *m, int64_t now_us)
{
	struct packet *p = take_place(j);
	struct nftrace_result *r = &p->r;

	memset(p, 0, sizeof(*p));
	p->state = STATE_UNDER_WAY;
	p->serial = ++j->serial;
	p->identity = m->identity;
	add_id(p, m->id);
	r->src = m->identity.src;
	r->sport = m->identity.sport;
	r->flags = m->identity.flags;
	r->seq = m->identity.seq;
	r->dst = m->dst;
	r->dport = m->dport;
	r->ttl = m->ttl;
	r->v6 = m->v6;
	r->answer = (r->flags & FLAGS_ANSWER) == FLAGS_ANSWER;
	r->complete = true;
	r->iif_index = m->iif;
	r->first_us = now_us;
	if (m->iif_type == ARPHRD_ETHER && m->ll_len >= 14) { /* of a VLAN too: struct vlan_ethhdr */
		memcpy(r->mac, m->ll + 6, sizeof(r->mac));
		r->has_mac = true;
	}
	return p;
}

/*
 * The packet that a message is about; NULL: none of ours. A rule of ours begins one, unless it is there already: from
 * another of our chains, or under another id. That an id is used again is seen by the sequence number, which no
 * translation changes.
 */
static struct packet *find_packet(struct nftrace_join *j, const struct message *m, bool ours, int64_t now_us)
{
	struct packet *p = find_id(j, m->id);

	if (p && m->has_headers && (p->identity.seq != m->identity.seq || p->identity.flags != m->identity.flags ||
					   (ours && !is_same(&p->identity, &m->identity)))) {
		end_silently(j, p);
		p = NULL;
	}
	if (p || !m->has_headers)
		return p;
	p = find_identity(j, &m->identity);
	if (p)
		add_id(p, m->id);
	else if (ours)
		p = begin(j, m, now_us);
	return p;
}

/* --- steps --- */

static const char *family_name(uint8_t family)
{
	static const char *const names[] = {[NFPROTO_INET] = "inet", [NFPROTO_IPV4] = "ip", [NFPROTO_ARP] = "arp",
		[NFPROTO_NETDEV] = "netdev", [NFPROTO_BRIDGE] = "bridge", [NFPROTO_IPV6] = "ip6"};

	return family < sizeof(names) / sizeof(names[0]) && names[family] ? names[family] : "?";
}

/* false: it does not decide anything. */
static bool name_verdict(const struct message *m, uint8_t *ret)
{
	static const uint8_t verdicts[] = {[NF_DROP] = NFTRACE_DROP, [NF_ACCEPT] = NFTRACE_ACCEPT,
		[NF_STOLEN] = NFTRACE_STOLEN, [NF_QUEUE] = NFTRACE_QUEUE};
	unsigned int code = (uint32_t)m->verdict & NF_VERDICT_MASK;

	if (m->verdict == NFT_JUMP || m->verdict == NFT_GOTO) {
		*ret = NFTRACE_JUMP;
		return true;
	}
	if (m->verdict < 0 || code >= sizeof(verdicts) / sizeof(verdicts[0]))
		return false;
	*ret = verdicts[code];
	return true;
}

/*
 * The headers come with the first message of each base chain, and that is one from the base chain itself. A packet
 * that was stolen has none (nft_trace_notify()), so of it this is not known.
 */
static void note_base(struct packet *p, const struct message *m)
{
	char table[FIREWALL_NAME] = "";

	text_clean(table, sizeof(table), m->table, strlen(m->table));
	if (m->has_headers || m->type == NFT_TRACETYPE_POLICY) {
		memset(p->base, 0, sizeof(p->base));
		text_clean(p->base, sizeof(p->base), m->chain, strlen(m->chain));
	} else if (m->verdict == NF_STOLEN || p->base_family != m->family || strcmp(p->base_table, table) != 0) {
		memset(p->base, 0, sizeof(p->base));
	}
	memcpy(p->base_table, table, sizeof(table));
	p->base_family = m->family;
}

static struct nftrace_step *add_step(struct packet *p, const struct message *m, uint8_t verdict)
{
	struct nftrace_result *r = &p->r;
	struct nftrace_step step;

	memset(&step, 0, sizeof(step));
	text_copy(step.family, sizeof(step.family), family_name(m->family));
	text_clean(step.table, sizeof(step.table), m->table, strlen(m->table));
	text_clean(step.chain, sizeof(step.chain), m->chain, strlen(m->chain));
	step.handle = m->type == NFT_TRACETYPE_POLICY ? 0 : m->handle;
	step.verdict = verdict;
	memcpy(step.base, p->base, sizeof(step.base));
	if (r->n_path == NFTRACE_PATH)
		memmove(r->path, r->path + 1, sizeof(r->path[0]) * --r->n_path);
	r->path[r->n_path] = step;
	r->n_steps++;
	return &r->path[r->n_path++];
}

static void take_step(struct nftrace_join *j, struct packet *p, const struct message *m)
{
	const struct nftrace_step *step;
	uint8_t verdict;

	if (m->type == NFT_TRACETYPE_RETURN || (m->type != NFT_TRACETYPE_POLICY && m->handle == 0) ||
		!name_verdict(m, &verdict))
		return;
	if (strncmp(m->table, own_prefix, strlen(own_prefix)) == 0 && verdict == NFTRACE_ACCEPT)
		return;
	step = add_step(p, m, verdict);
	if (verdict != NFTRACE_DROP && verdict != NFTRACE_STOLEN)
		return;
	p->r.by = *step;
	end(j, p, verdict == NFTRACE_STOLEN ? NFTRACE_STOLEN_BY_RULE
		  : m->type == NFT_TRACETYPE_POLICY ? NFTRACE_DROPPED_BY_POLICY : NFTRACE_DROPPED_BY_RULE);
}

/* The end of a chain is told as a rule too, with the verdict `continue` and without a handle (v6.18). */
static bool is_ours(const struct nftrace_join *j, const struct message *m)
{
	return m->type == NFT_TRACETYPE_RULE && m->handle != 0 && strcmp(m->table, j->table) == 0;
}

void nftrace_join_take(struct nftrace_join *j, const void *msg, size_t n, int64_t now_us)
{
	struct message m;
	struct packet *p;

	if (!read_message(msg, n, &m))
		return;
	p = find_packet(j, &m, is_ours(j, &m), now_us);
	if (!p)
		return;
	p->r.last_us = now_us;
	if (m.mark)
		p->r.mark = m.mark;
	if (m.has_headers) {
		p->r.last_dst = m.dst;
		p->r.last_dport = m.dport;
	}
	if (m.oif)
		p->r.oif_index = m.oif;
	note_base(p, &m);
	take_step(j, p, &m);
}

/* --- ends --- */

void nftrace_join_lost(struct nftrace_join *j)
{
	for (struct packet *p = j->packets; p < j->packets + NFTRACE_JOIN_PACKETS; p++)
		if (p->state == STATE_UNDER_WAY)
			p->r.complete = false;
}

/* The oldest first, so that their ends are told in order. */
static struct packet *find_first(const struct nftrace_join *j, enum state state)
{
	const struct packet *first = NULL;

	for (const struct packet *p = j->packets; p < j->packets + NFTRACE_JOIN_PACKETS; p++)
		if (p->state == state && (!first || p->serial < first->serial))
			first = p;
	return (struct packet *)(uintptr_t)first;
}

void nftrace_join_expire(struct nftrace_join *j, int64_t now_us)
{
	for (struct packet *p = j->packets; p < j->packets + NFTRACE_JOIN_PACKETS; p++)
		if (p->state == STATE_UNDER_WAY && now_us - NFTRACE_WAIT_US >= p->r.last_us)
			end_silently(j, p);
}

bool nftrace_join_next(struct nftrace_join *j, struct nftrace_result *ret)
{
	struct packet *p = find_first(j, STATE_ENDED);

	if (!p)
		return false;
	*ret = p->r;
	p->state = STATE_FREE;
	return true;
}

int64_t nftrace_join_due(const struct nftrace_join *j)
{
	int64_t due = INT64_MAX;

	for (const struct packet *p = j->packets; p < j->packets + NFTRACE_JOIN_PACKETS; p++)
		if (p->state == STATE_UNDER_WAY && p->r.last_us + NFTRACE_WAIT_US < due)
			due = p->r.last_us + NFTRACE_WAIT_US;
	return due;
}

uint64_t nftrace_join_evicted(const struct nftrace_join *j)
{
	return j->evicted;
}

const char *nftrace_end_name(enum nftrace_end e)
{
	static const char *const names[] = {"passed", "dropped by rule", "dropped by policy", "queued", "stolen"};

	_Static_assert(sizeof(names) / sizeof(names[0]) == NFTRACE_END_COUNT, "a name for each end");
	return (unsigned int)e < NFTRACE_END_COUNT ? names[e] : "?";
}

const char *nftrace_verdict_name(enum nftrace_verdict v)
{
	static const char *const names[] = {"accept", "drop", "jump", "queue", "stolen"};

	_Static_assert(sizeof(names) / sizeof(names[0]) == NFTRACE_VERDICT_COUNT, "a name for each verdict");
	return (unsigned int)v < NFTRACE_VERDICT_COUNT ? names[v] : "?";
}
