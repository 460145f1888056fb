/* late.c - opens the kernel's reasons beside the first screen. */
#include "late.h"
#include "collect/kernel.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct late {
	pthread_t thread;
	uint32_t netns;
	int socket;
	struct kernel *kernel;
};

static void *open_kernel(void *ctx)
{
	struct late *l = ctx;
	char why[160] = "";

	l->kernel = kernel_open(l->netns, why, sizeof(why));
	kernel_send(l->kernel, why, l->socket);
	close(l->socket);
	return NULL;
}

struct late *late_start(uint32_t netns, int socket)
{
	struct late *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return NULL;
	l->netns = netns;
	l->socket = socket;
	r = pthread_create(&l->thread, NULL, open_kernel, l);
	if (r != 0) {
		free(l);
		errno = r;
		return NULL;
	}
	return l;
}

void late_stop(struct late *l)
{
	if (!l)
		return;
	pthread_join(l->thread, NULL);
	kernel_free(l->kernel);
	free(l);
}
