/* rules.h - diagnosis: facts about one attempt in, cause and confidence out. Pure, and no clock. */
#pragma once

#include "engine/attempt.h"
#include "engine/causes.h"
#include "engine/clients.h"
#include "engine/inner.h"
#include "engine/listeners.h"
#include "engine/samples.h"

enum {
	RULES_ALTERNATIVES = 6,
	RULES_AT_DOOR = 1500000, /* usec, from the SYN-ACK: within this a server turns away */
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
	SITUATION_WAITING,  /* open, and something waits in it */
	SITUATION_UNANSWERED, /* no SYN: a peer asked for an address in vain */
	SITUATION_COUNT,
};

/* What waits in an open connection. */
enum waiting {
	WAITING_NONE,
	WAITING_ACCEPT, /* the connection itself, to be accepted */
	WAITING_READ,   /* data, to be read, and the window has closed */
	WAITING_RESENT, /* data of ours, to be acknowledged, while later data got through */
	WAITING_FILTERED, /* segments, which the kernel drops */
	WAITING_READER, /* data of the peer, to be read: all that ever came */
	WAITING_ANSWER, /* the peer, to be answered: what it sent was read */
	WAITING_GREETING, /* the peer, to be greeted: the server speaks first */
	WAITING_PAWS,   /* data of the peer, which comes and does not count */
};

/* How a peer's tries follow each other. */
enum pattern {
	PATTERN_NONE, /* too few to say */
	PATTERN_PERIODIC,
	PATTERN_BURSTS,
	PATTERN_IRREGULAR,
};

const char *pattern_name(enum pattern p);

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

/* The kernel's own words on the packets of an attempt; NULL: none came. */
struct said {
	const struct kernel_word *syn;     /* why the SYN was dropped */
	const struct kernel_word *syn_ack; /* why the answer was */
	const struct kernel_word *from_client, *to_client; /* why a later segment was */
	const struct kernel_word *reset;   /* why this host sent a RST */
	bool syn_of_port, syn_ack_of_port; /* of others alike: in a flood not each one is told */
};

/* Where address translation leads what was dialled. */
struct target {
	enum {
		TARGET_NONE,    /* not known to lead anywhere */
		TARGET_SEEN,    /* the wire showed the SYN as it left for it */
		TARGET_SAID,    /* the kernel's word has it */
		TARGET_RULED,   /* the firewall's rules lead there */
	} known;
	struct ip addr;
	uint16_t port;
	bool here;              /* it is an address of this host, in this namespace ... */
	bool listens_here;      /* ... and somebody listens there */
	const struct inner *inner; /* the SYN on its way there; NULL: not seen */
	/* ASK_TARGET */
	bool asked;
	bool complete;          /* every namespace was looked into */
	bool has_namespace;     /* one of this host's namespaces has the address: */
	char netns[64];
	bool container;         /* which is a container's name */
	int32_t pid;            /* of a process in it; 0: not known */
	bool listens;           /* there, on the port: */
	struct socket_row row;
	enum near near;         /* how near it comes to taking the SYN */
	struct owner owner;
	struct routing way;
};

