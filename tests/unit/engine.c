/* engine.c - from segments, sockets and counters to the cause: one story a test. */
#include "bench.h"
#include "unit.h"

#define PEER  "203.0.113.7"
#define HOST  "198.51.100.2"
#define PEER6 "2001:db8:77::1"
#define HOST6 "2001:db8::2"

static struct flow flow_to(uint16_t port)
{
	return flow_in(PEER, 40000, HOST, port);
}

/* The last word about the port. An empty alternative: none are wanted. */
static const struct event_attempt *is(const struct bench *b, uint16_t port, const char *outcome,
	const char *cause, const char *confidence, const char *sees)
{
	const struct event_attempt *a = bench_attempt(b, port);

	expect(a != NULL, "port %u: nothing is told, not %s", port, cause);
	expect(strcmp(a->cause, cause) == 0, "port %u: %s (%s: %s), not %s", port, a->cause,
		a->confidence, a->summary, cause);
	expect(strcmp(a->outcome, outcome) == 0, "port %u: %s, not %s", port, a->outcome, outcome);
	expect(strcmp(a->confidence, confidence) == 0, "port %u: %s, not %s", port, a->confidence,
		confidence);
	expect(strcmp(a->client_sees, sees) == 0, "port %u: client sees %s", port, a->client_sees);
	expect(a->summary[0] != '\0', "port %u: no summary", port);
	expect(a->evidence[0].source[0] != '\0', "port %u: no evidence", port);
	expect((strcmp(confidence, "possible") == 0) == (a->alternatives[0][0] != '\0'),
		"port %u: alternatives of %s", port, confidence);
	return a;
}

static bool has_alternative(const struct event_attempt *a, const char *cause)
{
	for (int i = 0; i < EVENT_ALTERNATIVES && a->alternatives[i][0]; i++)
		if (strcmp(a->alternatives[i], cause) == 0)
			return true;
	return false;
}

static struct bench *start(void)
{
	struct bench *b = bench_new();

	bench_run(b, 3 * USEC);
	return b;
}

static void test_no_listener(void **state)
{
	struct bench *b = start();
	struct flow f = flow_to(81);
	const struct event_attempt *a;

	(void)state;
	flow_refused(b, &f);
	bench_run(b, 3 * USEC);
	a = is(b, 81, "refused", "no-listener", "proved", "ECONNREFUSED");
	assert_string_equal(a->dir, "in");
	assert_string_equal(a->peer, PEER);
	assert_int_equal(a->peer_port, 40000);
	assert_string_equal(a->addr, HOST);
	assert_string_equal(a->iface, "eth2");
	assert_int_equal(a->syns, 1);
	assert_int_equal(a->count, 1);
	assert_int_equal(a->last - a->first, 100);
	assert_int_equal(bench_attempts(b, 81), 1);
	assert_int_equal(b->ports[81].syn, 1);
	assert_int_equal(b->ports[81].refused, 1);
	assert_int_equal(b->ports[81].rst_out, 1);
	bench_free(b);
}

/* One story a row: who listens on port 80, whom the peer dials, what it is called. */
static const struct door {
	const char *bound;
	bool v6only;
	uint32_t device;
	const char *peer, *dialled, *cause;
} doors[] = {
	{"127.0.0.1", false, 0, PEER, HOST, "loopback-only"},
	{"::1", true, 0, PEER6, HOST6, "loopback-only"},
	{"198.51.100.99", false, 0, PEER, HOST, "other-address"},
	{"2001:db8::99", true, 0, PEER6, HOST6, "other-address"},
	{"::", true, 0, PEER, HOST, "ipv6-only"},
	{"2001:db8::2", true, 0, PEER, HOST, "other-address"},
	{"198.51.100.2", false, 0, PEER6, HOST6, "other-address"},
	{"0.0.0.0", false, 0, PEER6, HOST6, "ipv4-only"},
	{"0.0.0.0", false, 9, PEER, HOST, "other-device"},
};

static void test_doors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(doors); i++) {
		struct bench *b = bench_new();
		struct socket_row *r = bench_listen(b, doors[i].bound, 80);
		struct flow f = flow_in(doors[i].peer, 40000, doors[i].dialled, 80);

		r->v6only = doors[i].v6only;
		r->ifindex = doors[i].device;
		bench_run(b, 3 * USEC);
		flow_refused(b, &f);
		bench_run(b, 3 * USEC);
		is(b, 80, "refused", doors[i].cause, "proved", "ECONNREFUSED");
		assert_int_equal(bench_attempts(b, 80), 1);
		bench_free(b);
	}
}

