/* firewall_eval.c - one nft expression against a packet of which not everything is known. */
#include "firewall_eval.h"

#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

/* --- bits --- */

enum fw_tri fw_compare_eq(const uint8_t *v, const uint8_t *k, const uint8_t *data, size_t n)
{
	enum fw_tri r = FW_YES;

	for (size_t i = 0; i < n; i++) {
		if ((v[i] ^ data[i]) & k[i])
			return FW_NO;
		if (k[i] != 0xff)
			r = FW_MAYBE;
	}
	return r;
}

/* The order of what may be in v and a value: -1, 0, 1 of memcmp() for the least and the greatest. */
static void compare_bounds(const uint8_t *v, const uint8_t *k, const uint8_t *data, size_t n, int *ret_least,
	int *ret_greatest)
{
	*ret_least = *ret_greatest = 0;
	for (size_t i = 0; i < n; i++) {
		int low = v[i] & k[i], high = (uint8_t)(v[i] | ~k[i]);

		if (*ret_least == 0)
			*ret_least = (low > data[i]) - (low < data[i]);
		if (*ret_greatest == 0)
			*ret_greatest = (high > data[i]) - (high < data[i]);
	}
}

void fw_join_bits(uint8_t *v, uint8_t *k, const uint8_t *v2, const uint8_t *k2, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		k[i] &= k2[i] & (uint8_t)~(v[i] ^ v2[i]);
		v[i] &= k[i];
	}
}

static enum fw_tri invert(enum fw_tri t)
{
	return t == FW_MAYBE ? FW_MAYBE : t == FW_YES ? FW_NO : FW_YES;
}

bool fw_is_known(const uint8_t *k, size_t n)
{
	while (n > 0)
		if (k[--n] != 0xff)
			return false;
	return true;
}

/* --- comparing and computing --- */

static enum fw_tri eval_cmp(const struct fw_walk *w, const struct fw_expr *e)
{
	const uint8_t *v = w->regs.v + e->sreg * 4, *k = w->regs.k + e->sreg * 4;
	int16_t except = w->regs.except[e->sreg];
	int least, greatest;
	uint32_t value;

	if (e->sub == NFT_CMP_EQ || e->sub == NFT_CMP_NEQ) {
		enum fw_tri equal = fw_compare_eq(v, k, e->data, e->len);

		if (equal == FW_MAYBE && e->len == 4 && except >= 0) {
			memcpy(&value, e->data, 4);
			equal = value == (uint32_t)except ? FW_NO : FW_MAYBE;
		}
		return e->sub == NFT_CMP_EQ ? equal : invert(equal);
	}
	compare_bounds(v, k, e->data, e->len, &least, &greatest);
	switch (e->sub) {
	case NFT_CMP_LT:
		return greatest < 0 ? FW_YES : least >= 0 ? FW_NO : FW_MAYBE;
	case NFT_CMP_LTE:
		return greatest <= 0 ? FW_YES : least > 0 ? FW_NO : FW_MAYBE;
	case NFT_CMP_GT:
		return least > 0 ? FW_YES : greatest <= 0 ? FW_NO : FW_MAYBE;
	default:
		return least >= 0 ? FW_YES : greatest < 0 ? FW_NO : FW_MAYBE;
	}
}

static enum fw_tri eval_range(const struct fw_walk *w, const struct fw_expr *e)
{
	const uint8_t *v = w->regs.v + e->sreg * 4, *k = w->regs.k + e->sreg * 4;
	int least_from, greatest_from, least_to, greatest_to;
	enum fw_tri in = FW_MAYBE;

	compare_bounds(v, k, e->data, e->len, &least_from, &greatest_from);
	compare_bounds(v, k, e->data2, e->len, &least_to, &greatest_to);
	if (least_from >= 0 && greatest_to <= 0)
		in = FW_YES;
	else if (greatest_from < 0 || least_to > 0)
		in = FW_NO;
	return e->sub == NFT_RANGE_EQ ? in : invert(in);
}

