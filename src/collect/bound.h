/* bound.h - TCP sockets that have a port and do not listen, found by their processes: for kernels that do not dump them. */
#pragma once

#include "fact.h"

enum {
	BOUND_MAX = 64,
};

/* As it crosses a process boundary. */
struct bound_record {
	struct ip addr;
	uint32_t inode;
	uint16_t port;
	bool v6, v6only;
};

struct bound_list {
	bool complete; /* every process was looked into, so that an absence counts */
	uint32_t n;    /* BOUND_MAX at most */
	struct bound_record records[BOUND_MAX];
};

/*
 * Those of the calling thread's network namespace. Needs the right to take descriptors of other processes (root), and to be
 * in the first pid namespace, from which all of them are seen. It takes milliseconds; after so many it stops, and is not complete.
 */
void bound_read(struct bound_list *ret, int64_t most_ms);
