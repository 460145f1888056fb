/* pressure.c - many attempts, copies of packets, jumps of the clock: counts stay true, memory
 * bounded. */
#include "base/text.h"
#include "bench.h"
#include "unit.h"

#include "engine/state.h"

static struct ip ip4(uint32_t n)
{
	uint8_t bytes[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};

	return ip_from_v4(bytes);
}

static struct bench *start(void)
{
	struct bench *b = bench_new();

	bench_run(b, 3 * USEC);
	return b;
}

static const char *cause_of(const struct bench *b, uint16_t port)
{
	const struct event_attempt *a = bench_attempt(b, port);

	return a ? a->cause : "(nothing)";
}

/* A bridge shows a packet once more on another interface. */
static void test_copies(void **state)
{
	struct bench *b = start();
	struct flow f = flow_in(PEER, 40000, HOST, 81), copy = f;

	(void)state;
	copy.ifindex = 3;
	flow_syn(b, &f);
	b->t += 20;
	flow_syn(b, &copy);
	flow_rst_to_syn(b, &copy);
	b->t += 20;
	flow_rst_to_syn(b, &f);
	b->counters.v[COUNTER_OUT_RSTS]++;
	bench_run(b, 3 * USEC);
	assert_int_equal(bench_attempts(b, 81), 1);
	assert_int_equal(bench_attempt(b, 81)->syns, 1);
	assert_string_equal(cause_of(b, 81), "no-listener");
	assert_string_equal(bench_attempt(b, 81)->confidence, "proved");
	assert_int_equal(b->ports[81].syn, 1);
	assert_int_equal(b->ports[81].rst_out, 1);
	assert_int_equal(b->tick.attempts, 1);
	bench_free(b);
}

/* The same SYN again after a second is one more try, on whichever interface it is seen first. */
static void test_retransmissions(void **state)
{
	struct bench *b = start();
	struct flow f = flow_in(PEER, 40000, HOST, 81), copy = f;

	(void)state;
	copy.ifindex = 3;
	for (int i = 0; i < 4; i++) {
		flow_syn(b, i % 2 ? &copy : &f);
		b->t += 10;
		flow_syn(b, i % 2 ? &f : &copy);
		bench_run(b, USEC << i);
	}
	assert_int_equal(bench_attempt(b, 81)->syns, 4);
	assert_int_equal(b->ports[81].syn, 4);
	assert_int_equal(b->ports[81].silent, 1); /* one attempt */
	assert_int_equal(b->tick.attempts, 1);
	assert_int_equal(bench_told(b, 81), 1);
	bench_free(b);
}

/* A quick second SYN on the same interface (within the time of a copy) is no copy. */
static void test_quick_retransmission(void **state)
{
	struct bench *b = start();
	struct flow f = flow_in(PEER, 40000, HOST, 81);

	(void)state;
	flow_syn(b, &f);
	b->t += 1000;
	flow_syn(b, &f);
	bench_run(b, 3 * USEC);
	assert_int_equal(bench_attempt(b, 81)->syns, 2);
	bench_free(b);
}

/* New connections from the same source port, one after another: each is told. */
static void test_port_reuse(void **state)
{
	struct bench *b = start();

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		struct flow f = flow_in(PEER, 40000, HOST, 81);

		f.isn += i * 100000;
		flow_refused(b, &f);
		bench_run(b, 20000);
	}
	bench_run(b, 5 * USEC);
	assert_int_equal(bench_told(b, 81), 5);
	assert_int_equal(b->ports[81].refused, 5);
	bench_free(b);
}