static void test_port_holders(void **state)
{
	struct bench *b = start();
	struct flow f = flow_to(81), g = flow_to(82), h = flow_to(83), i = flow_to(84);

	(void)state;
	b->port_answer = (struct answer){.complete = true, .bound = true};
	flow_refused(b, &f);
	bench_run(b, 3 * USEC);
	is(b, 81, "refused", "not-listening", "proved", "ECONNREFUSED");
	b->port_answer = (struct answer){.complete = true, .udp = true};
	flow_refused(b, &g);
	bench_run(b, 3 * USEC);
	is(b, 82, "refused", "udp-only", "proved", "ECONNREFUSED");
	b->port_answer = (struct answer){.complete = true, .outgoing = true};
	flow_refused(b, &h);
	bench_run(b, 3 * USEC);
	is(b, 83, "refused", "outgoing-port", "proved", "ECONNREFUSED");
	b->port_answer =
		(struct answer){.complete = true, .outgoing = true, .bound = true, .udp = true};
	flow_refused(b, &i);
	bench_run(b, 3 * USEC);
	is(b, 84, "refused", "not-listening", "proved", "ECONNREFUSED");
	bench_free(b);
}

/* The holder of the port has it at another address than the one that was dialled. */
static void test_port_holders_elsewhere(void **state)
{
	struct bench *b = start();
	struct flow f = flow_to(81), g = flow_to(82);
	struct socket_row row = {.state = SOCKET_BOUND, .port = 81};

	(void)state;
	ip_parse("127.0.0.1", &row.addr);
	b->port_answer = (struct answer){.complete = true, .bound = true, .bound_row = row};
	flow_refused(b, &f);
	bench_run(b, 3 * USEC);
	is(b, 81, "refused", "no-listener", "proved", "ECONNREFUSED");
	b->port_answer = (struct answer){.complete = true, .udp = true, .udp_row = row};
	flow_refused(b, &g);
	bench_run(b, 3 * USEC);
	is(b, 82, "refused", "no-listener", "proved", "ECONNREFUSED");
	bench_free(b);
}

static void test_listener_gone(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);
	uint64_t cookie = bench_listen(b, "0.0.0.0", 80)->cookie;

	(void)state;
	bench_run(b, 3 * USEC);
	bench_unlisten(b, 80);
	bench_gone(b, cookie);
	bench_run(b, 2 * USEC);
	flow_refused(b, &f);
	bench_run(b, 3 * USEC);
	is(b, 80, "refused", "listener-gone", "proved", "ECONNREFUSED");
	bench_free(b);
}

/* One on loopback stays: the one that just went is the story, and soon no longer is. */
static void test_listener_gone_and_one_near(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80), g = flow_in(PEER, 40001, HOST, 80);
	uint64_t cookie = bench_listen(b, "0.0.0.0", 80)->cookie;

	(void)state;
	bench_run(b, 3 * USEC);
	bench_unlisten(b, 80);
	bench_listen(b, "127.0.0.1", 80);
	bench_gone(b, cookie);
	bench_run(b, 2 * USEC);
	flow_refused(b, &f);
	bench_run(b, 3 * USEC);
	is(b, 80, "refused", "listener-gone", "proved", "ECONNREFUSED");
	bench_run(b, 10 * USEC);
	flow_refused(b, &g);
	bench_run(b, 3 * USEC);
	is(b, 80, "refused", "loopback-only", "proved", "ECONNREFUSED");
	bench_free(b);
}

/* The listener comes up within the moment that the verdict waits: one line. */
static void test_too_early_at_once(void **state)
{
	struct bench *b = start();
	struct flow f = flow_to(80);

	(void)state;
	flow_refused(b, &f);
	bench_run(b, 100000);
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	is(b, 80, "refused", "too-early", "proved", "ECONNREFUSED");
	bench_free(b);
}

/* The first look after the refusal finds it: it may have been there, and something else refused. */
static void test_too_early_not_known_missing(void **state)
{
	struct bench *b = start();
	struct flow f = flow_to(80);
	const struct event_attempt *a;

	(void)state;
	flow_refused(b, &f);
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	a = is(b, 80, "refused", "too-early", "possible", "ECONNREFUSED");
	assert_true(has_alternative(a, "redirect-no-listener"));
	assert_true(has_alternative(a, "firewall-reset"));
	bench_free(b);
}

/* Two come up one after the other, and only the later one is known to have been missing; in any order. */
static void test_too_early_of_several(void **state)
{
	(void)state;
	for (int order = 0; order < 2; order++) {
		struct bench *b = start();
		struct flow f = flow_to(80);

		flow_refused(b, &f);
		bench_listen(b, "0.0.0.0", 80);
		bench_run(b, 100000);
		bench_listen(b, "0.0.0.0", 80);
		if (order) { /* of the dump */
			struct socket_row first = b->rows[0];

			b->rows[0] = b->rows[1];
			b->rows[1] = first;
		}
		bench_poll(b);
		bench_run(b, 3 * USEC);
		expect(strcmp(bench_attempt(b, 80)->confidence, "possible") == 0, "order %d: %s %s", order,
			bench_attempt(b, 80)->cause, bench_attempt(b, 80)->confidence);
		bench_free(b);
	}
}

/* A listener that the very first poll finds was there before us, whenever that poll was. */
static void test_found_at_start(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	b->counters.t = b->t;
	engine_counters(b->e, &b->counters);
	b->t += 10000;
	bench_listen(b, "0.0.0.0", 80);
	flow_refused(b, &f);
	bench_run(b, 3 * USEC);
	assert_true(has_alternative(is(b, 80, "refused", "unknown", "possible", "ECONNREFUSED"),
		"redirect-no-listener"));
	bench_free(b);
}

