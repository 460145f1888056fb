/* firewall_xt.c - iptables' matches and targets as iptables-nft hands them to nf_tables: binary structures. */
#include "firewall_rules.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <linux/netfilter_ipv6/ip6t_REJECT.h>
#include <netinet/in.h>
#include <string.h>

/* The structure that an extension's binary form begins with: false when it is too short. */
static bool take_info(const struct fw_expr *e, void *ret, size_t n)
{
	if (e->len < n)
		return false;
	memcpy(ret, e->data, n);
	return true;
}

static enum fw_tri both(enum fw_tri a, enum fw_tri b)
{
	return a < b ? a : b;
}

static enum fw_tri either(enum fw_tri a, enum fw_tri b)
{
	return a > b ? a : b;
}

static enum fw_tri invert_if(enum fw_tri t, bool yes)
{
	return !yes || t == FW_MAYBE ? t : t == FW_YES ? FW_NO : FW_YES;
}

/* Whether two bytes in network order, with their known bits, lie in [from, to]. */
static enum fw_tri port_in(const uint8_t *v, const uint8_t *k, uint16_t from, uint16_t to)
{
	uint16_t low = (uint16_t)((v[0] & k[0]) << 8 | (v[1] & k[1]));
	uint16_t high = (uint16_t)(((v[0] | ~k[0]) & 0xff) << 8 | ((v[1] | ~k[1]) & 0xff));

	if (low >= from && high <= to)
		return FW_YES;
	return high < from || low > to ? FW_NO : FW_MAYBE;
}

static enum fw_tri match_tcp(struct fw_walk *w, const struct fw_expr *e)
{
	struct xt_tcp i;
	enum fw_tri r;
	uint8_t flags;

	if (!take_info(e, &i, sizeof(i)))
		return FW_MAYBE;
	flags = i.flg_cmp;
	r = invert_if(port_in(w->s.th, w->s.th_known, i.spts[0], i.spts[1]), i.invflags & XT_TCP_INV_SRCPT);
	r = both(r, invert_if(port_in(w->s.th + 2, w->s.th_known + 2, i.dpts[0], i.dpts[1]),
		i.invflags & XT_TCP_INV_DSTPT));
	r = both(r, invert_if((w->s.th[13] & i.flg_mask) == flags ? FW_YES : FW_NO, i.invflags & XT_TCP_INV_FLAGS));
	return i.option ? both(r, FW_MAYBE) : r;
}

static enum fw_tri match_multiport(struct fw_walk *w, const struct fw_expr *e)
{
	struct xt_multiport_v1 i;
	enum fw_tri r = FW_NO;

	if (e->rev != 1 || !take_info(e, &i, sizeof(i)) || i.count > XT_MULTI_PORTS)
		return FW_MAYBE;
	for (unsigned int n = 0; n < i.count; n++) {
		uint16_t from = i.ports[n], to = i.pflags[n] && n + 1 < i.count ? i.ports[++n] : from;

		if (i.flags != XT_MULTIPORT_DESTINATION)
			r = either(r, port_in(w->s.th, w->s.th_known, from, to));
		if (i.flags != XT_MULTIPORT_SOURCE)
			r = either(r, port_in(w->s.th + 2, w->s.th_known + 2, from, to));
	}
	return invert_if(r, i.invert);
}

/* xt_conntrack.c conntrack_mt(): NAT bits count as states where there is an entry. */
static enum fw_tri ct_state_in(const struct fw_walk *w, uint32_t mask, uint32_t untracked, uint32_t snat, uint32_t dnat)
{
	uint32_t bits, nat = 0;

	if (fw_ct_state(w, &bits) != FW_YES)
		return FW_MAYBE;
	if (bits & (1u << 6)) /* NF_CT_STATE_UNTRACKED_BIT: the one that has another number here */
		return mask & untracked ? FW_YES : FW_NO;
	if (bits & mask)
		return FW_YES;
	if (bits == NF_CT_STATE_INVALID_BIT)
		return FW_NO;
	if (w->s.changed == FW_YES)
		nat = dnat;
	if (mask & nat)
		return FW_YES;
	if (mask & snat || (mask & dnat && (w->ct != FIREWALL_CT_NEW || w->s.changed == FW_MAYBE)))
		return FW_MAYBE;
	return FW_NO;
}

