/* store.c - what the screens read, from events: history at every scale, peers, facts of the host, a frozen copy. */
#include "unit.h"

#include "base/text.h"
#include "store/store.h"

#define EPOCH (INT64_C(1700000000) * USEC)

static void send_event(struct store *s, const struct event *ev)
{
	s->sink.event(&s->sink, ev);
}

static void send_port(struct store *s, int64_t t, int64_t port, int64_t accepted, int64_t refused)
{
	struct event ev = {.type = EVENT_PORT, .t = t};

	ev.port.port = port;
	ev.port.syn = accepted + refused;
	ev.port.accepted = accepted;
	ev.port.refused = refused;
	send_event(s, &ev);
}

static void send_attempts(struct store *s, int64_t t, int64_t id, int64_t port, const char *outcome, int64_t count)
{
	struct event ev = {.type = EVENT_ATTEMPT, .t = t + USEC}; /* told a second later */

	ev.attempt.id = id;
	ev.attempt.port = port;
	ev.attempt.count = count;
	ev.attempt.first = ev.attempt.last = t;
	text_copy(ev.attempt.peer, sizeof(ev.attempt.peer), "192.0.2.1");
	text_copy(ev.attempt.dir, sizeof(ev.attempt.dir), "in");
	text_copy(ev.attempt.outcome, sizeof(ev.attempt.outcome), outcome);
	text_copy(ev.attempt.cause, sizeof(ev.attempt.cause), strcmp(outcome, "accepted") == 0 ? "none" : "no-listener");
	send_event(s, &ev);
}

static void send_tick(struct store *s, int64_t t)
{
	struct event ev = {.type = EVENT_TICK, .t = t};

	send_event(s, &ev);
}

static void send_listener(struct store *s, int64_t t, int64_t id, int64_t port, const char *what, int64_t queue)
{
	struct event ev = {.type = EVENT_LISTENER, .t = t};

	ev.listener.id = id;
	ev.listener.port = port;
	ev.listener.queue = queue;
	text_copy(ev.listener.event, sizeof(ev.listener.event), what);
	text_copy(ev.listener.reach, sizeof(ev.listener.reach), "everyone");
	send_event(s, &ev);
}

static void send_failure(struct store *s, int64_t t, int64_t id, int64_t port, const char *peer)
{
	struct event ev = {.type = EVENT_ATTEMPT, .t = t};

	ev.attempt.id = id;
	ev.attempt.port = port;
	ev.attempt.count = 1;
	ev.attempt.first = ev.attempt.last = t;
	text_copy(ev.attempt.peer, sizeof(ev.attempt.peer), peer);
	text_copy(ev.attempt.dir, sizeof(ev.attempt.dir), "in");
	text_copy(ev.attempt.outcome, sizeof(ev.attempt.outcome), "refused");
	text_copy(ev.attempt.cause, sizeof(ev.attempt.cause), "no-listener");
	send_event(s, &ev);
}

/* What happened is in the slot of its own time, not of the moment at which it was told, at each scale. */
static void test_history(void **state)
{
	struct store *s = store_new();
	const struct history_slot *slot;

	(void)state;
	for (int i = 0; i < 25; i++) {
		send_port(s, EPOCH + i * USEC, 80, i + 1, 2 * (i + 1));
		send_attempts(s, EPOCH + i * USEC, 2 * i + 1, 80, "accepted", 1);
		send_attempts(s, EPOCH + i * USEC, 2 * i + 2, 80, "refused", 2);
		send_tick(s, EPOCH + i * USEC);
	}
	slot = history_at(s->history, 80, 0, EPOCH + 7 * USEC);
	assert_int_equal(slot->accepted, 1);
	assert_int_equal(slot->refused, 2);
	slot = history_at(s->history, 80, 1, EPOCH + 7 * USEC);
	assert_int_equal(slot->accepted, 10);
	assert_int_equal(slot->refused, 20);
	assert_null(history_at(s->history, 80, 0, EPOCH + 30 * USEC));
	assert_null(history_at(s->history, 81, 0, EPOCH));
	/* A ring of time: a slot from a turn before is not mistaken for this one. */
	assert_null(history_at(s->history, 80, 0, EPOCH + (7 + HISTORY_SLOTS) * USEC));
	store_free(s);
}

static void test_listeners_come_and_go(void **state)
{
	struct store *s = store_new();

	(void)state;
	send_listener(s, EPOCH, 1, 80, "found", 0);
	send_listener(s, EPOCH + 5 * USEC, 1, 80, "down", 0);
	send_listener(s, EPOCH + 6 * USEC, 2, 80, "up", 3);
	assert_int_equal(store_port(s, 80)->listeners, 1);
	assert_int_equal(store_port(s, 80)->ups, 1);
	assert_int_equal(store_port(s, 80)->downs, 1);
	assert_int_equal(history_at(s->history, 80, 0, EPOCH + 5 * USEC)->down, 1);
	assert_int_equal(history_at(s->history, 80, 0, EPOCH + 6 * USEC)->up, 1);
	send_tick(s, EPOCH + 7 * USEC); /* the queue stays as long as it is */
	assert_int_equal(history_at(s->history, 80, 0, EPOCH + 7 * USEC)->queue, 3);
	store_free(s);
}

