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

static bool conntrack_is_full(const struct facts *f)
{
	return moved(f, COUNTER_CONNTRACK_DROP) && f->asked_conntrack && f->conntrack_max > 0 &&
	       f->conntrack >= f->conntrack_max - f->conntrack_max / 20;
}

/* Dropped on the way in */

static enum confidence firewall_drop(const struct facts *f)
{
	if (is_translated(f) || conntrack_is_full(f))
		return CONFIDENCE_NONE;
	return by_rule(f->said.syn) ? about(f->said.syn_of_port) : when(by_hook(f->said.syn), CONFIDENCE_POSSIBLE);
}

static enum confidence conntrack_full(const struct facts *f)
{
	return when(by_hook(f->said.syn) && conntrack_is_full(f), about(f->said.syn_of_port));
}

static enum confidence nfqueue_dead(const struct facts *f)
{
	if (by_queue(f->said.syn))
		return about(f->said.syn_of_port);
	return when(by_queue(f->said.syn_ack), about(f->said.syn_ack_of_port));
}

static enum confidence bpf_drop(const struct facts *f)
{
	const struct kernel_word *w = f->said.syn;

	if (is_for(w, REASON_XDP) || is_for(w, REASON_TC_INGRESS) || is_for(w, REASON_SOCKET_FILTER))
		return about(f->said.syn_of_port);
	return when(by_hook(w) && !conntrack_is_full(f), CONFIDENCE_POSSIBLE);
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

/* Dropped on the way out */

static enum confidence firewall_drop_reply(const struct facts *f)
{
	const struct kernel_word *w = f->said.syn_ack;
	const struct kernel_word *rst = f->said.to_client && f->said.to_client->flags & TCP_RST ? f->said.to_client : NULL;

	if (by_rule(w) || by_rule(rst))
		return by_rule(rst) ? CONFIDENCE_PROVED : about(f->said.syn_ack_of_port);
	return when(by_hook(w) || by_hook(rst), CONFIDENCE_POSSIBLE);
}

static enum confidence bpf_drop_reply(const struct facts *f)
{
	const struct kernel_word *w = f->said.syn_ack;

	if (is_for(w, REASON_TC_EGRESS) || is_for(w, REASON_BPF_CGROUP_EGRESS))
		return about(f->said.syn_ack_of_port);
	return when(by_hook(w), CONFIDENCE_POSSIBLE);
}

/* A segment after the SYN, of a handshake that is not completed */

static enum confidence firewall_drop_ack(const struct facts *f)
{
	const struct kernel_word *w = f->said.from_client;

	return by_rule(w) ? CONFIDENCE_PROVED : when(by_hook(w), CONFIDENCE_POSSIBLE);
}

static enum confidence bpf_drop_ack(const struct facts *f)
{
	const struct kernel_word *w = f->said.from_client;

	if (is_for(w, REASON_XDP) || is_for(w, REASON_TC_INGRESS) || is_for(w, REASON_SOCKET_FILTER))
		return CONFIDENCE_PROVED;
	return when(by_hook(w), CONFIDENCE_POSSIBLE);
}

/* Refused */

/* A rule that rejects drops the packet as well (nft_reject_inet_eval, v6.18), and TCP knows nothing of it. */
static enum confidence rejected(const struct facts *f)
{
	return when(by_rule(f->said.syn) && !f->said.syn_of_port && !f->said.reset, CONFIDENCE_PROVED);
}

static enum confidence redirect_no_listener(const struct facts *f)
{
	return when(is_for(f->said.reset, REASON_NO_SOCKET) && is_reset_elsewhere(f), CONFIDENCE_PROVED);
}

/* Connections that were reset */

/*
 * SOCK_DESTROY ends a connection in the name of whoever asks for it (tcp_abort, v6.18), by the same reason as SO_LINGER 0,
 * but without a count of its own.
 */
static enum confidence socket_destroyed(const struct facts *f)
{
	const struct kernel_word *w = f->said.reset;
	bool active = w && w->routed && is_for(w, REASON_TCP_STATE);

	if (!active || moved(f, COUNTER_ABORT_ON_CLOSE) || f->vanished)
		return CONFIDENCE_NONE;
	if (!f->window.known || moved(f, COUNTER_ABORT_ON_DATA))
		return CONFIDENCE_POSSIBLE;
	return CONFIDENCE_PROVED;
}

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
	{REASON_IP_INADDRERRORS, {CAUSE_NOT_OUR_ADDRESS, CAUSE_PUBLISHED_NOT_FORWARDED}},
};

static bool contains(const enum cause *causes, size_t n, enum cause c)
{
	for (size_t i = 0; i < n; i++)
		if (causes[i] == c)
			return true;
	return false;
}

bool rules_contradicted(const struct facts *f, enum cause cause)
{
	const struct kernel_word *syn = f->said.syn_of_port ? NULL : f->said.syn;

	if (f->situation == SITUATION_REFUSED && is_for(f->said.reset, REASON_NO_SOCKET))
		return (cause == CAUSE_REDIRECT_NO_LISTENER) != is_reset_elsewhere(f) || cause == CAUSE_FIREWALL_RESET;
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
	{SITUATION_SILENT, WAY_EITHER, CAUSE_FIREWALL_DROP, firewall_drop, {CAUSE_BPF_DROP}},
	{SITUATION_SILENT, IN, CAUSE_CONNTRACK_FULL, conntrack_full, {0}},
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
	{SITUATION_UNFINISHED, IN, CAUSE_FIREWALL_DROP_ACK, firewall_drop_ack, {CAUSE_BPF_DROP}},
	{SITUATION_UNFINISHED, IN, CAUSE_BPF_DROP, bpf_drop_ack, {CAUSE_FIREWALL_DROP_ACK}},
	{SITUATION_REFUSED, IN, CAUSE_FIREWALL_RESET, rejected, {0}},
	{SITUATION_REFUSED, IN, CAUSE_REDIRECT_NO_LISTENER, redirect_no_listener, {0}},
	{SITUATION_UNREACHABLE, IN, CAUSE_FIREWALL_REJECT, rejected, {0}},
	{SITUATION_RESET, WAY_EITHER, CAUSE_SOCKET_DESTROYED, socket_destroyed, {CAUSE_ABORT_LINGER}},
};

const struct rule_table kernel_rules = RULE_TABLE(rules);
