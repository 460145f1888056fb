/* sound.c - what could mislead: facts that fit one cause at a glance, and another one in truth; and a clock set back. */
#include "bench.h"
#include "unit.h"

/* A silent SYN of a router's, and another on the same ports: judge_silent() forgets it, judge_replaced() again. */
static void test_forwarded_ports_used_anew(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_in(PEER, 40000, "192.0.2.200", 80);

	(void)state;
	b->routing = (struct routing){.in = ROUTE_UNICAST, .forwarding = 1};
	flow_syn(b, &f);
	f.isn += 70000;
	flow_syn(b, &f);
	bench_run(b, 3 * USEC);
	assert_int_equal(bench_attempts(b, 0), 0);
	bench_free(b);
}

/* The clock is set back by an hour: what waits is still found. */
static void test_clock_and_walks(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	bench_connect(b, &f)->row.inode = 0;
	b->rows[0].queue = 1;
	bench_run(b, 3 * USEC);
	b->t -= 3600 * USEC;
	bench_run(b, 20 * USEC);
	expect(bench_attempts(b, 80) > 0, "nothing is told within 20 s");
	bench_free(b);
}

static void test_clock_and_looks(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_syn_recv;
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	flow_syn_ack(b, &f);
	bench_run(b, USEC);
	assert_true(bench_looks_at(b, PEER, 80));
	b->t -= 3600 * USEC;
	bench_run(b, 60 * USEC);
	expect(!bench_looks_at(b, PEER, 80), "still looked at after a minute");
	bench_free(b);
}

/* What was asked of another namespace an hour "ahead" is kept for that hour. */
static void test_clock_and_namespaces(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_to(81), g = flow_in(PEER, 40001, HOST, 81);

	(void)state;
	b->elsewhere = (struct answer){.complete = true, .found = true, .row = {.port = 81}};
	flow_refused(b, &f);
	bench_run(b, 3 * USEC);
	b->t -= 3600 * USEC;
	b->elsewhere.found = false;
	bench_run(b, 10 * USEC);
	flow_refused(b, &g);
	bench_run(b, 3 * USEC);
	told_as(b, 81, "refused", "no-listener", "proved", "ECONNREFUSED");
	bench_free(b);
}

static void test_clock_and_addresses(void **state)
{
	static const char *const rest[] = {HOST6};
	struct bench *b = bench_ready();

	(void)state;
	bench_addresses(b, rest, 1);
	bench_run(b, 5 * USEC);
	b->t -= 3600 * USEC;
	bench_run(b, 700 * USEC);
	expect(!bench_looks_at(b, HOST, 0), "it went more than ten minutes ago");
	bench_free(b);
}

/* Two SYNs, one drop of the listener for its MD5 signature: neither may be "proved" (some_missed_listener()). */
static void missed(enum counter counter, bool full, const struct process *process)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80), g = flow_in("203.0.113.99", 40001, HOST, 80);
	struct socket_row *r = bench_listen(b, "0.0.0.0", 80);

	r->queue = full ? 129 : 0;
	b->process = process;
	bench_run(b, 3 * USEC);
	bench_own(b, 80, "httpd", 7);
	flow_syn(b, &f);
	flow_syn(b, &g);
	r->drops++;
	b->counters.v[counter]++;
	bench_run(b, 3 * USEC);
	for (size_t i = 0; i < b->n; i++)
		if (b->events[i].type == EVENT_ATTEMPT)
			expect(strcmp(b->events[i].attempt.confidence, "possible") == 0, "%s %s",
				b->events[i].attempt.cause, b->events[i].attempt.confidence);
	bench_free(b);
}

static void test_md5_of_another(void **state)
{
	(void)state;
	missed(COUNTER_MD5_FAILURE, false, NULL);
}

static void test_stopped_and_firewall(void **state)
{
	static const struct process stopped = {.pid = 7, .state = 'T', .fds_max = 1024};

	(void)state;
	missed(COUNTER_LISTEN_OVERFLOWS, true, &stopped);
}

/* A bridge's port sees the frame as another's, the bridge as its own: the copy takes nothing back. */
static void test_other_mac_on_a_bridges_port(void **state)
{
	struct bench *b = bench_new();
	struct flow port = flow_to(80), bridge = port;

	(void)state;
	bridge.ifindex = 7;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	flow_syn_with(b, &port, WAY_OTHER, false, false);
	flow_syn_with(b, &bridge, WAY_IN, false, false);
	bench_run(b, 3 * USEC);
	told_as(b, 80, "silent", "firewall-drop", "possible", "ETIMEDOUT");
	bench_free(b);
}