static enum fw_tri match_conntrack(struct fw_walk *w, const struct fw_expr *e)
{
	struct xt_conntrack_mtinfo3 i;
	uint16_t match, inverted;
	uint32_t mask, bits;
	enum fw_tri r = FW_YES;

	/* the revisions agree in what comes before these fields */
	if (e->rev < 2 || e->rev > 3 || e->len < sizeof(struct xt_conntrack_mtinfo2))
		return FW_MAYBE;
	memset(&i, 0, sizeof(i));
	memcpy(&i, e->data, e->len < sizeof(i) ? e->len : sizeof(i));
	match = i.match_flags & (uint16_t)~XT_CONNTRACK_STATE_ALIAS; /* of how it is printed only */
	inverted = i.invert_flags;
	mask = i.state_mask;
	if (match & XT_CONNTRACK_STATE)
		r = invert_if(ct_state_in(w, mask, XT_CONNTRACK_STATE_UNTRACKED, XT_CONNTRACK_STATE_SNAT,
			XT_CONNTRACK_STATE_DNAT), inverted & XT_CONNTRACK_STATE);
	if (match & ~XT_CONNTRACK_STATE) {
		bool no_entry = fw_ct_state(w, &bits) == FW_YES && bits & (NF_CT_STATE_INVALID_BIT | 1u << 6);

		r = no_entry && !(match & XT_CONNTRACK_STATE) ? FW_NO : no_entry ? r : both(r, FW_MAYBE);
	}
	return r;
}

static enum fw_tri match_state(struct fw_walk *w, const struct fw_expr *e)
{
	struct xt_state_info i;

	return take_info(e, &i, sizeof(i)) ? ct_state_in(w, i.statemask, XT_STATE_UNTRACKED, 0, 0) : FW_MAYBE;
}

/* Whether an address is of one of the types (a mask of enum rt_type's numbers). */
static enum fw_tri type_in(const struct fw_walk *w, const uint8_t *v, const uint8_t *k, uint16_t mask, enum fw_tri local)
{
	bool group = k[0] == 0xff && (w->p->v6 ? v[0] == 0xff : v[0] >= 224 && v[0] < 240);

	if (w->p->v6 && mask & XT_ADDRTYPE_UNSPEC)
		return FW_MAYBE;
	if (group)
		return mask & XT_ADDRTYPE_MULTICAST ? FW_YES : mask & XT_ADDRTYPE_UNICAST && w->p->v6 ? FW_MAYBE : FW_NO;
	if (local == FW_YES)
		return mask & XT_ADDRTYPE_LOCAL ? FW_YES : w->p->v6 && mask & XT_ADDRTYPE_UNICAST ? FW_MAYBE : FW_NO;
	if (local == FW_NO)
		return mask & ~(XT_ADDRTYPE_LOCAL | XT_ADDRTYPE_MULTICAST) ? FW_MAYBE : FW_NO;
	return FW_MAYBE;
}

static enum fw_tri match_addrtype(struct fw_walk *w, const struct fw_expr *e)
{
	size_t src = w->p->v6 ? 8 : 12, dst = w->p->v6 ? 24 : 16;
	enum fw_tri r = FW_YES, local;
	struct xt_addrtype_info_v1 i;

	if (e->rev != 1 || !take_info(e, &i, sizeof(i)))
		return FW_MAYBE;
	if (i.source) {
		local = fw_is_local(w, w->s.nh + src, w->s.nh_known + src);
		r = invert_if(type_in(w, w->s.nh + src, w->s.nh_known + src, i.source, local),
			i.flags & XT_ADDRTYPE_INVERT_SOURCE);
	}
	if (i.dest) {
		local = w->s.dst_asked ? w->s.dst_local : fw_is_local(w, w->s.nh + dst, w->s.nh_known + dst);
		r = both(r, invert_if(type_in(w, w->s.nh + dst, w->s.nh_known + dst, i.dest, local),
			i.flags & XT_ADDRTYPE_INVERT_DEST));
	}
	if (r == FW_YES && i.flags & (XT_ADDRTYPE_LIMIT_IFACE_IN | XT_ADDRTYPE_LIMIT_IFACE_OUT))
		return FW_MAYBE; /* of that interface */
	return r;
}