/* As above, while an earlier one was open, closing or not answered yet: none is lost. */
static void test_port_reuse_before_the_verdict(void **state)
{
	int failures = 0;

	(void)state;
	for (int stage = 0; stage < 4; stage++) {
		static const char *const names[] = {
			"answered", "closing", "not answered", "silent"};
		struct bench *b = bench_new();
		struct flow f = flow_in(PEER, 40000, HOST, 80), g = f;

		bench_listen(b, "0.0.0.0", 80);
		bench_run(b, 3 * USEC);
		g.isn += 100000;
		flow_syn(b, &f);
		if (stage < 2)
			flow_syn_ack(b, &f);
		if (stage == 1) {
			flow_send(b, &f, true, TCP_FIN | TCP_ACK, 10, 10);
			flow_send(b, &f, false, TCP_FIN | TCP_ACK, 11, 10);
		}
		bench_run(b, stage == 3 ? 600000 : 100000);
		flow_syn(b, &g);
		flow_syn_ack(b, &g);
		flow_send(b, &g, true, TCP_FIN | TCP_ACK, 10, 10);
		flow_send(b, &g, false, TCP_FIN | TCP_ACK, 11, 10);
		bench_run(b, 5 * USEC);
		note(failures, bench_told(b, 80) == 2, "while the first was %s: %d of 2 are told",
			names[stage], (int)bench_told(b, 80));
		bench_free(b);
	}
	expect(failures == 0, "%d attempts lost", failures);
}

/* Many peers of a few networks, refused, silent and rejected: what is told adds up to what was
 * tried. */
static void test_rolled_up_counts(void **state)
{
	struct bench *b = start();
	uint64_t seed = 11;
	int64_t tried[4] = {0};

	(void)state;
	for (int i = 0; i < 5000; i++) {
		uint16_t port = (uint16_t)(81 + random_below(&seed, 3));
		struct flow f = flow_in(PEER, (uint16_t)(1024 + i), HOST, port);

		f.client =
			ip4(0xcb007100 + random_below(&seed, 100) * 256 + random_below(&seed, 200));
		tried[port - 81]++;
		if (port == 81) {
			flow_refused(b, &f);
		} else {
			flow_syn(b, &f);
			if (port == 83)
				flow_icmp(b, &f, HOST, 3, 13);
		}
		bench_run(b, 1000);
	}
	bench_run(b, 10 * USEC);
	engine_bye(b->e, b->t, "end");
	for (int i = 0; i < 3; i++)
		expect(bench_told(b, (uint16_t)(81 + i)) == tried[i], "port %d: %lld told of %lld",
			81 + i, (long long)bench_told(b, (uint16_t)(81 + i)), (long long)tried[i]);
	assert_int_equal(b->tick.refused, tried[0]);
	assert_int_equal(b->tick.silent, tried[1]);
	assert_int_equal(b->tick.unreachable, tried[2]);
	assert_int_equal(b->tick.attempts, 5000);
	assert_true(b->n < 2000);
	bench_free(b);
}

/* Peers that were rolled into one line send their SYN again: they are not counted twice. */
static void test_rolled_up_and_told_again(void **state)
{
	struct bench *b = start();

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (uint16_t i = 0; i < 10; i++) {
			struct flow f = flow_in(PEER, (uint16_t)(40000 + i), HOST, 81);

			flow_syn(b, &f);
		}
		bench_run(b, USEC << round);
	}
	bench_run(b, 5 * USEC);
	expect(bench_told(b, 81) == 10, "%lld told of 10", (long long)bench_told(b, 81));
	bench_free(b);
}

/* More kinds of findings in an interval than are told apart: they fall together, and are all there.
 */