/* TIME_WAIT takes a newer SYN: that the 4-tuple is in it does not say why this one was not answered. */
static void test_time_wait_alone(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_time_wait;
	bench_run(b, 3 * USEC);
	flow_syn(b, &f); /* and a rule drops it */
	bench_run(b, 3 * USEC);
	told_as(b, 80, "silent", "timewait-reuse", "possible", "ETIMEDOUT");
	bench_free(b);
}

/* One keepalive probe was under way when the application closed with SO_LINGER 0: no time-out was counted. */
static void test_linger_during_a_probe(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, true);

	(void)state;
	bench_destroyed(b, &f, &(struct connection){.probes = 1});
	flow_send(b, &f, false, TCP_RST | TCP_ACK, 10, 21);
	b->counters.v[COUNTER_OUT_RSTS]++;
	b->counters.v[COUNTER_ABORT_ON_DATA]++;
	bench_run(b, 4 * USEC);
	expect(strcmp(bench_attempt(b, 80)->cause, "keepalive-timeout") != 0, "%s %s", bench_attempt(b, 80)->cause,
		bench_attempt(b, 80)->confidence);
	bench_free(b);
}

/* The same while data was sent again for the first time. */
static void test_linger_during_a_retransmission(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, true);

	(void)state;
	bench_destroyed(b, &f, &(struct connection){.retransmits = 1, .row.queue_max = 500});
	flow_send(b, &f, false, TCP_RST | TCP_ACK, 10, 21);
	b->counters.v[COUNTER_OUT_RSTS]++;
	b->counters.v[COUNTER_ABORT_ON_DATA]++;
	bench_run(b, 4 * USEC);
	expect(strcmp(bench_attempt(b, 80)->cause, "retransmit-timeout") != 0, "%s %s: %s", bench_attempt(b, 80)->cause,
		bench_attempt(b, 80)->confidence, bench_attempt(b, 80)->evidence[0].text);
	bench_free(b);
}

/* What is forwarded is no attempt at this host. */
static void test_forwarded_are_not_counted(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_in(PEER, 40000, "192.0.2.200", 80);

	(void)state;
	flow_syn(b, &f);
	flow_syn_ack(b, &f);
	bench_run(b, 3 * USEC);
	assert_int_equal(b->tick.attempts, 0);
	bench_free(b);
}

/* A whole prefix is local by a route ("ip -6 route add local"), though no interface has the address. */
static void test_local_by_route(void **state)
{
	struct bench *b = bench_ready();
	struct flow f = flow_in(PEER6, 40000, "2001:db8::200", 80);

	(void)state;
	bench_listen(b, "::", 80);
	b->routing = (struct routing){.in = ROUTE_LOCAL, .back = ROUTE_UNICAST};
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	bench_run(b, 3 * USEC);
	expect(!bench_attempt(b, 80) || strcmp(bench_attempt(b, 80)->cause, "not-our-address") != 0, "%s %s",
		bench_attempt(b, 80)->cause, bench_attempt(b, 80)->confidence);
	bench_free(b);
}

/* New data is sent between the retransmissions of what vanishes: watch_segment() knows only the last segment. */
static void test_resends_of_several(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, true);
	struct connection *c = bench_connect(b, &f);

	(void)state;
	c->retransmits = 3;
	c->unacked = 4;
	c->sacked = 2;
	for (int i = 0; i < 6; i++) {
		b->counters.v[COUNTER_RETRANS_SEGS]++;
		bench_run(b, USEC);
		flow_data(b, &f, false, 100, 2000, 1448); /* the one that vanishes */
		flow_data(b, &f, false, 100, (uint32_t)(5000 + i), 10); /* and new data after it */
	}
	told_as(b, 80, "accepted", "mtu-blackhole", "inferred", "none");
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock_and_walks),
		cmocka_unit_test(test_clock_and_looks),
		cmocka_unit_test(test_clock_and_namespaces),
		cmocka_unit_test(test_clock_and_addresses),
		cmocka_unit_test(test_md5_of_another),
		cmocka_unit_test(test_stopped_and_firewall),
		cmocka_unit_test(test_other_mac_on_a_bridges_port),
		cmocka_unit_test(test_time_wait_alone),
		cmocka_unit_test(test_linger_during_a_probe),
		cmocka_unit_test(test_linger_during_a_retransmission),
		cmocka_unit_test(test_forwarded_are_not_counted),
		cmocka_unit_test(test_local_by_route),
		cmocka_unit_test(test_resends_of_several),
		cmocka_unit_test(test_forwarded_ports_used_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