static enum fw_tri match_mark(struct fw_walk *w, const struct fw_expr *e)
{
	struct xt_mark_mtinfo1 i;
	uint32_t v, k;

	if (e->rev != 1 || !take_info(e, &i, sizeof(i)))
		return FW_MAYBE;
	memcpy(&v, w->s.mark, 4);
	memcpy(&k, w->s.mark_known, 4);
	if (((v & i.mask) ^ i.mark) & (k | ~i.mask))
		return i.invert ? FW_YES : FW_NO;
	return (k & i.mask) != i.mask ? FW_MAYBE : i.invert ? FW_NO : FW_YES;
}

static enum fw_tri address_in(const struct fw_walk *w, size_t at, const void *from, const void *to)
{
	size_t n = w->p->v6 ? 16 : 4;

	for (size_t i = 0; i < n; i++)
		if (w->s.nh_known[at + i] != 0xff)
			return FW_MAYBE;
	return memcmp(w->s.nh + at, from, n) >= 0 && memcmp(w->s.nh + at, to, n) <= 0 ? FW_YES : FW_NO;
}

static enum fw_tri match_iprange(struct fw_walk *w, const struct fw_expr *e)
{
	struct xt_iprange_mtinfo i;
	enum fw_tri r = FW_YES;

	if (e->rev != 1 || !take_info(e, &i, sizeof(i)))
		return FW_MAYBE;
	if (i.flags & IPRANGE_SRC)
		r = invert_if(address_in(w, w->p->v6 ? 8 : 12, &i.src_min, &i.src_max), i.flags & IPRANGE_SRC_INV);
	if (i.flags & IPRANGE_DST)
		r = both(r, invert_if(address_in(w, w->p->v6 ? 24 : 16, &i.dst_min, &i.dst_max),
			i.flags & IPRANGE_DST_INV));
	return r;
}

static enum fw_tri match_always(struct fw_walk *w, const struct fw_expr *e)
{
	(void)w;
	(void)e;
	return FW_YES;
}

static enum fw_tri match_never(struct fw_walk *w, const struct fw_expr *e)
{
	(void)w;
	(void)e;
	return FW_NO; /* another protocol's header: the packet is TCP */
}

static const struct {
	const char *name;
	enum fw_tri (*match)(struct fw_walk *w, const struct fw_expr *e);
} matches[] = {
	{"tcp", match_tcp},
	{"udp", match_never},
	{"icmp", match_never},
	{"icmp6", match_never},
	{"multiport", match_multiport},
	{"conntrack", match_conntrack},
	{"state", match_state},
	{"addrtype", match_addrtype},
	{"mark", match_mark},
	{"iprange", match_iprange},
	{"comment", match_always},
};

enum fw_tri fw_xt_match(struct fw_walk *w, const struct fw_expr *e)
{
	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++)
		if (strcmp(e->name, matches[i].name) == 0)
			return matches[i].match(w, e);
	return FW_MAYBE; /* limit, hashlimit, set, recent, connlimit, owner, string, ...: a state that is not here */
}

/* --- targets --- */

/* ICMP codes by enum ipt_reject_with and enum ip6t_reject_with; none for an echo reply. */
static void target_reject(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e, struct fw_outcome *o)
{
	static const uint8_t codes[2][9] = {{0, 1, 2, 3, 0, 9, 10, 0, 13}, {0, 1, 2, 3, 4, 0, 0, 5, 6}};
	uint32_t with = 0;

	(void)rule;
	o->ends = true;
	o->verdict = NF_DROP;
	if (!take_info(e, &with, sizeof(with)) || with > 8) {
		w->unknown_part = true;
		o->fate = FIREWALL_DROPPED;
		return;
	}
	o->fate = with == (w->p->v6 ? (uint32_t)IP6T_TCP_RESET : (uint32_t)IPT_TCP_RESET) ? FIREWALL_RESET : FIREWALL_ICMP;
	o->icmp_type = o->fate == FIREWALL_RESET ? 0 : w->p->v6 ? 1 : 3;
	o->icmp_code = o->fate == FIREWALL_RESET ? 0 : codes[w->p->v6][with];
}

