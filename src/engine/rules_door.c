/* rules_door.c - who refused, and why: nobody at the door, a firewall, or an address that is not answered for. */
#include "rule.h"

#include <string.h>

/*
 * Theory of operation
 *
 * Who refused is settled first. A RST that answers a SYN comes from the TCP stack, which counts it in
 * OutRsts, or from netfilter (reject with tcp reset), which does not (nf_send_reset, v6.18); the two are
 * identical on the wire over IPv4. So the number of RSTs on the wire is held against the counter. What the
 * stack refused is explained by who listens where, and since when.
 */
enum {
	BACK_SOON = 60,  /* seconds: a listener that is back within this was restarted */
	JUST_GONE = 10,  /* one that went within this is the story, whoever else is near */
};

/* How sure "nobody at the door" can be, given who sent the RST. */
static enum confidence stack_refused(const struct facts *f)
{
	if (!f->sockets || f->a->odd)
		return CONFIDENCE_NONE;
	if (f->said.reset && f->said.reset->reason == REASON_NO_SOCKET)
		return CONFIDENCE_PROVED; /* its own word on this very SYN */
	switch (f->origin) {
	case ORIGIN_STACK:
		return CONFIDENCE_PROVED;
	case ORIGIN_LIKELY_STACK:
		return CONFIDENCE_INFERRED;
	case ORIGIN_UNKNOWN:
	case ORIGIN_MIXED:
		return CONFIDENCE_POSSIBLE;
	case ORIGIN_OTHER:
		break;
	}
	return CONFIDENCE_NONE;
}

/* The RST did not start with this host's TTL: from behind it, or by a route with a hop limit. */
static bool foreign_ttl(const struct facts *f)
{
	return f->sockets && f->a->answer_ttl != f->own_ttl;
}

/* Without the socket table - a capture file, a source that is off - the door is not known at all. */
static enum confidence door_unknown(const struct facts *f)
{
	return f->sockets ? CONFIDENCE_NONE : CONFIDENCE_POSSIBLE;
}

/*
 * The port was closed when it was dialled and answered soon after: by a listener that was seen, or by one that came and
 * went between two polls. Where the port is opened for one connection at a time, the listener before is no story of its own.
 */
static bool opened_after(const struct facts *f)
{
	if (f->served_after == 0 && !(f->accepting && f->later))
		return false;
	return is_one_shot(f) || (!f->gone && !f->accepting);
}

static bool nobody_takes_it(const struct facts *f)
{
	return !f->accepting && !opened_after(f);
}

static bool nobody_near(const struct facts *f)
{
	return nobody_takes_it(f) && f->near == NEAR_NOTHING;
}

/* Another socket has the port, which is the better story. */
static bool has_other_holder(const struct facts *f)
{
	return is_present(f->port.bound) || is_present(f->port.udp) || is_present(f->port.outgoing);
}

static enum confidence at_most(enum confidence strength, enum confidence limit)
{
	return strength < limit ? strength : limit;
}

static bool nobody_has_it(const struct facts *f)
{
	return nobody_near(f) && !f->gone && !f->served_before && !has_other_holder(f);
}

/*
 * Who listens on the port in another namespace may be meant: likely so if this host is its way out, and else it may
 * just as well be a stranger's.
 */
static enum confidence other_namespace(const struct facts *f)
{
	bool joined = f->elsewhere_reach == ELSEWHERE_JOINED && is_absent(f->port.bound) && is_absent(f->port.udp) &&
		      is_absent(f->port.outgoing);

	return when(nobody_has_it(f) && f->elsewhere,
		at_most(stack_refused(f), joined ? CONFIDENCE_INFERRED : CONFIDENCE_POSSIBLE));
}

static enum confidence no_listener(const struct facts *f)
{
	bool known = is_absent(f->port.bound) && is_absent(f->port.udp) && is_absent(f->port.outgoing);

