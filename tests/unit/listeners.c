/* listeners.c - who takes which SYN, and what the history of polls proves. */
#include "unit.h"

#include "engine/listeners.h"

static const struct hash_key key = {{1, 2}};

static struct ip ip(const char *text)
{
	struct ip a;

	expect(ip_parse(text, &a) == 0, "%s", text);
	return a;
}

static const struct near_case {
	const char *what, *bound;
	bool v6, v6only;
	uint32_t device;
	const char *dialled;
	uint32_t came_by;
	enum near want;
	const char *reach, *family;
} near_cases[] = {
	{"any, IPv4", "0.0.0.0", false, false, 0, "192.0.2.1", 2, NEAR_ACCEPTS, "everyone", "ipv4"},
	{"any, IPv4, by IPv6", "0.0.0.0", false, false, 0, "2001:db8::1", 2, NEAR_V4ONLY,
		"everyone", "ipv4"},
	{"any, IPv4, on loopback", "0.0.0.0", false, false, 0, "127.0.0.1", 1, NEAR_ACCEPTS,
		"everyone", "ipv4"},
	{"dual stack, by IPv4", "::", true, false, 0, "192.0.2.1", 2, NEAR_ACCEPTS, "everyone",
		"dual"},
	{"dual stack, by IPv6", "::", true, false, 0, "2001:db8::1", 2, NEAR_ACCEPTS, "everyone",
		"dual"},
	{"v6only, by IPv4", "::", true, true, 0, "192.0.2.1", 2, NEAR_V6ONLY, "everyone", "ipv6"},
	{"v6only, by IPv4 loopback", "::", true, true, 0, "127.0.0.1", 1, NEAR_V6ONLY, "everyone",
		"ipv6"},
	{"v6only, by IPv6", "::", true, true, 0, "2001:db8::1", 2, NEAR_ACCEPTS, "everyone",
		"ipv6"},
	{"v6only, by IPv6 loopback", "::", true, true, 0, "::1", 1, NEAR_ACCEPTS, "everyone",
		"ipv6"},
	{"loopback, from outside", "127.0.0.1", false, false, 0, "192.0.2.1", 2, NEAR_LOOPBACK,
		"loopback", "ipv4"},
	{"loopback, itself", "127.0.0.1", false, false, 0, "127.0.0.1", 1, NEAR_ACCEPTS, "loopback",
		"ipv4"},
	{"loopback, another of the net", "127.0.0.53", false, false, 0, "127.0.0.1", 1,
		NEAR_ADDRESS, "loopback", "ipv4"},
	{"loopback, from outside by IPv6", "127.0.0.1", false, false, 0, "2001:db8::1", 2,
		NEAR_LOOPBACK, "loopback", "ipv4"},
	{"loopback of IPv6, from outside", "::1", true, false, 0, "2001:db8::1", 2, NEAR_LOOPBACK,
		"loopback", "ipv6"},
	{"loopback of IPv6, from outside by IPv4", "::1", true, true, 0, "192.0.2.1", 2,
		NEAR_LOOPBACK, "loopback", "ipv6"},
	{"loopback of IPv6, itself", "::1", true, true, 0, "::1", 1, NEAR_ACCEPTS, "loopback",
		"ipv6"},
	{"localhost is ::1, peer dials 127.0.0.1", "::1", true, true, 0, "127.0.0.1", 1,
		NEAR_ADDRESS, "loopback", "ipv6"},
	{"localhost is 127.0.0.1, peer dials ::1", "127.0.0.1", false, false, 0, "::1", 1,
		NEAR_ADDRESS, "loopback", "ipv4"},
	{"one address, itself", "192.0.2.1", false, false, 0, "192.0.2.1", 2, NEAR_ACCEPTS,
		"address", "ipv4"},
	{"one address, another", "192.0.2.1", false, false, 0, "192.0.2.2", 2, NEAR_ADDRESS,
		"address", "ipv4"},
	{"one address, loopback", "192.0.2.1", false, false, 0, "127.0.0.1", 1, NEAR_ADDRESS,
		"address", "ipv4"},
	{"one address of IPv6, itself", "2001:db8::1", true, false, 0, "2001:db8::1", 2,
		NEAR_ACCEPTS, "address", "ipv6"},
	{"one address of IPv6, another", "2001:db8::1", true, false, 0, "2001:db8::2", 2,
		NEAR_ADDRESS, "address", "ipv6"},
	{"one address of IPv6, by IPv4", "2001:db8::1", true, false, 0, "192.0.2.1", 2,
		NEAR_ADDRESS, "address", "ipv6"},
	{"one address of IPv4, by IPv6", "192.0.2.1", false, false, 0, "2001:db8::1", 2,
		NEAR_ADDRESS, "address", "ipv4"},
	{"v4-mapped address, itself", "::ffff:192.0.2.1", true, false, 0, "192.0.2.1", 2,
		NEAR_ACCEPTS, "address", "ipv4"},
	{"v4-mapped address, another", "::ffff:192.0.2.1", true, false, 0, "192.0.2.2", 2,
		NEAR_ADDRESS, "address", "ipv4"},
	{"v4-mapped address, by IPv6", "::ffff:192.0.2.1", true, false, 0, "2001:db8::1", 2,
		NEAR_ADDRESS, "address", "ipv4"},
	{"v4-mapped any, by IPv4", "::ffff:0.0.0.0", true, false, 0, "192.0.2.1", 2, NEAR_ACCEPTS,
		"everyone", "ipv4"},
	{"v4-mapped any, by IPv6", "::ffff:0.0.0.0", true, false, 0, "2001:db8::1", 2, NEAR_V4ONLY,
		"everyone", "ipv4"},
	{"v4-mapped loopback, from outside", "::ffff:127.0.0.1", true, false, 0, "192.0.2.1", 2,
		NEAR_LOOPBACK, "loopback", "ipv4"},
	{"link-local", "fe80::1", true, false, 0, "fe80::1", 2, NEAR_ACCEPTS, "link-local", "ipv6"},
	{"device, the same", "0.0.0.0", false, false, 3, "192.0.2.1", 3, NEAR_ACCEPTS, "device",
		"ipv4"},
	{"device, another", "0.0.0.0", false, false, 3, "192.0.2.1", 2, NEAR_DEVICE, "device",
		"ipv4"},
	{"device, not known by which", "0.0.0.0", false, false, 3, "192.0.2.1", 0, NEAR_ACCEPTS,
		"device", "ipv4"},
	{"device and address, another address", "192.0.2.1", false, false, 3, "192.0.2.2", 3,
		NEAR_ADDRESS, "device", "ipv4"},
	{"device, dual stack, another", "::", true, false, 3, "192.0.2.1", 2, NEAR_DEVICE, "device",
		"dual"},
	{"device, IPv4, by IPv6", "0.0.0.0", false, false, 3, "2001:db8::1", 3, NEAR_V4ONLY,
		"device", "ipv4"},
	{"link-local, by IPv4", "fe80::1", true, false, 0, "192.0.2.1", 2, NEAR_ADDRESS,
		"link-local", "ipv6"},
	{"device, v6only, by IPv4", "::", true, true, 3, "192.0.2.1", 2, NEAR_V6ONLY, "device",
		"ipv6"},
};