static void test_many_kinds(void **state)
{
	struct bench *b = start();
	int64_t tried = 0;

	(void)state;
	for (uint32_t i = 0; i < 100; i++) { /* more networks than one port tells apart */
		struct flow f = flow_in(PEER, 40000, HOST, 1);

		f.client = ip4(0xcb000000 + i * 256);
		flow_syn(b, &f);
		flow_icmp(b, &f, HOST, 3, 13);
		tried++;
	}
	bench_run(b, 300000); /* these are judged first */
	for (uint16_t port = 2; port < 2000; port++) {
		struct flow f = flow_in(PEER, 40000, HOST, port);

		switch (port % 4) {
		case 0:
			flow_refused(b, &f);
			break;
		case 1:
			flow_syn(b, &f);
			flow_icmp(b, &f, HOST, 3, 13);
			break;
		case 2:
			flow_syn(b, &f);
			flow_icmp(b, &f, "192.0.2.254", 3, 1);
			break;
		case 3:
			f.ttl = 63;
			flow_syn(b, &f);
			flow_rst_to_syn(b, &f);
			break;
		}
		tried++;
	}
	bench_run(b, 10 * USEC);
	expect(bench_told(b, 0) == tried, "%lld told of %lld", (long long)bench_told(b, 0),
		(long long)tried);
	assert_int_equal(b->tick.refused + b->tick.unreachable, tried);
	assert_true(b->n < 3000);
	bench_free(b);
}

/* The words of a rolled-up line are true of the attempts in it: each was answered after 0.1 ms. */
static void test_rolled_up_words(void **state)
{
	struct bench *b = start();

	(void)state;
	for (uint16_t i = 0; i < 20; i++) {
		struct flow f = flow_in(PEER, (uint16_t)(40000 + i), HOST, 81);

		flow_refused(b, &f);
		bench_run(b, 40000);
	}
	bench_run(b, 5 * USEC);
	for (size_t i = 0; i < b->n; i++) {
		const struct event_attempt *a = &b->events[i].attempt;

		if (b->events[i].type != EVENT_ATTEMPT)
			continue;
		expect(strstr(a->evidence[0].text, "after 0.10 ms") != NULL, "line of %d: %s",
			(int)a->count, a->evidence[0].text);
	}
	bench_free(b);
}

/* A rule that drops what comes for a port. */
static void set_rule(struct bench *b, const char *text, uint64_t handle)
{
	struct firewall_verdict *v = &b->firewall;
	struct firewall_rule *r = &v->candidates[0];

	memset(v, 0, sizeof(*v));
	v->fate = FIREWALL_DROPPED;
	v->complete = true;
	v->n = v->n_found = 1;
	*r = (struct firewall_rule){.handle = handle, .fate = FIREWALL_DROPPED, .must = true};
	text_copy(r->family, sizeof(r->family), "inet");
	text_copy(r->table, sizeof(r->table), "t");
	text_copy(r->chain, sizeof(r->chain), "in");
	text_copy(r->hook, sizeof(r->hook), "input");
	text_copy(r->text, sizeof(r->text), text);
}

/* What is told together names the rule of its own port, and not that of whom was judged last. */
static void test_rolled_up_rule(void **state)
{
	struct bench *b = start();
	struct flow other;
	int together = 0;

	(void)state;
	bench_listen(b, "0.0.0.0", 7001);
	bench_listen(b, "0.0.0.0", 7003);
	bench_run(b, USEC + 300000); /* so that all are judged within one interval */
	set_rule(b, "tcp dport 7001 drop", 2);
	for (uint16_t i = 0; i < 3; i++) {
		struct flow f = flow_in(PEER, (uint16_t)(40000 + i), HOST, 7001);

		flow_syn(b, &f);
		bench_run(b, 10000);
	}
	bench_run(b, 200000);
	other = flow_in(PEER, 40003, HOST, 7003);
	flow_syn(b, &other);
	bench_run(b, 620000); /* the three are judged, and it is not */
	set_rule(b, "tcp dport 7003 drop", 3);
	bench_run(b, 5 * USEC);
	for (size_t i = 0; i < b->n; i++) {
		const struct event_attempt *a = &b->events[i].attempt;

		if (b->events[i].type != EVENT_ATTEMPT || a->port != 7001)
			continue;
		expect(strstr(a->summary, "7003") == NULL && strstr(a->advice, "7003") == NULL, "line of %d: %s. %s", (int)a->count,
			a->summary, a->advice);
		together += a->count > 1 && strstr(a->summary, "handle 2") != NULL;
	}
	expect(together > 0, "nothing was told together with its rule");
	bench_free(b);
}

