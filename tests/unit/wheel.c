/* wheel.c - the timing wheel against a naive model. */
#include "unit.h"

#include "engine/wheel.h"

enum {
	SLOT = 16384, /* the wheel's granularity: a deadline may be served this much late */
	TIMERS = 64,
};

#define EPOCH INT64_C(1700000000000000)

/* Pops all that is due; returns how many, and checks that each was set. */
static int drain(struct wheel *w, int64_t now, int64_t due[TIMERS])
{
	int n = 0;
	uint32_t i;

	while ((i = wheel_pop(w, now)) != WHEEL_NONE) {
		assert_true(i < TIMERS);
		expect(due[i] >= 0, "timer %u was not set", i);
		expect(due[i] <= now, "timer %u is served %lld early", i,
			(long long)(due[i] - now));
		due[i] = -1;
		n++;
	}
	return n;
}

static void test_simple(void **state)
{
	struct wheel *w = wheel_new(TIMERS);

	(void)state;
	assert_non_null(w);
	assert_int_equal(wheel_pop(w, EPOCH), WHEEL_NONE);
	wheel_set(w, 5, EPOCH + 100000);
	assert_int_equal(wheel_pending(w), 1);
	assert_int_equal(wheel_pop(w, EPOCH + 99999), WHEEL_NONE);
	assert_int_equal(wheel_pop(w, EPOCH + 100000), 5);
	assert_int_equal(wheel_pop(w, EPOCH + 100000), WHEEL_NONE);
	assert_int_equal(wheel_pending(w), 0);
	wheel_set(w, 5, EPOCH + 200000);
	wheel_cancel(w, 5);
	wheel_cancel(w, 5);
	assert_int_equal(wheel_pending(w), 0);
	assert_int_equal(wheel_pop(w, EPOCH + 900000), WHEEL_NONE);
	wheel_free(w);
	wheel_free(NULL);
}

static void test_replaced(void **state)
{
	struct wheel *w = wheel_new(TIMERS);

	(void)state;
	wheel_set(w, 1, EPOCH + 1000000);
	wheel_set(w, 1, EPOCH + 3000000);
	assert_int_equal(wheel_pending(w), 1);
	assert_int_equal(wheel_pop(w, EPOCH + 2999999), WHEEL_NONE);
	wheel_set(w, 1, EPOCH + 3000001);
	assert_int_equal(wheel_pop(w, EPOCH + 4000000), 1);
	wheel_free(w);
}

/* A deadline that has passed already is served at the next pop, or a slot later. */
static void test_past(void **state)
{
	static const int64_t ages[] = {0, 1, SLOT, 1000000, 20000000, EPOCH, EPOCH + 5};
	struct wheel *w = wheel_new(TIMERS);

	(void)state;
	assert_int_equal(wheel_pop(w, EPOCH), WHEEL_NONE);
	for (size_t i = 0; i < COUNT(ages); i++) {
		wheel_set(w, 3, EPOCH - ages[i]);
		expect(wheel_pop(w, EPOCH + SLOT) == 3, "%lld ago", (long long)ages[i]);
		assert_int_equal(wheel_pop(w, EPOCH + SLOT), WHEEL_NONE);
	}
	wheel_free(w);
}

/* Many turns of the wheel away (one is 16.8 s). */
static void test_far(void **state)
{
	struct wheel *w = wheel_new(TIMERS);
	int64_t due = EPOCH + INT64_C(140000000), t;

	(void)state;
	wheel_set(w, 0, due);
	for (t = EPOCH; t < due; t += 50000)
		assert_int_equal(wheel_pop(w, t), WHEEL_NONE);
	assert_int_equal(wheel_pop(w, due + SLOT), 0);
	wheel_free(w);
}

static void test_jump_forward(void **state)
{
	static const int64_t jumps[] = {
		1, 17000000, 100000000, INT64_C(86400000000), INT64_C(31536000000000)};

	(void)state;
	for (size_t k = 0; k < COUNT(jumps); k++) {
		struct wheel *w = wheel_new(TIMERS);
		int64_t due[TIMERS];

		wheel_pop(w, EPOCH);
		for (uint32_t i = 0; i < TIMERS; i++) {
			due[i] = EPOCH + (int64_t)i * 700000;
			wheel_set(w, i, due[i]);
		}
		drain(w, EPOCH + jumps[k], due);
		for (uint32_t i = 0; i < TIMERS; i++)
			expect(due[i] < 0 || due[i] > EPOCH + jumps[k], "timer %u after %lld", i,
				(long long)jumps[k]);
		wheel_free(w);
	}
}

