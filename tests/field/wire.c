/*
 * wire.c - a cable of some length between two network namespaces, for kernels without netem.
 *
 *   wire NAMESPACE-FILE NAMESPACE-FILE DELAY-MS LOSS-PER-MILLE
 *
 * Makes a TAP device e0 in each and carries frames across, each DELAY-MS later. Says "ready", and runs until it is killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 8192, FRAME = 1600 };

struct way {
	int from, to;
	unsigned head, tail; /* of the ring: written, read */
	struct slot {
		int64_t due; /* microseconds */
		int size;
		unsigned char frame[FRAME];
	} *slots;
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static int make_tap(const char *netns)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int ns = open(netns, O_RDONLY), fd;

	if (ns < 0 || setns(ns, CLONE_NEWNET) != 0)
		return -1;
	close(ns);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	strcpy(ifr.ifr_name, "e0");
	return fd < 0 || ioctl(fd, TUNSETIFF, &ifr) != 0 ? -1 : fd;
}

static void take(struct way *w, int64_t delay, int loss)
{
	while (w->head - w->tail < SLOTS) {
		struct slot *s = &w->slots[w->head % SLOTS];

		s->size = (int)read(w->from, s->frame, FRAME);
		if (s->size <= 0)
			return;
		if (rand() % 1000 < loss)
			continue;
		s->due = now() + delay;
		w->head++;
	}
}

static void give(struct way *w)
{
	for (; w->tail != w->head; w->tail++) {
		const struct slot *s = &w->slots[w->tail % SLOTS];

		if (s->due > now() || (write(w->to, s->frame, (size_t)s->size) < 0 && errno == EAGAIN))
			return;
	}
}

int main(int argc, char **argv)
{
	struct way ways[2] = {{0}};
	int ends[2], loss;
	int64_t delay;

	if (argc != 5)
		return 2;
	for (int i = 0; i < 2; i++) {
		ends[i] = make_tap(argv[1 + i]);
		ways[i].slots = calloc(SLOTS, sizeof(*ways[i].slots));
		if (ends[i] < 0 || !ways[i].slots) {
			perror(argv[1 + i]);
			return 1;
		}
	}
	delay = atoi(argv[3]) * INT64_C(1000);
	loss = atoi(argv[4]);
	for (int i = 0; i < 2; i++) {
		ways[i].from = ends[i];
		ways[i].to = ends[!i];
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd fds[2] = {{ends[0], POLLIN, 0}, {ends[1], POLLIN, 0}};
		int64_t wait = 1000000;
		struct timespec t;

		for (int i = 0; i < 2; i++) {
			take(&ways[i], delay, loss);
			give(&ways[i]);
			if (ways[i].tail != ways[i].head) {
				int64_t left = ways[i].slots[ways[i].tail % SLOTS].due - now();

				wait = left < wait ? left : wait;
			}
		}
		wait = wait < 100 ? 100 : wait;
		t = (struct timespec){wait / 1000000, wait % 1000000 * 1000};
		ppoll(fds, 2, &t, NULL);
	}
}
