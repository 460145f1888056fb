/*
 * engine.c - fuzzes the engine with packets of a wire: each record is a byte of what to do, a byte
 * of how much time passes, and for a packet its length and its bytes (Linux cooked capture, version
 * 2).
 */
#include "collect/decode.h"
#include "engine/engine.h"
#include "event/stream.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum {
	DO_PACKET,
	DO_ADVANCE,
	DO_POLL,
	DO_GONE,
	DO_COUNTERS,
	DO_DESTROYED,
	DO_ADDRESSES,
	DO_KINDS,
};

static void on_event(struct sink *sink, const struct event *ev)
{
	static char line[STREAM_LINE];

	(void)sink;
	if (stream_format(ev, line, sizeof(line)) <= 0)
		abort();
}

/* One of a few, so that destroyed ones and waiting ones are those whose packets were seen. */
static struct connection a_connection(uint8_t mood)
{
	struct connection c;

	memset(&c, 0, sizeof(c));
	c.row.state = SOCKET_OPEN;
	c.row.cookie = 100 + mood % 8;
	c.row.addr = ip_from_v4("\xc6\x33\x64\x02");
	c.row.peer = ip_from_v4("\xcb\0\x71\x07");
	c.row.port = mood & 64 ? 80 : 443;
	c.row.peer_port = mood & 128 ? 0 : 40000;
	c.row.inode = mood & 1;
	c.row.queue = mood % 3;
	c.row.queue_max = mood % 5;
	c.retransmits = mood % 4;
	c.probes = mood % 2;
	c.mss = 1448;
	c.sacked = mood % 3;
	c.window = mood % 7 - 1;
	c.data_in = mood;
	return c;
}

static void set_addresses(struct engine *e, uint8_t mood)
{
	const struct ip local[3] = {
		ip_from_v4("\xc6\x33\x64\x02"), ip_from_v4("\xc6\x33\x64\x03"), ip_from_v4("\xcb\0\x71\x07")};

	engine_addresses(e, local, mood % 4, !(mood & 64));
}

static void check_looks(const struct engine *e)
{
	struct look looks[LOOKS_MAX];
	uint64_t generation;

	if (engine_looks(e, looks, &generation) > LOOKS_MAX)
		abort();
}

static bool on_question(void *ctx, const struct question *q, struct answer *ret)
{
	static struct connection some[4];
	uint8_t *mood = ctx;

	memset(ret, 0, sizeof(*ret));
	if (q->kind == ASK_CONNECTIONS) {
		ret->connections = some;
		ret->n_connections = *mood % 5;
		for (size_t i = 0; i < ret->n_connections; i++)
			some[i] = a_connection((uint8_t)(*mood + i));
	}
	ret->routing.in = (enum route)(*mood % (ROUTE_PROHIBITED + 1));
	ret->routing.back = (enum route)(*mood / 8 % (ROUTE_PROHIBITED + 1));
	ret->routing.neighbour = (enum neighbour)(*mood % (NEIGHBOUR_FAILED + 1));
	ret->routing.forwarding = *mood % 3 - 1;
	ret->process.pid = *mood & 1;
	ret->process.state = "RSTtZ"[*mood % 5];
	ret->process.fds = ret->n = *mood % 4;
	ret->process.fds_max = ret->n_max = *mood % 3;
	ret->found = *mood & 1;
	ret->row.state = (*mood >> 1) % (SOCKET_UDP + 1);
	ret->complete = *mood & 8;
	ret->bound = presence_of(*mood & 8);
	ret->udp.is = *mood % 3;
	return !(*mood & 16);
}

static void poll_sockets(struct engine *e, int64_t t, uint8_t mood)
{
	struct socket_row rows[3];

	memset(rows, 0, sizeof(rows));
	for (int i = 0; i < 3; i++) {
		rows[i].cookie = (uint64_t)i + 1;
		rows[i].port = (uint16_t)(i == 0 ? 443 : 80);
		rows[i].v6 = i == 1;
		rows[i].queue = mood & 7;
		rows[i].queue_max = 3;
		rows[i].drops = mood;
	}
	rows[0].addr = ip_from_v4("\x7f\0\0\1");
	engine_sockets(e, t, rows, mood % 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct sink sink = {on_event};
	uint8_t mood = 0;
	struct engine_config config = {.key = {{1, 2}},
		.sink = &sink,
		.interval = USEC,
		.netns = "",
		.ttl = 64,
		.ask = on_question,
		.ctx = &mood};
	static const struct event_hello hello = {.schema = EVENT_SCHEMA};
	struct engine *e = engine_new(&config);
	struct ip local = ip_from_v4("\xc6\x33\x64\x02");
	struct counters counters = {.t = 0};
	int64_t t = INT64_C(1700000000) * USEC;

	if (!e)
		return 0;
	engine_addresses(e, &local, 1, true);
	engine_hello(e, t, &hello);
	while (n >= 3) {
		uint8_t what = data[0] % DO_KINDS, length = data[2];
		struct segment s;

		t += (int64_t)data[1] * data[1] * 100;
		mood = data[2];
		data += 3;
		n -= 3;
		switch (what) {
		case DO_PACKET:
			if (length > n)
				length = (uint8_t)n;
			if (decode_packet(LINK_SLL2, data, length, &s) == 0) {
				s.t = t;
				engine_segment(e, &s);
			}
			data += length;
			n -= length;
			break;
		case DO_ADVANCE:
			engine_advance(e, t);
			check_looks(e);
			break;
		case DO_POLL:
			poll_sockets(e, t, mood);
			break;
		case DO_GONE:
			engine_socket_gone(e, t, &(struct connection){.row.cookie = mood % 4});
			break;
		case DO_DESTROYED: {
			struct connection c = a_connection(mood);

			engine_socket_gone(e, t, &c);
			break;
		}
		case DO_ADDRESSES:
			set_addresses(e, mood);
			break;
		case DO_COUNTERS:
			counters.t = t;
			counters.v[mood % COUNTER_COUNT]++;
			engine_counters(e, &counters);
			break;
		}
	}
	engine_advance(e, t + 200 * USEC);
	engine_bye(e, t, "end");
	engine_free(e);
	return 0;
}
