/* rules_firewall.c - what the firewall's rules do with a packet of the attempt, read and followed rule by rule. */
#include "rule.h"

#include <string.h>

/*
 * Theory of operation
 *
 * A fate that is certain holds whatever is not known of the packet, so a silent SYN that a rule drops for certain was
 * dropped by it, or by something before it. Where the fate is not certain, one rule whose counter grew meanwhile is
 * likely the one; the kernel's word that netfilter dropped this very packet leaves the rules only to say which.
 */

static bool is_certain(const struct firewall_verdict *v, enum firewall_fate fate)
{
	return v && v->complete && v->fate == fate;
}

static bool is_dropped(const struct firewall_verdict *v)
{
	return is_certain(v, FIREWALL_DROPPED) || is_certain(v, FIREWALL_RESET) || is_certain(v, FIREWALL_ICMP);
}

/* The only candidate whose counter grew since it was last read; NULL: none, or several. */
static const struct firewall_rule *grown(const struct firewall_verdict *v, enum firewall_fate fate)
{
	const struct firewall_rule *only = NULL;

	for (uint32_t i = 0; v && i < v->n && i < FIREWALL_CANDIDATES; i++) {
		if (!v->candidates[i].has_counter || v->candidates[i].grew == 0)
			continue;
		if (only)
			return NULL;
		only = &v->candidates[i];
	}
	return only && only->fate == fate ? only : NULL;
}

/* The chain that ends it forwards: the SYN is on its way to a target. */
static bool ends_forwarding(const struct firewall_verdict *v)
{
	return v && v->n > 0 && v->translation.is && strcmp(v->candidates[0].hook, "forward") == 0;
}

/* How surely the rules drop it, where nothing else is known of it. */
static enum confidence dropped(const struct firewall_verdict *v)
{
	if (is_dropped(v))
		return CONFIDENCE_PROVED;
	return when(grown(v, FIREWALL_DROPPED), CONFIDENCE_INFERRED);
}

/* TCP saw nothing of it: the listener's own counter stands still, or nobody listens; and it was not forwarded. */
static bool got_lost(const struct facts *f)
{
	bool reached = f->accepting && (f->drops > 0 || !f->drops_exact);
	bool known = f->looked_up && f->found && f->socket.state != SOCKET_LISTEN;

	return f->sockets && !reached && !known && f->target.known != TARGET_SEEN && !f->a->odd && !f->a->other_mac &&
	       !f->a->foreign;
}

/*
 * The rule that ended the SYN rejects it with an ICMP error, and none came: the kernel limits how many it sends
 * (icmpv4_xrlim_allow(), icmp_global_allow(), net/ipv4/icmp.c, v6.18).
 */
bool rules_rejected_silently(const struct facts *f)
{
	const struct firewall_verdict *v = f->ruling[RULING_SYN];

	if (f->situation != SITUATION_SILENT || f->a->out || f->no_packets)
		return false;
	if (f->traced_syn)
		return f->traced_syn->fate == FIREWALL_ICMP;
	if (is_certain(v, FIREWALL_ICMP))
		return true;
	/* The kernel says that netfilter dropped it, and no other rule can have. */
	return v && v->complete && !v->legacy && v->n == 1 && v->n_found == 1 && v->candidates[0].fate == FIREWALL_ICMP && f->said.syn &&
	       !f->said.syn_of_port && f->said.syn->reason == REASON_NETFILTER_DROP;
}

static enum confidence firewall_reject_withheld(const struct facts *f)
{
	return when(rules_rejected_silently(f) && got_lost(f) && !ends_forwarding(f->ruling[RULING_SYN]),
		f->lossless && !f->partial ? CONFIDENCE_PROVED : CONFIDENCE_INFERRED);
}

static enum confidence firewall_drop(const struct facts *f)
{
	const struct firewall_verdict *v = f->ruling[RULING_SYN];

	if (rules_rejected_silently(f))
		return CONFIDENCE_NONE;
	if (f->traced_syn)
		return when(strcmp(f->traced_syn->hook, "forward") != 0, CONFIDENCE_PROVED);
	return when(got_lost(f) && !ends_forwarding(v), dropped(v));
}

