/* firewall_attrs.c - a ruleset's memory, and netlink attributes read with every length checked before use. */
#include "firewall_attrs.h"

#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

enum {
	BLOCK = 1 << 18,
};

struct fw_block {
	struct fw_block *next;
	size_t used, size;
	_Alignas(16) uint8_t bytes[];
};

/* --- memory --- */

void *fw_take_memory(struct fw_ruleset *rs, size_t n)
{
	struct fw_block *b = rs->arena;
	size_t size = n > BLOCK ? n : BLOCK;

	n = (n + 15) & ~(size_t)15;
	if (n > FW_ARENA_MAX)
		return NULL;
	size = n > BLOCK ? n : BLOCK;
	if (!b || b->size - b->used < n) {
		if (rs->arena_used + size > FW_ARENA_MAX || !(b = calloc(1, sizeof(*b) + size)))
			return NULL;
		b->size = size;
		b->next = rs->arena;
		rs->arena = b;
		rs->arena_used += size;
	}
	b->used += n;
	return b->bytes + b->used - n;
}

struct fw_ruleset *fw_ruleset_new(void)
{
	struct fw_ruleset *rs = calloc(1, sizeof(*rs));

	if (rs)
		rs->rules = calloc(FW_RULES_MAX, sizeof(*rs->rules));
	if (rs && !rs->rules) {
		free(rs);
		return NULL;
	}
	if (rs)
		rs->complete = true;
	return rs;
}

void fw_ruleset_free(struct fw_ruleset *rs)
{
	if (!rs)
		return;
	for (size_t i = 0; i < rs->n_sets; i++)
		free(rs->sets[i]->elements);
	while (rs->arena) {
		struct fw_block *next = rs->arena->next;

		free(rs->arena);
		rs->arena = next;
	}
	free(rs->rules);
	free(rs);
}

const uint8_t *fw_keep(struct fw_ruleset *rs, const void *bytes, size_t n)
{
	uint8_t *copy = fw_take_memory(rs, n ? n : 1);

	if (copy && n)
		memcpy(copy, bytes, n);
	return copy;
}

/* --- attributes: every length is checked before use --- */

void fw_index_attrs(const void *start, size_t n, struct fw_attrs *ret)
{
	const struct nlattr *attr = start;

	memset(ret, 0, sizeof(*ret));
	while (n <= INT32_MAX && mnl_attr_ok(attr, (int)n)) {
		size_t step = MNL_ALIGN(attr->nla_len);
		uint16_t type = mnl_attr_get_type(attr);

		if (type < FW_ATTRS)
			ret->a[type] = attr;
		if (step >= n)
			break;
		n -= step;
		attr = (const struct nlattr *)(const void *)((const char *)attr + step);
	}
}

void fw_index_nested(const struct nlattr *attr, struct fw_attrs *ret)
{
	if (attr)
		fw_index_attrs(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr), ret);
	else
		memset(ret, 0, sizeof(*ret));
}

uint32_t fw_get32(const struct nlattr *attr, uint32_t otherwise)
{
	uint32_t v;

	if (!attr || mnl_attr_get_payload_len(attr) != sizeof(v))
		return otherwise;
	memcpy(&v, mnl_attr_get_payload(attr), sizeof(v));
	return be32toh(v);
}

uint64_t fw_get64(const struct nlattr *attr, uint64_t otherwise)
{
	uint64_t v;

	if (!attr || mnl_attr_get_payload_len(attr) != sizeof(v))
		return otherwise;
	memcpy(&v, mnl_attr_get_payload(attr), sizeof(v));
	return be64toh(v);
}

uint8_t fw_get8(const struct nlattr *attr, uint8_t otherwise)
{
	return attr && mnl_attr_get_payload_len(attr) == 1 ? *(const uint8_t *)mnl_attr_get_payload(attr)
							    : otherwise;
}

uint16_t fw_get16(const struct nlattr *attr, uint16_t otherwise)
{
	uint16_t v;

	if (!attr || mnl_attr_get_payload_len(attr) != sizeof(v))
		return otherwise;
	memcpy(&v, mnl_attr_get_payload(attr), sizeof(v));
	return be16toh(v);
}

/* A terminated string, or NULL. It lives as long as the message. */
const char *fw_get_string(const struct nlattr *attr)
{
	const char *s = attr ? mnl_attr_get_payload(attr) : NULL;
	size_t n = attr ? mnl_attr_get_payload_len(attr) : 0;

	return n > 0 && n <= NFT_NAME_MAXLEN + 1 && memchr(s, '\0', n) ? s : NULL;
}

const char *fw_keep_string(struct fw_ruleset *rs, const struct nlattr *attr)
{
	const char *s = fw_get_string(attr);

	return s ? (const char *)fw_keep(rs, s, strlen(s) + 1) : NULL;
}

/* The first word of a register (enum nft_registers); FW_NONE when len bytes do not fit there. */
uint8_t fw_get_register(const struct nlattr *attr, size_t len)
{
	uint32_t r = fw_get32(attr, UINT32_MAX), word;

	if (r == NFT_REG_VERDICT)
		return FW_VERDICT;
	if (r >= NFT_REG_1 && r <= NFT_REG_4)
		word = (r - NFT_REG_1) * 4;
	else if (r >= NFT_REG32_00 && r <= NFT_REG32_15)
		word = r - NFT_REG32_00;
	else
		return FW_NONE;
	return word * 4 + len <= FW_REG_BYTES ? (uint8_t)word : FW_NONE;
}

bool fw_is_data_register(uint8_t r)
{
	return r < FW_WORDS;
}

/* The bytes of a nested NFTA_DATA_VALUE, at most a register file's worth. */
const uint8_t *fw_keep_value(struct fw_ruleset *rs, const struct nlattr *attr, uint32_t *ret_len)
{
	struct fw_attrs in;

	fw_index_nested(attr, &in);
	if (!in.a[NFTA_DATA_VALUE] || mnl_attr_get_payload_len(in.a[NFTA_DATA_VALUE]) > FW_REG_BYTES)
		return NULL;
	*ret_len = mnl_attr_get_payload_len(in.a[NFTA_DATA_VALUE]);
	return fw_keep(rs, mnl_attr_get_payload(in.a[NFTA_DATA_VALUE]), *ret_len);
}

bool fw_get_verdict(struct fw_ruleset *rs, const struct nlattr *attr, int32_t *ret_code,
	const char **ret_chain)
{
	struct fw_attrs data, verdict;

	fw_index_nested(attr, &data);
	if (!data.a[NFTA_DATA_VERDICT])
		return false;
	fw_index_nested(data.a[NFTA_DATA_VERDICT], &verdict);
	if (!verdict.a[NFTA_VERDICT_CODE])
		return false;
	*ret_code = (int32_t)fw_get32(verdict.a[NFTA_VERDICT_CODE], 0);
	*ret_chain = fw_keep_string(rs, verdict.a[NFTA_VERDICT_CHAIN]);
	return true;
}
