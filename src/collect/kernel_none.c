/* kernel_none.c - in place of kernel.c where there is no libbpf, clang or bpftool to build it with. */
#include "kernel.h"

#include <errno.h>
#include <stdio.h>

struct kernel *kernel_open(uint32_t netns, char *why, size_t size)
{
	(void)netns;
	snprintf(why, size, "this tcpwhy was built without libbpf");
	errno = ENOTSUP;
	return NULL;
}

int kernel_send(const struct kernel *k, const char *why, int socket)
{
	(void)k;
	(void)why;
	(void)socket;
	return -ENOTSUP;
}

struct kernel *kernel_receive(int socket, char *why, size_t size)
{
	(void)socket; /* has only been closed */
	return kernel_open(0, why, size);
}

void kernel_free(struct kernel *k)
{
	(void)k;
}

void kernel_watch(struct kernel *k, uint32_t netns, bool on)
{
	(void)k;
	(void)netns;
	(void)on;
}

int kernel_fd(const struct kernel *k)
{
	(void)k;
	return -1;
}

size_t kernel_drain(struct kernel *k, void (*take)(void *ctx, const struct kernel_word *w), void *ctx)
{
	(void)k;
	(void)take;
	(void)ctx;
	return 0;
}

const char *kernel_library(void)
{
	return "not built in";
}
