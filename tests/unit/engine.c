/* engine.c - from segments, sockets and counters to the cause: who refused, one story a test. */
#include "bench.h"
#include "unit.h"

static void test_no_listener(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_to(81);
	const struct event_attempt *a;

	(void)state;
	flow_refused(b, &f);
	bench_run(b, 3 * USEC);
	a = told_as(b, 81, "refused", "no-listener", "proved", "ECONNREFUSED");
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
		told_as(b, 80, "refused", doors[i].cause, "proved", "ECONNREFUSED");
		assert_int_equal(bench_attempts(b, 80), 1);
		bench_free(b);
	}
}

static void test_port_holders(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_to(81), g = flow_to(82), h = flow_to(83), i = flow_to(84);

	(void)state;
	b->port_answer = (struct answer){.complete = true, .bound = {PRESENCE_YES}};
	flow_refused(b, &f);
	bench_run(b, 3 * USEC);
	told_as(b, 81, "refused", "not-listening", "proved", "ECONNREFUSED");
	b->port_answer = (struct answer){.complete = true, .bound = {PRESENCE_NO}, .udp = {PRESENCE_YES}};
	flow_refused(b, &g);
	bench_run(b, 3 * USEC);
	told_as(b, 82, "refused", "udp-only", "proved", "ECONNREFUSED");
	b->port_answer = (struct answer){.complete = true, .bound = {PRESENCE_NO}, .outgoing = {PRESENCE_YES}};
	flow_refused(b, &h);
	bench_run(b, 3 * USEC);
	told_as(b, 83, "refused", "outgoing-port", "proved", "ECONNREFUSED");
	b->port_answer =
		(struct answer){.complete = true, .outgoing = {PRESENCE_YES}, .bound = {PRESENCE_YES}, .udp = {PRESENCE_YES}};
	flow_refused(b, &i);
	bench_run(b, 3 * USEC);
	told_as(b, 84, "refused", "not-listening", "proved", "ECONNREFUSED");
	bench_free(b);
}

/* The holder of the port has it at another address than the one that was dialled. */
static void test_port_holders_elsewhere(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_to(81), g = flow_to(82);
	struct socket_row row = {.state = SOCKET_BOUND, .port = 81};

	(void)state;
	ip_parse("127.0.0.1", &row.addr);
	b->port_answer = (struct answer){.complete = true, .bound = {PRESENCE_YES}, .bound_row = row, .udp = {PRESENCE_NO},
		.outgoing = {PRESENCE_NO}};
	flow_refused(b, &f);
	bench_run(b, 3 * USEC);
	told_as(b, 81, "refused", "no-listener", "proved", "ECONNREFUSED");
	b->port_answer = (struct answer){.complete = true, .bound = {PRESENCE_NO}, .udp = {PRESENCE_YES}, .udp_row = row,
		.outgoing = {PRESENCE_NO}};
	flow_refused(b, &g);
	bench_run(b, 3 * USEC);
	told_as(b, 82, "refused", "no-listener", "proved", "ECONNREFUSED");
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
	told_as(b, 80, "refused", "listener-gone", "proved", "ECONNREFUSED");
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
	told_as(b, 80, "refused", "listener-gone", "proved", "ECONNREFUSED");
	bench_run(b, 10 * USEC);
	flow_refused(b, &g);
	bench_run(b, 3 * USEC);
	told_as(b, 80, "refused", "loopback-only", "proved", "ECONNREFUSED");
	bench_free(b);
}

/* The listener comes up within the moment that the verdict waits: one line. */
static void test_too_early_at_once(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_to(80);

	(void)state;
	flow_refused(b, &f);
	bench_run(b, 100000);
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	told_as(b, 80, "refused", "too-early", "proved", "ECONNREFUSED");
	bench_free(b);
}

/* The first look after the refusal finds it: it may have been there, and something else refused. */
static void test_too_early_not_known_missing(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_to(80);
	const struct event_attempt *a;

	(void)state;
	flow_refused(b, &f);
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	a = told_as(b, 80, "refused", "too-early", "possible", "ECONNREFUSED");
	assert_true(has_alternative(a, "redirect-no-listener"));
	assert_true(has_alternative(a, "firewall-reset"));
	bench_free(b);
}