/* It comes up later: the line that was told is revised, by the same id. */
static void test_too_early_revised(void **state)
{
	struct bench *b = start();
	struct flow f = flow_to(80);
	int64_t id;

	(void)state;
	flow_refused(b, &f);
	bench_run(b, 4 * USEC);
	id = is(b, 80, "refused", "no-listener", "proved", "ECONNREFUSED")->id;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	assert_int_equal(is(b, 80, "refused", "too-early", "proved", "ECONNREFUSED")->id, id);
	assert_int_equal(bench_attempts(b, 80), 2);
	assert_int_equal(bench_told(b, 80), 1);
	assert_int_equal(b->ports[80].refused, 1); /* revised, not counted again */
	assert_int_equal(b->tick.refused, 1);
	bench_free(b);
}

/* Another address than the one that was dialled comes up: that explains nothing. */
static void test_too_early_near_miss(void **state)
{
	struct bench *b = start();
	struct flow f = flow_to(80);

	(void)state;
	flow_refused(b, &f);
	bench_run(b, 4 * USEC);
	bench_listen(b, "127.0.0.1", 80);
	bench_run(b, 3 * USEC);
	is(b, 80, "refused", "no-listener", "proved", "ECONNREFUSED");
	bench_free(b);
	b = start();
	flow_refused(b, &f);
	bench_run(b, 90 * USEC);
	bench_listen(b, "0.0.0.0", 80); /* a minute and a half later: no longer the same story */
	bench_run(b, 3 * USEC);
	is(b, 80, "refused", "no-listener", "proved", "ECONNREFUSED");
	bench_free(b);
}

static void test_restarting(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);
	uint64_t cookie = bench_listen(b, "0.0.0.0", 80)->cookie;
	int64_t id;

	(void)state;
	bench_run(b, 3 * USEC);
	bench_unlisten(b, 80);
	bench_gone(b, cookie);
	bench_run(b, USEC / 2);
	flow_refused(b, &f);
	bench_run(b, 3 * USEC);
	id = is(b, 80, "refused", "listener-gone", "proved", "ECONNREFUSED")->id;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	assert_int_equal(is(b, 80, "refused", "restarting", "inferred", "ECONNREFUSED")->id, id); /* no names known */
	bench_free(b);
}

/* More than a minute after the old one went: the new one is no restart of it. */
static void test_restarting_near_miss(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);
	uint64_t cookie = bench_listen(b, "0.0.0.0", 80)->cookie;

	(void)state;
	bench_run(b, 3 * USEC);
	bench_unlisten(b, 80);
	bench_gone(b, cookie);
	bench_run(b, 61 * USEC);
	flow_refused(b, &f);
	bench_run(b, 3 * USEC);
	is(b, 80, "refused", "listener-gone", "proved", "ECONNREFUSED");
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	is(b, 80, "refused", "too-early", "proved", "ECONNREFUSED");
	bench_free(b);
}

static void test_firewall_reset(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80), g = flow_to(81);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	flow_rst_to_syn(b, &f); /* and OutRsts stands still */
	bench_run(b, 3 * USEC);
	is(b, 80, "refused", "firewall-reset", "proved", "ECONNREFUSED");
	flow_syn(b, &g);
	flow_rst_to_syn(b, &g);
	bench_run(b, 3 * USEC);
	is(b, 81, "refused", "firewall-reset", "proved",
		"ECONNREFUSED"); /* though nobody listens */
	bench_free(b);
}

/* Two RSTs on the wire within one window and one in the counter: nobody can say which is whose. */
static void test_mixed_resets(void **state)
{
	struct bench *b = start();
	struct flow f = flow_to(81), g = flow_to(82);

	(void)state;
	flow_refused(b, &f);
	b->t += 100;
	flow_syn(b, &g);
	flow_rst_to_syn(b, &g);
	bench_run(b, 3 * USEC);
	assert_true(has_alternative(
		is(b, 81, "refused", "no-listener", "possible", "ECONNREFUSED"), "firewall-reset"));
	is(b, 82, "refused", "no-listener", "possible", "ECONNREFUSED");
	bench_free(b);
}

static void test_published(void **state)
{
	struct bench *b = start();
	struct flow f = flow_to(8080);

	(void)state;
	f.ttl = 63;
	flow_syn(b, &f);
	flow_rst_to_syn(b, &f);
	bench_run(b, 3 * USEC);
	assert_true(has_alternative(
		is(b, 8080, "refused", "published-no-listener", "possible", "ECONNREFUSED"),
		"firewall-reset"));
	bench_free(b);
	b = start();
	flow_refused(b, &f); /* and the stack has counted it: a route's hop limit */
	bench_run(b, 3 * USEC);
	is(b, 8080, "refused", "no-listener", "proved", "ECONNREFUSED");
	bench_free(b);
}

