/* fact_firewall.h - what the firewall's rules say of a packet: plain data, as fact.h. */
#pragma once

#include "base/ip.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	FIREWALL_NAME = 48, /* of a table or chain, cut to fit */
	FIREWALL_TEXT = 208,
	FIREWALL_COMMENT = 80,
	FIREWALL_CANDIDATES = 4,
};

enum firewall_fate {
	FIREWALL_UNKNOWN, /* more than one is possible: see the candidates and may_pass */
	FIREWALL_ACCEPTED,
	FIREWALL_DROPPED,
	FIREWALL_RESET,  /* rejected with a RST */
	FIREWALL_ICMP,   /* rejected with an ICMP error */
	FIREWALL_QUEUED, /* handed to a program (NFQUEUE) */
	FIREWALL_TPROXIED, /* given to a transparent proxy's socket */
	FIREWALL_STOLEN, /* answered, forwarded or kept by the firewall itself (synproxy, fwd) */
	FIREWALL_FATE_COUNT,
};

enum firewall_product {
	FIREWALL_BY_HAND, /* or by what is not recognised */
	FIREWALL_UFW,
	FIREWALL_FIREWALLD,
	FIREWALL_DOCKER,
	FIREWALL_FAIL2BAN,
	FIREWALL_IPTABLES, /* iptables-nft by hand */
	FIREWALL_LIBVIRT,
	FIREWALL_KUBERNETES,
	FIREWALL_PODMAN,
	FIREWALL_PRODUCT_COUNT,
};

/* A rule, or a base chain's policy, that ends or translates the packet. All text is clean. */
struct firewall_rule {
	char family[8];              /* "ip", "ip6", "inet", "netdev"; "": there is none */
	char table[FIREWALL_NAME], chain[FIREWALL_NAME];
	char base[FIREWALL_NAME];    /* the base chain by which the packet came to it */
	char hook[16];               /* "input" */
	int32_t priority;            /* of the base chain */
	uint64_t handle;             /* as in nft -a; 0: the base chain's policy */
	uint8_t fate;                /* enum firewall_fate */
	uint8_t icmp_type, icmp_code; /* FIREWALL_ICMP */
	uint16_t queue;              /* FIREWALL_QUEUED */
	uint8_t product;             /* enum firewall_product */
	bool must;                   /* ends every packet of this description; else it may */
	bool has_counter;            /* then packets, and grew of them since it was last read, at most age_ms ago */
	uint64_t packets, grew;
	uint32_t age_ms;
	char comment[FIREWALL_COMMENT];
	char text[FIREWALL_TEXT];    /* as nft prints it; xt parts as iptables does; "..." for what is neither */
};

/* Destination NAT. */
struct firewall_translation {
	bool is, must;
	bool addr_known, port_known;
	struct ip addr;
	uint16_t port;
	struct firewall_rule rule; /* the first that may have done it */
};

/* What becomes of a packet by the rules. */
struct firewall_verdict {
	enum firewall_fate fate; /* certain, or FIREWALL_UNKNOWN */
	uint8_t icmp_type, icmp_code; /* of a certain FIREWALL_ICMP */
	uint16_t queue;          /* of a certain FIREWALL_QUEUED */
	bool may_pass;           /* some packet of this description passes all hooks */
	bool complete;           /* the whole ruleset was read, and the walk came to its end */
	uint32_t n_found;        /* candidates, of which the first FIREWALL_CANDIDATES are told */
	uint32_t n;
	struct firewall_rule candidates[FIREWALL_CANDIDATES]; /* those whose counters grew come first, then must */
	struct firewall_translation translation;
	/* on the packet's way, for certain or perhaps */
	bool notrack, synproxy, flowtable;
	bool unknown_part;       /* an expression or target that is not known here, which may do anything */
	/* of the namespace */
	bool legacy;             /* legacy iptables tables of the packet's family exist: nothing is known of their rules */
	bool other_families;     /* bridge or arp tables exist, which are not looked at */
	int queue_listeners;     /* NFQUEUE numbers that a program listens to; -1: not known */
};

/* What a trace told of one packet: the rule that ended it. */
struct traced {
	int64_t t;
	struct ip src, dst;
	uint16_t sport, dport;
	uint32_t seq;
	bool answer; /* a SYN-ACK of this host */
	bool ended;  /* by rule; else it passed */
	struct firewall_rule rule;
};

/* Whether both are about one rule, or one chain's policy. */
bool firewall_same_rule(const struct firewall_rule *a, const struct firewall_rule *b);

/* "dropped"; "firewalld", "" for FIREWALL_BY_HAND. */
const char *firewall_fate_name(enum firewall_fate f);
const char *firewall_product_name(enum firewall_product p);
