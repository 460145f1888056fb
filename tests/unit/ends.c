/* ends.c - from segments, sockets and counters to the cause: half-open handshakes, and how connections end. */
#include "bench.h"
#include "unit.h"

/* Half open for the kernel, and no second SYN-ACK is ever seen: told before it is given up. */
static void test_half_open_without_a_retransmission(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_syn_recv;
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	flow_syn_ack(b, &f);
	bench_run(b, 100 * USEC);
	expect(bench_attempt(b, 80) != NULL, "nothing is told in 100 s");
	assert_string_equal(bench_attempt(b, 80)->outcome, "unfinished");
	bench_free(b);
}

/* A listener answers, the SYN-ACK goes out a second time; and the peer's ACKs to both. */
static struct bench *unfinished(struct flow *f, int syns, enum counter moves, bool acks)
{
	struct bench *b = bench_new();

	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_syn_recv;
	bench_run(b, 3 * USEC);
	*f = flow_to(80);
	flow_syn(b, f);
	flow_syn_ack(b, f);
	if (moves != COUNTER_COUNT) /* by the final ACK, which is not captured */
		b->counters.v[moves]++;
	bench_run(b, USEC);
	for (int i = 1; i < syns; i++)
		flow_syn(b, f);
	flow_syn_ack(b, f);
	if (acks)
		flow_send(b, f, true, TCP_ACK, 0, 0);
	bench_run(b, 4 * USEC);
	return b;
}

/* Everything of the peer is captured by the time that the SYN-ACK is sent again: its ACK, or none. */
static void test_unfinished(void **state)
{
	static const struct {
		int syns;
		enum counter moves;
		bool acks;
		const char *cause, *confidence;
	} cases[] = {
		{1, COUNTER_COUNT, false, "peer-silent", "inferred"},
		{2, COUNTER_COUNT, false, "reply-lost", "inferred"},
		{1, COUNTER_LISTEN_OVERFLOWS, false, "peer-silent", "inferred"}, /* another's overflow */
		{1, COUNTER_LISTEN_OVERFLOWS, true, "accept-queue-full-late", "possible"},
		{1, COUNTER_COUNT, true, "firewall-drop-ack", "possible"},
		{2, COUNTER_COUNT, true, "firewall-drop-ack", "possible"},
		{1, COUNTER_DEFER_ACCEPT_DROP, true, "deferred-accept", "possible"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct flow f;
		struct bench *b = unfinished(&f, cases[i].syns, cases[i].moves, cases[i].acks);

		told_as(b, 80, "unfinished", cases[i].cause, cases[i].confidence, "none");
		assert_int_equal(b->ports[80].unfinished, 1);
		assert_int_equal(b->ports[80].accepted, 0);
		bench_free(b);
	}
}

/* There is room for 32 closer looks: of whom nobody looked at, silence is no evidence. Nor where none was taken. */
static void test_unfinished_unseen(void **state)
{
	enum {
		PEERS = 50,
	};

	(void)state;
	for (int refused = 0; refused < 2; refused++) {
		struct bench *b = bench_new();
		int sure = 0, n = 0;
		char peer[32];

		b->no_looks = refused;
		bench_listen(b, "0.0.0.0", 80);
		b->lookup = answers_syn_recv;
		bench_run(b, 3 * USEC);
		for (int times = 0; times < 2; times++) {
			for (int i = 0; i < PEERS; i++) {
				struct flow f;

				snprintf(peer, sizeof(peer), "203.0.%d.7", i);
				f = flow_in(peer, 40000, HOST, 80);
				if (times == 0)
					flow_syn(b, &f);
				flow_syn_ack(b, &f);
			}
			bench_run(b, times == 0 ? 1000000 : 4 * USEC);
		}
		for (size_t i = 0; i < b->n; i++) {
			const struct event_attempt *a = &b->events[i].attempt;

			if (b->events[i].type != EVENT_ATTEMPT || strcmp(a->cause, "peer-silent") != 0)
				continue;
			n += (int)a->count;
			sure += strcmp(a->confidence, "inferred") == 0 ? (int)a->count : 0;
		}
		assert_int_equal(n, PEERS);
		expect(refused ? sure == 0 : sure > 0 && sure <= LOOKS_MAX, "%d of %d", sure, PEERS);
		bench_free(b);
	}
}

/* Polls a minute apart (--interval 60): the verdict asks for the counters that decide it. */
static void test_unfinished_with_rare_polls(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_syn_recv;
	bench_run(b, 3 * USEC);
	b->poll_interval = 60 * USEC;
	bench_poll(b);
	flow_syn(b, &f);
	flow_syn_ack(b, &f);
	b->counters.v[COUNTER_LISTEN_OVERFLOWS]++;
	bench_run(b, USEC);
	flow_syn_ack(b, &f);
	flow_send(b, &f, true, TCP_ACK, 0, 0);
	bench_run(b, 5 * USEC);
	told_as(b, 80, "unfinished", "accept-queue-full-late", "possible", "none");
	bench_free(b);
}

/* It completes after all: told so, by the same id. */
static void test_unfinished_then_accepted(void **state)
{
	struct flow f;
	struct bench *b = unfinished(&f, 1, COUNTER_COUNT, false);
	int64_t id = bench_attempt(b, 80)->id;

	(void)state;
	b->lookup = answers_open;
	bench_run(b, 10 * USEC);
	assert_int_equal(told_as(b, 80, "accepted", "none", "proved", "none")->id, id);
	bench_free(b);
}

static void test_peer_reset(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	flow_syn_ack(b, &f);
	flow_send(b, &f, true, TCP_RST, 0, 0);
	bench_run(b, 3 * USEC);
	told_as(b, 80, "cancelled", "peer-reset", "proved", "none");
	assert_int_equal(b->tick.cancelled, 1);
	assert_int_equal(b->ports[80].rst_in, 1);
	bench_free(b);
}

/* It thought about it for a while: no scanner, and nobody knows. */
static void test_peer_reset_near_misses(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80), g = flow_in(PEER, 40001, HOST, 80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_syn_recv;
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	flow_syn_ack(b, &f);
	bench_run(b, 400000);
	flow_send(b, &f, true, TCP_RST, 0, 0);
	bench_run(b, 3 * USEC);
	assert_true(has_alternative(
		told_as(b, 80, "cancelled", "unknown", "possible", "none"), "peer-firewall"));
	flow_syn(b, &g); /* told when it can be known that it does not ask again */
	flow_syn_ack(b, &g);
	flow_send(b, &g, true, TCP_RST, 0, 0);
	bench_run(b, 1200000);
	assert_int_equal(bench_attempts(b, 80), 1);
	bench_run(b, 400000);
	told_as(b, 80, "cancelled", "peer-reset", "proved", "none");
	bench_free(b);
}

/* What was said of an unfinished one stands when the peer's RST ends it. */
static void test_unfinished_then_reset(void **state)
{
	struct flow f;
	struct bench *b = unfinished(&f, 1, COUNTER_COUNT, false);
	size_t n = bench_attempts(b, 80);

	(void)state;
	flow_send(b, &f, true, TCP_RST, 0, 0);
	bench_run(b, 5 * USEC);
	assert_int_equal(bench_attempts(b, 80), n);
	told_as(b, 80, "unfinished", "peer-silent", "inferred", "none");
	assert_int_equal(b->tick.cancelled, 0);
	bench_free(b);
}

/* The peer's own firewall resets our SYN-ACK, and the peer's stack tries the same SYN again. */
static void test_peer_firewall(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	for (int i = 0; i < 3; i++) {
		flow_syn(b, &f);
		flow_syn_ack(b, &f);
		flow_send(b, &f, true, TCP_RST, 0, 0);
		bench_run(b, USEC << i);
	}
	bench_run(b, 3 * USEC);
	expect(strcmp(bench_attempt(b, 80)->cause, "peer-firewall") == 0, "%s (%s)",
		bench_attempt(b, 80)->cause, bench_attempt(b, 80)->confidence);
	bench_free(b);
}

static void test_accepted(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, true);

	(void)state;
	told_as(b, 80, "accepted", "none", "proved", "none");
	flow_send(b, &f, true, TCP_FIN | TCP_ACK, 100, 2000);
	flow_send(b, &f, false, TCP_FIN | TCP_ACK, 101, 2000);
	bench_run(b, 10 * USEC);
	assert_int_equal(bench_attempts(b, 80), 1);
	assert_int_equal(b->ports[80].syn, 1);
	assert_int_equal(b->ports[80].synack, 1);
	assert_int_equal(b->ports[80].accepted, 1);
	assert_int_equal(b->ports[80].fin_in, 1);
	assert_int_equal(b->ports[80].fin_out, 1);
	assert_int_equal(b->tick.accepted, 1);
	assert_int_equal(b->tick.tracked, 0);
	bench_free(b);
}

