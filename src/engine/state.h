/* state.h - what the engine's parts share: the tables, and the calls from one part to the next. */
#pragma once

#include "base/table.h"
#include "engine/attempt.h"
#include "engine/causes.h"
#include "engine/engine.h"
#include "engine/listeners.h"
#include "engine/samples.h"
#include "engine/wheel.h"

enum {
	ATTEMPTS_MAX = 32768,
	PORTS_MAX = 4096,
	PORT_SILENT = 32,
	PEERS_MAX = 8192,
	ADDRESSES_MAX = 4096,
	RECENT_MAX = 512,    /* refusals that a listener coming up may still explain */
	SEEN_MAX = 8192,     /* for telling a packet seen on two interfaces from two packets */
	ROLLUP_MAX = 256,    /* kinds of findings told apart within an interval ... */
	ROLLUP_WIDE = 64,    /* ... of these places, kept for kinds of any network and port */
	ROLLUP_PEERS = 32,   /* peer networks told apart per port and cause */
	PORT_LINES_MAX = 256, /* port lines per interval; the others wait for the next */
	AGAIN_MAX = 512,      /* lines per interval that tell an earlier finding anew */
};

/* Counters of one local port; c is what the event shows. */
struct port {
	struct event_port c;
	uint32_t half_open; /* tracked attempts before SILENT or OPEN */
	bool dirty;
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
	int64_t failures;
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
};

struct engine {
	struct engine_config config;
	int64_t now;
	uint64_t next_id;
	struct table *attempts; /* struct attempt_key -> struct attempt */
	struct wheel *deadlines;
	uint32_t half_open;
	struct table *ports; /* uint16_t -> struct port */
	struct table *peers; /* struct peer_key -> struct peer */
	struct listeners listeners;
	struct samples samples;
	struct ip *addresses;
	size_t n_addresses;
	bool addresses_known, sockets_known;
	struct recent *recent;
	size_t next_recent;
	struct seen *seen;
	struct port_answer port_answers[32];
	struct table *rollups;
	struct event_tick totals;
	int64_t lost_t;        /* when packets were last lost; 0: never */
	int64_t next_tick;
	int again_lines; /* in this interval */
	int64_t alert_until;
	bool wants_poll;
};

bool engine_is_local(const struct engine *e, const struct ip *ip);
struct port *engine_port(struct engine *e, uint16_t port);
void engine_want_poll(struct engine *e);

/* track.c: segments into attempts. */
void track_segment(struct engine *e, const struct segment *s);
void track_deadline(struct engine *e, struct attempt *a);
void track_set(struct engine *e, struct attempt *a, enum stage stage, int64_t due);
void track_forget(struct engine *e, struct attempt *a);
void track_shift(struct engine *e, struct attempt *a, int64_t delta);

/* judge.c: what an attempt in its present stage is told as; false: wait, its deadline was set anew. */
bool judge_attempt(struct engine *e, struct attempt *a);

/* Tells what is not told yet of an attempt whose 4-tuple is used anew, and forgets it. */
void judge_replaced(struct engine *e, struct attempt *a);

/* Tells all that the wire has decided, with the evidence there is. */
void judge_pending(struct engine *e);
void judge_listener_up(struct engine *e, const struct listener *up);

struct verdict;
struct facts;

/* report.c: events, rolled up where they are many. */
struct table *report_rollups_new(struct hash_key key);
void report_attempt(struct engine *e, struct attempt *a, const struct facts *f,
	const struct verdict *v, bool again);
void report_listener(struct engine *e, const char *what, struct listener *l);
void report_interval(struct engine *e);
void report_bye(struct engine *e, const char *reason);
