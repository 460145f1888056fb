/* watch.c - connections in which something waits, addresses asked for in vain, and what is looked at closely. */
#include "bench.h"
#include "unit.h"

/* A listener whose accept queue holds one connection; its owner has pid 7. */
static struct bench *queued(struct flow *f)
{
	struct bench *b = bench_new();

	bench_listen(b, "0.0.0.0", 80);
	bench_run(b, 3 * USEC);
	bench_own(b, 80, "httpd", 7);
	*f = flow_to(80);
	bench_connect(b, f)->row.inode = 0;
	b->rows[0].queue = 1;
	return b;
}

/* It has waited for 1.5 s from the first look at it to a later one; and is told once. */
static void test_not_accepting(void **state)
{
	struct flow f;
	struct bench *b = queued(&f);

	(void)state;
	bench_run(b, 2 * USEC);
	assert_int_equal(bench_attempts(b, 80), 0);
	bench_run(b, 4 * USEC);
	told_as(b, 80, "accepted", "not-accepting", "proved", "none");
	assert_int_equal(b->last_walk.port, 80);
	bench_run(b, 10 * USEC);
	assert_int_equal(bench_attempts(b, 80), 1);
	bench_free(b);
}

/* It was in the queue at the first look, and is gone or accepted at the second: it only had to wait a little. */
static void test_accepted_meanwhile(void **state)
{
	(void)state;
	for (int accepted = 0; accepted < 2; accepted++) {
		struct flow f;
		struct bench *b = queued(&f);

		while (b->asked[ASK_CONNECTIONS] == 0)
			bench_run(b, 100000);
		if (accepted)
			b->connections[0].row.inode = 7000;
		else
			b->n_connections = 0;
		bench_run(b, 10 * USEC); /* and others keep the queue busy */
		assert_int_equal(bench_attempts(b, 80), 0);
		bench_free(b);
	}
}

/* An empty queue gives no reason to walk the table of connections; nor do counters that stand still. */
static void test_no_walk_at_rest(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	bench_connect(b, &f)->row.queue = 5000;
	bench_run(b, 20 * USEC);
	assert_int_equal(b->asked[ASK_CONNECTIONS], 0);
	bench_free(b);
}

/* At most one walk a second, however many polls there are. */
static void test_walks_are_rare(void **state)
{
	struct flow f;
	struct bench *b = queued(&f);

	(void)state;
	b->poll_interval = 50000;
	bench_run(b, 10 * USEC);
	assert_in_range(b->asked[ASK_CONNECTIONS], 5, 11);
	bench_free(b);
}

/* Why nobody accepts is the process's state. */
static void test_why_not_accepting(void **state)
{
	static const struct {
		struct process process;
		const char *cause;
	} cases[] = {
		{{.pid = 7, .state = 'T', .fds = 10, .fds_max = 1024}, "process-stopped"},
		{{.pid = 7, .state = 'S', .fds = 1024, .fds_max = 1024}, "fd-limit"},
		{{.pid = 7, .state = 'S', .fds = 10, .fds_max = 1024, .syscall = "futex"}, "not-accepting"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct flow f;
		struct bench *b = queued(&f);

		b->process = &cases[i].process;
		bench_run(b, 6 * USEC);
		told_as(b, 80, "accepted", cases[i].cause, "proved", "none");
		bench_free(b);
	}
}

/* A host with one listener on port 80 and a connection that was accepted. */
static struct bench *open_one(struct connection **ret)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);

	bench_listen(b, "0.0.0.0", 80);
	*ret = bench_connect(b, &f);
	bench_run(b, 3 * USEC);
	return b;
}

static void test_not_reading(void **state)
{
	struct connection *c;
	struct bench *b = open_one(&c);

	(void)state;
	c->row.queue = 100000;
	c->window = 0;
	b->counters.v[COUNTER_TO_ZERO_WINDOW]++;
	bench_run(b, 6 * USEC);
	told_as(b, 80, "accepted", "not-reading", "proved", "none");
	bench_run(b, 10 * USEC);
	assert_int_equal(bench_attempts(b, 80), 1);
	bench_free(b);
}

/* It reads, if slowly: what waits became less, or more came in. */
static void test_reading_slowly(void **state)
{
	(void)state;
	for (int more = 0; more < 2; more++) {
		struct connection *c;
		struct bench *b = open_one(&c);

		c->row.queue = 100000;
		c->window = 0;
		for (int i = 0; i < 10; i++) {
			b->counters.v[COUNTER_TO_ZERO_WINDOW]++;
			if (more)
				c->received += 1000;
			else
				c->row.queue -= 1000;
			bench_run(b, USEC);
		}
		assert_int_equal(bench_attempts(b, 80), 0);
		bench_free(b);
	}
}

