/* attempt.h - one connection attempt, from its first SYN to its end. */
#pragma once

#include "base/ip.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Theory of operation
 *
 * An attempt is keyed by its 4-tuple seen from the client: whoever sent the SYN. What each stage means
 * on the wire, and what may follow:
 *
 *   SYN        SYN seen, no answer          -> ANSWERED (SYN-ACK), REFUSED (RST), UNREACHABLE (ICMP),
 *                                              SILENT when the answer is overdue
 *   SILENT     judged silent                -> ANSWERED when an answer comes after all, else DONE
 *   ANSWERED   SYN-ACK seen; the final ACK  -> OPEN when confirmed: a FIN, an exact look-up, or the
 *              is not captured on purpose      time in which an unacknowledged SYN-ACK would have been
 *                                              sent again; UNFINISHED when it was sent again;
 *                                              CANCELLED when the client resets it
 *   OPEN       established                  -> CLOSING (a FIN), RESET (a RST)
 *   CLOSING    a FIN seen                   -> DONE (both FINs, or time), RESET
 *   REFUSED, UNREACHABLE, UNFINISHED, CANCELLED, RESET: the wire has spoken, the verdict waits for
 *              what the socket table and the counters say               -> DONE
 *   DONE       judged; kept for a while so that a late or repeated segment is recognised
 */
enum stage {
	STAGE_SYN,
	STAGE_SILENT,
	STAGE_ANSWERED,
	STAGE_OPEN,
	STAGE_CLOSING,
	STAGE_REFUSED,
	STAGE_UNREACHABLE,
	STAGE_UNFINISHED,
	STAGE_CANCELLED,
	STAGE_RESET,
	STAGE_DONE,
};

enum side {
	SIDE_NONE,
	SIDE_CLIENT,
	SIDE_SERVER,
};

/* No padding: the bytes are hashed. */
struct attempt_key {
	struct ip client, server;
	uint16_t client_port, server_port;
};

struct attempt {
	struct attempt_key key;
	uint64_t id;
	uint64_t trail; /* the number of its last packet (engine/trail.h) */
	int64_t first, last; /* first and last segment */
	int64_t answered;    /* the SYN-ACK, RST or ICMP error that answered the SYN; 0: none */
	int64_t ended;       /* the RST, or the first FIN */
	int64_t closed;      /* the first FIN; 0: none */
	int64_t judge_by;    /* the verdict waits for evidence no longer than this */
	uint32_t client_isn, server_isn;
	uint32_t server_end; /* the sequence number after the server's FIN */
	bool fin_unseen;     /* the client had not got it when it was reset */
	uint32_t client_bytes, server_bytes; /* payload sent, as sequence numbers tell at a FIN or RST */
	uint32_t ifindex;
	uint16_t syns, synacks;
	uint16_t answer_window;
	uint8_t stage;     /* enum stage */
	uint8_t outcome;   /* enum outcome, once counted */
	uint8_t before_rst; /* enum stage, when a RST came */
	uint8_t first_fin; /* enum side */
	uint8_t reset_by;  /* enum side */
	uint8_t answer_flags, answer_ttl;
	uint8_t peer_ttl; /* of the peer's SYN or SYN-ACK */
	uint8_t icmp_type, icmp_code;
	struct ip icmp_from;
	int64_t looked_from;     /* since when all its segments are captured; 0: they are not */
	int64_t previous_end;    /* when the connection before it on this 4-tuple ended; 0: not, or not known */
	uint32_t server_acked; /* bytes of the server that the client had acknowledged when a RST came */
	uint32_t unread, unsent; /* bytes, when the kernel told of its end */
	uint32_t sent_end;         /* what left so far ends here, under the closer look */
	uint16_t resends, resent_size; /* what left again: how often, and its greatest payload */
	uint32_t acks_in, data_in; /* seen of the client after the SYN-ACK and under the closer look */
	uint8_t previous; /* enum previous */
	uint8_t fate;     /* enum fate */
	uint8_t odd;      /* the flags of the first segment, when they were no SYN's */
	uint8_t client_rsts; /* of the client, to something of ours before the SYN was answered */
	uint8_t synack_rsts; /* of the client, to our SYN-ACK */
	uint8_t cause, confidence; /* of the last line that was emitted */
	bool out;                  /* this host is the client */
	bool v6;
	bool client_fin, server_fin;
	bool bytes_known;      /* how many the two had sent, by the RST or the FIN */
	bool client_left, server_left; /* the side took leave: a TLS alert, QUIT and the like */
	bool server_left_first; /* before the client did, and before any FIN */
	bool client_hello;     /* the client began TLS */
	bool client_reset_too; /* after the server's RST */
	bool reset_elsewhere; /* the RST came by lo, the SYN did not: this host's own doing */
	bool established_reported, emitted, answer_timestamps;
	bool close_judged;
	bool alone;   /* told in a line of its own, which may be replaced */
	bool counted; /* among the half-open ones of its port */
	bool timed;   /* open, and to be looked at later: nothing that keeps the engine busy */
	uint8_t looks; /* how often it was looked at while it was open */
	bool foreign;      /* the dialled address is not this host's */
	bool other_mac;    /* the frame was for another MAC address or VLAN */
	bool bad_ip_sum, bad_tcp_sum; /* of the SYN; see struct segment */
	bool zero_window;  /* the SYN-ACK had one */
	bool given_up;     /* ended by its own socket, without a packet */
	bool unknown;      /* a RST of ours for a connection whose beginning was not seen */
	bool rejected_here;  /* our answer came back to us by lo, as a RST or an ICMP error */
	bool icmp_to_synack; /* an ICMP error about our SYN-ACK came in */
};

/* What this host had on the 4-tuple when the SYN came. */
enum previous {
	PREVIOUS_NONE,
	PREVIOUS_CLOSED_HERE, /* a connection that this host closed first: it is in TIME_WAIT for a minute */
	PREVIOUS_OPEN,
};

/* How the kernel says that the connection ended (the destroy multicast). */
enum fate {
	FATE_UNKNOWN,
	FATE_UNREAD,       /* closed with data that was not read */
	FATE_RETRANSMITS,  /* given up after retransmissions */
	FATE_PROBES,       /* given up after keepalive probes */
};

enum outcome {
	OUTCOME_NONE,
	OUTCOME_ACCEPTED,
	OUTCOME_REFUSED,
	OUTCOME_UNREACHABLE,
	OUTCOME_SILENT,
	OUTCOME_UNFINISHED,
	OUTCOME_CANCELLED,
	OUTCOME_COUNT,
};

const char *outcome_name(enum outcome o);

/* The peer of this host, and the port of the listening side. */
static inline const struct ip *attempt_peer(const struct attempt *a)
{
	return a->out ? &a->key.server : &a->key.client;
}
