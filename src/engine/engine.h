/* engine.h - facts and a clock in, events out: tracks every attempt and says why it failed. */
#pragma once

#include "base/hash.h"
#include "event/event.h"
#include "fact.h"

struct engine;

struct engine_config {
	struct hash_key key;
	struct sink *sink;
	int64_t interval; /* microseconds between tick events */
	const char *netns;
	uint8_t ttl; /* net.ipv4.ip_default_ttl; 0: 64 */
	uint32_t somaxconn; /* net.core.somaxconn; 0: not known */
	bool trace;      /* failing peers may be traced through the firewall */
	bool small;      /* an eighth of the memory: for one of many namespaces */
	bool kernel;     /* the kernel's own words are heard */
	bool no_packets; /* nothing is captured: sockets and counters are all there is */
	bool filtered; /* by the user's expression */
	bool partial;  /* the capture does not see every RST of the host: an interface or a filter was chosen */
	/*
	 * Asks the host (ASK_LOOKUP, ASK_PORT): true with *ret_answer. May refuse, when asked too often or
	 * when nothing can be known; the verdict is then less sure. NULL: nothing can be asked.
	 */
	bool (*ask)(void *ctx, const struct question *q, struct answer *ret_answer);
	/* The name of an interface; NULL: none are known. */
	const char *(*interface)(void *ctx, uint32_t ifindex, char buf[static 32]);
	void *ctx;
};

/* All memory is taken here. NULL with errno. */
struct engine *engine_new(const struct engine_config *config);

/* Touches all of it, which takes milliseconds, so that a flood does not make the process grow. */
void engine_warm(struct engine *e);

/* The kernel's own words are heard from now on. */
void engine_hear_kernel(struct engine *e);
void engine_free(struct engine *e);

/* A packet. Segments of one capture come in order of time; several captures may interleave a little. */
void engine_segment(struct engine *e, const struct segment *s);

/* The kernel's word on a packet; comes before engine_advance() to the moment at which it was read. */
void engine_kernel(struct engine *e, const struct kernel_word *w);

/* What a trace told of a packet. */
void engine_traced(struct engine *e, const struct traced *t);

/* Whether the SYNs of a peer to a port should be traced through the firewall now; once for each wish. */
bool engine_wants_trace(struct engine *e, struct ip *ret_peer, uint16_t *ret_port);

/* A complete LISTEN snapshot made at t. */
void engine_sockets(struct engine *e, int64_t t, const struct socket_row *rows, size_t n);

/* A snapshot that has not all of them, but all of one port (0: of none): of others an absence proves nothing. */
void engine_sockets_some(struct engine *e, int64_t t, const struct socket_row *rows, size_t n, uint16_t whole);

/* The listeners cannot be read now: an absence proves nothing until the next snapshot. */
void engine_sockets_unknown(struct engine *e);

/* The destroy multicast told of this socket at t: a listener, or a connection that did not end well. */
void engine_socket_gone(struct engine *e, int64_t t, const struct connection *c);

/* What is to be captured besides: up to LOOKS_MAX into ret, their number, and a generation that changes with them. */
size_t engine_looks(const struct engine *e, struct look *ret, uint64_t *ret_generation);

/* By now the capture takes all that were asked for up to this generation. */
void engine_looks_taken(struct engine *e, int64_t t, uint64_t generation);

/* The owner of the listening socket with this inode; pid 0 when nobody was found. */
void engine_owner(struct engine *e, uint32_t inode, const struct owner *o);

/* A sample of the counters. */
void engine_counters(struct engine *e, const struct counters *c);

/* All local addresses (of one moment); known is false when they cannot be had. */
void engine_addresses(struct engine *e, const struct ip *addrs, size_t n, bool known);

/* Packets received and lost so far, by the capture's own count. */
void engine_capture_stats(struct engine *e, uint64_t received, uint64_t lost);

/* Runs every deadline up to now and emits what became known. */
void engine_advance(struct engine *e, int64_t now);

/* Whether a poll of sockets and counters is wanted now, for a verdict that waits for it. */
bool engine_wants_poll(struct engine *e);

/* Whether deadlines are pending, so that engine_advance() should be called every 50 ms or so. */
bool engine_is_busy(const struct engine *e);

/* Whether something failed lately, so that listeners should be watched more closely than usual. */
bool engine_is_alert(const struct engine *e);

/* The hello line, and the last one. */
void engine_hello(struct engine *e, int64_t t, const struct event_hello *hello);
void engine_bye(struct engine *e, int64_t t, const char *reason);

/* What the host is like, or has become: clean text. */
void engine_host(struct engine *e, int64_t t, const char *kind, const char *name, const char *value, const char *note);

/* A source changed its state: clean text. */
void engine_source(struct engine *e, int64_t t, enum source source, enum source_state state,
	const char *why);
