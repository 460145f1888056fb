/* forecast.c - what the firewall's rules would do with a SYN to one port, for -x: nobody need have tried. */
#include "forecast.h"
#include "base/text.h"
#include "engine/blame.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum {
	CLIENT_PORT = 49152, /* any that a client would have */
};

/* An address of this host, and who could dial it. */
struct way {
	struct ip addr, stranger, neighbour;
	uint32_t ifindex;
	bool known;
};

/* The first address of each family that others can dial. The stranger's is one that nobody has a rule for. */
static void find_ways(struct way ways[static 2])
{
	struct ifaddrs *list = NULL;

	if (getifaddrs(&list) < 0)
		return;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		struct ip ip;
		struct way *w;

		if (!ip_from_sockaddr(i->ifa_addr, &ip) || !(i->ifa_flags & IFF_UP) || i->ifa_flags & IFF_LOOPBACK ||
			ip_is_link_local(&ip))
			continue;
		w = &ways[ip_is_v4(&ip) ? 0 : 1];
		if (w->known)
			continue;
		*w = (struct way){.addr = ip, .neighbour = ip, .ifindex = if_nametoindex(i->ifa_name), .known = true};
		w->neighbour.b[15] ^= ip.b[15] >= 254 ? 2 : 3; /* on the same link, and not this host */
		ip_parse(ip_is_v4(&ip) ? "9.9.9.9" : "2620:fe::fe", &w->stranger);
	}
	freeifaddrs(list);
}

static const char *fate_words(const struct firewall_verdict *v)
{
	if (v->fate == FIREWALL_ACCEPTED && v->complete && !v->legacy)
		return v->translation.is && v->translation.must ? "led on" : "passes";
	if (!v->complete)
		return "not known";
	if (v->fate == FIREWALL_DROPPED)
		return "dropped";
	return v->fate == FIREWALL_RESET || v->fate == FIREWALL_ICMP ? "rejected" : "may pass";
}

/* By the kernel's own look-up, on this host; else in the namespace that has the address. */
static const char *who_is_there(struct host *h, const struct question *q, const struct question *ask)
{
	struct question look = {.kind = ASK_LOOKUP, .addr = ask->addr, .peer = q->peer, .port = ask->port,
		.peer_port = q->peer_port, .ifindex = q->ifindex};
	struct answer a = {.found = false};

	if (ip_equal(&ask->addr, &q->addr) || ip_is_loopback(&ask->addr)) {
		if (!host_ask(h, &look, &a))
			return "not known";
		return a.found && a.row.state == SOCKET_LISTEN ? "listens" : "nobody listens";
	}
	if (!host_ask(h, ask, &a) || !a.has_namespace)
		return "not known";
	return a.found && listener_near(&a.row, &ask->addr, 0) == NEAR_ACCEPTS ? "listens" : "nobody listens";
}

/* Who is there where a translation leads to. */
static void tell_target(struct engine *e, struct host *h, const struct question *q, const struct firewall_translation *t,
	int64_t now)
{
	struct question ask = {.kind = ASK_TARGET, .addr = t->addr_known ? t->addr : q->addr,
		.port = t->port_known ? t->port : q->port};
	char to[IP_TEXT];

	ip_format_port(&ask.addr, ask.port, to, sizeof(to));
	engine_host(e, now, "forecast", "target", who_is_there(h, q, &ask), to);
}

/* True: it is led on, and whereto was told. */
static bool tell_peer(struct engine *e, struct host *h, const struct way *w, const struct ip *peer, uint16_t port, int64_t now,
	bool told)
{
	struct question q = {.kind = ASK_FIREWALL, .addr = w->addr, .peer = *peer, .port = port, .peer_port = CLIENT_PORT,
		.ifindex = w->ifindex, .ruling = RULING_SYN};
	struct answer a = {.found = false};
	const struct firewall_verdict *v = &a.firewall;
	char name[IP_TEXT], words[256] = "";
	const char *fate;

	if (!host_ask(h, &q, &a))
		return told;
	fate = fate_words(v);
	ip_format(peer, name, sizeof(name));
	if (strcmp(fate, "led on") == 0)
		rule_words(&v->translation.rule, words, sizeof(words));
	else if (v->n > 0 && strcmp(fate, "passes") != 0)
		rule_words(&v->candidates[0], words, sizeof(words));
	engine_host(e, now, "forecast", name, fate, words);
	if (strcmp(fate, "led on") != 0)
		return told;
	if (!told)
		tell_target(e, h, &q, &v->translation, now);
	return true;
}

void forecast_tell(struct engine *e, struct host *h, uint16_t port, int64_t now)
{
	struct way ways[2];
	bool told = false;

	memset(ways, 0, sizeof(ways));
	find_ways(ways);
	for (size_t i = 0; i < 2; i++) {
		if (!ways[i].known)
			continue;
		told = tell_peer(e, h, &ways[i], &ways[i].stranger, port, now, told);
		told = tell_peer(e, h, &ways[i], &ways[i].neighbour, port, now, told);
	}
}
