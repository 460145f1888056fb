/* conntrack.h - what connection tracking knows of one flow: for who has CAP_NET_ADMIN. */
#pragma once

#include "fact.h"

/*
 * Looks one TCP flow up in the table of the calling thread's namespace, by its ends as the client's packets have them on
 * the wire. 0 with *ret; -ENOENT when it is not tracked; -EPERM without CAP_NET_ADMIN; -errno otherwise, -EPROTONOSUPPORT
 * where there is no connection tracking.
 */
int conntrack_find(const struct ip *client, uint16_t client_port, const struct ip *server, uint16_t server_port,
	struct tracked_flow *ret);