/* Short connections: accepted is known by the FIN, at once. */
static void test_accepted_and_closed(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	flow_syn_ack(b, &f);
	flow_send(b, &f, false, TCP_FIN | TCP_ACK, 80, 500);
	flow_send(b, &f, true, TCP_FIN | TCP_ACK, 80, 501);
	bench_run(b, 10 * USEC);
	told_as(b, 80, "accepted", "none", "proved", "none");
	assert_int_equal(bench_attempts(b, 80), 1);
	assert_int_equal(b->ports[80].accepted, 1);
	bench_free(b);
}

/* The kernel knows of no such connection any more: it has come and gone, most likely. */
static void test_accepted_inferred(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, false);

	(void)state;
	told_as(b, 80, "accepted", "none", "inferred", "none");
	bench_free(b);
}

static void test_slow_accept_is_revised(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);
	int64_t id;

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	bench_run(b, USEC);
	id = bench_attempt(b, 80)->id;
	flow_syn(b, &f); /* again */
	flow_syn_ack(b, &f);
	b->lookup = answers_open;
	bench_run(b, 3 * USEC);
	assert_int_equal(told_as(b, 80, "accepted", "none", "proved", "none")->id, id);
	assert_int_equal(bench_attempt(b, 80)->syns, 2);
	assert_int_equal(bench_told(b, 80), 1);
	bench_free(b);
}