/* Two come up one after the other, and only the later one is known to have been missing; in any order. */
static void test_too_early_of_several(void **state)
{
	(void)state;
	for (int order = 0; order < 2; order++) {
		struct bench *b = bench_ready();
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
	assert_true(has_alternative(
		told_as(b, 80, "refused", "redirect-no-listener", "possible", "ECONNREFUSED"), "firewall-reset"));
	bench_free(b);
}

/* It comes up later: the line that was told is revised, by the same id. */
static void test_too_early_revised(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_to(80);
	int64_t id;

	(void)state;
	flow_refused(b, &f);
	bench_run(b, 4 * USEC);
	id = told_as(b, 80, "refused", "no-listener", "proved", "ECONNREFUSED")->id;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	assert_int_equal(told_as(b, 80, "refused", "too-early", "proved", "ECONNREFUSED")->id, id);
	assert_int_equal(bench_attempts(b, 80), 2);
	assert_int_equal(bench_told(b, 80), 1);
	assert_int_equal(b->ports[80].refused, 1); /* revised, not counted again */
	assert_int_equal(b->tick.refused, 1);
	bench_free(b);
}

/* Another address than the one that was dialled comes up: that explains nothing. */
static void test_too_early_near_miss(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_to(80);

	(void)state;
	flow_refused(b, &f);
	bench_run(b, 4 * USEC);
	bench_listen(b, "127.0.0.1", 80);
	bench_run(b, 3 * USEC);
	told_as(b, 80, "refused", "no-listener", "proved", "ECONNREFUSED");
	bench_free(b);
	b = bench_ready();
	flow_refused(b, &f);
	bench_run(b, 90 * USEC);
	bench_listen(b, "0.0.0.0", 80); /* a minute and a half later: no longer the same story */
	bench_run(b, 3 * USEC);
	told_as(b, 80, "refused", "no-listener", "proved", "ECONNREFUSED");
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
	id = told_as(b, 80, "refused", "listener-gone", "proved", "ECONNREFUSED")->id;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	assert_int_equal( /* no names known */
		told_as(b, 80, "refused", "restarting", "inferred", "ECONNREFUSED")->id, id);
	bench_free(b);
}

/* The process lives on, closes its listener and opens it again: told so by the same id, as another process is not. */
static void test_reopened(void **state)
{
	(void)state;
	for (int other = 0; other < 2; other++) {
		struct bench *b = bench_new();
		struct flow f = flow_to(80);
		uint64_t cookie = bench_listen(b, "0.0.0.0", 80)->cookie;
		const struct event_attempt *told;
		int64_t id;

		bench_run(b, 3 * USEC);
		bench_own(b, 80, "xinetd", 7);
		bench_unlisten(b, 80);
		bench_gone(b, cookie);
		bench_run(b, USEC / 2);
		flow_refused(b, &f);
		bench_run(b, 3 * USEC);
		id = told_as(b, 80, "refused", "listener-gone", "proved", "ECONNREFUSED")->id;
		bench_listen(b, "0.0.0.0", 80);
		bench_poll(b);
		bench_own(b, 80, "xinetd", other ? 8 : 7);
		bench_run(b, 3 * USEC);
		told = told_as(b, 80, "refused", other ? "restarting" : "listener-gone", "proved", "ECONNREFUSED");
		assert_int_equal(told->id, id);
		expect(other || strstr(told->summary, "closed its listener and opened it again"), "%s", told->summary);
		bench_free(b);
	}
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
	told_as(b, 80, "refused", "listener-gone", "proved", "ECONNREFUSED");
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	told_as(b, 80, "refused", "too-early", "proved", "ECONNREFUSED");
	bench_free(b);
}

/* The stack's own RST, counted 15 ms after it was stamped, when a sample was taken in between: not a firewall's. */
static void test_reset_counted_late(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(81);
	const struct event_attempt *a;

	(void)state;
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	flow_rst_to_syn(b, &f);
	b->t += 10000;
	bench_poll(b);
	b->t += 5000;
	b->counters.v[COUNTER_OUT_RSTS]++;
	bench_run(b, 3 * USEC);
	a = told_as(b, 81, "refused", "no-listener", "possible", "ECONNREFUSED");
	assert_true(has_alternative(a, "firewall-reset"));
	bench_free(b);
}

/* A firewall's, while the stack refuses another client: what it counted is that one's. */
static void test_firewall_reset_beside_a_refusal(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80), g = flow_in(PEER, 40099, HOST, 81);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	flow_rst_to_syn(b, &f);
	b->t += 10000;
	bench_poll(b);
	b->t += 10000;
	flow_refused(b, &g);
	bench_run(b, 3 * USEC);
	told_as(b, 80, "refused", "firewall-reset", "proved", "ECONNREFUSED");
	told_as(b, 81, "refused", "no-listener", "proved", "ECONNREFUSED");
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
	told_as(b, 80, "refused", "firewall-reset", "proved", "ECONNREFUSED");
	flow_syn(b, &g);
	flow_rst_to_syn(b, &g);
	bench_run(b, 3 * USEC);
	told_as(b, 81, "refused", "firewall-reset", "proved",
		"ECONNREFUSED"); /* though nobody listens */
	bench_free(b);
}

