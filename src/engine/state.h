/* state.h - what the engine's parts share: the tables, and the calls from one part to the next. */
#pragma once

#include "base/table.h"
#include "engine/attempt.h"
#include "engine/causes.h"
#include "engine/engine.h"
#include "engine/inner.h"
#include "engine/listeners.h"
#include "engine/reasons.h"
#include "engine/rules.h"
#include "engine/samples.h"
#include "engine/trail.h"
#include "engine/wheel.h"

enum {
	ATTEMPTS_MAX = 32768,
	PORTS_MAX = 4096,
	PORT_SILENT = 32,
	PORT_SERVED = 8,
	PEERS_MAX = 8192,
	ADDRESSES_MAX = 4096,
	TRACED_MAX = 64,     /* packets that were traced through the firewall */
	RECENT_MAX = 512,    /* refusals that a listener coming up may still explain */
	TRAIL_MAX = 65536,   /* packets of attempts, to be shown with the verdict */
	SEEN_MAX = 8192,     /* for telling a packet seen on two interfaces from two packets */
	ROLLUP_MAX = 256,    /* kinds of findings told apart within an interval ... */
	ROLLUP_WIDE = 64,    /* ... of these places, kept for kinds of any network and port */
	ROLLUP_PEERS = 32,   /* peer networks told apart per port and cause */
	PORT_LINES_MAX = 256, /* port lines per interval; the others wait for the next */
	LATE_FINS = 64,
	EXITED_KEPT = 256,
	OWN_REACHED = 256,   /* attempts of this host itself that were answered */
	AGAIN_MAX = 512,      /* lines per interval that tell an earlier finding anew */
};

/* Counters of one local port; c is what the event shows. */
struct port {
	struct event_port c;
	uint32_t half_open; /* tracked attempts before SILENT or OPEN */
	bool dirty;
	/*
	 * A listener that lives shorter than a poll is known by what it answers: the last refusal here, the first
	 * SYN-ACK after it, the last SYN-ACK of all and the last one before that refusal. 0: none.
	 */
	int64_t refused_last, served_first, served_last, served_before;
	uint32_t n_served;      /* SYN-ACKs; the times of the last ones are kept */
	int64_t served[PORT_SERVED];
	struct ip served_addr;  /* of the last SYN-ACK */
	struct ip refused_addr; /* all of these are of this address, which was refused last */
	int64_t turned_away; /* when a client was turned away at its door, beyond doubt; 0: never */
	bool answers;      /* a connection was seen on which the server sent something */
	uint32_t tls_answer; /* the fewest bytes that it sent over TLS before it closed, and no attempt had failed; 0: not seen */
	uint32_t n_silent; /* SYNs that stayed without an answer; the times of the last ones are kept */
	int64_t silent[PORT_SILENT];
};

/* What is remembered of a peer at a port, to count its tries. */
struct peer_key {
	struct ip peer;
	uint16_t port;
	uint16_t out;
};

struct peer {
	int64_t last_try, mean_interval;
	int64_t failures;  /* in this run */
	int64_t failing;   /* one after another: since it was served last */
	int64_t since;     /* the first of those */
	int64_t min_gap, max_gap;
	int64_t habit;     /* when that it only checks our health was told last; 0: not */
};

/* A refusal for want of a listener, kept so that one coming up can explain it. */
struct recent {
	struct attempt a;
	bool used;
};

struct seen {
	uint64_t hash;
	int64_t t;
	uint32_t ifindex;
};

/* Who else has a port (ASK_PORT), remembered for a moment. */
struct port_answer {
	int64_t t;
	uint16_t port;
	bool valid;
	struct answer answer;
	bool asked_elsewhere; /* and in the other namespaces */
	int64_t elsewhere_t;
	struct answer elsewhere;
};

/* Who has the target of a published port (ASK_TARGET), remembered for a moment. */
struct target_answer {
	int64_t t; /* 0: free */
	struct ip addr;
	uint16_t port;
	struct answer answer;
};

/* What packets pass (ASK_HOOKS), remembered for a moment. */
struct hooks_answer {
	int64_t t; /* 0: none */
	bool v6;
	int32_t pid;
	struct hooks hooks;
};

/* The rule that a verdict named: it may be gone when the attempt is judged again. */
struct acted {
	uint64_t id; /* of the attempt; 0: free */
	uint16_t cause;
	struct firewall_rule rule;
};

/* A closer look that was asked for. */
struct looking {
	struct look look;
	int64_t until; /* 0: free */
	int64_t since; /* the capture takes it; 0: not yet */
	uint64_t generation; /* of the list, with which it was asked for */
};

/* A connection whose end took the peer's port with it: SO_LINGER 0, or a listener's queue. */
struct disconnected {
	int64_t t;
	uint16_t port;
};

/* An attempt of this host itself that failed: what a proxy's own client may suffer from. */
struct own_failure {
	int64_t t;     /* when it was known to have: refused, or silent for so long; 0: free */
	int64_t began; /* its SYN */
	enum outcome how;
	struct attempt_key key;
};

/* A process that ended badly. */
struct exited {
	int64_t t; /* 0: free */
	int32_t pid;
	uint32_t status; /* as wait(2) has it */
	char comm[20];
};

/* A FIN of a connection that is not tracked (any more), under the key of what would answer it. */
struct late_fin {
	struct attempt_key key;
	int64_t t; /* 0: free */
};

