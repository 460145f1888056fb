/* routes.h - what routing does with a packet, and with the answer to it: over rtnetlink. */
#pragma once

#include "fact.h"

/*
 * Theory of operation
 *
 * RTM_GETROUTE with an input interface runs the input check itself (net/ipv4/route.c inet_rtm_getroute,
 * v6.18): its error is the reason for which a packet is dropped on its way in. The same request without
 * one gives the way back, and RTM_GETNEIGH whether its next hop answers ARP or neighbour solicitations.
 * IPv6 has no such input check: there a local address and the forwarding setting decide. Nothing here
 * needs a privilege.
 */
struct routes;

/* NULL with errno. The namespace is that of the calling thread. */
struct routes *routes_new(void);
void routes_free(struct routes *r);

/* Of a packet from q->peer to q->addr that came in by q->ifindex. 0, or -errno. */
int routes_ask(struct routes *r, const struct question *q, struct routing *ret);