	if (!nobody_has_it(f) || (f->elsewhere && f->elsewhere_reach == ELSEWHERE_JOINED) || !known)
		return CONFIDENCE_NONE;
	return f->elsewhere ? at_most(stack_refused(f), CONFIDENCE_POSSIBLE) : stack_refused(f);
}

/* Nobody listens: but who only has the port could not be seen (before v6.8 no dump shows bound sockets). */
static enum confidence bound_unknown(const struct facts *f)
{
	bool rest = is_absent(f->port.udp) && is_absent(f->port.outgoing);

	return when(nobody_has_it(f) && f->port.bound.is == PRESENCE_UNKNOWN && rest,
		at_most(stack_refused(f), CONFIDENCE_POSSIBLE));
}

/* The same, and nobody looked at all. */
static enum confidence holders_unknown(const struct facts *f)
{
	bool unknown = f->port.udp.is == PRESENCE_UNKNOWN || f->port.outgoing.is == PRESENCE_UNKNOWN;

	return when(nobody_has_it(f) && unknown, at_most(stack_refused(f), CONFIDENCE_POSSIBLE));
}

/* That is the story then, whoever else is near. */
static bool just_went(const struct facts *f)
{
	return f->gone && f->a->answered - f->gone->gone < JUST_GONE * USEC;
}

static enum confidence near_is(const struct facts *f, enum near near)
{
	return when(nobody_takes_it(f) && !just_went(f) && f->near == near, stack_refused(f));
}

static enum confidence loopback_only(const struct facts *f)
{
	return near_is(f, NEAR_LOOPBACK);
}

static enum confidence other_address(const struct facts *f)
{
	return near_is(f, NEAR_ADDRESS);
}

static enum confidence ipv6_only(const struct facts *f)
{
	return near_is(f, NEAR_V6ONLY);
}

static enum confidence ipv4_only(const struct facts *f)
{
	return near_is(f, NEAR_V4ONLY);
}

static enum confidence other_device(const struct facts *f)
{
	return near_is(f, NEAR_DEVICE);
}

static enum confidence not_listening(const struct facts *f)
{
	return when(nobody_near(f) && is_present(f->port.bound), stack_refused(f));
}

/* Somebody listens by now, and even so the kernel's look-up finds nobody. */
static bool is_steered_away(const struct facts *f)
{
	/* In the table, in a snapshot made after the refusal: the look-up asks what is there now. */
	return f->accepting && f->served_after == 0 && f->accepting->gone == 0 && f->accepting->seen > f->a->answered && f->looked_up && !f->found;
}

/* The same living process closed its listener and opened it again: that is no restart. */
static bool was_reopened(const struct facts *f)
{
	return !is_one_shot(f) && f->gone && f->accepting && !f->steady && f->gone->owner.pid > 0 &&
	       f->gone->owner.pid == f->accepting->owner.pid &&
	       f->a->answered - f->gone->gone < BACK_SOON * USEC;
}

/* Whether the port was closed at the moment of the refusal is known only if it was looked at after it. */
static enum confidence between(const struct facts *f, bool known)
{
	enum confidence sure = stack_refused(f);

	return !known && sure == CONFIDENCE_PROVED ? CONFIDENCE_INFERRED : sure;
}

static enum confidence listener_gone(const struct facts *f)
{
	bool bound = is_present(f->port.bound);

	if (opened_after(f))
		return CONFIDENCE_NONE;
	if (was_reopened(f))
		return is_steered_away(f) ? CONFIDENCE_NONE : between(f, f->later);
	if (nobody_near(f) && !f->gone && !bound && f->served_before) /* seen by its answers alone */
		return stack_refused(f);
	return when(nobody_takes_it(f) && f->gone && !bound && (just_went(f) || f->near == NEAR_NOTHING),
		stack_refused(f));
}

/* It fits; a socket that is bound besides would be the better story. */
static enum confidence unless_bound(const struct facts *f)
{
	return is_absent(f->port.bound) ? stack_refused(f) : at_most(stack_refused(f), CONFIDENCE_INFERRED);
}

