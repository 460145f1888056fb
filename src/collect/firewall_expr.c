/* firewall_expr.c - a rule's expressions from netlink to struct fw_expr. */
#include "firewall_attrs.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <string.h>

enum {
	BITWISE_SREG2 = 8, /* NFTA_BITWISE_SREG2, since v6.13 */
	LIST_MAX = 64,     /* expressions of a dynset */
};

/* The parsers: false when an expression is not understood. */

static bool parse_immediate(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	int32_t code;

	e->dreg = fw_get_register(a->a[NFTA_IMMEDIATE_DREG], 0);
	if (e->dreg == FW_VERDICT) {
		e->op = FW_OP_VERDICT;
		if (!fw_get_verdict(rs, a->a[NFTA_IMMEDIATE_DATA], &code, &e->name))
			return false;
		e->key = (uint32_t)code;
		return true;
	}
	e->data = fw_keep_value(rs, a->a[NFTA_IMMEDIATE_DATA], &e->len);
	e->dreg = fw_get_register(a->a[NFTA_IMMEDIATE_DREG], e->len);
	return e->data && fw_is_data_register(e->dreg);
}

static bool parse_cmp(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	e->sub = (uint8_t)fw_get32(a->a[NFTA_CMP_OP], UINT8_MAX);
	e->data = fw_keep_value(rs, a->a[NFTA_CMP_DATA], &e->len);
	e->sreg = fw_get_register(a->a[NFTA_CMP_SREG], e->len);
	return e->data && e->len > 0 && fw_is_data_register(e->sreg) && e->sub <= NFT_CMP_GTE;
}

static bool parse_range(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	uint32_t n = 0;

	e->sub = (uint8_t)fw_get32(a->a[NFTA_RANGE_OP], UINT8_MAX);
	e->data = fw_keep_value(rs, a->a[NFTA_RANGE_FROM_DATA], &e->len);
	e->data2 = fw_keep_value(rs, a->a[NFTA_RANGE_TO_DATA], &n);
	e->sreg = fw_get_register(a->a[NFTA_RANGE_SREG], e->len);
	return e->data && e->data2 && e->len > 0 && n == e->len && fw_is_data_register(e->sreg) &&
	       e->sub <= NFT_RANGE_NEQ;
}

static bool parse_bitwise(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	uint32_t n = 0;

	e->sub = (uint8_t)fw_get32(a->a[NFTA_BITWISE_OP], NFT_BITWISE_BOOL);
	e->len = fw_get32(a->a[NFTA_BITWISE_LEN], 0);
	e->sreg = fw_get_register(a->a[NFTA_BITWISE_SREG], e->len);
	e->dreg = fw_get_register(a->a[NFTA_BITWISE_DREG], e->len);
	if (e->len == 0 || e->len > FW_REG_BYTES || !fw_is_data_register(e->sreg) || !fw_is_data_register(e->dreg))
		return false;
	if (e->sub == NFT_BITWISE_BOOL) {
		e->data = fw_keep_value(rs, a->a[NFTA_BITWISE_MASK], &n);
		if (!e->data || n != e->len)
			return false;
		e->data2 = fw_keep_value(rs, a->a[NFTA_BITWISE_XOR], &n);
		return e->data2 && n == e->len;
	}
	if (e->sub <= NFT_BITWISE_RSHIFT) {
		struct fw_attrs in;
		uint32_t bits;

		fw_index_nested(a->a[NFTA_BITWISE_DATA], &in); /* the one value in host byte order */
		if (!in.a[NFTA_DATA_VALUE] || mnl_attr_get_payload_len(in.a[NFTA_DATA_VALUE]) != sizeof(bits))
			return false;
		memcpy(&bits, mnl_attr_get_payload(in.a[NFTA_DATA_VALUE]), sizeof(bits));
		e->number = bits;
		return bits > 0 && bits < 32;
	}
	e->sreg2 = fw_get_register(a->a[BITWISE_SREG2], e->len); /* and, or, xor of two registers or with data */
	if (fw_is_data_register(e->sreg2))
		return e->sub <= NFT_BITWISE_RSHIFT + 3;
	e->data = fw_keep_value(rs, a->a[NFTA_BITWISE_DATA], &n);
	return e->data && n == e->len && e->sub <= NFT_BITWISE_RSHIFT + 3;
}