static void test_resets(void **state)
{
	static const struct {
		bool by_client;
		uint8_t flags;
		enum counter moves;
		bool our_fin;
		const char *cause, *confidence, *by, *sees;
	} cases[] = {
		{false, TCP_RST | TCP_ACK, COUNTER_ABORT_ON_CLOSE, false, "abort-unread-data", "proved", "host", "ECONNRESET"},
		{false, TCP_RST | TCP_ACK, COUNTER_ABORT_ON_DATA, false, "abort-linger", "proved", "host", "ECONNRESET"},
		{false, TCP_RST, COUNTER_COUNT, true, "sent-after-close", "proved", "host", "EPIPE"},
		{true, TCP_RST | TCP_ACK, COUNTER_COUNT, false, "peer-closed-abruptly", "proved", "peer", "none"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct flow f;
		struct bench *b = bench_connected(&f, true);
		const struct event_attempt *a;

		if (cases[i].our_fin) {
			flow_send(b, &f, false, TCP_FIN | TCP_ACK, 10, 20);
			bench_run(b, USEC);
		}
		flow_send(b, &f, cases[i].by_client, cases[i].flags, 10, 21);
		if (!cases[i].by_client)
			b->counters.v[COUNTER_OUT_RSTS]++;
		if (cases[i].moves != COUNTER_COUNT)
			b->counters.v[cases[i].moves]++;
		bench_run(b, 4 * USEC);
		a = told_as(b, 80, "accepted", cases[i].cause, cases[i].confidence, cases[i].sees);
		assert_string_equal(a->by, cases[i].by);
		assert_int_equal(b->events[b->n - 1].type, EVENT_RESET);
		assert_int_equal(b->ports[80].reset, 1);
		assert_int_equal(b->ports[80].accepted, 1);
		bench_free(b);
	}
}

/* Another port's queue overflows meanwhile: that is no evidence of why this one resets. */
static void test_counters_of_others(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, true);
	const struct event_attempt *a;
	bool own = false;

	(void)state;
	flow_send(b, &f, false, TCP_RST | TCP_ACK, 10, 21);
	b->counters.v[COUNTER_OUT_RSTS]++;
	b->counters.v[COUNTER_ABORT_ON_DATA]++;
	b->counters.v[COUNTER_LISTEN_OVERFLOWS]++;
	b->counters.v[COUNTER_LISTEN_DROPS]++;
	b->counters.v[COUNTER_RP_FILTER]++;
	bench_run(b, 3 * USEC);
	a = told_as(b, 80, "accepted", "abort-linger", "proved", "ECONNRESET");
	for (int i = 0; i < EVENT_EVIDENCE; i++) {
		expect(!strstr(a->evidence[i].text, "ListenOverflows") && !strstr(a->evidence[i].text, "ListenDrops") &&
				!strstr(a->evidence[i].text, "ReversePath"), "%s", a->evidence[i].text);
		own = own || strstr(a->evidence[i].text, "TCPAbortOnData rose by 1");
	}
	assert_true(own);
	bench_free(b);
}

/* Both abort counters move in the window: either may be the one. */
static void test_reset_near_miss(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, true);

	(void)state;
	flow_send(b, &f, false, TCP_RST | TCP_ACK, 10, 21);
	b->counters.v[COUNTER_OUT_RSTS] += 2;
	b->counters.v[COUNTER_ABORT_ON_CLOSE]++;
	b->counters.v[COUNTER_ABORT_ON_DATA]++;
	bench_run(b, 4 * USEC);
	assert_string_equal(bench_attempt(b, 80)->confidence, "possible");
	bench_free(b);
}

/* The process is killed: its listener goes in the same moment, so it need not have closed anything. */
static void test_reset_as_the_process_dies(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, true);
	uint64_t cookie = b->rows[0].cookie;

	(void)state;
	flow_send(b, &f, false, TCP_RST | TCP_ACK, 10, 21);
	b->counters.v[COUNTER_OUT_RSTS]++;
	b->counters.v[COUNTER_ABORT_ON_CLOSE]++;
	b->t += 100;
	bench_gone(b, cookie);
	bench_unlisten(b, 80);
	bench_run(b, 4 * USEC);
	assert_true(has_alternative(
		told_as(b, 80, "accepted", "abort-unread-data", "possible", "ECONNRESET"),
		"process-died"));
	bench_free(b);
}

/* A RST in the peer's name that did not come the peer's way. */
static void test_resets_by_another(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, true);
	struct segment s = {.t = b->t,
		.src = f.client,
		.dst = f.server,
		.sport = f.sport,
		.dport = f.dport,
		.ifindex = f.ifindex,
		.kind = SEGMENT_TCP,
		.way = WAY_IN,
		.flags = TCP_RST,
		.ttl = 61,
		.seq = f.isn + 11};

	(void)state;
	b->lookup = NULL; /* the kernel took it */
	engine_segment(b->e, &s);
	bench_run(b, 4 * USEC);
	told_as(b, 80, "accepted", "middlebox-reset", "inferred", "none");
	bench_free(b);
	b = bench_connected(&f, true);
	b->lookup = NULL;
	s.ttl = 57;
	s.ifindex = 1; /* lo */
	s.t = b->t;
	engine_segment(b->e, &s);
	bench_run(b, 4 * USEC);
	told_as(b, 80, "accepted", "unknown", "possible", "none");
	bench_free(b);
}

/* The kernel's word on a RST to the peer, and on the segment that it answers. */
static void say_reset(struct bench *b, const struct flow *f, enum speech speech, uint32_t seq)
{
	struct kernel_word w = {.t = b->t, .src = f->server, .dst = f->client, .sport = f->dport, .dport = f->sport, .reset = true,
		.reason = REASON_OTHER, .count = 1, .flags = TCP_PSH | TCP_ACK, .seq = seq, .answers = true, .payload = 24,
		.speech = (uint8_t)speech};

	engine_kernel(b->e, &w);
}

