/* nftrace.h - which rule of nftables ended the SYNs of a peer to a local port, by the kernel's own trace of them. */
#pragma once

#include "fact_firewall.h"

/*
 * Theory of operation
 *
 * A packet whose `nf_trace` bit is set has each rule that it matches, and each policy that it comes to, told on the
 * multicast group NFNLGRP_NFTRACE (net/netfilter/nf_tables_trace.c, v6.18). So start puts in two tables of our own,
 * each of whose chains has one rule that sets the bit and decides nothing, at the lowest priority there is (INT_MIN;
 * of equals the one that was registered last comes first, nf_hook_entries_grow()):
 *
 *   table inet tcpwhy_trace { flags owner
 *     chain in  { type filter hook prerouting priority -2147483648; policy accept
 *       tcp dport PORT tcp flags syn / fin,syn,rst,ack ip saddr PEER limit rate 25/second meta nftrace set 1 }
 *     chain out { type filter hook output priority -2147483648; policy accept
 *       tcp sport PORT tcp flags syn,ack / fin,syn,rst,ack ip daddr PEER limit rate 25/second meta nftrace set 1 }
 *   }
 *   table netdev tcpwhy_trace { flags owner
 *     chain in0 { type filter hook ingress devices = { all that are up, but lo } priority -2147483648; policy accept
 *       (as the first) }
 *   }
 *
 * The owner is a netlink socket: when it is closed, in whatever way its process ends, the kernel removes the tables
 * (nft_rcv_nl_event(), since v5.12), and no other process can change or flush them. So the process must not hand that
 * descriptor on: it is close-on-exec, but a child by fork(2) that outlives it would keep the tables. They hold no
 * verdict and their policy accepts, so no packet's fate changes by them. What does change while they are in: a packet
 * that is not meant is held against up to three comparisons more, twice; `nft list ruleset` shows the tables (who saves
 * the ruleset to a file then saves them too), and `nft monitor trace` our packets; and where legacy iptables has rules
 * that a traced packet meets, those write "TRACE:" lines to the kernel log, for no more packets than the rate lets
 * through (trace_packet() in net/ipv4/netfilter/ip_tables.c; of the first network namespace only, unless
 * net.netfilter.nf_log_all_netns). Start and stop move the ruleset's generation id; removal by the kernel does not
 * (v6.18), so who keeps the ruleset by that id may see tables that are gone.
 *
 * The messages of one packet carry an id, made of the packet buffer's address, its flow and the interface it came by.
 * The id changes where the interface does (bond, VLAN, bridge), so a packet that is there already under another id is
 * known by source, source port, sequence number and flags. An id is used again soon after; what ends a packet, and
 * 200 ms without a word of it, end the packet's entry. Packets that somebody else traces are not told.
 *
 * What the trace shows, and what it does not (measured on v6.18, except XDP, tc, BPF, bonds, VLANs and NFQUEUE, which
 * are as the kernel's source has them):
 *  - Rules that match and decide nothing (counter, log, mark) are told too, with the verdict `continue`, and so is the
 *    end of a chain, without a handle; both, and returns, are left out here. Rules that do not match are never told.
 *  - reject, in all its kinds, is told as its rule's drop. Drops by a verdict map are told as those of the rule with the
 *    map. What synproxy answers is `stolen`; its own SYN to a server on this host comes by lo, and is told for itself.
 *  - iptables-nft: its rules are ordinary ones, told with their handles as in `nft -a list ruleset`, also those with
 *    xt matches and targets (-j REJECT is the xt target's drop, -j to a chain of one's own a jump). Chains are "INPUT"
 *    and so on of the tables "filter", "raw", ... of the family ip or ip6; -P DROP is the chain's policy.
 *  - Legacy iptables gives no messages: a packet that it drops is told as passed. So is one that the stack, or tc or
 *    BPF behind ingress, drops. XDP, tc and BPF at ingress come before nf_tables: what they drop is not told at all.
 *  - Of a packet given to a program (NFQUEUE) what comes after is told if it comes back within 200 ms.
 *  - What is forwarded is followed through forward, postrouting and egress until it leaves the network namespace. Its
 *    answer is not: only this host's own SYN-ACKs are.
 *  - At the ingress of an interface that appeared, or came up, after start no drop is told; further on it is.
 *  - Of more than NFTRACE_PER_SECOND packets a second those that are told are whichever come first.
 */
struct nftrace;

enum {
	NFTRACE_PATH = 8,
	NFTRACE_WHY = 160, /* a size for why that fits */
	NFTRACE_WAIT_US = 200000, /* without a further word a packet has passed */
	NFTRACE_PER_SECOND = 25, /* packets that are traced, by each of the chains */
};