struct facts {
	const struct attempt *a;
	enum situation situation;
	bool sockets;        /* the socket table was read, so that an absence counts */
	bool peer_impossible; /* its address is this host's own or loopback, and it came by another interface */
	bool icmp_from_here;  /* the ICMP error was sent from one of this host's addresses */
	bool server_local;   /* the dialled address is this host's */
	uint8_t own_ttl;     /* what this host's own RSTs start with; fewer: from behind it */
	bool partial;        /* an interface or a filter was chosen: RSTs may pass unseen */
	bool no_packets;     /* nothing is captured at all */
	bool lossless;       /* the capture lost nothing around the attempt */
	/* the door: listeners of the dialled port */
	enum near near;                  /* of those that would not take the SYN */
	const struct listener *nearest;  /* NULL: none */
	const struct listener *accepting; /* takes the SYN by now; NULL: none */
	bool steady;                     /* and did so before the attempt too */
	bool later;                      /* or is known not to have; neither: not known */
	const struct listener *gone;     /* took it once, and went; NULL: none */
	int64_t served_after;            /* the port's first SYN-ACK after the refusal, of a listener that nobody saw; 0: none */
	int64_t served_before;           /* and its last one before it */
	uint32_t gone_answered;          /* SYN-ACKs of the port in its last seconds */
	int64_t gone_after;              /* and how long after the last of them it went */
	bool gone_failed;                /* its process ended by a signal or with a status */
	int64_t gone_served;             /* connections of its port that were accepted in its time */
	/* who else has the port: of each kind not known, unless nothing listens there and the host said */
	struct answer port;
	bool kernel; /* the kernel's words are heard */
	struct said said;
	struct target target;
	/* what the firewall's rules do with each packet; NULL: not asked, or not known */
	const struct firewall_verdict *ruling[RULINGS];
	/* the rule that a trace showed to have ended the SYN, or our answer; NULL: none was shown */
	const struct firewall_rule *traced_syn, *traced_answer;
	/* the rule that was told to have ended an earlier packet of the attempt, by this cause; NULL: none was */
	const struct firewall_rule *acted;
	enum cause acted_by;
	/* counters around the decisive moment */
	struct window window;
	enum rst_origin origin;
	uint32_t somaxconn; /* the limit of every accept queue; 0: not known */
	uint32_t drops;   /* what the listener itself dropped since the SYN ... */
	bool drops_exact; /* ... or at least that much */
	struct listener_sample queue; /* at its fullest since the SYN */
	/* the kernel's own look-up of the 4-tuple */
	bool looked_up, found;
	struct socket_row socket;
	bool found_listener;          /* ... of ours */
	const struct listener *member; /* whom it names where several take the SYN (SO_REUSEPORT); NULL: not known */
	uint32_t members;             /* how many take it */
	bool members_full;            /* each of them */
	/* answers of the host, where they were asked for */
	bool asked_route, asked_process, asked_conntrack, asked_half_open, asked_elsewhere;
	struct routing routing;
	bool asked_forward;
	struct routing forward; /* back: the way on to the dialled address, where this host is a router */
	struct process process; /* whose listener it is, or was; of an open connection, who holds it */
	bool shared;            /* other processes hold the same socket */
	bool has_holder;        /* of the connection: holder */
	struct owner holder;
	uint32_t conntrack, conntrack_max;
	uint32_t half_open, half_open_max; /* in SYN_RECV on the port, and tcp_max_syn_backlog */
	int cookies;                       /* tcp_syncookies */
	bool elsewhere; /* somebody listens on the port in another namespace, and not on loopback there */
	enum elsewhere_reach elsewhere_reach;
	struct ip elsewhere_addr; /* by which it is reached; any: by none */
	struct socket_row elsewhere_row;
	struct owner elsewhere_owner;
	char elsewhere_netns[64];
	bool died;             /* a process of the server's name ended badly just when the connection did: */
	int32_t died_pid;
	uint32_t died_status;  /* as wait(2) has it */
	int64_t died_apart;    /* usec between its end and the connection's */
	bool asked_ports;      /* how many source ports the connections to one remote end take, of how many */
	uint32_t ports_used, ports_max;
	struct ip ports_peer;  /* that end */
	uint16_t ports_port;
	int manners;           /* of the server (enum server_manner) */
	bool limit;            /* it is known to turn clients away by a limit or a list of its own */
	bool turned_away;      /* the port has just turned others away, in a form that leaves no doubt */
	bool answers;          /* whoever asks there is answered: by what it is, or by what was seen */
	/* around the end of a connection */
	bool vanished;         /* its listener went at the same moment */
	uint32_t disconnected; /* connections of the port that were cut off from within at that moment */
	bool backend;          /* this host's own attempt failed while the connection was served: */
	struct attempt_key backend_key;
	enum outcome backend_how;
	bool backend_at_once;  /* and the connection was ended the moment that it was */
	bool backend_passed;   /* another of its attempts, begun after that one, was answered: perhaps it turned to the next one */
	uint32_t tls_answer;   /* the fewest bytes with which the port answers over TLS where no attempt failed; 0: not seen */
	struct target behind;  /* where it dialled, as far as this host has that */
	/* an open connection in which something waits */
	enum waiting waiting;
	int64_t waited;
	struct connection connection;
	bool asked_flow;
	struct tracked_flow flow; /* of connection tracking */
	bool asked_hooks;
	struct hooks hooks;
	/* an address that was asked for */
	uint32_t asked_times;
	bool claimed;        /* another host says that the address is its own; its MAC address: */
	uint8_t claimant[6];
	int64_t address_gone; /* how long ago it was taken from this host; 0: not known to have been */
	/* the peer's tries at this port */
	int64_t failures, retry_interval;
	int64_t failing, failing_for; /* one after another, and for how long */
	enum pattern pattern;
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

/* Whether a connection that a RST ended had been served: both had what they came for, and nothing failed. */
bool rules_was_served(const struct facts *f);

/* Whether a process that died took the connection with it, or a proxy had no backend for it: however it ended. */
bool rules_was_unserved(const struct facts *f);

/* Whether the peer reset it at once and without a byte, as health checks and scanners do: told once as such. */
bool rules_is_health_check(const struct facts *f);

/* What an open connection waits for, by its socket: WAITING_READER, _ANSWER or _GREETING; WAITING_NONE: nothing that is known. */
enum waiting rules_silence(const struct facts *f);

/* Whether the kernel said of this very SYN why it dropped it, and no rule has that reason. */
bool rules_unexplained(const struct facts *f);

/* Whether any rule names the cause, other than as an alternative. */
bool rules_name(enum cause c);