/* Both ways over the words as the kernel does (nft_bitwise.c): each a number in host byte order. */
static void shift(struct fw_walk *w, const struct fw_expr *e)
{
	uint32_t n = (e->len + 3) / 4, bits = (uint32_t)e->number, v[FW_WORDS], u[FW_WORDS], v_carry = 0, u_carry = 0;

	memcpy(v, w->regs.v + e->sreg * 4, n * 4);
	memcpy(u, w->regs.k + e->sreg * 4, n * 4);
	for (uint32_t j = 0; j < n; j++) {
		uint32_t i = e->sub == NFT_BITWISE_LSHIFT ? n - 1 - j : j;
		uint32_t one = v[i], unknown = ~u[i];

		v[i] = (e->sub == NFT_BITWISE_LSHIFT ? one << bits : one >> bits) | v_carry;
		u[i] = ~((e->sub == NFT_BITWISE_LSHIFT ? unknown << bits : unknown >> bits) | u_carry);
		v_carry = e->sub == NFT_BITWISE_LSHIFT ? one >> (32 - bits) : one << (32 - bits);
		u_carry = e->sub == NFT_BITWISE_LSHIFT ? unknown >> (32 - bits) : unknown << (32 - bits);
	}
	fw_store(w, e->dreg, (const uint8_t *)v, (const uint8_t *)u, (size_t)n * 4);
}

static void eval_bitwise(struct fw_walk *w, const struct fw_expr *e)
{
	const uint8_t *v = w->regs.v + e->sreg * 4, *k = w->regs.k + e->sreg * 4;
	uint8_t value[FW_REG_BYTES], known[FW_REG_BYTES];

	if (e->sub == NFT_BITWISE_LSHIFT || e->sub == NFT_BITWISE_RSHIFT) {
		shift(w, e);
		return;
	}
	if (e->sub != NFT_BITWISE_BOOL) {
		fw_store_unknown(w, e->dreg, e->len);
		return;
	}
	for (size_t i = 0; i < e->len; i++) {
		known[i] = (uint8_t)(k[i] | ~e->data[i]);
		value[i] = (uint8_t)(((v[i] & e->data[i]) ^ e->data2[i]) & known[i]);
	}
	fw_store(w, e->dreg, value, known, e->len);
}

static void eval_byteorder(struct fw_walk *w, const struct fw_expr *e)
{
	uint8_t v[FW_REG_BYTES], k[FW_REG_BYTES];
	size_t size = (size_t)e->number;

	memcpy(v, w->regs.v + e->sreg * 4, e->len);
	memcpy(k, w->regs.k + e->sreg * 4, e->len);
	for (size_t i = 0; i + size <= e->len && __BYTE_ORDER == __LITTLE_ENDIAN; i += size)
		for (size_t j = 0; j < size / 2; j++) {
			uint8_t v1 = v[i + j], k1 = k[i + j];

			v[i + j] = v[i + size - 1 - j];
			k[i + j] = k[i + size - 1 - j];
			v[i + size - 1 - j] = v1;
			k[i + size - 1 - j] = k1;
		}
	fw_store(w, e->dreg, v, k, e->len);
}

static void eval_lookup(struct fw_walk *w, const struct fw_expr *e, struct fw_outcome *o)
{
	struct fw_match m;

	fw_lookup(w, e->set, &w->regs, e->sreg, &m);
	o->match = e->invert ? invert(m.is) : m.is;
	if (e->dreg == FW_NONE || o->match == FW_NO)
		return;
	if (e->dreg == FW_VERDICT) {
		o->ends = true;
		if (m.element) {
			o->verdict = m.element->verdict;
			o->chain = m.element->chain;
		} else {
			o->verdicts = e->set;
			o->key_word = e->sreg;
			w->unknown_part = w->unknown_part || !e->set || e->set->unknown || !e->set->loaded;
		}
	} else if (m.element && m.element->data) {
		fw_store(w, e->dreg, m.element->data, NULL, e->set->data_len);
	} else {
		fw_store_unknown(w, e->dreg, e->set ? e->set->data_len : FW_NAME_BYTES);
	}
}