/* With --interface or a filter RSTs may pass unseen: just as many as were counted make it likely. */
static void test_partial(void **state)
{
	static const struct {
		int counted;
		const char *cause, *confidence;
	} cases[] = {
		{0, "firewall-reset", "proved"},
		{1, "no-listener", "inferred"},
		{2, "no-listener", "possible"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bench *b = bench_new_with(&(struct engine_config){.key = {{1, 2}},
			.interval = USEC,
			.netns = "",
			.ttl = 64,
			.partial = true});
		struct flow f = flow_to(81);
		const struct event_attempt *a;

		bench_run(b, 3 * USEC);
		flow_syn(b, &f);
		flow_rst_to_syn(b, &f);
		b->counters.v[COUNTER_OUT_RSTS] += (uint64_t)cases[i].counted;
		bench_run(b, 3 * USEC);
		a = is(b, 81, "refused", cases[i].cause, cases[i].confidence, "ECONNREFUSED");
		for (int k = 0; k < EVENT_EVIDENCE && a->evidence[k].text[0] && cases[i].counted; k++)
			expect(!strstr(a->evidence[k].text, "did not send all"), "%d counted: %s",
				cases[i].counted, a->evidence[k].text);
		bench_free(b);
	}
}

static void test_no_counters(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(81);

	(void)state;
	b->no_polls = true;
	engine_sockets(b->e, b->t, b->rows, 0);
	flow_refused(b, &f);
	bench_run(b, 4 * USEC);
	assert_true(has_alternative(
		is(b, 81, "refused", "no-listener", "possible", "ECONNREFUSED"), "firewall-reset"));
	bench_free(b);
}

static void test_firewall_reject(void **state)
{
	struct bench *b = start();
	struct flow f = flow_to(80), g = flow_to(81), h = flow_in(PEER6, 40000, HOST6, 82);

	(void)state;
	flow_syn(b, &f);
	flow_icmp(b, &f, HOST, 3, 13);
	bench_run(b, 3 * USEC);
	is(b, 80, "unreachable", "firewall-reject", "proved", "EHOSTUNREACH");
	assert_int_equal(b->ports[80].unreachable, 1);
	assert_int_equal(b->ports[80].icmp_out, 1);
	flow_syn(b, &g);
	flow_icmp(b, &g, HOST, 3, 3);
	bench_run(b, 3 * USEC);
	is(b, 81, "unreachable", "firewall-reject", "proved", "ECONNREFUSED");
	flow_syn(b, &h);
	flow_icmp(b, &h, HOST6, 1, 1);
	bench_run(b, 3 * USEC);
	is(b, 82, "unreachable", "firewall-reject", "proved", "EACCES");
	f = flow_to(83);
	flow_syn(b, &f);
	flow_icmp(b, &f, HOST, 3, 1); /* a router's error comes back from DNAT like this */
	bench_run(b, 3 * USEC);
	assert_true(has_alternative(
		is(b, 83, "unreachable", "firewall-reject", "possible", "EHOSTUNREACH"),
		"published-target-dead"));
	bench_free(b);
}

/* An ICMP error that quotes another sequence number, or comes from elsewhere. */
static void test_icmp_near_misses(void **state)
{
	struct bench *b = start();
	struct flow f = flow_to(80), wrong = f, g = flow_to(81);

	(void)state;
	wrong.isn++;
	flow_syn(b, &f);
	flow_icmp(b, &wrong, HOST, 3, 13);
	bench_run(b, 3 * USEC);
	assert_string_equal(bench_attempt(b, 80)->outcome, "silent");
	flow_syn(b, &g);
	flow_icmp(b, &g, "192.0.2.254", 3, 13);
	bench_run(b, 3 * USEC);
	assert_string_not_equal(bench_attempt(b, 81)->cause, "firewall-reject");
	bench_free(b);
}

static void test_wrong_resets_are_ignored(void **state)
{
	struct bench *b = start();
	struct flow f = flow_to(80), wrong = f;

	(void)state;
	flow_syn(b, &f);
	wrong.isn += 5000;
	flow_rst_to_syn(b, &wrong);
	flow_send(b, &f, false, TCP_RST, 0, 0); /* without an ACK it answers no SYN */
	bench_run(b, 3 * USEC);
	assert_string_equal(bench_attempt(b, 80)->outcome, "silent");
	bench_free(b);
}

/* A SYN-ACK for another SYN is no answer to this one; it may acknowledge data (Fast Open). */
static void test_wrong_syn_ack_is_ignored(void **state)
{
	static const struct {
		int32_t off;
		const char *outcome;
	} cases[] = {{-1, "silent"}, {1461, "silent"}, {100000, "silent"}, {0, "accepted"},
		{1, "accepted"}, {1460, "accepted"}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bench *b = start();
		struct flow f = flow_to(80), wrong = f;

		wrong.isn += (uint32_t)cases[i].off;
		flow_syn(b, &f);
		flow_syn_ack(b, &wrong);
		bench_run(b, 3 * USEC);
		expect(strcmp(bench_attempt(b, 80)->outcome, cases[i].outcome) == 0, "%d: %s",
			cases[i].off, bench_attempt(b, 80)->outcome);
		bench_free(b);
	}
}

static void test_firewall_drop(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80), g = flow_to(81);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	bench_run(b, 3 * USEC);
	assert_true(has_alternative(
		is(b, 80, "silent", "firewall-drop", "possible", "ETIMEDOUT"), "bpf-drop"));
	flow_syn(b, &g);
	bench_run(b, 3 * USEC);
	assert_true(has_alternative(is(b, 81, "silent", "firewall-drop", "possible", "ETIMEDOUT"),
		"published-not-forwarded"));
	assert_int_equal(b->ports[80].silent, 1);
	bench_free(b);
}

