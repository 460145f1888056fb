/* firewall_parse.c - nftables' netlink messages to a ruleset in memory. No I/O. */
#include "firewall_attrs.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEVICE_PREFIX = 2, /* NFTA_DEVICE_PREFIX, since v6.16 */
	UDATA_COMMENT = 0, /* NFTNL_UDATA_RULE_COMMENT of libnftnl */
	CATCHALL = 2,      /* NFT_SET_ELEM_CATCHALL */
};

/* --- names --- */

static uint32_t hash_name(const struct fw_table *t, const char *name)
{
	uint32_t h = 2166136261u ^ (uint32_t)t->handle;

	while (*name)
		h = (h ^ (uint8_t)*name++) * 16777619u;
	return h & 4095;
}

static struct fw_table *find_table(struct fw_ruleset *rs, uint8_t family, const char *name)
{
	if (!name)
		return NULL;
	if (rs->last_table && rs->last_table->family == family && strcmp(rs->last_table->name, name) == 0)
		return rs->last_table;
	for (size_t i = 0; i < rs->n_tables; i++)
		if (rs->tables[i]->family == family && strcmp(rs->tables[i]->name, name) == 0)
			return rs->last_table = rs->tables[i];
	return NULL;
}

static struct fw_chain *find_chain(struct fw_ruleset *rs, struct fw_table *t, const char *name)
{
	struct fw_chain *c;

	if (!t || !name)
		return NULL;
	if (rs->last_chain && rs->last_chain->table == t && strcmp(rs->last_chain->name, name) == 0)
		return rs->last_chain;
	for (c = rs->chain_hash[hash_name(t, name)]; c; c = c->next_same_hash)
		if (c->table == t && strcmp(c->name, name) == 0)
			return rs->last_chain = c;
	return NULL;
}

static struct fw_set *find_set(struct fw_ruleset *rs, struct fw_table *t, const char *name)
{
	struct fw_set *s;

