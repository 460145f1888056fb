/* sources.h - what can be watched: opened with privilege, used by the worker. */
#pragma once

#include "collect/addresses.h"
#include "collect/capture.h"
#include "collect/counters.h"
#include "collect/kernel.h"
#include "collect/routes.h"
#include "collect/sockdiag.h"
#include "event/event.h"
#include "proc/options.h"

/* What was opened. NULL: could not be had, and state says why. */
struct sources {
	struct sockdiag *sockdiag;
	struct counter_files *counters;
	struct addresses *addresses;
	struct routes *routes;
	struct capture *capture;
	struct kernel *kernel;
	int late_kernel; /* where it comes from later (kernel_receive()); 0: it does not */
	struct event_state state[SOURCE_COUNT]; /* as hello tells it */
};

/* Opens all that can be had; what cannot is told in state. -EINVAL with err: the options are wrong. */
int sources_open(struct sources *s, const struct options *o, char *err, size_t size);
void sources_close(struct sources *s);

/* The inode number of this network namespace; 0: not known. */
uint32_t sources_netns(void);

/* A state as the stream tells it; why is made safe to show. */
void source_set(struct event_state *s, enum source_state state, const char *why);

/* The hello line of these states. */
void sources_hello(struct event_hello *h, const struct event_state *state);