/* --- what ends a packet's way --- */

/* The ICMP code that an "icmpx" reject means (net/netfilter/nft_reject.c icmp_code_v4, icmp_code_v6). */
static uint8_t icmpx_code(bool v6, uint32_t code)
{
	static const uint8_t codes[2][NFT_REJECT_ICMPX_MAX + 1] = {{0, 3, 1, 13}, {0, 4, 3, 1}};

	return code <= NFT_REJECT_ICMPX_MAX ? codes[v6][code] : 0;
}

static void eval_reject(const struct fw_walk *w, const struct fw_expr *e, struct fw_outcome *o)
{
	o->ends = true;
	o->verdict = NF_DROP;
	o->fate = e->sub == NFT_REJECT_TCP_RST ? FIREWALL_RESET : FIREWALL_ICMP;
	if (o->fate == FIREWALL_RESET)
		return;
	o->icmp_type = w->p->v6 ? 1 : 3; /* destination unreachable */
	o->icmp_code = e->sub == NFT_REJECT_ICMPX_UNREACH ? icmpx_code(w->p->v6, e->key) : (uint8_t)e->key;
}

static void eval_queue(struct fw_walk *w, const struct fw_expr *e, struct fw_outcome *o)
{
	o->ends = true;
	o->fate = FIREWALL_QUEUED;
	o->verdict = NF_QUEUE;
	o->queue = (uint16_t)e->key;
	if (e->flags & NFT_QUEUE_FLAG_BYPASS) { /* without a listener it goes on to the next hook */
		bool listened = w->n_queues < 0 || e->len > 1 || e->sreg != FW_NONE;

		for (int i = 0; i < w->n_queues && !listened; i++)
			listened = w->queues[i] == o->queue;
		if (!listened)
			o->verdict = NF_ACCEPT;
	}
}

static void note_translation(struct fw_walk *w, const struct fw_rule *rule, bool must)
{
	size_t at = w->p->v6 ? 24 : 16, n = w->p->v6 ? 16 : 4;
	bool addr_known = fw_is_known(w->s.nh_known + at, n), port_known = fw_is_known(w->s.th_known + 2, 2);
	uint16_t port = (uint16_t)(w->s.th[2] << 8 | w->s.th[3]);
	struct ip addr = fw_ip_of(w, w->s.nh + at);

	w->nat_runs++;
	w->nat_must_runs += must;
	if (w->has_nat) {
		if (w->nat.rule != rule || w->nat_addr_known != addr_known || w->nat_port_known != port_known ||
			(addr_known && !ip_equal(&w->nat_addr, &addr)) || (port_known && w->nat_port != port))
			w->nat_targets++;
		return;
	}
	w->has_nat = true;
	w->nat_targets = 1;
	w->nat.base = w->base;
	w->nat.chain = rule->chain;
	w->nat.rule = rule;
	w->nat_addr_known = addr_known;
	w->nat_addr = addr;
	w->nat_port_known = port_known;
	w->nat_port = port;
}

/* Overwrites n bytes: whether they are the same as before. */
static enum fw_tri replace(uint8_t *v, uint8_t *k, const uint8_t *v2, const uint8_t *k2, size_t n)
{
	enum fw_tri same = FW_YES;

	for (size_t i = 0; i < n && same != FW_NO; i++) {
		if ((v[i] ^ v2[i]) & k[i] & k2[i])
			same = FW_NO;
		else if ((k[i] & k2[i]) != 0xff)
			same = FW_MAYBE;
	}
	memcpy(v, v2, n);
	memcpy(k, k2, n);
	return same;
}