static bool parse_byteorder(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	e->len = fw_get32(a->a[NFTA_BYTEORDER_LEN], 0);
	e->number = fw_get32(a->a[NFTA_BYTEORDER_SIZE], 0);
	e->sreg = fw_get_register(a->a[NFTA_BYTEORDER_SREG], e->len);
	e->dreg = fw_get_register(a->a[NFTA_BYTEORDER_DREG], e->len);
	return e->len <= FW_REG_BYTES && (e->number == 2 || e->number == 4 || e->number == 8) &&
	       fw_is_data_register(e->sreg) && fw_is_data_register(e->dreg);
}

static bool parse_payload(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	e->base = (uint8_t)fw_get32(a->a[NFTA_PAYLOAD_BASE], UINT8_MAX);
	e->offset = fw_get32(a->a[NFTA_PAYLOAD_OFFSET], UINT32_MAX);
	e->len = fw_get32(a->a[NFTA_PAYLOAD_LEN], 0);
	if (e->len == 0 || e->len > FW_REG_BYTES || e->offset > UINT16_MAX)
		return false;
	if (a->a[NFTA_PAYLOAD_SREG]) {
		e->op = FW_OP_PAYLOAD_SET;
		e->sreg = fw_get_register(a->a[NFTA_PAYLOAD_SREG], e->len);
		return fw_is_data_register(e->sreg);
	}
	e->dreg = fw_get_register(a->a[NFTA_PAYLOAD_DREG], e->len);
	return fw_is_data_register(e->dreg);
}

/* Bytes that a meta or ct key fills at most: an interface's name, an IPv6 address. */
static bool parse_key(const struct fw_attrs *a, struct fw_expr *e, int key, int dreg, int sreg, uint8_t set_op)
{
	e->key = fw_get32(a->a[key], UINT32_MAX);
	if (a->a[sreg]) {
		e->op = set_op;
		e->sreg = fw_get_register(a->a[sreg], 4);
		return fw_is_data_register(e->sreg);
	}
	e->dreg = fw_get_register(a->a[dreg], 4);
	return fw_is_data_register(e->dreg);
}

static bool parse_meta(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	return parse_key(a, e, NFTA_META_KEY, NFTA_META_DREG, NFTA_META_SREG, FW_OP_META_SET);
}

static bool parse_ct(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	e->sub = fw_get8(a->a[NFTA_CT_DIRECTION], FW_NONE);
	return parse_key(a, e, NFTA_CT_KEY, NFTA_CT_DREG, NFTA_CT_SREG, FW_OP_CT_SET);
}

static bool parse_lookup(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	e->name = fw_keep_string(rs, a->a[NFTA_LOOKUP_SET]);
	e->sreg = fw_get_register(a->a[NFTA_LOOKUP_SREG], 0);
	e->dreg = a->a[NFTA_LOOKUP_DREG] ? fw_get_register(a->a[NFTA_LOOKUP_DREG], 0) : FW_NONE;
	e->invert = fw_get32(a->a[NFTA_LOOKUP_FLAGS], 0) & NFT_LOOKUP_F_INV;
	return e->name && fw_is_data_register(e->sreg);
}

static bool parse_counter(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	e->number = fw_get64(a->a[NFTA_COUNTER_PACKETS], 0);
	return true;
}

static bool parse_limit(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	e->number = fw_get64(a->a[NFTA_LIMIT_RATE], 0);
	e->key = (uint32_t)fw_get64(a->a[NFTA_LIMIT_UNIT], 0);
	e->offset = fw_get32(a->a[NFTA_LIMIT_BURST], 0);
	e->sub = (uint8_t)fw_get32(a->a[NFTA_LIMIT_TYPE], 0);
	e->invert = fw_get32(a->a[NFTA_LIMIT_FLAGS], 0) & NFT_LIMIT_F_INV;
	return true;
}

static bool parse_quota(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	e->number = fw_get64(a->a[NFTA_QUOTA_BYTES], 0);
	e->invert = fw_get32(a->a[NFTA_QUOTA_FLAGS], 0) & NFT_QUOTA_F_INV;
	return true;
}

static bool parse_connlimit(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	e->number = fw_get32(a->a[NFTA_CONNLIMIT_COUNT], 0);
	e->invert = fw_get32(a->a[NFTA_CONNLIMIT_FLAGS], 0) & NFT_CONNLIMIT_F_INV;
	return true;
}

static bool parse_log(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	e->name = fw_keep_string(rs, a->a[NFTA_LOG_PREFIX]);
	e->has_level = a->a[NFTA_LOG_LEVEL];
	e->key = fw_get32(a->a[NFTA_LOG_LEVEL], 4);
	e->offset = fw_get16(a->a[NFTA_LOG_GROUP], 0);
	e->invert = a->a[NFTA_LOG_GROUP];
	e->flags = fw_get32(a->a[NFTA_LOG_FLAGS], 0);
	return true;
}

