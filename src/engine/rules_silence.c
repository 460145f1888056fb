/* rules_silence.c - a SYN came in and nothing went out, or a SYN of ours was not answered. */
#include "rule.h"

/*
 * Theory of operation
 *
 * A silent SYN is told apart by the listener's own drop counter (sk_drops, INET_DIAG_SKMEMINFO): it rises for
 * what reaches the listener and is dropped there, and stays for what never got that far. What was dropped
 * there is told by the namespace's counters: overflows and a full queue; ListenDrops and many half-open
 * connections, or no way back; TCP-MD5 and TTL, which count for themselves alone. What never got there is told
 * by routing, which can be asked what it does with such a packet; else it is likely the firewall, and only
 * possible.
 */

static bool reached_listener(const struct facts *f)
{
	return f->accepting && f->drops > 0;
}

static bool is_full(const struct facts *f)
{
	return f->queue.queue > f->queue.queue_max;
}

/* Something that does not get as far as TCP is wrong with the packet itself, and known. */
static bool is_malformed(const struct facts *f)
{
	return f->a->odd || f->a->other_mac || f->a->foreign;
}

static enum confidence odd_flags(const struct facts *f)
{
	return when(f->a->odd, CONFIDENCE_PROVED);
}

/* What reached the listener and was dropped there for another reason than its queues. */
static bool md5_or_ttl(const struct facts *f)
{
	return moved(f, COUNTER_MD5_DROPS) || moved(f, COUNTER_MD5_UNEXPECTED) || moved(f, COUNTER_MD5_FAILURE) ||
	       moved(f, COUNTER_MIN_TTL_DROP);
}

static bool no_way_back(const struct facts *f)
{
	return f->asked_route && f->routing.back != ROUTE_UNKNOWN && f->routing.back != ROUTE_UNICAST &&
	       f->routing.back != ROUTE_LOCAL;
}

/*
 * Whom a full queue is to be laid at: each reason is proved by the owner's own state. ListenOverflows counts
 * for the whole namespace: it must have moved, and alone it proves nothing.
 */
enum queue_reason {
	QUEUE_NOT_FULL,
	QUEUE_SLOW,
	QUEUE_STOPPED,
	QUEUE_OUT_OF_FDS,
	QUEUE_ONE_OF_SEVERAL,
};

static enum queue_reason queue_reason(const struct facts *f)
{
	if (!reached_listener(f) || !moved(f, COUNTER_LISTEN_OVERFLOWS))
		return QUEUE_NOT_FULL;
	if (process_stopped_there(f))
		return QUEUE_STOPPED;
	if (process_without_fds(f))
		return QUEUE_OUT_OF_FDS;
	if (f->members > 1 && !f->members_full && (f->member || f->members > 1))
		return QUEUE_ONE_OF_SEVERAL;
	return QUEUE_SLOW;
}

static enum confidence queue_full(const struct facts *f, enum queue_reason reason)
{
	if (queue_reason(f) != reason)
		return CONFIDENCE_NONE;
	if (!is_full(f) || md5_or_ttl(f) || no_way_back(f) || moved(f, COUNTER_REQQ_FULL_DROP) ||
		(!f->asked_route && moved(f, COUNTER_OUT_NO_ROUTES)))
		return CONFIDENCE_POSSIBLE;
	return if_lossless(f);
}

static enum confidence accept_queue_full(const struct facts *f)
{
	return queue_full(f, QUEUE_SLOW);
}

static enum confidence process_stopped(const struct facts *f)
{
	return queue_full(f, QUEUE_STOPPED);
}

static enum confidence fd_limit(const struct facts *f)
{
	return queue_full(f, QUEUE_OUT_OF_FDS);
}

/* Which member gets the SYN is the kernel's own word (an exact look-up); without it the group is only likely. */
static enum confidence reuseport_stuck(const struct facts *f)
{
	enum confidence c = queue_full(f, QUEUE_ONE_OF_SEVERAL);

	return c != CONFIDENCE_NONE && !f->member ? CONFIDENCE_POSSIBLE : c;
}

/*
 * Dropped by the listener with ListenDrops and no overflow: the SYN queue is full (TCPReqQFullDrop), or without
 * cookies three quarters of tcp_max_syn_backlog are taken (tcp_conn_request, v6.18), or there is no way back.
 */
static enum confidence syn_queue_full(const struct facts *f)
{
	bool crowded = f->asked_half_open && f->cookies == 0 && f->half_open > f->half_open_max - f->half_open_max / 4;