/* The server answers and closes; the client's close_notify meets a closed socket. */
static void test_late_farewell(void **state)
{
	static const struct {
		enum { ON_THE_WIRE, KERNEL, NOBODY } seen_by;
		enum speech speech;
		uint32_t acked; /* of the server's 300 bytes and its FIN */
		bool tls;
		int64_t after;  /* usec from the server's FIN */
		const char *cause, *confidence;
	} cases[] = {
		{ON_THE_WIRE, SPEECH_TLS_SHORT, 301, true, 100, "none", "proved"},
		{ON_THE_WIRE, SPEECH_TLS_ALERT, 301, true, 100, "none", "proved"},
		{ON_THE_WIRE, SPEECH_FAREWELL, 300, false, 100, "none", "proved"},
		{ON_THE_WIRE, SPEECH_TLS_SHORT, 200, true, 100, "sent-after-close", "proved"}, /* a part of the answer is not there yet */
		{KERNEL, SPEECH_FAREWELL, 301, false, 100, "none", "proved"},
		{KERNEL, SPEECH_TLS_SHORT, 301, true, 5000000, "none", "proved"},
		{KERNEL, SPEECH_TLS, 301, true, 100, "sent-after-close", "proved"},            /* the next request */
		{KERNEL, SPEECH_OTHER, 301, false, 100, "sent-after-close", "proved"},
		{NOBODY, SPEECH_UNSEEN, 301, true, 100, "none", "proved"},
		{NOBODY, SPEECH_UNSEEN, 301, true, 2000000, "sent-after-close", "inferred"},
		{NOBODY, SPEECH_UNSEEN, 200, true, 100, "sent-after-close", "inferred"},
		{NOBODY, SPEECH_UNSEEN, 301, false, 100, "sent-after-close", "proved"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct flow f;
		struct bench *b = bench_connected(&f, true);
		bool served = strcmp(cases[i].cause, "none") == 0;

		if (cases[i].tls)
			flow_say(b, &f, true, 0, 0, SPEECH_TLS_HELLO, 78);
		flow_send(b, &f, false, TCP_FIN | TCP_ACK, 78, 300);
		b->t += cases[i].after;
		if (cases[i].seen_by == ON_THE_WIRE)
			flow_say(b, &f, true, 78, cases[i].acked, cases[i].speech, 24);
		else if (cases[i].seen_by == KERNEL)
			say_reset(b, &f, cases[i].speech, f.server_isn + 1 + cases[i].acked);
		flow_send(b, &f, false, TCP_RST, 0, cases[i].acked);
		b->counters.v[COUNTER_OUT_RSTS]++;
		bench_run(b, 4 * USEC);
		told_as(b, 80, "accepted", cases[i].cause, cases[i].confidence,
			served ? "none" : cases[i].acked == 301 ? "EPIPE" : "ECONNRESET");
		assert_int_equal(b->ports[80].reset, !served);
		assert_int_equal(b->ports[80].late_reset, served);
		assert_int_equal(b->ports[80].accepted, 1);
		bench_free(b);
	}
}

/* A peer that resets at once and without a byte is told once, and never as a failure. */
static void test_health_checks(void **state)
{
	struct bench *b = bench_new();
	size_t told = 0;

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_open;
	bench_run(b, 3 * USEC);
	for (int i = 0; i < 20; i++) {
		struct flow f = flow_in("203.0.113.9", (uint16_t)(41000 + i), "198.51.100.2", 80);

		flow_syn(b, &f);
		flow_syn_ack(b, &f);
		flow_send(b, &f, true, TCP_RST | TCP_ACK, 0, 0);
		bench_run(b, 2 * USEC);
	}
	for (size_t i = 0; i < b->n; i++)
		if (b->events[i].type == EVENT_ATTEMPT || b->events[i].type == EVENT_RESET) {
			assert_string_equal(b->events[i].attempt.cause, "health-check");
			assert_string_equal(b->events[i].attempt.outcome, "accepted");
			told++;
		}
	assert_int_equal(told, 1);
	assert_int_equal(b->ports[80].accepted, 20);
	assert_int_equal(b->ports[80].reset, 0);
	bench_free(b);
}

/* A RST out of the window is not taken by the kernel, whose connection goes on: nothing is told of it. */
static void test_reset_that_is_ignored(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, true);
	size_t lines;

	(void)state;
	bench_run(b, 2 * USEC);
	lines = bench_attempts(b, 80);
	flow_send(b, &f, true, TCP_RST, 5000, 0);
	b->lookup = answers_open;
	bench_run(b, 4 * USEC);
	assert_int_equal(bench_attempts(b, 80), lines);
	told_as(b, 80, "accepted", "none", "proved", "none");
	flow_send(b, &f, true, TCP_RST | TCP_ACK, 10, 20); /* and then a good one */
	bench_run(b, 4 * USEC);
	told_as(b, 80, "accepted", "peer-closed-abruptly", "proved", "none");
	bench_free(b);
}

/* Each packet is seen on a bridge's port and on the bridge: that is no other way. */
static void test_reset_through_a_bridge(void **state)
{
	struct bench *b = bench_new();
	struct flow port = flow_to(80), bridge = port;

	(void)state;
	bridge.ifindex = 7;
	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_open;
	bench_run(b, 3 * USEC);
	flow_syn(b, &port);
	flow_syn(b, &bridge);
	flow_syn_ack(b, &bridge);
	flow_syn_ack(b, &port);
	bench_run(b, 3 * USEC);
	flow_send(b, &port, true, TCP_RST | TCP_ACK, 10, 21);
	flow_send(b, &bridge, true, TCP_RST | TCP_ACK, 10, 21);
	bench_run(b, 4 * USEC);
	told_as(b, 80, "accepted", "peer-closed-abruptly", "proved", "none");
	bench_free(b);
}

static void test_remote_reset_through_a_bridge(void **state)
{
	struct bench *b = bench_ready();
	struct flow out = flow_out("203.0.113.50", 5432, 50000), out_bridge = out;

	(void)state;
	out_bridge.ifindex = 7;
	b->lookup = answers_open;
	flow_syn(b, &out_bridge);
	flow_syn(b, &out);
	flow_syn_ack(b, &out);
	flow_syn_ack(b, &out_bridge);
	bench_run(b, 3 * USEC);
	flow_send(b, &out, false, TCP_RST, 10, 0);
	flow_send(b, &out_bridge, false, TCP_RST, 10, 0);
	bench_run(b, 4 * USEC);
	told_as(b, 5432, "accepted", "remote-reset", "proved", "ECONNRESET");
	bench_free(b);
}

/* The answer is seen and does not get through to the socket: something is told of it in time. */
static void test_outgoing_answer_does_not_get_through(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_out("203.0.113.50", 5432, 50000);

	(void)state;
	b->lookup = answers_syn_sent;
	flow_syn(b, &f);
	b->t += 30000;
	flow_syn_ack(b, &f);
	for (int i = 0; i < 7; i++) {
		bench_run(b, USEC << i);
		flow_syn(b, &f);
		flow_syn_ack(b, &f);
	}
	bench_run(b, 150 * USEC);
	expect(bench_attempt(b, 5432) != NULL, "nothing is told in 277 s");
	assert_string_not_equal(bench_attempt(b, 5432)->outcome, "accepted");
	bench_free(b);
}

