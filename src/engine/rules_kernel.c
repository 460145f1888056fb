/* rules_kernel.c - what the kernel itself says of the packets that it dropped and the RSTs that it sent. */
#include "rule.h"

#include <string.h>

/*
 * Theory of operation
 *
 * The kernel names a reason and the function that dropped the packet (kfree_skb), or why it sends a RST
 * (tcp_send_reset). A word about this very packet is proof; one about others of the port, in a flood of which not each
 * is told, lets infer. Silence of the kernel is none: it has no reasons for full queues and missing routes. Where a
 * word about this very packet is there, causes that it rules out are not asked at all.
 *
 * NETFILTER_DROP at nft_do_chain() is a rule of nftables, or of iptables on top of it. At nf_hook_slow() it is whatever
 * else hangs at a hook: iptables of the old kind, connection tracking, a BPF program.
 */

enum {
	CLOSED = 7, /* TCP_CLOSE */
};

static enum confidence about(bool of_port)
{
	return of_port ? CONFIDENCE_INFERRED : CONFIDENCE_PROVED;
}

static bool is_for(const struct kernel_word *w, enum reason reason)
{
	return w && w->reason == reason;
}

static bool is_in(const struct kernel_word *w, const char *function)
{
	return strncmp(w->function, function, strlen(function)) == 0;
}

static bool by_queue(const struct kernel_word *w)
{
	return w && is_in(w, "nf_queue");
}

static bool by_rule(const struct kernel_word *w)
{
	return is_for(w, REASON_NETFILTER_DROP) && is_in(w, "nft_do_chain");
}

static bool by_hook(const struct kernel_word *w)
{
	return is_for(w, REASON_NETFILTER_DROP) && !by_rule(w) && !by_queue(w);
}

/* By the time it was dropped the SYN was for another address or port (NAT). */
static bool is_translated(const struct facts *f)
{
	const struct kernel_word *w = f->said.syn;
	const struct attempt_key *k = &f->a->key;

	return w && !f->said.syn_of_port && (!ip_equal(&w->dst, &k->server) || w->dport != k->server_port);
}

/* The RST is TCP's, and from another address or port than was dialled. */
static bool is_reset_elsewhere(const struct facts *f)
{
	const struct kernel_word *w = f->said.reset;
	const struct attempt_key *k = &f->a->key;

	return w && !f->a->out && (!ip_equal(&w->src, &k->server) || w->sport != k->server_port);
}

/*
 * Who drops at a hook without a rule of nftables is known where only one of those that do so is there. Of BPF programs
 * the kernel does not say for which namespace they hang; but where one of ours is dropped, and nothing else could have.
 */
enum at_hook {
	AT_HOOK_UNKNOWN,
	AT_HOOK_LEGACY, /* iptables of the old kind */
	AT_HOOK_BPF,
};

static enum at_hook at_hook(const struct facts *f, const struct kernel_word *w)
{
	const struct hooks *h = &f->hooks;

	if (!f->asked_hooks || !h->netfilter_known || h->ipvs || moved(f, COUNTER_CONNTRACK_DROP))
		return AT_HOOK_UNKNOWN;
	if (h->tproxy && !w->routed)
		return AT_HOOK_UNKNOWN; /* one of the old kind drops as well what finds no socket */
	if (h->legacy && h->netfilter == 0)
		return AT_HOOK_LEGACY;
	return !h->legacy && h->netfilter > 0 ? AT_HOOK_BPF : AT_HOOK_UNKNOWN;
}

/* How surely a word is a firewall's, or a BPF program's at a hook. */
static enum confidence by_firewall(const struct facts *f, const struct kernel_word *w, bool of_port)
{
	if (by_rule(w) || (by_hook(w) && at_hook(f, w) == AT_HOOK_LEGACY))
		return about(of_port);
	return when(by_hook(w) && at_hook(f, w) == AT_HOOK_UNKNOWN, CONFIDENCE_POSSIBLE);
}

static enum confidence by_program(const struct facts *f, const struct kernel_word *w, bool of_port)
{
	if (is_for(w, REASON_XDP) || is_for(w, REASON_TC_INGRESS) || is_for(w, REASON_SOCKET_FILTER) ||
		is_for(w, REASON_TC_EGRESS) || is_for(w, REASON_BPF_CGROUP_EGRESS) ||
		(by_hook(w) && at_hook(f, w) == AT_HOOK_BPF))
		return about(of_port);
	return when(by_hook(w) && at_hook(f, w) == AT_HOOK_UNKNOWN, CONFIDENCE_POSSIBLE);
}

