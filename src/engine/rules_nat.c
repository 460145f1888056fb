/* rules_nat.c - ports that are forwarded: to a container, another host, or another port of this one. */
#include "rule.h"

/*
 * Theory of operation
 *
 * Where a SYN was led is known from the wire (its second copy, as it left for the target), from the kernel's word on it,
 * or from the firewall's rules. What became of it there is told by the target's answer, which the wire shows before it is
 * translated back, and by who listens in the namespace that has the target's address.
 */

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

static const struct rule rules[] = {
	{SITUATION_REFUSED, IN, CAUSE_PUBLISHED_NO_LISTENER, published_no_listener,
		{CAUSE_PUBLISHED_LOOPBACK_ONLY, CAUSE_FIREWALL_RESET}},
	{SITUATION_REFUSED, IN, CAUSE_PUBLISHED_LOOPBACK_ONLY, published_loopback_only, {0}},
	{SITUATION_UNREACHABLE, IN, CAUSE_PUBLISHED_TARGET_DEAD, published_target_dead, {0}},
	{SITUATION_SILENT, IN, CAUSE_PUBLISHED_TARGET_DEAD, published_target_dead, {0}},
	{SITUATION_SILENT, IN, CAUSE_PUBLISHED_NO_RETURN, published_no_return, {0}},
	{SITUATION_SILENT, IN, CAUSE_FIREWALL_DROP_REPLY, answer_not_forwarded, {CAUSE_PUBLISHED_NO_RETURN}},
};

const struct rule_table nat_rules = RULE_TABLE(rules);
