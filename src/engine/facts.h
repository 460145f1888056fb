/* facts.h - what is known of an attempt, gathered for the rules: from the tables, the samples, and the host. */
#pragma once

#include "engine/report.h"
#include "engine/rules.h"
#include "engine/state.h"

/* What the engine's own tables say, in the attempt's present stage. */
void facts_gather(struct engine *e, const struct attempt *a, struct facts *f);

/* Whether a counter rose between the two samples around the moment that counts. */
/* Keeps the rule that the verdict names, for when the attempt is judged again by other rules. */
void facts_remember_rule(struct engine *e, const struct facts *f, enum cause cause);

bool facts_moved(const struct facts *f, enum counter c);

/*
 * Each of these asks the host one question and adds the answer to the facts; what is refused or not known leaves
 * the fact that it was asked for unset.
 */
void facts_look_up(struct engine *e, struct facts *f);          /* the 4-tuple */
void facts_look_up_listener(struct engine *e, struct facts *f); /* and which of several listeners it is */
void facts_ask_port(struct engine *e, struct facts *f);         /* who else has the port */
void facts_ask_elsewhere(struct engine *e, struct facts *f);    /* who listens in another namespace */
void facts_ask_route(struct engine *e, struct facts *f);
void facts_ask_ports(struct engine *e, struct facts *f);        /* whether a source port is left */
void facts_ask_behind(struct engine *e, struct facts *f);       /* who is there where a proxy dialled in vain */
void facts_ask_target(struct engine *e, struct facts *f);       /* who is there where NAT leads to */
void facts_ask_firewall(struct engine *e, struct facts *f, enum ruling ruling); /* what its rules do with a packet */
void facts_ask_forward(struct engine *e, struct facts *f);      /* the way on, where this host is a router */
void facts_ask_half_open(struct engine *e, struct facts *f);
void facts_ask_why_dropped(struct engine *e, struct facts *f);  /* whatever the counters point at */
void facts_ask_process(struct engine *e, struct facts *f, const struct listener *l);
void facts_ask_holder(struct engine *e, struct facts *f, uint32_t inode);

/* What connection tracking knows of the connection, and which BPF programs and others its packets pass. */
void facts_ask_flow(struct engine *e, struct facts *f);
void facts_ask_hooks(struct engine *e, struct facts *f);

/* In whose queue a connection waits, of several listeners that take it. False: not known. */
bool facts_choose_waiting(struct engine *e, struct facts *f);

/* What else happened to the port when the connection ended, and which attempt of this host's own failed before. */
void facts_look_around_end(struct engine *e, struct facts *f);
void facts_find_backend(struct engine *e, struct facts *f);

/* More silent SYNs than the listener dropped: some of them never reached it. */
bool facts_some_missed_listener(struct engine *e, const struct facts *f);
