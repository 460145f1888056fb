/* session.h - the worker's life: sources into the engine (or a recording), events to the front end. */
#pragma once

#include "proc/frontend.h"
#include "proc/input.h"
#include "proc/options.h"
#include "proc/sources.h"

/* Watches this host until told to stop. broker: the socket to it. Returns the exit status. */
int session_live(const struct options *o, struct sources *sources, struct frontend *fe, int broker);

/* Where a watcher of another namespace is. */
struct session_place {
	const char *netns; /* its name in events */
	int words;         /* where the kernel's words about it come from; -1: nowhere */
};

/* The same for another namespace than the main one. */
int session_live_at(const struct options *o, struct sources *sources, struct frontend *fe, int broker,
	const struct session_place *place);

/* Plays a recording and closes it, at its own pace and over and over when paced. Returns the exit status. */
int session_replay(const struct options *o, struct input *in, struct frontend *fe, int broker,
	bool paced);
