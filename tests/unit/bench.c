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

static bool look_up(struct bench *b, const struct question *q, struct answer *ret)
{
	if (b->lookup)
		return b->lookup(b, q, ret);
	for (size_t i = 0; i < b->n_rows; i++)
		if (b->rows[i].port == q->port) {
			ret->found = true;
			ret->row = b->rows[i];
		}
	return true;
}

static bool list_connections(struct bench *b, const struct question *q, struct answer *ret)
{
	static struct connection some[BENCH_CONNECTIONS];

	b->last_walk = *q;
	ret->connections = some;
	ret->complete = true;
	for (size_t i = 0; i < b->n_connections; i++)
		if (q->port == 0 || b->connections[i].row.port == q->port)
			some[ret->n_connections++] = b->connections[i];
	return !b->no_connections;
}

static bool on_question(void *ctx, const struct question *q, struct answer *ret)
{
	struct bench *b = ctx;

	*ret = (struct answer){.found = false};
	b->asked[q->kind]++;
	switch (q->kind) {
	case ASK_POLL:
		break;
	case ASK_LOOKUP:
		return look_up(b, q, ret);
	case ASK_PORT:
		*ret = b->port_answer;
		return b->port_answer.complete;
	case ASK_ROUTE:
		ret->routing = b->routing;
		return b->routing.in != ROUTE_UNKNOWN;
	case ASK_PROCESS:
		if (b->process)
			ret->process = *b->process;
		return b->process != NULL;
	case ASK_SOURCE_PORTS:
	case ASK_MAC:
		return false;
	case ASK_CONNECTION:
		*ret = b->connection;
		return b->connection.found;
	case ASK_CONNECTIONS:
		return list_connections(b, q, ret);
	case ASK_HALF_OPEN:
		ret->n = b->half_open;
		ret->n_max = b->half_open_max;
		ret->cookies = b->cookies;
		return b->half_open_max > 0;
	case ASK_ELSEWHERE:
		*ret = b->elsewhere;
		return b->elsewhere.complete;
	case ASK_TARGET:
		*ret = b->target;
		return b->target.complete;
	case ASK_FIREWALL:
		ret->firewall = b->firewall;
		return b->firewall.complete;
	case ASK_FLOW:
		ret->flow = b->flow;
		return b->flow_known;
	case ASK_HOOKS:
		ret->hooks = b->hooks;
		return b->hooks.netfilter_known;
	case ASK_CONNTRACK:
		ret->n = b->conntrack;
		ret->n_max = b->conntrack_max;
		return b->conntrack_max > 0;
	}
	return false;
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

void bench_addresses(struct bench *b, const char *const *addrs, size_t n)
{
	struct ip local[8];

	assert_true(n <= COUNT(local));
	for (size_t i = 0; i < n; i++)
		local[i] = ip(addrs[i]);
	engine_addresses(b->e, local, n, true);
}

struct bench *bench_new_with(const struct engine_config *config)
{
	static const struct event_hello hello = {.schema = EVENT_SCHEMA};
	struct bench *b = calloc(1, sizeof(*b));
	static const char *const local[] = {HOST, HOST6};
	struct engine_config c = *config;

	assert_non_null(b);
	b->sink.event = on_event;
	b->t = BENCH_EPOCH;
	b->poll_interval = USEC;
	b->port_answer = (struct answer){.complete = true, .bound = {PRESENCE_NO}, .udp = {PRESENCE_NO},
		.outgoing = {PRESENCE_NO}};
	b->routing = (struct routing){.in = ROUTE_LOCAL, .back = ROUTE_UNICAST, .neighbour = NEIGHBOUR_ANSWERS};
	b->half_open_max = 1024;
	b->cookies = 1;
	b->elsewhere.complete = true;
	b->conntrack_max = 65536;
	c.sink = &b->sink;
	c.ctx = b;
	if (!c.ask)
		c.ask = on_question;
	c.interface = on_interface;
	b->e = engine_new(&c);
	assert_non_null(b->e);
	bench_addresses(b, local, 2);
	engine_hello(b->e, b->t, &hello);
	for (int i = 0; i < COUNTER_COUNT; i++)
		b->counters.v[i] = 1000;
	return b;
}

void bench_gone(struct bench *b, uint64_t cookie)
{
	engine_socket_gone(b->e, b->t, &(struct connection){.row.cookie = cookie});
}

void bench_own(struct bench *b, uint16_t port, const char *comm, int32_t pid)
{
	struct owner o = {.pid = pid};

	snprintf(o.comm, sizeof(o.comm), "%s", comm);
	for (size_t i = 0; i < b->n_rows; i++)
		if (b->rows[i].port == port)
			engine_owner(b->e, b->rows[i].inode, &o);
}

struct connection *bench_connect(struct bench *b, const struct flow *f)
{
	struct connection *c = &b->connections[b->n_connections++];

	assert_true(b->n_connections <= BENCH_CONNECTIONS);
	*c = (struct connection){.row = {.state = SOCKET_OPEN, .inode = 7000, .v6 = !ip_is_v4(&f->server)},
		.mss = 1448,
		.window = 64240};
	c->row.cookie = 1000 + b->n_connections;
	c->row.addr = f->server;
	c->row.peer = f->client;
	c->row.port = f->dport;
	c->row.peer_port = f->sport;
	return c;
}

void bench_destroyed(struct bench *b, const struct flow *f, const struct connection *c)
{
	struct connection own = *c;

	own.closed = true;
	own.row.state = SOCKET_OPEN;
	own.row.addr = f->out ? f->client : f->server;
	own.row.peer = f->out ? f->server : f->client;
	own.row.port = f->out ? f->sport : f->dport;
	own.row.peer_port = f->out ? f->dport : f->sport;
	engine_socket_gone(b->e, b->t, &own);
}

bool bench_looks_at(const struct bench *b, const char *addr, uint16_t port)
{
	struct look looks[LOOKS_MAX];
	uint64_t generation;
	size_t n = engine_looks(b->e, looks, &generation);
	struct ip a = ip(addr);

	for (size_t i = 0; i < n; i++)
		if (looks[i].port == port && ip_equal(&looks[i].ip, &a))
			return true;
	return false;
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
		if (!b->no_looks)
			engine_looks_taken(b->e, b->t, UINT64_MAX);
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

struct flow flow_to(uint16_t port)
{
	return flow_in(PEER, 40000, HOST, port);
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
	if (flags & TCP_RST && s.way == WAY_IN && b->lookup == answers_open) /* and the kernel has it no more */
		b->lookup = NULL;
}

void flow_data(struct bench *b, const struct flow *f, bool by_client, uint32_t client_bytes, uint32_t server_bytes,
	uint16_t payload)
{
	struct segment s = segment(b, f, by_client, TCP_PSH | TCP_ACK);

	s.seq = by_client ? f->isn + 1 + client_bytes : f->server_isn + 1 + server_bytes;
	s.ack = by_client ? f->server_isn + 1 + server_bytes : f->isn + 1 + client_bytes;
	s.payload = payload;
	engine_segment(b->e, &s);
}

void flow_say(struct bench *b, const struct flow *f, bool by_client, uint32_t client_bytes, uint32_t server_bytes,
	enum speech speech, uint16_t payload)
{
	struct segment s = segment(b, f, by_client, TCP_PSH | TCP_ACK);

	s.seq = by_client ? f->isn + 1 + client_bytes : f->server_isn + 1 + server_bytes;
	s.ack = by_client ? f->server_isn + 1 + server_bytes : f->isn + 1 + client_bytes;
	s.payload = payload;
	s.speech = (uint8_t)speech;
	engine_segment(b->e, &s);
}

void flow_odd(struct bench *b, const struct flow *f, uint8_t flags)
{
	struct segment s = segment(b, f, true, flags);

	s.seq = f->isn;
	engine_segment(b->e, &s);
}

void flow_syn_with(struct bench *b, const struct flow *f, enum segment_way way, bool bad_ip_sum, bool bad_tcp_sum)
{
	struct segment s = segment(b, f, true, TCP_SYN);

	s.seq = f->isn;
	s.way = (uint8_t)way;
	s.bad_ip_sum = bad_ip_sum;
	s.bad_tcp_sum = bad_tcp_sum;
	engine_segment(b->e, &s);
}

void flow_icmp_to_answer(struct bench *b, const struct flow *f, const char *from, uint8_t type, uint8_t code)
{
	struct segment s = segment(b, f, false, TCP_SYN | TCP_ACK);

	s.kind = SEGMENT_ICMP;
	s.way = WAY_IN;
	s.seq = f->server_isn;
	s.icmp_from = ip(from);
	s.icmp_type = type;
	s.icmp_code = code;
	engine_segment(b->e, &s);
}

void bench_who_has(struct bench *b, const char *addr, const char *peer)
{
	engine_segment(b->e, &(struct segment){.t = b->t,
				     .kind = SEGMENT_WHO_HAS,
				     .way = WAY_IN,
				     .src = ip(peer),
				     .dst = ip(addr),
				     .ifindex = 2});
}

void bench_is_at(struct bench *b, const char *addr)
{
	engine_segment(b->e, &(struct segment){.t = b->t,
				     .kind = SEGMENT_IS_AT,
				     .way = WAY_OUT,
				     .src = ip(addr),
				     .dst = ip(PEER),
				     .ifindex = 2});
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

struct bench *bench_ready(void)
{
	struct bench *b = bench_new();

	bench_run(b, 3 * USEC);
	return b;
}

struct bench *bench_connected(struct flow *f, bool look)
{
	struct bench *b = bench_new();

	bench_listen(b, "0.0.0.0", 80);
	if (look)
		b->lookup = answers_open;
	bench_run(b, 3 * USEC);
	*f = flow_to(80);
	flow_syn(b, f);
	b->t += 50;
	flow_syn_ack(b, f);
	bench_run(b, 3 * USEC);
	return b;
}

static bool answers(const struct question *q, struct answer *ret, enum socket_state state)
{
	ret->found = true;
	ret->row = (struct socket_row){.state = (uint8_t)state, .port = q->port};
	return true;
}

bool answers_syn_recv(struct bench *b, const struct question *q, struct answer *ret)
{
	(void)b;
	return answers(q, ret, SOCKET_SYN_RECV);
}

bool answers_open(struct bench *b, const struct question *q, struct answer *ret)
{
	(void)b;
	return answers(q, ret, SOCKET_OPEN);
}

bool answers_open_held(struct bench *b, const struct question *q, struct answer *ret)
{
	(void)b;
	answers(q, ret, SOCKET_OPEN);
	ret->row.inode = 77;
	return true;
}

bool answers_time_wait(struct bench *b, const struct question *q, struct answer *ret)
{
	(void)b;
	return answers(q, ret, SOCKET_TIME_WAIT);
}

bool answers_syn_sent(struct bench *b, const struct question *q, struct answer *ret)
{
	(void)b;
	return answers(q, ret, SOCKET_SYN_SENT);
}

bool answers_nothing(struct bench *b, const struct question *q, struct answer *ret)
{
	(void)b;
	(void)q;
	ret->found = false;
	return true;
}

bool answers_not(struct bench *b, const struct question *q, struct answer *ret)
{
	(void)b;
	(void)q;
	(void)ret;
	return false;
}

const struct event_attempt *told_as(const struct bench *b, uint16_t port, const char *outcome, const char *cause,
	const char *confidence, const char *sees)
{
	const struct event_attempt *a = bench_attempt(b, port);

	expect(a != NULL, "port %u: nothing is told, not %s", port, cause);
	expect(strcmp(a->cause, cause) == 0, "port %u: %s (%s: %s), not %s", port, a->cause,
		a->confidence, a->summary, cause);
	expect(strcmp(a->outcome, outcome) == 0, "port %u: %s, not %s", port, a->outcome, outcome);
	expect(strcmp(a->confidence, confidence) == 0, "port %u: %s, not %s", port, a->confidence,
		confidence);
	expect(strcmp(a->client_sees, sees) == 0, "port %u: client sees %s", port, a->client_sees);
	expect(a->summary[0] != '\0', "port %u: no summary", port);
	expect(a->evidence[0].source[0] != '\0', "port %u: no evidence", port);
	expect((strcmp(confidence, "possible") == 0) == (a->alternatives[0][0] != '\0'),
		"port %u: alternatives of %s", port, confidence);
	return a;
}

bool has_alternative(const struct event_attempt *a, const char *cause)
{
	for (int i = 0; i < EVENT_ALTERNATIVES && a->alternatives[i][0]; i++)
		if (strcmp(a->alternatives[i], cause) == 0)
			return true;
	return false;
}
