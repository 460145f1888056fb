/* worker.c - what watching a host and playing a recording have in common. */
#include "worker.h"
#include "fact.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int64_t worker_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * USEC + ts.tv_nsec / 1000;
}

void worker_arm(struct worker *w, int64_t at)
{
	int64_t delay = at - worker_now();
	struct itimerspec spec = {.it_value = {0, 0}};

	if (delay < 1000)
		delay = 1000;
	spec.it_value.tv_sec = delay / USEC;
	spec.it_value.tv_nsec = delay % USEC * 1000;
	timerfd_settime(w->timer, 0, &spec, NULL);
}

int worker_show(struct worker *w)
{
	int r = w->fe->frame ? w->fe->frame(w->fe->ctx) : 0;

	return r < 0 ? EXIT_FAILED : LOOP_GO_ON;
}

static int on_signal(void *ctx, uint32_t events)
{
	struct worker *w = ctx;
	struct signalfd_siginfo info;

	(void)events;
	if (read(w->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return LOOP_GO_ON;
	if (info.ssi_signo == SIGWINCH || info.ssi_signo == SIGCONT) {
		if (w->fe->resize)
			w->fe->resize(w->fe->ctx);
		return worker_show(w);
	}
	return w->quit ? w->quit(w, strsignal((int)info.ssi_signo), EXIT_DONE) : EXIT_DONE;
}

static int on_input(void *ctx, uint32_t events)
{
	struct worker *w = ctx;
	int r;

	r = w->fe->input(w->fe->ctx);
	if (r == LOOP_GO_ON && events & (EPOLLHUP | EPOLLERR))
		r = EXIT_FAILED; /* the terminal is gone */
	if (r != LOOP_GO_ON)
		return w->quit ? w->quit(w, "quit", r) : r;
	return worker_show(w);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGCONT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int worker_init(struct worker *w, const struct options *o, struct frontend *fe, int broker)
{
	int r;

	memset(w, 0, sizeof(*w));
	w->o = o;
	w->fe = fe;
	w->broker = broker;
	w->signals = open_signals();
	w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	w->loop = loop_new();
	if (w->signals < 0 || w->timer < 0 || !w->loop)
		return -errno;
	r = loop_add(w->loop, w->signals, on_signal, w);
	if (r == 0 && fe->input_fd >= 0)
		r = loop_add(w->loop, fe->input_fd, on_input, w);
	return r;
}

void worker_fini(struct worker *w)
{
	loop_free(w->loop);
	if (w->timer >= 0)
		close(w->timer);
	if (w->signals >= 0)
		close(w->signals);
}
