/* loop.c - a small epoll loop. */
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	HANDLERS_MAX = 16,
};

struct loop {
	int epoll;
	struct {
		int fd; /* -1: free */
		uint32_t generation; /* counts how often the slot was taken */
		loop_handler handler;
		void *ctx;
	} slots[HANDLERS_MAX];
};

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	for (int i = 0; i < HANDLERS_MAX; i++)
		l->slots[i].fd = -1;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) {
		free(l);
		return NULL;
	}
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	close(l->epoll);
	free(l);
}

int loop_add(struct loop *l, int fd, loop_handler handler, void *ctx)
{
	for (int i = 0; i < HANDLERS_MAX; i++) {
		struct epoll_event ev = {.events = EPOLLIN, .data.u64 = (uint64_t)(l->slots[i].generation + 1) << 32 | (uint32_t)i};

		if (l->slots[i].fd >= 0)
			continue;
		if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
			return -errno;
		l->slots[i].fd = fd;
		l->slots[i].generation++;
		l->slots[i].handler = handler;
		l->slots[i].ctx = ctx;
		return 0;
	}
	return -ENOSPC;
}

void loop_remove(struct loop *l, int fd)
{
	for (int i = 0; i < HANDLERS_MAX; i++) {
		if (l->slots[i].fd != fd)
			continue;
		epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
		l->slots[i].fd = -1;
	}
}

int loop_run(struct loop *l)
{
	for (;;) {
		struct epoll_event events[HANDLERS_MAX];
		int n = epoll_wait(l->epoll, events, HANDLERS_MAX, -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n; i++) {
			uint32_t slot = (uint32_t)events[i].data.u64;
			uint32_t generation = (uint32_t)(events[i].data.u64 >> 32);
			int r;

			/* Removed, or another's by now, through an earlier handler of this round. */
			if (l->slots[slot].fd < 0 || l->slots[slot].generation != generation)
				continue;
			r = l->slots[slot].handler(l->slots[slot].ctx, events[i].events);
			if (r != LOOP_GO_ON)
				return r;
		}
	}
}
