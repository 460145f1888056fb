/* ruling.h - the broker's part of ASK_FIREWALL: describes a packet and has the rules judge it. */
#pragma once

#include "broker.h"

/* Reads the ruleset, where it has changed, and judges the packet. 0, or -errno as firewall_refresh() has it. */
int ruling_read(const struct broker_request *request, struct firewall_verdict *ret);

/* Forgets all of it: for another namespace, or for good. */
void ruling_stop(void);

/* The first reading, so that the counters have a beginning. As above. */
int ruling_start(void);
