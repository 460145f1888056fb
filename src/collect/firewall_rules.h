/* firewall_rules.h - a ruleset as it was dumped, and one packet's walk through it. Private to firewall*.c. */
#pragma once

#include "collect/firewall.h"

#include <stddef.h>

enum {
	FW_WORDS = 16,            /* 32-bit registers (NFT_REG32_COUNT) */
	FW_REG_BYTES = 4 * FW_WORDS,
	FW_NONE = 0xff,           /* no register */
	FW_VERDICT = 0xfe,        /* the verdict register */
	FW_RULES_MAX = 20000,
	FW_ELEMENTS_MAX = 200000,
	FW_TABLES_MAX = 1000,
	FW_CHAINS_MAX = 40000,
	FW_SETS_MAX = 40000,
	FW_EXPRS_MAX = 128,       /* of a rule (NFT_RULE_MAXEXPRS) */
	FW_DEVICES_MAX = 16,      /* of a chain; more: any device may be meant */
	FW_DEPTH_MAX = 16,        /* NFT_JUMP_STACK_SIZE */
	FW_ARENA_MAX = 96 << 20,  /* bytes */
};

enum fw_op {
	FW_OP_UNKNOWN,
	FW_OP_IMMEDIATE,
	FW_OP_VERDICT,
	FW_OP_CMP,
	FW_OP_BITWISE,
	FW_OP_BYTEORDER,
	FW_OP_RANGE,
	FW_OP_PAYLOAD,
	FW_OP_PAYLOAD_SET,
	FW_OP_META,
	FW_OP_META_SET,
	FW_OP_CT,
	FW_OP_CT_SET,
	FW_OP_LOOKUP,
	FW_OP_COUNTER,
	FW_OP_LIMIT,
	FW_OP_QUOTA,
	FW_OP_CONNLIMIT,
	FW_OP_LOG,
	FW_OP_REJECT,
	FW_OP_NAT,
	FW_OP_MASQ,
	FW_OP_REDIR,
	FW_OP_QUEUE,
	FW_OP_TPROXY,
	FW_OP_NOTRACK,
	FW_OP_FIB,
	FW_OP_LOAD,   /* gives a value that is not known: exthdr, rt, socket, numgen, hash, osf, xfrm, tunnel */
	FW_OP_OBJREF,
	FW_OP_DYNSET,
	FW_OP_SYNPROXY,
	FW_OP_FLOW,
	FW_OP_STOLEN, /* fwd */
	FW_OP_NOTHING, /* goes on whatever it does: dup, last */
	FW_OP_MATCH,
	FW_OP_TARGET,
};

struct fw_set;
struct fw_chain;

/* One expression. Which fields count is up to op; registers are the index of their first word. */
struct fw_expr {
	uint8_t op, sub, base, rev; /* sub: the kernel's own operation or type number */
	uint8_t sreg, sreg2, sreg3, sreg4, dreg;
	bool invert;
	bool has_level;
	uint32_t len, offset, key, flags;
	uint64_t number;
	const uint8_t *data, *data2; /* len bytes each */
	const char *name;            /* of a chain, set, object, xt extension; log prefix */
	struct fw_set *set;
	struct fw_chain *chain;
	const struct fw_expr *inner; /* of a dynset */
	uint32_t n_inner;
};

struct fw_rule {
	uint64_t handle;
	struct fw_chain *chain;
	const struct fw_expr *exprs;
	uint32_t n;
	uint32_t comment_len;
	const char *comment;
	bool has_counter;
	uint64_t packets; /* when last read */
	int64_t read_ms;
};

struct fw_table {
	const char *name;
	uint8_t family;
	bool dormant;
	uint64_t handle;
};

struct fw_chain {
	struct fw_table *table;
	const char *name;
	struct fw_chain *next_same_hash;
	uint64_t handle;
	bool base, nat, drops; /* drops: the policy */
	uint8_t hook;
	int32_t priority;
	const char *devices[FW_DEVICES_MAX];
	bool prefix[FW_DEVICES_MAX]; /* "eth*" */
	uint32_t n_devices;
	bool any_device; /* there are more than fit */
	bool unknown_rules; /* some did not fit or were not understood */
	uint32_t first, n; /* rules */
	bool has_counter;
	uint64_t packets;
	int64_t read_ms;
};