/* Data that waits where the window is open is no finding. */
static void test_unread_with_room(void **state)
{
	struct connection *c;
	struct bench *b = open_one(&c);

	(void)state;
	c->row.queue = 1000;
	b->counters.v[COUNTER_TO_ZERO_WINDOW]++; /* another's */
	bench_run(b, 10 * USEC);
	assert_int_equal(bench_attempts(b, 80), 0);
	bench_free(b);
}

/* Segments with data come, and nothing of them is taken. */
static void test_paws(void **state)
{
	(void)state;
	for (int taken = 0; taken < 2; taken++) {
		struct connection *c;
		struct bench *b = open_one(&c);

		c->data_in = 10;
		c->received = 5000;
		for (int i = 0; i < 6; i++) {
			b->counters.v[COUNTER_PAWS_ESTAB]++;
			c->data_in++;
			c->received += taken ? 100 : 0;
			bench_run(b, USEC);
		}
		assert_true(b->last_walk.every);
		if (taken)
			assert_int_equal(bench_attempts(b, 80), 0);
		else
			told_as(b, 80, "accepted", "paws", "inferred", "none");
		bench_free(b);
	}
}

/* A segment that is sent again while later ones are received: its size, which a closer look shows, decides. */
static void test_mtu_blackhole(void **state)
{
	(void)state;
	for (int full = 0; full < 2; full++) {
		struct flow f;
		struct bench *b = bench_connected(&f, true);
		struct connection *c = bench_connect(b, &f);

		c->retransmits = 2;
		c->unacked = 4;
		c->sacked = 3;
		for (int i = 0; i < 6; i++) {
			b->counters.v[COUNTER_RETRANS_SEGS]++;
			bench_run(b, USEC);
			flow_data(b, &f, false, 100, 2000, full ? 1448 : 200);
		}
		if (full)
			told_as(b, 80, "accepted", "mtu-blackhole", "inferred", "none");
		else
			told_as(b, 80, "accepted", "none", "proved", "none");
		bench_free(b);
	}
}

/* Where something is sent again, the connection is looked at closely, and no longer than needed. */
static void test_resent_is_looked_at(void **state)
{
	struct connection *c;
	struct bench *b = open_one(&c);

	(void)state;
	assert_false(bench_looks_at(b, PEER, 80));
	c->retransmits = 2;
	b->counters.v[COUNTER_RETRANS_SEGS]++;
	bench_run(b, 2 * USEC);
	assert_true(bench_looks_at(b, PEER, 80));
	c->retransmits = 0;
	bench_run(b, 20 * USEC);
	assert_false(bench_looks_at(b, PEER, 80));
	bench_free(b);
}

/* A handshake that is half open after 400 ms is looked at, for a while; one that was completed is not. */
static void test_half_open_is_looked_at(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_to(80);
	struct look looks[LOOKS_MAX];
	uint64_t before, during, after;

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_syn_recv;
	bench_run(b, 3 * USEC);
	engine_looks(b->e, looks, &before);
	flow_syn(b, &f);
	flow_syn_ack(b, &f);
	bench_run(b, 360000);
	assert_false(bench_looks_at(b, PEER, 80));
	bench_run(b, 100000);
	assert_true(bench_looks_at(b, PEER, 80));
	engine_looks(b->e, looks, &during);
	assert_true(during != before);
	bench_run(b, 12 * USEC);
	assert_false(bench_looks_at(b, PEER, 80));
	engine_looks(b->e, looks, &after);
	assert_true(after != during);
	bench_free(b);
	b = bench_connected(&f, true);
	assert_false(bench_looks_at(b, PEER, 80));
	bench_free(b);
}

/* There are no more looks than the capture can be asked for. */
static void test_looks_are_bounded(void **state)
{
	struct bench *b = bench_new();
	struct look looks[LOOKS_MAX];
	uint64_t generation;

	(void)state;
	bench_listen(b, "0.0.0.0", 80);
	b->lookup = answers_syn_recv;
	bench_run(b, 3 * USEC);
	for (int i = 0; i < 4 * LOOKS_MAX; i++) {
		struct flow f = flow_to(80);

		f.client.b[15] = (uint8_t)i;
		flow_syn(b, &f);
		flow_syn_ack(b, &f);
	}
	bench_run(b, USEC);
	assert_in_range(engine_looks(b->e, looks, &generation), LOOKS_MAX / 2, LOOKS_MAX);
	bench_free(b);
}