static void test_near(void **state)
{
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(near_cases); i++) {
		const struct near_case *c = &near_cases[i];
		struct socket_row row = {.state = SOCKET_LISTEN,
			.addr = ip(c->bound),
			.port = 80,
			.ifindex = c->device,
			.v6 = c->v6,
			.v6only = c->v6only};
		struct ip dialled = ip(c->dialled);
		enum near got = listener_near(&row, &dialled, c->came_by);

		note(failures, got == c->want, "%s: %d, not %d", c->what, got, c->want);
		note(failures, strcmp(listener_reach(&row), c->reach) == 0, "%s: reach %s", c->what,
			listener_reach(&row));
		note(failures, strcmp(listener_family(&row), c->family) == 0, "%s: family %s",
			c->what, listener_family(&row));
	}
	expect(failures == 0, "%d wrong", failures);
}

struct watch {
	int came, went, changed;
	uint64_t last_cookie;
};

static void on_change(void *ctx, struct listener *one)
{
	struct watch *w = ctx;

	w->last_cookie = one->row.cookie;
	if (one->gone != 0)
		w->went++;
	else if (one->announced)
		w->changed++;
	else
		w->came++;
	one->announced = true;
	one->announce_queue = one->row.queue;
	one->announce_queue_max = one->row.queue_max;
}