struct fw_element {
	const uint8_t *key, *end, *data; /* end NULL: none */
	uint32_t flags;
	int32_t verdict;
	const char *name; /* of the verdict's chain, or an object */
	struct fw_chain *chain;
	int64_t expires_ms; /* 0: never */
};

struct fw_set {
	struct fw_table *table;
	const char *name;
	struct fw_set *next_same_hash;
	uint32_t flags, key_len, data_len, key_type, data_type, object_type;
	bool verdicts;
	uint8_t fields[FW_WORDS]; /* lengths in bytes, of a concatenation */
	uint32_t n_fields;
	struct fw_element *elements;
	uint32_t n, cap;
	bool unknown; /* its elements are not, or not all, to be had */
	bool loaded;  /* they were dumped; else struct fw_walk's load() does it when they are asked for */
};

struct fw_ruleset;

struct fw_ruleset *fw_ruleset_new(void);
void fw_ruleset_free(struct fw_ruleset *rs);

/* Takes one message of a dump made at now_ms; what is not understood makes the ruleset incomplete. */
void fw_take(struct fw_ruleset *rs, const void *msg, size_t n, int64_t now_ms);
/* Takes the packet counter out of a NEWRULE or NEWCHAIN message: false when there is none. */
bool fw_take_counter(const void *msg, size_t n, uint64_t *ret_packets);
/* Joins names to what they name. After it only elements are taken, each set's followed by fw_set_loaded(). */
void fw_link(struct fw_ruleset *rs);
/* All elements of a set were taken. */
void fw_set_loaded(struct fw_ruleset *rs, struct fw_set *s);

struct fw_ruleset {
	struct fw_table *tables[FW_TABLES_MAX];
	struct fw_chain *chains[FW_CHAINS_MAX];
	struct fw_set *sets[FW_SETS_MAX];
	struct fw_rule *rules; /* FW_RULES_MAX of them */
	struct fw_chain *chain_hash[4096];
	struct fw_set *set_hash[4096];
	size_t n_tables, n_chains, n_sets, n_rules, n_elements;
	struct fw_table *last_table;
	struct fw_chain *last_chain;
	struct fw_set *last_set;
	struct fw_block *arena;
	size_t arena_used;
	bool complete, other_families;
};

/* Three values; the order is that of strength. */
enum fw_tri { FW_NO, FW_MAYBE, FW_YES };

/* n bytes of which the bits in k are known to be those in v. */
struct fw_bits {
	uint8_t v[FW_REG_BYTES], k[FW_REG_BYTES];
	int16_t except[FW_WORDS]; /* a value that this word does not have though it is not known; -1: none */
};

/* What the hooks change of a packet as it goes. */
struct fw_state {
	uint8_t nh[40], nh_known[40]; /* network header */
	uint8_t th[20], th_known[20]; /* TCP header */
	uint8_t mark[4], mark_known[4]; /* host byte order */
	enum fw_tri dst_local, untracked;
	enum fw_tri dnat;    /* a NAT rule has decided on the destination */
	enum fw_tri changed; /* and it is another one: only then the connection counts as translated */
	bool dst_asked; /* dst_local counts, set by a redirect; else is_local() says */
};

enum {
	FW_FOUND_MAX = 64,
	FW_BUDGET = 4000000, /* expressions and elements that one packet is held against: some 50 ms */
};

/* An end that was found; rule NULL: the chain's policy. */
struct fw_end {
	const struct fw_chain *base, *chain;
	const struct fw_rule *rule;
	uint8_t fate, icmp_type, icmp_code;
	uint16_t queue;
	bool now, must_now; /* found in this run, and for all its packets */
	uint32_t runs, runs_must;
};

struct fw_walk {
	const struct fw_ruleset *rs;
	const struct firewall_packet *p;
	/* Dumps a set's elements, and calls fw_set_loaded(); NULL, or a set that stays unloaded: it is unknown */
	void (*load)(struct fw_walk *w, struct fw_set *set);
	void *load_ctx;
	int64_t now_ms;
	const uint16_t *queues; /* that are listened to */
	int n_queues;           /* -1: not known */
	uint32_t budget;        /* expressions and elements left to look at */
	bool out_of_budget;