enum nftrace_verdict {
	NFTRACE_ACCEPT, /* by this base chain: others may come */
	NFTRACE_DROP,
	NFTRACE_JUMP,   /* jump or goto to another chain */
	NFTRACE_QUEUE,
	NFTRACE_STOLEN,
	NFTRACE_VERDICT_COUNT,
};

/* A rule's verdict, or a base chain's policy. All text is clean, and cut as in struct firewall_rule. */
struct nftrace_step {
	char family[8];            /* of the table: "ip", "ip6", "inet", "netdev", "bridge" */
	char table[FIREWALL_NAME], chain[FIREWALL_NAME];
	char base[FIREWALL_NAME];  /* the base chain by which the packet came to chain; "": not known */
	uint64_t handle;           /* as in nft -a; 0: the base chain's policy */
	uint8_t verdict;           /* enum nftrace_verdict */
};

enum nftrace_end {
	NFTRACE_PASSED,            /* nothing in nf_tables ended it */
	NFTRACE_DROPPED_BY_RULE,   /* or rejected: firewall_describe() of `by` tells which */
	NFTRACE_DROPPED_BY_POLICY,
	NFTRACE_QUEUED,            /* and did not come back in time */
	NFTRACE_STOLEN_BY_RULE,    /* answered, forwarded or kept by the firewall itself */
	NFTRACE_END_COUNT,
};

/* One packet's way. */
struct nftrace_result {
	struct ip src, dst;        /* as it came, before any translation */
	struct ip last_dst;        /* as the last chain saw it: differs after destination NAT */
	uint16_t sport, dport, last_dport;
	uint8_t flags;             /* byte 13 of the TCP header */
	uint8_t ttl;
	bool v6;
	bool answer;               /* a SYN-ACK that this host sends */
	bool complete;             /* else messages were lost, and it may have been dropped though it is told as passed */
	bool has_mac;
	uint8_t mac[6];            /* of who sent it over the last link */
	uint8_t end;               /* enum nftrace_end */
	uint32_t seq;              /* its TCP sequence number: the same SYN on the wire has it too */
	uint32_t mark;             /* as it was last; 0: none */
	uint32_t iif_index, oif_index; /* where it came in, and is to go out; 0: none */
	char iif[16], oif[16];     /* their names now; "": none, or gone */
	int64_t first_us, last_us; /* by the caller's clock, when it heard of it */
	struct nftrace_step by;    /* what ended it; family "": nothing did */
	uint32_t n_steps;          /* how many there were in all */
	uint32_t n_path;
	struct nftrace_step path[NFTRACE_PATH]; /* the last ones, in order; our own table's are left out */
};

/*
 * Starts tracing, in the network namespace of the calling thread (which also has to call the rest), the SYNs of a peer
 * to a port (with destination NAT that which is dialled), and the SYN-ACKs from it to the peer. peer NULL, or 0.0.0.0 or
 * ::, is any of the family that v6 tells; another one's own family counts. Several may be started, each has its tables.
 *
 * NULL with errno and the reason in words in why (size bytes; never NULL): EPERM without CAP_NET_ADMIN, EOPNOTSUPP
 * where the kernel lacks what it takes, and others. On success why is "", or what is not traced. This is the only part
 * of the program that changes the ruleset; it also loads nf_tables where it is a module that is not loaded, so ask
 * firewall_refresh() first whether there is something to trace.
 */
struct nftrace *nftrace_start(const struct ip *peer, uint16_t port, bool v6, char *why, size_t size);

/* Removes the tables and frees all. NULL is taken. */
void nftrace_stop(struct nftrace *t);

/* Frees all in a child by fork(2), and leaves the tables to the parent. NULL is taken. */
void nftrace_abandon(struct nftrace *t);

/* To poll for reading. It stays the tracer's. */
int nftrace_fd(const struct nftrace *t);

/*
 * The next packet of which all is known at now_us (microseconds of any clock that does not go back): 0, -EAGAIN when
 * there is none, or -errno when the trace is broken. Never blocks; reads at most 512 messages. Call it when the descriptor
 * is readable and at nftrace_due(), until it says -EAGAIN.
 */
int nftrace_next(struct nftrace *t, int64_t now_us, struct nftrace_result *ret);

/* When a packet that is under way will count as passed; INT64_MAX: there is none. */
int64_t nftrace_due(const struct nftrace *t);

/* The name of our tables, "tcpwhy_trace" or with the pid added. It lives as long as t. */
const char *nftrace_table(const struct nftrace *t);

/* How often the kernel told that it lost messages, and packets that found no place here, since the start. */
void nftrace_lost(const struct nftrace *t, uint64_t *ret_losses, uint64_t *ret_evicted);

/* "passed", "dropped by rule"; "accept". */
const char *nftrace_end_name(enum nftrace_end e);
const char *nftrace_verdict_name(enum nftrace_verdict v);