static enum confidence udp_only(const struct facts *f)
{
	bool here = is_present(f->port.udp) && !is_present(f->port.bound) && !is_present(f->port.outgoing);

	return when(nobody_near(f) && !f->gone && here, unless_bound(f));
}

static enum confidence outgoing_port(const struct facts *f)
{
	bool here = is_present(f->port.outgoing) && !is_present(f->port.bound);

	return when(nobody_near(f) && !f->gone && here, unless_bound(f));
}

/* The same server as before, not long ago, as another process; or as one that is not known. */
static bool came_back(const struct facts *f)
{
	int64_t t = f->a->answered;

	return f->gone && t - f->gone->gone < BACK_SOON * USEC && f->accepting && !was_reopened(f) && !opened_after(f) &&
	       strcmp(f->gone->owner.comm, f->accepting->owner.comm) == 0;
}

/*
 * A listener that was first seen after the refusal came later only if it was known to be missing after
 * it too; else it may have been there, and something else refused.
 */
static enum confidence too_early(const struct facts *f)
{
	if (opened_after(f) && !is_steered_away(f) && !f->steady)
		return stack_refused(f);
	if (!f->accepting || f->steady || came_back(f) || was_reopened(f) || is_steered_away(f))
		return CONFIDENCE_NONE;
	/* Seen since the refusal, and the kernel's look-up finds nobody all the same: it went again, or is steered around. */
	if (f->looked_up && !f->found && f->accepting->gone == 0 && f->accepting->seen > f->a->answered)
		return when(stack_refused(f) > CONFIDENCE_NONE, CONFIDENCE_POSSIBLE);
	return f->later ? stack_refused(f) : when(stack_refused(f) > CONFIDENCE_NONE, CONFIDENCE_POSSIBLE);
}

static enum confidence restarting(const struct facts *f)
{
	bool known = f->later && f->gone && f->gone->owner.comm[0] != '\0';

	if (!f->accepting || f->steady || !came_back(f) || is_steered_away(f))
		return CONFIDENCE_NONE;
	return between(f, known);
}

static enum confidence firewall_reset(const struct facts *f)
{
	bool open = f->accepting && !f->later; /* the stack would not have refused */

	if (f->a->odd)
		return CONFIDENCE_NONE;
	switch (f->origin) {
	case ORIGIN_OTHER:
		if (foreign_ttl(f))
			return CONFIDENCE_POSSIBLE;
		return f->lossless ? CONFIDENCE_PROVED : CONFIDENCE_INFERRED;
	case ORIGIN_MIXED:
		return open && f->steady && !foreign_ttl(f) ? CONFIDENCE_INFERRED : CONFIDENCE_POSSIBLE;
	case ORIGIN_UNKNOWN:
		return CONFIDENCE_POSSIBLE;
	case ORIGIN_LIKELY_STACK:
	case ORIGIN_STACK:
		break;
	}
	return CONFIDENCE_NONE;
}

/* A RST from behind this host; telling the kinds apart needs the other namespaces. */
static enum confidence published_no_listener(const struct facts *f)
{
	return when(foreign_ttl(f) && !f->a->odd && f->origin != ORIGIN_STACK && f->origin != ORIGIN_LIKELY_STACK,
		CONFIDENCE_POSSIBLE);
}

/*
 * The stack itself answers no SYN to a local address with an ICMP error. But after DNAT the error of a
 * router, or of this host as one, comes back as if it were about the dialled address: these are codes 0
 * and 1 (no route, host unreachable; ICMPv6 0 and 3). The others are a rule's.
 */
static enum confidence firewall_reject(const struct facts *f)
{
	const struct attempt *a = f->a;
	bool router = a->v6 ? a->icmp_code == 0 || a->icmp_code == 3 : a->icmp_code <= 1;

	if (!f->server_local || !ip_equal(&a->icmp_from, &a->key.server))
		return CONFIDENCE_NONE;
	/* From behind this host, after DNAT, conntrack gives it the dialled address as well; the TTL tells. */
	return router || foreign_ttl(f) || a->icmp_type != (a->v6 ? 1 : 3) ? CONFIDENCE_POSSIBLE : CONFIDENCE_PROVED;
}