struct engine {
	struct engine_config config;
	int64_t now;
	uint64_t next_id;
	uint32_t attempts_max, seen_max;
	struct table *attempts; /* struct attempt_key -> struct attempt */
	struct wheel *deadlines;
	uint32_t half_open;
	uint32_t timed; /* deadlines of open connections */
	struct table *ports; /* uint16_t -> struct port */
	struct table *peers; /* struct peer_key -> struct peer */
	struct listeners listeners;
	struct samples samples;
	struct reasons *reasons;
	struct inners *inners;
	struct trail *trail;
	struct ip *addresses, *addresses_before;
	size_t n_addresses;
	bool addresses_known, sockets_known;
	uint16_t whole_port; /* where not all sockets are known, those of this port are; 0: of none */
	struct recent *recent;
	size_t next_recent;
	struct seen *seen;
	struct port_answer port_answers[32];
	struct target_answer targets[16];
	size_t next_target;
	struct traced traced[TRACED_MAX];
	size_t next_traced;
	bool wants_trace;
	struct ip trace_peer;
	uint16_t trace_port;
	struct hooks_answer hooks;
	struct firewall_verdict rulings[RULINGS]; /* of the attempt that is judged */
	struct acted acted[64];
	size_t next_acted;
	struct table *rollups;
	struct event_tick totals;
	int64_t lost_t;        /* when packets were last lost; 0: never */
	int64_t next_tick;
	int again_lines; /* in this interval */
	int64_t alert_until;
	bool wants_poll;
	struct looking looks[LOOKS_MAX];
	uint64_t look_generation;
	struct disconnected disconnected[64];
	size_t next_disconnected;
	struct exited exited[EXITED_KEPT];
	size_t next_exited;
	struct late_fin late_fins[LATE_FINS];
	size_t next_late_fin;
	struct own_failure own_failures[64];
	size_t next_own_failure;
	int64_t own_reached[OWN_REACHED]; /* the SYNs of this host's attempts that got a SYN-ACK; 0: free */
	size_t next_own_reached;
	struct watch *watch;
};

bool engine_is_local(const struct engine *e, const struct ip *ip);
struct port *engine_port(struct engine *e, uint16_t port);
void engine_want_poll(struct engine *e);

/* Captures all segments between a peer and a local port (0: who asks for the address) until then. False: too many are. */
bool engine_look(struct engine *e, const struct ip *ip, uint16_t port, int64_t until);

/* Since when they are captured; 0: they are not, or not yet. */
int64_t engine_looked_since(const struct engine *e, const struct ip *ip, uint16_t port);

/* track.c: segments into attempts. */
void track_segment(struct engine *e, const struct segment *s);
void track_deadline(struct engine *e, struct attempt *a);
void track_set(struct engine *e, struct attempt *a, enum stage stage, int64_t due);
/* The attempt is open: it is looked at now and then, less often as it grows older. */
void track_open(struct engine *e, struct attempt *a);
void track_forget(struct engine *e, struct attempt *a);
void track_shift(struct engine *e, struct attempt *a, int64_t delta);

/* judge.c: what an attempt in its present stage is told as; false: wait, its deadline was set anew. */
bool judge_attempt(struct engine *e, struct attempt *a);

/* Tells of an open connection in which something waits. False: it may not be what it seemed; ask again. */
bool judge_waiting(struct engine *e, const struct connection *c, enum waiting why, int64_t waited);

/* An address that a peer asked for (ARP, neighbour solicitation), and nobody answered. */
struct unanswered {
	struct ip address, peer;
	uint32_t ifindex, times;
	int64_t first, last;
	int64_t gone;  /* when the address was taken from this host; 0: not known to */
	uint16_t port; /* of a listener bound to it; 0: none */
};

/* Another host says by ARP or neighbour discovery that an address of this one is its own. */
void judge_claim(struct engine *e, const struct segment *s);

void judge_unanswered(struct engine *e, const struct unanswered *u);

/* A listener dropped so many SYNs since, and packets are not watched: nobody knows whose. False: ask again. */
bool judge_drops(struct engine *e, const struct listener *l, int64_t since, uint32_t n);

/* Looks whether an open connection is answered. */
void judge_open(struct engine *e, struct attempt *a);

/* Tells what is not told yet of an attempt whose 4-tuple is used anew, and forgets it. */
void judge_replaced(struct engine *e, struct attempt *a);

/* Tells all that the wire has decided, with the evidence there is. */
void judge_pending(struct engine *e);
/* A port without a known listener answers: what it refused before is told anew. */
void judge_port_served(struct engine *e, uint16_t port);
void judge_listener_up(struct engine *e, const struct listener *up);

/* watch.c: what goes wrong on connections that are open, and with addresses. */
struct watch *watch_new(struct hash_key key);
void watch_free(struct watch *w);

/* Moves all times, when the clock was set. */
void watch_shift(struct watch *w, int64_t delta);

/* After a poll of listeners and counters: looks where something waits or is sent again. */
void watch_poll(struct engine *e);

/* The kernel dropped a segment that is no SYN. */
void watch_word(struct engine *e, const struct kernel_word *w);

/* A segment between a peer and a port that is looked at closely. */
void watch_segment(struct engine *e, const struct segment *s, struct attempt *a, bool from_client);
void watch_address(struct engine *e, const struct segment *s);

/* The list of local addresses has changed; before: what it was. */
void watch_addresses_changed(struct engine *e, const struct ip *before, size_t n);

struct verdict;
struct facts;

/* report.c: events, rolled up where they are many. */
struct table *report_rollups_new(struct hash_key key);
void report_rollups_free(struct table *rollups);
void report_attempt(struct engine *e, struct attempt *a, const struct facts *f,
	const struct verdict *v, bool again);
/* A RST that ended a connection which had been served: counted, and no failure. */
void report_late_reset(struct engine *e, const struct attempt *a);
void report_listener(struct engine *e, const char *what, struct listener *l);
void report_interval(struct engine *e);
void report_bye(struct engine *e, const char *reason);