/* Many of one port, and many ports: who reaches farthest is found, and those that went are forgotten in the end. */
static void test_many_listeners(void **state)
{
	enum {
		N = 3 * STORE_GONE,
	};
	struct store *s = store_new(), *copy = store_new();
	int n = 0;

	(void)state;
	for (int i = 1; i <= N; i++)
		send_listener(s, EPOCH, i, i % 2 ? 80 : 1000 + i, "found", 0);
	assert_int_equal(store_port(s, 80)->listeners, N / 2);
	assert_non_null(store_listener(s, 80));
	for (int i = 1; i < N; i++)
		send_listener(s, EPOCH + USEC, i, i % 2 ? 80 : 1000 + i, "down", 0);
	store_copy(copy, s);
	for (int k = 0; k < 2; k++) {
		struct store *one = k ? copy : s;

		assert_int_equal(store_port(one, 80)->listeners, 0);
		assert_null(store_listener(one, 80));
		n = 0;
		for (const struct store_listener *l = NULL; (l = store_next_listener(one, 80, l)); n++)
			assert_int_equal(l->place, 80);
		assert_true(n > 0 && n <= STORE_GONE);
		assert_true(table_used(one->listeners) <= STORE_GONE + 1);
	}
	store_free(s);
	store_free(copy);
}

static void test_peers_and_their_findings(void **state)
{
	struct store *s = store_new();
	const struct store_peer *p;

	(void)state;
	send_failure(s, EPOCH, 1, 80, "192.0.2.1");
	send_failure(s, EPOCH + USEC, 2, 80, "192.0.2.2");
	send_failure(s, EPOCH + 2 * USEC, 1, 80, "192.0.2.1"); /* told again */
	p = store_peer(s, 80, "192.0.2.1");
	assert_int_equal(p->failed, 1);
	assert_int_equal(store_finding(s, p->finding)->attempt.id, 1);
	assert_int_equal(store_finding(s, store_peer(s, 80, "192.0.2.2")->finding)->attempt.id, 2);
	assert_null(store_peer(s, 81, "192.0.2.1"));
	store_free(s);
}

/* Served, and then it turns out that nobody accepted it: one connection, and it failed. */
static void test_served_after_all_not(void **state)
{
	struct store *s = store_new();

	(void)state;
	send_attempts(s, EPOCH, 7, 80, "accepted", 1);
	assert_int_equal(store_peer(s, 80, "192.0.2.1")->accepted, 1);
	send_failure(s, EPOCH + USEC, 7, 80, "192.0.2.1");
	assert_int_equal(store_peer(s, 80, "192.0.2.1")->accepted, 0);
	assert_int_equal(store_peer(s, 80, "192.0.2.1")->failed, 1);
	assert_int_equal(history_at(s->history, 80, 0, EPOCH)->accepted, 1);
	assert_null(history_at(s->history, 80, 0, EPOCH + USEC));
	store_free(s);
}

/* A scan of more ports than are kept: those that are listened on are kept, and say so. */
static void test_a_scan_hides_no_listener(void **state)
{
	struct store *s = store_new();

	(void)state;
	send_listener(s, EPOCH, 1, 443, "found", 0);
	for (int port = 1000; port < 1000 + 3 * STORE_PORTS; port++) {
		send_port(s, EPOCH, port, 0, 1);
		if (port % 256 == 0)
			send_tick(s, EPOCH);
	}
	assert_non_null(store_port(s, 443));
	assert_int_equal(store_port(s, 443)->listeners, 1);
	assert_non_null(store_listener(s, 443));
	store_free(s);
}

static void test_facts_of_the_host(void **state)
{
	struct store *s = store_new();
	struct event ev = {.type = EVENT_HOST, .t = EPOCH};

	(void)state;
	text_copy(ev.host.kind, sizeof(ev.host.kind), "sysctl");
	text_copy(ev.host.value, sizeof(ev.host.value), "4096");
	for (int i = 0; i < STORE_FACTS + 10; i++) {
		snprintf(ev.host.name, sizeof(ev.host.name), "name-%d", i);
		send_event(s, &ev);
	}
	assert_int_equal(s->n_facts, STORE_FACTS);
	text_copy(ev.host.name, sizeof(ev.host.name), "name-3");
	text_copy(ev.host.value, sizeof(ev.host.value), "128");
	send_event(s, &ev);
	assert_true(s->facts[3].changed);
	assert_false(s->facts[4].changed);
	assert_string_equal(s->facts[3].f.value, "128");
	store_free(s);
}

/* A copy stays what it was, whatever comes later, and is as good as the first. */
static void test_copy(void **state)
{
	struct store *s = store_new(), *frozen = store_new();

	(void)state;
	send_listener(s, EPOCH, 1, 80, "found", 0);
	send_port(s, EPOCH, 80, 5, 0);
	send_failure(s, EPOCH, 1, 80, "192.0.2.1");
	store_copy(frozen, s);
	send_port(s, EPOCH + USEC, 80, 9, 9);
	send_failure(s, EPOCH + USEC, 2, 443, "192.0.2.9");
	send_listener(s, EPOCH + USEC, 1, 80, "down", 0);
	assert_int_equal(store_port(frozen, 80)->c.accepted, 5);
	assert_null(store_port(frozen, 443));
	assert_int_equal(frozen->n_findings, 1);
	assert_non_null(store_listener(frozen, 80));
	assert_non_null(store_peer(frozen, 80, "192.0.2.1"));
	assert_null(store_peer(frozen, 443, "192.0.2.9"));
	assert_int_equal(history_at(frozen->history, 80, 0, EPOCH)->syn, 5);
	store_copy(frozen, s);
	assert_int_equal(store_port(frozen, 80)->c.accepted, 9);
	assert_null(store_listener(frozen, 80));
	store_free(frozen);
	assert_int_equal(store_port(s, 443)->finding, 3 - 1);
	store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_listeners_come_and_go),
		cmocka_unit_test(test_many_listeners),
		cmocka_unit_test(test_peers_and_their_findings),
		cmocka_unit_test(test_served_after_all_not),
		cmocka_unit_test(test_a_scan_hides_no_listener),
		cmocka_unit_test(test_facts_of_the_host),
		cmocka_unit_test(test_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