static struct socket_row row(uint64_t cookie, uint16_t port)
{
	return (struct socket_row){.state = SOCKET_LISTEN,
		.addr = ip("0.0.0.0"),
		.port = port,
		.cookie = cookie,
		.queue_max = 128};
}

static struct listener *of(struct listeners *l, uint16_t port)
{
	return listeners_next(l, port, NULL);
}

static void test_polls(void **state)
{
	struct listeners l;
	struct watch w = {0};
	struct socket_row rows[] = {row(1, 80), row(2, 443), row(3, 443)};

	(void)state;
	assert_int_equal(listeners_init(&l, key), 0);
	assert_null(of(&l, 80));
	assert_false(listeners_poll(&l, 1000, rows, 2, on_change, &w));
	assert_int_equal(w.came, 2);
	assert_int_equal(of(&l, 80)->absent, 0); /* there before us */
	assert_int_equal(of(&l, 80)->up, 1000);
	assert_null(of(&l, 81));
	assert_false(listeners_poll(&l, 2000, rows, 3, on_change, &w));
	assert_int_equal(w.came, 3);
	assert_int_equal(w.changed + w.went, 0);
	{
		struct listener *first = of(&l, 443), *second = listeners_next(&l, 443, first);

		assert_non_null(second);
		assert_null(listeners_next(&l, 443, second));
		if (first->row.cookie == 3)
			second = first;
		assert_int_equal(second->row.cookie, 3);
		assert_int_equal(second->absent, 1000); /* not there at the poll before */
		assert_int_equal(second->up, 2000);
	}
	listeners_fini(&l);
	listeners_fini(&l);
}

static void test_one_absence_is_no_proof(void **state)
{
	struct listeners l;
	struct watch w = {0};
	struct socket_row rows[] = {row(1, 80), row(2, 443)};

	(void)state;
	listeners_init(&l, key);
	listeners_poll(&l, 1000, rows, 2, on_change, &w);
	assert_true(listeners_poll(&l, 2000, rows, 1, on_change, &w)); /* please look again */
	assert_int_equal(w.went, 0);
	assert_int_equal(of(&l, 443)->gone, 0);
	assert_false(listeners_poll(&l, 2100, rows, 2, on_change, &w));
	assert_int_equal(w.came, 2); /* it never went, so it does not come again */
	assert_true(listeners_poll(&l, 3000, rows, 1, on_change, &w));
	assert_false(listeners_poll(&l, 3100, rows, 1, on_change, &w));
	assert_int_equal(w.went, 1);
	assert_int_equal(w.last_cookie, 2);
	assert_int_equal(of(&l, 443)->gone, 3100);
	assert_false(of(&l, 443)->gone_exact);
	assert_false(listeners_poll(&l, 4000, rows, 1, on_change, &w));
	assert_int_equal(w.went, 1);
	listeners_fini(&l);
}

