/* firewall_walk.c - one packet's way through the hooks, chains and rules of a ruleset. Pure. */
#include "firewall_rules.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

enum {
	BASES_MAX = 256, /* base chains of one hook */
	PRIORITY_CONNTRACK = -200, /* NF_IP_PRI_CONNTRACK */
	PRIORITY_NAT_DST = -100,   /* nf_nat_ops registers its own hooks; nat chains hang behind these */
	PRIORITY_NAT_SRC = 100,
	/* what may become of packets after a rule */
	NEXT = 1 << 0,
	BACK = 1 << 1,
};

/* Where packets of a walk gather again. */
struct meeting {
	struct fw_state s;
	bool is;
};

static enum fw_tri join_tri(enum fw_tri a, enum fw_tri b)
{
	return a == b ? a : FW_MAYBE;
}

static void join_state(struct fw_state *a, const struct fw_state *b)
{
	fw_join_bits(a->nh, a->nh_known, b->nh, b->nh_known, sizeof(a->nh));
	fw_join_bits(a->th, a->th_known, b->th, b->th_known, sizeof(a->th));
	fw_join_bits(a->mark, a->mark_known, b->mark, b->mark_known, sizeof(a->mark));
	a->untracked = join_tri(a->untracked, b->untracked);
	a->dnat = join_tri(a->dnat, b->dnat);
	a->changed = join_tri(a->changed, b->changed);
	if (a->dst_asked != b->dst_asked) {
		a->dst_asked = true;
		a->dst_local = FW_MAYBE;
	}
	a->dst_local = join_tri(a->dst_local, b->dst_local);
}

static void meet(struct meeting *m, const struct fw_state *s)
{
	if (m->is)
		join_state(&m->s, s);
	else
		m->s = *s;
	m->is = true;
}

static void add_end(struct fw_walk *w, const struct fw_chain *chain, const struct fw_rule *rule,
	const struct fw_outcome *o)
{
	struct fw_end *e = NULL;

	w->hard++;
	for (uint32_t i = 0; i < w->n_ends && !e; i++)
		if (w->ends[i].chain == chain && w->ends[i].rule == rule && w->ends[i].fate == o->fate)
			e = &w->ends[i];
	if (!e) {
		if (w->n_ends == FW_FOUND_MAX) {
			w->lost_ends++;
			return;
		}
		e = &w->ends[w->n_ends++];
		memset(e, 0, sizeof(*e));
		e->base = w->base;
		e->chain = chain;
		e->rule = rule;
		e->fate = o->fate;
		e->icmp_type = o->icmp_type;
		e->icmp_code = o->icmp_code;
		e->queue = o->queue;
	}
	e->now = true;
	e->must_now = e->must_now || (o->match == FW_YES && w->sure);
}

/* --- rules --- */

static bool walk_chain(struct fw_walk *w, const struct fw_chain *c, unsigned int depth);

static unsigned int go_to(struct fw_walk *w, const struct fw_outcome *o, unsigned int depth, struct meeting *back)
{
	struct fw_state stays = w->s;
	bool sure = w->sure, comes_back, jumps = o->verdict == NFT_JUMP;
	uint32_t hard = w->hard, soft = w->soft;

	if (!o->chain || depth + 1 > FW_DEPTH_MAX * 4) { /* gotos do not count in the kernel's stack */
		w->unknown_part = true;
		return NEXT;
	}
	if (o->match != FW_YES)
		w->sure = false;
	comes_back = walk_chain(w, o->chain, depth + 1);
	if (!jumps && comes_back)
		meet(back, &w->s);
	if (o->match == FW_YES)
		return !comes_back ? 0 : jumps ? NEXT : BACK;
	if (jumps && comes_back)
		join_state(&w->s, &stays);
	else
		w->s = stays;
	w->sure = sure && jumps && comes_back && w->hard == hard && w->soft == soft;
	return NEXT | (!jumps && comes_back ? BACK : 0);
}

static unsigned int end_here(struct fw_walk *w, const struct fw_rule *rule, struct fw_outcome *o,
	const struct fw_state *stays)
{
	bool all = o->match == FW_YES;

	if (o->fate == FIREWALL_UNKNOWN)
		o->fate = FIREWALL_DROPPED;
	if (o->or_drop) {
		struct fw_outcome drop = {.match = FW_MAYBE, .fate = FIREWALL_DROPPED};

		add_end(w, rule->chain, rule, &drop);
		o->match = FW_MAYBE;
	}
	add_end(w, rule->chain, rule, o);
	if (all)
		return 0;
	w->s = *stays;
	w->sure = false;
	return NEXT;
}