static bool parse_reject(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	e->sub = (uint8_t)fw_get32(a->a[NFTA_REJECT_TYPE], UINT8_MAX);
	e->key = fw_get8(a->a[NFTA_REJECT_ICMP_CODE], 0);
	return e->sub <= NFT_REJECT_ICMPX_UNREACH;
}

/* The address may take all of an IPv6 one. FW_NONE: not given. */
static bool parse_nat(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	uint32_t family = fw_get32(a->a[NFTA_NAT_FAMILY], NFPROTO_UNSPEC);
	size_t len = family == NFPROTO_IPV6 ? 16 : 4;

	(void)rs;
	e->sub = (uint8_t)fw_get32(a->a[NFTA_NAT_TYPE], UINT8_MAX);
	e->key = family;
	e->flags = fw_get32(a->a[NFTA_NAT_FLAGS], 0);
	e->sreg = fw_get_register(a->a[NFTA_NAT_REG_ADDR_MIN], len);
	e->sreg2 = a->a[NFTA_NAT_REG_ADDR_MAX] ? fw_get_register(a->a[NFTA_NAT_REG_ADDR_MAX], len) : e->sreg;
	e->sreg3 = fw_get_register(a->a[NFTA_NAT_REG_PROTO_MIN], 4);
	e->sreg4 = a->a[NFTA_NAT_REG_PROTO_MAX] ? fw_get_register(a->a[NFTA_NAT_REG_PROTO_MAX], 4) : e->sreg3;
	return e->sub <= NFT_NAT_DNAT;
}

static bool parse_masq(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	e->flags = fw_get32(a->a[NFTA_MASQ_FLAGS], 0);
	e->sreg3 = fw_get_register(a->a[NFTA_MASQ_REG_PROTO_MIN], 4);
	e->sreg4 = a->a[NFTA_MASQ_REG_PROTO_MAX] ? fw_get_register(a->a[NFTA_MASQ_REG_PROTO_MAX], 4) : e->sreg3;
	return true;
}

static bool parse_redir(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	e->flags = fw_get32(a->a[NFTA_REDIR_FLAGS], 0);
	e->sreg3 = fw_get_register(a->a[NFTA_REDIR_REG_PROTO_MIN], 4);
	e->sreg4 = a->a[NFTA_REDIR_REG_PROTO_MAX] ? fw_get_register(a->a[NFTA_REDIR_REG_PROTO_MAX], 4) : e->sreg3;
	return true;
}

static bool parse_queue(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	e->key = fw_get16(a->a[NFTA_QUEUE_NUM], 0);
	e->len = fw_get16(a->a[NFTA_QUEUE_TOTAL], 1);
	e->flags = fw_get16(a->a[NFTA_QUEUE_FLAGS], 0);
	e->sreg = a->a[NFTA_QUEUE_SREG_QNUM] ? fw_get_register(a->a[NFTA_QUEUE_SREG_QNUM], 4) : FW_NONE;
	return true;
}

static bool parse_tproxy(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	e->key = fw_get32(a->a[NFTA_TPROXY_FAMILY], 0);
	e->sreg = fw_get_register(a->a[NFTA_TPROXY_REG_ADDR], e->key == NFPROTO_IPV6 ? 16 : 4);
	e->sreg3 = fw_get_register(a->a[NFTA_TPROXY_REG_PORT], 4);
	return true;
}

static bool parse_nothing(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	(void)a;
	(void)e;
	return true;
}

static bool parse_fib(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	e->key = fw_get32(a->a[NFTA_FIB_RESULT], 0);
	e->flags = fw_get32(a->a[NFTA_FIB_FLAGS], 0);
	e->dreg = fw_get_register(a->a[NFTA_FIB_DREG], 4);
	return fw_is_data_register(e->dreg);
}

/* Some value that is not known. The destination is attribute 1 of all of them but exthdr's, rt's, ... */
static bool parse_load(const struct fw_attrs *a, struct fw_expr *e, int dreg)
{
	e->op = FW_OP_LOAD;
	e->dreg = fw_get_register(a->a[dreg], 4);
	return fw_is_data_register(e->dreg);
}