/* A peer on this host's own IPv6 loopback is told at once, as any other. */
static void test_told_at_once(void **state)
{
	static const char *const peers[] = {"127.0.0.1", "::1", "203.0.113.7", "2001:db8:7::1"};
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(peers); i++) {
		struct bench *b = bench_new_with(&(struct engine_config){
			.key = {{1, 2}}, .interval = 60 * USEC, .netns = "", .ttl = 64});
		struct flow f = flow_in(peers[i], 40000,
			i == 0   ? "127.0.0.1"
			: i == 1 ? "::1"
			: i == 2 ? HOST
				 : "2001:db8::2",
			81);

		bench_run(b, 3 * USEC);
		flow_refused(b, &f);
		bench_run(b, 4 * USEC);
		note(failures, bench_attempts(b, 81) == 1, "%s: %zu lines after 4 s", peers[i],
			bench_attempts(b, 81));
		bench_free(b);
	}
	expect(failures == 0, "%d late", failures);
}

enum {
	FLOOD = 200000,
};

static void test_flood(void **state)
{
	struct bench *b = bench_new();
	uint64_t seed = 17;
	struct flow real = flow_in(PEER, 40000, HOST, 22);
	int64_t told = 0;

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	for (int i = 0; i < FLOOD; i++) {
		struct flow f = flow_in(PEER, (uint16_t)random_next(&seed), HOST, 80);

		f.client = ip4((uint32_t)random_next(&seed) | 0x01000000);
		f.isn = (uint32_t)random_next(&seed);
		flow_syn(b, &f);
		if (i == FLOOD / 2)
			flow_refused(b, &real);
		if (i % 1000 == 0)
			bench_run(b, 5000);
	}
	bench_run(b, 10 * USEC);
	assert_string_equal(cause_of(b, 22), "no-listener");
	assert_int_equal(bench_attempt(b, 22)->count, 1);
	assert_int_equal(b->ports[80].syn, FLOOD);
	expect(b->n < 1500, "%zu lines", b->n);
	assert_true(table_used(b->e->attempts) <= ATTEMPTS_MAX);
	assert_int_equal(b->tick.attempts, FLOOD + 1);
	for (size_t i = 0; i < b->n; i++)
		if (b->events[i].type == EVENT_ATTEMPT)
			told += b->events[i].attempt.count;
	/* each was told, or evicted before its time, or never tracked: and the last two are counted
	 */
	told += b->tick.untracked;
	assert_true(told <= FLOOD + 1);
	assert_true(told + (int64_t)table_evicted(b->e->attempts) >= FLOOD + 1);
	assert_true(b->tick.evicted >= (int64_t)table_evicted(b->e->attempts));
	assert_true(b->tick.silent + b->tick.refused + b->tick.untracked <= FLOOD + 1);
	bench_free(b);
}

/* SYN cookies: answered, nothing half open in the table, and no SYN-ACK is ever sent again. */
static bool answers_listener(struct bench *b, const struct question *q, struct answer *ret)
{
	(void)q;
	ret->found = true;
	ret->row = b->rows[0];
	return true;
}

static void test_cookies(void **state)
{
	struct bench *b = bench_new();
	uint64_t seed = 19;

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_listener;
	bench_run(b, 3 * USEC);
	for (int i = 0; i < 5000; i++) {
		struct flow f = flow_in(PEER, (uint16_t)random_next(&seed), HOST, 80);

		f.client = ip4((uint32_t)random_next(&seed) | 0x01000000);
		flow_syn(b, &f);
		flow_syn_ack(b, &f);
		b->counters.v[COUNTER_COOKIES_SENT]++;
		if (i % 10 == 0)
			bench_run(b, 2000);
	}
	bench_run(b, 10 * USEC);
	assert_int_equal(b->tick.accepted, 0); /* nobody completed */
	assert_int_equal(b->ports[80].accepted, 0);
	assert_int_equal(b->ports[80].synack, 5000);
	bench_free(b);
}

