/* soak.c - random segments, sockets, counters and clocks: nothing breaks, and the books balance. */
#include "unit.h"

#include "engine/state.h"
#include "event/stream.h"

enum {
	ROUNDS = 1500000,
	SEEDS = 3,
};

struct soak {
	struct sink sink;
	uint64_t seed, lines;
	struct event_tick last;
	int64_t told; /* attempts in lines that are no repetition */
};

/* Each line can be written, and read again; nothing counts below zero, and totals only grow. */
static void on_event(struct sink *sink, const struct event *ev)
{
	static char line[STREAM_LINE];
	struct soak *s = (struct soak *)(void *)sink;
	struct event back;
	int n;

	if (s->lines++ % 16 == 0) {
		n = stream_format(ev, line, sizeof(line));
		assert_true(n > 0);
		assert_int_equal(stream_parse(line, (size_t)n - 1, &back), 0);
		expect(memcmp(&back, ev, sizeof(back)) == 0, "%s", line);
	}
	switch (ev->type) {
	case EVENT_PORT:
		for (const int64_t *p = &ev->port.syn; p <= &ev->port.icmp_out; p++)
			assert_true(*p >= 0);
		break;
	case EVENT_TICK:
		for (size_t i = 0; i < sizeof(ev->tick) / sizeof(int64_t); i++)
			assert_true((&ev->tick.attempts)[i] >= 0);
		assert_true(ev->tick.attempts >= s->last.attempts);
		assert_true(ev->tick.accepted >= s->last.accepted);
		assert_true(ev->tick.refused >= s->last.refused);
		assert_true(ev->tick.evicted >= s->last.evicted);
		s->last = ev->tick;
		break;
	case EVENT_ATTEMPT:
	case EVENT_RESET:
		assert_true(ev->attempt.count >= 1);
		assert_true(ev->attempt.syns >= (strcmp(ev->attempt.outcome, "refused") == 0 ||
							strcmp(ev->attempt.outcome, "silent") == 0));
		assert_true(ev->attempt.first <= ev->attempt.last || ev->attempt.count > 0);
		assert_true(ev->attempt.failures >= 0 && ev->attempt.retry_interval >= 0);
		break;
	default:
		break;
	}
}

static struct ip address(struct soak *s, bool v6)
{
	struct ip ip = {{0}};

	if (v6) {
		ip.b[0] = 0x20;
		ip.b[1] = 1;
		ip.b[15] = (uint8_t)random_below(&s->seed, 6);
		return ip;
	}
	return ip_from_v4((uint8_t[4]){
		198, 51, (uint8_t)random_below(&s->seed, 3), (uint8_t)random_below(&s->seed, 4)});
}

static void random_connection(struct soak *s, struct connection *c)
{
	bool v6 = random_below(&s->seed, 4) == 0;

	memset(c, 0, sizeof(*c));
	c->row.state = SOCKET_OPEN;
	c->row.cookie = 100 + random_below(&s->seed, 60);
	c->row.addr = address(s, v6);
	c->row.peer = address(s, v6);
	c->row.port = (uint16_t)(80 + random_below(&s->seed, 6));
	c->row.peer_port = (uint16_t)(random_below(&s->seed, 8) ? 80 + random_below(&s->seed, 6) : 0);
	c->row.inode = random_below(&s->seed, 3);
	c->row.queue = random_below(&s->seed, 3);
	c->row.queue_max = random_below(&s->seed, 3);
	c->retransmits = (uint8_t)random_below(&s->seed, 4);
	c->probes = (uint8_t)random_below(&s->seed, 3);
	c->mss = random_below(&s->seed, 1500);
	c->sacked = random_below(&s->seed, 3);
	c->window = (int32_t)random_below(&s->seed, 3000) - 1;
	c->data_in = random_below(&s->seed, 5);
	c->received = random_below(&s->seed, 2);
	c->acked = random_below(&s->seed, 2);
}

static void list_connections(struct soak *s, const struct question *q, struct answer *ret)
{
	static struct connection some[20];

	ret->connections = some;
	ret->n_connections = random_below(&s->seed, COUNT(some) + 1);
	for (size_t i = 0; i < ret->n_connections; i++) {
		random_connection(s, &some[i]);
		if (q->port)
			some[i].row.port = q->port;
	}
}