static bool parse_exthdr(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	e->sub = (uint8_t)fw_get32(a->a[NFTA_EXTHDR_OP], NFT_EXTHDR_OP_IPV6);
	e->base = fw_get8(a->a[NFTA_EXTHDR_TYPE], 0);
	e->offset = fw_get32(a->a[NFTA_EXTHDR_OFFSET], 0);
	e->len = fw_get32(a->a[NFTA_EXTHDR_LEN], 0);
	e->flags = fw_get32(a->a[NFTA_EXTHDR_FLAGS], 0);
	e->key = NFTA_EXTHDR_DREG; /* tells fw_eval() that it is one */
	if (!a->a[NFTA_EXTHDR_DREG]) {
		e->op = FW_OP_LOAD; /* it writes an option, or strips it, or breaks off where there is none */
		e->dreg = FW_NONE;
		e->sreg = fw_get_register(a->a[NFTA_EXTHDR_SREG], 4);
		return true;
	}
	return parse_load(a, e, NFTA_EXTHDR_DREG);
}

static bool parse_rt(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	return parse_load(a, e, NFTA_RT_DREG);
}

static bool parse_socket(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	return parse_load(a, e, NFTA_SOCKET_DREG);
}

static bool parse_numgen(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	e->offset = fw_get32(a->a[NFTA_NG_MODULUS], 0);
	e->sub = (uint8_t)fw_get32(a->a[NFTA_NG_TYPE], 0);
	return parse_load(a, e, NFTA_NG_DREG);
}

static bool parse_hash(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	return parse_load(a, e, NFTA_HASH_DREG);
}

static bool parse_osf(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	return parse_load(a, e, NFTA_OSF_DREG);
}

static bool parse_xfrm(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	return parse_load(a, e, NFTA_XFRM_DREG);
}

static bool parse_tunnel(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	(void)rs;
	return parse_load(a, e, NFTA_TUNNEL_DREG);
}

static bool parse_objref(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	e->key = fw_get32(a->a[NFTA_OBJREF_IMM_TYPE], 0);
	e->sreg = FW_NONE;
	if (a->a[NFTA_OBJREF_SET_NAME]) {
		e->name = fw_keep_string(rs, a->a[NFTA_OBJREF_SET_NAME]);
		e->sreg = fw_get_register(a->a[NFTA_OBJREF_SET_SREG], 4);
		return e->name && fw_is_data_register(e->sreg);
	}
	e->name = fw_keep_string(rs, a->a[NFTA_OBJREF_IMM_NAME]);
	return e->name;
}

static bool parse_xt(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	const struct nlattr *info = a->a[NFTA_MATCH_INFO]; /* NFTA_TARGET_* have the same numbers */

	e->name = fw_keep_string(rs, a->a[NFTA_MATCH_NAME]);
	e->rev = (uint8_t)fw_get32(a->a[NFTA_MATCH_REV], UINT8_MAX);
	if (!e->name || !info)
		return false;
	e->len = mnl_attr_get_payload_len(info);
	e->data = fw_keep(rs, mnl_attr_get_payload(info), e->len);
	return e->data;
}

static bool parse_dynset(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e);

static const struct {
	const char *name;
	enum fw_op op;
	bool (*parse)(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e);
} parsers[] = {
	{"immediate", FW_OP_IMMEDIATE, parse_immediate},
	{"cmp", FW_OP_CMP, parse_cmp},
	{"payload", FW_OP_PAYLOAD, parse_payload},
	{"meta", FW_OP_META, parse_meta},
	{"counter", FW_OP_COUNTER, parse_counter},
	{"lookup", FW_OP_LOOKUP, parse_lookup},
	{"ct", FW_OP_CT, parse_ct},
	{"bitwise", FW_OP_BITWISE, parse_bitwise},
	{"match", FW_OP_MATCH, parse_xt},
	{"target", FW_OP_TARGET, parse_xt},
	{"range", FW_OP_RANGE, parse_range},
	{"byteorder", FW_OP_BYTEORDER, parse_byteorder},
	{"limit", FW_OP_LIMIT, parse_limit},
	{"quota", FW_OP_QUOTA, parse_quota},
	{"connlimit", FW_OP_CONNLIMIT, parse_connlimit},
	{"log", FW_OP_LOG, parse_log},
	{"reject", FW_OP_REJECT, parse_reject},
	{"nat", FW_OP_NAT, parse_nat},
	{"masq", FW_OP_MASQ, parse_masq},
	{"redir", FW_OP_REDIR, parse_redir},
	{"queue", FW_OP_QUEUE, parse_queue},
	{"tproxy", FW_OP_TPROXY, parse_tproxy},
	{"notrack", FW_OP_NOTRACK, parse_nothing},
	{"fib", FW_OP_FIB, parse_fib},
	{"exthdr", FW_OP_LOAD, parse_exthdr},
	{"rt", FW_OP_LOAD, parse_rt},
	{"socket", FW_OP_LOAD, parse_socket},
	{"numgen", FW_OP_LOAD, parse_numgen},
	{"hash", FW_OP_LOAD, parse_hash},
	{"osf", FW_OP_LOAD, parse_osf},
	{"xfrm", FW_OP_LOAD, parse_xfrm},
	{"tunnel", FW_OP_LOAD, parse_tunnel},
	{"objref", FW_OP_OBJREF, parse_objref},
	{"dynset", FW_OP_DYNSET, parse_dynset},
	{"synproxy", FW_OP_SYNPROXY, parse_nothing},
	{"flow_offload", FW_OP_FLOW, parse_nothing},
	{"fwd", FW_OP_STOLEN, parse_nothing},
	{"dup", FW_OP_NOTHING, parse_nothing},
	{"last", FW_OP_NOTHING, parse_nothing},
};

