/* samples.c - windows over the counters, and RSTs held against them. */
#include "unit.h"

#include "engine/samples.h"

static void add(struct samples *s, int64_t t, uint64_t rsts)
{
	struct counters c = {.t = t};

	c.v[COUNTER_OUT_RSTS] = rsts;
	c.v[COUNTER_LISTEN_DROPS] = 1000 + rsts * 2;
	samples_add(s, &c);
}

static void test_window(void **state)
{
	static struct samples s;
	struct window w;

	(void)state;
	memset(&s, 0, sizeof(s));
	assert_false(samples_window(&s, 0, 100).known);
	add(&s, 1000, 5);
	assert_false(samples_window(&s, 1000, 1000).known); /* nothing after it */
	add(&s, 2000, 7);
	add(&s, 3000, 12);
	w = samples_window(&s, 1500, 1600);
	assert_true(w.known);
	assert_int_equal(w.from, 1000);
	assert_int_equal(w.to, 2000);
	assert_int_equal(w.delta[COUNTER_OUT_RSTS], 2);
	assert_int_equal(w.delta[COUNTER_LISTEN_DROPS], 4);
	assert_int_equal(w.delta[COUNTER_IN_ADDR_ERRORS], 0);
	w = samples_window(&s, 1999, 2001);
	assert_int_equal(w.delta[COUNTER_OUT_RSTS], 7);
	w = samples_window(&s, 2000, 2000); /* the sample at t counts as before it */
	assert_true(w.known && w.from == 2000 && w.to == 3000);
	assert_false(samples_window(&s, 999, 1500).known);
	assert_false(samples_window(&s, 1500, 3000).known);
}

static void test_rsts(void **state)
{
	static struct samples s;
	struct window w;

	(void)state;
	memset(&s, 0, sizeof(s));
	samples_count_rst(&s, 500, true); /* before any sample: nowhere to count it */
	add(&s, 1000, 0);
	samples_count_rst(&s, 500, true);
	samples_count_rst(&s, 1000, false);
	samples_count_rst(&s, 1100, true);
	add(&s, 2000, 2);
	samples_count_rst(&s, 1900, true); /* delivered after the sample that follows it */
	samples_count_rst(&s, 2100, false);
	add(&s, 3000, 3);
	w = samples_window(&s, 1500, 1500);
	assert_int_equal(w.wire_rsts, 3);
	assert_int_equal(w.rst_acks, 2);
	w = samples_window(&s, 2500, 2500);
	assert_int_equal(w.wire_rsts, 1);
	assert_int_equal(w.rst_acks, 0);
	w = samples_window(&s, 1500, 2500);
	assert_int_equal(w.wire_rsts, 4);
}

static void test_wraps(void **state)
{
	static struct samples s;

	(void)state;
	memset(&s, 0, sizeof(s));
	for (int i = 1; i <= 1000; i++) {
		add(&s, i * 100, (uint64_t)i);
		for (int k = 0; k < i % 3; k++)
			samples_count_rst(&s, i * 100 + 1, true);
	}
	assert_false(samples_window(&s, (1000 - SAMPLES_KEPT) * 100, 99000).known);
	for (int i = 1000 - SAMPLES_KEPT + 1; i < 1000; i++) {
		struct window w = samples_window(&s, i * 100 + 50, i * 100 + 50);

		assert_true(w.known);
		assert_int_equal(w.delta[COUNTER_OUT_RSTS], 1);
		assert_int_equal(w.wire_rsts, i % 3);
	}
}

/* A counter that wraps, as a 32-bit one of an old kernel does not, but 64-bit arithmetic does. */
static void test_counter_wraps(void **state)
{
	static struct samples s;

	(void)state;
	memset(&s, 0, sizeof(s));
	add(&s, 1000, UINT64_MAX - 1);
	add(&s, 2000, 3);
	assert_int_equal(samples_window(&s, 1500, 1500).delta[COUNTER_OUT_RSTS], 5);
}

/* The clock is set back a little: the order of the ring stays right. */
static void test_small_step_back(void **state)
{
	static struct samples s;

	(void)state;
	memset(&s, 0, sizeof(s));
	add(&s, 1000, 1);
	add(&s, 2000, 2);
	add(&s, 1500, 3);
	add(&s, 2000, 4);
	add(&s, 3000, 5);
	assert_int_equal(samples_window(&s, 2500, 2500).delta[COUNTER_OUT_RSTS], 3);
	assert_int_equal(samples_window(&s, 1200, 1200).delta[COUNTER_OUT_RSTS], 1);
}

/*
 * The clock is set back by a minute. What the counters did the first time the clock said so is no
 * evidence for what happens the second time: such a window is unknown, or made of new samples.
 */
static void test_clock_set_back(void **state)
{
	static struct samples s;
	struct window w;
	int64_t t = 100 * USEC;

	(void)state;
	memset(&s, 0, sizeof(s));
	for (int i = 0; i < 60; i++)
		add(&s, t + i * USEC, 0); /* no RSTs at all */
	for (int i = 0; i < 10; i++) {
		add(&s, t + 10 * USEC + i * USEC, (uint64_t)i + 1); /* now one a second */
		samples_count_rst(&s, t + 10 * USEC + i * USEC + 1000, false);
	}
	w = samples_window(&s, t + 15 * USEC + 500, t + 15 * USEC + 600);
	expect(!w.known || w.delta[COUNTER_OUT_RSTS] > 0,
		"old samples are evidence for a new moment: %llu RSTs, %u on the wire",
		(unsigned long long)w.delta[COUNTER_OUT_RSTS], w.wire_rsts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_rsts),
		cmocka_unit_test(test_wraps),
		cmocka_unit_test(test_counter_wraps),
		cmocka_unit_test(test_small_step_back),
		cmocka_unit_test(test_clock_set_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
