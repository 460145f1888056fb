/* bench.h - a host made up for the engine's tests: its clock, sockets, counters, and who asks. */
#pragma once

#include "engine/engine.h"

#include <stddef.h>

enum {
	BENCH_ROWS = 64,
	BENCH_CONNECTIONS = 16,
	BENCH_CLIENT_ISN = 1000,
	BENCH_SERVER_ISN = 900000,
};

/* 2023-11-14 22:13:20 UTC, and not at the start of anything. */
#define BENCH_EPOCH (INT64_C(1700000000) * USEC + 123456)

/* Who dials, and whom. */
#define PEER  "203.0.113.7"
#define HOST  "198.51.100.2"
#define PEER6 "2001:db8:77::1"
#define HOST6 "2001:db8::2"

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
	/* The answers to what the engine asks. */
	struct answer port_answer; /* to ASK_PORT; not complete: refuse */
	/* to ASK_LOOKUP; NULL: the listener of that port, or nothing */
	bool (*lookup)(struct bench *b, const struct question *q, struct answer *ret);
	struct routing routing;     /* to ASK_ROUTE; in unknown: refuse */
	const struct process *process; /* to ASK_PROCESS; NULL: refuse */
	struct connection connections[BENCH_CONNECTIONS]; /* to ASK_CONNECTIONS, of the port that is asked for */
	size_t n_connections;
	bool no_connections;                /* refuse */
	uint32_t half_open, half_open_max;  /* to ASK_HALF_OPEN; a limit of 0: refuse */
	int cookies;
	struct answer connection; /* ASK_CONNECTION; not found: the question is not answered */
	struct answer elsewhere;            /* to ASK_ELSEWHERE; not complete: refuse */
	struct answer target;               /* to ASK_TARGET; not complete: refuse */
	struct firewall_verdict firewall;   /* to ASK_FIREWALL; not complete: refuse */
	struct hooks hooks;                 /* to ASK_HOOKS; not netfilter_known: refuse */
	struct tracked_flow flow;           /* to ASK_FLOW ... */
	bool flow_known;                    /* ... or refuse */
	uint32_t conntrack, conntrack_max;  /* to ASK_CONNTRACK; a limit of 0: refuse */
	unsigned int asked[ASK_CONNTRACK + 1]; /* how often, by kind */
	struct question last_walk;             /* the last ASK_CONNECTIONS */
	bool no_looks; /* the capture takes none of those that are asked for */
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

/* The addresses of this host from now on. */
void bench_addresses(struct bench *b, const char *const *addrs, size_t n);

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

/* The same with payload: so many bytes from where the last ones ended. */
void flow_data(struct bench *b, const struct flow *f, bool by_client, uint32_t client_bytes, uint32_t server_bytes,
	uint16_t payload);

/* The first segment with other flags than a SYN's. */
/* A segment with data that begin so. */
void flow_say(struct bench *b, const struct flow *f, bool by_client, uint32_t client_bytes, uint32_t server_bytes,
	enum speech speech, uint16_t payload);

void flow_odd(struct bench *b, const struct flow *f, uint8_t flags);

/* A SYN whose frame was for another, or whose checksums are wrong. */
void flow_syn_with(struct bench *b, const struct flow *f, enum segment_way way, bool bad_ip_sum, bool bad_tcp_sum);

/* An ICMP error of the peer's side about our SYN-ACK. */
void flow_icmp_to_answer(struct bench *b, const struct flow *f, const char *from, uint8_t type, uint8_t code);

/* A peer asks for an address (ARP, neighbour solicitation), or somebody says that it is there. */
void bench_who_has(struct bench *b, const char *addr, const char *peer);
void bench_is_at(struct bench *b, const char *addr);

/* SYN, and a RST by this host's own stack, which counts it. */
void flow_refused(struct bench *b, const struct flow *f);

/* The destroy multicast names this listener. */
void bench_gone(struct bench *b, uint64_t cookie);

/* The listener of this port belongs to this process; a poll must have shown it. */
void bench_own(struct bench *b, uint16_t port, const char *comm, int32_t pid);

/* A connection that the host has from now on (ASK_CONNECTIONS), accepted and healthy. */
struct connection *bench_connect(struct bench *b, const struct flow *f);

/* The destroy multicast names this connection, with what is set in it. */
void bench_destroyed(struct bench *b, const struct flow *f, const struct connection *c);

/* Whether all between this peer and the port, or who asks for the address (port 0), is captured. */
bool bench_looks_at(const struct bench *b, const char *addr, uint16_t port);

/* What most stories begin with: a flow of PEER to HOST, a host after its first polls. */
struct flow flow_to(uint16_t port);
struct bench *bench_ready(void);

/* A listener on port 80 and a connection to it, accepted; look: and the kernel still has it. */
struct bench *bench_connected(struct flow *f, bool look);

/* Answers to ASK_LOOKUP: a connection in this state; held: and a process has it. */
bool answers_syn_recv(struct bench *b, const struct question *q, struct answer *ret);
bool answers_open(struct bench *b, const struct question *q, struct answer *ret);
bool answers_open_held(struct bench *b, const struct question *q, struct answer *ret);
bool answers_time_wait(struct bench *b, const struct question *q, struct answer *ret);
bool answers_syn_sent(struct bench *b, const struct question *q, struct answer *ret);
bool answers_nothing(struct bench *b, const struct question *q, struct answer *ret); /* there is none */
bool answers_not(struct bench *b, const struct question *q, struct answer *ret);     /* it cannot be asked */

/* Fails unless the last word about the port is this; returns it. */
const struct event_attempt *told_as(const struct bench *b, uint16_t port, const char *outcome, const char *cause,
	const char *confidence, const char *sees);
bool has_alternative(const struct event_attempt *a, const char *cause);

/* The last line about this port (0: any) that is an attempt or a reset; NULL: none. */
const struct event_attempt *bench_attempt(const struct bench *b, uint16_t port);
size_t bench_attempts(const struct bench *b, uint16_t port); /* how many such lines */

/* The sum of count over attempts and resets, the last line of each id only. */
int64_t bench_told(const struct bench *b, uint16_t port);
