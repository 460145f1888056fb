/* watchers.h - the broker's part of --netns: a watcher of its own for every other network namespace. */
#pragma once

#include "proc/options.h"
#include "proc/sources.h"

#include <sys/types.h>

/*
 * Theory of operation
 *
 * Once a second the broker looks which network namespaces there are, by process and by name. For each that is not its own
 * it starts a watcher: a child that enters the namespace, opens sources there, and runs a broker and a worker like the
 * main ones. Its worker sends events as they are over a socket, whose other end is handed to the main worker, and gets the
 * kernel's words about its namespace by the same way. Nothing of a watcher is shared but that socket, so leaving a
 * namespace is ending a child: the kernel takes back what it held.
 *
 * A watcher is inside its namespace, so it would keep it alive. The watchers' own processes do not count when it is asked
 * who is in a namespace, and when nobody else is left and no name holds it, the watcher ends and the namespace goes.
 */
struct watchers;

/* What the broker tells the main worker of a new watcher, with the socket to it (SCM_RIGHTS). */
struct watcher_greeting {
	uint64_t ino;
	char name[64]; /* clean text */
};

/*
 * to_worker: a SOCK_SEQPACKET end for the greetings; sources: the main ones, which a watcher closes and of which the
 * kernel's programs are told what to watch. NULL with errno.
 */
struct watchers *watchers_new(const struct options *o, struct sources *sources, int to_worker);

/* Ends all watchers and waits for them. */
void watchers_free(struct watchers *w);

/* Starts and ends watchers as namespaces have come and gone; takes notice of those that have ended. */
void watchers_scan(struct watchers *w);

/* Milliseconds until the next scan is due. */
int watchers_due(const struct watchers *w);
