/* store.h - what the screens read: built from events alone, so that live, recorded and remote look alike. */
#pragma once

#include "base/table.h"
#include "event/event.h"
#include "store/history.h"

enum {
	STORE_FINDINGS = 1024,
	STORE_PORTS = 4096,
	STORE_LISTENERS = 65536, /* memory is touched as they come */
	STORE_GONE = 2048,       /* that went and are remembered */
	STORE_CHAINS = 16384,    /* of listeners, by place */
	STORE_PEERS = 4096,
	STORE_NETNS = 256,   /* names of network namespaces */
	STORE_FACTS = 256,   /* of the host itself */
	STORE_SERVED = 2048, /* attempts told as served, remembered for a while */
};

/*
 * Where something is: a port in a network namespace, as one number. In the main namespace it is the port itself; of
 * the others each has a number above it (store_place()).
 */
#define STORE_PORT(place) ((place) & 0xffff)

struct store_listener {
	int64_t place;
	struct event_listener l;
	bool found;          /* it was there when the watch began: since then at the latest */
	int64_t since, gone; /* gone 0: live */
	uint32_t next, before; /* 1 + the index of its neighbours in the chain of its place; 0: none */
};

struct store_port {
	int64_t place;
	struct event_port c;      /* cumulative */
	struct event_port before; /* at the last tick */
	int64_t syn_rate;         /* SYNs a second, over the last interval */
	uint64_t last_line;       /* tick number of its last port line */
	uint64_t finding;         /* number of its last failure's finding; 0: none */
	uint32_t listeners;       /* live ones ... */
	int64_t best;             /* ... and the id of the one that reaches farthest; 0: none */
	int64_t last_up, last_down; /* when a listener came or went; 0: never */
	uint32_t ups, downs;      /* how often, since the watch began */
};

/* A line of the log: an attempt or reset that failed, or a listener that came or went. */
struct store_finding {
	uint64_t number; /* counts up from 1 */
	int64_t place;
	int64_t t;
	enum event_type type;
	union {
		struct event_attempt attempt;
		struct event_listener listener;
	};
};

struct store_peer_key {
	int64_t place;
	char peer[IP_TEXT];
};

struct store_peer {
	int64_t place;
	int64_t accepted, failed;
	int64_t last, last_failure; /* times; 0: never */
	int64_t retry_interval, failing_for;
	uint64_t finding; /* number of its last failure's; 0: none */
	char cause[32], pattern[12];
	char dir[4];
};

/* An attempt that was told as served: a later line may say that it was not. */
struct store_served {
	int64_t id, place; /* id 0: none */
};

/* What the host is like; as struct event_host. */
struct store_fact {
	struct event_host f;
	int64_t t;       /* when it was told last */
	bool changed;    /* since the watch began */
};

struct store {
	struct sink sink;
	struct event_hello hello;
	struct event_source sources[SOURCE_COUNT];
	struct event_tick totals;
	int64_t now, started, last_tick;
	uint64_t ticks, changes; /* changes counts whatever a screen may show ... */
	uint64_t news;           /* ... and news what should not wait for the next interval */
	bool ended;
	char ended_why[64];
	char netns[STORE_NETNS][32]; /* [0]: the main one */
	int64_t n_netns;
	struct table *ports;     /* int64_t place -> struct store_port */
	struct table *listeners; /* int64_t id -> struct store_listener */
	uint32_t *chains;        /* STORE_CHAINS: 1 + the index of the first listener; 0: none */
	int64_t *went;           /* STORE_GONE: ids of those that went last; 0: none */
	size_t next_went;
	struct table *peers;     /* struct store_peer_key -> struct store_peer */
	struct store_finding *findings;
	struct history *history; /* by place */
	struct store_fact *facts;
	struct store_served served[STORE_SERVED]; /* by id */
	size_t n_facts;
	uint64_t n_findings; /* ever; the last STORE_FINDINGS are kept */
};

/* NULL with errno. The store is a sink for events. */
struct store *store_new(void);
void store_free(struct store *s);

/* Touches all of its memory, so that use does not make the process grow. */
void store_warm(struct store *s);

/* Makes to what from is, as a sink too. Numbers and places mean the same in both; pointers do not. */
void store_copy(struct store *to, const struct store *from);

/* The finding with this number; NULL when it is too old. */
const struct store_finding *store_finding(const struct store *s, uint64_t number);

/* The namespace of a place; "" for the main one. */
const char *store_netns(const struct store *s, int64_t place);

/* The port's record, or NULL. */
const struct store_port *store_port(const struct store *s, int64_t place);

/* The port's live listener that reaches farthest, or NULL. */
const struct store_listener *store_listener(const struct store *s, int64_t place);

/* Live and gone listeners of a port, one after another: NULL starts and ends. */
const struct store_listener *store_next_listener(const struct store *s, int64_t place,
	const struct store_listener *after);

/* What is known of a peer at a place, or NULL. */
const struct store_peer *store_peer(const struct store *s, int64_t place, const char *peer);

/* Whether an attempt or reset tells of something that went wrong. */
bool store_is_failure(const struct event *ev);