/* What a rule's verdict does to the packets; stays: the state of those that it does not match. */
static unsigned int apply(struct fw_walk *w, const struct fw_rule *rule, struct fw_outcome *o,
	const struct fw_state *stays, unsigned int depth, struct meeting *back)
{
	struct meeting out = {.is = w->exit_is};

	switch (o->verdict) {
	case NFT_CONTINUE:
	case NFT_BREAK:
		return NEXT;
	case NFT_RETURN:
		meet(back, &w->s);
		w->sure = w->sure && o->match == FW_YES;
		return o->match == FW_YES ? BACK : NEXT | BACK;
	case NFT_JUMP:
	case NFT_GOTO:
		return go_to(w, o, depth, back);
	default:
		break;
	}
	if ((o->verdict & NF_VERDICT_MASK) != NF_ACCEPT)
		return end_here(w, rule, o, stays);
	w->soft++;
	out.s = w->exit;
	meet(&out, &w->s);
	w->exit = out.s;
	w->exit_is = true;
	if (o->match == FW_YES)
		return 0;
	w->s = *stays;
	w->sure = false;
	return NEXT;
}

/* A verdict map whose key is not known: each element that it may be. */
static unsigned int apply_any(struct fw_walk *w, const struct fw_rule *rule, const struct fw_outcome *o,
	unsigned int depth, struct meeting *back)
{
	struct fw_bits regs = w->regs;
	unsigned int after = NEXT;

	for (uint32_t i = 0; o->verdicts && i < o->verdicts->n && w->budget > 0; i++) {
		const struct fw_element *e = &o->verdicts->elements[i];
		struct fw_outcome one = {.match = FW_MAYBE, .verdict = e->verdict, .chain = e->chain};
		struct fw_state stays = w->s;

		w->budget--;
		if (!(e->flags & NFT_SET_ELEM_INTERVAL_END) && fw_may_be_in(w, o->verdicts, i, &regs, o->key_word))
			after |= apply(w, rule, &one, &stays, depth, back);
	}
	return after;
}

static unsigned int walk_rule(struct fw_walk *w, const struct fw_rule *rule, unsigned int depth, struct meeting *back)
{
	struct fw_outcome o = {.match = FW_YES};
	struct fw_state stays;

	memset(w->regs.k, 0, sizeof(w->regs.k));
	memset(w->regs.except, 0xff, sizeof(w->regs.except));
	for (uint32_t i = 0; i < rule->n; i++) {
		const struct fw_expr *e = &rule->exprs[i];

		if (w->budget == 0)
			return NEXT;
		w->budget--;
		if (e->op >= FW_OP_LOOKUP || e->op == FW_OP_VERDICT) /* those that may end it, or translate */
			stays = w->s;
		fw_eval(w, rule, e, &o);
		if (o.match == FW_NO)
			return NEXT;
		if (o.ends && o.verdicts)
			return apply_any(w, rule, &o, depth, back);
		if (o.ends)
			return apply(w, rule, &o, &stays, depth, back);
	}
	return NEXT;
}

/* Whether packets come out again, by its end or a return; the state is then theirs. */
static bool walk_chain(struct fw_walk *w, const struct fw_chain *c, unsigned int depth)
{
	uint32_t hard = w->hard, soft = w->soft;
	struct meeting back = {.is = false};
	unsigned int after = NEXT;
	bool sure = w->sure;

	if (c->unknown_rules)
		w->unknown_part = true;
	for (uint32_t i = 0; i < c->n && after & NEXT; i++) {
		if (w->budget == 0) {
			w->out_of_budget = true;
			break;
		}
		after = walk_rule(w, &w->rs->rules[c->first + i], depth, &back);
	}
	if (after & NEXT)
		meet(&back, &w->s);
	if (back.is)
		w->s = back.s;
	w->sure = sure && w->hard == hard && w->soft == soft;
	return back.is;
}

/* --- base chains --- */

/* Whether packets pass it. */
static bool walk_base(struct fw_walk *w, const struct fw_chain *c)
{
	struct fw_outcome policy = {.match = FW_YES, .fate = FIREWALL_DROPPED};
	uint32_t hard = w->hard;
	struct meeting out;
	bool sure = w->sure;

	w->base = c;
	w->hook = c->hook;
	w->netdev = c->table->family == NFPROTO_NETDEV;
	w->exit_is = false;
	if (walk_chain(w, c, 0)) {
		if (c->drops) {
			add_end(w, c, NULL, &policy);
		} else {
			out.is = w->exit_is;
			out.s = w->exit;
			meet(&out, &w->s);
			w->exit = out.s;
			w->exit_is = true;
		}
	}
	if (w->exit_is)
		w->s = w->exit;
	w->sure = sure && w->hard == hard;
	return w->exit_is;
}

