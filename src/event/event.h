/*
 * event.h - what the program knows, as a stream: the only thing that the store, the screens, the
 * recordings and the --json output are made from. Schema 1; see tcpwhy(8), EVENT STREAM.
 *
 * All text in an event is clean (base/text.h). Times are microseconds since the epoch.
 */
#pragma once

#include "fact.h"

#include <stdint.h>

enum {
	EVENT_SCHEMA = 1,
	EVENT_EVIDENCE = 12,
	EVENT_ALTERNATIVES = 8,
	EVENT_STEPS = 16,
};

enum event_type {
	EVENT_HELLO,
	EVENT_SOURCE,
	EVENT_LISTENER,
	EVENT_ATTEMPT,
	EVENT_RESET,
	EVENT_PORT,
	EVENT_HOST,
	EVENT_TICK,
	EVENT_BYE,
	EVENT_TYPE_COUNT,
};

struct event_state {
	char state[12];
	char why[160];
};

struct event_hello {
	int64_t schema;
	char version[24], host[72];
	struct event_state sources[SOURCE_COUNT];
};

struct event_source {
	char source[12];
	struct event_state s;
	int64_t received, lost;
};

struct event_owner {
	int64_t pid;
	char comm[64], cmdline[128], user[40], unit[64], container[64];
};

struct event_listener {
	int64_t id; /* of the socket; the same in its later lines */
	char event[8]; /* found, up, down, change */
	char netns[32], proto[8], family[8], addr[IP_TEXT], reach[12], device[32];
	int64_t port, queue, queue_max;
	struct event_owner owner;
};

struct event_evidence {
	char source[12];
	char text[200];
};

/* A packet of an attempt, or what was done to one in between. */
struct event_step {
	char by[10]; /* who sent or did it: peer, host, router; kernel, firewall, listener; more (left out) */
	int64_t t;
	char flags[8]; /* of a TCP segment, as tcpdump writes them: "S.", or "none"; "": it is none */
	int64_t seq, ack, length, window, ttl;
	char text[144];
};

/* attempt and reset share this; by is empty in an attempt. */
struct event_attempt {
	int64_t id; /* a later line with the same id replaces this one */
	int64_t first, last;
	char dir[4], netns[32], iface[32], peer[IP_TEXT], addr[IP_TEXT];
	int64_t peer_port, port;
	int64_t ports, port_low, port_high; /* of attempts at several ports, of which port is one: how many were dialled, and from which to which; ports 0: none */
	char outcome[16], cause[32], confidence[12], client_sees[16], by[8];
	int64_t syns, count;
	int64_t failures;       /* of this peer at this port in this run, this one included */
	int64_t retry_interval; /* mean time between the peer's tries, microseconds; 0: no retries */
	int64_t failing_for;    /* since the first of these failures, microseconds */
	char pattern[12];       /* of the tries: "" (too few), periodic, bursts, irregular */
	char alternatives[EVENT_ALTERNATIVES][32];
	struct event_evidence evidence[EVENT_EVIDENCE];
	struct event_step steps[EVENT_STEPS]; /* in order of time */
	char summary[400], advice[1200], client_words[256];
	struct event_owner owner;
};

struct event_port {
	char netns[32];
	int64_t port;
	int64_t syn, synack, accepted, refused, reset, silent, unreachable, unfinished;
	int64_t fin_in, fin_out, rst_in, rst_out, icmp_in, icmp_out;
	int64_t late_reset; /* by a RST when all had been served: no failure */
};

/* What the host itself is like; the same kind and name again replaces. */
struct event_host {
	char netns[32];
	char kind[12]; /* interface, sysctl, counter, firewall; forecast (-x) */
	char name[64], value[96], note[120];
};

struct event_tick {
	int64_t attempts, accepted, refused, reset, silent, unreachable, unfinished, cancelled;
	int64_t received, lost, evicted, untracked, tracked, rolled_up, late_reset;
};

struct event_bye {
	char reason[64];
	struct event_tick totals;
};

struct event {
	enum event_type type;
	int64_t t;
	union {
		struct event_hello hello;
		struct event_source source;
		struct event_listener listener;
		struct event_attempt attempt; /* and reset */
		struct event_port port;
		struct event_host host;
		struct event_tick tick;
		struct event_bye bye;
	};
};

/* Whoever takes events. Events are lent for the call. */
struct sink {
	void (*event)(struct sink *sink, const struct event *ev);
};

enum field_kind {
	FIELD_INT,    /* int64_t */
	FIELD_TIME,   /* int64_t in microseconds, written as seconds with six decimals */
	FIELD_TEXT,   /* char[size] */
	FIELD_OBJECT, /* a struct, described by sub */
	FIELD_OBJECTS, /* an array of max structs of size bytes, ended by one that starts with NUL */
	FIELD_TEXTS,  /* an array of max char[size], ended by an empty one */
	FIELD_INLINE, /* the fields of a struct, without an object of their own */
};

/* A field of an event, as the writer and the reader both use it. */
struct field {
	const char *name;
	enum field_kind kind;
	size_t offset, size, max;
	const struct field *sub;
	bool optional; /* left out when empty, or zero */
};

struct event_description {
	const char *name;
	const struct field *fields; /* ended by a NULL name */
};

extern const struct event_description event_descriptions[EVENT_TYPE_COUNT];
