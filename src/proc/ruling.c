/* ruling.c - describes a packet of an attempt to the firewall's judge. */
#include "ruling.h"
#include "base/text.h"
#include "collect/firewall.h"
#include "collect/nftrace.h"
#include "collect/routes.h"
#include "worker.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

/* The broker serves one namespace, in one thread. */
enum {
	TRACE_FOR = 30000000,
};

static struct firewall *firewall;
static struct routes *routes;
static struct nftrace *trace;
static int64_t trace_ends;

/* Routing's word on an address. False: it has none. */
static bool ask_routing(const struct ip *ip, struct routing *ret)
{
	static const uint8_t any4[4];
	struct question q = {.kind = ASK_ROUTE, .peer = *ip};

	if (ip_is_v4(ip))
		q.addr = ip_from_v4(any4);
	return routes && routes_ask(routes, &q, ret) == 0;
}

static bool is_local(void *ctx, const struct ip *ip)
{
	struct routing r;

	(void)ctx;
	return ask_routing(ip, &r) && r.back == ROUTE_LOCAL;
}

static void find_route(void *ctx, const struct ip *dst, char ret_name[16], uint32_t *ret_index)
{
	struct routing r;

	(void)ctx;
	ret_name[0] = '\0';
	*ret_index = 0;
	if (!ask_routing(dst, &r) || r.back != ROUTE_UNICAST || strlen(r.device) >= 16)
		return;
	text_copy(ret_name, 16, r.device);
	*ret_index = if_nametoindex(r.device);
}

static void swap_ends(struct firewall_packet *p)
{
	struct ip ip = p->src;
	uint16_t port = p->sport;

	p->src = p->dst;
	p->sport = p->dport;
	p->dst = ip;
	p->dport = port;
}

/* Our own packet: it leaves by the route back to the peer. */
static void describe_answer(struct firewall_packet *p)
{
	swap_ends(p);
	p->path = FIREWALL_OUT;
	p->reply = true;
	p->iif[0] = '\0';
	p->iif_index = 0;
	p->ttl = 0;
	find_route(NULL, &p->dst, p->oif, &p->oif_index);
}

static void describe(const struct broker_request *request, struct firewall_packet *p)
{
	static const struct {
		uint8_t flags, ct;
	} packets[] = {
		[RULING_SYN] = {TCP_SYN, FIREWALL_CT_NEW},
		[RULING_ANSWER] = {TCP_SYN | TCP_ACK, FIREWALL_CT_ESTABLISHED},
		[RULING_ACK] = {TCP_ACK, FIREWALL_CT_ESTABLISHED},
		[RULING_INVALID] = {TCP_ACK | TCP_PSH, FIREWALL_CT_INVALID},
	};
	char name[IF_NAMESIZE];

	*p = (struct firewall_packet){
		.src = request->peer,
		.dst = request->addr,
		.sport = request->peer_port,
		.dport = request->port,
		.flags = packets[request->ruling].flags,
		.ct = packets[request->ruling].ct,
		.ttl = request->ttl,
		.v6 = request->v6,
		.iif_index = request->ifindex,
		.mark_known = UINT32_MAX,
		.path = FIREWALL_IN,
		.is_local = is_local,
		.route = find_route,
	};
	if (request->ifindex && if_indextoname(request->ifindex, name))
		text_copy(p->iif, sizeof(p->iif), name);
	if (request->out)
		describe_answer(p);
}

int ruling_start(void)
{
	if (!firewall)
		firewall = firewall_new();
	if (!routes)
		routes = routes_new();
	return firewall ? firewall_refresh(firewall) : -errno;
}

void ruling_abandon(void)
{
	nftrace_abandon(trace);
	trace = NULL;
	ruling_stop();
}

void ruling_stop(void)
{
	nftrace_stop(trace);
	trace = NULL;
	firewall_free(firewall);
	routes_free(routes);
	firewall = NULL;
	routes = NULL;
}

int ruling_read(const struct broker_request *request, struct firewall_verdict *ret)
{
	struct firewall_packet packet;
	int r = ruling_start();

	if (r < 0 && r != -EAGAIN)
		return r;
	if (request->ruling >= RULINGS)
		return -EINVAL;
	describe(request, &packet);
	return firewall_judge(firewall, &packet, ret);
}

int ruling_ruleset(char *words, size_t size)
{
	size_t rules, elements;
	int r = ruling_start();

	words[0] = '\0';
	if (r < 0)
		return r;
	firewall_size(firewall, &rules, &elements);
	text_append(words, size, "generation %u, %zu rule%s, %zu element%s of sets", firewall_generation(firewall), rules,
		rules == 1 ? "" : "s", elements, elements == 1 ? "" : "s");
	return 0;
}

int ruling_trace(const struct broker_request *request, char *why, size_t size)
{
	why[0] = '\0';
	nftrace_stop(trace);
	trace = NULL;
	if (request->port == 0)
		return 0;
	trace = nftrace_start(&request->peer, request->port, request->v6, why, size);
	trace_ends = worker_now() + TRACE_FOR;
	return trace ? 0 : -errno;
}

int ruling_trace_fd(void)
{
	if (trace && worker_now() > trace_ends) {
		nftrace_stop(trace);
		trace = NULL;
	}
	return trace ? nftrace_fd(trace) : -1;
}

/* The rule that ended the packet, in the words of the ruleset. */
static void describe_step(const struct nftrace_step *step, struct firewall_rule *ret)
{
	struct firewall_rule base;

	if (ruling_start() >= 0 &&
		firewall_describe(firewall, step->family, step->table, step->chain, step->handle, ret) == 0) {
		if (ret->fate == FIREWALL_UNKNOWN) /* a map decides */
			ret->fate = FIREWALL_DROPPED;
		/* Where several base chains lead to the chain, the trace knows by which it came. */
		if (!ret->hook[0] && step->base[0] &&
			firewall_describe(firewall, step->family, step->table, step->base, 0, &base) == 0)
			text_copy(ret->hook, sizeof(ret->hook), base.hook);
		return;
	}
	*ret = (struct firewall_rule){.handle = step->handle};
	text_copy(ret->family, sizeof(ret->family), step->family);
	text_copy(ret->table, sizeof(ret->table), step->table);
	text_copy(ret->chain, sizeof(ret->chain), step->chain);
	text_copy(ret->text, sizeof(ret->text), "...");
}

bool ruling_traced(struct traced *ret)
{
	struct nftrace_result r;
	int e = trace ? nftrace_next(trace, worker_now(), &r) : -EAGAIN;

	if (e < 0 && e != -EAGAIN) { /* broken: the next wish starts another */
		nftrace_stop(trace);
		trace = NULL;
	}
	if (e < 0)
		return false;
	*ret = (struct traced){
		.t = worker_now(),
		.src = r.src,
		.dst = r.dst,
		.sport = r.sport,
		.dport = r.dport,
		.seq = r.seq,
		.answer = r.answer,
		.ended = r.end == NFTRACE_DROPPED_BY_RULE || r.end == NFTRACE_DROPPED_BY_POLICY,
	};
	if (ret->ended)
		describe_step(&r.by, &ret->rule);
	return true;
}
