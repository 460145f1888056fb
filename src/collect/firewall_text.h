/* firewall_text.h - how the parts of a rule are written. Private to firewall_*.c. */
#pragma once

#include "collect/firewall_rules.h"

/* What the bytes of a register or a set's key are. */
enum fw_type {
	FW_TYPE_NONE, /* not known: as a number in the host's byte order */
	FW_TYPE_IP4,
	FW_TYPE_IP6,
	FW_TYPE_PORT,
	FW_TYPE_NUMBER,      /* in network byte order */
	FW_TYPE_HEX,         /* likewise */
	FW_TYPE_HOST_NUMBER, /* in the host's */
	FW_TYPE_PROTOCOL,
	FW_TYPE_NFPROTO,
	FW_TYPE_ETHERTYPE,
	FW_TYPE_NAME,        /* of an interface */
	FW_TYPE_INDEX,
	FW_TYPE_MARK,
	FW_TYPE_CT_STATE,
	FW_TYPE_CT_STATUS,
	FW_TYPE_CT_DIRECTION,
	FW_TYPE_TCP_FLAGS,
	FW_TYPE_FIB_TYPE,
	FW_TYPE_PKT_TYPE,
	FW_TYPE_EXISTS,      /* "exists", "missing" */
	FW_TYPE_COUNT,
};

enum { FW_SYM_TEXT = 160 };

/* What is in a register, from its first word on. */
struct fw_sym {
	char text[FW_SYM_TEXT];
	uint8_t type; /* enum fw_type */
	uint8_t len;  /* bytes; 0: nothing */
	bool masked, constant;
	int prefix;   /* of an address, by its mask; -1: whole */
	uint8_t mask[16];
	uint8_t value[16]; /* of a constant */
};

bool fw_type_is_flags(enum fw_type type);
uint64_t fw_number(enum fw_type type, const uint8_t *data, size_t n);
int fw_prefix_of(const uint8_t *mask, size_t n);

/* These append to what is in buf, never past size. prefix -1: the value is whole. */
void fw_append_value(char *buf, size_t size, enum fw_type type, const uint8_t *data, size_t n, int prefix);
void fw_append_verdict(char *buf, size_t size, int32_t verdict, const char *chain);
void fw_append_set(char *buf, size_t size, const struct fw_set *s, const struct fw_sym *const *parts, size_t n_parts,
	enum fw_type data_type);

enum {
	FW_PIECES = 40,
	FW_PIECE = 200,
	FW_NO_PIECE = -1,
};

/* What has been written so far; a condition that a later one implies is taken back, as nft does. */
struct fw_writer {
	const struct fw_rule *rule;
	struct fw_sym syms[FW_WORDS];
	char pieces[FW_PIECES][FW_PIECE];
	int n;
	int l3_piece, l4_piece; /* "meta nfproto ipv4", "meta l4proto tcp": taken back when what follows says so */
	uint8_t l3, l4;         /* NFPROTO_ and IPPROTO_; 0: not known */
	/* a comparison that may turn out to be the lower end of a range */
	int lower_piece;
	uint8_t lower_sreg;
	char lower_value[64];
};

/* A new piece, empty, of FW_PIECE bytes. */
char *fw_add(struct fw_writer *w);
void fw_set_sym(struct fw_writer *w, uint8_t reg, const char *text, enum fw_type type, size_t len);
void fw_take_back(struct fw_writer *w, int *piece);
/* NFPROTO_ of the rule's packets, 0: any. */
uint8_t fw_l3_of(const struct fw_writer *w);
/* A field's name; "@nh,96,32" where it has none. Conditions that it implies are taken back. */
void fw_name_payload(struct fw_writer *w, const struct fw_expr *e, char *buf, size_t size, enum fw_type *ret_type);
/* The registers that make up a key of key_len bytes: how many, with their texts joined in buf. */
size_t fw_gather(struct fw_writer *w, uint8_t reg, uint32_t key_len, const struct fw_sym **ret, char *buf, size_t size);

/* firewall_action.c */
void fw_load_constant(struct fw_writer *w, const struct fw_expr *e);
void fw_write_set(struct fw_writer *w, const char *name, enum fw_type type, size_t len, uint8_t sreg);
void fw_write_action(struct fw_writer *w, const struct fw_expr *e);
