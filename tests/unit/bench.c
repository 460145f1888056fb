/* bench.c - a host made up for the engine's tests. */
#include "bench.h"

#include "unit.h"

static void check_port(struct bench *b, const struct event_port *p)
{
	const int64_t *numbers = &p->syn;

	for (size_t i = 0; i < (sizeof(*p) - offsetof(struct event_port, syn)) / sizeof(int64_t);
		i++)
		b->negative |= numbers[i] < 0;
	b->ports[p->port] = *p;
}

static void on_event(struct sink *sink, const struct event *ev)
{
	struct bench *b = (struct bench *)(void *)sink;
	const int64_t *numbers = &ev->tick.attempts;

	b->total++;
	switch (ev->type) {
	case EVENT_PORT:
		check_port(b, &ev->port);
		return;
	case EVENT_TICK:
		for (size_t i = 0; i < sizeof(ev->tick) / sizeof(int64_t); i++)
			b->negative |= numbers[i] < 0;
		b->tick = ev->tick;
		return;
	default:
		break;
	}
	if (b->n == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 64;
		b->events = realloc(b->events, b->cap * sizeof(*b->events));
		assert_non_null(b->events);
	}
	b->events[b->n++] = *ev;
}

static bool on_question(void *ctx, const struct question *q, struct answer *ret)
{
	struct bench *b = ctx;

	if (q->kind == ASK_PORT) {
		b->asked_port++;
		*ret = b->port_answer;
		return b->port_answer.complete;
	}
	if (q->kind == ASK_ROUTE) {
		ret->routing = b->routing;
		return b->routing.in != ROUTE_UNKNOWN;
	}
	if (q->kind != ASK_LOOKUP)
		return false;
	b->asked_lookup++;
	if (b->lookup)
		return b->lookup(b, q, ret);
	ret->found = false;
	for (size_t i = 0; i < b->n_rows; i++)
		if (b->rows[i].port == q->port) {
			ret->found = true;
			ret->row = b->rows[i];
		}
	return true;
}

static const char *on_interface(void *ctx, uint32_t ifindex, char buf[static 32])
{
	(void)ctx;
	snprintf(buf, 32, "eth%u", ifindex);
	return buf;
}

static struct ip ip(const char *text)
{
	struct ip a;

	expect(ip_parse(text, &a) == 0, "%s", text);
	return a;
}

struct bench *bench_new_with(const struct engine_config *config)
{
	static const struct event_hello hello = {.schema = EVENT_SCHEMA};
	struct bench *b = calloc(1, sizeof(*b));
	struct ip local[2];
	struct engine_config c = *config;

	assert_non_null(b);
	b->sink.event = on_event;
	b->t = BENCH_EPOCH;
	b->poll_interval = USEC;
	b->port_answer.complete = true;
	b->routing = (struct routing){.in = ROUTE_LOCAL, .back = ROUTE_UNICAST, .neighbour = NEIGHBOUR_ANSWERS};
	c.sink = &b->sink;
	c.ctx = b;
	if (!c.ask)
		c.ask = on_question;
	c.interface = on_interface;
	b->e = engine_new(&c);
	assert_non_null(b->e);
	local[0] = ip("198.51.100.2");
	local[1] = ip("2001:db8::2");
	engine_addresses(b->e, local, 2, true);
	engine_hello(b->e, b->t, &hello);
	for (int i = 0; i < COUNTER_COUNT; i++)
		b->counters.v[i] = 1000;
	return b;
}

void bench_gone(struct bench *b, uint64_t cookie)
{
	engine_socket_gone(b->e, b->t, &(struct connection){.row.cookie = cookie});
}

struct bench *bench_new(void)
{
	return bench_new_with(
		&(struct engine_config){.key = {{1, 2}}, .interval = USEC, .netns = "", .ttl = 64});
}

void bench_free(struct bench *b)
{
	assert_false(b->negative);
	engine_free(b->e);
	free(b->events);
	free(b);
}

void bench_poll(struct bench *b)
{
	b->counters.t = b->t;
	engine_counters(b->e, &b->counters);
	engine_sockets(b->e, b->t, b->rows, b->n_rows);
	b->last_poll = b->t;
	b->next_poll = b->t + b->poll_interval;
}

void bench_run(struct bench *b, int64_t usec)
{
	int64_t end = b->t + usec;

	for (;;) {
		engine_advance(b->e, b->t);
		if (!b->no_polls &&
			(b->t >= b->next_poll || b->t < b->last_poll ||
				(b->t >= b->last_poll + 50000 && engine_wants_poll(b->e))))
			bench_poll(b);
		if (b->t >= end)
			break;
		b->t += end - b->t < 20000 ? end - b->t : 20000;
	}
}

struct socket_row *bench_listen(struct bench *b, const char *addr, uint16_t port)
{
	static uint64_t cookie = 100;
	struct socket_row *r = &b->rows[b->n_rows++];