static enum confidence published_not_forwarded(const struct facts *f)
{
	const struct firewall_verdict *v = f->ruling[RULING_SYN];
	/* Without forwarding, what is led to another host is dropped like any packet for another host. */
	bool off = v && v->translation.must && f->target.known && !f->target.here && f->asked_route &&
		   f->routing.forwarding == 0;

	if (f->traced_syn && f->target.known && strcmp(f->traced_syn->hook, "forward") == 0)
		return CONFIDENCE_PROVED;
	if (!got_lost(f))
		return CONFIDENCE_NONE;
	return off ? CONFIDENCE_PROVED : when(ends_forwarding(v), dropped(v));
}

static enum confidence nfqueue_dead(const struct facts *f)
{
	const struct firewall_verdict *v = f->ruling[RULING_SYN];

	return when(got_lost(f) && is_certain(v, FIREWALL_QUEUED) && v->queue_listeners == 0, CONFIDENCE_INFERRED);
}

/*
 * Of the targets only iptables' TPROXY drops what finds no socket (xt_TPROXY.c tproxy_tg4, v6.18); the statement of
 * nftables goes on to the next rule.
 */
static bool ends_in_tproxy(const struct facts *f)
{
	const struct firewall_verdict *v = f->ruling[RULING_SYN];
	bool tproxy = false;

	if (!v || v->n == 0 || v->n_found > v->n)
		return false;
	for (uint32_t i = 0; i < v->n; i++) { /* it may drop or pass on: one rule, two candidates */
		if (!firewall_same_rule(&v->candidates[i], &v->candidates[0]))
			return false;
		tproxy = tproxy || v->candidates[i].fate == FIREWALL_TPROXIED;
	}
	return tproxy;
}

static enum confidence tproxy_dead(const struct facts *f)
{
	const struct kernel_word *w = f->said.syn;
	bool dropped_here = w && !f->said.syn_of_port && w->reason == REASON_NETFILTER_DROP && !w->routed;

	if (!ends_in_tproxy(f) || !got_lost(f))
		return CONFIDENCE_NONE;
	return dropped_here ? CONFIDENCE_PROVED : when(!w, CONFIDENCE_INFERRED);
}

static enum confidence dnat_to_loopback(const struct facts *f)
{
	const struct firewall_verdict *v = f->ruling[RULING_SYN];
	bool leads = v && v->complete && v->translation.must && v->translation.addr_known &&
		     ip_is_loopback(&v->translation.addr) && !ip_is_loopback(&f->a->key.server);

	return when(got_lost(f) && leads && f->asked_route && f->routing.route_localnet == 0, CONFIDENCE_PROVED);
}

/* TCP answered, and the wire does not show it. */
static enum confidence firewall_drop_reply(const struct facts *f)
{
	bool half_open = f->looked_up && f->found && f->socket.state == SOCKET_SYN_RECV;

	if (f->traced_answer)
		return CONFIDENCE_PROVED;
	return when(half_open || f->a->rejected_here, dropped(f->ruling[RULING_ANSWER]));
}

static enum confidence firewall_drop_ack(const struct facts *f)
{
	bool half_open = f->looked_up && f->found && f->socket.state == SOCKET_SYN_RECV;

	return when(half_open && f->a->acks_in > 0 && !moved(f, COUNTER_LISTEN_OVERFLOWS), dropped(f->ruling[RULING_ACK]));
}

static enum confidence firewall_reset(const struct facts *f)
{
	return when(is_certain(f->ruling[RULING_SYN], FIREWALL_RESET) && !f->a->odd, CONFIDENCE_PROVED);
}

static enum confidence firewall_reject(const struct facts *f)
{
	const struct firewall_verdict *v = f->ruling[RULING_SYN];
	bool same = is_certain(v, FIREWALL_ICMP) && v->icmp_type == f->a->icmp_type && v->icmp_code == f->a->icmp_code;

	return when(same && f->icmp_from_here, CONFIDENCE_PROVED);
}