static void test_accept_queue_full(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);
	struct socket_row *r = bench_listen(b, "0.0.0.0", 80);

	(void)state;
	r->queue_max = 5;
	bench_run(b, 3 * USEC);
	r->queue = 6;
	bench_run(b, 2 * USEC);
	flow_syn(b, &f);
	r->drops++;
	b->counters.v[COUNTER_LISTEN_OVERFLOWS]++;
	b->counters.v[COUNTER_LISTEN_DROPS]++;
	bench_run(b, 3 * USEC);
	is(b, 80, "silent", "accept-queue-full", "proved", "ETIMEDOUT");
	bench_free(b);
}

/* One SYN was dropped by the full queue and another never got there: neither may be "proved". */
static void test_accept_queue_full_and_firewall(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80), g = flow_in("203.0.113.99", 40001, HOST, 80);
	struct socket_row *r = bench_listen(b, "0.0.0.0", 80);

	(void)state;
	r->queue_max = 5;
	r->queue = 6;
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	flow_syn(b, &g);
	r->drops++;
	b->counters.v[COUNTER_LISTEN_OVERFLOWS]++;
	bench_run(b, 3 * USEC);
	for (size_t i = 0; i < b->n; i++)
		if (b->events[i].type == EVENT_ATTEMPT)
			assert_string_equal(b->events[i].attempt.confidence, "possible");
	bench_free(b);
}

/* Which counter moves while the listener drops, or while it does not. */
static const struct {
	enum counter counter;
	uint32_t drops;
	const char *cause, *alternative;
} silences[] = {
	{COUNTER_REQQ_FULL_DROP, 1, "unknown", "firewall-drop"},
	{COUNTER_LISTEN_DROPS, 1, "syn-queue-full", "no-route-back"},
	{COUNTER_LISTEN_DROPS, 0, "firewall-drop", "bpf-drop"},
	{COUNTER_LISTEN_OVERFLOWS, 1, "accept-queue-full", "syn-queue-full"},
	{COUNTER_MD5_DROPS, 1, "tcp-md5", "accept-queue-full"},
	{COUNTER_MD5_UNEXPECTED, 1, "tcp-md5", "accept-queue-full"},
	{COUNTER_MD5_FAILURE, 1, "tcp-md5", "accept-queue-full"},
	{COUNTER_MD5_FAILURE, 0, "firewall-drop", "bpf-drop"},
	{COUNTER_MIN_TTL_DROP, 1, "min-ttl", "accept-queue-full"},
	{COUNTER_OUT_NO_ROUTES, 1, "no-route-back", "syn-queue-full"},
	{COUNTER_RP_FILTER, 0, "firewall-drop", "reverse-path"},
	{COUNTER_IN_CSUM_ERRORS, 0, "firewall-drop", "bad-checksum"},
};

static void test_silences(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(silences); i++) {
		struct bench *b = bench_new();
		struct flow f = flow_to(80);
		struct socket_row *r = bench_listen(b, "0.0.0.0", 80);

		bench_run(b, 3 * USEC);
		flow_syn(b, &f);
		r->drops += silences[i].drops;
		b->counters.v[silences[i].counter]++;
		bench_run(b, 3 * USEC);
		expect(has_alternative(
			       is(b, 80, "silent", silences[i].cause, "possible", "ETIMEDOUT"),
			       silences[i].alternative),
			"%s", silences[i].alternative);
		bench_free(b);
	}
}

static bool answers_syn_recv(struct bench *b, const struct question *q, struct answer *ret)
{
	(void)b;
	ret->found = true;
	ret->row = (struct socket_row){.state = SOCKET_SYN_RECV, .port = q->port};
	return true;
}

static bool answers_open(struct bench *b, const struct question *q, struct answer *ret)
{
	(void)b;
	ret->found = true;
	ret->row = (struct socket_row){.state = SOCKET_OPEN, .port = q->port};
	return true;
}

static bool answers_time_wait(struct bench *b, const struct question *q, struct answer *ret)
{
	(void)b;
	ret->found = true;
	ret->row = (struct socket_row){.state = SOCKET_TIME_WAIT, .port = q->port};
	return true;
}

static bool answers_syn_sent(struct bench *b, const struct question *q, struct answer *ret)
{
	(void)b;
	ret->found = true;
	ret->row = (struct socket_row){.state = SOCKET_SYN_SENT, .port = q->port};
	return true;
}