	if (!t || !name)
		return NULL;
	for (s = rs->set_hash[hash_name(t, name)]; s; s = s->next_same_hash)
		if (s->table == t && strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

/* --- messages --- */

static void take_table(struct fw_ruleset *rs, uint8_t family, const struct fw_attrs *a)
{
	struct fw_table *t;

	if (family == NFPROTO_ARP || family == NFPROTO_BRIDGE) {
		rs->other_families = true;
		return;
	}
	if (find_table(rs, family, fw_get_string(a->a[NFTA_TABLE_NAME])))
		return;
	if (rs->n_tables == FW_TABLES_MAX || !(t = fw_take_memory(rs, sizeof(*t))) ||
		!(t->name = fw_keep_string(rs, a->a[NFTA_TABLE_NAME]))) {
		rs->complete = false;
		return;
	}
	t->family = family;
	t->handle = fw_get64(a->a[NFTA_TABLE_HANDLE], 0);
	t->dormant = fw_get32(a->a[NFTA_TABLE_FLAGS], 0) & NFT_TABLE_F_DORMANT;
	rs->tables[rs->n_tables++] = t;
}

static void add_device(struct fw_ruleset *rs, struct fw_chain *c, const struct nlattr *attr, bool prefix)
{
	const char *name = fw_keep_string(rs, attr);

	if (!name || c->n_devices == FW_DEVICES_MAX) {
		c->any_device = true;
		return;
	}
	c->prefix[c->n_devices] = prefix;
	c->devices[c->n_devices++] = name;
}

static void take_hook(struct fw_ruleset *rs, struct fw_chain *c, const struct nlattr *hook)
{
	const struct nlattr *attr;
	struct fw_attrs a;

	fw_index_nested(hook, &a);
	c->base = a.a[NFTA_HOOK_HOOKNUM];
	c->hook = (uint8_t)fw_get32(a.a[NFTA_HOOK_HOOKNUM], UINT8_MAX);
	c->priority = (int32_t)fw_get32(a.a[NFTA_HOOK_PRIORITY], 0);
	if (a.a[NFTA_HOOK_DEV])
		add_device(rs, c, a.a[NFTA_HOOK_DEV], false);
	else if (a.a[NFTA_HOOK_DEVS])
		mnl_attr_for_each_nested(attr, a.a[NFTA_HOOK_DEVS])
			add_device(rs, c, attr, mnl_attr_get_type(attr) == DEVICE_PREFIX);
}

static void take_chain(struct fw_ruleset *rs, uint8_t family, const struct fw_attrs *a)
{
	struct fw_table *t = find_table(rs, family, fw_get_string(a->a[NFTA_CHAIN_TABLE]));
	const char *type = fw_get_string(a->a[NFTA_CHAIN_TYPE]);
	struct fw_attrs counters;
	struct fw_chain *c;
	uint32_t h;

	if (family == NFPROTO_ARP || family == NFPROTO_BRIDGE ||
		find_chain(rs, t, fw_get_string(a->a[NFTA_CHAIN_NAME])))
		return;
	if (!t || rs->n_chains == FW_CHAINS_MAX || !(c = fw_take_memory(rs, sizeof(*c))) ||
		!(c->name = fw_keep_string(rs, a->a[NFTA_CHAIN_NAME]))) {
		rs->complete = false;
		return;
	}
	c->table = t;
	c->handle = fw_get64(a->a[NFTA_CHAIN_HANDLE], 0);
	c->nat = type && strcmp(type, "nat") == 0;
	c->drops = fw_get32(a->a[NFTA_CHAIN_POLICY], NF_ACCEPT) == NF_DROP;
	if (a->a[NFTA_CHAIN_HOOK])
		take_hook(rs, c, a->a[NFTA_CHAIN_HOOK]);
	c->has_counter = a->a[NFTA_CHAIN_COUNTERS];
	fw_index_nested(a->a[NFTA_CHAIN_COUNTERS], &counters);
	c->packets = fw_get64(counters.a[NFTA_COUNTER_PACKETS], 0);
	rs->chains[rs->n_chains++] = c;
	h = hash_name(t, c->name);
	c->next_same_hash = rs->chain_hash[h];
	rs->chain_hash[h] = c;
}

/* libnftnl's and iptables' comment: type, length, text with its NUL (a TLV in the rule's user data). */
static void take_comment(struct fw_ruleset *rs, struct fw_rule *r, const struct nlattr *attr)
{
	const uint8_t *p = attr ? mnl_attr_get_payload(attr) : NULL;
	size_t left = attr ? mnl_attr_get_payload_len(attr) : 0;

	while (left >= 2 && p[1] + 2u <= left) {
		if (p[0] == UDATA_COMMENT && p[1] > 0) {
			r->comment = (const char *)fw_keep(rs, p + 2, p[1]);
			r->comment_len = r->comment ? (uint32_t)strnlen(r->comment, p[1]) : 0;
			return;
		}
		left -= p[1] + 2u;
		p += p[1] + 2u;
	}
}

/* iptables' own: a match that holds 256 bytes of text. */
static void take_xt_comment(struct fw_rule *r)
{
	for (uint32_t i = 0; i < r->n && !r->comment; i++)
		if (r->exprs[i].op == FW_OP_MATCH && strcmp(r->exprs[i].name, "comment") == 0) {
			r->comment = (const char *)r->exprs[i].data;
			r->comment_len = (uint32_t)strnlen(r->comment, r->exprs[i].len);
		}
}

static void note_counter(struct fw_rule *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (r->exprs[i].op == FW_OP_COUNTER) {
			r->has_counter = true;
			r->packets = r->exprs[i].number;
			return;
		}
}

/* The kernel tells a chain's rules one after the other. */
static void take_rule(struct fw_ruleset *rs, uint8_t family, const struct fw_attrs *a, int64_t now_ms)
{
	struct fw_table *t = find_table(rs, family, fw_get_string(a->a[NFTA_RULE_TABLE]));
	struct fw_chain *c = find_chain(rs, t, fw_get_string(a->a[NFTA_RULE_CHAIN]));
	struct fw_rule *r;

	if (family == NFPROTO_ARP || family == NFPROTO_BRIDGE)
		return;
	if (!c || rs->n_rules == FW_RULES_MAX || (c->n > 0 && c->first + c->n != rs->n_rules)) {
		rs->complete = false;
		if (c)
			c->unknown_rules = true;
		return;
	}
	r = &rs->rules[rs->n_rules];
	memset(r, 0, sizeof(*r));
	r->chain = c;
	r->handle = fw_get64(a->a[NFTA_RULE_HANDLE], 0);
	r->read_ms = now_ms;
	r->exprs = fw_parse_exprs(rs, a->a[NFTA_RULE_EXPRESSIONS], FW_EXPRS_MAX, &r->n);
	if (!r->exprs && fw_count_list(a->a[NFTA_RULE_EXPRESSIONS]) > 0) {
		rs->complete = false;
		c->unknown_rules = true;
	}
	note_counter(r);
	take_comment(rs, r, a->a[NFTA_RULE_USERDATA]);
	take_xt_comment(r);
	if (c->n++ == 0)
		c->first = (uint32_t)rs->n_rules;
	rs->n_rules++;
}

static void take_fields(struct fw_set *s, const struct nlattr *desc)
{
	const struct nlattr *attr;
	struct fw_attrs a, field;
	uint32_t sum = 0;

	fw_index_nested(desc, &a);
	if (!a.a[NFTA_SET_DESC_CONCAT])
		return;
	mnl_attr_for_each_nested(attr, a.a[NFTA_SET_DESC_CONCAT]) {
		uint32_t n;

		fw_index_nested(attr, &field);
		n = fw_get32(field.a[NFTA_SET_FIELD_LEN], 0);
		sum += (n + 3) & ~3u;
		if (n == 0 || n > 16 || s->n_fields == FW_WORDS || sum > s->key_len) {
			s->unknown = true; /* not a layout that is understood */
			s->n_fields = 0;
			return;
		}
		s->fields[s->n_fields++] = (uint8_t)n;
	}
	s->unknown = s->unknown || sum != s->key_len;
}

static void take_set(struct fw_ruleset *rs, uint8_t family, const struct fw_attrs *a)
{
	struct fw_table *t = find_table(rs, family, fw_get_string(a->a[NFTA_SET_TABLE]));
	struct fw_set *s;
	uint32_t h;

	if (family == NFPROTO_ARP || family == NFPROTO_BRIDGE || find_set(rs, t, fw_get_string(a->a[NFTA_SET_NAME])))
		return;
	if (!t || rs->n_sets == FW_SETS_MAX || !(s = fw_take_memory(rs, sizeof(*s))) ||
		!(s->name = fw_keep_string(rs, a->a[NFTA_SET_NAME]))) {
		rs->complete = false;
		return;
	}
	s->table = t;
	s->flags = fw_get32(a->a[NFTA_SET_FLAGS], 0);
	s->key_type = fw_get32(a->a[NFTA_SET_KEY_TYPE], 0);
	s->key_len = fw_get32(a->a[NFTA_SET_KEY_LEN], 0);
	s->data_type = fw_get32(a->a[NFTA_SET_DATA_TYPE], 0);
	s->data_len = fw_get32(a->a[NFTA_SET_DATA_LEN], 0);
	s->object_type = fw_get32(a->a[NFTA_SET_OBJ_TYPE], 0);
	s->verdicts = s->flags & NFT_SET_MAP && s->data_type == NFT_DATA_VERDICT;
	s->unknown = s->key_len == 0 || s->key_len > FW_REG_BYTES || s->data_len > FW_REG_BYTES ||
		     s->flags & NFT_SET_EVAL;
	take_fields(s, a->a[NFTA_SET_DESC]);
	rs->sets[rs->n_sets++] = s;
	h = hash_name(t, s->name);
	s->next_same_hash = rs->set_hash[h];
	rs->set_hash[h] = s;
}

static struct fw_element *new_element(struct fw_ruleset *rs, struct fw_set *s)
{
	if (rs->n_elements == FW_ELEMENTS_MAX)
		return NULL;
	if (s->n == s->cap) {
		uint32_t cap = s->cap ? s->cap * 2 : 4;
		struct fw_element *grown = realloc(s->elements, cap * sizeof(*grown));

		if (!grown)
			return NULL;
		s->elements = grown;
		s->cap = cap;
	}
	memset(&s->elements[s->n], 0, sizeof(s->elements[s->n]));
	return &s->elements[s->n];
}

/* Whether it was understood. */
static bool fill_element(struct fw_ruleset *rs, const struct fw_set *s, const struct fw_attrs *a, int64_t now_ms,
	struct fw_element *e)
{
	uint32_t n = 0;
	uint64_t left = fw_get64(a->a[NFTA_SET_ELEM_EXPIRATION], 0);

	e->flags = fw_get32(a->a[NFTA_SET_ELEM_FLAGS], 0);
	if (left > 0 && left < INT64_C(1) << 50)
		e->expires_ms = now_ms + (int64_t)left;
	if (!(e->flags & CATCHALL)) {
		e->key = fw_keep_value(rs, a->a[NFTA_SET_ELEM_KEY], &n);
		if (!e->key || n != s->key_len)
			return false;
	}
	if (a->a[NFTA_SET_ELEM_KEY_END]) {
		e->end = fw_keep_value(rs, a->a[NFTA_SET_ELEM_KEY_END], &n);
		if (!e->end || n != s->key_len)
			return false;
	}
	if (e->flags & NFT_SET_ELEM_INTERVAL_END)
		return true;
	if (s->verdicts)
		return fw_get_verdict(rs, a->a[NFTA_SET_ELEM_DATA], &e->verdict, &e->name);
	if (s->flags & NFT_SET_MAP) {
		e->data = fw_keep_value(rs, a->a[NFTA_SET_ELEM_DATA], &n);
		return e->data && n == s->data_len;
	}
	if (s->flags & NFT_SET_OBJECT)
		e->name = fw_keep_string(rs, a->a[NFTA_SET_ELEM_OBJREF]);
	return true;
}

static void take_elements(struct fw_ruleset *rs, uint8_t family, const struct fw_attrs *a, int64_t now_ms)
{
	struct fw_table *t = find_table(rs, family, fw_get_string(a->a[NFTA_SET_ELEM_LIST_TABLE]));
	struct fw_set *s = find_set(rs, t, fw_get_string(a->a[NFTA_SET_ELEM_LIST_SET]));
	const struct nlattr *attr;

	if (!s || s->unknown || s->loaded || !a->a[NFTA_SET_ELEM_LIST_ELEMENTS])
		return;
	mnl_attr_for_each_nested(attr, a->a[NFTA_SET_ELEM_LIST_ELEMENTS]) {
		struct fw_element *e = new_element(rs, s);
		struct fw_attrs in;

		fw_index_nested(attr, &in);
		if (!e || !fill_element(rs, s, &in, now_ms, e)) {
			s->unknown = true;
			rs->complete = false;
			return;
		}
		s->n++;
		rs->n_elements++;
	}
}

/* libmnl compares the length as a signed number, so one of 2 GiB would pass. */
static bool is_message(const struct nlmsghdr *nlh, size_t n)
{
	return n <= INT32_MAX && mnl_nlmsg_ok(nlh, (int)n) && nlh->nlmsg_len <= n &&
	       nlh->nlmsg_len > MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct nfgenmsg));
}