/* One nested expression. What is not understood stays FW_OP_UNKNOWN, with its name. */
static void parse_expr(struct fw_ruleset *rs, const struct nlattr *attr, struct fw_expr *e)
{
	struct fw_attrs outer, a;
	const char *name;

	memset(e, 0, sizeof(*e));
	e->sreg = e->sreg2 = e->sreg3 = e->sreg4 = e->dreg = FW_NONE;
	fw_index_nested(attr, &outer);
	fw_index_nested(outer.a[NFTA_EXPR_DATA], &a);
	name = fw_get_string(outer.a[NFTA_EXPR_NAME]);
	for (size_t i = 0; name && i < sizeof(parsers) / sizeof(parsers[0]); i++) {
		if (strcmp(name, parsers[i].name) != 0)
			continue;
		e->op = (uint8_t)parsers[i].op;
		if (parsers[i].parse(rs, &a, e))
			return;
	}
	e->op = FW_OP_UNKNOWN;
}

uint32_t fw_count_list(const struct nlattr *list)
{
	const struct nlattr *attr;
	uint32_t n = 0;

	if (list)
		mnl_attr_for_each_nested(attr, list)
			n++;
	return n;
}

/* The expressions of a list, at most max. NULL with *ret_n 0 when there are none, more, or no memory. */
const struct fw_expr *fw_parse_exprs(struct fw_ruleset *rs, const struct nlattr *list, uint32_t max,
	uint32_t *ret_n)
{
	uint32_t n = fw_count_list(list), i = 0;
	const struct nlattr *attr;
	struct fw_expr *exprs;

	*ret_n = 0;
	if (n == 0 || n > max || !(exprs = fw_take_memory(rs, n * sizeof(*exprs))))
		return NULL;
	mnl_attr_for_each_nested(attr, list)
		parse_expr(rs, attr, &exprs[i++]);
	*ret_n = n;
	return exprs;
}

static bool parse_dynset(struct fw_ruleset *rs, const struct fw_attrs *a, struct fw_expr *e)
{
	static int depth; /* expressions of expressions are not looked at: the kernel has none */
	struct fw_expr *one;

	e->name = fw_keep_string(rs, a->a[NFTA_DYNSET_SET_NAME]);
	e->sub = (uint8_t)fw_get32(a->a[NFTA_DYNSET_OP], 0);
	e->sreg = fw_get_register(a->a[NFTA_DYNSET_SREG_KEY], 0);
	e->sreg2 = fw_get_register(a->a[NFTA_DYNSET_SREG_DATA], 0);
	e->number = fw_get64(a->a[NFTA_DYNSET_TIMEOUT], 0);
	e->invert = fw_get32(a->a[NFTA_DYNSET_FLAGS], 0) & NFT_DYNSET_F_INV;
	if (depth == 0) {
		depth++;
		if (a->a[NFTA_DYNSET_EXPR] && (one = fw_take_memory(rs, sizeof(*one)))) {
			parse_expr(rs, a->a[NFTA_DYNSET_EXPR], one);
			e->inner = one;
			e->n_inner = 1;
		} else {
			e->inner = fw_parse_exprs(rs, a->a[NFTA_DYNSET_EXPRESSIONS], LIST_MAX, &e->n_inner);
		}
		depth--;
	}
	return e->name && fw_is_data_register(e->sreg);
}