/* A range of addresses and ports: what both ends agree on is known. */
static void take_nat_range(uint32_t flags, const void *min, const void *max, uint16_t port_min, uint16_t port_max,
	size_t n, struct fw_bits *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (flags & NF_NAT_RANGE_MAP_IPS && memcmp(min, max, n) == 0) {
		memcpy(ret->v, min, n);
		memset(ret->k, 0xff, n);
	}
	if (flags & NF_NAT_RANGE_PROTO_SPECIFIED && port_min == port_max) {
		memcpy(ret->v + 16, &port_min, 2);
		memset(ret->k + 16, 0xff, 2);
	}
}

/* The flags of the range; UINT32_MAX when its form is not known. DNAT: revision 0 is the old form. */
static uint32_t get_nat_range(const struct fw_walk *w, const struct fw_expr *e, struct fw_bits *ret)
{
	struct nf_nat_ipv4_multi_range_compat old;
	struct nf_nat_range range;

	if (e->rev == 0 && !w->p->v6) {
		if (!take_info(e, &old, sizeof(old)) || old.rangesize != 1)
			return UINT32_MAX;
		take_nat_range(old.range[0].flags, &old.range[0].min_ip, &old.range[0].max_ip,
			old.range[0].min.all, old.range[0].max.all, 4, ret);
		return old.range[0].flags;
	}
	if (!take_info(e, &range, sizeof(range))) /* nf_nat_range2 begins with it */
		return UINT32_MAX;
	take_nat_range(range.flags, &range.min_addr, &range.max_addr, range.min_proto.all, range.max_proto.all,
		w->p->v6 ? 16 : 4, ret);
	return range.flags;
}

static void target_dnat(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e, struct fw_outcome *o)
{
	struct fw_bits to;
	uint32_t flags = get_nat_range(w, e, &to);

	o->ends = o->nat = true;
	o->verdict = NF_ACCEPT;
	if (flags == UINT32_MAX) {
		memset(&to, 0, sizeof(to));
		flags = NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED;
	}
	fw_translate(w, rule, o->match, &to, flags & NF_NAT_RANGE_MAP_IPS, flags & NF_NAT_RANGE_PROTO_SPECIFIED, false);
}

static void target_redirect(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e,
	struct fw_outcome *o)
{
	struct fw_bits to;
	uint32_t flags = get_nat_range(w, e, &to);

	o->ends = o->nat = true;
	o->verdict = NF_ACCEPT;
	if (flags == UINT32_MAX) {
		memset(&to, 0, sizeof(to));
		flags = NF_NAT_RANGE_PROTO_SPECIFIED;
	}
	memset(to.k, 0, 16); /* an address of the interface that it came by */
	fw_translate(w, rule, o->match, &to, true, flags & NF_NAT_RANGE_PROTO_SPECIFIED, true);
}

static void target_snat(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e, struct fw_outcome *o)
{
	(void)rule;
	(void)e;
	o->ends = o->nat = true;
	o->verdict = NF_ACCEPT;
	memset(w->s.nh_known + (w->p->v6 ? 8 : 12), 0, w->p->v6 ? 16 : 4);
	memset(w->s.th_known, 0, 2);
}

static void target_mark(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e, struct fw_outcome *o)
{
	struct xt_mark_tginfo2 i;
	uint32_t v, k;

	(void)rule;
	if (e->rev != 2 || !take_info(e, &i, sizeof(i))) {
		v = k = 0;
	} else { /* (mark & ~mask) ^ value (net/netfilter/xt_mark.c) */
		memcpy(&v, w->s.mark, 4);
		memcpy(&k, w->s.mark_known, 4);
		k |= i.mask;
		v = ((v & ~i.mask) ^ i.mark) & k;
	}
	fw_set_mark(w, o->match, (const uint8_t *)&v, (const uint8_t *)&k);
}