static bool conntrack_is_full(const struct facts *f)
{
	return moved(f, COUNTER_CONNTRACK_DROP) && f->asked_conntrack && f->conntrack_max > 0 &&
	       f->conntrack >= f->conntrack_max - f->conntrack_max / 20;
}

/* Dropped on the way in */

static enum confidence firewall_drop(const struct facts *f)
{
	const struct firewall_verdict *v = f->ruling[RULING_SYN];
	/* Before routing TPROXY drops as well what finds no socket; without the rules that is not told apart. */
	bool tproxy = by_rule(f->said.syn) && !f->said.syn->routed && !v && !f->a->out;
	enum confidence c = by_firewall(f, f->said.syn, f->said.syn_of_port);
	/* Without packets it is not known whether the rule answered. */
	bool answered = f->no_packets && !(v && v->complete && v->fate == FIREWALL_DROPPED);

	if (is_translated(f) || conntrack_is_full(f) || rules_rejected_silently(f))
		return CONFIDENCE_NONE;
	return answered || tproxy ? when(c, CONFIDENCE_POSSIBLE) : c;
}

static enum confidence conntrack_full(const struct facts *f)
{
	return when(by_hook(f->said.syn) && conntrack_is_full(f), about(f->said.syn_of_port));
}

/* iptables' TPROXY drops what finds no socket; which of its rules did it the kernel does not say. */
static enum confidence tproxy_dead(const struct facts *f)
{
	const struct kernel_word *w = f->said.syn;
	bool old = by_hook(w) && f->asked_hooks && f->hooks.tproxy;
	bool unread = by_rule(w) && !f->ruling[RULING_SYN];

	return when((old || unread) && !w->routed && !f->said.syn_of_port, CONFIDENCE_POSSIBLE);
}

static enum confidence nfqueue_dead(const struct facts *f)
{
	if (by_queue(f->said.syn))
		return about(f->said.syn_of_port);
	return when(by_queue(f->said.syn_ack), about(f->said.syn_ack_of_port));
}

static enum confidence bpf_drop(const struct facts *f)
{
	return when(!conntrack_is_full(f) && !(is_translated(f) && by_hook(f->said.syn)), by_program(f, f->said.syn, f->said.syn_of_port));
}

static enum confidence tcp_md5(const struct facts *f)
{
	const struct kernel_word *w = f->said.syn;

	return when(is_for(w, REASON_TCP_MD5NOTFOUND) || is_for(w, REASON_TCP_MD5UNEXPECTED) ||
			    is_for(w, REASON_TCP_MD5FAILURE),
		about(f->said.syn_of_port));
}

static enum confidence min_ttl(const struct facts *f)
{
	return when(is_for(f->said.syn, REASON_TCP_MINTTL), about(f->said.syn_of_port));
}

static enum confidence bad_checksum(const struct facts *f)
{
	return when(is_for(f->said.syn, REASON_TCP_CSUM) || is_for(f->said.syn, REASON_IP_CSUM), about(f->said.syn_of_port));
}

static enum confidence reverse_path(const struct facts *f)
{
	return when(is_for(f->said.syn, REASON_IP_RPFILTER), about(f->said.syn_of_port));
}

static enum confidence martian(const struct facts *f)
{
	const struct kernel_word *w = f->said.syn;
	bool loopback = is_for(w, REASON_IP_LOCALNET) && !ip_is_loopback(&w->dst);

	return when(!f->said.syn_of_port && (loopback || is_for(w, REASON_IP_LOCAL_SOURCE) ||
						is_for(w, REASON_IP_INVALID_SOURCE)),
		CONFIDENCE_PROVED);
}

static enum confidence not_for_us(const struct facts *f)
{
	return when(is_for(f->said.syn, REASON_OTHERHOST) && !f->said.syn_of_port, CONFIDENCE_PROVED);
}

/* Only NAT leads a packet from outside to 127.0.0.0/8 (ip_route_input_slow, v6.18: route_localnet). */
static enum confidence dnat_to_loopback(const struct facts *f)
{
	const struct kernel_word *w = f->said.syn;

	return when(is_for(w, REASON_IP_LOCALNET) && ip_is_loopback(&w->dst), about(f->said.syn_of_port));
}

static enum confidence published_not_forwarded(const struct facts *f)
{
	const struct kernel_word *w = f->said.syn;

