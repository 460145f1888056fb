/* silence.c - from segments, sockets and counters to the cause: no answer, one story a test. */
#include "bench.h"
#include "unit.h"

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
		told_as(b, 80, "silent", "firewall-drop", "possible", "ETIMEDOUT"), "bpf-drop"));
	flow_syn(b, &g);
	bench_run(b, 3 * USEC);
	assert_true(has_alternative(told_as(b, 81, "silent", "firewall-drop", "possible", "ETIMEDOUT"),
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
	told_as(b, 80, "silent", "accept-queue-full", "proved", "ETIMEDOUT");
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

/*
 * The host is asked what it can say, and has nothing against the SYN. Which counter moves while the listener drops,
 * or while it does not.
 */
static const struct {
	enum counter counter;
	uint32_t drops;
	const char *cause, *alternative; /* NULL: it is proved */
} silences[] = {
	{COUNTER_REQQ_FULL_DROP, 1, "unknown", "firewall-drop"},
	{COUNTER_LISTEN_DROPS, 1, "firewall-drop-reply", "bpf-drop"},
	{COUNTER_LISTEN_DROPS, 0, "firewall-drop", "bpf-drop"},
	{COUNTER_LISTEN_OVERFLOWS, 1, "accept-queue-full", "syn-queue-full"},
	{COUNTER_MD5_DROPS, 1, "tcp-md5", NULL},
	{COUNTER_MD5_UNEXPECTED, 1, "tcp-md5", NULL},
	{COUNTER_MD5_FAILURE, 1, "tcp-md5", NULL},
	{COUNTER_MD5_FAILURE, 0, "firewall-drop", "bpf-drop"},
	{COUNTER_MIN_TTL_DROP, 1, "min-ttl", NULL},
	{COUNTER_OUT_NO_ROUTES, 1, "bpf-drop", "tcp-md5"}, /* another's: routing has a way back */
	{COUNTER_RP_FILTER, 0, "firewall-drop", "bpf-drop"}, /* another's: routing lets it in */
	{COUNTER_IN_CSUM_ERRORS, 0, "firewall-drop", "bpf-drop"}, /* another's: this SYN's is right */
	{COUNTER_COUNT, 1, "bpf-drop", "min-ttl"},
};

static void test_silences(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(silences); i++) {
		struct bench *b = bench_new();
		struct flow f = flow_to(80);
		struct socket_row *r = bench_listen(b, "0.0.0.0", 80);
		const struct event_attempt *a;

		bench_run(b, 3 * USEC);
		flow_syn(b, &f);
		r->drops += silences[i].drops;
		if (silences[i].counter != COUNTER_COUNT)
			b->counters.v[silences[i].counter]++;
		bench_run(b, 3 * USEC);
		a = told_as(b, 80, "silent", silences[i].cause, silences[i].alternative ? "possible" : "proved",
			"ETIMEDOUT");
		expect(!silences[i].alternative || has_alternative(a, silences[i].alternative), "%s: %s",
			silences[i].cause, silences[i].alternative);
		bench_free(b);
	}
}

/* The ACK that the old connection answers with is not captured; the peer's RST to it is. */
static void test_timewait_reuse(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_time_wait;
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	b->t += 100;
	flow_send(b, &f, true, TCP_RST, 5000, 0);
	bench_run(b, 3 * USEC);
	told_as(b, 80, "silent", "timewait-reuse", "proved", "ETIMEDOUT");
	bench_free(b);
}

static bool answers_second(struct bench *b, const struct question *q, struct answer *ret)
{
	(void)q;
	ret->found = true;
	ret->row = b->rows[1];
	return true;
}

/* With SO_REUSEPORT the kernel's look-up names the listener that counts; without it any may be the one. */
static void test_accept_queue_of_several(void **state)
{
	static const struct {
		bool (*lookup)(struct bench *b, const struct question *q, struct answer *ret);
		bool all_full;
		const char *cause, *confidence;
	} cases[] = {
		{answers_second, false, "reuseport-stuck", "proved"},
		{answers_not, false, "reuseport-stuck", "possible"},
		{answers_second, true, "accept-queue-full", "proved"},
		{answers_not, true, "accept-queue-full", "proved"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bench *b = bench_new();
		struct flow f = flow_to(80);

		for (int k = 0; k < 3; k++)
			bench_listen(b, "0.0.0.0", 80)->queue = k == 1 || cases[i].all_full ? 129 : 0;
		b->lookup = cases[i].lookup;
		bench_run(b, 3 * USEC);
		flow_syn(b, &f);
		b->rows[1].drops++;
		b->counters.v[COUNTER_LISTEN_OVERFLOWS]++;
		bench_run(b, 3 * USEC);
		told_as(b, 80, "silent", cases[i].cause, cases[i].confidence, "ETIMEDOUT");
		bench_free(b);
	}
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
	told_as(b, 80, "silent", "firewall-drop-reply", "possible", "ETIMEDOUT");
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
	told_as(b, 80, "accepted", "none", "proved", "none");
	bench_free(b);
}

/* A SYN that the listener dropped with a full queue: whose fault that is, its owner's state says. */
static void test_accept_queue_of_whom(void **state)
{
	static const struct {
		struct process process;
		const char *cause;
	} cases[] = {
		{{.pid = 7, .state = 'T', .fds = 10, .fds_max = 1024}, "process-stopped"},
		{{.pid = 7, .state = 'S', .fds = 1024, .fds_max = 1024}, "fd-limit"},
		{{.pid = 7, .state = 'S', .fds = 1023, .fds_max = 1024}, "accept-queue-full"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bench *b = bench_new();
		struct flow f = flow_to(80);
		struct socket_row *r = bench_listen(b, "0.0.0.0", 80);

		r->queue = 129;
		b->process = &cases[i].process;
		bench_run(b, 3 * USEC);
		bench_own(b, 80, "httpd", 7);
		flow_syn(b, &f);
		r->drops++;
		b->counters.v[COUNTER_LISTEN_OVERFLOWS]++;
		b->counters.v[COUNTER_LISTEN_DROPS]++;
		bench_run(b, 3 * USEC);
		told_as(b, 80, "silent", cases[i].cause, "proved", "ETIMEDOUT");
		bench_free(b);
	}
}

/* Without SYN cookies a quarter of tcp_max_syn_backlog is kept for peers that are known. */
static void test_syn_queue_without_cookies(void **state)
{
	static const struct {
		uint32_t half_open;
		int cookies;
		const char *cause, *confidence;
	} cases[] = {
		{98, 0, "syn-queue-full", "proved"},
		{98, 1, "firewall-drop-reply", "possible"},
		{90, 0, "firewall-drop-reply", "possible"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bench *b = bench_new();
		struct flow f = flow_to(80);
		struct socket_row *r = bench_listen(b, "0.0.0.0", 80);

		b->half_open = cases[i].half_open;
		b->half_open_max = 128;
		b->cookies = cases[i].cookies;
		bench_run(b, 3 * USEC);
		flow_syn(b, &f);
		r->drops++;
		b->counters.v[COUNTER_LISTEN_DROPS]++;
		bench_run(b, 3 * USEC);
		told_as(b, 80, "silent", cases[i].cause, cases[i].confidence, "ETIMEDOUT");
		bench_free(b);
	}
}

/* What routing says of the SYN and of the answer, and which counter moves with it; drops: of the listener. */
static const struct {
	struct routing routing;
	enum counter counter;
	uint32_t drops;
	const char *cause, *confidence;
} routes[] = {
	{{.in = ROUTE_LOCAL, .back = ROUTE_NONE}, COUNTER_LISTEN_DROPS, 1, "no-route-back", "proved"},
	{{.in = ROUTE_LOCAL, .back = ROUTE_INVALID}, COUNTER_LISTEN_DROPS, 1, "no-route-back", "proved"},
	{{.in = ROUTE_LOCAL, .back = ROUTE_UNREACHABLE}, COUNTER_LISTEN_DROPS, 1, "no-route-back", "proved"},
	{{.in = ROUTE_LOCAL, .back = ROUTE_PROHIBITED}, COUNTER_LISTEN_DROPS, 1, "no-route-back", "proved"},
	{{.in = ROUTE_LOCAL, .back = ROUTE_NONE}, COUNTER_LISTEN_DROPS, 0, "firewall-drop", "possible"},
	{{.in = ROUTE_INVALID, .back = ROUTE_UNICAST, .rp_filter = 1}, COUNTER_RP_FILTER, 0, "reverse-path", "proved"},
	{{.in = ROUTE_INVALID, .back = ROUTE_UNICAST, .rp_filter = 1}, COUNTER_COUNT, 0, "unknown", "possible"},
	{{.in = ROUTE_INVALID, .back = ROUTE_UNICAST, .rp_filter = 0}, COUNTER_RP_FILTER, 0, "unknown", "possible"},
	{{.in = ROUTE_BROADCAST, .back = ROUTE_UNICAST}, COUNTER_COUNT, 0, "not-for-us", "proved"},
	{{.in = ROUTE_LOCAL, .back = ROUTE_UNICAST, .neighbour = NEIGHBOUR_FAILED}, COUNTER_LISTEN_DROPS, 1,
		"next-hop-dead", "inferred"},
};

static void test_routes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(routes); i++) {
		struct bench *b = bench_new();
		struct flow f = flow_to(80);
		struct socket_row *r = bench_listen(b, "0.0.0.0", 80);

		b->routing = routes[i].routing;
		bench_run(b, 3 * USEC);
		flow_syn(b, &f);
		r->drops += routes[i].drops;
		if (routes[i].counter != COUNTER_COUNT)
			b->counters.v[routes[i].counter]++;
		bench_run(b, 3 * USEC);
		told_as(b, 80, "silent", routes[i].cause, routes[i].confidence, "ETIMEDOUT");
		bench_free(b);
	}
}

/* Half open, no SYN-ACK on the wire, and nobody answers for the next hop. */
static void test_next_hop_dead(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_syn_recv;
	b->routing.neighbour = NEIGHBOUR_ASKED;
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	bench_run(b, 3 * USEC);
	told_as(b, 80, "silent", "next-hop-dead", "proved", "ETIMEDOUT");
	bench_free(b);
}

/* Wrong on the wire and counted by the kernel; the one without the other is none. */
static void test_checksums(void **state)
{
	static const struct {
		bool ip, tcp;
		enum counter counter;
		const char *cause, *confidence;
	} cases[] = {
		{false, true, COUNTER_IN_CSUM_ERRORS, "bad-checksum", "proved"},
		{true, false, COUNTER_IP_CSUM_ERRORS, "bad-checksum", "proved"},
		{false, true, COUNTER_IP_CSUM_ERRORS, "firewall-drop", "possible"},
		{false, true, COUNTER_COUNT, "firewall-drop", "possible"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bench *b = bench_new();
		struct flow f = flow_to(80);

		bench_listen(b, "0.0.0.0", 80);
		bench_run(b, 3 * USEC);
		flow_syn_with(b, &f, WAY_IN, cases[i].ip, cases[i].tcp);
		if (cases[i].counter != COUNTER_COUNT)
			b->counters.v[cases[i].counter]++;
		bench_run(b, 3 * USEC);
		told_as(b, 80, "silent", cases[i].cause, cases[i].confidence, "ETIMEDOUT");
		bench_free(b);
	}
}

static void test_conntrack_full(void **state)
{
	static const struct {
		uint32_t entries;
		const char *confidence;
	} cases[] = {{65536, "inferred"}, {30000, "possible"}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bench *b = bench_new();
		struct flow f = flow_to(80);

		bench_listen(b, "0.0.0.0", 80);
		b->conntrack = cases[i].entries;
		bench_run(b, 3 * USEC);
		flow_syn(b, &f);
		b->counters.v[COUNTER_CONNTRACK_DROP]++;
		bench_run(b, 3 * USEC);
		told_as(b, 80, "silent", "conntrack-full", cases[i].confidence, "ETIMEDOUT");
		bench_free(b);
	}
}

/* The frame was another host's, though the packet is for this one. */
static void test_other_mac(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80), g = flow_in(PEER, 40001, "192.0.2.200", 81);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	flow_syn_with(b, &f, WAY_OTHER, false, false);
	flow_syn_with(b, &g, WAY_OTHER, false, false); /* a neighbour's altogether */
	bench_run(b, 3 * USEC);
	told_as(b, 80, "silent", "not-for-us", "proved", "ETIMEDOUT");
	assert_int_equal(bench_attempts(b, 81), 0);
	bench_free(b);
}

/* The switch had forgotten where this host is: the SYN came again, and for us. */
static void test_other_mac_then_ours(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	flow_syn_with(b, &f, WAY_OTHER, false, false);
	bench_run(b, 100000);
	flow_syn(b, &f);
	bench_run(b, 3 * USEC);
	told_as(b, 80, "silent", "firewall-drop", "possible", "ETIMEDOUT");
	bench_free(b);
}

/* A source of this host's own, from outside. */
static void test_martian(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_in(HOST, 40000, HOST, 80), g = flow_in("127.0.0.1", 40001, HOST, 81);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	b->routing.in = ROUTE_INVALID;
	bench_run(b, 3 * USEC);
	flow_syn(b, &f);
	flow_syn(b, &g);
	bench_run(b, 3 * USEC);
	told_as(b, 80, "silent", "martian", "proved", "ETIMEDOUT");
	told_as(b, 81, "silent", "martian", "proved", "ETIMEDOUT");
	bench_free(b);
}

/* An address that is not here: told where routing does not know it either, else it only passes through. */
static void test_foreign(void **state)
{
	static const struct {
		const char *peer, *dialled;
		struct routing routing;
		const char *cause; /* NULL: nothing is told */
	} cases[] = {
		{PEER, "192.0.2.200", {.in = ROUTE_UNREACHABLE}, "not-our-address"},
		{PEER, "192.0.2.200", {.in = ROUTE_UNREACHABLE, .forwarding = 1}, "not-our-address"},
		{PEER, "192.0.2.200", {.in = ROUTE_UNICAST, .forwarding = 1}, NULL},
		{PEER, "192.0.2.200", {.in = ROUTE_NONE, .forwarding = 1}, NULL},
		{PEER, "192.0.2.200", {.in = ROUTE_UNKNOWN}, NULL},
		{PEER6, "2001:db8::200", {.in = ROUTE_UNREACHABLE}, "not-our-address"},
		{PEER6, "2001:db8::200", {.in = ROUTE_UNREACHABLE, .forwarding = 1}, NULL},
		{PEER6, "2001:db8::200", {.in = ROUTE_UNREACHABLE, .ipv6_disabled = 1}, "ipv6-disabled"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bench *b = bench_ready();
		struct flow f = flow_in(cases[i].peer, 40000, cases[i].dialled, 80);

		b->routing = cases[i].routing;
		bench_run(b, USEC);
		b->counters.v[COUNTER_IN_ADDR_ERRORS]++;
		b->counters.v[COUNTER_IN_ADDR_ERRORS6]++;
		flow_syn(b, &f);
		bench_run(b, 3 * USEC);
		expect(!bench_attempt(b, 80) == !cases[i].cause, "case %zu", i);
		if (cases[i].cause)
			told_as(b, 80, "silent", cases[i].cause, "proved", "ETIMEDOUT");
		assert_int_equal(b->ports[80].syn, 0);
		bench_free(b);
	}
}

/* Forwarded and answered by whom it was for: forgotten, however it was answered. */
static void test_forwarded(void **state)
{
	(void)state;
	for (int how = 0; how < 4; how++) {
		struct bench *b = bench_ready();
		struct flow f = flow_in(PEER, 40000, "192.0.2.200", 80);

		b->routing.in = ROUTE_UNREACHABLE; /* as if it were not forwarded */
		flow_syn(b, &f);
		if (how == 0)
			flow_syn_ack(b, &f);
		else if (how == 1)
			flow_rst_to_syn(b, &f);
		else if (how == 2)
			flow_icmp(b, &f, "192.0.2.254", 3, 1); /* another router's word */
		else
			flow_send(b, &f, true, TCP_RST, 0, 0);
		bench_run(b, 3 * USEC);
		expect(bench_attempts(b, 80) == 0, "way %d: %s", how, bench_attempt(b, 80)->cause);
		bench_free(b);
	}
}

/* This host is the router that cannot deliver, or does not want to; also when the SYN was forgotten meanwhile. */
static void test_router(void **state)
{
	static const struct {
		uint8_t code;
		int64_t after;
		const char *cause;
	} cases[] = {
		{1, 1000, "forward-unreachable"},
		{1, 3 * USEC, "forward-unreachable"},
		{0, 1000, "forward-unreachable"},
		{3, 1000, "firewall-reject"},
		{13, 3 * USEC, "firewall-reject"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bench *b = bench_ready();
		struct flow f = flow_in(PEER, 40000, "192.0.2.200", 80);

		b->routing = (struct routing){.in = ROUTE_UNICAST, .back = ROUTE_UNICAST, .forwarding = 1};
		flow_syn(b, &f);
		bench_run(b, cases[i].after);
		flow_icmp(b, &f, HOST, 3, cases[i].code);
		bench_run(b, 3 * USEC);
		expect(bench_attempt(b, 80) != NULL, "case %zu: nothing is told", i);
		expect(strcmp(bench_attempt(b, 80)->cause, cases[i].cause) == 0, "case %zu: %s", i,
			bench_attempt(b, 80)->cause);
		assert_string_equal(bench_attempt(b, 80)->outcome, "unreachable");
		bench_free(b);
	}
}

/* Scans: whatever the port does with it. */
static void test_odd_flags(void **state)
{
	static const uint8_t odd[] = {0, TCP_FIN, TCP_SYN | TCP_FIN, TCP_SYN | TCP_RST, TCP_FIN | TCP_PSH | 0x20};

	(void)state;
	for (size_t i = 0; i < COUNT(odd); i++) {
		struct bench *b = bench_new();
		struct flow f = flow_to(80), g = flow_to(81);

		bench_listen(b, "0.0.0.0", 80);
		bench_run(b, 3 * USEC);
		flow_odd(b, &f, odd[i]);
		flow_odd(b, &g, odd[i]);
		flow_rst_to_syn(b, &g);
		b->counters.v[COUNTER_OUT_RSTS]++;
		bench_run(b, 3 * USEC);
		told_as(b, 80, "silent", "odd-flags", "proved", "ETIMEDOUT");
		told_as(b, 81, "refused", "odd-flags", "proved", "ECONNREFUSED");
		bench_free(b);
	}
}

/* What belongs to a connection is no scan: a bare ACK, a FIN with ACK, a RST. */
static void test_even_flags(void **state)
{
	static const uint8_t even[] = {TCP_ACK, TCP_FIN | TCP_ACK, TCP_RST, TCP_RST | TCP_ACK, TCP_PSH | TCP_ACK};
	struct bench *b = bench_ready();

	(void)state;
	for (size_t i = 0; i < COUNT(even); i++) {
		struct flow f = flow_in(PEER, (uint16_t)(40000 + i), HOST, 80);

		flow_odd(b, &f, even[i]);
	}
	bench_run(b, 3 * USEC);
	assert_int_equal(bench_attempts(b, 0), 0);
	assert_int_equal(b->tick.attempts, 0);
	bench_free(b);
}

/* The peer was restarted and dials from the same port: challenged, and its RST does not get through here. */
static void test_duplicate_connection(void **state)
{
	struct flow f;
	struct bench *b = bench_connected(&f, true);

	(void)state;
	f.isn += 70000;
	flow_syn(b, &f);
	b->counters.v[COUNTER_SYN_CHALLENGE]++;
	bench_run(b, 3 * USEC);
	told_as(b, 80, "silent", "duplicate-connection", "proved", "ETIMEDOUT");
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_firewall_drop),
		cmocka_unit_test(test_accept_queue_full),
		cmocka_unit_test(test_accept_queue_full_and_firewall),
		cmocka_unit_test(test_silences),
		cmocka_unit_test(test_timewait_reuse),
		cmocka_unit_test(test_accept_queue_of_several),
		cmocka_unit_test(test_firewall_drop_reply),
		cmocka_unit_test(test_answer_not_captured),
		cmocka_unit_test(test_accept_queue_of_whom),
		cmocka_unit_test(test_syn_queue_without_cookies),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_next_hop_dead),
		cmocka_unit_test(test_checksums),
		cmocka_unit_test(test_conntrack_full),
		cmocka_unit_test(test_other_mac),
		cmocka_unit_test(test_other_mac_then_ours),
		cmocka_unit_test(test_martian),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_forwarded),
		cmocka_unit_test(test_router),
		cmocka_unit_test(test_odd_flags),
		cmocka_unit_test(test_even_flags),
		cmocka_unit_test(test_duplicate_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
