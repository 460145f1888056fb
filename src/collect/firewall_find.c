/* firewall_find.c - a rule by its handle: what it does to a packet that it matches, and by which base chain. Pure. */
#include "firewall_rules.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

enum {
	CALLERS_MAX = 64,
	CALLS_MAX = 4000000, /* expressions and elements looked at: some 20 ms */
};

/* --- what it does --- */

struct deed {
	bool possible; /* for a TCP packet of this family */
	struct fw_outcome o;
};

static void do_rule(struct fw_walk *w, const struct fw_rule *rule, struct deed *ret)
{
	memset(ret, 0, sizeof(*ret));
	memset(w->regs.k, 0, sizeof(w->regs.k));
	memset(w->regs.except, 0xff, sizeof(w->regs.except));
	ret->possible = true;
	for (uint32_t i = 0; i < rule->n && !ret->o.ends; i++) {
		ret->o.match = FW_MAYBE;
		fw_eval(w, rule, &rule->exprs[i], &ret->o);
		ret->possible = ret->possible && ret->o.match != FW_NO;
	}
}

/* A packet of which nothing is known but that it is TCP. */
static void imagine(const struct fw_ruleset *rs, const struct fw_end *end, struct firewall_packet *p, struct fw_walk *w)
{
	memset(w, 0, sizeof(*w));
	w->rs = rs;
	w->p = p;
	w->n_queues = -1;
	w->budget = FW_BUDGET;
	w->ct = FIREWALL_CT_NEW;
	w->ct_active = FW_MAYBE;
	w->base = end->base;
	w->hook = end->base->hook;
	w->netdev = end->chain->table->family == NFPROTO_NETDEV;
}

static void take_outcome(const struct fw_outcome *o, struct fw_end *end)
{
	if (!o->ends || o->verdicts || o->verdict == NFT_CONTINUE || o->verdict == NFT_BREAK ||
		o->verdict == NFT_RETURN || o->verdict == NFT_JUMP || o->verdict == NFT_GOTO)
		return;
	end->fate = o->fate;
	end->icmp_type = o->icmp_type;
	end->icmp_code = o->icmp_code;
	end->queue = o->queue;
	if (end->fate == FIREWALL_UNKNOWN)
		end->fate = (o->verdict & NF_VERDICT_MASK) == NF_ACCEPT ? FIREWALL_ACCEPTED : FIREWALL_DROPPED;
}

/* Where a rule takes both families, and rejects each in its own way, the ICMP type is not told. */
static bool find_fate(const struct fw_ruleset *rs, struct fw_end *end)
{
	uint8_t family = end->chain->table->family;
	struct fw_walk *w = calloc(1, sizeof(*w));
	struct firewall_packet p = {.flags = 2};
	struct deed v4, v6;

	if (!w)
		return false;
	imagine(rs, end, &p, w);
	do_rule(w, end->rule, &v4);
	p.v6 = true;
	imagine(rs, end, &p, w);
	do_rule(w, end->rule, &v6);
	free(w);
	if (family == NFPROTO_IPV6 || (family != NFPROTO_IPV4 && v6.possible && !v4.possible))
		take_outcome(&v6.o, end);
	else
		take_outcome(&v4.o, end);
	if (family != NFPROTO_IPV4 && family != NFPROTO_IPV6 && v4.possible == v6.possible &&
		(v4.o.icmp_type != v6.o.icmp_type || v4.o.icmp_code != v6.o.icmp_code))
		end->icmp_type = end->icmp_code = 0;
	return true;
}

/* --- by which base chain --- */

/* The chains from which the packet may have come, each once. */
struct callers {
	const struct fw_chain *chains[CALLERS_MAX];
	size_t n;
	uint32_t budget;
	bool too_many;
};

static void add_caller(struct callers *c, const struct fw_chain *chain)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->chains[i] == chain)
			return;
	if (c->n == CALLERS_MAX)
		c->too_many = true;
	else
		c->chains[c->n++] = chain;
}

static bool leads_to(struct callers *c, const struct fw_expr *e, const struct fw_chain *to)
{
	if (e->op == FW_OP_VERDICT)
		return e->chain == to;
	if (e->op != FW_OP_LOOKUP || !e->set || e->dreg != FW_VERDICT)
		return false;
	if (!e->set->loaded) /* any chain may be in it */
		c->too_many = true;
	for (uint32_t i = 0; i < e->set->n && c->budget > 0; i++, c->budget--)
		if (e->set->elements[i].chain == to)
			return true;
	return false;
}

static void add_callers(const struct fw_ruleset *rs, struct callers *c, const struct fw_chain *to)
{
	for (size_t i = 0; i < rs->n_rules; i++) {
		const struct fw_rule *r = &rs->rules[i];

		if (r->chain->table != to->table)
			continue;
		for (uint32_t j = 0; j < r->n && c->budget > 0; j++, c->budget--)
			if (leads_to(c, &r->exprs[j], to))
				add_caller(c, r->chain);
	}
}

/* NULL: there are several, or none. */
static const struct fw_chain *find_base(const struct fw_ruleset *rs, const struct fw_chain *chain)
{
	struct callers c = {.budget = CALLS_MAX};
	const struct fw_chain *base = NULL;

	add_caller(&c, chain);
	for (size_t i = 0; i < c.n; i++) {
		if (c.chains[i]->base && base)
			return NULL;
		if (c.chains[i]->base)
			base = c.chains[i];
		else
			add_callers(rs, &c, c.chains[i]);
	}
	return c.too_many || c.budget == 0 ? NULL : base;
}

/* --- which --- */

/* Names as they were told, so clean and cut. */
static bool is_it(const struct fw_end *end, const char *family, const char *table, const char *chain,
	struct firewall_rule *ret)
{
	fw_describe(end, ret);
	return strcmp(ret->family, family) == 0 && strcmp(ret->table, table) == 0 && strcmp(ret->chain, chain) == 0;
}

static bool find_rule(const struct fw_ruleset *rs, const char *family, const char *table, const char *chain,
	uint64_t handle, struct fw_end *end, struct firewall_rule *ret)
{
	for (size_t i = 0; i < rs->n_rules; i++) {
		end->rule = &rs->rules[i];
		end->base = end->chain = rs->rules[i].chain;
		if (rs->rules[i].handle == handle && is_it(end, family, table, chain, ret))
			return true;
	}
	return false;
}

static bool find_policy(const struct fw_ruleset *rs, const char *family, const char *table, const char *chain,
	struct fw_end *end, struct firewall_rule *ret)
{
	for (size_t i = 0; i < rs->n_chains; i++) {
		end->base = end->chain = rs->chains[i];
		end->fate = rs->chains[i]->drops ? FIREWALL_DROPPED : FIREWALL_ACCEPTED;
		if (rs->chains[i]->base && is_it(end, family, table, chain, ret))
			return true;
	}
	return false;
}

bool fw_find(const struct fw_ruleset *rs, const char *family, const char *table, const char *chain, uint64_t handle,
	struct fw_end *end, struct firewall_rule *ret)
{
	const struct fw_chain *base;

	memset(end, 0, sizeof(*end));
	if (handle == 0)
		return find_policy(rs, family, table, chain, end, ret);
	if (!find_rule(rs, family, table, chain, handle, end, ret))
		return false;
	base = find_base(rs, end->chain);
	end->base = base ? base : end->chain;
	if (!find_fate(rs, end))
		return false;
	fw_describe(end, ret);
	if (!base) {
		memset(ret->base, 0, sizeof(ret->base));
		memset(ret->hook, 0, sizeof(ret->hook));
		ret->priority = 0;
	}
	return true;
}
