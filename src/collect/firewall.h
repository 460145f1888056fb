/* firewall.h - what this namespace's nftables ruleset does with one TCP packet, and by which rule. */
#pragma once

#include "fact_firewall.h"

/*
 * Theory of operation
 *
 * The ruleset is dumped over nfnetlink (tables, chains, rules as bytecode, sets and their elements), linked,
 * and kept until the generation counter moves (NFT_MSG_GETGEN). iptables-nft writes the same tables, so its
 * rules are there too, partly as xt matches and targets in their binary form.
 *
 * Judging runs the bytecode as net/netfilter/nf_tables_core.c does (v6.18), hook by hook and chain by chain
 * in the order of priority, but with three values: what is not known of the packet or of the kernel's state is
 * a set of unknown bits, and a condition on it is neither yes nor no. Such a rule is followed both ways: its
 * verdict becomes a candidate that may have ended the packet, and the walk goes on behind it. Where the two
 * ways meet again, only what both agree on stays known. So a fate that is told as certain holds for every
 * value of what is unknown. Each possible connection tracking state is walked on its own.
 *
 * What is not seen: hooks that are not nf_tables chains (legacy iptables, of which only the tables' existence
 * is known; IPVS, BPF), and the ct helpers' expectations. Sets that packets fill (`flags dynamic`) are not
 * dumped: a lookup in one is unknown. The order of two chains of different tables with equal hook and priority
 * is not known either, and then both are followed.
 *
 * Of more than 256 sets the elements are read when a packet first comes to them, for at most 100 ms a packet; what
 * could not be read by then is unknown to this packet and there for the next (`complete` is false).
 *
 * Reading has no effect on the ruleset: no message but GET is sent, no table is made. Where nf_tables is a
 * module that is not loaded, nothing is opened, since a first message would load it.
 */
struct firewall;

/* Connection tracking states, as a set of what is possible. */
enum firewall_ct {
	FIREWALL_CT_NEW = 1 << 0,
	FIREWALL_CT_ESTABLISHED = 1 << 1,
	FIREWALL_CT_RELATED = 1 << 2,
	FIREWALL_CT_INVALID = 1 << 3,
	FIREWALL_CT_UNTRACKED = 1 << 4,
};

enum firewall_path {
	FIREWALL_IN,  /* came by iif: ingress, prerouting, then input or forward */
	FIREWALL_OUT, /* is sent by this host by oif: output, postrouting, egress */
};

struct firewall_packet {
	struct ip src, dst;
	uint16_t sport, dport;
	uint8_t flags; /* byte 13 of the TCP header */
	uint8_t ttl;   /* 0: not known */
	bool v6;
	char iif[16], oif[16]; /* "": not known, or none */
	uint32_t iif_index, oif_index; /* 0: likewise */
	uint32_t mark, mark_known; /* the packet's mark as it comes, and which of its bits are known */
	uint8_t ct; /* enum firewall_ct, those that are possible; 0: any */
	bool reply; /* goes in the direction of the connection's answers */
	enum firewall_path path;
	/*
	 * Whether an address is this host's own, and by which interface it sends to one (ret_name "" and
	 * *ret_index 0: not known). Either may be NULL: not known.
	 */
	bool (*is_local)(void *ctx, const struct ip *ip);
	void (*route)(void *ctx, const struct ip *dst, char ret_name[16], uint32_t *ret_index);
	void *ctx;
};

/*
 * For the network namespace of the calling thread, which also has to call the rest. NULL with errno. That
 * there is no nf_tables here, or no privilege, is told by firewall_refresh().
 */
struct firewall *firewall_new(void);
void firewall_free(struct firewall *fw);

/*
 * Reads the ruleset if it changed since the last time. 0; 1 when it was unchanged; -EPERM without CAP_NET_ADMIN
 * in the user namespace that owns the network namespace; -EPROTONOSUPPORT when there is no nf_tables here;
 * -EAGAIN when it changed faster than it could be read (the last one read stays); -errno otherwise. Too many rules
 * are no failure: the verdict's `complete` says so.
 */
int firewall_refresh(struct firewall *fw);

/*
 * Judges one packet by the ruleset as last read (or as it is, should it change meanwhile), and reads the counters
 * of up to 16 candidates anew. What the callbacks say is taken for true. 0, -ENOMEM, or -ENODATA
 * when none was ever read. Without privilege or nf_tables the flags of the namespace are filled in all the same.
 */
int firewall_judge(struct firewall *fw, const struct firewall_packet *p, struct firewall_verdict *ret);

/*
 * Describes a rule that is known by its handle, or a base chain's policy (handle 0), of the ruleset as last read; its
 * counter is read anew. Names are as in struct firewall_rule and struct nftrace_step. Its fate is that of a packet which
 * it matches: FIREWALL_UNKNOWN where it ends none (jump) or a map decides; with FIREWALL_ICMP, type and code 0 where each
 * family gets its own. base, hook and priority are those of the base chain that leads to it; "", "" and 0 where several
 * do (who knows which asks for that one's policy). must is false. 0, or -ENOENT.
 */
int firewall_describe(struct firewall *fw, const char *family, const char *table, const char *chain, uint64_t handle,
	struct firewall_rule *ret);

/* What the ruleset's generation was when it was last read; 0: never. */
uint32_t firewall_generation(const struct firewall *fw);

/* How many rules and set elements there are, for tests and measurements. */
void firewall_size(const struct firewall *fw, size_t *ret_rules, size_t *ret_elements);
