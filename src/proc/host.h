/* host.h - answers the engine's questions about this host: from the kernel, and through the broker from /proc. */
#pragma once

#include "base/hash.h"
#include "fact.h"
#include "proc/sources.h"

/*
 * Theory of operation
 *
 * Each question has its own budget a second, by number or by time, since what asks is somebody's packets: a
 * question that is one too many is refused, and the verdict is less sure. What walks the established table
 * gets at most a twentieth of a second each second. The broker's answers are waited for, since they are few;
 * owners of listeners come without being waited for.
 */
struct host;

/* NULL with errno. on_owner is called with what the broker says of an inode, from host_receive() or any question. */
struct host *host_new(struct sources *src, int broker, struct hash_key key,
	void (*on_owner)(void *ctx, uint32_t inode, const struct owner *o), void *ctx);
void host_free(struct host *h);

/* What a trace tells, from host_receive() or any question: of a packet, or (t NULL) that it could not start, and why. */
void host_on_traced(struct host *h, void (*on_traced)(void *ctx, const struct traced *t, const char *why));

/* Traces the SYNs of a peer to a port through the firewall, which changes its ruleset while it runs. */
void host_trace(struct host *h, const struct ip *peer, uint16_t port);

/* Asks about the firewall's ruleset; on_ruleset is called with the answer in words. */
void host_want_ruleset(struct host *h, void (*on_ruleset)(void *ctx, const char *words));

/* Takes what the broker has sent. 0, or -1 when it is gone. */
int host_receive(struct host *h);

/* Asks for the owners of inodes that were not seen before. */
void host_want_owners(struct host *h, const struct socket_row *rows, size_t n);

/* Waits for the owners that were asked for, a moment at most: at the start, when somebody waits for the first screen. */
void host_wait_for_owners(struct host *h);

/* As engine_config.ask. */
bool host_ask(struct host *h, const struct question *q, struct answer *ret);
