/* bench.h - a host made up for the engine's tests: its clock, sockets, counters, and who asks. */
#pragma once

#include "engine/engine.h"

#include <stddef.h>

enum {
	BENCH_ROWS = 64,
	BENCH_CLIENT_ISN = 1000,
	BENCH_SERVER_ISN = 900000,
};

/* 2023-11-14 22:13:20 UTC, and not at the start of anything. */
#define BENCH_EPOCH (INT64_C(1700000000) * USEC + 123456)

struct bench {
	struct sink sink; /* first: the engine's events come back here */
	struct engine *e;
	struct event *events; /* all but port and tick lines */
	size_t n, cap;
	uint64_t total;         /* lines of every kind */
	struct event_tick tick; /* the last one */
	struct event_port ports[65536];
	int64_t t;             /* the clock */
	int64_t poll_interval; /* between polls that nobody asked for */
	int64_t last_poll, next_poll;
	struct socket_row rows[BENCH_ROWS];
	size_t n_rows;
	struct counters counters;
	struct answer port_answer;
	struct routing routing; /* the answer to ASK_ROUTE */ /* to ASK_PORT; not complete: refuse */
	/* to ASK_LOOKUP; NULL: the listener of that port, or nothing */
	bool (*lookup)(struct bench *b, const struct question *q, struct answer *ret);
	unsigned int asked_port, asked_lookup;
	bool no_polls, negative; /* negative: a counter was seen below zero */
};

/* With 198.51.100.2 and 2001:db8::2 as its addresses, TTL 64, and nothing listening. */
struct bench *bench_new(void);
struct bench *bench_new_with(const struct engine_config *config);
void bench_free(struct bench *b);

/* Passes time as the program would: deadlines every 20 ms, polls each interval and when wanted. */
void bench_run(struct bench *b, int64_t usec);

/* Reads the sockets and counters now. */
void bench_poll(struct bench *b);

/* A listener that is there from now on; returns its row. */
struct socket_row *bench_listen(struct bench *b, const char *addr, uint16_t port);

/* It goes, by its place in rows; polls will tell. */
void bench_unlisten(struct bench *b, uint16_t port);

/* A connection to be, seen from its client. */
struct flow {
	struct ip client, server;
	uint16_t sport, dport;
	uint32_t isn, server_isn;
	uint8_t ttl; /* of what the server sends */
	uint32_t ifindex;
	bool out; /* this host is the client */
};

struct flow flow_in(const char *client, uint16_t sport, const char *server, uint16_t dport);
struct flow flow_out(const char *server, uint16_t dport, uint16_t sport);

void flow_syn(struct bench *b, const struct flow *f);
void flow_syn_ack(struct bench *b, const struct flow *f);
void flow_rst_to_syn(struct bench *b, const struct flow *f); /* [R.] from the server's side */
void flow_icmp(struct bench *b, const struct flow *f, const char *from, uint8_t type, uint8_t code);

/* From the client or the server, past the handshake: so many bytes sent by each so far. */
void flow_send(struct bench *b, const struct flow *f, bool by_client, uint8_t flags,
	uint32_t client_bytes, uint32_t server_bytes);

/* SYN, and a RST by this host's own stack, which counts it. */
void flow_refused(struct bench *b, const struct flow *f);

/* The destroy multicast names this listener. */
void bench_gone(struct bench *b, uint64_t cookie);

/* The last line about this port (0: any) that is an attempt or a reset; NULL: none. */
const struct event_attempt *bench_attempt(const struct bench *b, uint16_t port);
size_t bench_attempts(const struct bench *b, uint16_t port); /* how many such lines */

/* The sum of count over attempts and resets, the last line of each id only. */
int64_t bench_told(const struct bench *b, uint16_t port);