	if (!reached_listener(f) || is_full(f) || !moved(f, COUNTER_LISTEN_DROPS) ||
		moved(f, COUNTER_LISTEN_OVERFLOWS) || no_way_back(f) || md5_or_ttl(f))
		return CONFIDENCE_NONE;
	if (moved(f, COUNTER_REQQ_FULL_DROP) || crowded)
		return f->drops_exact ? if_lossless(f) : CONFIDENCE_INFERRED;
	return f->asked_route ? CONFIDENCE_NONE : CONFIDENCE_POSSIBLE;
}

/* IpOutNoRoutes moves as well where there is no route at all; routing itself says which kind it is. */
static enum confidence no_route_back(const struct facts *f)
{
	if (!reached_listener(f) || is_full(f) || !moved(f, COUNTER_LISTEN_DROPS))
		return CONFIDENCE_NONE;
	if (no_way_back(f))
		return moved(f, COUNTER_REQQ_FULL_DROP) ? CONFIDENCE_POSSIBLE : if_lossless(f);
	return !f->asked_route && moved(f, COUNTER_OUT_NO_ROUTES) ? CONFIDENCE_POSSIBLE : CONFIDENCE_NONE;
}

/* d alone: the SYN is dropped before it is counted anywhere else, by a counter of its own. */
static enum confidence listener_refused(const struct facts *f, bool own, bool other)
{
	if (!reached_listener(f) || !own)
		return CONFIDENCE_NONE;
	if (other || moved(f, COUNTER_LISTEN_DROPS) || moved(f, COUNTER_LISTEN_OVERFLOWS) || !f->drops_exact)
		return CONFIDENCE_POSSIBLE;
	return if_lossless(f);
}

static enum confidence tcp_md5(const struct facts *f)
{
	bool md5 = moved(f, COUNTER_MD5_DROPS) || moved(f, COUNTER_MD5_UNEXPECTED) || moved(f, COUNTER_MD5_FAILURE);

	return listener_refused(f, md5, moved(f, COUNTER_MIN_TTL_DROP));
}

static enum confidence min_ttl(const struct facts *f)
{
	bool md5 = moved(f, COUNTER_MD5_DROPS) || moved(f, COUNTER_MD5_UNEXPECTED) || moved(f, COUNTER_MD5_FAILURE);

	return listener_refused(f, moved(f, COUNTER_MIN_TTL_DROP), md5);
}

/* d alone and no counter of its own: a socket filter or a cgroup's program. */
static enum confidence bpf_drop(const struct facts *f)
{
	return when(reached_listener(f) && f->drops_exact && f->window.known && !md5_or_ttl(f) &&
			    !moved(f, COUNTER_LISTEN_DROPS) && !moved(f, COUNTER_LISTEN_OVERFLOWS) &&
			    !moved(f, COUNTER_REQQ_FULL_DROP) && !moved(f, COUNTER_EMBRYONIC_RSTS),
		CONFIDENCE_POSSIBLE);
}

/*
 * The 4-tuple is still in use here. The kernel answers such a SYN with an ACK (RFC 5961, 4.2; in TIME_WAIT by
 * RFC 9293, 3.10.7.4), which a client that knows nothing of it resets; its next SYN gets through.
 */
static enum confidence duplicate_connection(const struct facts *f)
{
	bool open = f->a->previous == PREVIOUS_OPEN || (f->looked_up && f->found && f->socket.state == SOCKET_OPEN);

	if (!open && !(moved(f, COUNTER_SYN_CHALLENGE) && f->a->client_rsts > 0))
		return CONFIDENCE_NONE;
	return moved(f, COUNTER_SYN_CHALLENGE) ? CONFIDENCE_PROVED : CONFIDENCE_POSSIBLE;
}

static enum confidence timewait_reuse(const struct facts *f)
{
	bool here = f->looked_up && f->found && f->socket.state == SOCKET_TIME_WAIT;
	bool known = f->a->previous == PREVIOUS_CLOSED_HERE;

	if (moved(f, COUNTER_SYN_CHALLENGE) || f->a->previous == PREVIOUS_OPEN)
		return CONFIDENCE_NONE;
	if ((here || known) && (f->a->client_rsts > 0 || moved(f, COUNTER_PAWS_TIMEWAIT)))
		return CONFIDENCE_PROVED;
	return here || known || f->a->client_rsts > 0 ? CONFIDENCE_POSSIBLE : CONFIDENCE_NONE;
}