/* Two RSTs on the wire within one window and one in the counter: nobody can say which is whose. */
static void test_mixed_resets(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_to(81), g = flow_to(82);

	(void)state;
	flow_refused(b, &f);
	b->t += 100;
	flow_syn(b, &g);
	flow_rst_to_syn(b, &g);
	bench_run(b, 3 * USEC);
	assert_true(has_alternative(
		told_as(b, 81, "refused", "no-listener", "possible", "ECONNREFUSED"), "firewall-reset"));
	told_as(b, 82, "refused", "no-listener", "possible", "ECONNREFUSED");
	bench_free(b);
}

static void test_published(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_to(8080);

	(void)state;
	f.ttl = 63;
	flow_syn(b, &f);
	flow_rst_to_syn(b, &f);
	bench_run(b, 3 * USEC);
	assert_true(has_alternative(
		told_as(b, 8080, "refused", "published-no-listener", "possible", "ECONNREFUSED"),
		"firewall-reset"));
	bench_free(b);
	b = bench_ready();
	flow_refused(b, &f); /* and the stack has counted it: a route's hop limit */
	bench_run(b, 3 * USEC);
	told_as(b, 8080, "refused", "no-listener", "proved", "ECONNREFUSED");
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
		a = told_as(b, 81, "refused", cases[i].cause, cases[i].confidence, "ECONNREFUSED");
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
		told_as(b, 81, "refused", "no-listener", "possible", "ECONNREFUSED"), "firewall-reset"));
	bench_free(b);
}

static void test_firewall_reject(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_to(80), g = flow_to(81), h = flow_in(PEER6, 40000, HOST6, 82);

	(void)state;
	flow_syn(b, &f);
	flow_icmp(b, &f, HOST, 3, 13);
	bench_run(b, 3 * USEC);
	told_as(b, 80, "unreachable", "firewall-reject", "proved", "EHOSTUNREACH");
	assert_int_equal(b->ports[80].unreachable, 1);
	assert_int_equal(b->ports[80].icmp_out, 1);
	flow_syn(b, &g);
	flow_icmp(b, &g, HOST, 3, 3);
	bench_run(b, 3 * USEC);
	told_as(b, 81, "unreachable", "firewall-reject", "proved", "ECONNREFUSED");
	flow_syn(b, &h);
	flow_icmp(b, &h, HOST6, 1, 1);
	bench_run(b, 3 * USEC);
	told_as(b, 82, "unreachable", "firewall-reject", "proved", "EACCES");
	f = flow_to(83);
	flow_syn(b, &f);
	flow_icmp(b, &f, HOST, 3, 1); /* a router's error comes back from DNAT like this */
	bench_run(b, 3 * USEC);
	assert_true(has_alternative(
		told_as(b, 83, "unreachable", "firewall-reject", "possible", "EHOSTUNREACH"),
		"published-target-dead"));
	bench_free(b);
}