static bool on_question(void *ctx, const struct question *q, struct answer *ret)
{
	struct soak *s = ctx;

	if (random_below(&s->seed, 4) == 0)
		return false;
	memset(ret, 0, sizeof(*ret));
	if (q->kind == ASK_CONNECTIONS || q->kind == ASK_CONNECTION)
		list_connections(s, q, ret);
	ret->routing.in = (enum route)random_below(&s->seed, ROUTE_PROHIBITED + 1);
	ret->routing.back = (enum route)random_below(&s->seed, ROUTE_PROHIBITED + 1);
	ret->routing.neighbour = (enum neighbour)random_below(&s->seed, NEIGHBOUR_FAILED + 1);
	ret->routing.next_hop = address(s, false);
	ret->routing.forwarding = (int)random_below(&s->seed, 3) - 1;
	ret->routing.rp_filter = (int)random_below(&s->seed, 3) - 1;
	ret->process.pid = (int32_t)random_below(&s->seed, 2);
	ret->process.state = "RSTtZ"[random_below(&s->seed, 5)];
	ret->process.fds = random_below(&s->seed, 3);
	ret->process.fds_max = random_below(&s->seed, 3);
	ret->n = random_below(&s->seed, 300);
	ret->n_max = random_below(&s->seed, 300);
	ret->cookies = (int)random_below(&s->seed, 3);
	ret->found = random_below(&s->seed, 2);
	ret->row.state = (uint8_t)random_below(&s->seed, SOCKET_UDP + 1);
	ret->row.port = q->port;
	ret->complete = random_below(&s->seed, 2);
	ret->bound.is = random_below(&s->seed, 3);
	ret->udp.is = random_below(&s->seed, 3);
	ret->outgoing.is = random_below(&s->seed, 3);
	return true;
}

static const char *on_interface(void *ctx, uint32_t ifindex, char buf[static 32])
{
	(void)ctx;
	snprintf(buf, 32, "if%u", ifindex);
	return buf;
}

static uint32_t sequence(struct soak *s)
{
	static const uint32_t some[] = {0, 1, 2, 1000, 1001, 0x7fffffff, 0x80000000u, 0xffffffffu};

	return some[random_below(&s->seed, COUNT(some))];
}

/* Mostly of a few 4-tuples, so that whole connections come about. */
static struct segment random_segment(struct soak *s, int64_t t, bool wide)
{
	static const uint8_t flags[] = {TCP_SYN, TCP_SYN, TCP_SYN, TCP_SYN | TCP_ACK,
		TCP_SYN | TCP_ACK, TCP_RST, TCP_RST | TCP_ACK, TCP_RST | TCP_ACK, TCP_FIN | TCP_ACK,
		TCP_FIN | TCP_ACK, TCP_ACK, TCP_PSH | TCP_ACK, 0, 0x3f, TCP_SYN | TCP_FIN, TCP_SYN | TCP_RST};
	struct segment seg = {.t = t};

	seg.v6 = random_below(&s->seed, 4) == 0;
	seg.src = address(s, seg.v6);
	seg.dst = address(s, seg.v6);
	seg.sport = (uint16_t)(wide ? random_next(&s->seed) : 80 + random_below(&s->seed, 6));
	seg.dport = (uint16_t)(wide ? random_next(&s->seed) : 80 + random_below(&s->seed, 6));
	if (wide && random_below(&s->seed, 2))
		seg.dport = 80;
	seg.seq = sequence(s);
	seg.ack = sequence(s);
	seg.ifindex = random_below(&s->seed, 3);
	seg.payload = random_below(&s->seed, 3) ? 0 : (uint16_t)random_next(&s->seed);
	seg.way = (uint8_t)random_below(&s->seed, random_below(&s->seed, 10) ? 3 : 4);
	seg.bad_tcp_sum = random_below(&s->seed, 8) == 0;
	seg.bad_ip_sum = random_below(&s->seed, 8) == 0;
	seg.window = (uint16_t)(random_below(&s->seed, 8) ? 64240 : 0);
	seg.ttl = (uint8_t)(62 + random_below(&s->seed, 4));
	seg.flags = flags[random_below(&s->seed, COUNT(flags))];
	if (random_below(&s->seed, 12) == 0) {
		seg.kind = SEGMENT_ICMP;
		seg.icmp_from = address(s, seg.v6);
		seg.icmp_type = seg.v6 ? 1 : 3;
		seg.icmp_code = (uint8_t)random_below(&s->seed, 16);
	} else if (random_below(&s->seed, 40) == 0) {
		seg.kind = random_below(&s->seed, 4) ? SEGMENT_WHO_HAS : SEGMENT_IS_AT;
	}
	return seg;
}

static void random_poll(struct soak *s, struct engine *e, int64_t t)
{
	struct socket_row rows[12];
	size_t n = random_below(&s->seed, COUNT(rows) + 1);

	memset(rows, 0, sizeof(rows));
	for (size_t i = 0; i < n; i++) {
		rows[i].state = SOCKET_LISTEN;
		rows[i].cookie = 1 + random_below(&s->seed, 40);
		rows[i].port = (uint16_t)(80 + rows[i].cookie % 8);
		rows[i].inode = (uint32_t)rows[i].cookie;
		rows[i].v6 = rows[i].cookie % 3 == 0;
		rows[i].v6only = rows[i].cookie % 6 == 0;
		if (rows[i].cookie % 2)
			rows[i].addr = address(s, rows[i].v6);
		else if (!rows[i].v6)
			rows[i].addr = ip_from_v4("\0\0\0\0");
		rows[i].queue = random_below(&s->seed, 8);
		rows[i].queue_max = 4;
		rows[i].drops = random_below(&s->seed, 20);
	}
	engine_sockets(e, t, rows, n);
}