/*
 * The listener did not drop it: nothing listens there, or its own counter stands still. What was forwarded is another
 * matter.
 */
static bool dropped_before_socket(const struct facts *f)
{
	return f->sockets && f->target.known != TARGET_SEEN && !is_malformed(f) && (!f->accepting || (f->drops_exact && f->drops == 0)) &&
	       !(f->looked_up && f->found && f->socket.state != SOCKET_LISTEN);
}

static bool is_own_address(const struct facts *f)
{
	return f->server_local;
}

/* Routing itself refuses the packet on its way in. */
static bool refused_by_route(const struct facts *f)
{
	return f->asked_route && (f->routing.in == ROUTE_INVALID || f->routing.in == ROUTE_BROADCAST ||
				  (f->routing.in == ROUTE_UNREACHABLE && !is_own_address(f)));
}

/* A source that cannot be: this host's own address or loopback, come in by the wire (RFC 1812, 5.3.7). */
static enum confidence martian(const struct facts *f)
{
	bool refused = f->asked_route && f->routing.in == ROUTE_INVALID;
	bool loopback6 = f->a->v6 && ip_is_loopback(&f->a->key.client); /* ip6_rcv_core() drops it (v6.18) */

	return when(f->peer_impossible && (refused || loopback6), CONFIDENCE_PROVED);
}

/* The same refusal for a source that can be: rp_filter, whose counter must have moved. */
static enum confidence reverse_path(const struct facts *f)
{
	if (!f->asked_route)
		return when(dropped_before_socket(f) && moved(f, COUNTER_RP_FILTER), CONFIDENCE_POSSIBLE);
	if (f->routing.in != ROUTE_INVALID || f->peer_impossible || f->routing.rp_filter == 0)
		return CONFIDENCE_NONE;
	return !f->window.known ? CONFIDENCE_INFERRED : when(moved(f, COUNTER_RP_FILTER), CONFIDENCE_PROVED);
}

static enum confidence ipv6_disabled(const struct facts *f)
{
	return when(f->a->v6 && f->a->foreign && f->asked_route && f->routing.ipv6_disabled == 1,
		CONFIDENCE_PROVED);
}

static enum confidence not_our_address(const struct facts *f)
{
	/* NAT may lead it here all the same, which routing does not know of: then nothing is counted as misrouted. */
	bool counted = !f->window.known || moved(f, COUNTER_IN_ADDR_ERRORS) || moved(f, COUNTER_IN_ADDR_ERRORS6);
	bool misrouted = f->a->v6 ? f->routing.forwarding == 0 && f->routing.in != ROUTE_LOCAL
				  : f->routing.in == ROUTE_UNREACHABLE;

	if (!f->a->foreign || f->a->odd || f->a->other_mac || ipv6_disabled(f) || !f->asked_route || reached_listener(f) ||
		f->target.known || (f->ruling[RULING_SYN] && f->ruling[RULING_SYN]->translation.is))
		return CONFIDENCE_NONE;
	return when(misrouted, counted ? CONFIDENCE_PROVED : CONFIDENCE_POSSIBLE);
}

static enum confidence not_for_us(const struct facts *f)
{
	return when(f->a->other_mac || (f->asked_route && f->routing.in == ROUTE_BROADCAST), CONFIDENCE_PROVED);
}

/*
 * Its checksum is wrong on the wire, and the kernel counted one that is. Without the counter it may be one that
 * the network card was still to fill in.
 */
static enum confidence bad_checksum(const struct facts *f)
{
	bool wrong = (f->a->bad_ip_sum && moved(f, COUNTER_IP_CSUM_ERRORS)) ||
		     (f->a->bad_tcp_sum && moved(f, COUNTER_IN_CSUM_ERRORS));

	return when(dropped_before_socket(f) && wrong, if_lossless(f));
}

static enum confidence conntrack_full(const struct facts *f)
{
	bool full = f->asked_conntrack && f->conntrack_max > 0 &&
		    f->conntrack >= f->conntrack_max - f->conntrack_max / 20;

	if (!dropped_before_socket(f) || !moved(f, COUNTER_CONNTRACK_DROP))
		return CONFIDENCE_NONE;
	return full ? CONFIDENCE_INFERRED : CONFIDENCE_POSSIBLE;
}