/* A listener takes the 4-tuple by the table, and the kernel's own look-up finds none: BPF (sk_lookup) decides. */
static enum confidence steered_away(const struct facts *f)
{
	return when(is_steered_away(f) && f->origin == ORIGIN_STACK, CONFIDENCE_PROVED);
}

/* The look-up finds the listener, and the stack refused: what it refused was for another port by then (NAT). */
static enum confidence redirected(const struct facts *f)
{
	return when(f->accepting && f->steady && f->found_listener && f->origin == ORIGIN_STACK,
		CONFIDENCE_POSSIBLE);
}

/* A scan: what the port did with it says nothing about the port. */
static enum confidence odd_flags(const struct facts *f)
{
	return when(f->a->odd, CONFIDENCE_PROVED);
}

/* The interface forwards what is not for this host. */
static bool is_router(const struct facts *f)
{
	return !f->asked_route || f->routing.forwarding != 0;
}

/*
 * As a router: the address is another host's, and there is no way to it, or the next hop does not answer. A rule may
 * send the same errors.
 */
static enum confidence forward_unreachable(const struct facts *f)
{
	const struct attempt *a = f->a;
	const struct routing *way = &f->forward;
	bool prohibited = way->back == ROUTE_PROHIBITED && a->icmp_code == (a->v6 ? 1 : 13);
	bool route = prohibited || (a->v6 ? a->icmp_code == 0 || a->icmp_code == 3 : a->icmp_code <= 1);
	bool dead = way->back != ROUTE_UNICAST || way->neighbour == NEIGHBOUR_ASKED || way->neighbour == NEIGHBOUR_FAILED;

	if (!a->foreign || !f->icmp_from_here || !route || a->icmp_type != (a->v6 ? 1 : 3) || !is_router(f))
		return CONFIDENCE_NONE;
	return f->asked_forward && dead ? CONFIDENCE_PROVED : CONFIDENCE_POSSIBLE;
}

/* IPv6 says so even where nothing is forwarded (ip6_pkt_discard, v6.18). */
static enum confidence not_our_address(const struct facts *f)
{
	return when(f->a->foreign && f->icmp_from_here && !is_router(f), CONFIDENCE_PROVED);
}

/* As a router, by a rule of its own. */
static enum confidence forward_rejected(const struct facts *f)
{
	const struct attempt *a = f->a;
	bool route = a->v6 ? a->icmp_code == 0 || a->icmp_code == 3 : a->icmp_code <= 1;
	bool prohibited = f->asked_forward && f->forward.back == ROUTE_PROHIBITED;

	if (!a->foreign || !f->icmp_from_here || route || prohibited || a->icmp_type != (a->v6 ? 1 : 3) || !is_router(f))
		return CONFIDENCE_NONE;
	return f->asked_forward ? CONFIDENCE_PROVED : CONFIDENCE_POSSIBLE;
}

/* Another host's answer goes to who asked, and is not seen here: of an address that is not here it may have come. */
static enum confidence address_unanswered(const struct facts *f)
{
	if (f->claimed)
		return CONFIDENCE_NONE;
	return f->lossless && !f->partial && f->server_local ? CONFIDENCE_PROVED : CONFIDENCE_INFERRED;
}

/* ARP and neighbour advertisements are believed by whoever hears them. */
static enum confidence duplicate_address(const struct facts *f)
{
	return when(f->claimed, CONFIDENCE_PROVED);
}

static enum confidence proved(const struct facts *f)
{
	(void)f;
	return CONFIDENCE_PROVED;
}

