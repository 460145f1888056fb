/* session.c - the worker's life: sources into the engine, events to the front end. */
#include "session.h"
#include "base/loop.h"
#include "base/table.h"
#include "base/text.h"
#include "broker.h"
#include "engine/engine.h"
#include "event/stream.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	ROWS_MAX = 2048,
	BUSY_PAUSE = 50000,      /* between two rounds while something is pending */
	SAMPLE_SPAN = 5000,      /* a sample of the counters is taken within this */
	POLL_APART = 40000,      /* two polls on demand are at least this far apart */
	DRAIN_BATCH = 4096,      /* segments taken before the clock is looked at again */
	LOOKUPS_A_SECOND = 2000, /* 4 us each */
	PORT_QUESTIONS_USEC = 50000, /* a second's time for walks of the whole socket table */
	KNOWN_INODES = 4096,
	OWNER_PATIENCE_MS = 300,
};

struct session {
	const struct options *o;
	struct sources *src;
	struct frontend *fe;
	struct loop *loop;
	struct engine *engine;
	struct table *inodes; /* uint32_t -> struct owner: asked for, answered when pid or known */
	struct socket_row *rows;
	int timer, signals, broker;
	int64_t last_poll, next_poll, next_frame, stop_at;
	int64_t budget_second, port_usec;
	int lookups;
	bool poll_wanted, capture_down, sockets_down, replaying;
	uint32_t named_index;
	char named[32];
	int frame_error;
};

struct known_owner {
	bool answered;
	struct owner owner;
};

static int64_t now_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * USEC + ts.tv_nsec / 1000;
}

static void state_set(struct event_state *s, enum source_state state, const char *why)
{
	text_copy(s->state, sizeof(s->state), source_state_name(state));
	text_clean(s->why, sizeof(s->why), why, strlen(why));
}

int sources_open(struct sources *s, const struct options *o, char *err, size_t size)
{
	struct capture_options capture = {o->interfaces, o->n_interfaces, o->filter};
	char why[200] = "";
	bool usage;

	s->sockdiag = sockdiag_new();
	state_set(&s->state[SOURCE_SOCKETS], s->sockdiag ? STATE_ON : STATE_OFF,
		s->sockdiag ? "" : strerror(errno));
	s->counters = counter_files_open();
	s->addresses = addresses_new();
	if (s->sockdiag && (!s->counters || !s->addresses))
		state_set(&s->state[SOURCE_SOCKETS], STATE_DEGRADED,
			s->counters ? "no rtnetlink: local addresses are not known"
				    : "no /proc/net: counters are not known");
	s->capture = capture_open(&capture, err, size, &usage);
	if (!s->capture) {
		int saved = errno;

		if (usage)
			return -EINVAL;
		if ((saved == EPERM || geteuid() != 0) && (o->n_interfaces || o->filter))
			return -EPERM;
		if (geteuid() == 0)
			snprintf(why, sizeof(why), "%s", err);
		else
			snprintf(why, sizeof(why), "no packets without privilege: run with sudo (--demo needs none)");
		state_set(&s->state[SOURCE_PACKETS], STATE_OFF, why);
	} else {
		state_set(&s->state[SOURCE_PACKETS], STATE_ON, "");
	}
	state_set(&s->state[SOURCE_KERNEL], STATE_OFF, "kernel reasons are not in this version");
	state_set(&s->state[SOURCE_FIREWALL], STATE_OFF, "firewall rules are not in this version");
	state_set(&s->state[SOURCE_NAMESPACES], STATE_OFF, "this namespace only");
	return 0;
}

void sources_close(struct sources *s)
{
	capture_free(s->capture);
	addresses_free(s->addresses);
	counter_files_close(s->counters);
	sockdiag_free(s->sockdiag);
	memset(s, 0, sizeof(*s));
}

