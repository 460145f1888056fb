/* ruling.h - the broker's part of ASK_FIREWALL: describes a packet and has the rules judge it. */
#pragma once

#include "broker.h"

/* Reads the ruleset, where it has changed, and judges the packet. 0, or -errno as firewall_refresh() has it. */
int ruling_read(const struct broker_request *request, struct firewall_verdict *ret);

/* The ruleset in words: "generation 7, 12 rules, 3 elements of sets". 0, or -errno as firewall_refresh() has it. */
int ruling_ruleset(char *words, size_t size);

/*
 * Starts a trace of the peer's SYNs to the port, in place of one that runs; port 0: ends it. It ends by itself after a
 * while. 0, or -errno with a sentence in why.
 */
int ruling_trace(const struct broker_request *request, char *why, size_t size);

/* Readable when the trace has something to tell; -1: there is none. */
int ruling_trace_fd(void);

/* What became of the next traced packet. False: nothing more is known now. */
bool ruling_traced(struct traced *ret);

/* In a child by fork(2): forgets all of it and leaves a trace to the parent. */
void ruling_abandon(void);

/* Forgets all of it, and ends a trace. */
void ruling_stop(void);

/* The first reading, so that the counters have a beginning. As above. */
int ruling_start(void);