/* Whether a chain is for the interface: chains of the netdev family, and inet's ingress, name theirs. */
static enum fw_tri is_for_device(const struct fw_chain *c, const char *name)
{
	if (name[0] == '\0' || c->any_device)
		return FW_MAYBE;
	for (uint32_t i = 0; i < c->n_devices; i++)
		if (c->prefix[i] ? strncmp(c->devices[i], name, strlen(c->devices[i])) == 0
				 : strcmp(c->devices[i], name) == 0)
			return FW_YES;
	return FW_NO;
}

static bool is_of_device_hook(const struct fw_chain *c)
{
	return c->table->family == NFPROTO_NETDEV || (c->table->family == NFPROTO_INET && c->hook == NF_INET_INGRESS);
}

static enum fw_tri both(enum fw_tri a, enum fw_tri b)
{
	return a < b ? a : b;
}

/* NAT chains see the first packet of a tracked connection, until one of them has translated it. */
static enum fw_tri is_asked(const struct fw_walk *w, const struct fw_chain *c)
{
	enum fw_tri r = FW_YES;

	if (is_of_device_hook(c))
		return is_for_device(c, w->path_device);
	if (!c->nat)
		return FW_YES;
	if (!(w->ct & (FIREWALL_CT_NEW | FIREWALL_CT_RELATED)))
		return FW_NO;
	if (w->s.untracked != FW_NO)
		r = w->s.untracked == FW_YES ? FW_NO : FW_MAYBE;
	if ((c->hook == NF_INET_PRE_ROUTING || c->hook == NF_INET_LOCAL_OUT) && w->s.dnat != FW_NO)
		r = both(r, w->s.dnat == FW_YES ? FW_NO : FW_MAYBE);
	return r;
}

static int32_t effective_priority(const struct fw_chain *c)
{
	if (!c->nat)
		return c->priority;
	return c->hook == NF_INET_PRE_ROUTING || c->hook == NF_INET_LOCAL_OUT ? PRIORITY_NAT_DST : PRIORITY_NAT_SRC;
}

/*
 * At equal priority the hook that was registered last comes first (net/netfilter/core.c nf_hook_entries_grow());
 * of one table the handles tell which that is.
 */
static int compare_bases(const void *a, const void *b)
{
	const struct fw_chain *x = *(const struct fw_chain *const *)a, *y = *(const struct fw_chain *const *)b;
	int32_t px = effective_priority(x), py = effective_priority(y);

	if (px != py)
		return px < py ? -1 : 1;
	if (x->nat != y->nat)
		return (int)x->nat - (int)y->nat;
	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	if (x->table->handle != y->table->handle)
		return x->table->handle > y->table->handle ? -1 : 1;
	return x->handle > y->handle ? -1 : x->handle < y->handle;
}

static bool order_is_unknown(const struct fw_chain *a, const struct fw_chain *b)
{
	return a->table != b->table && effective_priority(a) == effective_priority(b) &&
	       (!a->nat || !b->nat || a->priority == b->priority);
}

static void set_tracking(struct fw_walk *w, const struct fw_chain *c)
{
	if (is_of_device_hook(c))
		w->ct_active = w->p->path == FIREWALL_IN && c->hook != NF_NETDEV_EGRESS ? FW_NO : FW_MAYBE;
	else if ((c->hook != NF_INET_PRE_ROUTING && c->hook != NF_INET_LOCAL_OUT) || c->priority > PRIORITY_CONNTRACK ||
		 c->nat)
		w->ct_active = FW_YES;
	else
		w->ct_active = c->priority == PRIORITY_CONNTRACK ? FW_MAYBE : FW_NO;
}

/* Whether packets pass one base chain, if they are shown to it at all. */
static bool visit(struct fw_walk *w, const struct fw_chain *c)
{
	enum fw_tri asked = is_asked(w, c);
	struct fw_state before = w->s;
	uint32_t hard = w->hard;
	bool sure = w->sure;

	if (asked == FW_NO)
		return true;
	set_tracking(w, c);
	if (asked == FW_YES)
		return walk_base(w, c);
	w->sure = false;
	if (walk_base(w, c))
		join_state(&w->s, &before);
	else
		w->s = before;
	w->sure = sure && w->hard == hard;
	return true;
}