void fw_take(struct fw_ruleset *rs, const void *msg, size_t n, int64_t now_ms)
{
	const struct nlmsghdr *nlh = msg;
	const struct nfgenmsg *g;
	struct fw_attrs a;

	if (!is_message(nlh, n) || nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES)
		return;
	g = mnl_nlmsg_get_payload(nlh);
	fw_index_attrs(mnl_nlmsg_get_payload_offset(nlh, sizeof(*g)),
		mnl_nlmsg_get_payload_len(nlh) - MNL_ALIGN(sizeof(*g)), &a);
	switch (nlh->nlmsg_type & 0xff) {
	case NFT_MSG_NEWTABLE:
		take_table(rs, g->nfgen_family, &a);
		break;
	case NFT_MSG_NEWCHAIN:
		take_chain(rs, g->nfgen_family, &a);
		break;
	case NFT_MSG_NEWRULE:
		take_rule(rs, g->nfgen_family, &a, now_ms);
		break;
	case NFT_MSG_NEWSET:
		take_set(rs, g->nfgen_family, &a);
		break;
	case NFT_MSG_NEWSETELEM:
		take_elements(rs, g->nfgen_family, &a, now_ms);
		break;
	default:
		break;
	}
}

bool fw_take_counter(const void *msg, size_t n, uint64_t *ret_packets)
{
	const struct nlmsghdr *nlh = msg;
	const struct nlattr *attr;
	struct fw_attrs a, in;

	if (!is_message(nlh, n))
		return false;
	fw_index_attrs(mnl_nlmsg_get_payload_offset(nlh, sizeof(struct nfgenmsg)),
		mnl_nlmsg_get_payload_len(nlh) - MNL_ALIGN(sizeof(struct nfgenmsg)), &a);
	if (nlh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN) && a.a[NFTA_CHAIN_COUNTERS]) {
		fw_index_nested(a.a[NFTA_CHAIN_COUNTERS], &in);
		*ret_packets = fw_get64(in.a[NFTA_COUNTER_PACKETS], 0);
		return true;
	}
	if (nlh->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE) || !a.a[NFTA_RULE_EXPRESSIONS])
		return false;
	mnl_attr_for_each_nested(attr, a.a[NFTA_RULE_EXPRESSIONS]) {
		const char *name;

		fw_index_nested(attr, &in);
		name = fw_get_string(in.a[NFTA_EXPR_NAME]);
		if (!name || strcmp(name, "counter") != 0)
			continue;
		fw_index_nested(in.a[NFTA_EXPR_DATA], &in);
		*ret_packets = fw_get64(in.a[NFTA_COUNTER_PACKETS], 0);
		return true;
	}
	return false;
}