/* A jump forward or back by so much: what happens after it is named, and soon. */
static void test_clock_jumps(void **state)
{
	static const int64_t jumps[] = {
		-1, 1, 2, -2, 10, -10, 30, -30, 60, -60, 600, -600, 3600, -3600, 86400, -86400};
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(jumps); i++) {
		struct bench *b = bench_new();
		struct flow f = flow_in(PEER, 40000, HOST, 81), g = flow_in(PEER, 40001, HOST, 80);
		const struct event_attempt *a;

		bench_listen(b, "0.0.0.0", 80);
		bench_run(b, 100 * USEC);
		b->t += jumps[i] * USEC;
		bench_run(b, USEC);
		flow_refused(b, &f);
		flow_syn(b, &g);
		bench_run(b, 4 * USEC);
		a = bench_attempt(b, 81);
		note(failures, a && strcmp(a->cause, "no-listener") == 0,
			"%+lld s: a refusal is %s (%s)", (long long)jumps[i],
			a ? a->cause : "not told", a ? a->confidence : "");
		a = bench_attempt(b, 80);
		note(failures, a && strcmp(a->outcome, "silent") == 0,
			"%+lld s: a silent SYN is %s", (long long)jumps[i],
			a ? a->outcome : "not told");
		bench_free(b);
	}
	expect(failures == 0, "%d wrong", failures);
}

/*
 * A capture file made of several has a packet of a second ago in between (the replay's clock is the
 * packets'): that is no clock set back, and the times of the other attempts stay what they were.
 */
static void test_late_packet(void **state)
{
	struct bench *b = start();
	struct flow f = flow_in(PEER, 40000, HOST, 81), late = flow_in(PEER, 40001, HOST, 82);
	int64_t at = b->t;

	(void)state;
	flow_syn(b, &f);
	b->t = at - USEC;
	engine_advance(b->e, b->t);
	flow_syn(b, &late);
	b->t = at + 100;
	engine_advance(b->e, b->t);
	flow_rst_to_syn(b, &f);
	b->counters.v[COUNTER_OUT_RSTS]++;
	bench_run(b, 4 * USEC);
	expect(bench_attempt(b, 81)->first == at, "it began %lld us earlier than it did: %s",
		(long long)(at - bench_attempt(b, 81)->first),
		bench_attempt(b, 81)->evidence[0].text);
	bench_free(b);
}

/* A listener that lived shorter than its owner takes to be found: it came up, then it went. */
static void test_short_lived_listener(void **state)
{
	struct bench *b = start();
	uint64_t cookie = bench_listen(b, "0.0.0.0", 80)->cookie;
	const char *last = "";
	int up = 0, down = 0;

	(void)state;
	bench_poll(b);
	b->t += 100000;
	bench_unlisten(b, 80);
	bench_gone(b, cookie);
	bench_run(b, 5 * USEC);
	for (size_t i = 0; i < b->n; i++) {
		if (b->events[i].type != EVENT_LISTENER)
			continue;
		last = b->events[i].listener.event;
		up += strcmp(last, "up") == 0;
		down += strcmp(last, "down") == 0;
	}
	expect(strcmp(last, "down") == 0 && up <= 1 && down == 1,
		"%d up, %d down, the last is \"%s\"", up, down, last);
	bench_free(b);
}