/* A socket whose cookie is in the table lives, whatever two earlier dumps lacked. */
static void test_back_after_two_absences(void **state)
{
	struct listeners l;
	struct watch w = {0};
	struct socket_row rows[] = {row(1, 80), row(2, 443)};

	(void)state;
	listeners_init(&l, key);
	listeners_poll(&l, 1000, rows, 2, on_change, &w);
	listeners_poll(&l, 2000, rows, 1, on_change, &w);
	listeners_poll(&l, 2100, rows, 1, on_change, &w);
	assert_int_equal(w.went, 1);
	listeners_poll(
		&l, 3000, rows, 2, on_change, &w); /* as after shutdown() and listen() again */
	assert_int_equal(of(&l, 443)->gone, 0);
	listeners_fini(&l);
}

static void test_destroyed(void **state)
{
	struct listeners l;
	struct watch w = {0};
	struct socket_row rows[] = {row(1, 80), row(2, 443)};
	struct listener *one;

	(void)state;
	listeners_init(&l, key);
	listeners_poll(&l, 1000, rows, 2, on_change, &w);
	assert_null(listeners_destroyed(&l, 1400, 77));
	one = listeners_destroyed(&l, 1500, 2);
	assert_non_null(one);
	assert_int_equal(one->gone, 1500);
	assert_true(one->gone_exact);
	assert_null(listeners_destroyed(&l, 1600, 2)); /* once is enough */
	assert_int_equal(of(&l, 443)->gone, 1500);
	/* a dump that was taken before the multicast comes late, and brings nobody back */
	rows[1].queue = 3;
	assert_false(listeners_poll(&l, 1450, rows, 2, on_change, &w));
	assert_int_equal(of(&l, 443)->gone, 1500);
	assert_false(listeners_poll(&l, 2000, rows, 1, on_change, &w));
	assert_int_equal(of(&l, 443)->gone, 1500);
	assert_int_equal(w.came, 2);
	assert_int_equal(w.went, 0); /* the caller tells */
	listeners_fini(&l);
}

static void test_queue_changes(void **state)
{
	struct listeners l;
	struct watch w = {0};
	struct socket_row one = row(1, 80);

	(void)state;
	listeners_init(&l, key);
	listeners_poll(&l, 1000, &one, 1, on_change, &w);
	one.queue = 5;
	listeners_poll(&l, 2000, &one, 1, on_change, &w);
	assert_int_equal(w.changed, 1);
	listeners_poll(&l, 3000, &one, 1, on_change, &w);
	assert_int_equal(w.changed, 1);
	one.drops = 9; /* no change to tell, but a sample */
	listeners_poll(&l, 4000, &one, 1, on_change, &w);
	assert_int_equal(w.changed, 1);
	assert_int_equal(of(&l, 80)->n_samples, 3);
	one.queue_max = 4;
	listeners_poll(&l, 5000, &one, 1, on_change, &w);
	assert_int_equal(w.changed, 2);
	listeners_fini(&l);
}

static void drops_are(struct listeners *l, uint16_t port, int64_t t, uint32_t want, bool want_exact)
{
	bool exact;
	uint32_t drops = listener_drops_since(of(l, port), t, &exact);

	expect(drops == want && exact == want_exact, "since %lld: %s %u", (long long)t,
		exact ? "exactly" : "at least", drops);
}