	return when(is_translated(f) && (by_rule(w) || by_hook(w) || is_for(w, REASON_IP_INADDRERRORS)), CONFIDENCE_PROVED);
}

/* An IPsec policy wants it encrypted, and it came in clear text (xfrm_policy_check, v6.18). */
static enum confidence ipsec_policy(const struct facts *f)
{
	if (is_for(f->said.syn, REASON_XFRM_POLICY))
		return about(f->said.syn_of_port);
	return when(is_for(f->said.syn_ack, REASON_XFRM_POLICY), about(f->said.syn_ack_of_port));
}

/* By the namespace's counters alone; whose packet they count they do not say. */
static enum confidence ipsec_policy_counted(const struct facts *f)
{
	bool in = moved(f, COUNTER_XFRM_IN_TEMPLATE) || moved(f, COUNTER_XFRM_IN_BLOCK);
	bool out = moved(f, COUNTER_XFRM_OUT_BLOCK) || moved(f, COUNTER_XFRM_OUT_NO_STATES);
	bool half_open = f->looked_up && f->found && f->socket.state == SOCKET_SYN_RECV;
	bool reached = f->accepting && (f->drops > 0 || !f->drops_exact);

	if (f->said.syn || f->a->out)
		return CONFIDENCE_NONE;
	return when((in && !half_open && !reached) || (out && half_open), CONFIDENCE_INFERRED);
}

/* The queueing discipline of the interface dropped our SYN-ACK. */
static enum confidence queue_drop(const struct facts *f)
{
	return when(is_for(f->said.syn_ack, REASON_QDISC_DROP), about(f->said.syn_ack_of_port));
}

/* Dropped on the way out */

static enum confidence firewall_drop_reply(const struct facts *f)
{
	const struct kernel_word *w = f->said.syn_ack;
	const struct kernel_word *rst = f->said.to_client && f->said.to_client->flags & TCP_RST ? f->said.to_client : NULL;

	return rst ? by_firewall(f, rst, false) : by_firewall(f, w, f->said.syn_ack_of_port);
}

static enum confidence bpf_drop_reply(const struct facts *f)
{
	return by_program(f, f->said.syn_ack, f->said.syn_ack_of_port);
}

/* A segment after the SYN, of a handshake that is not completed */

static enum confidence firewall_drop_ack(const struct facts *f)
{
	return by_firewall(f, f->said.from_client, false);
}

static enum confidence bpf_drop_ack(const struct facts *f)
{
	return by_program(f, f->said.from_client, false);
}

/* A segment of a connection that is open here, from the peer or to it */

static const struct kernel_word *filtered(const struct facts *f)
{
	if (f->waiting != WAITING_FILTERED)
		return NULL;
	return f->said.from_client ? f->said.from_client : f->said.to_client;
}

/* A rule drops it, and connection tracking does not know the flow: so it is invalid, or as good as new. */
static enum confidence conntrack_invalid(const struct facts *f)
{
	const struct kernel_word *w = filtered(f);

	/* That the flow is not known may be its usual state (notrack, a zone): rules_firewall.c proves it by the rule. */
	return when(w && !(f->asked_flow && f->flow.found) && by_firewall(f, w, false), CONFIDENCE_POSSIBLE);
}

static enum confidence firewall_drop_data(const struct facts *f)
{
	const struct kernel_word *w = f->waiting == WAITING_FILTERED ? f->said.from_client : NULL;

	if (!w || (f->asked_flow && f->flow.found))
		return by_firewall(f, w, false);
	return when(by_firewall(f, w, false), CONFIDENCE_POSSIBLE);
}

/* Our own, where none of the client's was. */
static enum confidence firewall_drop_data_out(const struct facts *f)
{
	const struct kernel_word *w = f->said.from_client ? NULL : filtered(f);

	if (!w || (f->asked_flow && f->flow.found))
		return by_firewall(f, w, false);
	return when(by_firewall(f, w, false), CONFIDENCE_POSSIBLE);
}

static enum confidence queue_drop_data(const struct facts *f)
{
	const struct kernel_word *w = f->waiting == WAITING_FILTERED ? f->said.to_client : NULL;

	return when(is_for(w, REASON_QDISC_DROP), CONFIDENCE_PROVED);
}

/* Given up at last, with no word about it while it lasted: the queue had dropped what was sent again. */
static enum confidence queue_drop_to_the_end(const struct facts *f)
{
	const struct kernel_word *w = f->said.to_client;

	return when(f->a->fate == FATE_RETRANSMITS && is_for(w, REASON_QDISC_DROP) && w->times > 1, CONFIDENCE_PROVED);
}