/* Our FIN, and the process still holds the socket: it has closed its half, and may be reading. */
static void test_half_closed(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, true);

	(void)state;
	b->lookup = answers_open_held;
	flow_send(b, &f, false, TCP_FIN | TCP_ACK, 120, 0);
	bench_run(b, 4 * USEC);
	told_as(b, 80, "accepted", "none", "proved", "none");
	bench_free(b);
}

/* The server closes after three seconds, when the connection has been told as accepted. */
static void test_closed_early_after_a_while(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, true);

	(void)state;
	flow_send(b, &f, false, TCP_FIN | TCP_ACK, 120, 0);
	flow_send(b, &f, true, TCP_FIN | TCP_ACK, 120, 1);
	bench_run(b, 4 * USEC);
	told_as(b, 80, "accepted", "closed-early", "proved", "none");
	assert_int_equal(b->ports[80].accepted, 1);
	bench_free(b);
}

static void test_closed_early(void **state)
{
	struct flow f = flow_to(80);
	struct bench *b = bench_new();

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	flow_syn_ack(b, &f);
	flow_send(b, &f, false, TCP_FIN | TCP_ACK, 120, 0);
	flow_send(b, &f, true, TCP_FIN | TCP_ACK, 120, 1);
	bench_run(b, 4 * USEC);
	told_as(b, 80, "accepted", "closed-early", "proved", "none");
	assert_int_equal(b->ports[80].accepted, 1);
	bench_free(b);
	/* near misses: an answer was sent; nothing was asked; the peer closed first */
	for (int i = 0; i < 3; i++) {
		b = bench_connected(&f, true);
		if (i == 2)
			flow_send(b, &f, true, TCP_FIN | TCP_ACK, 120, 0);
		flow_send(b, &f, false, TCP_FIN | TCP_ACK, i == 1 ? 0 : 120, i == 0 ? 1 : 0);
		bench_run(b, 4 * USEC);
		told_as(b, 80, "accepted", "none", "proved", "none");
		bench_free(b);
	}
}

/* TCP_DEFER_ACCEPT takes the ACK and says nothing: the SYN-ACK is not sent again. */
static void test_deferred_accept(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_syn_recv;
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	flow_syn_ack(b, &f);
	b->counters.v[COUNTER_DEFER_ACCEPT_DROP]++;
	bench_run(b, 5 * USEC);
	told_as(b, 80, "unfinished", "deferred-accept", "proved", "none");
	bench_free(b);
}

/* The peer's ACKs come, the queue is full by then, and the kernel counts them as overflows. */
static void test_accept_queue_full_late(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);
	struct socket_row *r = bench_listen(b, "0.0.0.0", 80);

	(void)state;
	b->lookup = answers_syn_recv;
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	flow_syn_ack(b, &f);
	r->queue = 129;
	b->counters.v[COUNTER_LISTEN_OVERFLOWS]++;
	bench_run(b, USEC);
	flow_syn_ack(b, &f);
	flow_send(b, &f, true, TCP_ACK, 0, 0);
	b->counters.v[COUNTER_LISTEN_OVERFLOWS]++;
	bench_run(b, 4 * USEC);
	told_as(b, 80, "unfinished", "accept-queue-full-late", "proved", "none");
	bench_free(b);
}

/* An ICMP error about our SYN-ACK; one that quotes another sequence number is about something else. */
static void test_peer_firewall_by_icmp(void **state)
{
	(void)state;
	for (int wrong = 0; wrong < 2; wrong++) {
		struct bench *b = bench_new();
		struct flow f = flow_to(80), other;

		bench_listen(b, "0.0.0.0", 80);
		b->lookup = answers_syn_recv;
		bench_run(b, 3 * USEC);
		flow_syn(b, &f);
		flow_syn_ack(b, &f);
		other = f;
		other.server_isn += (uint32_t)wrong;
		flow_icmp_to_answer(b, &other, PEER, 3, 13);
		bench_run(b, USEC);
		flow_syn_ack(b, &f);
		bench_run(b, 4 * USEC);
		told_as(b, 80, "unfinished", wrong ? "peer-silent" : "peer-firewall", "inferred", "none");
		bench_free(b);
	}
}

/* Two RSTs to two SYN-ACKs, and it still asks. */
static void test_peer_firewall_by_resets(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	for (int i = 0; i < 2; i++) {
		flow_syn(b, &f);
		flow_syn_ack(b, &f);
		flow_send(b, &f, true, TCP_RST, 0, 0);
		bench_run(b, USEC);
	}
	bench_run(b, 3 * USEC);
	told_as(b, 80, "cancelled", "peer-firewall", "inferred", "none");
	bench_free(b);
}

/* Ends the connection by a RST of this host, with an ACK or without. */
static void reset_by_host(struct bench *b, const struct flow *f, uint8_t flags)
{
	flow_send(b, f, false, flags, 10, 21);
	b->counters.v[COUNTER_OUT_RSTS]++;
}

/* The socket's last word says that bytes were not read, though another abort makes the counters ambiguous. */
static void test_last_word_unread(void **state)
{
	(void)state;
	for (int unread = 0; unread < 2; unread++) {
		struct flow f;
		struct bench *b = bench_connected(&f, true);

		reset_by_host(b, &f, TCP_RST | TCP_ACK);
		b->counters.v[COUNTER_ABORT_ON_CLOSE]++;
		b->counters.v[COUNTER_ABORT_ON_DATA]++;
		bench_destroyed(b, &f, &(struct connection){.row.queue = unread ? 5 : 0});
		bench_run(b, 4 * USEC);
		told_as(b, 80, "accepted", "abort-unread-data", unread ? "proved" : "possible", "ECONNRESET");
		bench_free(b);
	}
}