static void test_drops_since(void **state)
{
	struct listeners l;
	struct watch w = {0};
	struct socket_row one = row(1, 80), other = row(2, 81);

	(void)state;
	listeners_init(&l, key);
	one.drops = 100;
	listeners_poll(&l, 1000, &one, 1, on_change, &w);
	drops_are(&l, 80, 999, 0, false); /* before the first look */
	drops_are(&l, 80, 1000, 0, true);
	drops_are(&l, 80, 5000, 0, true);
	one.drops = 103;
	listeners_poll(&l, 2000, &one, 1, on_change, &w);
	listeners_poll(&l, 3000, &one, 1, on_change, &w);
	drops_are(&l, 80, 999, 3, false);
	drops_are(&l, 80, 1500, 3, true);
	drops_are(&l, 80, 2000, 0, true);
	drops_are(&l, 80, 2500, 0, true);
	one.drops = UINT32_MAX;
	listeners_poll(&l, 4000, &one, 1, on_change, &w);
	one.drops = 4; /* the kernel's counter has wrapped */
	listeners_poll(&l, 5000, &one, 1, on_change, &w);
	drops_are(&l, 80, 4500, 5, true);
	/* more changes than are kept: the old time is known in part only */
	for (uint32_t i = 0; i < LISTENER_SAMPLES + 10; i++) {
		one.drops = 1000 + i;
		listeners_poll(&l, 6000 + i * 100, &one, 1, on_change, &w);
	}
	drops_are(&l, 80, 5500, LISTENER_SAMPLES - 1, false);
	drops_are(&l, 80, 6000 + (LISTENER_SAMPLES + 9) * 100 - 50, 1, true);
	/* one that came up under watch began with 0 */
	{
		struct socket_row both[] = {one, other};

		both[1].drops = 7;
		listeners_poll(&l, 19000, both, 2, on_change, &w);
		drops_are(&l, 81, 18500, 7, true);
		drops_are(&l, 81, 19000, 0, true);
	}
	listeners_fini(&l);
}

static void test_fullest_since(void **state)
{
	static const uint32_t queues[] = {0, 5, 129, 60, 2};
	struct listeners l;
	struct watch w = {0};
	struct socket_row one = row(1, 80);
	struct listener_sample s;

	(void)state;
	listeners_init(&l, key);
	for (size_t i = 0; i < COUNT(queues); i++) {
		one.queue = queues[i];
		listeners_poll(&l, 1000 + (int64_t)i * 1000, &one, 1, on_change, &w);
	}
	s = listener_fullest_since(of(&l, 80), 500);
	assert_int_equal(s.queue, 129);
	assert_int_equal(s.queue_max, 128);
	assert_int_equal(s.t, 3000);
	assert_int_equal(
		listener_fullest_since(of(&l, 80), 3500).queue, 129); /* still so at 3500 */
	assert_int_equal(listener_fullest_since(of(&l, 80), 4000).queue, 60);
	assert_int_equal(listener_fullest_since(of(&l, 80), 9000).queue, 2);
	listeners_fini(&l);
}

/* More listeners than are kept, the same at every poll: nobody came, nobody went. */
static void test_more_than_fit(void **state)
{
	enum {
		MANY = LISTENERS_MAX + 500,
	};
	static struct socket_row rows[MANY];
	struct listeners l;
	struct watch w = {0};

	(void)state;
	listeners_init(&l, key);
	for (uint32_t i = 0; i < MANY; i++)
		rows[i] = row(i + 1, (uint16_t)(i + 1000));
	listeners_poll(&l, 1000, rows, MANY, on_change, &w);
	w = (struct watch){0};
	for (int64_t t = 2000; t <= 5000; t += 1000)
		listeners_poll(&l, t, rows, MANY, on_change, &w);
	expect(w.came == 0 && w.went == 0, "%d came and %d went in 4 polls without a change",
		w.came, w.went);
	listeners_fini(&l);
}

/* Gone ones leave before live ones when room is needed. */
static void test_live_ones_stay(void **state)
{
	struct listeners l;
	struct watch w = {0};

	(void)state;
	listeners_init(&l, key);
	for (uint32_t i = 0; i < 3 * LISTENERS_GONE; i++) {
		struct socket_row rows[] = {row(1, 80), row(1000 + i, 90)};

		listeners_poll(&l, 1000 + i, rows, 2, on_change, &w);
		listeners_destroyed(&l, 1000 + i, 1000 + i);
	}
	assert_non_null(of(&l, 80));
	assert_int_equal(of(&l, 80)->up, 1000);
	assert_true(table_used(l.table) <= LISTENERS_GONE + 1);
	assert_int_equal(w.came, 3 * LISTENERS_GONE + 1);
	listeners_fini(&l);
}

