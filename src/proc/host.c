/* host.c - answers the engine's questions about this host. */
#include "host.h"
#include "base/table.h"
#include "base/text.h"
#include "broker.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	KNOWN_INODES = 65536, /* of listeners: whose owner was asked for */
	OWNERS_KEPT = 256,    /* of single sockets that a question was about */
	OWNERS_A_POLL = 4096, /* asked for at most, so that the broker has time for other questions */
	CONNECTIONS_MAX = 4096,
	PATIENCE_MS = 300, /* for the broker */
	OWNERS_MS = 25,    /* likewise, at the start */
	WALK_USEC = 50000, /* a second's time for walks of the whole socket table */
	HOLDERS_KEPT = 250000, /* one walk tells of all ports; so long it is good for the next question */
	BOUND_KEPT = 500000,   /* where it takes all processes' descriptors ... */
	BOUND_SHARE = 4,       /* ... and no more than this part of the time */
};

/* How often each kind may be asked within a second. */
static const uint32_t budgets[] = {
	[ASK_LOOKUP] = 2000, /* 4 us each */
	[ASK_PORT] = 100000, /* WALK_USEC is the real limit of this one */
	[ASK_ROUTE] = 200,   /* 60 us */
	[ASK_PROCESS] = 20,
	[ASK_MAC] = 20,
	[ASK_SOURCE_PORTS] = 5,
	[ASK_CONNECTION] = 1000, /* 5 us each */
	[ASK_CONNECTIONS] = 20,
	[ASK_HALF_OPEN] = 20,
	[ASK_ELSEWHERE] = 2, /* every process's namespace */
	[ASK_CONNTRACK] = 20,
	[ASK_FIREWALL] = 100, /* some 100 us, 2 ms with 10,000 rules */
	[ASK_FLOW] = 100,
	[ASK_HOOKS] = 4,     /* some milliseconds */
	[ASK_TARGET] = 2,    /* likewise */
};

enum {
	KINDS = sizeof(budgets) / sizeof(budgets[0]),
};

/* Which ports have sockets that do not listen. Each kind: 0, or -errno: not known. */
struct holders {
	int64_t t; /* 0: never */
	int bound_error, udp_error, outgoing_error;
	struct port_map bound, udp, outgoing;
};

struct asked_owner {
	bool answered;
};

struct known_owner {
	bool answered;
	struct owner owner;
};

struct host {
	struct sources *src;
	int broker;
	struct table *inodes; /* uint32_t -> struct asked_owner */
	struct table *owners; /* uint32_t -> struct known_owner */
	struct connection *connections;
	int64_t second, walked;
	struct holders holders;
	int64_t bound_t, bound_took; /* when the broker looked for bound sockets, and for how long; 0: never */
	uint32_t asked[KINDS];
	void (*on_owner)(void *ctx, uint32_t inode, const struct owner *o);
	void (*on_traced)(void *ctx, const struct traced *t, const char *why);
	void (*on_ruleset)(void *ctx, const char *words);
	void *ctx;
	/* what the broker said last; awaited: the kind that is waited for */
	bool answered;
	struct process process;
	struct elsewhere_record elsewhere;
	struct bound_list bound; /* n: BOUND_MAX at most, by who reads it */
	struct hooks hooks;
	struct tracked_flow flow;
	int error;
	struct firewall_verdict firewall;
};

struct host *host_new(struct sources *src, int broker, struct hash_key key,
	void (*on_owner)(void *ctx, uint32_t inode, const struct owner *o), void *ctx)
{
	struct host *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->src = src;
	h->broker = broker;
	h->on_owner = on_owner;
	h->ctx = ctx;
	h->inodes = table_new(KNOWN_INODES, sizeof(uint32_t), sizeof(struct asked_owner), key);
	h->owners = table_new(OWNERS_KEPT, sizeof(uint32_t), sizeof(struct known_owner), key);
	h->connections = calloc(CONNECTIONS_MAX, sizeof(*h->connections));
	if (!h->inodes || !h->owners || !h->connections) {
		host_free(h);
		errno = ENOMEM;
		return NULL;
	}
	return h;
}