	/* what this run is about, and where it is */
	uint8_t ct; /* one bit */
	uint8_t hook;
	bool netdev;   /* hook is a netdev one */
	enum fw_tri ct_active; /* connection tracking has looked at the packet by now */
	const struct fw_chain *base;
	char iif[16], oif[16], path_device[16]; /* the last: that ingress or egress is of */
	uint32_t iif_index, oif_index;
	struct fw_state s, exit;
	bool exit_is;
	bool sure; /* every packet of this run comes here */
	uint32_t hard, soft; /* ends so far: for good, and of a base chain only */
	struct fw_bits regs;

	/* what was found */
	struct fw_end ends[FW_FOUND_MAX];
	uint32_t n_ends, lost_ends, runs, runs_passed;
	struct fw_end nat;
	bool has_nat;
	uint32_t nat_must_runs, nat_runs, nat_targets; /* the last: rules, or different targets of one */
	bool nat_addr_known, nat_port_known;
	struct ip nat_addr;
	uint16_t nat_port;
	bool notrack, synproxy, flowtable, unknown_part;
};

/* What an expression makes of the rule it is in. */
struct fw_outcome {
	enum fw_tri match;
	bool ends;      /* a verdict came: it is in the fields below */
	int32_t verdict; /* as in enum nft_verdicts and NF_* */
	uint8_t fate, icmp_type, icmp_code;
	uint16_t queue;
	const struct fw_chain *chain;
	const struct fw_set *verdicts; /* the key is not known: any of these elements, when... */
	uint32_t key_word;
	bool nat;
	bool or_drop;   /* it may as well be dropped here */
};

/* firewall_eval.c and firewall_load.c: one expression against the walk's state and registers. */
void fw_eval(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e, struct fw_outcome *o);
enum fw_tri fw_compare_eq(const uint8_t *v, const uint8_t *k, const uint8_t *data, size_t n);
enum fw_tri fw_is_local(const struct fw_walk *w, const uint8_t *v, const uint8_t *k);
void fw_join_bits(uint8_t *v, uint8_t *k, const uint8_t *v2, const uint8_t *k2, size_t n);
/* Applies a destination NAT; k arrays say which bits are known. local: to this host. */
void fw_translate(struct fw_walk *w, const struct fw_rule *rule, enum fw_tri match, const struct fw_bits *to,
	bool has_addr, bool has_port, bool local);
enum fw_tri fw_ct_state(const struct fw_walk *w, uint32_t *ret_bits);
void fw_set_mark(struct fw_walk *w, enum fw_tri match, const uint8_t *v, const uint8_t *k);

/* firewall_set.c: the elements that a key may be in. */
struct fw_match {
	enum fw_tri is;                   /* in the set at all */
	const struct fw_element *element; /* the one, when it is known which */
};
void fw_lookup(struct fw_walk *w, struct fw_set *set, const struct fw_bits *regs, uint32_t word,
	struct fw_match *ret);
/* Whether the key may be in this element. */
bool fw_may_be_in(const struct fw_walk *w, const struct fw_set *set, uint32_t index,
	const struct fw_bits *regs, uint32_t word);
void fw_set_sort(struct fw_set *set);

/* firewall_xt.c: iptables extensions in their binary form. */
enum fw_tri fw_xt_match(struct fw_walk *w, const struct fw_expr *e);
void fw_xt_target(struct fw_walk *w, const struct fw_rule *rule, const struct fw_expr *e, struct fw_outcome *o);

/* firewall_walk.c: pure. */
void fw_walk(struct fw_walk *w);
/* What becomes of all packets, from what was found. */
void fw_conclude(const struct fw_walk *w, struct firewall_verdict *ret);
/* firewall_words.c */
void fw_describe(const struct fw_end *end, struct firewall_rule *ret);
/*
 * firewall_find.c: a rule, or a base chain's policy (handle 0), by names as fw_describe() writes them. False when there
 * is none. *end and *ret are written to in any case.
 */
bool fw_find(const struct fw_ruleset *rs, const char *family, const char *table, const char *chain, uint64_t handle,
	struct fw_end *end, struct firewall_rule *ret);

/* firewall_text.c: a rule in nft's syntax; always clean, and cut with "..." at size. */
void fw_rule_text(const struct fw_rule *rule, char *buf, size_t size);
/* firewall_xttext.c: an xt match or target in iptables' spelling, appended. */
void fw_xt_text(const struct fw_expr *e, uint8_t family, char *buf, size_t size);