/* The rules lead it to another port or address of this host, and TCP refused it there. */
static bool is_led_astray(const struct facts *f)
{
	const struct target *t = &f->target;

	return t->known && t->here && (t->port != f->a->key.server_port || !ip_equal(&t->addr, &f->a->key.server));
}

static enum confidence redirect_no_listener(const struct facts *f)
{
	bool sure = f->target.known == TARGET_SAID || (f->ruling[RULING_SYN] && f->ruling[RULING_SYN]->translation.must);

	if (!is_led_astray(f) || f->target.listens_here)
		return CONFIDENCE_NONE;
	return f->origin == ORIGIN_STACK && sure ? CONFIDENCE_PROVED
						 : when(f->origin != ORIGIN_OTHER, CONFIDENCE_POSSIBLE);
}

/* A rule lets go what connection tracking knows, and not what it has forgotten. */
static enum confidence conntrack_invalid(const struct facts *f)
{
	const struct kernel_word *w = f->said.from_client ? f->said.from_client : f->said.to_client;
	bool by_rule = w && w->reason == REASON_NETFILTER_DROP;

	return when(f->waiting == WAITING_FILTERED && by_rule && is_dropped(f->ruling[RULING_INVALID]) &&
			    is_certain(f->ruling[RULING_ACK], FIREWALL_ACCEPTED) && !(f->asked_flow && f->flow.found),
		CONFIDENCE_PROVED);
}

bool rules_ruled_out(const struct facts *f, enum cause cause)
{
	const struct firewall_verdict *v = f->ruling[RULING_SYN];
	bool at_door = f->situation == SITUATION_REFUSED && !f->a->out && !f->a->odd;

	/* Somebody else's door: what listens on the dialled port says nothing. */
	if (at_door && v && v->complete && v->translation.must && is_led_astray(f) && !f->target.listens_here)
		return cause != CAUSE_REDIRECT_NO_LISTENER && cause != CAUSE_FIREWALL_RESET;
	if (f->situation == SITUATION_SILENT && cause == CAUSE_FIREWALL_DROP && ends_in_tproxy(f))
		return true;
	/* Every rule lets it pass, and nothing else of netfilter's is known to be there. */
	return f->situation == SITUATION_SILENT && cause == CAUSE_FIREWALL_DROP && !f->said.syn && !f->a->out &&
	       is_certain(v, FIREWALL_ACCEPTED) && !v->legacy && f->kernel;
}

static const struct rule rules[] = {
	{SITUATION_SILENT, IN, CAUSE_FIREWALL_REJECT, firewall_reject_withheld, {0}},
	{SITUATION_SILENT, IN, CAUSE_FIREWALL_DROP, firewall_drop, {CAUSE_BPF_DROP}},
	{SITUATION_SILENT, IN, CAUSE_PUBLISHED_NOT_FORWARDED, published_not_forwarded, {0}},
	{SITUATION_SILENT, IN, CAUSE_NFQUEUE_DEAD, nfqueue_dead, {0}},
	{SITUATION_SILENT, IN, CAUSE_TPROXY_DEAD, tproxy_dead, {0}},
	{SITUATION_SILENT, IN, CAUSE_DNAT_TO_LOOPBACK, dnat_to_loopback, {0}},
	{SITUATION_SILENT, IN, CAUSE_FIREWALL_DROP_REPLY, firewall_drop_reply, {CAUSE_BPF_DROP}},
	{SITUATION_UNFINISHED, IN, CAUSE_FIREWALL_DROP_ACK, firewall_drop_ack, {CAUSE_BPF_DROP}},
	{SITUATION_REFUSED, IN, CAUSE_FIREWALL_RESET, firewall_reset, {0}},
	{SITUATION_REFUSED, IN, CAUSE_REDIRECT_NO_LISTENER, redirect_no_listener, {0}},
	{SITUATION_UNREACHABLE, IN, CAUSE_FIREWALL_REJECT, firewall_reject, {0}},
	{SITUATION_WAITING, IN, CAUSE_CONNTRACK_INVALID, conntrack_invalid, {0}},
};

const struct rule_table firewall_rules = RULE_TABLE(rules);