static void link_expr(struct fw_ruleset *rs, struct fw_table *t, struct fw_expr *e)
{
	switch (e->op) {
	case FW_OP_VERDICT:
		e->chain = find_chain(rs, t, e->name);
		break;
	case FW_OP_LOOKUP:
		e->set = find_set(rs, t, e->name);
		if (e->set && (e->sreg * 4 + e->set->key_len > FW_REG_BYTES ||
				      (e->dreg < FW_WORDS && e->dreg * 4 + e->set->data_len > FW_REG_BYTES)))
			e->set = NULL;
		break;
	case FW_OP_OBJREF:
	case FW_OP_DYNSET:
		if (e->sreg < FW_WORDS)
			e->set = find_set(rs, t, e->name);
		break;
	default:
		break;
	}
}

void fw_set_loaded(struct fw_ruleset *rs, struct fw_set *s)
{
	for (uint32_t i = 0; s->verdicts && i < s->n; i++)
		s->elements[i].chain = find_chain(rs, s->table, s->elements[i].name);
	fw_set_sort(s);
	s->loaded = true;
}

void fw_link(struct fw_ruleset *rs)
{
	for (size_t i = 0; i < rs->n_rules; i++)
		for (uint32_t j = 0; j < rs->rules[i].n; j++) /* they lie in the arena, which is ours to write */
			link_expr(rs, rs->rules[i].chain->table, (struct fw_expr *)(uintptr_t)&rs->rules[i].exprs[j]);
}
