/* remote.h - another namespace's watcher: its worker's end of the socket, and the main worker's. */
#pragma once

#include "base/loop.h"
#include "engine/engine.h"
#include "proc/session.h"

/*
 * Runs a watcher: broker and worker of the current network namespace, whose events go to this socket. kernel: the main
 * worker sends the kernel's words about it. Returns the exit status.
 */
int remote_run(const struct options *o, struct sources *sources, int events, const char *name, bool kernel);

/* The main worker's side: all watchers. */
struct remotes;

/*
 * greetings: where the broker tells of new watchers. Their events go to sink; of their ticks the sums are added to each
 * tick of the main engine, which sends its events to remotes_sink(). changed is called when watchers have come or gone.
 * NULL with errno.
 */
struct remotes *remotes_new(struct loop *loop, int greetings, struct sink *sink,
	void (*changed)(void *ctx, size_t n, const char *names), void *ctx);
void remotes_free(struct remotes *r);

struct sink *remotes_sink(struct remotes *r);

/* Hands a word of the kernel to the watcher of its namespace. False: it is of none of them. */
bool remotes_word(struct remotes *r, const struct kernel_word *w);