/* A process still holds it: it may have closed its half only. */
static bool answers_open_held(struct bench *b, const struct question *q, struct answer *ret)
{
	answers_open(b, q, ret);
	ret->row.inode = 77;
	return true;
}

static void test_timewait_reuse(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_time_wait;
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	bench_run(b, 3 * USEC);
	is(b, 80, "silent", "timewait-reuse", "possible", "ETIMEDOUT");
	bench_free(b);
}

/* With SO_REUSEPORT the drop may be any listener's, and so may the full queue. */
static void test_accept_queue_of_several(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_listen(b, "0.0.0.0", 80)->queue = 129;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	b->rows[1].drops++;
	b->counters.v[COUNTER_LISTEN_OVERFLOWS]++;
	bench_run(b, 3 * USEC);
	is(b, 80, "silent", "accept-queue-full", "proved", "ETIMEDOUT");
	bench_free(b);
}

static void test_firewall_drop_reply(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_syn_recv;
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	bench_run(b, 3 * USEC);
	is(b, 80, "silent", "firewall-drop-reply", "possible", "ETIMEDOUT");
	bench_free(b);
}

/* The SYN-ACK was not captured, and the kernel has the connection: it was accepted. */
static void test_answer_not_captured(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_open;
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	bench_run(b, 5 * USEC);
	is(b, 80, "accepted", "none", "proved", "none");
	bench_free(b);
}

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

/* A listener answers, the SYN-ACK goes out a second time. */
static struct bench *unfinished(struct flow *f, int syns, enum counter moves)
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
	bench_run(b, 4 * USEC);
	return b;
}

static void test_unfinished(void **state)
{
	static const struct {
		int syns;
		enum counter moves;
		const char *cause;
	} cases[] = {
		{1, COUNTER_COUNT, "peer-silent"},
		{2, COUNTER_COUNT, "reply-lost"},
		{1, COUNTER_LISTEN_OVERFLOWS, "accept-queue-full-late"},
		{1, COUNTER_DEFER_ACCEPT_DROP, "deferred-accept"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct flow f;
		struct bench *b = unfinished(&f, cases[i].syns, cases[i].moves);

		is(b, 80, "unfinished", cases[i].cause, "possible", "none");
		assert_int_equal(b->ports[80].unfinished, 1);
		assert_int_equal(b->ports[80].accepted, 0);
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
	bench_run(b, 5 * USEC);
	is(b, 80, "unfinished", "accept-queue-full-late", "possible", "none");
	bench_free(b);
}

/* It completes after all: told so, by the same id. */
static void test_unfinished_then_accepted(void **state)
{
	struct flow f;
	struct bench *b = unfinished(&f, 1, COUNTER_COUNT);
	int64_t id = bench_attempt(b, 80)->id;

	(void)state;
	b->lookup = answers_open;
	bench_run(b, 10 * USEC);
	assert_int_equal(is(b, 80, "accepted", "none", "proved", "none")->id, id);
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
	is(b, 80, "cancelled", "peer-reset", "proved", "none");
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
		is(b, 80, "cancelled", "unknown", "possible", "none"), "peer-firewall"));
	flow_syn(b, &g); /* told when it can be known that it does not ask again */
	flow_syn_ack(b, &g);
	flow_send(b, &g, true, TCP_RST, 0, 0);
	bench_run(b, 1200000);
	assert_int_equal(bench_attempts(b, 80), 1);
	bench_run(b, 400000);
	is(b, 80, "cancelled", "peer-reset", "proved", "none");
	bench_free(b);
}

