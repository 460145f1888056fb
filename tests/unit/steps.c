/* steps.c - how an attempt went, step by step: the packets that are kept, and what is told with a verdict. */
#include "unit.h"

#include "bench.h"
#include "engine/trail.h"

static struct segment packet(int64_t t, uint8_t flags)
{
	return (struct segment){.t = t, .flags = flags, .seq = (uint32_t)t, .ttl = 64};
}

/* Two attempts in one ring: each finds its own, oldest first. */
static void test_chains(void **state)
{
	struct trail *t = trail_new(64);
	struct trail_packet p[8];
	uint64_t a = 0, b = 0;
	size_t skipped;

	(void)state;
	for (int i = 1; i <= 3; i++) {
		struct segment s = packet(i, TCP_SYN), r = packet(100 + i, TCP_RST);

		trail_add(t, &a, &s, true);
		trail_add(t, &b, &r, false);
	}
	assert_int_equal(trail_read(t, a, p, 8, &skipped), 3);
	assert_int_equal(skipped, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(p[i].t, i + 1);
		assert_int_equal(p[i].flags, TCP_SYN);
		assert_true(p[i].from_client);
	}
	assert_int_equal(trail_read(t, b, p, 8, &skipped), 3);
	assert_int_equal(p[2].t, 103);
	assert_int_equal(trail_read(t, 0, p, 8, &skipped), 0);
	trail_free(t);
}

/* More than are told: the first and the last ones. */
static void test_first_and_last(void **state)
{
	struct trail *t = trail_new(64);
	struct trail_packet p[4];
	uint64_t a = 0;
	size_t skipped;

	(void)state;
	for (int i = 1; i <= 10; i++) {
		struct segment s = packet(i, TCP_ACK);

		trail_add(t, &a, &s, true);
	}
	assert_int_equal(trail_read(t, a, p, 4, &skipped), 4);
	assert_int_equal(skipped, 6);
	assert_int_equal(p[0].t, 1);
	assert_int_equal(p[1].t, 8);
	assert_int_equal(p[3].t, 10);
	trail_free(t);
}

/* What others have overwritten is not mistaken for its own. */
static void test_overwritten(void **state)
{
	struct trail *t = trail_new(8);
	struct trail_packet p[8];
	uint64_t a = 0, flood = 0;
	struct segment s = packet(1, TCP_SYN);
	size_t skipped;

	(void)state;
	trail_add(t, &a, &s, true);
	for (int i = 0; i < 100; i++) {
		s = packet(1000 + i, TCP_SYN);
		flood = 0;
		trail_add(t, &flood, &s, true);
		if (i == 95) {
			s = packet(2, TCP_SYN);
			trail_add(t, &a, &s, true);
		}
	}
	assert_int_equal(trail_read(t, a, p, 8, &skipped), 1);
	assert_int_equal(p[0].t, 2);
	for (int i = 0; i < 100; i++)
		trail_add(t, &flood, &s, true);
	assert_int_equal(trail_read(t, a, p, 8, &skipped), 0);
	trail_free(t);
}

static const struct event_attempt *told(struct bench *b, enum event_type type)
{
	for (size_t i = b->n; i > 0; i--)
		if (b->events[i - 1].type == type && strcmp(b->events[i - 1].attempt.cause, "none") != 0)
			return &b->events[i - 1].attempt;
	fail_msg("nothing was told");
	return NULL;
}

/* A refusal: the SYN, who was at the door, the RST; in order of time, with the numbers of the packets. */
static void test_refused(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_in(PEER, 4711, HOST, 5432);
	const struct event_attempt *a;

	(void)state;
	bench_listen(b, "127.0.0.1", 5432);
	bench_run(b, 2 * USEC);
	flow_syn(b, &f);
	b->t += 40;
	flow_rst_to_syn(b, &f);
	b->counters.v[COUNTER_OUT_RSTS]++;
	bench_run(b, 2 * USEC);
	a = told(b, EVENT_ATTEMPT);
	assert_string_equal(a->cause, "loopback-only");
	assert_string_equal(a->steps[0].by, "peer");
	assert_string_equal(a->steps[0].flags, "S");
	assert_int_equal(a->steps[0].seq, f.isn);
	assert_string_equal(a->steps[1].by, "listener");
	assert_non_null(strstr(a->steps[1].text, "127.0.0.1:5432"));
	assert_string_equal(a->steps[2].by, "host");
	assert_string_equal(a->steps[2].flags, "R.");
	assert_int_equal(a->steps[2].ack, f.isn + 1);
	assert_int_equal(a->steps[2].t - a->steps[0].t, 40);
	assert_string_equal(a->steps[3].by, "");
	bench_free(b);
}

/* The listener that came later stands behind the packets that it came too late for. */
static void test_too_early(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_in(PEER, 4711, HOST, 9090);
	const struct event_attempt *a;

	(void)state;
	bench_run(b, 2 * USEC);
	flow_syn(b, &f);
	b->t += 40;
	flow_rst_to_syn(b, &f);
	b->counters.v[COUNTER_OUT_RSTS]++;
	bench_run(b, 300000);
	bench_listen(b, "0.0.0.0", 9090);
	bench_run(b, 3 * USEC);
	a = told(b, EVENT_ATTEMPT);
	assert_string_equal(a->cause, "too-early");
	assert_string_equal(a->steps[2].by, "listener");
	assert_non_null(strstr(a->steps[2].text, "listens from here on"));
	assert_true(a->steps[2].t > a->steps[1].t);
	bench_free(b);
}

