/* watchers.c - a watcher for every other network namespace. */
#include "watchers.h"
#include "base/text.h"
#include "broker.h"
#include "collect/namespaces.h"
#include "remote.h"
#include "ruling.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	WATCHERS_MAX = 128,
	SCAN_MS = 1000,
	EVENTS_BUFFER = 1 << 20,
};

struct watcher {
	ino_t ino; /* 0: free */
	pid_t pid; /* of its broker */
	bool seen, ending;
};

struct watchers {
	const struct options *options;
	struct sources *sources;
	int to_worker;
	int64_t next_ms;
	struct watcher list[WATCHERS_MAX];
	struct namespace_entry *entries;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct watchers *watchers_new(const struct options *o, struct sources *sources, int to_worker)
{
	struct watchers *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->options = o;
	w->sources = sources;
	w->to_worker = to_worker;
	w->entries = calloc(NAMESPACES_MAX, sizeof(*w->entries));
	if (w->entries)
		return w;
	free(w);
	errno = ENOMEM;
	return NULL;
}

static int32_t parent_of(int32_t pid)
{
	char path[32];
	int32_t parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f && fscanf(f, "%*d (%*[^)]) %*c %d", &parent) != 1)
		parent = 0;
	if (f)
		fclose(f);
	return parent;
}

/* A watcher's broker or its worker: it is there because we are. */
static bool is_ours(void *ctx, int32_t pid)
{
	const struct watchers *w = ctx;
	int32_t parent = 0;

	for (size_t i = 0; i < WATCHERS_MAX; i++)
		if (w->list[i].ino != 0 && w->list[i].pid == pid)
			return true;
	parent = parent_of(pid);
	for (size_t i = 0; i < WATCHERS_MAX && parent > 0; i++)
		if (w->list[i].ino != 0 && w->list[i].pid == parent)
			return true;
	return false;
}

/* Whatever the broker has open is none of a watcher's business. */
static void close_all_but(int keep)
{
	if (keep > STDERR_FILENO + 1)
		syscall(SYS_close_range, STDERR_FILENO + 1, keep - 1, 0);
	syscall(SYS_close_range, keep + 1, ~0U, 0); /* Linux 5.9; before it they stay open, and harm nothing */
}

/* The life of a watcher, in the child: inside the namespace. */
static int watch(struct watchers *w, int fd, int events, const char *name)
{
	struct options options = *w->options;
	bool kernel = w->sources->kernel != NULL;
	struct sources sources;
	char err[300];

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (setns(fd, CLONE_NEWNET) < 0)
		return EXIT_FAILED;
	ruling_abandon();
	sources_close(w->sources);
	close_all_but(events);
	options.n_interfaces = 0;
	options.filter = NULL;
	options.no_kernel = true;
	options.small = true;
	options.duration = 0;
	memset(&sources, 0, sizeof(sources));
	if (sources_open(&sources, &options, err, sizeof(err)) < 0)
		return EXIT_FAILED;
	return remote_run(&options, &sources, events, name, kernel);
}

/* Hands the main worker the other end of a watcher's socket. */
static void greet(const struct watchers *w, const struct namespace_entry *e, const char *name, int fd)
{
	struct watcher_greeting greeting = {.ino = e->ino};
	struct iovec part = {&greeting, sizeof(greeting)};
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.buf,
		.msg_controllen = sizeof(control.buf)};
	struct cmsghdr *c;

	memset(&control, 0, sizeof(control));
	text_copy(greeting.name, sizeof(greeting.name), name);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	while (sendmsg(w->to_worker, &msg, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static void start(struct watchers *w, struct watcher *slot, const struct namespace_entry *e)
{
	int pair[2], size = EVENTS_BUFFER, fd = namespace_open(e);
	char name[NAMESPACE_NAME];
	pid_t pid;

	if (fd < 0)
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		close(fd);
		return;
	}
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	namespace_name(e, name, sizeof(name));
	if (!name[0])
		snprintf(name, sizeof(name), "netns:[%lu]", (unsigned long)e->ino);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		_exit(watch(w, fd, pair[1], name));
	}
	close(fd);
	close(pair[1]);
	if (pid > 0) {
		*slot = (struct watcher){.ino = e->ino, .pid = pid, .seen = true};
		kernel_watch(w->sources->kernel, (uint32_t)e->ino, true);
		greet(w, e, name, pair[0]);
	}
	close(pair[0]);
}

/* Takes notice of watchers that have ended. */
static void reap(struct watchers *w)
{
	for (size_t i = 0; i < WATCHERS_MAX; i++)
		if (w->list[i].ino != 0 && waitpid(w->list[i].pid, NULL, WNOHANG) == w->list[i].pid) {
			kernel_watch(w->sources->kernel, (uint32_t)w->list[i].ino, false);
			w->list[i].ino = 0;
		}
}

void watchers_scan(struct watchers *w)
{
	bool complete;
	size_t n;

	reap(w);
	if (now_ms() < w->next_ms)
		return;
	w->next_ms = now_ms() + SCAN_MS;
	for (size_t i = 0; i < WATCHERS_MAX; i++)
		w->list[i].seen = false;
	n = namespaces_list_but(w->entries, &complete, is_ours, w);
	for (size_t k = 0; k < n; k++) {
		struct watcher *slot = NULL;

		for (size_t i = 0; i < WATCHERS_MAX; i++) {
			if (w->list[i].ino == w->entries[k].ino) {
				slot = &w->list[i];
				slot->seen = true;
				break;
			}
			if (w->list[i].ino == 0 && !slot)
				slot = &w->list[i];
		}
		if (slot && slot->ino == 0)
			start(w, slot, &w->entries[k]);
	}
	for (size_t i = 0; i < WATCHERS_MAX; i++)
		if (w->list[i].ino != 0 && !w->list[i].seen && complete && !w->list[i].ending) {
			w->list[i].ending = true;
			kill(w->list[i].pid, SIGTERM);
		}
}

int watchers_due(const struct watchers *w)
{
	int64_t left = w->next_ms - now_ms();

	return left < 0 ? 0 : (int)left;
}

void watchers_free(struct watchers *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < WATCHERS_MAX; i++)
		if (w->list[i].ino != 0)
			kill(w->list[i].pid, SIGTERM);
	for (size_t i = 0; i < WATCHERS_MAX; i++)
		if (w->list[i].ino != 0)
			waitpid(w->list[i].pid, NULL, 0);
	free(w->entries);
	free(w);
}