/* Sends a batch of inodes to the broker. */
static void request_owners(struct session *s, const uint32_t *inodes, uint32_t n)
{
	struct broker_request request = {.n = n};

	memcpy(request.inodes, inodes, n * sizeof(*inodes));
	if (send(s->broker, &request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		for (uint32_t i = 0; i < n; i++) { /* asked again at the next poll */
			void *known = table_find(s->inodes, &inodes[i]);

			if (known)
				table_remove(s->inodes, known);
		}
}

/* Asks for the owners of inodes that were not seen before. */
static void want_owners(struct session *s, const struct socket_row *rows, size_t n)
{
	uint32_t batch[OWNER_BATCH], used = 0;

	for (size_t i = 0; i < n; i++) {
		bool fresh;
		struct known_owner *known;

		if (rows[i].inode == 0)
			continue;
		known = table_get(s->inodes, &rows[i].inode, &fresh, NULL, NULL);
		table_touch(s->inodes, known);
		if (!fresh)
			continue;
		batch[used++] = rows[i].inode;
		if (used == OWNER_BATCH) {
			request_owners(s, batch, used);
			used = 0;
		}
	}
	if (used > 0)
		request_owners(s, batch, used);
}

/* One reply of the broker, if there is one. 1: taken, 0: none, -1: the broker is gone. */
static int take_owners(struct session *s)
{
	static struct broker_reply reply;
	ssize_t n = recv(s->broker, &reply, sizeof(reply), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n != (ssize_t)sizeof(reply) || reply.n > OWNER_BATCH)
		return n == 0 ? -1 : 0;
	for (uint32_t i = 0; i < reply.n; i++) {
		uint32_t inode = reply.records[i].inode;
		struct known_owner *known = table_get(s->inodes, &inode, NULL, NULL, NULL);

		owner_from_record(&reply.records[i], &known->owner);
		known->answered = true;
		if (s->engine)
			engine_owner(s->engine, inode, &known->owner);
	}
	return 1;
}

static int on_broker(void *ctx, uint32_t events)
{
	struct session *s = ctx;
	int r;

	(void)events;
	while ((r = take_owners(s)) > 0)
		;
	return r < 0 ? EXIT_FAILED : LOOP_GO_ON; /* killed: nothing is left to watch with */
}

/* The owner of one socket, waiting for the broker if need be: for rare questions only. */
static void owner_of(struct session *s, const struct socket_row *row, struct owner *ret)
{
	struct pollfd fd = {.fd = s->broker, .events = POLLIN};
	struct known_owner *known;
	int64_t until = now_usec() + OWNER_PATIENCE_MS * 1000;

	memset(ret, 0, sizeof(*ret));
	if (row->inode == 0)
		return;
	want_owners(s, row, 1);
	while ((known = table_find(s->inodes, &row->inode)) && !known->answered &&
		now_usec() < until && poll(&fd, 1, OWNER_PATIENCE_MS) > 0)
		if (take_owners(s) < 0)
			return;
	if (known && known->answered)
		*ret = known->owner;
}

static void new_second(struct session *s)
{
	int64_t second = now_usec() / USEC;

	if (second == s->budget_second)
		return;
	s->budget_second = second;
	s->lookups = 0;
	s->port_usec = 0;
}

static bool ask_port(struct session *s, const struct question *q, struct answer *a)
{
	struct sockdiag *sd = s->src->sockdiag;
	int64_t start = now_usec();
	int bound, udp, outgoing;

	if (s->port_usec > PORT_QUESTIONS_USEC)
		return false;
	bound = sockdiag_bound(sd, q->port, &a->bound_row);
	udp = sockdiag_udp(sd, q->port, &a->udp_row);
	outgoing = bound == 0 || udp == 0 ? -ENOENT
					  : sockdiag_outgoing(sd, q->port, &a->outgoing_row);
	s->port_usec += now_usec() - start;
	a->bound = bound == 0;
	a->udp = udp == 0;
	a->outgoing = outgoing == 0;
	a->complete = (bound == 0 || bound == -ENOENT) && (udp == 0 || udp == -ENOENT) &&
		      (outgoing == 0 || outgoing == -ENOENT);
	if (a->bound)
		owner_of(s, &a->bound_row, &a->bound_owner);
	if (a->udp)
		owner_of(s, &a->udp_row, &a->udp_owner);
	if (a->outgoing)
		owner_of(s, &a->outgoing_row, &a->outgoing_owner);
	return true;
}

static bool on_question(void *ctx, const struct question *q, struct answer *ret_answer)
{
	struct session *s = ctx;
	int r;

	if (!s->src->sockdiag)
		return false;
	new_second(s);
	if (q->kind == ASK_PORT)
		return ask_port(s, q, ret_answer);
	if (q->kind != ASK_LOOKUP || s->lookups++ >= LOOKUPS_A_SECOND)
		return false;
	r = sockdiag_lookup(s->src->sockdiag, q, &ret_answer->row);
	ret_answer->found = r == 0;
	return r == 0 || r == -ENOENT;
}

static const char *on_interface(void *ctx, uint32_t ifindex, char buf[static 32])
{
	struct session *s = ctx;
	char name[IF_NAMESIZE];

	if (ifindex != s->named_index || !s->named[0]) {
		s->named_index = ifindex;
		text_copy(s->named, sizeof(s->named), "");
		if (if_indextoname(ifindex, name))
			text_clean(s->named, sizeof(s->named), name, strlen(name));
	}
	text_copy(buf, 32, s->named);
	return buf;
}

static void set_source(struct session *s, enum source source, enum source_state state, const char *why)
{
	state_set(&s->src->state[source], state, why);
	engine_source(s->engine, now_usec(), source, state, s->src->state[source].why);
}

/* A snapshot of the listeners and of the counters. A failure is a state that is shown, and tried again. */
static void poll_host(struct session *s)
{
	struct counters c;
	size_t n;
	int64_t t = now_usec();
	int r;

	s->last_poll = t;
	s->poll_wanted = false;
	/* A sample that took long says not well enough when it was taken: try once more, or do without. */
	for (int i = 0; s->src->counters && i < 2; i++) {
		int64_t start = now_usec();

		if (counter_files_read(s->src->counters, &c) == 0 && now_usec() - start < SAMPLE_SPAN) {
			c.t = start;
			engine_counters(s->engine, &c);
			break;
		}
	}
	t = now_usec();
	if (!s->src->sockdiag)
		return;
	r = sockdiag_listeners(s->src->sockdiag, s->rows, ROWS_MAX, &n);
	if (r < 0) {
		if (!s->sockets_down)
			set_source(s, SOURCE_SOCKETS, STATE_DEGRADED,
				r == -ENOSPC ? "more listeners than are kept" : strerror(-r));
		s->sockets_down = true;
		engine_sockets_unknown(s->engine);
		return;
	} else if (s->sockets_down) {
		set_source(s, SOURCE_SOCKETS, STATE_ON, "");
		s->sockets_down = false;
	}
	engine_sockets(s->engine, t, s->rows, n);
	want_owners(s, s->rows, n);
}

static void read_addresses(struct session *s)
{
	enum {
		MAX = 4096,
	};
	static struct ip ips[MAX];
	size_t n = 0;
	int r = s->src->addresses ? addresses_read(s->src->addresses, ips, MAX, &n) : -ENOENT;

	if (s->engine)
		engine_addresses(s->engine, ips, n, r == 0);
}

static int on_addresses(void *ctx, uint32_t events)
{
	struct session *s = ctx;

	(void)events;
	addresses_drain(s->src->addresses);
	read_addresses(s);
	return LOOP_GO_ON;
}

static int on_destroyed(void *ctx, uint32_t events)
{
	struct session *s = ctx;
	uint64_t cookie;
	int r;

	(void)events;
	while ((r = sockdiag_next_destroyed(s->src->sockdiag, &cookie)) != -EAGAIN) {
		if (r == 0)
			engine_socket_gone(s->engine, now_usec(), cookie);
		else if (r == -ENOBUFS)
			s->poll_wanted = true; /* some were missed: look for ourselves */
		else if (r != -EBADMSG && r != -EINTR)
			break;
	}
	return LOOP_GO_ON;
}

static void take_segment(void *ctx, const struct segment *segment)
{
	engine_segment(((struct session *)ctx)->engine, segment);
}

static void update_capture(struct session *s)
{
	uint64_t received, lost;
	char why[160];

	if (!s->src->capture)
		return;
	capture_stats(s->src->capture, &received, &lost, why, sizeof(why));
	engine_capture_stats(s->engine, received, lost);
	if (why[0] && !s->capture_down) {
		s->capture_down = true;
		set_source(s, SOURCE_PACKETS, STATE_DEGRADED, why);
	}
}

static void arm(struct session *s, int64_t at)
{
	int64_t delay = at - now_usec();
	struct itimerspec spec = {.it_value = {0, 0}};

	if (delay < 1000)
		delay = 1000;
	spec.it_value.tv_sec = delay / USEC;
	spec.it_value.tv_nsec = delay % USEC * 1000;
	timerfd_settime(s->timer, 0, &spec, NULL);
}

static int show_frame(struct session *s)
{
	int r = s->fe->frame ? s->fe->frame(s->fe->ctx) : 0;

	return r < 0 ? EXIT_FAILED : LOOP_GO_ON;
}

static int finish(struct session *s, const char *reason, int status)
{
	engine_bye(s->engine, now_usec(), reason);
	show_frame(s);
	return status;
}

/* One round: deadlines, a poll when due or wanted, a frame once an interval. */
static int run_round(struct session *s)
{
	int64_t now = now_usec(), next;

	engine_advance(s->engine, now);
	s->poll_wanted |= engine_wants_poll(s->engine);
	if (now >= s->next_poll || (s->poll_wanted && now >= s->last_poll + POLL_APART) ||
		(engine_is_alert(s->engine) && now >= s->last_poll + BUSY_PAUSE) ||
		now < s->last_poll) {
		poll_host(s);
		s->next_poll = now + s->o->interval;
	}
	if (now >= s->next_frame || now + s->o->interval < s->next_frame) {
		int r;

		update_capture(s);
		s->next_frame = now + s->o->interval;
		r = show_frame(s);
		if (r != LOOP_GO_ON)
			return r;
	}
	if (s->fe->round && s->fe->round(s->fe->ctx) < 0)
		return EXIT_FAILED;
	if (s->stop_at && now >= s->stop_at)
		return finish(s, "time is up", EXIT_DONE);
	next = s->next_frame < s->next_poll ? s->next_frame : s->next_poll;
	if ((s->poll_wanted || engine_is_busy(s->engine)) && next > now + BUSY_PAUSE)
		next = now + BUSY_PAUSE;
	if (s->stop_at && s->stop_at < next)
		next = s->stop_at;
	arm(s, next);
	return LOOP_GO_ON;
}

static int on_timer(void *ctx, uint32_t events)
{
	struct session *s = ctx;
	uint64_t count;

	(void)events;
	if (read(s->timer, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return EXIT_FAILED;
	return run_round(s);
}

static int on_packets(void *ctx, uint32_t events)
{
	struct session *s = ctx;
	size_t n;

	(void)events;
	do {
		n = capture_drain(s->src->capture, DRAIN_BATCH, take_segment, s);
		engine_advance(s->engine, now_usec());
	} while (n == DRAIN_BATCH && now_usec() < s->next_frame);
	if (n == DRAIN_BATCH) /* more waits: come back after the screen and the keys had their turn */
		capture_again(s->src->capture);
	return run_round(s);
}

static int on_signal(void *ctx, uint32_t events)
{
	struct session *s = ctx;
	struct signalfd_siginfo info;

	(void)events;
	if (read(s->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return LOOP_GO_ON;
	if (info.ssi_signo == SIGWINCH || info.ssi_signo == SIGCONT) {
		if (s->fe->resize)
			s->fe->resize(s->fe->ctx);
		return show_frame(s);
	}
	if (s->engine)
		return finish(s, strsignal((int)info.ssi_signo), EXIT_DONE);
	return EXIT_DONE;
}

static int on_input(void *ctx, uint32_t events)
{
	struct session *s = ctx;
	int r;

	r = s->fe->input(s->fe->ctx);
	if (r == LOOP_GO_ON && events & (EPOLLHUP | EPOLLERR))
		r = EXIT_FAILED; /* the terminal is gone */
	if (r != LOOP_GO_ON)
		return s->engine ? finish(s, "quit", r) : r;
	return show_frame(s);
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

/* What live and replay have in common. 0 or -errno. */
static int session_init(struct session *s, const struct options *o, struct frontend *fe, int broker)
{
	int r;

	memset(s, 0, sizeof(*s));
	s->o = o;
	s->fe = fe;
	s->broker = broker;
	s->signals = open_signals();
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	s->loop = loop_new();
	if (s->signals < 0 || s->timer < 0 || !s->loop)
		return -errno;
	r = loop_add(s->loop, s->signals, on_signal, s);
	if (r == 0 && fe->input_fd >= 0)
		r = loop_add(s->loop, fe->input_fd, on_input, s);
	return r;
}

static void session_fini(struct session *s)
{
	engine_free(s->engine);
	table_free(s->inodes);
	free(s->rows);
	loop_free(s->loop);
	if (s->timer >= 0)
		close(s->timer);
	if (s->signals >= 0)
		close(s->signals);
}

static void fill_hello(struct event_hello *h, const struct event_state *state)
{
	char host[72] = "";

	memset(h, 0, sizeof(*h));
	h->schema = EVENT_SCHEMA;
	text_copy(h->version, sizeof(h->version), TCPWHY_VERSION);
	gethostname(host, sizeof(host) - 1);
	text_clean(h->host, sizeof(h->host), host, strlen(host));
	memcpy(h->sources, state, sizeof(h->sources));
}

static uint8_t read_ttl(void)
{
	FILE *f = fopen("/proc/sys/net/ipv4/ip_default_ttl", "re");
	unsigned int ttl = 0;

	if (f) {
		if (fscanf(f, "%3u", &ttl) != 1 || ttl > 255)
			ttl = 0;
		fclose(f);
	}
	return (uint8_t)ttl;
}

static int watch_sources(struct session *s)
{
	int r = loop_add(s->loop, s->timer, on_timer, s);

	if (r == 0)
		r = loop_add(s->loop, s->broker, on_broker, s);
	if (r == 0 && s->src->sockdiag)
		r = loop_add(s->loop, sockdiag_events_fd(s->src->sockdiag), on_destroyed, s);
	if (r == 0 && s->src->addresses)
		r = loop_add(s->loop, addresses_fd(s->src->addresses), on_addresses, s);
	if (r == 0 && s->src->capture)
		r = loop_add(s->loop, capture_fd(s->src->capture), on_packets, s);
	return r;
}

int session_live(const struct options *o, struct sources *sources, struct frontend *fe, int broker)
{
	struct session s;
	struct event_hello hello;
	struct engine_config config;
	int r = session_init(&s, o, fe, broker);

	if (r < 0)
		goto out;
	s.src = sources;
	config = (struct engine_config){
		.key = hash_key_random(),
		.sink = fe->sink,
		.interval = o->interval,
		.netns = "",
		.ttl = read_ttl(),
		.filtered = o->filter != NULL,
		.partial = o->n_interfaces > 0 || o->filter,
		.ask = on_question,
		.interface = on_interface,
		.ctx = &s,
	};
	s.engine = engine_new(&config);
	s.inodes = table_new(KNOWN_INODES, sizeof(uint32_t), sizeof(struct known_owner), config.key);
	s.rows = calloc(ROWS_MAX, sizeof(*s.rows));
	r = s.engine && s.inodes && s.rows ? watch_sources(&s) : -ENOMEM;
	if (r < 0)
		goto out;
	if (sources->capture) {
		r = capture_start(sources->capture);
		if (r < 0)
			goto out;
	}
	fill_hello(&hello, sources->state);
	engine_hello(s.engine, now_usec(), &hello);
	read_addresses(&s);
	poll_host(&s);
	s.next_poll = s.next_frame = s.last_poll + o->interval;
	s.stop_at = o->duration ? s.last_poll + o->duration : 0;
	r = show_frame(&s);
	if (r == LOOP_GO_ON) {
		arm(&s, s.last_poll + BUSY_PAUSE);
		r = loop_run(s.loop);
	}
out:
	session_fini(&s);
	return r < 0 ? EXIT_FAILED : r;
}

/* A recording: lines into the sink, as they come, or at the pace at which they were made. */
struct replay {
	struct session s;
	struct input *in;
	bool paced, pending;
	int64_t offset; /* what to add to the recording's times */
	struct event next;
	uint64_t bad, good;
};

/* Moves an event's times to now, so that a demo looks live. */
static void shift(struct event *ev, int64_t offset)
{
	ev->t += offset;
	if (ev->type == EVENT_ATTEMPT || ev->type == EVENT_RESET) {
		ev->attempt.first += offset;
		ev->attempt.last += offset;
	}
}

/* The next event: 0, -EAGAIN (none yet), -ENODATA (the end), -errno. */
static int next_event(struct replay *p)
{
	const char *line;
	size_t n;
	int r;

	for (;;) {
		r = input_line(p->in, &line, &n);
		if (r == -EMSGSIZE) {
			p->bad++;
			continue;
		}
		if (r < 0)
			return r;
		if (n == 0)
			continue;
		r = stream_parse(line, n, &p->next);
		if (r == 0) {
			p->good++;
			return 0;
		}
		p->bad += r == -EBADMSG;
	}
}

static int end_of_recording(struct replay *p)
{
	if (p->good == 0) {
		p->s.fe->complain(p->s.fe->ctx, "this is no recording of events, and no capture file");
		return EXIT_USAGE;
	}
	if (p->bad > 0) {
		struct event ev;

		memset(&ev, 0, sizeof(ev));
		ev.type = EVENT_SOURCE;
		ev.t = p->next.t;
		text_copy(ev.source.source, sizeof(ev.source.source), "packets");
		text_copy(ev.source.s.state, sizeof(ev.source.s.state), "degraded");
		snprintf(ev.source.s.why, sizeof(ev.source.s.why),
			"%llu line%s of the recording could not be read", (unsigned long long)p->bad,
			p->bad == 1 ? "" : "s");
		p->s.fe->sink->event(p->s.fe->sink, &ev);
	}
	if (p->s.fe->input_fd < 0)
		return p->bad > 0 ? EXIT_USAGE : EXIT_DONE;
	return show_frame(&p->s); /* the screen stays until it is left */
}

static int on_recording(void *ctx, uint32_t events)
{
	struct replay *p = ctx;
	int r;

	(void)events;
	while ((r = next_event(p)) == 0)
		p->s.fe->sink->event(p->s.fe->sink, &p->next);
	if (r == -EAGAIN)
		return show_frame(&p->s);
	loop_remove(p->s.loop, input_fd(p->in));
	return r == -ENODATA ? end_of_recording(p) : EXIT_FAILED;
}

/* Plays what is due by now, and sets the timer for the next. */
static int on_pace(void *ctx, uint32_t events)
{
	struct replay *p = ctx;
	int64_t now = now_usec();
	uint64_t count;

	(void)events;
	if (read(p->s.timer, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return EXIT_FAILED;
	if (p->s.stop_at && now >= p->s.stop_at)
		return EXIT_DONE;
	for (;;) {
		if (!p->pending) {
			int r = next_event(p);

			if (r == -ENODATA) { /* over again */
				input_free(p->in);
				p->in = input_demo();
				p->offset = 0;
				if (!p->in)
					return EXIT_FAILED;
				arm(&p->s, now + USEC);
				return show_frame(&p->s);
			}
			if (r < 0)
				return EXIT_FAILED;
			if (p->offset == 0)
				p->offset = now - p->next.t;
			shift(&p->next, p->offset);
			p->pending = true;
		}
		if (p->next.t > now)
			break;
		p->s.fe->sink->event(p->s.fe->sink, &p->next);
		p->pending = false;
	}
	if (p->s.stop_at && p->s.stop_at < p->next.t)
		arm(&p->s, p->s.stop_at);
	else
		arm(&p->s, p->next.t);
	return show_frame(&p->s);
}

static int on_broker_gone(void *ctx, uint32_t events)
{
	(void)ctx;
	(void)events;
	return EXIT_FAILED;
}

static int on_time_up(void *ctx, uint32_t events)
{
	(void)ctx;
	(void)events;
	return EXIT_DONE;
}

/* A capture file: through the engine, on the packets' own clock. */
struct file_replay {
	struct engine *engine;
	bool started;
	int64_t last;
	uint64_t packets;
	struct event_hello hello;
};

static void take_file_segment(void *ctx, const struct segment *segment)
{
	struct file_replay *f = ctx;

	if (!f->started) {
		engine_hello(f->engine, segment->t, &f->hello);
		f->started = true;
	}
	/* Deadlines between two packets run at their own time; a gap is walked through, within reason. */
	while (f->last && segment->t - f->last > BUSY_PAUSE && segment->t - f->last < 600 * USEC) {
		f->last += BUSY_PAUSE;
		engine_advance(f->engine, f->last);
	}
	if (segment->t > f->last) /* the packets' clock; a late one does not turn it back */
		f->last = segment->t;
	engine_advance(f->engine, f->last);
	engine_capture_stats(f->engine, ++f->packets, 0);
	engine_segment(f->engine, segment);
}

static int replay_capture(struct replay *p)
{
	struct event_state state[SOURCE_COUNT];
	struct file_replay f = {.started = false};
	struct engine_config config = {
		.key = hash_key_random(),
		.sink = p->s.fe->sink,
		.interval = p->s.o->interval,
		.netns = "",
	};
	FILE *stream = input_stream(p->in);
	char err[256] = "";
	int r;

	for (int i = 0; i < SOURCE_COUNT; i++)
		state_set(&state[i], STATE_OFF, "a capture file has packets only");
	state_set(&state[SOURCE_PACKETS], STATE_ON, "");
	fill_hello(&f.hello, state);
	text_copy(f.hello.host, sizeof(f.hello.host), "capture file");
	f.engine = engine_new(&config);
	if (!f.engine || !stream) {
		if (stream)
			fclose(stream);
		engine_free(f.engine);
		return EXIT_FAILED;
	}
	r = capture_read_stream(stream, p->s.o->filter, take_file_segment, &f, err, sizeof(err));
	if (!f.started)
		engine_hello(f.engine, now_usec(), &f.hello);
	for (int i = 0; i < 100 && f.last; i++) { /* five seconds more, for what is pending */
		f.last += BUSY_PAUSE;
		engine_advance(f.engine, f.last);
	}
	if (r < 0)
		engine_source(f.engine, f.last, SOURCE_PACKETS, STATE_DEGRADED, err);
	engine_bye(f.engine, f.last, r < 0 ? "the file is damaged" : "end of file");
	engine_free(f.engine);
	if (p->s.fe->input_fd >= 0)
		return show_frame(&p->s);
	return r < 0 ? EXIT_USAGE : EXIT_DONE;
}

int session_replay(const struct options *o, struct input *in, struct frontend *fe, int broker, bool paced)
{
	struct replay *p = calloc(1, sizeof(*p));
	int r = -ENOMEM, kind;

	if (!p)
		return EXIT_FAILED;
	p->in = in;
	p->paced = paced;
	r = session_init(&p->s, o, fe, broker);
	if (r < 0)
		goto out;
	r = loop_add(p->s.loop, broker, on_broker_gone, p);
	if (r < 0)
		goto out;
	if (paced) {
		p->s.stop_at = o->duration ? now_usec() + o->duration : 0;
		r = loop_add(p->s.loop, p->s.timer, on_pace, p);
		if (r == 0)
			r = on_pace(p, 0);
	} else {
		if (o->duration) {
			r = loop_add(p->s.loop, p->s.timer, on_time_up, p);
			if (r < 0)
				goto out;
			arm(&p->s, now_usec() + o->duration);
		}
		kind = input_is_capture(in);
		r = kind < 0 ? kind : kind > 0 ? replay_capture(p) : LOOP_GO_ON;
		if (kind == 0 && o->filter) {
			r = EXIT_USAGE;
			fe->complain(fe->ctx, "a filter expression is for packets, not for a recording of events");
		} else if (kind == 0) {
			r = loop_add(p->s.loop, input_fd(in), on_recording, p);
			if (r == -EPERM) { /* a regular file: epoll has no use for it */
				r = on_recording(p, 0);
			} else if (r == 0) {
				r = LOOP_GO_ON;
			}
		}
	}
	if (r == LOOP_GO_ON)
		r = loop_run(p->s.loop);
out:
	session_fini(&p->s);
	input_free(p->in);
	free(p);
	return r < 0 ? EXIT_FAILED : r;
}
