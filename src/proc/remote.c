/* remote.c - another namespace's watcher. */
#include "remote.h"
#include "base/text.h"
#include "broker.h"
#include "watchers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	REMOTES_MAX = 128,
	NAMES_SHOWN = 5,
	AT_ONCE = 256, /* events taken before others have their turn */
	ID_BITS = 40,  /* of a watcher's own ids; above them stands which watcher it is */
};

/* The watcher's side */

struct remote_end {
	struct sink sink;
	int fd;
	const struct options *options;
	struct sources *sources;
	const char *name;
	bool kernel;
};

static void send_event(struct sink *sink, const struct event *ev)
{
	struct remote_end *end = (struct remote_end *)(void *)sink;

	while (send(end->fd, ev, sizeof(*ev), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static int nothing(void *ctx)
{
	(void)ctx;
	return 0;
}

static void complain(void *ctx, const char *sentence)
{
	(void)ctx;
	(void)sentence;
}

static void resize(void *ctx)
{
	(void)ctx;
}

static int work(void *ctx, int socket)
{
	struct remote_end *end = ctx;
	struct frontend fe = {
		.sink = &end->sink,
		.input_fd = -1,
		.ctx = end,
		.input = nothing,
		.frame = nothing,
		.round = nothing,
		.complain = complain,
		.resize = resize,
	};
	struct session_place place = {.netns = end->name, .words = end->kernel ? end->fd : -1};

	return session_live_at(end->options, end->sources, &fe, socket, &place);
}

int remote_run(const struct options *o, struct sources *sources, int events, const char *name, bool kernel)
{
	struct remote_end end = {
		.sink = {.event = send_event},
		.fd = events,
		.options = o,
		.sources = sources,
		.name = name,
		.kernel = kernel,
	};
	struct broker_hooks hooks = {.worker = work, .restore = (void (*)(void *))resize, .ctx = &end, .quiet = true};

	return broker_run(&hooks);
}

/* The main worker's side */

struct remote {
	struct remotes *all;
	int fd; /* -1: free */
	uint32_t netns;
	uint64_t generation; /* which watcher it is, counted from 1 */
	char name[64];
	struct event_tick tick;
};

struct remotes {
	struct sink sink; /* first: the main engine's events come here */
	struct sink *to;
	struct loop *loop;
	int greetings;
	uint64_t generation;
	struct event_tick gone; /* the sums of those that are no more */
	void (*changed)(void *ctx, size_t n, const char *names);
	void *ctx;
	struct remote list[REMOTES_MAX];
	struct event event; /* too large for a stack */
};

static void add_tick(struct event_tick *sum, const struct event_tick *t)
{
	sum->attempts += t->attempts;
	sum->accepted += t->accepted;
	sum->refused += t->refused;
	sum->reset += t->reset;
	sum->silent += t->silent;
	sum->unreachable += t->unreachable;
	sum->unfinished += t->unfinished;
	sum->cancelled += t->cancelled;
	sum->received += t->received;
	sum->lost += t->lost;
	sum->evicted += t->evicted;
	sum->untracked += t->untracked;
	sum->tracked += t->tracked;
	sum->rolled_up += t->rolled_up;
}

static void on_main_event(struct sink *sink, const struct event *ev)
{
	struct remotes *r = (struct remotes *)(void *)sink;
	struct event_tick *totals;

	if (ev->type != EVENT_TICK && ev->type != EVENT_BYE) {
		r->to->event(r->to, ev);
		return;
	}
	r->event = *ev;
	totals = ev->type == EVENT_TICK ? &r->event.tick : &r->event.bye.totals;
	add_tick(totals, &r->gone);
	for (size_t i = 0; i < REMOTES_MAX; i++)
		if (r->list[i].fd >= 0)
			add_tick(totals, &r->list[i].tick);
	r->to->event(r->to, &r->event);
}

static void tell_change(struct remotes *r)
{
	char names[160] = "";
	uint64_t below = UINT64_MAX;
	size_t n = 0;

	for (;;) { /* the newest first */
		const struct remote *next = NULL;

		for (size_t i = 0; i < REMOTES_MAX; i++)
			if (r->list[i].fd >= 0 && r->list[i].generation < below &&
				(!next || r->list[i].generation > next->generation))
				next = &r->list[i];
		if (!next)
			break;
		below = next->generation;
		if (n++ < NAMES_SHOWN)
			text_append(names, sizeof(names), "%s%s", names[0] ? ", " : "", next->name);
	}
	r->changed(r->ctx, n, names);
}

static void forget(struct remote *one)
{
	struct remotes *r = one->all;

	loop_remove(r->loop, one->fd);
	close(one->fd);
	one->fd = -1;
	one->tick.tracked = 0; /* of the present, not a sum */
	add_tick(&r->gone, &one->tick);
	tell_change(r);
}

static void take_event(struct remote *one, struct event *ev)
{
	struct remotes *r = one->all;
	int64_t base = (int64_t)(one->generation << ID_BITS);

	switch (ev->type) {
	case EVENT_TICK:
		one->tick = ev->tick;
		return;
	case EVENT_LISTENER:
		ev->listener.id += base;
		break;
	case EVENT_ATTEMPT:
	case EVENT_RESET:
		ev->attempt.id += base;
		break;
	case EVENT_PORT:
		break;
	default:
		return; /* there is one hello and one goodbye, and sources are the main ones */
	}
	r->to->event(r->to, ev);
}

static int on_events(void *ctx, uint32_t events)
{
	struct remote *one = ctx;
	struct event *ev = &one->all->event;

	(void)events;
	for (int i = 0; i < AT_ONCE; i++) {
		ssize_t n = recv(one->fd, ev, sizeof(*ev), MSG_DONTWAIT);

		if (n == (ssize_t)sizeof(*ev)) {
			take_event(one, ev);
			continue;
		}
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			forget(one);
		break;
	}
	return LOOP_GO_ON;
}

static void welcome(struct remotes *r, const struct watcher_greeting *g, int fd)
{
	for (size_t i = 0; i < REMOTES_MAX; i++) {
		struct remote *one = &r->list[i];

		if (one->fd >= 0)
			continue;
		*one = (struct remote){.all = r, .fd = fd, .netns = (uint32_t)g->ino, .generation = ++r->generation};
		text_clean(one->name, sizeof(one->name), g->name, strnlen(g->name, sizeof(g->name)));
		if (loop_add(r->loop, fd, on_events, one) == 0) {
			tell_change(r);
			return;
		}
		one->fd = -1;
		break;
	}
	close(fd); /* the watcher sees that nobody listens, and ends */
}

static int on_greeting(void *ctx, uint32_t events)
{
	struct remotes *r = ctx;
	struct watcher_greeting greeting;
	struct iovec part = {&greeting, sizeof(greeting)};
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.buf,
		.msg_controllen = sizeof(control.buf)};
	ssize_t n = recvmsg(r->greetings, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	int fd;

	(void)events;
	if (n == 0)
		loop_remove(r->loop, r->greetings);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return LOOP_GO_ON;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (n == (ssize_t)sizeof(greeting))
		welcome(r, &greeting, fd);
	else
		close(fd);
	return LOOP_GO_ON;
}

struct remotes *remotes_new(struct loop *loop, int greetings, struct sink *sink,
	void (*changed)(void *ctx, size_t n, const char *names), void *ctx)
{
	struct remotes *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return NULL;
	r->sink.event = on_main_event;
	r->to = sink;
	r->loop = loop;
	r->greetings = greetings;
	r->changed = changed;
	r->ctx = ctx;
	for (size_t i = 0; i < REMOTES_MAX; i++)
		r->list[i].fd = -1;
	e = loop_add(loop, greetings, on_greeting, r);
	if (e == 0)
		return r;
	free(r);
	errno = -e;
	return NULL;
}

void remotes_free(struct remotes *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < REMOTES_MAX; i++)
		if (r->list[i].fd >= 0)
			close(r->list[i].fd);
	free(r);
}

struct sink *remotes_sink(struct remotes *r)
{
	return &r->sink;
}

bool remotes_word(struct remotes *r, const struct kernel_word *w)
{
	for (size_t i = 0; i < REMOTES_MAX; i++)
		if (r->list[i].fd >= 0 && r->list[i].netns == w->netns) {
			send(r->list[i].fd, w, sizeof(*w), MSG_DONTWAIT | MSG_NOSIGNAL);
			return true;
		}
	return false;
}