void host_free(struct host *h)
{
	if (!h)
		return;
	table_free(h->inodes);
	table_free(h->owners);
	free(h->connections);
	free(h);
}

void host_on_traced(struct host *h, void (*on_traced)(void *ctx, const struct traced *t, const char *why))
{
	h->on_traced = on_traced;
}

void host_trace(struct host *h, const struct ip *peer, uint16_t port)
{
	struct broker_request request = {.kind = BROKER_TRACE, .peer = *peer, .port = port, .v6 = !ip_is_v4(peer)};

	send(h->broker, &request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void host_want_ruleset(struct host *h, void (*on_ruleset)(void *ctx, const char *words))
{
	struct broker_request request = {.kind = BROKER_RULESET};

	h->on_ruleset = on_ruleset;
	send(h->broker, &request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Sends a batch of inodes to the broker. */
static void request_owners(struct host *h, const uint32_t *inodes, uint32_t n)
{
	struct broker_request request = {.kind = BROKER_OWNERS, .n = n};

	memcpy(request.inodes, inodes, n * sizeof(*inodes));
	if (send(h->broker, &request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		for (uint32_t i = 0; i < n; i++) { /* asked again at the next poll */
			void *known = table_find(h->inodes, &inodes[i]);

			if (known)
				table_remove(h->inodes, known);
		}
}

void host_want_owners(struct host *h, const struct socket_row *rows, size_t n)
{
	uint32_t batch[OWNER_BATCH], used = 0;
	size_t asked = 0;

	for (size_t i = 0; i < n; i++) {
		struct asked_owner *known = table_find(h->inodes, &rows[i].inode);

		if (known)
			table_touch(h->inodes, known);
		if (known || rows[i].inode == 0 || asked == OWNERS_A_POLL)
			continue;
		table_get(h->inodes, &rows[i].inode, NULL, NULL, NULL);
		asked++;
		batch[used++] = rows[i].inode;
		if (used == OWNER_BATCH) {
			request_owners(h, batch, used);
			used = 0;
		}
	}
	if (used > 0)
		request_owners(h, batch, used);
}

static void take_owners(struct host *h, const struct broker_reply *reply)
{
	for (uint32_t i = 0; i < reply->n && i < OWNER_BATCH; i++) {
		uint32_t inode = reply->owners[i].inode;
		struct asked_owner *asked = table_find(h->inodes, &inode);
		struct known_owner *known = table_find(h->owners, &inode);
		struct owner owner;

		owner_from_record(&reply->owners[i], &owner);
		if (asked)
			asked->answered = true;
		if (known)
			*known = (struct known_owner){true, owner};
		h->on_owner(h->ctx, inode, &owner);
	}
}

/* One reply of the broker, if there is one. 1: taken, 0: none, -1: the broker is gone. */
static int take_reply(struct host *h)
{
	static struct broker_reply reply;
	ssize_t n = recv(h->broker, &reply, sizeof(reply), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n != (ssize_t)sizeof(reply))
		return n == 0 ? -1 : 0;
	switch (reply.kind) {
	case BROKER_OWNERS:
		take_owners(h, &reply);
		break;
	case BROKER_PROCESS:
		h->process = reply.process;
		h->answered = true;
		break;
	case BROKER_TRACED:
		if (h->on_traced)
			h->on_traced(h->ctx, &reply.traced, "");
		break;
	case BROKER_TRACE:
		if (h->on_traced && (reply.error < 0 || reply.why[0]))
			h->on_traced(h->ctx, NULL, reply.why[0] ? reply.why : strerror(-reply.error));
		break;
	case BROKER_FIREWALL:
		h->firewall = reply.firewall;
		h->error = reply.error;
		h->answered = true;
		break;
	case BROKER_RULESET:
		if (h->on_ruleset && reply.error == 0)
			h->on_ruleset(h->ctx, reply.why);
		break;
	case BROKER_FLOW:
		h->flow = reply.flow;
		h->error = reply.error;
		h->answered = true;
		break;
	case BROKER_HOOKS:
		h->hooks = reply.hooks;
		h->answered = true;
		break;
	case BROKER_BOUND:
		h->bound = reply.bound;
		h->answered = true;
		break;
	case BROKER_ELSEWHERE:
	case BROKER_TARGET:
		h->elsewhere = reply.elsewhere;
		h->answered = true;
		break;
	default:
		break;
	}
	return 1;
}

int host_receive(struct host *h)
{
	int r;

	while ((r = take_reply(h)) > 0)
		;
	return r;
}

/* Takes replies until done is true, or patience is at its end. */
static bool wait_for(struct host *h, const bool *done)
{
	struct pollfd fd = {.fd = h->broker, .events = POLLIN};
	int64_t until = worker_now() + PATIENCE_MS * 1000;

	while (!*done && worker_now() < until && poll(&fd, 1, PATIENCE_MS) > 0)
		if (take_reply(h) < 0)
			break;
	return *done;
}

void host_wait_for_owners(struct host *h)
{
	struct pollfd fd = {.fd = h->broker, .events = POLLIN};
	int64_t until = worker_now() + OWNERS_MS * 1000, left;
	bool known = false;

	while (!known && (left = until - worker_now()) > 0 && poll(&fd, 1, (int)(left / 1000) + 1) > 0) {
		if (take_reply(h) < 0)
			break;
		known = true;
		for (struct asked_owner *o = NULL; known && (o = table_next(h->inodes, o));)
			known = o->answered;
	}
}

/* The owner of one socket, waiting for the broker if need be. */
static void owner_of(struct host *h, const struct socket_row *row, struct owner *ret)
{
	struct known_owner *known;

	memset(ret, 0, sizeof(*ret));
	if (row->inode == 0)
		return;
	known = table_get(h->owners, &row->inode, NULL, NULL, NULL);
	table_touch(h->owners, known);
	if (!known->answered)
		request_owners(h, &row->inode, 1);
	if (wait_for(h, &known->answered))
		*ret = known->owner;
}

static bool ask_broker(struct host *h, const struct broker_request *request)
{
	h->answered = false;
	return send(h->broker, request, sizeof(*request), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 &&
	       wait_for(h, &h->answered);
}

/* One walk for the ports of all; false: it is not time for one, and the last is too old. */
static bool read_holders(struct host *h)
{
	struct sockdiag *sd = h->src->sockdiag;
	struct holders *m = &h->holders;
	int64_t start = worker_now();

	if (m->t != 0 && start >= m->t && start - m->t < HOLDERS_KEPT)
		return true;
	if (h->walked > WALK_USEC)
		return false;
	m->bound_error = sockdiag_bound_ports(sd, &m->bound);
	m->udp_error = sockdiag_udp_ports(sd, &m->udp);
	m->outgoing_error = sockdiag_outgoing_ports(sd, &m->outgoing);
	h->walked += worker_now() - start;
	m->t = start;
	return true;
}

/* Whether a port is in the map; if so, its first row, by a walk of its own. */
static struct presence find_holder(struct host *h, int error, const struct port_map *map, uint16_t port,
	int (*find)(struct sockdiag *sd, uint16_t port, struct socket_row *ret), struct socket_row *ret_row)
{
	int64_t start = worker_now();
	int r;

	if (error < 0)
		return (struct presence){PRESENCE_UNKNOWN};
	if (!port_map_has(map, port))
		return presence_of(false);
	r = find(h->src->sockdiag, port, ret_row);
	h->walked += worker_now() - start;
	return r == 0 || r == -ENOENT ? presence_of(r == 0) : (struct presence){PRESENCE_UNKNOWN};
}

/* Whether a bound socket would have been dialled by the address. */
static bool is_bound_at(const struct bound_record *b, const struct ip *addr)
{
	bool same_family = ip_is_v4(&b->addr) == ip_is_v4(addr);

	return ip_is_any(&b->addr) ? same_family || (b->v6 && !b->v6only) : ip_equal(&b->addr, addr);
}

/* The broker finds them by their processes; one that is at the address is the better answer. */
static struct presence find_bound(struct host *h, const struct question *q, struct socket_row *ret_row)
{
	struct broker_request request = {.kind = BROKER_BOUND};
	const struct bound_record *found = NULL;
	int64_t start = worker_now();

	if (h->bound_t == 0 || start < h->bound_t || start - h->bound_t > BOUND_KEPT) {
		if (start > h->bound_t && start - h->bound_t < h->bound_took * BOUND_SHARE)
			return (struct presence){PRESENCE_UNKNOWN};
		if (!ask_broker(h, &request))
			memset(&h->bound, 0, sizeof(h->bound));
		h->bound_t = start;
		h->bound_took = worker_now() - start;
	}
	for (uint32_t i = 0; i < h->bound.n && i < BOUND_MAX; i++) {
		const struct bound_record *b = &h->bound.records[i];

		if (b->port == q->port && (!found || is_bound_at(b, &q->addr)))
			found = b;
	}
	if (!found)
		return h->bound.complete ? presence_of(false) : (struct presence){PRESENCE_UNKNOWN};
	*ret_row = (struct socket_row){.addr = found->addr, .port = found->port, .inode = found->inode,
		.state = SOCKET_BOUND, .v6 = found->v6, .v6only = found->v6only};
	return presence_of(true);
}

static bool ask_port(struct host *h, const struct question *q, struct answer *a)
{
	const struct holders *m = &h->holders;

	if (!read_holders(h))
		return false;
	a->bound = m->bound_error == -EOPNOTSUPP
			   ? find_bound(h, q, &a->bound_row)
			   : find_holder(h, m->bound_error, &m->bound, q->port, sockdiag_bound, &a->bound_row);
	a->udp = find_holder(h, m->udp_error, &m->udp, q->port, sockdiag_udp, &a->udp_row);
	if (is_present(a->bound) && is_present(a->udp))
		a->outgoing = presence_of(false); /* it would change nothing */
	else
		a->outgoing = find_holder(h, m->outgoing_error, &m->outgoing, q->port, sockdiag_outgoing, &a->outgoing_row);
	if (is_present(a->bound))
		owner_of(h, &a->bound_row, &a->bound_owner);
	if (is_present(a->udp))
		owner_of(h, &a->udp_row, &a->udp_owner);
	if (is_present(a->outgoing))
		owner_of(h, &a->outgoing_row, &a->outgoing_owner);
	return true;
}

static bool ask_lookup(struct host *h, const struct question *q, struct answer *a)
{
	int r = sockdiag_lookup(h->src->sockdiag, q, &a->row);

	a->found = r == 0;
	return r == 0 || r == -ENOENT;
}

static bool ask_mac(struct host *h, const struct question *q, struct answer *a)
{
	struct ifaddrs *all;

	(void)h;
	if (getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct sockaddr_ll link;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_PACKET)
			continue;
		memcpy(&link, i->ifa_addr, sizeof(link));
		a->found = a->found || (link.sll_halen == sizeof(q->mac) && memcmp(link.sll_addr, q->mac, sizeof(q->mac)) == 0);
	}
	freeifaddrs(all);
	return true;
}

static bool ask_source_ports(struct host *h, const struct question *q, struct answer *a)
{
	FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	int64_t start = worker_now();
	unsigned int low = 0, high = 0;
	int r;

	(void)q;
	if (f && fscanf(f, "%u %u", &low, &high) != 2)
		low = high = 0;
	if (f)
		fclose(f);
	if (high < low || high > UINT16_MAX || low == 0)
		return false;
	r = sockdiag_busiest(h->src->sockdiag, (uint16_t)low, (uint16_t)high, &a->row, &a->n);
	h->walked += worker_now() - start;
	a->n_max = high - low + 1;
	return r == 0;
}

static bool ask_connection(struct host *h, const struct question *q, struct answer *a)
{
	int r = sockdiag_connection(h->src->sockdiag, q, &h->connections[0]);

	a->found = r == 0 && h->connections[0].row.state == SOCKET_OPEN;
	a->connections = h->connections;
	a->n_connections = a->found;
	return r == 0 || r == -ENOENT;
}

static bool ask_route(struct host *h, const struct question *q, struct answer *a)
{
	return h->src->routes && routes_ask(h->src->routes, q, &a->routing) == 0;
}

static bool ask_process(struct host *h, const struct question *q, struct answer *a)
{
	struct broker_request request = {.kind = BROKER_PROCESS, .pid = q->pid};

	if (q->inode) { /* who was asked for once may have handed it on */
		struct socket_row row = {.inode = q->inode};
		void *known = table_find(h->owners, &q->inode);

		if (known)
			table_remove(h->owners, known);
		owner_of(h, &row, &a->bound_owner);
		a->n = a->bound_owner.holders;
		if (a->bound_owner.pid > 0)
			request.pid = a->bound_owner.pid;
		request.n = a->n > 1; /* of several the one that matters; a walk of its own */
		request.inodes[0] = q->inode;
	}
	if (request.pid <= 0 || !ask_broker(h, &request))
		return false;
	a->process = h->process;
	a->process.syscall[sizeof(a->process.syscall) - 1] = '\0';
	a->process.waits_in[sizeof(a->process.waits_in) - 1] = '\0';
	a->process.waits_for[sizeof(a->process.waits_for) - 1] = '\0';
	return true;
}

static bool ask_connections(struct host *h, const struct question *q, struct answer *a)
{
	int64_t start = worker_now();
	int r = sockdiag_connections(h->src->sockdiag, q->port, q->every, h->connections, CONNECTIONS_MAX,
		&a->n_connections);

	h->walked += worker_now() - start;
	a->connections = h->connections;
	a->complete = r == 0;
	return r == 0 || r == -ENOSPC;
}

/* A number in a file; -1: there is none. */
static int64_t read_number(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[24];
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	return atoll(text);
}

static bool ask_half_open(struct host *h, const struct question *q, struct answer *a)
{
	int64_t start = worker_now(), max = read_number("/proc/sys/net/ipv4/tcp_max_syn_backlog");
	int n = sockdiag_half_open(h->src->sockdiag, q->port);

	h->walked += worker_now() - start;
	a->n = n > 0 ? (uint32_t)n : 0;
	a->n_max = max > 0 ? (uint32_t)max : 0;
	a->cookies = (int)read_number("/proc/sys/net/ipv4/tcp_syncookies");
	return n >= 0;
}

static bool ask_conntrack(struct host *h, const struct question *q, struct answer *a)
{
	int64_t n = read_number("/proc/sys/net/netfilter/nf_conntrack_count");
	int64_t max = read_number("/proc/sys/net/netfilter/nf_conntrack_max");

	(void)h;
	(void)q;
	a->n = n > 0 ? (uint32_t)n : 0;
	a->n_max = max > 0 ? (uint32_t)max : 0;
	return n >= 0 && max >= 0;
}

static bool ask_namespaces(struct host *h, const struct broker_request *request, struct answer *a)
{
	if (!ask_broker(h, request))
		return false;
	a->has_namespace = h->elsewhere.address;
	a->found = h->elsewhere.found;
	a->complete = h->elsewhere.complete;
	a->row = h->elsewhere.row;
	a->reach = h->elsewhere.reach <= ELSEWHERE_JOINED ? (enum elsewhere_reach)h->elsewhere.reach : ELSEWHERE_APART;
	a->reach_addr = h->elsewhere.reach_addr;
	text_clean(a->netns, sizeof(a->netns), h->elsewhere.netns,
		strnlen(h->elsewhere.netns, sizeof(h->elsewhere.netns)));
	a->netns_container = h->elsewhere.container;
	a->netns_pid = h->elsewhere.pid;
	owner_from_record(&h->elsewhere.owner, &a->elsewhere_owner);
	return true;
}

static bool ask_elsewhere(struct host *h, const struct question *q, struct answer *a)
{
	struct broker_request request = {.kind = BROKER_ELSEWHERE, .port = q->port};

	return ask_namespaces(h, &request, a);
}

static bool ask_firewall(struct host *h, const struct question *q, struct answer *a)
{
	struct broker_request request = {.kind = BROKER_FIREWALL, .addr = q->addr, .port = q->port, .peer = q->peer,
		.peer_port = q->peer_port, .ifindex = q->ifindex, .ruling = (uint8_t)q->ruling, .ttl = q->ttl, .out = q->out,
		.v6 = !ip_is_v4(&q->addr)};

	if (!ask_broker(h, &request) || h->error < 0)
		return false;
	a->firewall = h->firewall;
	return true;
}

static bool ask_flow(struct host *h, const struct question *q, struct answer *a)
{
	struct broker_request request = {.kind = BROKER_FLOW, .addr = q->addr, .port = q->port, .peer = q->peer,
		.peer_port = q->peer_port};

	if (!ask_broker(h, &request) || (h->error < 0 && h->error != -ENOENT))
		return false;
	a->flow = h->flow;
	return true;
}

static bool ask_hooks(struct host *h, const struct question *q, struct answer *a)
{
	struct broker_request request = {.kind = BROKER_HOOKS, .pid = q->pid, .v6 = !ip_is_v4(&q->addr)};

	if (!ask_broker(h, &request))
		return false;
	a->hooks = h->hooks;
	return true;
}

static bool ask_target(struct host *h, const struct question *q, struct answer *a)
{
	struct broker_request request = {.kind = BROKER_TARGET, .addr = q->addr, .port = q->port};
	static const uint8_t any4[4];
	struct question way = {.kind = ASK_ROUTE, .peer = q->addr};

	if (ip_is_v4(&q->addr))
		way.addr = ip_from_v4(any4);

	if (!ask_namespaces(h, &request, a))
		return false;
	if (h->src->routes)
		routes_ask(h->src->routes, &way, &a->routing);
	return true;
}

static const struct {
	bool (*ask)(struct host *h, const struct question *q, struct answer *ret);
	bool sockets; /* needs sock_diag */
	bool walks;   /* the established table */
} kinds[KINDS] = {
	[ASK_LOOKUP] = {ask_lookup, true, false},
	[ASK_PORT] = {ask_port, true, false}, /* it looks at the clock itself */
	[ASK_ROUTE] = {ask_route, false, false},
	[ASK_PROCESS] = {ask_process, false, false},
	[ASK_MAC] = {ask_mac, false, false},
	[ASK_SOURCE_PORTS] = {ask_source_ports, true, true},
	[ASK_CONNECTION] = {ask_connection, true, false},
	[ASK_CONNECTIONS] = {ask_connections, true, true},
	[ASK_HALF_OPEN] = {ask_half_open, true, true},
	[ASK_ELSEWHERE] = {ask_elsewhere, false, false},
	[ASK_TARGET] = {ask_target, false, false},
	[ASK_HOOKS] = {ask_hooks, false, false},
	[ASK_FLOW] = {ask_flow, false, false},
	[ASK_FIREWALL] = {ask_firewall, false, false},
	[ASK_CONNTRACK] = {ask_conntrack, false, false},
};

bool host_ask(struct host *h, const struct question *q, struct answer *ret)
{
	int64_t second = worker_now() / USEC;

	if (second != h->second) {
		h->second = second;
		h->walked = 0;
		memset(h->asked, 0, sizeof(h->asked));
	}
	if ((size_t)q->kind >= KINDS || !kinds[q->kind].ask)
		return false;
	if ((kinds[q->kind].sockets && !h->src->sockdiag) || (kinds[q->kind].walks && h->walked > WALK_USEC) ||
		h->asked[q->kind]++ >= budgets[q->kind])
		return false;
	return kinds[q->kind].ask(h, q, ret);
}
