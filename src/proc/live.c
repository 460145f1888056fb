/* live.c - watches this host: sources into the engine, events to the front end. */
#include "base/text.h"
#include "engine/engine.h"
#include "forecast.h"
#include "host.h"
#include "hostfacts.h"
#include "remote.h"
#include "session.h"
#include "worker.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ROWS_MAX = 65536,    /* listeners; as many as the engine keeps */
	PORT_ROWS = 1024,    /* of the port that is to be explained, where there are more */
	POLL_SHARE = 5,      /* polls take no more than this part of the time */
	BUSY_PAUSE = 50000,  /* between two rounds while something is pending */
	SAMPLE_SPAN = 5000,  /* a sample of the counters is taken within this */
	POLL_APART = 40000,  /* two polls on demand are at least this far apart */
	TRACE_APART = 5000000, /* of another peer or port */
	TRACE_AGAIN = 30000000, /* as long as a trace runs */
	DESCRIBE_APART = 5000000, /* two looks at interfaces, settings and the ruleset's generation */
	LOOKS_APART = 150000, /* two changes of the capture's filter, which takes milliseconds */
	DRAIN_BATCH = 4096,  /* segments taken before the clock is looked at again */
};

struct session {
	struct worker w;
	struct sources *src;
	struct host *host;
	struct engine *engine;
	struct hostfacts *facts; /* NULL: a watcher, whose namespace is not described */
	struct counters counters; /* the last sample */
	struct socket_row *rows;
	int64_t last_poll, next_poll, next_frame;
	int64_t poll_took; /* the last one: milliseconds where there are many thousand listeners */
	int64_t described; /* when the host was looked at last */
	int64_t looked; /* when the capture's filter was changed last */
	int64_t traced; /* when a trace was started last */
	struct ip trace_peer;
	uint16_t trace_port;
	uint64_t looks; /* the last generation of them that was handed to the capture */
	bool poll_wanted, capture_down, sockets_down;
	struct remotes *remotes; /* watchers of other namespaces; NULL: none */
	const struct session_place *place; /* of a watcher; NULL: the main one */
	uint32_t named_index;
	char named[32];
};

static void on_owner(void *ctx, uint32_t inode, const struct owner *o)
{
	engine_owner(((struct session *)ctx)->engine, inode, o);
}

static int on_broker(void *ctx, uint32_t events)
{
	struct session *s = ctx;

	(void)events;
	return host_receive(s->host) < 0 ? EXIT_FAILED : LOOP_GO_ON; /* killed: nothing is left to watch with */
}

static bool on_question(void *ctx, const struct question *q, struct answer *ret_answer)
{
	return host_ask(((struct session *)ctx)->host, q, ret_answer);
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
	source_set(&s->src->state[source], state, why);
	engine_source(s->engine, worker_now(), source, state, s->src->state[source].why);
}

/* More than are kept: what is missing may be there all the same. True: but of the port that is to be explained all are told. */
static bool take_some(struct session *s, int64_t t, size_t n)
{
	uint16_t port = (uint16_t)s->w.o->explain;
	size_t some = 0;

	if (port != 0) {
		if (n > ROWS_MAX - PORT_ROWS)
			n = ROWS_MAX - PORT_ROWS;
		for (size_t i = 0; i < n; i++) /* those of the port are asked for anew */
			if (s->rows[i].port == port)
				s->rows[i--] = s->rows[--n];
		if (sockdiag_listeners_of(s->src->sockdiag, port, s->rows + n, PORT_ROWS, &some) < 0 && some == 0)
			port = 0;
	}
	engine_sockets_some(s->engine, t, s->rows, n + some, port);
	host_want_owners(s->host, s->rows + n, some);
	host_want_owners(s->host, s->rows, n);
	return port != 0;
}

static void poll_listeners(struct session *s, int64_t t)
{
	size_t n = 0;
	int r = sockdiag_listeners(s->src->sockdiag, s->rows, ROWS_MAX, &n);
	bool some = r == -ENOSPC;

	if (some && take_some(s, t, n))
		r = 0; /* all of the port that matters */
	if (r < 0 && !s->sockets_down)
		set_source(s, SOURCE_SOCKETS, STATE_DEGRADED,
			r == -ENOSPC ? "more listeners than are kept: of a port without one it is not known whether it has one"
				     : strerror(-r));
	else if (r == 0 && s->sockets_down)
		set_source(s, SOURCE_SOCKETS, STATE_ON, "");
	s->sockets_down = r < 0;
	if (r < 0 && !some) {
		engine_sockets_unknown(s->engine);
	} else if (!some) {
		engine_sockets(s->engine, t, s->rows, n);
		host_want_owners(s->host, s->rows, n);
	}
}