/* Of a snapshot that has not all, what is missing has not gone, but for the port that it has whole. */
static void test_some(void **state)
{
	struct socket_row rows[] = {row(1, 80), row(2, 443), row(3, 90), row(4, 100), row(5, 110)};
	struct listeners l;
	struct watch w = {0};

	(void)state;
	listeners_init(&l, key);
	listeners_poll(&l, 1000, rows, 3, on_change, &w);
	assert_int_equal(of(&l, 80)->absent, 0);
	assert_true(listeners_poll_some(&l, 2000, rows + 3, 1, 90, on_change, &w)); /* 90 is not sure yet */
	assert_false(listeners_poll_some(&l, 3000, rows + 3, 2, 90, on_change, &w));
	assert_int_equal(of(&l, 80)->gone, 0);
	assert_int_equal(of(&l, 443)->gone, 0);
	assert_int_equal(of(&l, 90)->gone, 3000);
	assert_int_equal(of(&l, 100)->absent, 1000);
	/* Who is first seen may have been there: that it was not is not known of any moment that counts. */
	assert_int_equal(of(&l, 110)->up, 3000);
	assert_int_equal(of(&l, 110)->absent, 1);
	listeners_poll_some(&l, 4000, rows, 5, 0, on_change, &w);
	listeners_poll(&l, 5000, rows, 1, on_change, &w);
	listeners_poll(&l, 6000, rows, 1, on_change, &w);
	assert_int_equal(of(&l, 80)->gone, 0);
	assert_int_equal(of(&l, 100)->gone, 6000);
	listeners_fini(&l);
}

/* Chains by port and by inode, as listeners come, go and are forgotten. */
static void test_chains(void **state)
{
	enum {
		N = 4 * LISTENERS_GONE,
	};
	static struct socket_row rows[N];
	struct listeners l;
	struct watch w = {0};
	uint32_t live = 0, of_port = 0;

	(void)state;
	listeners_init(&l, key);
	for (uint32_t i = 0; i < N; i++) {
		rows[i] = row(i + 1, (uint16_t)(80 + i % 3));
		rows[i].inode = 7 * i + 1;
	}
	listeners_poll(&l, 1000, rows, N, on_change, &w);
	for (uint32_t i = 0; i < N; i += 2)
		listeners_destroyed(&l, 1500, i + 1);
	for (uint32_t i = 0; i < N; i++) /* others come, so that those that went are forgotten */
		rows[i].cookie += i % 2 ? 0 : N, rows[i].inode += i % 2 ? 0 : 7 * N;
	listeners_poll(&l, 2000, rows, N, on_change, &w);
	for (uint16_t port = 80; port < 83; port++)
		for (struct listener *one = NULL; (one = listeners_next(&l, port, one)); of_port++)
			live += one->row.port == port && one->gone == 0;
	assert_int_equal(live, N);
	assert_int_equal(of_port, table_used(l.table));
	assert_true(table_used(l.table) <= N + LISTENERS_GONE);
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(listeners_of_inode(&l, rows[i].inode)->row.cookie, rows[i].cookie);
	assert_null(listeners_of_inode(&l, 2));
	assert_null(listeners_next(&l, 79, NULL));
	listeners_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_near),
		cmocka_unit_test(test_polls),
		cmocka_unit_test(test_one_absence_is_no_proof),
		cmocka_unit_test(test_back_after_two_absences),
		cmocka_unit_test(test_destroyed),
		cmocka_unit_test(test_queue_changes),
		cmocka_unit_test(test_drops_since),
		cmocka_unit_test(test_fullest_since),
		cmocka_unit_test(test_more_than_fit),
		cmocka_unit_test(test_live_ones_stay),
		cmocka_unit_test(test_some),
		cmocka_unit_test(test_chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