/* A refusal, a listener that comes up before the next poll, and the kernel's word on the SYN in between. */
static const struct event_attempt *refused_before_listener(struct bench *b, enum reason reason, bool stack)
{
	struct flow f = flow_in(PEER, 4711, HOST, 9090);
	struct kernel_word w = {.src = f.client, .dst = f.server, .sport = f.sport, .dport = f.dport, .flags = TCP_SYN, .seq = f.isn,
		.reason = (uint8_t)reason, .count = 1};

	bench_run(b, 2 * USEC);
	flow_syn(b, &f);
	w.t = b->t;
	engine_kernel(b->e, &w);
	b->t += 40;
	flow_rst_to_syn(b, &f);
	b->counters.v[COUNTER_OUT_RSTS] += stack;
	bench_listen(b, "0.0.0.0", 9090); /* no poll saw the door empty after the refusal */
	bench_run(b, 3 * USEC);
	return told(b, EVENT_ATTEMPT);
}

static bool has_step(const struct event_attempt *a, const char *text)
{
	for (int i = 0; i < EVENT_STEPS && a->steps[i].by[0]; i++)
		if (strstr(a->steps[i].text, text))
			return true;
	return false;
}

/* Where the kernel found no socket for this very SYN, who listens now came after it. */
static void test_no_socket_proves_too_early(void **state)
{
	struct engine_config config = {.ttl = 64, .interval = USEC, .netns = "", .kernel = true};
	struct bench *b = bench_new_with(&config);
	const struct event_attempt *a = refused_before_listener(b, REASON_NO_SOCKET, true);

	(void)state;
	assert_string_equal(a->cause, "too-early");
	assert_string_equal(a->confidence, "proved");
	assert_true(has_step(a, "listens from here on"));
	bench_free(b);
}

/* The near miss: the same, but a filter dropped the SYN and sent the RST; the listener may have been there before. */
static void test_filtered_is_not_too_early(void **state)
{
	struct engine_config config = {.ttl = 64, .interval = USEC, .netns = "", .kernel = true};
	struct bench *b = bench_new_with(&config);
	const struct event_attempt *a = refused_before_listener(b, REASON_NETFILTER_DROP, false);

	(void)state;
	expect(strcmp(a->cause, "too-early") != 0 || strcmp(a->confidence, "possible") == 0, "%s, %s", a->cause, a->confidence);
	assert_false(has_step(a, "listens from here on"));
	bench_free(b);
}

static bool has_evidence(const struct event_attempt *a, const char *text)
{
	for (int i = 0; i < EVENT_EVIDENCE && a->evidence[i].source[0]; i++)
		if (strstr(a->evidence[i].text, text))
			return true;
	return false;
}

/* The rule that dropped a SYN is deleted before the attempt is judged again: it stays the one that did it. */
static void test_rule_that_acted(void **state)
{
	(void)state;
	for (int told_before = 0; told_before < 2; told_before++) {
		struct engine_config config = {.ttl = 64, .interval = USEC, .netns = "", .kernel = true};
		struct bench *b = bench_new_with(&config);
		struct flow f = flow_in(PEER, 4711, HOST, 80);
		struct kernel_word w = {.src = f.client, .dst = f.server, .sport = f.sport, .dport = f.dport, .flags = TCP_SYN,
			.seq = f.isn, .reason = REASON_NETFILTER_DROP, .count = 1, .routed = true, .function = "nft_do_chain"};
		const struct event_attempt *a;

		bench_listen(b, "0.0.0.0", 80);
		bench_run(b, 2 * USEC);
		b->firewall = (struct firewall_verdict){.complete = true, .fate = FIREWALL_DROPPED, .n = 1, .n_found = 1,
			.candidates = {{.family = "inet", .table = "filter", .chain = "input", .hook = "input", .handle = 7,
				.fate = FIREWALL_DROPPED, .must = true, .text = "tcp dport 80 drop"}}};
		flow_syn(b, &f);
		w.t = b->t;
		engine_kernel(b->e, &w);
		if (told_before)
			bench_run(b, 3 * USEC);
		b->firewall = (struct firewall_verdict){.complete = true, .fate = FIREWALL_ACCEPTED, .may_pass = true};
		if (told_before) { /* dropped as well, and then the rule was deleted */
			flow_syn(b, &f);
			w.t = b->t;
			engine_kernel(b->e, &w);
		}
		bench_run(b, 5 * USEC);
		a = told(b, EVENT_ATTEMPT);
		assert_string_equal(a->cause, "firewall-drop");
		assert_false(has_evidence(a, "the rules of nftables let it pass") && !has_evidence(a, "as they are by now"));
		assert_int_equal(has_evidence(a, "ended by the rule with handle 7"), told_before);
		if (told_before)
			expect(strstr(a->summary, "handle 7") && strstr(a->advice, "gone by now") && !strstr(a->advice, "nft insert"),
				"%s; %s", a->summary, a->advice);
		bench_free(b);
	}
}

/* A SYN that is sent again and again: each is there, and none twice. */
static void test_silent(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_in(PEER, 4711, HOST, 80);
	const struct event_attempt *a;
	int syns = 0;

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 2 * USEC);
	for (int i = 0; i < 4; i++) {
		flow_syn(b, &f);
		bench_run(b, USEC << i);
	}
	a = told(b, EVENT_ATTEMPT);
	for (int i = 0; i < EVENT_STEPS && a->steps[i].by[0]; i++)
		syns += strcmp(a->steps[i].flags, "S") == 0;
	assert_int_equal(syns, 4);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_first_and_last),
		cmocka_unit_test(test_overwritten),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_early),
		cmocka_unit_test(test_no_socket_proves_too_early),
		cmocka_unit_test(test_filtered_is_not_too_early),
		cmocka_unit_test(test_rule_that_acted),
		cmocka_unit_test(test_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
