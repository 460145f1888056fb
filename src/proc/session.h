/* session.h - the worker's life: sources into the engine (or a recording), events to the front end. */
#pragma once

#include "collect/addresses.h"
#include "collect/capture.h"
#include "collect/counters.h"
#include "collect/sockdiag.h"
#include "proc/frontend.h"
#include "proc/input.h"
#include "proc/options.h"

/* What was opened with privilege. NULL: could not be had, and why says why. */
struct sources {
	struct sockdiag *sockdiag;
	struct counter_files *counters;
	struct addresses *addresses;
	struct capture *capture;
	struct event_state state[SOURCE_COUNT]; /* as hello tells it */
};

/* Opens all that can be had; what cannot is told in state. -EINVAL with err: the options are wrong. */
int sources_open(struct sources *s, const struct options *o, char *err, size_t size);
void sources_close(struct sources *s);

/* Watches this host until told to stop. broker: the socket to it. Returns the exit status. */
int session_live(const struct options *o, struct sources *sources, struct frontend *fe, int broker);

/* Plays a recording and closes it, at its own pace and over and over when paced. Returns the exit status. */
int session_replay(const struct options *o, struct input *in, struct frontend *fe, int broker,
	bool paced);