static enum confidence ipsec_policy_data(const struct facts *f)
{
	return when(is_for(filtered(f), REASON_XFRM_POLICY), CONFIDENCE_PROVED);
}

static enum confidence bpf_drop_data(const struct facts *f)
{
	return by_program(f, filtered(f), false);
}

/* Refused */

/* A rule that rejects drops the packet as well (nft_reject_inet_eval, v6.18), and TCP knows nothing of it. */
static enum confidence rejected(const struct facts *f)
{
	return when(by_rule(f->said.syn) && !f->said.syn_of_port && !f->said.reset, CONFIDENCE_PROVED);
}

static enum confidence redirect_no_listener(const struct facts *f)
{
	return when(is_for(f->said.reset, REASON_NO_SOCKET) && is_reset_elsewhere(f) && f->target.here, CONFIDENCE_PROVED);
}

/* Connections that were reset */

/*
 * SOCK_DESTROY resets a connection while its socket is still open (tcp_abort, v6.18). By the same reason, SO_LINGER 0
 * and a listener that is closed over its queue reset one whose socket is closed already (tcp_disconnect).
 */
static enum confidence socket_destroyed(const struct facts *f)
{
	const struct kernel_word *w = f->said.reset;

	return when(is_for(w, REASON_TCP_STATE) && w->routed && w->state != 0 && w->state != CLOSED, CONFIDENCE_PROVED);
}

/* The listener went with the connection, and its process too. */
static bool owner_died(const struct facts *f)
{
	return f->vanished && !f->accepting && f->asked_process && f->process.pid == 0;
}

static enum confidence abort_unread_data(const struct facts *f)
{
	return when(is_for(f->said.reset, REASON_TCP_ABORT_ON_CLOSE) && !owner_died(f),
		f->vanished && !f->asked_process ? CONFIDENCE_POSSIBLE : CONFIDENCE_PROVED);
}

static enum confidence process_died(const struct facts *f)
{
	return when(is_for(f->said.reset, REASON_TCP_ABORT_ON_CLOSE) && owner_died(f), CONFIDENCE_PROVED);
}

/* A closed socket that is reset by the same reason with its listener gone was thrown away with its queue. */
static enum confidence abort_linger(const struct facts *f)
{
	const struct kernel_word *w = f->said.reset;
	bool lingers = (is_for(w, REASON_TCP_STATE) && w->routed && w->state == CLOSED) || is_for(w, REASON_TCP_ABORT_ON_LINGER);

	return when(lingers && !f->vanished && moved(f, COUNTER_ABORT_ON_DATA), CONFIDENCE_PROVED);
}

static enum confidence keepalive_timeout(const struct facts *f)
{
	return when(is_for(f->said.reset, REASON_TCP_KEEPALIVE_TIMEOUT), CONFIDENCE_PROVED);
}

/* What a reason of the kernel for its RST leaves open; of TCP_STATE see socket_destroyed(). */
static const struct {
	enum reason reason;
	enum cause causes[6];
} reset_leaves[] = {
	{REASON_TCP_ABORT_ON_CLOSE, {CAUSE_ABORT_UNREAD_DATA, CAUSE_PROCESS_DIED, CAUSE_QUEUE_DISCARDED, CAUSE_CLOSED_EARLY,
		CAUSE_PROXY_BACKEND_DEAD}},
	{REASON_TCP_KEEPALIVE_TIMEOUT, {CAUSE_KEEPALIVE_TIMEOUT}},
};