/* Owners make a listener known sooner, and a listener at start is "found", not "up". */
static void test_listener_lines(void **state)
{
	struct bench *b = bench_new();
	struct socket_row *r = bench_listen(b, "0.0.0.0", 80);
	struct owner o = {.pid = 77};
	size_t lines = 0;

	(void)state;
	strcpy(o.comm, "nginx");
	bench_poll(b);
	assert_int_equal(b->n, 1); /* hello */
	engine_owner(b->e, r->inode, &o);
	assert_int_equal(b->events[1].type, EVENT_LISTENER);
	assert_string_equal(b->events[1].listener.event, "found");
	assert_string_equal(b->events[1].listener.owner.comm, "nginx");
	assert_string_equal(b->events[1].listener.reach, "everyone");
	engine_owner(b->e, r->inode, &o);
	assert_int_equal(b->n, 2);
	bench_listen(b, "127.0.0.1", 6379);
	bench_run(b, 3 * USEC); /* nobody finds its owner */
	assert_string_equal(b->events[b->n - 1].listener.event, "up");
	assert_int_equal(b->events[b->n - 1].listener.port, 6379);
	for (uint32_t i = 0; i < 100; i++) { /* a queue that changes all the time */
		b->rows[0].queue = i % 7;
		bench_run(b, 50000);
		bench_poll(b);
	}
	for (size_t i = 0; i < b->n; i++)
		lines += b->events[i].type == EVENT_LISTENER;
	expect(lines < 20, "%zu lines in 5 s", lines);
	bench_free(b);
}

/* A scan of many ports is told as one, and names none of them as if it had been dialled over and over. */
static void test_scan_is_told_as_one(void **state)
{
	struct bench *b = bench_ready();
	const struct event_attempt *told = NULL;
	uint64_t at = b->n;

	(void)state;
	for (int port = 1; port <= 1000; port++) {
		struct flow scan = flow_in(PEER, 50000, HOST, (uint16_t)port);

		flow_refused(b, &scan);
	}
	bench_run(b, 5 * USEC);
	for (; at < b->n; at++) {
		const struct event_attempt *a = &b->events[at].attempt;

		if (b->events[at].type != EVENT_ATTEMPT || a->count < 2)
			continue;
		assert_int_equal(a->port, a->port_low);
		told = a;
		expect(a->ports == a->count && a->port_low >= 1 && a->port_high <= 1000, "%lld ports, %lld attempts", (long long)a->ports,
			(long long)a->count);
	}
	assert_non_null(told);
	expect(strstr(told->summary, "ports of " HOST ", from ") && !strstr(told->summary, HOST ":"), "%s", told->summary);
	expect(strncmp(told->evidence[0].text, "of one of them: ", 16) == 0, "%s", told->evidence[0].text);
	bench_free(b);
}

/* One port over and over is no scan, though it is counted with those of any. */
static void test_one_port_is_no_scan(void **state)
{
	struct bench *b = bench_ready();

	(void)state;
	for (int i = 0; i < 600; i++) {
		struct flow scan = flow_in(PEER, (uint16_t)(40000 + i), HOST, (uint16_t)(i < 200 ? i + 1 : 5000));

		flow_refused(b, &scan);
	}
	bench_run(b, 5 * USEC);
	for (uint64_t at = 0; at < b->n; at++) {
		const struct event_attempt *a = &b->events[at].attempt;

		if (b->events[at].type == EVENT_ATTEMPT && a->port == 5000)
			assert_int_equal(a->ports, 0);
	}
	bench_free(b);
}

/* Counters of a port are cumulative: a scan of other ports does not set them back. */
static void test_scan_keeps_counters(void **state)
{
	struct bench *b = start();
	struct flow f = flow_in(PEER, 40000, HOST, 443), g = flow_in(PEER, 40001, HOST, 443);

	(void)state;
	bench_listen(b, "0.0.0.0", 443);
	bench_run(b, 2 * USEC);
	for (int i = 0; i < 5; i++) {
		f.isn += 100000;
		flow_refused(b, &f);
		bench_run(b, USEC);
	}
	assert_int_equal(b->ports[443].syn, 5);
	for (uint16_t port = 1000; port < 1000 + 3 * PORTS_MAX; port++) {
		struct flow scan = flow_in(PEER, 50000, HOST, port);

		flow_refused(b, &scan);
		if (port % 100 == 0)
			bench_run(b, 20000);
	}
	bench_run(b, 3 * USEC);
	flow_refused(b, &g);
	bench_run(b, 30 * USEC); /* the lines of the scanned ports come first */
	expect(b->ports[443].syn == 6, "%lld SYNs told after a scan, 6 were sent",
		(long long)b->ports[443].syn);
	bench_free(b);
}