/* The peer's FIN counts as a byte to read: it is none. */
static void test_last_word_fin(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, true);

	(void)state;
	flow_send(b, &f, true, TCP_FIN | TCP_ACK, 10, 21);
	bench_run(b, USEC);
	reset_by_host(b, &f, TCP_RST | TCP_ACK);
	b->counters.v[COUNTER_ABORT_ON_DATA]++;
	bench_destroyed(b, &f, &(struct connection){.row.queue = 1});
	bench_run(b, 4 * USEC);
	told_as(b, 80, "accepted", "abort-linger", "proved", "ECONNRESET");
	bench_free(b);
}

/* Given up after retransmissions: no packet says so, only the socket. */
static void test_last_word_retransmits(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, true);

	(void)state;
	b->counters.v[COUNTER_ABORT_ON_TIMEOUT]++;
	bench_destroyed(b, &f, &(struct connection){.retransmits = 15, .row.queue_max = 3000});
	bench_run(b, 4 * USEC);
	told_as(b, 80, "accepted", "retransmit-timeout", "proved", "ECONNRESET");
	assert_string_equal(bench_attempt(b, 80)->by, "host");
	bench_free(b);
}

static void test_last_word_probes(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, true);

	(void)state;
	b->counters.v[COUNTER_ABORT_ON_TIMEOUT]++;
	bench_destroyed(b, &f, &(struct connection){.probes = 9});
	reset_by_host(b, &f, TCP_RST | TCP_ACK);
	bench_run(b, 4 * USEC);
	told_as(b, 80, "accepted", "keepalive-timeout", "proved", "ECONNRESET");
	bench_free(b);
}

/* A healthy end says nothing. */
static void test_last_word_of_a_healthy_one(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, true);

	(void)state;
	flow_send(b, &f, true, TCP_FIN | TCP_ACK, 100, 2000);
	flow_send(b, &f, false, TCP_FIN | TCP_ACK, 101, 2000);
	bench_destroyed(b, &f, &(struct connection){.row.queue = 1});
	bench_run(b, 4 * USEC);
	told_as(b, 80, "accepted", "none", "proved", "none");
	assert_int_equal(bench_attempts(b, 80), 1);
	bench_free(b);
}

/* The listener goes, and with it connections that wait in its queue: cut off from within, without a count. */
static void test_queue_discarded(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, true);
	uint64_t cookie = b->rows[0].cookie;

	(void)state;
	engine_socket_gone(b->e, b->t, &(struct connection){.row = {.cookie = 4711, .port = 80}});
	reset_by_host(b, &f, TCP_RST | TCP_ACK);
	b->t += 100;
	bench_gone(b, cookie);
	bench_unlisten(b, 80);
	bench_run(b, 4 * USEC);
	told_as(b, 80, "accepted", "queue-discarded", "proved", "ECONNRESET");
	bench_free(b);
}

/* The process is gone with its listener, and the connection's data were unread. */
static void test_process_died(void **state)
{
	static const struct process nobody = {.pid = 0}, alive = {.pid = 7, .state = 'S', .fds_max = 1024};
	static const struct {
		const struct process *process;
		const char *cause, *confidence;
	} cases[] = {
		{&nobody, "process-died", "proved"},
		{&alive, "abort-unread-data", "proved"},
		{NULL, "abort-unread-data", "possible"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct flow f;
		struct bench *b = bench_connected(&f, true);
		uint64_t cookie = b->rows[0].cookie;

		bench_own(b, 80, "httpd", 7);
		b->process = cases[i].process;
		bench_destroyed(b, &f, &(struct connection){.row.queue = 5});
		reset_by_host(b, &f, TCP_RST | TCP_ACK);
		b->counters.v[COUNTER_ABORT_ON_CLOSE]++;
		b->t += 100;
		bench_gone(b, cookie);
		bench_unlisten(b, 80);
		bench_run(b, 4 * USEC);
		told_as(b, 80, "accepted", cases[i].cause, cases[i].confidence, "ECONNRESET");
		bench_free(b);
	}
}

/* A RST without ACK for a connection that was open, and is not there any more. */
static void test_stale_connection(void **state)
{
	static const struct {
		bool (*lookup)(struct bench *b, const struct question *q, struct answer *ret);
		const char *confidence;
	} cases[] = {{answers_nothing, "proved"}, {answers_open, "possible"}, {answers_not, "possible"}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct flow f;
		struct bench *b = bench_connected(&f, true);

		b->lookup = cases[i].lookup;
		reset_by_host(b, &f, TCP_RST);
		bench_run(b, 4 * USEC);
		told_as(b, 80, "accepted", "stale-connection", cases[i].confidence, "ECONNRESET");
		bench_free(b);
	}
}

/* A RST without ACK for a connection whose beginning was not seen: forgotten here, or a stray segment. */
static void test_unknown_reset(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);
	const struct event_attempt *a;

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_nothing;
	bench_run(b, 3 * USEC);
	reset_by_host(b, &f, TCP_RST);
	bench_run(b, 4 * USEC);
	a = told_as(b, 80, "accepted", "stale-connection", "possible", "ECONNRESET");
	assert_true(has_alternative(a, "stray-segment"));
	assert_int_equal(a->syns, 0);
	assert_string_equal(a->by, "host");
	bench_free(b);
}

/* A rule's, since the stack counts none. */
static void test_unknown_reset_by_a_rule(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	flow_send(b, &f, false, TCP_RST, 10, 21);
	bench_run(b, 4 * USEC);
	told_as(b, 80, "accepted", "firewall-reset", "inferred", "ECONNRESET");
	bench_free(b);
}