/* The clock is set back: nothing is served early, and all of it once the clock is there again. */
static void test_jump_back(void **state)
{
	struct wheel *w = wheel_new(TIMERS);
	int64_t due[TIMERS];

	(void)state;
	wheel_pop(w, EPOCH);
	for (uint32_t i = 0; i < TIMERS; i++) {
		due[i] = EPOCH + (int64_t)i * 1000000;
		wheel_set(w, i, due[i]);
	}
	drain(w, EPOCH + 10 * 1000000, due);
	assert_int_equal(drain(w, EPOCH - INT64_C(3600000000), due), 0);
	for (uint32_t i = 0; i < 5; i++) { /* set while the clock is behind */
		due[i] = EPOCH - INT64_C(3500000000);
		wheel_set(w, i, due[i]);
	}
	drain(w, EPOCH + 100 * 1000000, due);
	for (uint32_t i = 0; i < TIMERS; i++)
		expect(due[i] < 0, "timer %u is left", i);
	assert_int_equal(wheel_pending(w), 0);
	wheel_free(w);
}

/* Set from within the loop of pops: nothing twice in a round that moves no time, nothing lost. */
static void test_set_while_popping(void **state)
{
	struct wheel *w = wheel_new(TIMERS);
	int64_t t = EPOCH;
	uint32_t i;
	int served = 0, rounds = 0;

	(void)state;
	for (i = 0; i < TIMERS; i++)
		wheel_set(w, i, t);
	while ((i = wheel_pop(w, t)) != WHEEL_NONE) {
		served++;
		assert_true(served <= TIMERS);
		wheel_set(w, i, t);                         /* due at once: in the next round */
		wheel_cancel(w, (i + TIMERS - 1) % TIMERS); /* the one that comes next */
		wheel_set(w, (i + TIMERS - 1) % TIMERS, t + 1);
	}
	assert_int_equal(wheel_pending(w), TIMERS);
	while (wheel_pending(w) > 0 && rounds++ < 10) {
		t += SLOT;
		while ((i = wheel_pop(w, t)) != WHEEL_NONE)
			;
	}
	assert_int_equal(wheel_pending(w), 0);
	wheel_free(w);
}

static void check_model(struct wheel *w, int64_t due[TIMERS], int64_t now)
{
	uint32_t pending = 0;

	for (uint32_t i = 0; i < TIMERS; i++) {
		pending += due[i] >= 0;
		expect(due[i] < 0 || due[i] > now - 2 * SLOT, "timer %u is %lld late", i,
			(long long)(now - due[i]));
	}
	assert_int_equal(wheel_pending(w), pending);
}

static void test_model(void **state)
{
	(void)state;
	for (uint64_t start = 1; start <= 20; start++) {
		struct wheel *w = wheel_new(TIMERS);
		int64_t due[TIMERS], now = start % 2 ? EPOCH : 0;
		uint64_t seed = start;

		memset(due, 0xff, sizeof(due));
		for (int round = 0; round < 20000; round++) {
			uint32_t i = random_below(&seed, TIMERS), k;

			switch (random_below(&seed, 8)) {
			case 0:
				due[i] = now + random_below(&seed, 40000000);
				wheel_set(w, i, due[i]);
				break;
			case 1:
			case 2:
				due[i] = now + random_below(&seed, 100000);
				wheel_set(w, i, due[i]);
				break;
			case 3:
				due[i] = now > 50000000 ? now - random_below(&seed, 50000000) : now;
				wheel_set(w, i, due[i]);
				due[i] = now; /* as good as now */
				break;
			case 4:
				due[i] = -1;
				wheel_cancel(w, i);
				break;
			default:
				now += random_below(&seed, 200) ? random_below(&seed, 60000)
								: random_below(&seed, 60000000);
				while ((k = wheel_pop(w, now)) != WHEEL_NONE) {
					expect(due[k] >= 0 && due[k] <= now, "timer %u", k);
					due[k] = -1;
					if (random_below(&seed, 4) ==
						0) { /* set anew from within */
						due[k] = now + random_below(&seed, 300000);
						wheel_set(w, k, due[k]);
					}
					k = random_below(&seed, TIMERS); /* and any other */
					if (random_below(&seed, 4) == 0) {
						due[k] = -1;
						wheel_cancel(w, k);
					} else if (random_below(&seed, 4) == 0) {
						due[k] = now; /* a deadline of the past is as good
								 as now */
						wheel_set(w, k,
							now > 9000000
								? now - random_below(&seed, 9000000)
								: now);
					}
				}
				check_model(w, due, now);
				break;
			}
		}
		wheel_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_past),
		cmocka_unit_test(test_far),
		cmocka_unit_test(test_jump_forward),
		cmocka_unit_test(test_jump_back),
		cmocka_unit_test(test_set_while_popping),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