/*
 * Nothing passed chains[at]. Where the chains behind it may have come before it, they are asked too; what they may
 * end is then no longer certain to end in chains[at].
 */
static void visit_rivals(struct fw_walk *w, const struct fw_chain *const *chains, size_t n, size_t at,
	const struct fw_state *before)
{
	uint32_t hard = w->hard;

	for (size_t i = at + 1; i < n && effective_priority(chains[i]) == effective_priority(chains[at]); i++)
		if (order_is_unknown(chains[at], chains[i])) {
			w->s = *before;
			w->sure = false;
			visit(w, chains[i]);
		}
	for (uint32_t i = 0; i < w->n_ends && w->hard != hard; i++)
		if (w->ends[i].base == chains[at])
			w->ends[i].must_now = false;
}

static bool is_at(const struct fw_chain *c, bool v6, bool device, uint8_t hook)
{
	if (!c->base || c->table->dormant)
		return false;
	if (device) /* hook: of the netdev family */
		return is_of_device_hook(c) &&
		       (c->table->family == NFPROTO_NETDEV ? c->hook == hook : hook == NF_NETDEV_INGRESS);
	return c->hook == hook && !is_of_device_hook(c) &&
	       (c->table->family == NFPROTO_INET || c->table->family == (v6 ? NFPROTO_IPV6 : NFPROTO_IPV4));
}

/* Whether packets pass all base chains of a hook. */
static bool walk_hook(struct fw_walk *w, bool device, uint8_t hook)
{
	const struct fw_chain *chains[BASES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < w->rs->n_chains; i++) {
		if (!is_at(w->rs->chains[i], w->p->v6, device, hook))
			continue;
		if (n == BASES_MAX) {
			w->out_of_budget = true;
			break;
		}
		chains[n++] = w->rs->chains[i];
	}
	qsort(chains, n, sizeof(chains[0]), compare_bases);
	for (size_t i = 0; i < n; i++) {
		struct fw_state before = w->s;

		if (!visit(w, chains[i])) {
			visit_rivals(w, chains, n, i, &before);
			return false;
		}
	}
	return true;
}

/* --- the way --- */

static void put_port(uint8_t *v, uint16_t port)
{
	v[0] = (uint8_t)(port >> 8);
	v[1] = (uint8_t)port;
}

/*
 * What is known of the packet: addresses, ports, flags, and that it is a whole TCP segment (conntrack puts
 * fragments together; without it a rule that asks for them is rare). Not known: lengths, checksums, TOS,
 * numbers, and everything behind the TCP header's fixed part.
 */
static void start_state(struct fw_walk *w)
{
	const struct firewall_packet *p = w->p;
	struct fw_state *s = &w->s;

	memset(s, 0, sizeof(*s));
	s->nh[0] = p->v6 ? 0x60 : 0x40;
	s->nh_known[0] = 0xf0;
	s->nh[p->v6 ? 6 : 9] = IPPROTO_TCP;
	s->nh_known[p->v6 ? 6 : 9] = 0xff;
	s->nh[p->v6 ? 7 : 8] = p->ttl;
	s->nh_known[p->v6 ? 7 : 8] = p->ttl ? 0xff : 0;
	memcpy(s->nh + (p->v6 ? 8 : 12), p->v6 ? p->src.b : p->src.b + 12, p->v6 ? 16 : 4);
	memset(s->nh_known + (p->v6 ? 8 : 12), 0xff, p->v6 ? 16 : 4);
	memcpy(s->nh + (p->v6 ? 24 : 16), p->v6 ? p->dst.b : p->dst.b + 12, p->v6 ? 16 : 4);
	memset(s->nh_known + (p->v6 ? 24 : 16), 0xff, p->v6 ? 16 : 4);
	put_port(s->th, p->sport);
	put_port(s->th + 2, p->dport);
	s->th[13] = p->flags;
	memset(s->th_known, 0xff, 4);
	s->th_known[13] = 0xff;
	memcpy(s->mark, &p->mark, 4);
	memcpy(s->mark_known, &p->mark_known, 4);
	for (size_t i = 0; i < 4; i++)
		s->mark[i] &= s->mark_known[i];
}