/* What is translated to itself does not count as translated (nf_nat_setup_info()). */
void fw_translate(struct fw_walk *w, const struct fw_rule *rule, enum fw_tri match, const struct fw_bits *to,
	bool has_addr, bool has_port, bool local)
{
	size_t at = w->p->v6 ? 24 : 16, n = w->p->v6 ? 16 : 4;
	bool sure = w->sure && w->s.dnat == FW_NO;
	enum fw_tri same = FW_YES, same_port = FW_YES;

	w->s.dnat = FW_YES;
	if (has_addr) {
		same = replace(w->s.nh + at, w->s.nh_known + at, to->v, to->k, n);
		w->s.dst_asked = local;
		w->s.dst_local = FW_YES;
	}
	if (has_port)
		same_port = replace(w->s.th + 2, w->s.th_known + 2, to->v + 16, to->k + 16, 2);
	w->s.changed = invert(same < same_port ? same : same_port);
	note_translation(w, rule, match == FW_YES && sure);
}

/* What two registers of a range leave known. */
static void take_range(const struct fw_walk *w, uint8_t from, uint8_t to, uint8_t *v, uint8_t *k, size_t n)
{
	memcpy(v, w->regs.v + from * 4, n);
	memcpy(k, w->regs.k + from * 4, n);
	if (to < FW_WORDS && to * 4 + n <= FW_REG_BYTES)
		fw_join_bits(v, k, w->regs.v + to * 4, w->regs.k + to * 4, n);
}

static void eval_nat(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e, struct fw_outcome *o)
{
	enum { PREFIX = 1 << 6 }; /* NF_NAT_RANGE_NETMAP: the rest of the address stays */
	bool redir = e->op == FW_OP_REDIR, addr = redir || e->sreg < FW_WORDS, port = e->sreg3 < FW_WORDS;
	size_t n = w->p->v6 ? 16 : 4;
	struct fw_bits to;

	o->ends = true;
	o->verdict = NF_ACCEPT;
	o->nat = true;
	if (e->op == FW_OP_MASQ || (e->op == FW_OP_NAT && e->sub != NFT_NAT_DNAT)) {
			memset(w->s.nh_known + (w->p->v6 ? 8 : 12), 0, n);
		memset(w->s.th_known, 0, 2);
		return;
	}
	memset(&to, 0, sizeof(to));
	if (!redir && addr && e->sreg * 4u + n <= FW_REG_BYTES && !(e->flags & PREFIX))
		take_range(w, e->sreg, e->sreg2, to.v, to.k, n);
	if (port)
		take_range(w, e->sreg3, e->sreg4, to.v + 16, to.k + 16, 2);
	if (redir && w->p->path == FIREWALL_OUT) { /* nf_nat_redirect.c: to the loopback address */
		static const uint8_t loopback[2][16] = {{127, 0, 0, 1}, {[15] = 1}};

		memcpy(to.v, loopback[w->p->v6], 16);
		memset(to.k, 0xff, n);
	}
	fw_translate(w, rule, o->match, &to, addr, port, redir);
}

static void eval_objref(const struct fw_expr *e, struct fw_outcome *o)
{
	uint32_t type = e->sreg < FW_WORDS ? (e->set ? e->set->object_type : 0) : e->key;

	switch (type) {
	case NFT_OBJECT_COUNTER:
	case NFT_OBJECT_CT_HELPER:
	case NFT_OBJECT_CT_TIMEOUT:
	case NFT_OBJECT_CT_EXPECT:
	case NFT_OBJECT_SECMARK:
		o->match = e->sreg < FW_WORDS ? FW_MAYBE : FW_YES;
		break;
	case NFT_OBJECT_SYNPROXY:
		o->ends = true;
		o->verdict = NF_STOLEN;
		o->fate = FIREWALL_STOLEN;
		o->match = FW_MAYBE;
		break;
	default: /* a limit, a quota, a connlimit */
		o->match = FW_MAYBE;
	}
}

static void steal(struct fw_outcome *o)
{
	o->ends = true;
	o->verdict = NF_STOLEN;
	o->fate = FIREWALL_STOLEN;
}

static void eval_verdict(const struct fw_expr *e, struct fw_outcome *o)
{
	o->ends = true;
	o->verdict = (int32_t)e->key;
	o->chain = e->chain;
}

