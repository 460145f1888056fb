/* loop.h - a small epoll loop: who is called when a descriptor is readable. */
#pragma once

#include <stdint.h>

struct loop;

/* What a handler returns: go on, or leave loop_run() with this exit status (0 or above). */
enum {
	LOOP_GO_ON = -1000, /* no errno */
};

typedef int (*loop_handler)(void *ctx, uint32_t events);

/* NULL with errno. */
struct loop *loop_new(void);
void loop_free(struct loop *l);

/* Calls the handler whenever fd is readable or hung up. The descriptor stays the caller's. 0 or -errno. */
int loop_add(struct loop *l, int fd, loop_handler handler, void *ctx);
void loop_remove(struct loop *l, int fd);

/* Runs until a handler returns a status. Returns it, or -errno. */
int loop_run(struct loop *l);