/* What was said of an unfinished one stands when the peer's RST ends it. */
static void test_unfinished_then_reset(void **state)
{
	struct flow f;
	struct bench *b = unfinished(&f, 1, COUNTER_COUNT);
	size_t n = bench_attempts(b, 80);

	(void)state;
	flow_send(b, &f, true, TCP_RST, 0, 0);
	bench_run(b, 5 * USEC);
	assert_int_equal(bench_attempts(b, 80), n);
	is(b, 80, "unfinished", "peer-silent", "possible", "none");
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

static struct bench *connected(struct flow *f, bool look)
{
	struct bench *b = bench_new();

	bench_listen(b, "0.0.0.0", 80);
	if (look)
		b->lookup = answers_open;
	bench_run(b, 3 * USEC);
	*f = flow_to(80);
	flow_syn(b, f);
	b->t += 50;
	flow_syn_ack(b, f);
	bench_run(b, 3 * USEC);
	return b;
}

static void test_accepted(void **state)
{
	struct flow f;
	struct bench *b = connected(&f, true);

	(void)state;
	is(b, 80, "accepted", "none", "proved", "none");
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
	is(b, 80, "accepted", "none", "proved", "none");
	assert_int_equal(bench_attempts(b, 80), 1);
	assert_int_equal(b->ports[80].accepted, 1);
	bench_free(b);
}

/* The kernel knows of no such connection any more: it has come and gone, most likely. */
static void test_accepted_inferred(void **state)
{
	struct flow f;
	struct bench *b = connected(&f, false);

	(void)state;
	is(b, 80, "accepted", "none", "inferred", "none");
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
	assert_int_equal(is(b, 80, "accepted", "none", "proved", "none")->id, id);
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
		const char *cause, *by;
	} cases[] = {
		{false, TCP_RST | TCP_ACK, COUNTER_ABORT_ON_CLOSE, false, "abort-unread-data",
			"host"},
		{false, TCP_RST | TCP_ACK, COUNTER_ABORT_ON_DATA, false, "abort-linger", "host"},
		{false, TCP_RST, COUNTER_COUNT, true, "sent-after-close", "host"},
		{true, TCP_RST | TCP_ACK, COUNTER_COUNT, false, "peer-closed-abruptly", "peer"},
		{true, TCP_RST, COUNTER_COUNT, false, "peer-closed-abruptly", "peer"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct flow f;
		struct bench *b = connected(&f, true);
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
		a = is(b, 80, "accepted", cases[i].cause, "proved",
			cases[i].by_client ? "none" : "ECONNRESET");
		assert_string_equal(a->by, cases[i].by);
		assert_int_equal(b->events[b->n - 1].type, EVENT_RESET);
		assert_int_equal(b->ports[80].reset, 1);
		assert_int_equal(b->ports[80].accepted, 1);
		bench_free(b);
	}
}

/* Both abort counters move in the window: either may be the one. */
static void test_reset_near_miss(void **state)
{
	struct flow f;
	struct bench *b = connected(&f, true);

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
	struct bench *b = connected(&f, true);
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
		is(b, 80, "accepted", "abort-unread-data", "possible", "ECONNRESET"),
		"process-died"));
	bench_free(b);
}

/* A RST in the peer's name that did not come the peer's way. */
static void test_resets_by_another(void **state)
{
	struct flow f;
	struct bench *b = connected(&f, true);
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
	engine_segment(b->e, &s);
	bench_run(b, 4 * USEC);
	assert_true(has_alternative(
		is(b, 80, "accepted", "peer-closed-abruptly", "possible", "none"),
		"middlebox-reset"));
	bench_free(b);
	b = connected(&f, true);
	s.ttl = 57;
	s.ifindex = 1; /* lo */
	s.t = b->t;
	engine_segment(b->e, &s);
	bench_run(b, 4 * USEC);
	is(b, 80, "accepted", "unknown", "possible", "none");
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
	flow_send(b, &port, true, TCP_RST, 10, 21);
	flow_send(b, &bridge, true, TCP_RST, 10, 21);
	bench_run(b, 4 * USEC);
	is(b, 80, "accepted", "peer-closed-abruptly", "proved", "none");
	bench_free(b);
}

static void test_remote_reset_through_a_bridge(void **state)
{
	struct bench *b = start();
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
	is(b, 5432, "accepted", "remote-reset", "proved", "ECONNRESET");
	bench_free(b);
}

/* The answer is seen and does not get through to the socket: something is told of it in time. */
static void test_outgoing_answer_does_not_get_through(void **state)
{
	struct bench *b = start();
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
	struct bench *b = connected(&f, true);

	(void)state;
	b->lookup = answers_open_held;
	flow_send(b, &f, false, TCP_FIN | TCP_ACK, 120, 0);
	bench_run(b, 4 * USEC);
	is(b, 80, "accepted", "none", "proved", "none");
	bench_free(b);
}

/* The server closes after three seconds, when the connection has been told as accepted. */
static void test_closed_early_after_a_while(void **state)
{
	struct flow f;
	struct bench *b = connected(&f, true);

	(void)state;
	flow_send(b, &f, false, TCP_FIN | TCP_ACK, 120, 0);
	flow_send(b, &f, true, TCP_FIN | TCP_ACK, 120, 1);
	bench_run(b, 4 * USEC);
	is(b, 80, "accepted", "closed-early", "proved", "none");
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
	is(b, 80, "accepted", "closed-early", "proved", "none");
	assert_int_equal(b->ports[80].accepted, 1);
	bench_free(b);
	/* near misses: an answer was sent; nothing was asked; the peer closed first */
	for (int i = 0; i < 3; i++) {
		b = connected(&f, true);
		if (i == 2)
			flow_send(b, &f, true, TCP_FIN | TCP_ACK, 120, 0);
		flow_send(b, &f, false, TCP_FIN | TCP_ACK, i == 1 ? 0 : 120, i == 0 ? 1 : 0);
		bench_run(b, 4 * USEC);
		is(b, 80, "accepted", "none", "proved", "none");
		bench_free(b);
	}
}