/* What a reason of the kernel for dropping a SYN leaves open. */
static const struct {
	enum reason reason;
	enum cause causes[8];
} leaves[] = {
	{REASON_NETFILTER_DROP,
		{CAUSE_FIREWALL_DROP, CAUSE_CONNTRACK_FULL, CAUSE_BPF_DROP, CAUSE_TPROXY_DEAD, CAUSE_NFQUEUE_DEAD,
			CAUSE_PUBLISHED_NOT_FORWARDED, CAUSE_FIREWALL_RESET, CAUSE_FIREWALL_REJECT}},
	{REASON_XDP, {CAUSE_BPF_DROP}},
	{REASON_TC_INGRESS, {CAUSE_BPF_DROP}},
	{REASON_TC_EGRESS, {CAUSE_BPF_DROP}},
	{REASON_SOCKET_FILTER, {CAUSE_BPF_DROP}},
	{REASON_TCP_MD5NOTFOUND, {CAUSE_TCP_MD5}},
	{REASON_TCP_MD5UNEXPECTED, {CAUSE_TCP_MD5}},
	{REASON_TCP_MD5FAILURE, {CAUSE_TCP_MD5}},
	{REASON_TCP_MINTTL, {CAUSE_MIN_TTL}},
	{REASON_TCP_CSUM, {CAUSE_BAD_CHECKSUM}},
	{REASON_IP_CSUM, {CAUSE_BAD_CHECKSUM}},
	{REASON_IPV6DISABLED, {CAUSE_IPV6_DISABLED}},
	{REASON_IP_RPFILTER, {CAUSE_REVERSE_PATH}},
	{REASON_IP_LOCAL_SOURCE, {CAUSE_MARTIAN}},
	{REASON_IP_INVALID_SOURCE, {CAUSE_MARTIAN}},
	{REASON_IP_LOCALNET, {CAUSE_MARTIAN, CAUSE_DNAT_TO_LOOPBACK}},
	{REASON_OTHERHOST, {CAUSE_NOT_FOR_US}},
	{REASON_XFRM_POLICY, {CAUSE_IPSEC_POLICY}},
	{REASON_IP_INADDRERRORS, {CAUSE_NOT_OUR_ADDRESS, CAUSE_PUBLISHED_NOT_FORWARDED}},
};

static bool contains(const enum cause *causes, size_t n, enum cause c)
{
	for (size_t i = 0; i < n; i++)
		if (causes[i] == c)
			return true;
	return false;
}

static bool reset_contradicted(const struct facts *f, enum cause cause)
{
	const struct kernel_word *w = f->said.reset;

	if (!w)
		return false;
	if (socket_destroyed(f))
		return cause != CAUSE_SOCKET_DESTROYED;
	for (size_t i = 0; i < sizeof(reset_leaves) / sizeof(reset_leaves[0]); i++)
		if (w->reason == reset_leaves[i].reason)
			return !contains(reset_leaves[i].causes, 6, cause);
	return false;
}

bool rules_unexplained(const struct facts *f)
{
	/* Besides those in the table: what rules take up by themselves, or what says where a SYN came to and not why it ended. */
	static const uint8_t explained[] = {REASON_NO_SOCKET, REASON_TCP_LISTEN_OVERFLOW, REASON_NEIGH_FAILED, REASON_NEIGH_CREATEFAIL,
		REASON_NEIGH_DEAD, REASON_NEIGH_QUEUEFULL, REASON_QDISC_DROP, REASON_TCP_RFC7323_PAWS, REASON_TCP_RFC7323_TW_PAWS,
		REASON_TCP_INVALID_SYN, REASON_IP_INNOROUTES, REASON_TCP_FLAGS};
	const struct kernel_word *w = f->said.syn;

	if (!w || f->said.syn_of_port || f->situation != SITUATION_SILENT || f->a->out || by_queue(w) || !w->name[0] ||
		memchr(explained, w->reason, sizeof(explained)))
		return false;
	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++)
		if (w->reason == leaves[i].reason)
			return false;
	return true;
}

bool rules_contradicted(const struct facts *f, enum cause cause)
{
	const struct kernel_word *syn = f->said.syn_of_port ? NULL : f->said.syn;

	if (f->situation == SITUATION_REFUSED && is_for(f->said.reset, REASON_NO_SOCKET))
		return (cause == CAUSE_REDIRECT_NO_LISTENER) != is_reset_elsewhere(f) || cause == CAUSE_FIREWALL_RESET;
	if (f->situation == SITUATION_RESET)
		return reset_contradicted(f, cause);
	if (!syn || f->a->out || f->a->odd ||
		(f->situation != SITUATION_SILENT && f->situation != SITUATION_REFUSED && f->situation != SITUATION_UNREACHABLE))
		return false;
	if (by_queue(syn))
		return cause != CAUSE_NFQUEUE_DEAD;
	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++)
		if (syn->reason == leaves[i].reason)
			return !contains(leaves[i].causes, sizeof(leaves[i].causes) / sizeof(leaves[i].causes[0]), cause);
	return false;
}