static void random_counters(struct soak *s, struct engine *e, int64_t t)
{
	static struct counters c;

	c.t = t;
	for (int i = 0; i < COUNTER_COUNT; i++)
		c.v[i] += random_below(&s->seed, 8) == 0;
	engine_counters(e, &c);
}

/* The destroy multicast tells of a connection, or of one whose peer is not known any more. */
static void random_gone(struct soak *s, struct engine *e, int64_t t)
{
	struct connection c;

	random_connection(s, &c);
	c.closed = true;
	engine_socket_gone(e, t, &c);
}

/* No more looks than there is room for, each once. */
static void check_looks(struct engine *e)
{
	struct look looks[LOOKS_MAX];
	uint64_t generation;
	size_t n = engine_looks(e, looks, &generation);

	assert_true(n <= LOOKS_MAX);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			assert_false(looks[i].port == looks[k].port && ip_equal(&looks[i].ip, &looks[k].ip));
}

/* The engine's own books: what each port and the whole count as half open is what the table holds.
 */
static void check_books(struct engine *e, bool whole)
{
	static uint32_t half[65536];
	uint32_t total = 0;
	size_t n = 0;

	memset(half, 0, sizeof(half));
	for (struct attempt *a = NULL; (a = table_next(e->attempts, a)); n++) {
		bool counted = a->stage == STAGE_SYN || a->stage == STAGE_ANSWERED ||
			       a->stage == STAGE_REFUSED || a->stage == STAGE_UNREACHABLE;

		expect(a->counted == counted, "an attempt in stage %d", a->stage);
		half[a->key.server_port] += counted;
		total += counted;
		assert_true(a->syns >= 1 || a->unknown);
	}
	assert_int_equal(n, table_used(e->attempts));
	expect(e->half_open == total, "%u half open, %u in the table", e->half_open, total);
	for (struct port *p = NULL; whole && (p = table_next(e->ports, p));)
		expect(p->half_open == half[p->c.port], "port %u: %u half open, %u in the table",
			(unsigned)p->c.port, p->half_open, half[p->c.port]);
	assert_true(wheel_pending(e->deadlines) <= table_used(e->attempts));
}

static void soak(uint64_t seed, bool wide)
{
	static const struct event_hello hello = {.schema = EVENT_SCHEMA};
	struct soak s = {.sink.event = on_event, .seed = seed};
	struct engine_config config = {.key = {{seed, 2}},
		.sink = &s.sink,
		.interval = USEC,
		.netns = "",
		.ttl = 64,
		.ask = on_question,
		.interface = on_interface,
		.ctx = &s};
	struct engine *e = engine_new(&config);
	struct ip local[6];
	int64_t t = INT64_C(1700000000) * USEC;

	assert_non_null(e);
	for (int i = 0; i < 6; i++)
		local[i] = address(&s, i % 3 == 0);
	engine_addresses(e, local, 6, true);
	engine_hello(e, t, &hello);
	for (int i = 0; i < ROUNDS; i++) {
		struct segment seg;
		uint32_t dice = random_below(&s.seed, 4000);

		t += random_below(&s.seed, wide ? 50 : 4000);
		seg = random_segment(&s, t - random_below(&s.seed, 2000), wide);
		engine_segment(e, &seg);
		if (dice < 100)
			engine_advance(e, t);
		else if (dice < 104)
			random_poll(&s, e, t);
		else if (dice < 110)
			random_counters(&s, e, t);
		else if (dice < 112)
			engine_socket_gone(e, t, &(struct connection){.row.cookie = 1 + random_below(&s.seed, 40)});
		else if (dice >= 200 && dice < 220)
			random_gone(&s, e, t);
		else if (dice < 114)
			engine_owner(e, 1 + random_below(&s.seed, 40),
				&(struct owner){.pid = (int)dice});
		else if (dice < 115)
			engine_capture_stats(e, (uint64_t)i, (uint64_t)i / 100000);
		else if (dice == 115 && i % 7 == 0)
			t += (int64_t)random_below(&s.seed, 200) * USEC -
			     60 * USEC; /* the clock is set */
		else if (dice == 116)
			engine_addresses(
				e, local, random_below(&s.seed, 7), random_below(&s.seed, 8) != 0);
		(void)engine_wants_poll(e);
		if (i % 1000 == 0)
			check_looks(e);
		if (i % 50000 == 0)
			check_books(e, !wide);
	}
	for (int i = 0; i < 4000; i++) {
		t += 100000;
		engine_advance(e, t);
	}
	check_books(e, !wide);
	engine_bye(e, t, "end");
	engine_free(e);
}

static void test_narrow(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		soak(seed, false);
}

/* All ports and many 4-tuples: tables overflow. */
static void test_wide(void **state)
{
	(void)state;
	for (uint64_t seed = 101; seed < 101 + SEEDS; seed++)
		soak(seed, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_wide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