	assert_true(b->n_rows <= BENCH_ROWS);
	cookie++;
	*r = (struct socket_row){.state = SOCKET_LISTEN,
		.addr = ip(addr),
		.port = port,
		.cookie = cookie,
		.inode = (uint32_t)cookie,
		.queue_max = 128,
		.v6 = strchr(addr, ':')};
	return r;
}

void bench_unlisten(struct bench *b, uint16_t port)
{
	for (size_t i = 0; i < b->n_rows; i++)
		if (b->rows[i].port == port)
			b->rows[i--] = b->rows[--b->n_rows];
}

struct flow flow_in(const char *client, uint16_t sport, const char *server, uint16_t dport)
{
	return (struct flow){.client = ip(client),
		.server = ip(server),
		.sport = sport,
		.dport = dport,
		.isn = BENCH_CLIENT_ISN,
		.server_isn = BENCH_SERVER_ISN,
		.ttl = 64,
		.ifindex = 2};
}

struct flow flow_out(const char *server, uint16_t dport, uint16_t sport)
{
	struct flow f =
		flow_in(strchr(server, ':') ? "2001:db8::2" : "198.51.100.2", sport, server, dport);

	f.out = true;
	return f;
}

static struct segment segment(
	const struct bench *b, const struct flow *f, bool by_client, uint8_t flags)
{
	return (struct segment){
		.t = b->t,
		.src = by_client ? f->client : f->server,
		.dst = by_client ? f->server : f->client,
		.sport = by_client ? f->sport : f->dport,
		.dport = by_client ? f->dport : f->sport,
		.ifindex = f->ifindex,
		.window = 64240,
		.kind = SEGMENT_TCP,
		.way = by_client == f->out ? WAY_OUT : WAY_IN,
		.flags = flags,
		.ttl = by_client ? 57 : f->ttl,
		.v6 = !ip_is_v4(&f->server),
	};
}

void flow_syn(struct bench *b, const struct flow *f)
{
	struct segment s = segment(b, f, true, TCP_SYN);

	s.seq = f->isn;
	engine_segment(b->e, &s);
}

void flow_syn_ack(struct bench *b, const struct flow *f)
{
	struct segment s = segment(b, f, false, TCP_SYN | TCP_ACK);

	s.seq = f->server_isn;
	s.ack = f->isn + 1;
	engine_segment(b->e, &s);
}

void flow_rst_to_syn(struct bench *b, const struct flow *f)
{
	struct segment s = segment(b, f, false, TCP_RST | TCP_ACK);

	s.ack = f->isn + 1;
	s.window = 0;
	engine_segment(b->e, &s);
}

void flow_icmp(struct bench *b, const struct flow *f, const char *from, uint8_t type, uint8_t code)
{
	struct segment s = segment(b, f, true, TCP_SYN);

	s.kind = SEGMENT_ICMP;
	s.seq = f->isn;
	s.icmp_from = ip(from);
	s.icmp_type = type;
	s.icmp_code = code;
	s.ttl = 64;
	s.way = f->out ? WAY_IN : WAY_OUT;
	engine_segment(b->e, &s);
}

void flow_send(struct bench *b, const struct flow *f, bool by_client, uint8_t flags,
	uint32_t client_bytes, uint32_t server_bytes)
{
	struct segment s = segment(b, f, by_client, flags);

	s.seq = by_client ? f->isn + 1 + client_bytes : f->server_isn + 1 + server_bytes;
	if (flags & TCP_ACK)
		s.ack = by_client ? f->server_isn + 1 + server_bytes : f->isn + 1 + client_bytes;
	engine_segment(b->e, &s);
}

void flow_refused(struct bench *b, const struct flow *f)
{
	flow_syn(b, f);
	b->t += 100;
	flow_rst_to_syn(b, f);
	b->counters.v[COUNTER_OUT_RSTS]++;
}

static bool is_about(const struct event *ev, uint16_t port)
{
	return (ev->type == EVENT_ATTEMPT || ev->type == EVENT_RESET) &&
	       (!port || ev->attempt.port == port);
}

const struct event_attempt *bench_attempt(const struct bench *b, uint16_t port)
{
	for (size_t i = b->n; i > 0; i--)
		if (is_about(&b->events[i - 1], port))
			return &b->events[i - 1].attempt;
	return NULL;
}

size_t bench_attempts(const struct bench *b, uint16_t port)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += is_about(&b->events[i], port);
	return n;
}

int64_t bench_told(const struct bench *b, uint16_t port)
{
	int64_t sum = 0;

	for (size_t i = 0; i < b->n; i++) {
		bool replaced = false;

		if (!is_about(&b->events[i], port))
			continue;
		for (size_t k = i + 1; k < b->n && !replaced; k++)
			replaced = is_about(&b->events[k], port) &&
				   b->events[k].attempt.id == b->events[i].attempt.id;
		if (!replaced)
			sum += b->events[i].attempt.count;
	}
	return sum;
}