static void target_ct(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e, struct fw_outcome *o)
{
	uint16_t flags = XT_CT_NOTRACK;

	(void)rule;
	if (strcmp(e->name, "CT") == 0 && !take_info(e, &flags, sizeof(flags)))
		flags = XT_CT_NOTRACK;
	if (!(flags & XT_CT_NOTRACK) || w->ct_active == FW_YES)
		return;
	w->notrack = true;
	if (w->s.untracked != FW_YES)
		w->s.untracked = o->match;
}

static void target_nfqueue(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e, struct fw_outcome *o)
{
	struct xt_NFQ_info_v3 i;
	bool listened = w->n_queues < 0;

	(void)rule;
	memset(&i, 0, sizeof(i));
	i.queues_total = 1;
	memcpy(&i, e->data, e->len < sizeof(i) ? e->len : sizeof(i)); /* each revision begins with the one before */
	o->ends = true;
	o->verdict = NF_QUEUE;
	o->fate = FIREWALL_QUEUED;
	o->queue = i.queuenum;
	for (int n = 0; n < w->n_queues && !listened; n++)
		listened = w->queues[n] == i.queuenum;
	if (e->rev >= 2 && i.flags & NFQ_FLAG_BYPASS && !listened && i.queues_total <= 1)
		o->verdict = NF_ACCEPT;
}

/* It drops what no transparent socket is found for, and accepts the rest (xt_TPROXY.c tproxy_tg4()). */
static void target_tproxy(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e, struct fw_outcome *o)
{
	(void)w;
	(void)rule;
	(void)e;
	o->ends = true;
	o->verdict = NF_STOLEN;
	o->fate = FIREWALL_TPROXIED;
	o->or_drop = true;
}

static void target_synproxy(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e, struct fw_outcome *o)
{
	(void)rule;
	(void)e;
	w->synproxy = true;
	o->match = both(o->match, FW_MAYBE);
	o->ends = true;
	o->verdict = NF_STOLEN;
	o->fate = FIREWALL_STOLEN;
}

/* It may give the packet a mark that is not in the ruleset (--restore-mark, --map-set). */
static void target_goes_on_mark(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e,
	struct fw_outcome *o)
{
	static const uint8_t none[4];

	(void)rule;
	(void)e;
	fw_set_mark(w, o->match, none, none);
}

static void target_ttl(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e, struct fw_outcome *o)
{
	(void)rule;
	(void)e;
	(void)o;
	w->s.nh_known[w->p->v6 ? 7 : 8] = 0;
}

static void target_goes_on(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e, struct fw_outcome *o)
{
	(void)w;
	(void)rule;
	(void)e;
	(void)o;
}

static const struct {
	const char *name;
	void (*target)(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e, struct fw_outcome *o);
} targets[] = {
	{"REJECT", target_reject},
	{"DNAT", target_dnat},
	{"REDIRECT", target_redirect},
	{"SNAT", target_snat},
	{"MASQUERADE", target_snat},
	{"MARK", target_mark},
	{"CT", target_ct},
	{"NOTRACK", target_ct},
	{"NFQUEUE", target_nfqueue},
	{"TPROXY", target_tproxy},
	{"SYNPROXY", target_synproxy},
	{"LOG", target_goes_on},
	{"NFLOG", target_goes_on},
	{"CONNMARK", target_goes_on_mark},
	{"TCPMSS", target_goes_on},
	{"TRACE", target_goes_on},
	{"CHECKSUM", target_goes_on},
	{"CLASSIFY", target_goes_on},
	{"CONNSECMARK", target_goes_on},
	{"SECMARK", target_goes_on},
	{"SET", target_goes_on_mark},
	{"TEE", target_goes_on},
	{"RATEEST", target_goes_on},
	{"AUDIT", target_goes_on},
	{"DSCP", target_goes_on},
	{"TOS", target_goes_on},
	{"IDLETIMER", target_goes_on},
	{"LED", target_goes_on},
	{"HL", target_ttl},
	{"TTL", target_ttl},
	{"TCPOPTSTRIP", target_goes_on},
};

void fw_xt_target(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e, struct fw_outcome *o)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (strcmp(e->name, targets[i].name) == 0) {
			targets[i].target(w, rule, e, o);
			return;
		}
	w->unknown_part = true;
	o->match = both(o->match, FW_MAYBE);
}