static void find_way_out(struct fw_walk *w)
{
	size_t at = w->p->v6 ? 24 : 16, n = w->p->v6 ? 16 : 4;
	struct ip dst;

	w->oif[0] = '\0';
	w->oif_index = 0;
	for (size_t i = 0; i < n; i++)
		if (w->s.nh_known[at + i] != 0xff)
			return;
	dst = w->p->v6 ? ip_from_v6(w->s.nh + at) : ip_from_v4(w->s.nh + at);
	if (w->p->route)
		w->p->route(w->p->ctx, &dst, w->oif, &w->oif_index);
}

static bool walk_out(struct fw_walk *w)
{
	if (!walk_hook(w, false, NF_INET_POST_ROUTING))
		return false;
	memcpy(w->path_device, w->oif, sizeof(w->path_device));
	return walk_hook(w, true, NF_NETDEV_EGRESS);
}

static bool walk_in(struct fw_walk *w)
{
	size_t at = w->p->v6 ? 24 : 16;
	struct fw_state routed;
	bool passes = false, sure;
	enum fw_tri local;

	memcpy(w->path_device, w->iif, sizeof(w->path_device));
	if (!walk_hook(w, true, NF_NETDEV_INGRESS) || !walk_hook(w, false, NF_INET_PRE_ROUTING))
		return false;
	local = w->s.dst_asked ? w->s.dst_local : fw_is_local(w, w->s.nh + at, w->s.nh_known + at);
	routed = w->s;
	sure = w->sure = w->sure && local != FW_MAYBE;
	if (local != FW_NO)
		passes = walk_hook(w, false, NF_INET_LOCAL_IN);
	if (local == FW_YES)
		return passes;
	w->s = routed;
	w->sure = sure;
	w->s.nh[w->p->v6 ? 7 : 8]--; /* before the hook (net/ipv4/ip_forward.c, net/ipv6/ip6_output.c) */
	find_way_out(w);
	return (walk_hook(w, false, NF_INET_FORWARD) && walk_out(w)) || passes;
}

static void run(struct fw_walk *w)
{
	bool passes;

	memcpy(w->iif, w->p->iif, sizeof(w->iif));
	memcpy(w->oif, w->p->oif, sizeof(w->oif));
	w->iif[sizeof(w->iif) - 1] = w->oif[sizeof(w->oif) - 1] = '\0';
	w->iif_index = w->p->iif_index;
	w->oif_index = w->p->oif_index;
	w->sure = true;
	start_state(w);
	if (w->p->path == FIREWALL_IN)
		passes = walk_in(w);
	else
		passes = walk_hook(w, false, NF_INET_LOCAL_OUT) && walk_out(w);
	w->runs++;
	w->runs_passed += passes;
	for (uint32_t i = 0; i < w->n_ends; i++) {
		w->ends[i].runs += w->ends[i].now;
		w->ends[i].runs_must += w->ends[i].must_now;
		w->ends[i].now = w->ends[i].must_now = false;
	}
}

void fw_walk(struct fw_walk *w)
{
	uint8_t possible = w->p->ct ? w->p->ct : 0x1f;

	w->budget = FW_BUDGET;
	for (uint8_t bit = 1; bit <= FIREWALL_CT_UNTRACKED; bit = (uint8_t)(bit << 1))
		if (possible & bit) {
			w->ct = bit;
			run(w);
		}
}

static bool is_same_fate(const struct fw_end *a, const struct fw_end *b)
{
	return a->fate == b->fate && a->icmp_type == b->icmp_type && a->icmp_code == b->icmp_code &&
	       a->queue == b->queue;
}

void fw_conclude(const struct fw_walk *w, struct firewall_verdict *ret)
{
	bool one = w->n_ends > 0 && w->runs_passed == 0;

	ret->complete = w->rs->complete && !w->out_of_budget && w->budget > 0;
	ret->may_pass = w->runs_passed > 0;
	ret->n_found = w->n_ends + w->lost_ends;
	ret->notrack = w->notrack;
	ret->synproxy = w->synproxy;
	ret->flowtable = w->flowtable;
	ret->unknown_part = w->unknown_part;
	ret->other_families = w->rs->other_families;
	for (uint32_t i = 1; i < w->n_ends && one; i++)
		one = is_same_fate(&w->ends[0], &w->ends[i]);
	ret->fate = FIREWALL_UNKNOWN;
	if (!ret->complete || w->unknown_part || w->lost_ends > 0)
		return;
	if (w->n_ends == 0)
		ret->fate = FIREWALL_ACCEPTED;
	if (!one)
		return;
	ret->fate = w->ends[0].fate;
	ret->icmp_type = w->ends[0].icmp_type;
	ret->icmp_code = w->ends[0].icmp_code;
	ret->queue = w->ends[0].queue;
}
