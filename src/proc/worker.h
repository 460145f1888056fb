/* worker.h - what watching a host and playing a recording have in common: a loop, a timer, signals, a front end. */
#pragma once

#include "base/loop.h"
#include "proc/frontend.h"
#include "proc/options.h"

struct worker {
	const struct options *o;
	struct frontend *fe;
	struct loop *loop;
	int timer, signals, broker;
	int64_t stop_at; /* by the clock; 0: never */
	/* Says goodbye with a reason; returns the exit status to leave with. NULL: nothing to say. */
	int (*quit)(struct worker *w, const char *reason, int status);
};

/* Microseconds since the epoch. */
int64_t worker_now(void);

/* Adds signals and keys to the loop. 0 or -errno; worker_fini() afterwards in either case. */
int worker_init(struct worker *w, const struct options *o, struct frontend *fe, int broker);
void worker_fini(struct worker *w);

/* Sets the timer, a millisecond from now at the earliest. */
void worker_arm(struct worker *w, int64_t at);

/* Shows what has changed. LOOP_GO_ON, or an exit status. */
int worker_show(struct worker *w);