/* An ICMP error that quotes another sequence number, or comes from elsewhere. */
static void test_icmp_near_misses(void **state)
{
	struct bench *b = bench_ready();
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
	struct bench *b = bench_ready();
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
		struct bench *b = bench_ready();
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

static void test_outgoing(void **state)
{
	struct bench *b = bench_ready();
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
	a = told_as(b, 5432, "refused", "remote-refused", "proved", "ECONNREFUSED");
	assert_string_equal(a->dir, "out");
	assert_string_equal(a->peer, "203.0.113.50");
	assert_int_equal(a->peer_port, 5432);
	assert_string_equal(a->addr, HOST);
	flow_syn(b, &g);
	flow_icmp(b, &g, "192.0.2.254", 3, 1);
	bench_run(b, 3 * USEC);
	told_as(b, 5433, "unreachable", "remote-unreachable", "proved", "EHOSTUNREACH");
	flow_syn(b, &h);
	bench_run(b, USEC);
	flow_syn(b, &h);
	bench_run(b, 5 * USEC);
	a = told_as(b, 5434, "silent", "remote-silent", "inferred", "ETIMEDOUT");
	assert_int_equal(a->syns, 2);
	b->lookup = answers_open;
	flow_syn(b, &k);
	flow_syn_ack(b, &k);
	bench_run(b, 2 * USEC);
	told_as(b, 5435, "accepted", "none", "proved", "none");
	flow_send(b, &k, false, TCP_RST, 10, 0);
	bench_run(b, 3 * USEC);
	a = told_as(b, 5435, "accepted", "remote-reset", "proved", "ECONNRESET");
	assert_string_equal(a->by, "peer");
	b->lookup = answers_open;
	flow_syn(b, &m); /* slow, but it answers */
	bench_run(b, 1500000);
	flow_syn_ack(b, &m);
	bench_run(b, 3 * USEC);
	told_as(b, 5436, "accepted", "none", "proved", "none");
	b->lookup = NULL; /* nothing is found */
	k = flow_out("203.0.113.50", 5437, 50005);
	flow_syn(b, &k);
	flow_syn_ack(b, &k);
	bench_run(b, 2 * USEC);
	told_as(b, 5437, "accepted", "none", "inferred", "none");
	assert_int_equal(b->ports[5432].syn, 0); /* the remote's ports are no ports of ours */
	assert_int_equal(b->ports[5432].refused, 0);
	bench_free(b);
}

static void test_not_for_us(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_in(PEER, 40000, "192.0.2.200", 80); /* forwarded */

	(void)state;
	flow_refused(b, &f);
	bench_run(b, 3 * USEC);
	assert_null(bench_attempt(b, 0));
	assert_int_equal(b->tick.refused, 0);
	bench_free(b);
}

/* Somebody listens on the port in a container; asked for once in a while only. */
static void test_other_namespace(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_to(81), g = flow_in(PEER, 40001, HOST, 81);

	(void)state;
	b->elsewhere = (struct answer){.complete = true, .found = true, .row = {.port = 81}, .netns = "web",
		.reach = ELSEWHERE_JOINED};
	ip_parse("172.17.0.2", &b->elsewhere.reach_addr);
	flow_refused(b, &f);
	bench_run(b, 3 * USEC);
	told_as(b, 81, "refused", "other-namespace", "inferred", "ECONNREFUSED");
	expect(strstr(bench_attempt(b, 81)->advice, "172.17.0.2") != NULL, "%s", bench_attempt(b, 81)->advice);
	expect(strstr(bench_attempt(b, 81)->summary, "web") != NULL, "%s", bench_attempt(b, 81)->summary);
	b->elsewhere.found = false; /* it went */
	bench_run(b, 3 * USEC);
	flow_refused(b, &g);
	bench_run(b, 3 * USEC);
	told_as(b, 81, "refused", "no-listener", "proved", "ECONNREFUSED");
	assert_int_equal(b->asked[ASK_ELSEWHERE], 2);
	bench_free(b);
}

/* More listeners than are kept: nobody is seen to listen, which proves nothing, but of the port that was read whole. */
static void test_not_all_listeners(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_to(81), g = flow_to(82);

	(void)state;
	b->no_polls = true;
	engine_sockets_some(b->e, b->t, b->rows, 0, 82);
	flow_refused(b, &f);
	flow_refused(b, &g);
	bench_run(b, 3 * USEC);
	assert_true(has_alternative(told_as(b, 81, "refused", "no-listener", "possible", "ECONNREFUSED"), "loopback-only"));
	told_as(b, 82, "refused", "no-listener", "possible", "ECONNREFUSED"); /* without counters, which came with the poll */
	assert_false(has_alternative(bench_attempt(b, 82), "loopback-only"));
	bench_free(b);
}

/* A listener that can be reached from nowhere but its own namespace, or is the peer's own, is not whom it dialled for. */
static void test_unrelated_namespace(void **state)
{
	(void)state;
	for (int own = 0; own < 2; own++) {
		struct bench *b = bench_ready();
		struct flow f = flow_to(6379);

		b->elsewhere = (struct answer){.complete = true, .found = true, .row = {.port = 6379}, .netns = "cache",
			.reach = own ? ELSEWHERE_JOINED : ELSEWHERE_LOOPBACK};
		if (own)
			ip_parse(PEER, &b->elsewhere.reach_addr);
		flow_refused(b, &f);
		bench_run(b, 3 * USEC);
		told_as(b, 6379, "refused", "no-listener", "proved", "ECONNREFUSED");
		expect(!strstr(bench_attempt(b, 6379)->advice, "ublish"), "%s", bench_attempt(b, 6379)->advice);
		for (int i = 0; i < EVENT_EVIDENCE; i++)
			expect(strcmp(bench_attempt(b, 6379)->evidence[i].source, "netns") != 0, "%s",
				bench_attempt(b, 6379)->evidence[i].text);
		bench_free(b);
	}
}

/* Who has the port here is the better story, and nobody else is asked for. */
static void test_other_namespace_near_miss(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_to(81);

	(void)state;
	b->elsewhere.found = true;
	b->port_answer = (struct answer){.complete = true, .bound = {PRESENCE_YES}};
	flow_refused(b, &f);
	bench_run(b, 3 * USEC);
	told_as(b, 81, "refused", "not-listening", "proved", "ECONNREFUSED");
	assert_int_equal(b->asked[ASK_ELSEWHERE], 0);
	bench_free(b);
}

/* The table has a listener, before and after, and the kernel's look-up finds none. */
static void test_steered_away(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_nothing;
	bench_run(b, 3 * USEC);
	flow_refused(b, &f);
	bench_run(b, 3 * USEC);
	told_as(b, 80, "refused", "steered-away", "proved", "ECONNREFUSED");
	bench_free(b);
}

/* The look-up finds it, and even so TCP refused: it was likely another port by then. */
static void test_redirected(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	flow_refused(b, &f);
	bench_run(b, 3 * USEC);
	assert_true(has_alternative(
		told_as(b, 80, "refused", "redirect-no-listener", "possible", "ECONNREFUSED"), "firewall-reset"));
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
		cmocka_unit_test(test_reopened),
		cmocka_unit_test(test_restarting_near_miss),
		cmocka_unit_test(test_firewall_reset),
		cmocka_unit_test(test_reset_counted_late),
		cmocka_unit_test(test_firewall_reset_beside_a_refusal),
		cmocka_unit_test(test_mixed_resets),
		cmocka_unit_test(test_published),
		cmocka_unit_test(test_partial),
		cmocka_unit_test(test_no_counters),
		cmocka_unit_test(test_firewall_reject),
		cmocka_unit_test(test_icmp_near_misses),
		cmocka_unit_test(test_wrong_resets_are_ignored),
		cmocka_unit_test(test_wrong_syn_ack_is_ignored),
		cmocka_unit_test(test_outgoing),
		cmocka_unit_test(test_not_for_us),
		cmocka_unit_test(test_other_namespace),
		cmocka_unit_test(test_other_namespace_near_miss),
		cmocka_unit_test(test_unrelated_namespace),
		cmocka_unit_test(test_not_all_listeners),
		cmocka_unit_test(test_steered_away),
		cmocka_unit_test(test_redirected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