static void test_outgoing(void **state)
{
	struct bench *b = start();
	struct flow f = flow_out("203.0.113.50", 5432, 50000),
		    g = flow_out("203.0.113.50", 5433, 50001),
		    h = flow_out("203.0.113.50", 5434, 50002),
		    k = flow_out("203.0.113.50", 5435, 50003),
		    m = flow_out("203.0.113.50", 5436, 50004);
	const struct event_attempt *a;

	(void)state;
	flow_syn(b, &f);
	b->t += 30000;
	flow_rst_to_syn(b, &f);
	bench_run(b, 3 * USEC);
	a = is(b, 5432, "refused", "remote-refused", "proved", "ECONNREFUSED");
	assert_string_equal(a->dir, "out");
	assert_string_equal(a->peer, "203.0.113.50");
	assert_int_equal(a->peer_port, 5432);
	assert_string_equal(a->addr, HOST);
	flow_syn(b, &g);
	flow_icmp(b, &g, "192.0.2.254", 3, 1);
	bench_run(b, 3 * USEC);
	is(b, 5433, "unreachable", "remote-unreachable", "proved", "EHOSTUNREACH");
	flow_syn(b, &h);
	bench_run(b, USEC);
	flow_syn(b, &h);
	bench_run(b, 5 * USEC);
	a = is(b, 5434, "silent", "remote-silent", "inferred", "ETIMEDOUT");
	assert_int_equal(a->syns, 2);
	b->lookup = answers_open;
	flow_syn(b, &k);
	flow_syn_ack(b, &k);
	bench_run(b, 2 * USEC);
	is(b, 5435, "accepted", "none", "proved", "none");
	flow_send(b, &k, false, TCP_RST, 10, 0);
	bench_run(b, 3 * USEC);
	a = is(b, 5435, "accepted", "remote-reset", "proved", "ECONNRESET");
	assert_string_equal(a->by, "peer");
	flow_syn(b, &m); /* slow, but it answers */
	bench_run(b, 1500000);
	flow_syn_ack(b, &m);
	bench_run(b, 3 * USEC);
	is(b, 5436, "accepted", "none", "proved", "none");
	b->lookup = NULL; /* nothing is found */
	k = flow_out("203.0.113.50", 5437, 50005);
	flow_syn(b, &k);
	flow_syn_ack(b, &k);
	bench_run(b, 2 * USEC);
	is(b, 5437, "accepted", "none", "inferred", "none");
	assert_int_equal(b->ports[5432].syn, 0); /* the remote's ports are no ports of ours */
	assert_int_equal(b->ports[5432].refused, 0);
	bench_free(b);
}

static void test_not_for_us(void **state)
{
	struct bench *b = start();
	struct flow f = flow_in(PEER, 40000, "192.0.2.200", 80); /* forwarded */

	(void)state;
	flow_refused(b, &f);
	bench_run(b, 3 * USEC);
	assert_null(bench_attempt(b, 0));
	assert_int_equal(b->tick.attempts, 0);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_listener),
		cmocka_unit_test(test_doors),
		cmocka_unit_test(test_port_holders),
		cmocka_unit_test(test_port_holders_elsewhere),
		cmocka_unit_test(test_listener_gone),
		cmocka_unit_test(test_listener_gone_and_one_near),
		cmocka_unit_test(test_too_early_at_once),
		cmocka_unit_test(test_too_early_not_known_missing),
		cmocka_unit_test(test_too_early_of_several),
		cmocka_unit_test(test_found_at_start),
		cmocka_unit_test(test_too_early_revised),
		cmocka_unit_test(test_too_early_near_miss),
		cmocka_unit_test(test_restarting),
		cmocka_unit_test(test_restarting_near_miss),
		cmocka_unit_test(test_firewall_reset),
		cmocka_unit_test(test_mixed_resets),
		cmocka_unit_test(test_published),
		cmocka_unit_test(test_partial),
		cmocka_unit_test(test_no_counters),
		cmocka_unit_test(test_firewall_reject),
		cmocka_unit_test(test_icmp_near_misses),
		cmocka_unit_test(test_wrong_resets_are_ignored),
		cmocka_unit_test(test_wrong_syn_ack_is_ignored),
		cmocka_unit_test(test_firewall_drop),
		cmocka_unit_test(test_accept_queue_full),
		cmocka_unit_test(test_accept_queue_full_and_firewall),
		cmocka_unit_test(test_silences),
		cmocka_unit_test(test_timewait_reuse),
		cmocka_unit_test(test_accept_queue_of_several),
		cmocka_unit_test(test_firewall_drop_reply),
		cmocka_unit_test(test_answer_not_captured),
		cmocka_unit_test(test_half_open_without_a_retransmission),
		cmocka_unit_test(test_unfinished),
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
		cmocka_unit_test(test_reset_near_miss),
		cmocka_unit_test(test_reset_as_the_process_dies),
		cmocka_unit_test(test_resets_by_another),
		cmocka_unit_test(test_reset_through_a_bridge),
		cmocka_unit_test(test_remote_reset_through_a_bridge),
		cmocka_unit_test(test_outgoing_answer_does_not_get_through),
		cmocka_unit_test(test_half_closed),
		cmocka_unit_test(test_closed_early_after_a_while),
		cmocka_unit_test(test_closed_early),
		cmocka_unit_test(test_outgoing),
		cmocka_unit_test(test_not_for_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