/* Something else is known to have kept the SYN from the socket. */
static bool is_explained(const struct facts *f)
{
	return refused_by_route(f) || martian(f) || bad_checksum(f) >= CONFIDENCE_INFERRED ||
	       conntrack_full(f) == CONFIDENCE_INFERRED || timewait_reuse(f) || duplicate_connection(f);
}

static enum confidence firewall_drop(const struct facts *f)
{
	return when(dropped_before_socket(f) && is_own_address(f) && f->accepting && !is_explained(f),
		CONFIDENCE_POSSIBLE);
}

/* Nobody listens, and TCP did not refuse: it never saw the SYN, or the port leads elsewhere. */
static enum confidence firewall_drop_nobody(const struct facts *f)
{
	return when(dropped_before_socket(f) && is_own_address(f) && !f->accepting && !is_explained(f),
		CONFIDENCE_POSSIBLE);
}

static bool is_half_open(const struct facts *f)
{
	return f->looked_up && f->found && f->socket.state == SOCKET_SYN_RECV;
}

static bool is_neighbour_dead(const struct facts *f)
{
	return f->asked_route &&
	       (f->routing.neighbour == NEIGHBOUR_ASKED || f->routing.neighbour == NEIGHBOUR_FAILED);
}

/*
 * The kernel holds a half-open connection, so it sent a SYN-ACK, which the wire never showed: it waits for the
 * next hop's address, or something dropped it on its way out. When the next hop is given up, so is the half-open
 * connection, and the listener counts a drop (tcp_v4_err, v6.18).
 */
static enum confidence next_hop_dead(const struct facts *f)
{
	if (!is_neighbour_dead(f) || !is_own_address(f) || f->a->odd)
		return CONFIDENCE_NONE;
	if (is_half_open(f))
		return if_lossless(f);
	/* The entry may be an old one: that its end took a half-open connection is what the listener's count says. */
	return when(!is_full(f) && !no_way_back(f) && f->accepting,
		f->drops > 0 ? CONFIDENCE_INFERRED : CONFIDENCE_POSSIBLE);
}

static enum confidence firewall_drop_reply(const struct facts *f)
{
	return when(is_half_open(f) && !is_neighbour_dead(f) && !f->a->rejected_here, CONFIDENCE_POSSIBLE);
}

/* Whether the next hop answers was not asked. */
static enum confidence next_hop_unknown(const struct facts *f)
{
	return when(is_half_open(f) && !f->asked_route, CONFIDENCE_POSSIBLE);
}

/*
 * TCP answered, and its answer came back as an error: a rule on the way out rejected it. A host-unreachable takes the
 * half-open connection with a drop of the listener (tcp_req_err, v6.18), a RST counts as EmbryonicRsts.
 */
static enum confidence answer_rejected(const struct facts *f)
{
	bool by_icmp = reached_listener(f) && moved(f, COUNTER_LISTEN_DROPS) && !is_full(f) && !no_way_back(f) &&
		       f->asked_route && !moved(f, COUNTER_LISTEN_OVERFLOWS) && !syn_queue_full(f);
	bool by_rst = f->accepting && is_own_address(f) && moved(f, COUNTER_EMBRYONIC_RSTS) && !is_explained(f) &&
		      !moved(f, COUNTER_LISTEN_OVERFLOWS);

	if (is_neighbour_dead(f) || no_way_back(f))
		return CONFIDENCE_NONE;
	return f->a->rejected_here ? CONFIDENCE_INFERRED : when(by_icmp || by_rst, CONFIDENCE_POSSIBLE);
}

/* TCP refused, by its own count, and the wire shows fewer RSTs: they were lost on the way out. */
static enum confidence answer_never_left(const struct facts *f)
{
	return when(dropped_before_socket(f) && !f->accepting && f->origin == ORIGIN_STACK &&
			    f->window.delta[COUNTER_OUT_RSTS] > f->window.wire_rsts,
		CONFIDENCE_POSSIBLE);
}

static enum confidence remote_silent(const struct facts *f)
{
	return f->lossless && !f->partial ? CONFIDENCE_INFERRED : CONFIDENCE_POSSIBLE;
}

