/* sockdiag.h - the kernel's socket table, over netlink sock_diag. */
#pragma once

#include "fact.h"

#include <stddef.h>

/*
 * Theory of operation
 *
 * A dump asked for LISTEN alone walks the listening hash only: 0.06 ms, however many connections there
 * are (net/ipv4/inet_diag.c inet_diag_dump_icsk, v6.18). Every other state walks the established table,
 * which all namespaces share, so those dumps are made on demand only. An exact, non-dump request runs the
 * kernel's own look-up and needs microseconds.
 *
 * The destroy multicast tells the moment a socket goes, with its last tcp_info. A filter in the kernel lets
 * through what is worth a look: listeners, bound and disconnected sockets (no peer port; tcp_disconnect()
 * clears it, as SO_LINGER 0 and a closed listener's queue do), and connections that ended with unread or
 * unacknowledged data, retransmissions or unanswered probes. A healthy connection never gets past it.
 *
 * inet_diag never says that a dump was interrupted, so rows are deduplicated by cookie, and one absence
 * is no proof. Nothing here needs a privilege.
 */
struct sockdiag;

/* NULL with errno. The namespace is that of the calling thread. */
struct sockdiag *sockdiag_new(void);
void sockdiag_free(struct sockdiag *sd);

/*
 * All TCP listeners, of both families. 0 with *ret_n rows in rows (max at most), or -errno: -ENOSPC when
 * there are more than max (rows and *ret_n are filled all the same), -EAGAIN when the dump stayed inconsistent after several tries.
 */
int sockdiag_listeners(struct sockdiag *sd, struct socket_row *rows, size_t max, size_t *ret_n);

/* The same of one port: the kernel filters. */
int sockdiag_listeners_of(struct sockdiag *sd, uint16_t port, struct socket_row *rows, size_t max, size_t *ret_n);

/*
 * The first TCP socket that is bound to a port without listening, the first unconnected UDP socket, the
 * first outgoing TCP connection with that local port. 0 with *ret_row; -ENOENT; -errno. The bound ones
 * need Linux 6.8 (-EOPNOTSUPP before); the outgoing ones walk the established table.
 */
int sockdiag_bound(struct sockdiag *sd, uint16_t port, struct socket_row *ret_row);
int sockdiag_udp(struct sockdiag *sd, uint16_t port, struct socket_row *ret_row);
int sockdiag_outgoing(struct sockdiag *sd, uint16_t port, struct socket_row *ret_row);

/* Which ports there are sockets of these three kinds with, a bit each: one walk tells of all, as a scan asks for many. */
struct port_map {
	uint8_t ports[65536 / 8];
};

int sockdiag_bound_ports(struct sockdiag *sd, struct port_map *ret);
int sockdiag_udp_ports(struct sockdiag *sd, struct port_map *ret);
int sockdiag_outgoing_ports(struct sockdiag *sd, struct port_map *ret);

static inline bool port_map_has(const struct port_map *m, uint16_t port)
{
	return m->ports[port / 8] & 1u << port % 8;
}

/* The socket that would get a segment from peer to addr on ifindex. 0, -ENOENT, or -errno. */
int sockdiag_lookup(struct sockdiag *sd, const struct question *q, struct socket_row *ret_row);

/* The same, with what struct tcp_info says of a connection. */
int sockdiag_connection(struct sockdiag *sd, const struct question *q, struct connection *ret);

/*
 * Connections of a local port (0: of all) that are established or half closed, with their tcp_info: all of
 * them, or those only in which something waits: not accepted yet (inode 0), unread, sent several times. 0
 * with *ret_n rows, -ENOSPC when there are more than max (filled all the same), -errno. Walks the
 * established table: 1 us a connection of the whole host.
 */
int sockdiag_connections(struct sockdiag *sd, uint16_t port, bool all, struct connection *rows, size_t max,
	size_t *ret_n);

/*
 * The remote end to which most connections with a local port from low to high lead, TIME_WAIT included, and how many these
 * are: in *ret_row peer and peer_port. A walk of the table. 0 or -errno.
 */
int sockdiag_busiest(struct sockdiag *sd, uint16_t low, uint16_t high, struct socket_row *ret_row, uint32_t *ret_n);

/* How many connections of a local port are in SYN_RECV: >= 0, or -errno. Walks the established table. */
int sockdiag_half_open(struct sockdiag *sd, uint16_t port);

/* A descriptor that is readable when a socket was destroyed (see above). */
int sockdiag_events_fd(const struct sockdiag *sd);

/* The next destroyed socket: 0 with *ret, -EAGAIN when there is none, or -errno (-ENOBUFS: some were missed). */
int sockdiag_next_destroyed(struct sockdiag *sd, struct connection *ret);