/* What answers a SYN, ends something of this host's own, or comes from elsewhere tells of no such connection. */
static void test_unknown_reset_near_misses(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80), own = flow_in(HOST, 40000, HOST, 80), client = flow_in(PEER, 443, HOST, 50000);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	reset_by_host(b, &f, TCP_RST | TCP_ACK);
	reset_by_host(b, &own, TCP_RST);
	reset_by_host(b, &client, TCP_RST); /* from a port of an outgoing connection */
	flow_send(b, &f, true, TCP_RST, 10, 21);
	bench_run(b, 4 * USEC);
	assert_int_equal(bench_attempts(b, 0), 0);
	bench_free(b);
}

/* tcp_abort_on_overflow: a RST to the ACK, and the queue is full. */
static void test_abort_on_overflow(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);
	struct socket_row *r = bench_listen(b, "0.0.0.0", 80);

	(void)state;
	r->queue = 129;
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	flow_syn_ack(b, &f);
	b->t += 100;
	flow_send(b, &f, false, TCP_RST, 0, 0);
	b->counters.v[COUNTER_OUT_RSTS]++;
	b->counters.v[COUNTER_LISTEN_OVERFLOWS]++;
	b->counters.v[COUNTER_EMBRYONIC_RSTS]++;
	bench_run(b, 4 * USEC);
	told_as(b, 80, "accepted", "accept-queue-full-late", "proved", "ECONNRESET");
	bench_free(b);
}

/* The peer dialled anew from the same port, reset what it got for its SYN, and its next SYN was served. */
static void test_duplicate_connection_served(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool closed = i % 2, at_once = i / 2; /* at_once: before the first SYN counts as silent */
		struct flow f;
		struct bench *b = bench_connected(&f, true);

		if (closed) { /* by this host first: in TIME_WAIT */
			flow_send(b, &f, false, TCP_FIN | TCP_ACK, 100, 2000);
			flow_send(b, &f, true, TCP_FIN | TCP_ACK, 100, 2001);
			bench_run(b, USEC);
		}
		f.isn += 70000;
		flow_syn(b, &f);
		b->t += 100;
		flow_send(b, &f, true, TCP_RST, 5000, 0);
		b->counters.v[COUNTER_SYN_CHALLENGE] += !closed;
		bench_run(b, at_once ? 1000 : USEC);
		flow_syn(b, &f);
		flow_syn_ack(b, &f);
		bench_run(b, 4 * USEC);
		told_as(b, 80, "accepted", closed ? "timewait-reuse" : "duplicate-connection", "proved", "none");
		bench_free(b);
	}
}

/* Dialled anew from the same port, and served at once: nothing was in its way. */
static void test_ports_used_anew(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, true);

	(void)state;
	flow_send(b, &f, true, TCP_FIN | TCP_ACK, 100, 2000);
	flow_send(b, &f, false, TCP_FIN | TCP_ACK, 101, 2000);
	bench_run(b, USEC);
	f.isn += 70000;
	flow_syn(b, &f);
	flow_syn_ack(b, &f);
	bench_run(b, 4 * USEC);
	told_as(b, 80, "accepted", "none", "proved", "none");
	bench_free(b);
}

/* Served with a cookie, since as many are half open as the backlog allows. */
static void test_syn_cookies(void **state)
{
	static const struct {
		uint32_t half_open;
		const char *cause, *confidence;
	} cases[] = {{128, "syn-cookies", "inferred"}, {127, "none", "proved"}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bench *b = bench_new();
		struct flow f = flow_to(80);

		bench_listen(b, "0.0.0.0", 80);
		b->lookup = answers_open;
		b->half_open = cases[i].half_open;
		bench_run(b, 3 * USEC);
		flow_syn(b, &f);
		flow_syn_ack(b, &f);
		b->counters.v[COUNTER_COOKIES_SENT]++;
		b->counters.v[COUNTER_REQQ_FULL_COOKIES]++;
		bench_run(b, 300000);
		bench_poll(b);
		bench_run(b, 4 * USEC);
		told_as(b, 80, "accepted", cases[i].cause, cases[i].confidence, "none");
		bench_free(b);
	}
}

/* A proxy: an attempt of this host's own failed while the connection was served; long before, it is no reason. */
static void test_proxy_backend_dead(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		struct bench *b = bench_new();
		struct flow f = flow_to(80), backend = flow_out("203.0.113.50", 9000, 50000);

		bench_listen(b, "0.0.0.0", 80);
		b->lookup = answers_open;
		bench_run(b, 3 * USEC);
		flow_syn(b, &f);
		flow_syn_ack(b, &f);
		bench_run(b, 100000);
		flow_syn(b, &backend);
		flow_rst_to_syn(b, &backend);
		bench_run(b, late ? 2 * USEC : 10000);
		flow_send(b, &f, false, TCP_FIN | TCP_ACK, 120, 0);
		flow_send(b, &f, true, TCP_FIN | TCP_ACK, 120, 1);
		bench_run(b, 4 * USEC);
		if (late)
			told_as(b, 80, "accepted", "closed-early", "proved", "none");
		else
			assert_true(has_alternative(told_as(b, 80, "accepted", "proxy-backend-dead", "possible", "none"),
				"closed-early"));
		bench_free(b);
	}
}