/* Those that neither read nor write registers, or only to end the packet's way. */
static void eval_action(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e, enum fw_tri so_far,
	struct fw_outcome *o)
{
	switch (e->op) {
	case FW_OP_VERDICT:
		eval_verdict(e, o);
		break;
	case FW_OP_REJECT:
		eval_reject(w, e, o);
		break;
	case FW_OP_NAT:
	case FW_OP_MASQ:
	case FW_OP_REDIR:
		o->match = so_far;
		eval_nat(w, rule, e, o);
		break;
	case FW_OP_QUEUE:
		eval_queue(w, e, o);
		break;
	case FW_OP_NOTRACK: /* leaves a packet alone that is already tracked (nft_notrack_eval()) */
		if (w->ct_active != FW_YES) {
					w->notrack = true;
			w->s.untracked = so_far == FW_YES ? FW_YES : w->s.untracked == FW_YES ? FW_YES : FW_MAYBE;
		}
		break;
	case FW_OP_SYNPROXY: /* a SYN is answered; an ACK is checked against its cookie */
		w->synproxy = true;
		steal(o);
		o->match = FW_MAYBE;
		break;
	case FW_OP_STOLEN:
		steal(o);
		break;
	case FW_OP_TPROXY: /* breaks off where no socket is found */
		steal(o);
		o->fate = FIREWALL_TPROXIED;
		o->match = FW_MAYBE;
		break;
	case FW_OP_FLOW:
		w->flowtable = true;
		o->match = FW_MAYBE;
		break;
	case FW_OP_OBJREF:
		eval_objref(e, o);
		w->synproxy = w->synproxy || o->fate == FIREWALL_STOLEN;
		break;
	case FW_OP_MATCH:
		o->match = fw_xt_match(w, e);
		break;
	case FW_OP_TARGET:
		o->match = so_far;
		fw_xt_target(w, rule, e, o);
		break;
	case FW_OP_COUNTER:
	case FW_OP_LOG:
	case FW_OP_NOTHING:
	case FW_OP_CT_SET:
		break;
	case FW_OP_UNKNOWN:
		w->unknown_part = true;
		memset(w->regs.k, 0, sizeof(w->regs.k));
		o->match = FW_MAYBE;
		break;
	default: /* limit, quota, connlimit, dynset: what they depend on is not in the ruleset */
		o->match = FW_MAYBE;
	}
}

void fw_eval(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e, struct fw_outcome *o)
{
	enum fw_tri so_far = o->match;

	o->match = FW_YES;
	switch (e->op) {
	case FW_OP_IMMEDIATE:
		fw_store(w, e->dreg, e->data, NULL, e->len);
		break;
	case FW_OP_CMP:
		o->match = eval_cmp(w, e);
		break;
	case FW_OP_BITWISE:
		eval_bitwise(w, e);
		break;
	case FW_OP_BYTEORDER:
		eval_byteorder(w, e);
		break;
	case FW_OP_RANGE:
		o->match = eval_range(w, e);
		break;
	case FW_OP_PAYLOAD:
		fw_load_header(w, e);
		break;
	case FW_OP_PAYLOAD_SET:
		fw_write_header(w, e, so_far);
		break;
	case FW_OP_META:
		o->match = fw_eval_meta(w, e);
		break;
	case FW_OP_META_SET:
		fw_eval_meta_set(w, e, so_far);
		break;
	case FW_OP_CT:
		o->match = fw_eval_ct(w, e);
		break;
	case FW_OP_LOOKUP:
		eval_lookup(w, e, o);
		break;
	case FW_OP_FIB:
		fw_eval_fib(w, e);
		break;
	case FW_OP_LOAD:
		if (e->dreg < FW_WORDS)
			fw_store_unknown(w, e->dreg, FW_NAME_BYTES);
		o->match = FW_MAYBE;
		break;
	default:
		eval_action(w, rule, e, so_far, o);
	}
	if (so_far < o->match)
		o->match = so_far;
}
