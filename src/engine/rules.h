/* rules.h - diagnosis: facts about one attempt in, cause and confidence out. Pure, and no clock. */
#pragma once

#include "engine/attempt.h"
#include "engine/causes.h"
#include "engine/clients.h"
#include "engine/listeners.h"
#include "engine/samples.h"

enum {
	RULES_ALTERNATIVES = 6,
};

/* What the wire showed of the attempt: which rules are asked. */
enum situation {
	SITUATION_REFUSED,
	SITUATION_UNREACHABLE,
	SITUATION_SILENT,
	SITUATION_UNFINISHED,
	SITUATION_CANCELLED,
	SITUATION_RESET,    /* an established connection ended by a RST */
	SITUATION_CLOSED,   /* ended by FINs */
	SITUATION_ACCEPTED,
	SITUATION_COUNT,
};

/* Who sent a RST that answered a SYN, by the TCP stack's own count of its RSTs. */
enum rst_origin {
	ORIGIN_UNKNOWN, /* no counters around that moment */
	ORIGIN_STACK,   /* the stack sent at least as many as the wire showed */
	ORIGIN_LIKELY_STACK, /* just as many, on a wire that is not seen whole */
	ORIGIN_MIXED,   /* it sent fewer, but some */
	ORIGIN_OTHER,   /* it sent none */
};

enum confidence {
	CONFIDENCE_NONE,
	CONFIDENCE_POSSIBLE,
	CONFIDENCE_INFERRED,
	CONFIDENCE_PROVED,
};

struct facts {
	const struct attempt *a;
	enum situation situation;
	bool sockets;        /* the socket table was read, so that an absence counts */
	bool server_local;   /* the dialled address is this host's */
	uint8_t own_ttl;     /* what this host's own RSTs start with; fewer: from behind it */
	bool partial;        /* an interface or a filter was chosen: RSTs may pass unseen */
	bool lossless;       /* the capture lost nothing around the attempt */
	/* the door: listeners of the dialled port */
	enum near near;                  /* of those that would not take the SYN */
	const struct listener *nearest;  /* NULL: none */
	const struct listener *accepting; /* takes the SYN by now; NULL: none */
	bool steady;                     /* and did so before the attempt too */
	bool later;                      /* or is known not to have; neither: not known */
	const struct listener *gone;     /* took it once, and went; NULL: none */
	/* who else has the port; asked only when nothing listens there */
	bool asked;
	struct answer port;
	/* counters around the decisive moment */
	struct window window;
	enum rst_origin origin;
	uint32_t drops;   /* what the listener itself dropped since the SYN ... */
	bool drops_exact; /* ... or at least that much */
	struct listener_sample queue; /* at its fullest since the SYN */
	/* the kernel's own look-up of the 4-tuple */
	bool looked_up, found;
	struct socket_row socket;
	/* the peer's tries at this port */
	int64_t failures, retry_interval;
	char iface[32];
};

struct verdict {
	enum cause cause;
	enum confidence confidence;
	enum cause alternatives[RULES_ALTERNATIVES]; /* CAUSE_NONE ends; the cause itself is not listed */
	enum client_sees sees;
};

const char *confidence_name(enum confidence c);

/*
 * The verdict on the facts. All rules of the situation are asked: the strongest wins, two of one
 * strength make it possible, each the other's alternative, and none makes it unknown.
 */
struct verdict rules_judge(const struct facts *f);
