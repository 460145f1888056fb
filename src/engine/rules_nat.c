/* rules_nat.c - ports that are forwarded: to a container, another host, or another port of this one. */
#include "rule.h"

/*
 * Theory of operation
 *
 * Where a SYN was led is known from the wire (its second copy, as it left for the target), from the kernel's word on it,
 * or from the firewall's rules. What became of it there is told by the target's answer, which the wire shows before it is
 * translated back, and by who listens in the namespace that has the target's address.
 */

enum {
	SAME_RST = 50000, /* usec: one RST, as it comes in and as it goes out */
};

static bool was_forwarded(const struct facts *f)
{
	return f->target.known == TARGET_SEEN && f->target.inner;
}

/* The target itself refused. */
static bool refused_there(const struct facts *f)
{
	return was_forwarded(f) && f->target.inner->answered && f->target.inner->answer_flags & TCP_RST;
}

static enum confidence published_no_listener(const struct facts *f)
{
	const struct target *t = &f->target;

	if (!refused_there(f))
		return CONFIDENCE_NONE;
	/* Of another host nobody knows here what listens there; and where one does listen, a rule may have reset it. */
	if (!t->asked || !t->has_namespace || t->near == NEAR_ACCEPTS)
		return CONFIDENCE_POSSIBLE;
	return when(t->near != NEAR_LOOPBACK, CONFIDENCE_PROVED);
}

static enum confidence published_loopback_only(const struct facts *f)
{
	return when(refused_there(f) && f->target.has_namespace && f->target.near == NEAR_LOOPBACK, CONFIDENCE_PROVED);
}

static enum confidence published_target_dead(const struct facts *f)
{
	const struct target *t = &f->target;
	bool failed = f->said.syn && (f->said.syn->reason == REASON_NEIGH_FAILED || f->said.syn->reason == REASON_NEIGH_DEAD);
	bool silent = t->asked && (t->way.neighbour == NEIGHBOUR_ASKED || t->way.neighbour == NEIGHBOUR_FAILED);

	return when(t->known && !t->here && !was_forwarded(f) && (failed || silent), CONFIDENCE_PROVED);
}

static enum confidence published_no_return(const struct facts *f)
{
	bool dropped = was_forwarded(f) && f->said.syn && !f->said.syn_of_port && f->said.syn->t >= f->target.inner->t;

	return when(was_forwarded(f) && !f->target.inner->answered && !dropped, if_lossless(f));
}

/* The target answered, and its answer did not come out at this end. */
static enum confidence answer_not_forwarded(const struct facts *f)
{
	return when(was_forwarded(f) && f->target.inner->answered, CONFIDENCE_POSSIBLE);
}

/* Of a connection that was open: the target's RST, which this host only forwards. */
static bool reset_there(const struct facts *f)
{
	const struct attempt *a = f->a;
	const struct inner *i = f->target.inner;
	int64_t apart = i ? a->ended - i->reset : 0;

	if (!was_forwarded(f) || a->reset_by != SIDE_SERVER || a->given_up)
		return false;
	if (i->reset != 0 && apart > -SAME_RST && apart < SAME_RST)
		return true;
	return f->sockets && a->answer_ttl != f->own_ttl && stack_sent_none(f);
}

static bool seen_there(const struct facts *f)
{
	return was_forwarded(f) && f->target.inner->reset != 0;
}

/*
 * The client reset what the target had sent it, and not under the name that it had dialled: so that was not translated any
 * more, and the client does not know who speaks to it.
 */
static bool was_forgotten(const struct facts *f)
{
	return was_forwarded(f) && f->target.inner->client_reset != 0 && f->a->reset_by != SIDE_CLIENT &&
	       !f->a->client_reset_too;
}

static enum confidence published_reset(const struct facts *f)
{
	return when(reset_there(f) && !was_forgotten(f), seen_there(f) ? CONFIDENCE_PROVED : CONFIDENCE_INFERRED);
}

static enum confidence nat_expired(const struct facts *f)
{
	return when(reset_there(f) && was_forgotten(f), CONFIDENCE_PROVED);
}

/* Seen from the target's side alone. */
static enum confidence unknown_to_peer(const struct facts *f)
{
	return when(is_unknown_to_peer(f), CONFIDENCE_POSSIBLE);
}

/*
 * Our SYN-ACK was reset over fewer hops than the SYN had come, and the peer is on the same link: the SYN came by a router
 * that translates its destination, and our answer, which goes there directly, has an address that the peer never dialled.
 */
static enum confidence nat_bypassed(const struct facts *f)
{
	const struct attempt *a = f->a;
	bool on_link = f->asked_route && f->routing.back == ROUTE_UNICAST && ip_equal(&f->routing.next_hop, &a->key.client);

	return when(a->synack_rsts > 0 && a->answer_ttl > a->peer_ttl && on_link, CONFIDENCE_PROVED);
}

bool rules_translated(const struct facts *f, enum cause cause)
{
	if (f->situation == SITUATION_CANCELLED && nat_bypassed(f))
		return cause != CAUSE_NAT_BYPASSED;
	if (f->situation != SITUATION_RESET || !reset_there(f))
		return false;
	return cause == CAUSE_FIREWALL_RESET || cause == CAUSE_STALE_CONNECTION || cause == CAUSE_SENT_AFTER_CLOSE ||
	       cause == CAUSE_ABORT_LINGER || cause == CAUSE_ABORT_UNREAD_DATA || cause == CAUSE_CLOSED_EARLY;
}

static const struct rule rules[] = {
	{SITUATION_RESET, IN, CAUSE_PUBLISHED_RESET, published_reset, {0}},
	{SITUATION_RESET, IN, CAUSE_NAT_EXPIRED, nat_expired, {0}},
	{SITUATION_RESET, IN, CAUSE_NAT_EXPIRED, unknown_to_peer, {CAUSE_PEER_CLOSED_ABRUPTLY, CAUSE_MIDDLEBOX_RESET}},
	{SITUATION_CANCELLED, IN, CAUSE_NAT_BYPASSED, nat_bypassed, {0}},
	{SITUATION_REFUSED, IN, CAUSE_PUBLISHED_NO_LISTENER, published_no_listener,
		{CAUSE_PUBLISHED_LOOPBACK_ONLY, CAUSE_FIREWALL_RESET}},
	{SITUATION_REFUSED, IN, CAUSE_PUBLISHED_LOOPBACK_ONLY, published_loopback_only, {0}},
	{SITUATION_UNREACHABLE, IN, CAUSE_PUBLISHED_TARGET_DEAD, published_target_dead, {0}},
	{SITUATION_SILENT, IN, CAUSE_PUBLISHED_TARGET_DEAD, published_target_dead, {0}},
	{SITUATION_SILENT, IN, CAUSE_PUBLISHED_NO_RETURN, published_no_return, {0}},
	{SITUATION_SILENT, IN, CAUSE_FIREWALL_DROP_REPLY, answer_not_forwarded, {CAUSE_PUBLISHED_NO_RETURN}},
};

const struct rule_table nat_rules = RULE_TABLE(rules);
