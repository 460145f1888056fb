/* broker.h - the privileged half: starts the worker, answers its few questions, reads no packet. */
#pragma once

#include "collect/bound.h"
#include "collect/namespaces.h"
#include "collect/owner.h"

#include <stddef.h>

/*
 * Theory of operation
 *
 * main opens what needs privilege, then broker_run() forks. The child, the worker, keeps the open
 * descriptors, drops to an ordinary user without capabilities, and does everything that touches bytes
 * from outside. The parent, the broker, keeps the privileges and answers requests of fixed size over a
 * SOCK_SEQPACKET pair. Whichever dies, the other notices at once: the broker by SIGCHLD, and restores
 * the terminal if the worker could not; the worker by the end of the socket, and by PR_SET_PDEATHSIG.
 *
 * Seccomp and Landlock belong into worker_confine(), after the drop.
 */

enum broker_kind {
	BROKER_OWNERS,    /* who holds these inodes */
	BROKER_PROCESS,   /* what a process is doing */
	BROKER_ELSEWHERE, /* who listens on a port in another network namespace */
	BROKER_TRACE,     /* trace the SYNs of a peer to a port; or, with port 0, no more */
	BROKER_TRACED,    /* without a question: what became of one */
	BROKER_FIREWALL,  /* what the firewall's rules do with a packet */
	BROKER_FLOW,      /* what connection tracking knows of a connection */
	BROKER_HOOKS,     /* which BPF programs packets pass */
	BROKER_RULESET,   /* how large the firewall's ruleset is, and its generation; not waited for */
	BROKER_BOUND,     /* which TCP sockets have a port and do not listen, on kernels that do not dump them */
	BROKER_TARGET,    /* which namespace has an address, and who listens on the port there */
};

/* What the worker asks. */
struct broker_request {
	uint32_t kind;
	uint32_t n;
	uint32_t inodes[OWNER_BATCH];
	int32_t pid;
	uint16_t port;
	uint16_t peer_port;
	struct ip addr, peer;
	uint32_t ifindex;
	uint8_t ruling, ttl; /* enum ruling */
	bool out;
	bool v6;
};

struct broker_reply {
	uint32_t kind;
	uint32_t n;
	struct owner_record owners[OWNER_BATCH];
	struct process process;
	struct elsewhere_record elsewhere;
	struct bound_list bound;
	struct hooks hooks;
	struct tracked_flow flow;
	struct firewall_verdict firewall;
	struct traced traced;
	char why[160];
	int32_t error; /* 0, or -errno */
};

struct watchers;

/* What the terminal needs to be usable again; made by ui/ before the split. */
struct terminal_state;

struct broker_hooks {
	/* The worker's whole life, in the child. socket: to the broker. Returns its exit status. */
	int (*worker)(void *ctx, int socket);
	/* In the parent, when the worker has ended: puts right what it may have left undone. */
	void (*restore)(void *ctx);
	/* In the parent, when the worker has begun; NULL: nothing. */
	void (*begin)(void *ctx);
	void *ctx;
	bool quiet; /* a watcher's: what becomes of its worker is nobody's news */
	struct watchers *watchers; /* of other namespaces; NULL: none */
	int desk[2]; /* desk_open(); 0: nothing is written for the user */
};

/* Forks, serves the worker until it ends, and returns the exit status of the whole program. */
int broker_run(const struct broker_hooks *hooks);

/*
 * Gives up every privilege for good: user SUDO_UID or nobody, no groups, no capabilities, no new
 * privileges. Only from a single thread. 0 or -errno; after a failure the caller must not go on.
 */
int worker_confine(void);

/* "user 1000, no capabilities, no new privileges": as /proc/self/status has it now. Returns buf. */
const char *worker_describe(char *buf, size_t size);