/* At the end every port's last counters are in the stream, however many ports there were. */
static void test_bye_tells_all_ports(void **state)
{
	struct bench *b = start();
	int missing = 0;

	(void)state;
	for (uint16_t port = 1000; port < 2000; port++) {
		struct flow f = flow_in(PEER, 50000, HOST, port);

		flow_refused(b, &f);
	}
	bench_run(b, USEC);
	engine_bye(b->e, b->t, "end");
	for (uint16_t port = 1000; port < 2000; port++)
		missing += b->ports[port].syn != 1;
	expect(missing == 0, "%d of 1000 ports have no line", missing);
	bench_free(b);
}

/* The program is stopped in the middle: an attempt that is waiting for its verdict is told too. */
static void test_bye_tells_what_waits(void **state)
{
	struct bench *b = start();
	struct flow f = flow_in(PEER, 50000, HOST, 81);

	(void)state;
	flow_refused(b, &f);
	bench_run(b, 100000);
	engine_bye(b->e, b->t, "end");
	assert_int_equal(bench_told(b, 81), 1);
	assert_int_equal(b->events[b->n - 1].type, EVENT_BYE);
	bench_free(b);
}

/* How often a peer failed, and how far apart its tries are. */
static void test_retries(void **state)
{
	struct bench *b = start();

	(void)state;
	for (uint32_t i = 0; i < 6; i++) {
		struct flow f = flow_in(PEER, (uint16_t)(40000 + i), HOST, 81);

		flow_refused(b, &f);
		bench_run(b, 5 * USEC - 100);
		assert_int_equal(bench_attempt(b, 81)->failures, i + 1);
		if (i > 0)
			assert_in_range(bench_attempt(b, 81)->retry_interval, 4990000, 5010000);
	}
	bench_free(b);
}

/* Packets were lost: what rests on their absence is less sure. */
static void test_losses(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_in(PEER, 40000, HOST, 80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	engine_capture_stats(b->e, 1000, 7);
	flow_syn(b, &f);
	flow_rst_to_syn(b, &f);
	bench_run(b, 3 * USEC);
	assert_string_equal(bench_attempt(b, 80)->cause, "firewall-reset");
	assert_string_equal(bench_attempt(b, 80)->confidence, "inferred");
	assert_int_equal(b->tick.lost, 7);
	assert_int_equal(b->tick.received, 1000);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_retransmissions),
		cmocka_unit_test(test_quick_retransmission),
		cmocka_unit_test(test_port_reuse),
		cmocka_unit_test(test_port_reuse_before_the_verdict),
		cmocka_unit_test(test_rolled_up_counts),
		cmocka_unit_test(test_rolled_up_and_told_again),
		cmocka_unit_test(test_many_kinds),
		cmocka_unit_test(test_rolled_up_words),
		cmocka_unit_test(test_rolled_up_rule),
		cmocka_unit_test(test_told_at_once),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_cookies),
		cmocka_unit_test(test_clock_jumps),
		cmocka_unit_test(test_late_packet),
		cmocka_unit_test(test_short_lived_listener),
		cmocka_unit_test(test_listener_lines),
		cmocka_unit_test(test_scan_keeps_counters),
		cmocka_unit_test(test_scan_is_told_as_one),
		cmocka_unit_test(test_one_port_is_no_scan),
		cmocka_unit_test(test_bye_tells_all_ports),
		cmocka_unit_test(test_bye_tells_what_waits),
		cmocka_unit_test(test_retries),
		cmocka_unit_test(test_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
