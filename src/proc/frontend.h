/* frontend.h - who shows the events: a screen, a stream, or plain text. */
#pragma once

#include "base/ip.h"
#include "event/event.h"

struct frontend {
	struct sink *sink;
	int input_fd; /* keys; -1: none */
	int greetings; /* where the broker tells of watchers of other namespaces; 0: nowhere */
	void *ctx;
	/* Takes what there is to read. LOOP_GO_ON, or the exit status to leave with. */
	int (*input)(void *ctx);
	/* Shows what has changed; called once an interval, and after input. 0, or -errno to give up. */
	int (*frame)(void *ctx);
	/* Called after every round of work, for what must not wait for the next frame. 0 or -errno. */
	int (*round)(void *ctx);
	/* Whether the user wants a trace through the firewall; NULL: never. */
	bool (*wants_trace)(void *ctx, struct ip *ret_peer, uint16_t *ret_port);
	/* Says a sentence about wrong input to whoever started the program. */
	void (*complain)(void *ctx, const char *sentence);
	/* The terminal's size has changed. */
	void (*resize)(void *ctx);
};
