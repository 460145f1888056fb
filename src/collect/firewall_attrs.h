/* firewall_attrs.h - netlink attributes for the parsers of a ruleset. Private to firewall_*.c. */
#pragma once

#include "collect/firewall_rules.h"

struct nlattr;

enum { FW_ATTRS = 32 };

/* The attributes of one level by their type; NULL: not there. */
struct fw_attrs {
	const struct nlattr *a[FW_ATTRS];
};

/* Zeroed memory, or a copy, that lives as long as the ruleset. NULL when there is no more. */
void *fw_take_memory(struct fw_ruleset *rs, size_t n);
const uint8_t *fw_keep(struct fw_ruleset *rs, const void *bytes, size_t n);

void fw_index_attrs(const void *start, size_t n, struct fw_attrs *ret);
void fw_index_nested(const struct nlattr *attr, struct fw_attrs *ret); /* of NULL: none */

/* Numbers in network byte order; otherwise: when it is not there or has another length. */
uint64_t fw_get64(const struct nlattr *attr, uint64_t otherwise);
uint32_t fw_get32(const struct nlattr *attr, uint32_t otherwise);
uint16_t fw_get16(const struct nlattr *attr, uint16_t otherwise);
uint8_t fw_get8(const struct nlattr *attr, uint8_t otherwise);

/* A terminated string, or NULL. The first lives as long as the message. */
const char *fw_get_string(const struct nlattr *attr);
const char *fw_keep_string(struct fw_ruleset *rs, const struct nlattr *attr);

/* The first word of a register (enum nft_registers); FW_NONE when len bytes do not fit there. */
uint8_t fw_get_register(const struct nlattr *attr, size_t len);
bool fw_is_data_register(uint8_t r);

/* The bytes of a nested NFTA_DATA_VALUE, at most a register file's worth; NULL. */
const uint8_t *fw_keep_value(struct fw_ruleset *rs, const struct nlattr *attr, uint32_t *ret_len);
bool fw_get_verdict(struct fw_ruleset *rs, const struct nlattr *attr, int32_t *ret_code, const char **ret_chain);

uint32_t fw_count_list(const struct nlattr *list);
/* The expressions of a list, at most max. NULL with *ret_n 0 when there are none, more, or no memory. */
const struct fw_expr *fw_parse_exprs(struct fw_ruleset *rs, const struct nlattr *list, uint32_t max, uint32_t *ret_n);