/* One connection over TLS that ends with so many bytes from the server; the proxy is refused, and perhaps answered elsewhere. */
static void serve_tls(struct bench *b, uint16_t port, bool refused, bool passed, uint32_t bytes, bool reset)
{
	struct flow f = flow_in("203.0.113.9", port, "198.51.100.2", 80);
	struct flow dead = flow_out("203.0.113.50", 9001, port), next = flow_out("203.0.113.50", 9002, port);

	flow_syn(b, &f);
	flow_syn_ack(b, &f);
	flow_say(b, &f, true, 0, 0, SPEECH_TLS_HELLO, 517);
	bench_run(b, 2000);
	if (refused) {
		flow_syn(b, &dead);
		flow_rst_to_syn(b, &dead);
	}
	b->t += 50;
	if (passed) {
		flow_syn(b, &next);
		flow_syn_ack(b, &next);
	}
	b->t += 50;
	flow_say(b, &f, false, 700, bytes - 24, SPEECH_TLS_SHORT, 24);
	flow_send(b, &f, false, TCP_FIN | TCP_ACK, 700, bytes);
	if (reset) {
		flow_say(b, &f, true, 700, bytes + 1, SPEECH_TLS_SHORT, 24);
		flow_send(b, &f, false, TCP_RST, 0, bytes + 1);
		b->counters.v[COUNTER_OUT_RSTS]++;
	} else {
		flow_send(b, &f, true, TCP_FIN | TCP_ACK, 700, bytes + 1);
	}
	bench_run(b, 4 * USEC);
}

/*
 * A proxy over TLS whose backend refuses: what it sent may be the handshake alone or an answer of the next backend. Either way its
 * client's close_notify may meet a closed socket.
 */
static void test_tls_proxy_with_two_backends(void **state)
{
	static const struct {
		bool served_before, refused, passed;
		uint32_t bytes;
		const char *cause, *confidence;
	} cases[] = {
		{false, false, false, 2400, "none", "proved"},
		{false, true, false, 1400, "proxy-backend-dead", "possible"},
		{false, true, true, 2400, "none", "proved"},
		{true, true, false, 1400, "proxy-backend-dead", "inferred"},
		{true, true, false, 2400, "none", "proved"},
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		struct bench *b = bench_new();
		bool reset = i % 2;

		bench_listen(b, "0.0.0.0", 80);
		bench_run(b, 3 * USEC);
		bench_own(b, 80, "nginx", 7);
		b->lookup = answers_open;
		if (cases[i / 2].served_before)
			serve_tls(b, 40001, false, false, 2400, reset);
		serve_tls(b, 40002, cases[i / 2].refused, cases[i / 2].passed, cases[i / 2].bytes, reset);
		expect(strcmp(bench_attempt(b, 80)->cause, cases[i / 2].cause) == 0 &&
			       strcmp(bench_attempt(b, 80)->confidence, cases[i / 2].confidence) == 0,
			"%zu: %s, %s", i, bench_attempt(b, 80)->cause, bench_attempt(b, 80)->confidence);
		bench_free(b);
	}
}

/* SYNPROXY answers with a closed window; the RST is the server's, whom nobody asked before. */
static void test_synproxy(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_to(80);

	(void)state;
	flow_syn(b, &f);
	engine_segment(b->e, &(struct segment){.t = b->t,
				     .src = f.server,
				     .dst = f.client,
				     .sport = 80,
				     .dport = f.sport,
				     .ifindex = 2,
				     .way = WAY_OUT,
				     .flags = TCP_SYN | TCP_ACK,
				     .ttl = 64,
				     .seq = f.server_isn,
				     .ack = f.isn + 1});
	b->t += 100;
	reset_by_host(b, &f, TCP_RST | TCP_ACK);
	bench_run(b, 4 * USEC);
	told_as(b, 80, "accepted", "synproxy-backend-dead", "proved", "ECONNRESET");
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_half_open_without_a_retransmission),
		cmocka_unit_test(test_unfinished),
		cmocka_unit_test(test_unfinished_unseen),
		cmocka_unit_test(test_unfinished_with_rare_polls),
		cmocka_unit_test(test_unfinished_then_accepted),
		cmocka_unit_test(test_peer_reset),
		cmocka_unit_test(test_peer_reset_near_misses),
		cmocka_unit_test(test_unfinished_then_reset),
		cmocka_unit_test(test_peer_firewall),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_accepted_and_closed),
		cmocka_unit_test(test_accepted_inferred),
		cmocka_unit_test(test_slow_accept_is_revised),
		cmocka_unit_test(test_resets),
		cmocka_unit_test(test_counters_of_others),
		cmocka_unit_test(test_reset_near_miss),
		cmocka_unit_test(test_reset_as_the_process_dies),
		cmocka_unit_test(test_resets_by_another),
		cmocka_unit_test(test_late_farewell),
		cmocka_unit_test(test_health_checks),
		cmocka_unit_test(test_reset_that_is_ignored),
		cmocka_unit_test(test_reset_through_a_bridge),
		cmocka_unit_test(test_remote_reset_through_a_bridge),
		cmocka_unit_test(test_outgoing_answer_does_not_get_through),
		cmocka_unit_test(test_half_closed),
		cmocka_unit_test(test_closed_early_after_a_while),
		cmocka_unit_test(test_closed_early),
		cmocka_unit_test(test_deferred_accept),
		cmocka_unit_test(test_accept_queue_full_late),
		cmocka_unit_test(test_peer_firewall_by_icmp),
		cmocka_unit_test(test_peer_firewall_by_resets),
		cmocka_unit_test(test_last_word_unread),
		cmocka_unit_test(test_last_word_fin),
		cmocka_unit_test(test_last_word_retransmits),
		cmocka_unit_test(test_last_word_probes),
		cmocka_unit_test(test_last_word_of_a_healthy_one),
		cmocka_unit_test(test_queue_discarded),
		cmocka_unit_test(test_process_died),
		cmocka_unit_test(test_stale_connection),
		cmocka_unit_test(test_unknown_reset),
		cmocka_unit_test(test_unknown_reset_by_a_rule),
		cmocka_unit_test(test_unknown_reset_near_misses),
		cmocka_unit_test(test_abort_on_overflow),
		cmocka_unit_test(test_duplicate_connection_served),
		cmocka_unit_test(test_ports_used_anew),
		cmocka_unit_test(test_syn_cookies),
		cmocka_unit_test(test_proxy_backend_dead),
		cmocka_unit_test(test_tls_proxy_with_two_backends),
		cmocka_unit_test(test_synproxy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