static const struct rule rules[] = {
	{SITUATION_SILENT, IN, CAUSE_ODD_FLAGS, odd_flags, {0}},
	{SITUATION_SILENT, IN, CAUSE_NOT_FOR_US, not_for_us, {0}},
	{SITUATION_SILENT, IN, CAUSE_ACCEPT_QUEUE_FULL, accept_queue_full,
		{CAUSE_SYN_QUEUE_FULL, CAUSE_TCP_MD5, CAUSE_NO_ROUTE_BACK}},
	{SITUATION_SILENT, IN, CAUSE_PROCESS_STOPPED, process_stopped, {CAUSE_ACCEPT_QUEUE_FULL}},
	{SITUATION_SILENT, IN, CAUSE_FD_LIMIT, fd_limit, {CAUSE_ACCEPT_QUEUE_FULL}},
	{SITUATION_SILENT, IN, CAUSE_REUSEPORT_STUCK, reuseport_stuck, {CAUSE_ACCEPT_QUEUE_FULL}},
	{SITUATION_SILENT, IN, CAUSE_SYN_QUEUE_FULL, syn_queue_full, {CAUSE_NO_ROUTE_BACK}},
	{SITUATION_SILENT, IN, CAUSE_NO_ROUTE_BACK, no_route_back, {CAUSE_SYN_QUEUE_FULL}},
	{SITUATION_SILENT, IN, CAUSE_TCP_MD5, tcp_md5, {CAUSE_ACCEPT_QUEUE_FULL}},
	{SITUATION_SILENT, IN, CAUSE_MIN_TTL, min_ttl, {CAUSE_ACCEPT_QUEUE_FULL}},
	{SITUATION_SILENT, IN, CAUSE_BPF_DROP, bpf_drop, {CAUSE_FIREWALL_DROP, CAUSE_TCP_MD5, CAUSE_MIN_TTL}},
	{SITUATION_SILENT, IN, CAUSE_DUPLICATE_CONNECTION, duplicate_connection, {CAUSE_FIREWALL_DROP}},
	{SITUATION_SILENT, IN, CAUSE_TIMEWAIT_REUSE, timewait_reuse, {CAUSE_DUPLICATE_CONNECTION, CAUSE_FIREWALL_DROP}},
	{SITUATION_SILENT, IN, CAUSE_MARTIAN, martian, {0}},
	{SITUATION_SILENT, IN, CAUSE_REVERSE_PATH, reverse_path, {CAUSE_FIREWALL_DROP}},
	{SITUATION_SILENT, IN, CAUSE_IPV6_DISABLED, ipv6_disabled, {0}},
	{SITUATION_SILENT, IN, CAUSE_NOT_OUR_ADDRESS, not_our_address, {CAUSE_FIREWALL_DROP, CAUSE_PUBLISHED_NO_RETURN}},
	{SITUATION_SILENT, IN, CAUSE_BAD_CHECKSUM, bad_checksum, {0}},
	{SITUATION_SILENT, IN, CAUSE_CONNTRACK_FULL, conntrack_full, {CAUSE_FIREWALL_DROP}},
	{SITUATION_SILENT, IN, CAUSE_FIREWALL_DROP_REPLY, answer_rejected, {CAUSE_BPF_DROP, CAUSE_FIREWALL_DROP}},
	{SITUATION_SILENT, IN, CAUSE_FIREWALL_DROP, firewall_drop_nobody,
		{CAUSE_PUBLISHED_NOT_FORWARDED, CAUSE_PUBLISHED_NO_RETURN, CAUSE_DNAT_TO_LOOPBACK,
			CAUSE_BPF_DROP}},
	{SITUATION_SILENT, IN, CAUSE_FIREWALL_DROP, firewall_drop,
		{CAUSE_BPF_DROP, CAUSE_NFQUEUE_DEAD, CAUSE_NOT_FOR_US, CAUSE_PEER_GAVE_UP}},
	{SITUATION_SILENT, IN, CAUSE_NEXT_HOP_DEAD, next_hop_dead, {CAUSE_FIREWALL_DROP}},
	{SITUATION_SILENT, IN, CAUSE_FIREWALL_DROP_REPLY, firewall_drop_reply, {CAUSE_BPF_DROP}},
	{SITUATION_SILENT, IN, CAUSE_NEXT_HOP_DEAD, next_hop_unknown, {CAUSE_FIREWALL_DROP_REPLY}},
	{SITUATION_SILENT, IN, CAUSE_FIREWALL_DROP_REPLY, answer_never_left, {CAUSE_NEXT_HOP_DEAD}},
	{SITUATION_SILENT, OUT, CAUSE_REMOTE_SILENT, remote_silent, {CAUSE_REMOTE_REFUSED}},
};

const struct rule_table silence_rules = RULE_TABLE(rules);