static const struct rule rules[] = {
	{SITUATION_REFUSED, IN, CAUSE_OTHER_NAMESPACE, other_namespace, {0}}, /* says all that no-listener says */
	{SITUATION_REFUSED, IN, CAUSE_NO_LISTENER, no_listener, {0}},
	{SITUATION_REFUSED, IN, CAUSE_NO_LISTENER, bound_unknown, {CAUSE_NOT_LISTENING}},
	{SITUATION_REFUSED, IN, CAUSE_NO_LISTENER, holders_unknown,
		{CAUSE_NOT_LISTENING, CAUSE_UDP_ONLY, CAUSE_OUTGOING_PORT}},
	{SITUATION_REFUSED, IN, CAUSE_NO_LISTENER, door_unknown,
		{CAUSE_LOOPBACK_ONLY, CAUSE_OTHER_ADDRESS, CAUSE_LISTENER_GONE}},
	{SITUATION_REFUSED, IN, CAUSE_LOOPBACK_ONLY, loopback_only, {0}},
	{SITUATION_REFUSED, IN, CAUSE_OTHER_ADDRESS, other_address, {0}},
	{SITUATION_REFUSED, IN, CAUSE_IPV6_ONLY, ipv6_only, {0}},
	{SITUATION_REFUSED, IN, CAUSE_IPV4_ONLY, ipv4_only, {0}},
	{SITUATION_REFUSED, IN, CAUSE_OTHER_DEVICE, other_device, {0}},
	{SITUATION_REFUSED, IN, CAUSE_NOT_LISTENING, not_listening, {0}},
	{SITUATION_REFUSED, IN, CAUSE_OUTGOING_PORT, outgoing_port, {0}},
	{SITUATION_REFUSED, IN, CAUSE_UDP_ONLY, udp_only, {0}},
	{SITUATION_REFUSED, IN, CAUSE_LISTENER_GONE, listener_gone, {0}},
	{SITUATION_REFUSED, IN, CAUSE_STEERED_AWAY, steered_away, {0}},
	{SITUATION_REFUSED, IN, CAUSE_TOO_EARLY, too_early,
		{CAUSE_REDIRECT_NO_LISTENER, CAUSE_FIREWALL_RESET, CAUSE_STEERED_AWAY}},
	{SITUATION_REFUSED, IN, CAUSE_RESTARTING, restarting, {0}},
	{SITUATION_REFUSED, IN, CAUSE_PUBLISHED_NO_LISTENER, published_no_listener,
		{CAUSE_PUBLISHED_LOOPBACK_ONLY, CAUSE_FIREWALL_RESET}},
	{SITUATION_REFUSED, IN, CAUSE_FIREWALL_RESET, firewall_reset, {CAUSE_STEERED_AWAY}},
	{SITUATION_REFUSED, IN, CAUSE_REDIRECT_NO_LISTENER, redirected, {CAUSE_FIREWALL_RESET}},
	{SITUATION_REFUSED, IN, CAUSE_ODD_FLAGS, odd_flags, {0}},
	{SITUATION_REFUSED, OUT, CAUSE_REMOTE_REFUSED, proved, {0}},
	{SITUATION_UNREACHABLE, IN, CAUSE_FIREWALL_REJECT, firewall_reject,
		{CAUSE_PUBLISHED_TARGET_DEAD, CAUSE_FORWARD_UNREACHABLE}},
	{SITUATION_UNREACHABLE, OUT, CAUSE_REMOTE_UNREACHABLE, proved, {0}},
	{SITUATION_UNREACHABLE, IN, CAUSE_FORWARD_UNREACHABLE, forward_unreachable, {CAUSE_FIREWALL_REJECT}},
	{SITUATION_UNREACHABLE, IN, CAUSE_NOT_OUR_ADDRESS, not_our_address, {0}},
	{SITUATION_UNREACHABLE, IN, CAUSE_FIREWALL_REJECT, forward_rejected, {0}},
	{SITUATION_UNANSWERED, IN, CAUSE_ADDRESS_UNANSWERED, address_unanswered, {0}},
	{SITUATION_UNANSWERED, IN, CAUSE_DUPLICATE_ADDRESS, duplicate_address, {0}},
};

const struct rule_table door_rules = RULE_TABLE(rules);