static const struct rule rules[] = {
	{SITUATION_SILENT, WAY_EITHER, CAUSE_FIREWALL_DROP, firewall_drop,
		{CAUSE_BPF_DROP, CAUSE_FIREWALL_RESET, CAUSE_FIREWALL_REJECT}},
	{SITUATION_SILENT, IN, CAUSE_CONNTRACK_FULL, conntrack_full, {0}},
	{SITUATION_SILENT, IN, CAUSE_TPROXY_DEAD, tproxy_dead, {CAUSE_FIREWALL_DROP}},
	{SITUATION_SILENT, IN, CAUSE_NFQUEUE_DEAD, nfqueue_dead, {0}},
	{SITUATION_SILENT, WAY_EITHER, CAUSE_BPF_DROP, bpf_drop, {CAUSE_FIREWALL_DROP}},
	{SITUATION_SILENT, IN, CAUSE_TCP_MD5, tcp_md5, {0}},
	{SITUATION_SILENT, IN, CAUSE_MIN_TTL, min_ttl, {0}},
	{SITUATION_SILENT, IN, CAUSE_BAD_CHECKSUM, bad_checksum, {0}},
	{SITUATION_SILENT, IN, CAUSE_REVERSE_PATH, reverse_path, {0}},
	{SITUATION_SILENT, IN, CAUSE_MARTIAN, martian, {0}},
	{SITUATION_SILENT, IN, CAUSE_NOT_FOR_US, not_for_us, {0}},
	{SITUATION_SILENT, IN, CAUSE_DNAT_TO_LOOPBACK, dnat_to_loopback, {0}},
	{SITUATION_SILENT, IN, CAUSE_PUBLISHED_NOT_FORWARDED, published_not_forwarded, {0}},
	{SITUATION_SILENT, IN, CAUSE_FIREWALL_DROP_REPLY, firewall_drop_reply, {CAUSE_BPF_DROP}},
	{SITUATION_SILENT, IN, CAUSE_BPF_DROP, bpf_drop_reply, {CAUSE_FIREWALL_DROP_REPLY}},
	{SITUATION_SILENT, IN, CAUSE_IPSEC_POLICY, ipsec_policy, {0}},
	{SITUATION_SILENT, IN, CAUSE_IPSEC_POLICY, ipsec_policy_counted, {CAUSE_FIREWALL_DROP}},
	{SITUATION_SILENT, IN, CAUSE_QUEUE_DROP, queue_drop, {0}},
	{SITUATION_UNFINISHED, IN, CAUSE_FIREWALL_DROP_ACK, firewall_drop_ack, {CAUSE_BPF_DROP}},
	{SITUATION_UNFINISHED, IN, CAUSE_BPF_DROP, bpf_drop_ack, {CAUSE_FIREWALL_DROP_ACK}},
	{SITUATION_WAITING, IN, CAUSE_CONNTRACK_INVALID, conntrack_invalid, {CAUSE_BPF_DROP}},
	{SITUATION_WAITING, IN, CAUSE_FIREWALL_DROP_ACK, firewall_drop_data, {CAUSE_BPF_DROP}},
	{SITUATION_WAITING, IN, CAUSE_FIREWALL_DROP_REPLY, firewall_drop_data_out, {CAUSE_BPF_DROP}},
	{SITUATION_WAITING, IN, CAUSE_BPF_DROP, bpf_drop_data, {CAUSE_FIREWALL_DROP_ACK}},
	{SITUATION_WAITING, IN, CAUSE_QUEUE_DROP, queue_drop_data, {0}},
	{SITUATION_RESET, IN, CAUSE_QUEUE_DROP, queue_drop_to_the_end, {0}},
	{SITUATION_WAITING, IN, CAUSE_IPSEC_POLICY, ipsec_policy_data, {0}},
	{SITUATION_REFUSED, IN, CAUSE_FIREWALL_RESET, rejected, {0}},
	{SITUATION_REFUSED, IN, CAUSE_REDIRECT_NO_LISTENER, redirect_no_listener, {0}},
	{SITUATION_UNREACHABLE, IN, CAUSE_FIREWALL_REJECT, rejected, {0}},
	{SITUATION_RESET, WAY_EITHER, CAUSE_SOCKET_DESTROYED, socket_destroyed, {0}},
	{SITUATION_RESET, WAY_EITHER, CAUSE_ABORT_UNREAD_DATA, abort_unread_data, {CAUSE_PROCESS_DIED}},
	{SITUATION_RESET, IN, CAUSE_PROCESS_DIED, process_died, {0}},
	{SITUATION_RESET, WAY_EITHER, CAUSE_ABORT_LINGER, abort_linger, {0}},
	{SITUATION_RESET, WAY_EITHER, CAUSE_KEEPALIVE_TIMEOUT, keepalive_timeout, {0}},
};

const struct rule_table kernel_rules = RULE_TABLE(rules);