/* A snapshot of the listeners and of the counters. A failure is a state that is shown, and tried again. */
static void poll_host(struct session *s)
{
	struct counters c;
	int64_t t = worker_now();

	s->last_poll = t;
	s->poll_wanted = false;
	/* A sample that took long says not well enough when it was taken: try once more, or do without. */
	for (int i = 0; s->src->counters && i < 2; i++) {
		int64_t start = worker_now();

		if (counter_files_read(s->src->counters, &c) == 0 && worker_now() - start < SAMPLE_SPAN) {
			c.t = start;
			engine_counters(s->engine, &c);
			s->counters = c;
			break;
		}
	}
	t = worker_now();
	if (!s->src->sockdiag)
		return;
	poll_listeners(s, t);
	s->poll_took = worker_now() - s->last_poll;
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

/* Hands the capture what the engine wants to see, when that has changed. */
static void look_closer(struct session *s)
{
	struct look looks[LOOKS_MAX];
	uint64_t generation;
	size_t n = engine_looks(s->engine, looks, &generation);

	if (s->src->capture)
		engine_looks_taken(s->engine, worker_now(), capture_looked(s->src->capture));
	if (!s->src->capture || generation == s->looks || worker_now() - s->looked < LOOKS_APART)
		return;
	s->looks = generation;
	s->looked = worker_now();
	capture_look(s->src->capture, looks, n, generation);
}

static int on_addresses(void *ctx, uint32_t events)
{
	struct session *s = ctx;

	(void)events;
	addresses_drain(s->src->addresses);
	read_addresses(s);
	look_closer(s);
	return LOOP_GO_ON;
}

static int on_destroyed(void *ctx, uint32_t events)
{
	struct session *s = ctx;
	struct connection c;
	int r;

	(void)events;
	while ((r = sockdiag_next_destroyed(s->src->sockdiag, &c)) != -EAGAIN) {
		if (r == 0)
			engine_socket_gone(s->engine, worker_now(), &c);
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

static int finish(struct worker *w, const char *reason, int status)
{
	struct session *s = (struct session *)(void *)w; /* its first member */

	if (s->w.o->explain)
		forecast_tell(s->engine, s->host, (uint16_t)s->w.o->explain, worker_now());
	engine_bye(s->engine, worker_now(), reason);
	worker_show(&s->w);
	return status;
}

static void take_word(void *ctx, const struct kernel_word *w)
{
	struct session *s = ctx;

	if (!s->remotes || !remotes_word(s->remotes, w))
		engine_kernel(s->engine, w);
}

/* The kernel's words about this namespace, from the main worker. */
static int on_word(void *ctx, uint32_t events)
{
	struct session *s = ctx;
	struct kernel_word w;
	ssize_t n;

	(void)events;
	while ((n = recv(s->place->words, &w, sizeof(w), MSG_DONTWAIT)) == (ssize_t)sizeof(w))
		engine_kernel(s->engine, &w);
	return n == 0 ? EXIT_FAILED : LOOP_GO_ON; /* nobody listens any more */
}

/* The kernel's reasons have come, or why there are none. */
static int on_late_kernel(void *ctx, uint32_t events)
{
	struct session *s = ctx;
	char why[160];

	(void)events;
	s->src->kernel = kernel_receive(s->src->late_kernel, why, sizeof(why));
	loop_remove(s->w.loop, s->src->late_kernel);
	close(s->src->late_kernel);
	s->src->late_kernel = 0;
	if (s->src->kernel)
		engine_hear_kernel(s->engine);
	set_source(s, SOURCE_KERNEL, !s->src->kernel ? STATE_OFF : why[0] ? STATE_DEGRADED : STATE_ON, why);
	return LOOP_GO_ON;
}

static int on_kernel(void *ctx, uint32_t events)
{
	(void)events;
	kernel_drain(((struct session *)ctx)->src->kernel, take_word, ctx);
	return LOOP_GO_ON;
}

/* Which namespaces are watched. */
static void on_remotes(void *ctx, size_t n, const char *names)
{
	struct session *s = ctx;
	char why[200];

	snprintf(why, sizeof(why), "%zu other namespace%s watched%s%s", n, n == 1 ? "" : "s", n ? ": " : "", names);
	set_source(s, SOURCE_NAMESPACES, STATE_ON, why);
}

/* What the kernel said comes before the verdicts that may rest on it. */
static void advance(struct session *s, int64_t now)
{
	if (s->src->kernel)
		kernel_drain(s->src->kernel, take_word, s);
	engine_advance(s->engine, now);
}

static void on_traced(void *ctx, const struct traced *t, const char *why)
{
	struct session *s = ctx;
	char text[200];

	if (t) {
		engine_traced(s->engine, t);
		return;
	}
	snprintf(text, sizeof(text), "trace: %s", why);
	set_source(s, SOURCE_FIREWALL, STATE_DEGRADED, text);
}

/* Starts a trace where the engine wants one; the same one again only when the last has ended. */
static void start_trace(struct session *s)
{
	struct ip peer;
	uint16_t port;
	int64_t now = worker_now();
	bool same;

	if (s->w.fe->wants_trace && s->w.fe->wants_trace(s->w.fe->ctx, &peer, &port))
		s->traced = 0; /* whatever runs */
	else if (!engine_wants_trace(s->engine, &peer, &port))
		return;
	same = port == s->trace_port && ip_equal(&peer, &s->trace_peer);
	if (s->traced && now - s->traced < (same ? TRACE_AGAIN : TRACE_APART))
		return;
	s->traced = now;
	s->trace_peer = peer;
	s->trace_port = port;
	host_trace(s->host, &peer, port);
}

static void on_ruleset(void *ctx, const char *words)
{
	struct session *s = ctx;

	hostfacts_say(s->facts, worker_now(), "firewall", "ruleset", words, "");
}

/* What the host is like, as far as it has changed. */
static void tell_host(struct session *s, int64_t now)
{
	if (!s->facts)
		return;
	if (s->counters.t)
		hostfacts_counters(s->facts, now, &s->counters);
	if (s->described && now >= s->described && now - s->described < DESCRIBE_APART)
		return;
	s->described = now;
	hostfacts_look(s->facts, now);
	if (strcmp(s->src->state[SOURCE_FIREWALL].state, "on") == 0)
		host_want_ruleset(s->host, on_ruleset);
}

/* How far apart two polls are: as wanted, or further where one takes long. */
static int64_t poll_apart(const struct session *s, int64_t wanted)
{
	return s->poll_took * POLL_SHARE > wanted ? s->poll_took * POLL_SHARE : wanted;
}

/* One round: deadlines, a poll when due or wanted, a frame once an interval. */
static int run_round(struct session *s)
{
	int64_t now = worker_now(), next;

	advance(s, now);
	s->poll_wanted |= engine_wants_poll(s->engine);
	if (now >= s->next_poll || (s->poll_wanted && now >= s->last_poll + poll_apart(s, POLL_APART)) ||
		(engine_is_alert(s->engine) && now >= s->last_poll + poll_apart(s, BUSY_PAUSE)) ||
		now < s->last_poll) {
		poll_host(s);
		s->next_poll = now + poll_apart(s, s->w.o->interval);
	}
	look_closer(s);
	start_trace(s);
	if (now >= s->next_frame || now + s->w.o->interval < s->next_frame) {
		int r;

		update_capture(s);
		tell_host(s, now);
		s->next_frame = now + s->w.o->interval;
		r = worker_show(&s->w);
		if (r != LOOP_GO_ON)
			return r;
	}
	if (s->w.fe->round && s->w.fe->round(s->w.fe->ctx) < 0)
		return EXIT_FAILED;
	if (s->w.stop_at && now >= s->w.stop_at)
		return finish(&s->w, "time is up", EXIT_DONE);
	next = s->next_frame < s->next_poll ? s->next_frame : s->next_poll;
	if ((s->poll_wanted || engine_is_busy(s->engine)) && next > now + BUSY_PAUSE)
		next = now + BUSY_PAUSE;
	if (s->w.stop_at && s->w.stop_at < next)
		next = s->w.stop_at;
	worker_arm(&s->w, next);
	return LOOP_GO_ON;
}

static int on_timer(void *ctx, uint32_t events)
{
	struct session *s = ctx;
	uint64_t count;

	(void)events;
	if (read(s->w.timer, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return EXIT_FAILED;
	return run_round(s);
}

static int on_packets(void *ctx, uint32_t events)
{
	struct session *s = ctx;
	size_t n;

	(void)events;
	if (s->src->kernel) /* its words come before their packets, and are heard before them */
		kernel_drain(s->src->kernel, take_word, s);
	do {
		n = capture_drain(s->src->capture, DRAIN_BATCH, take_segment, s);
		advance(s, worker_now());
	} while (n == DRAIN_BATCH && worker_now() < s->next_frame);
	if (n == DRAIN_BATCH) /* more waits: come back after the screen and the keys had their turn */
		capture_again(s->src->capture);
	return run_round(s);
}
/* A number below /proc/sys; 0: there is none. */
static uint32_t read_sysctl(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned int value = 0;

	if (f) {
		if (fscanf(f, "%9u", &value) != 1)
			value = 0;
		fclose(f);
	}
	return value;
}

static int watch_sources(struct session *s)
{
	int r = loop_add(s->w.loop, s->w.timer, on_timer, s);

	if (r == 0)
		r = loop_add(s->w.loop, s->w.broker, on_broker, s);
	if (r == 0 && s->src->sockdiag)
		r = loop_add(s->w.loop, sockdiag_events_fd(s->src->sockdiag), on_destroyed, s);
	if (r == 0 && s->src->addresses)
		r = loop_add(s->w.loop, addresses_fd(s->src->addresses), on_addresses, s);
	if (r == 0 && s->remotes && s->src->kernel)
		r = loop_add(s->w.loop, kernel_fd(s->src->kernel), on_kernel, s);
	if (r == 0 && s->src->late_kernel)
		r = loop_add(s->w.loop, s->src->late_kernel, on_late_kernel, s);
	if (r == 0 && s->place && s->place->words >= 0)
		r = loop_add(s->w.loop, s->place->words, on_word, s);
	if (r == 0 && s->src->capture)
		r = loop_add(s->w.loop, capture_fd(s->src->capture), on_packets, s);
	return r;
}

int session_live(const struct options *o, struct sources *sources, struct frontend *fe, int broker)
{
	return session_live_at(o, sources, fe, broker, NULL);
}

int session_live_at(const struct options *o, struct sources *sources, struct frontend *fe, int broker,
	const struct session_place *place)
{
	struct session s;
	struct event_hello hello;
	struct engine_config config;
	int r;

	memset(&s, 0, sizeof(s));
	r = worker_init(&s.w, o, fe, broker);
	if (r < 0)
		goto out;
	s.w.quit = finish;
	s.src = sources;
	s.place = place;
	if (fe->greetings > 0) {
		s.remotes = remotes_new(s.w.loop, fe->greetings, fe->sink, on_remotes, &s);
		r = s.remotes ? 0 : -errno;
		if (r < 0)
			goto out;
	}
	config = (struct engine_config){
		.key = hash_key_random(),
		.sink = s.remotes ? remotes_sink(s.remotes) : fe->sink,
		.interval = o->interval,
		.netns = place ? place->netns : "",
		.small = o->small,
		.ttl = (uint8_t)read_sysctl("/proc/sys/net/ipv4/ip_default_ttl"),
		.somaxconn = read_sysctl("/proc/sys/net/core/somaxconn"),
		.no_packets = !sources->capture,
		.kernel = sources->kernel || (place && place->words >= 0),
		.trace = o->trace_firewall,
		.filtered = o->filter != NULL,
		.partial = o->n_interfaces > 0 || o->filter,
		.ask = on_question,
		.interface = on_interface,
		.ctx = &s,
	};
	s.engine = engine_new(&config);
	s.host = host_new(sources, broker, config.key, on_owner, &s);
	if (s.host)
		host_on_traced(s.host, on_traced);
	s.facts = s.engine && !place ? hostfacts_new(s.engine) : NULL;
	s.rows = calloc(ROWS_MAX, sizeof(*s.rows));
	r = s.engine && s.host && s.rows ? watch_sources(&s) : -ENOMEM;
	if (r < 0)
		goto out;
	if (sources->capture) {
		r = capture_start(sources->capture);
		if (r < 0)
			goto out;
	}
	sources_hello(&hello, sources->state);
	engine_hello(s.engine, worker_now(), &hello);
	read_addresses(&s);
	poll_host(&s);
	host_wait_for_owners(s.host);
	s.next_poll = s.next_frame = s.last_poll + o->interval;
	s.w.stop_at = o->duration ? s.last_poll + o->duration : 0;
	r = worker_show(&s.w);
	if (r == LOOP_GO_ON) {
		engine_warm(s.engine); /* both behind the first frame, which they would delay */
		tell_host(&s, worker_now());
		worker_arm(&s.w, s.last_poll + BUSY_PAUSE);
		r = loop_run(s.w.loop);
	}
out:
	remotes_free(s.remotes);
	hostfacts_free(s.facts);
	engine_free(s.engine);
	host_free(s.host);
	free(s.rows);
	worker_fini(&s.w);
	return r < 0 ? EXIT_FAILED : r;
}