/* Asks for an address so many times, a second apart, as hosts do. */
static void ask(struct bench *b, const char *addr, int times)
{
	for (int i = 0; i < times; i++) {
		bench_who_has(b, addr, PEER);
		bench_run(b, USEC);
	}
	bench_run(b, USEC);
}

static void test_address_unanswered(void **state)
{
	struct bench *b = bench_ready();

	(void)state;
	assert_true(bench_looks_at(b, HOST, 0));
	ask(b, HOST, 3);
	told_as(b, 0, "unreachable", "address-unanswered", "proved", "EHOSTUNREACH");
	assert_int_equal(bench_attempts(b, 0), 1);
	bench_free(b);
}

/* Once is no repetition; an answer is an answer; and the address of nobody here is nobody's business here. */
static void test_address_near_misses(void **state)
{
	struct bench *b = bench_ready();

	(void)state;
	ask(b, HOST, 1);
	bench_run(b, 5 * USEC);
	bench_who_has(b, HOST6, PEER6);
	bench_run(b, USEC);
	bench_who_has(b, HOST6, PEER6);
	bench_is_at(b, HOST6);
	bench_run(b, 5 * USEC);
	ask(b, "198.51.100.77", 4);
	assert_int_equal(bench_attempts(b, 0), 0);
	bench_free(b);
}

/* Questions of this host, for a duplicate, and announcements are no peer's. */
static void test_own_questions(void **state)
{
	static const char *const peers[] = {HOST, "0.0.0.0", "198.51.100.77"};
	struct bench *b = bench_ready();

	(void)state;
	for (size_t i = 0; i < COUNT(peers); i++)
		for (int k = 0; k < 4; k++) {
			bench_who_has(b, i == 2 ? peers[i] : HOST, peers[i]);
			bench_run(b, USEC);
		}
	assert_int_equal(bench_attempts(b, 0), 0);
	bench_free(b);
}

/* The address was ours until a while ago; back again it is as any other. */
static void test_address_gone(void **state)
{
	static const char *const both[] = {HOST, HOST6}, *const rest[] = {HOST6};
	struct bench *b = bench_ready();
	const struct event_attempt *a;

	(void)state;
	bench_addresses(b, rest, 1);
	bench_run(b, 20 * USEC);
	assert_true(bench_looks_at(b, HOST, 0));
	ask(b, HOST, 3);
	a = told_as(b, 0, "unreachable", "address-unanswered", "inferred", "EHOSTUNREACH");
	expect(strstr(a->summary, "taken from this host") != NULL, "%s", a->summary);
	bench_addresses(b, both, 2);
	bench_run(b, 700 * USEC);
	bench_addresses(b, rest, 1);
	bench_addresses(b, both, 2);
	ask(b, HOST, 3);
	a = bench_attempt(b, 0);
	expect(strstr(a->summary, "taken from this host") == NULL, "%s", a->summary);
	bench_free(b);
}

/* A server is bound to an address that is not here: the question for it tells of that port. */
static void test_address_of_a_listener(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	bench_listen(b, "198.51.100.77", 80);
	bench_run(b, 3 * USEC);
	assert_true(bench_looks_at(b, "198.51.100.77", 0));
	ask(b, "198.51.100.77", 3);
	told_as(b, 80, "unreachable", "address-unanswered", "inferred", "EHOSTUNREACH");
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_accepting),
		cmocka_unit_test(test_accepted_meanwhile),
		cmocka_unit_test(test_no_walk_at_rest),
		cmocka_unit_test(test_walks_are_rare),
		cmocka_unit_test(test_why_not_accepting),
		cmocka_unit_test(test_not_reading),
		cmocka_unit_test(test_reading_slowly),
		cmocka_unit_test(test_unread_with_room),
		cmocka_unit_test(test_paws),
		cmocka_unit_test(test_mtu_blackhole),
		cmocka_unit_test(test_resent_is_looked_at),
		cmocka_unit_test(test_half_open_is_looked_at),
		cmocka_unit_test(test_looks_are_bounded),
		cmocka_unit_test(test_address_unanswered),
		cmocka_unit_test(test_address_near_misses),
		cmocka_unit_test(test_own_questions),
		cmocka_unit_test(test_address_gone),
		cmocka_unit_test(test_address_of_a_listener),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
