/* replay.c - plays a recording of events, or a capture file. */
#include "base/text.h"
#include "engine/engine.h"
#include "event/stream.h"
#include "session.h"
#include "sources.h"
#include "worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	STEP = 50000, /* deadlines between two packets run in steps of this */
};

/* A recording: lines into the sink, as they come, or at the pace at which they were made. */
struct replay {
	struct worker w;
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
		p->w.fe->complain(p->w.fe->ctx, "this is no recording of events, and no capture file");
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
		p->w.fe->sink->event(p->w.fe->sink, &ev);
	}
	if (p->w.fe->input_fd < 0)
		return p->bad > 0 ? EXIT_USAGE : EXIT_DONE;
	return worker_show(&p->w); /* the screen stays until it is left */
}

static int on_recording(void *ctx, uint32_t events)
{
	struct replay *p = ctx;
	int r;

	(void)events;
	while ((r = next_event(p)) == 0)
		p->w.fe->sink->event(p->w.fe->sink, &p->next);
	if (r == -EAGAIN)
		return worker_show(&p->w);
	loop_remove(p->w.loop, input_fd(p->in));
	return r == -ENODATA ? end_of_recording(p) : EXIT_FAILED;
}

/* Plays what is due by now, and sets the timer for the next. */
static int on_pace(void *ctx, uint32_t events)
{
	struct replay *p = ctx;
	int64_t now = worker_now();
	uint64_t count;

	(void)events;
	if (read(p->w.timer, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return EXIT_FAILED;
	if (p->w.stop_at && now >= p->w.stop_at)
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
				worker_arm(&p->w, now + USEC);
				return worker_show(&p->w);
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
		p->w.fe->sink->event(p->w.fe->sink, &p->next);
		p->pending = false;
	}
	if (p->w.stop_at && p->w.stop_at < p->next.t)
		worker_arm(&p->w, p->w.stop_at);
	else
		worker_arm(&p->w, p->next.t);
	return worker_show(&p->w);
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
	while (f->last && segment->t - f->last > STEP && segment->t - f->last < 600 * USEC) {
		f->last += STEP;
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
		.sink = p->w.fe->sink,
		.interval = p->w.o->interval,
		.netns = "",
	};
	FILE *stream = input_stream(p->in);
	char err[256] = "";
	int r;

	for (int i = 0; i < SOURCE_COUNT; i++)
		source_set(&state[i], STATE_OFF, "a capture file has packets only");
	source_set(&state[SOURCE_PACKETS], STATE_ON, "");
	sources_hello(&f.hello, state);
	text_copy(f.hello.host, sizeof(f.hello.host), "capture file");
	f.engine = engine_new(&config);
	if (!f.engine || !stream) {
		if (stream)
			fclose(stream);
		engine_free(f.engine);
		return EXIT_FAILED;
	}
	r = capture_read_stream(stream, p->w.o->filter, take_file_segment, &f, err, sizeof(err));
	if (!f.started)
		engine_hello(f.engine, worker_now(), &f.hello);
	for (int i = 0; i < 100 && f.last; i++) { /* five seconds more, for what is pending */
		f.last += STEP;
		engine_advance(f.engine, f.last);
	}
	if (r < 0)
		engine_source(f.engine, f.last, SOURCE_PACKETS, STATE_DEGRADED, err);
	engine_bye(f.engine, f.last, r < 0 ? "the file is damaged" : "end of file");
	engine_free(f.engine);
	if (p->w.fe->input_fd >= 0)
		return worker_show(&p->w);
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
	r = worker_init(&p->w, o, fe, broker);
	if (r < 0)
		goto out;
	r = loop_add(p->w.loop, broker, on_broker_gone, p);
	if (r < 0)
		goto out;
	if (paced) {
		p->w.stop_at = o->duration ? worker_now() + o->duration : 0;
		r = loop_add(p->w.loop, p->w.timer, on_pace, p);
		if (r == 0)
			r = on_pace(p, 0);
	} else {
		if (o->duration) {
			r = loop_add(p->w.loop, p->w.timer, on_time_up, p);
			if (r < 0)
				goto out;
			worker_arm(&p->w, worker_now() + o->duration);
		}
		kind = input_is_capture(in);
		r = kind < 0 ? kind : kind > 0 ? replay_capture(p) : LOOP_GO_ON;
		if (kind == 0 && o->filter) {
			r = EXIT_USAGE;
			fe->complain(fe->ctx, "a filter expression is for packets, not for a recording of events");
		} else if (kind == 0) {
			r = loop_add(p->w.loop, input_fd(in), on_recording, p);
			if (r == -EPERM) { /* a regular file: epoll has no use for it */
				r = on_recording(p, 0);
			} else if (r == 0) {
				r = LOOP_GO_ON;
			}
		}
	}
	if (r == LOOP_GO_ON)
		r = loop_run(p->w.loop);
out:
	worker_fini(&p->w);
	input_free(p->in);
	free(p);
	return r < 0 ? EXIT_FAILED : r;
}
