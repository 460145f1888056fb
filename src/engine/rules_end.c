/* rules_end.c - connections that were not completed, that ended, or in which something waits. */
#include "rule.h"

/*
 * Theory of operation
 *
 * A handshake that stays half open is looked at closely (track.c): whether the peer's ACK comes tells a peer that
 * is not there from one whose ACK is not taken. A RST of this host is told by what the kernel says of the socket
 * that ended: the destroy multicast has its unread and unacknowledged bytes, retransmissions and probes, and
 * names no peer for one that was cut off from within (tcp_disconnect: SO_LINGER 0, or a listener that was closed
 * over its queue). Where it says nothing, the namespace's counters around the moment do, less surely.
 */
enum {
	AT_ONCE = 300000,          /* usec: a peer that resets our SYN-ACK within this did not wait for it */
	FULL_SIZE_SLACK = 100,     /* bytes: options make a full-size segment smaller than the MSS */
};

static bool is_half_open(const struct facts *f)
{
	return f->looked_up && f->found && f->socket.state == SOCKET_SYN_RECV;
}

/* What the peer answered to our last SYN-ACK has been seen, whatever it was: the capture took it from before that. */
static bool is_watched(const struct facts *f)
{
	return f->a->looked_from != 0 && f->a->last > f->a->looked_from && f->lossless && !f->partial;
}

static bool is_queue_full(const struct facts *f)
{
	return f->accepting && f->queue.queue > f->queue.queue_max;
}

/* The listener's own doing, not the peer's: its ACK is here, and is not taken. */
static bool is_held_back(const struct facts *f)
{
	return moved(f, COUNTER_LISTEN_OVERFLOWS) || moved(f, COUNTER_DEFER_ACCEPT_DROP);
}

static enum confidence peer_silent(const struct facts *f)
{
	if (!is_half_open(f) || f->a->syns > 1 || f->a->acks_in > 0 || f->a->icmp_to_synack)
		return CONFIDENCE_NONE;
	if (is_held_back(f) && !is_watched(f))
		return CONFIDENCE_NONE;
	return is_watched(f) && f->a->synacks > 1 ? CONFIDENCE_INFERRED : CONFIDENCE_POSSIBLE;
}

static enum confidence reply_lost(const struct facts *f)
{
	if (!is_half_open(f) || f->a->syns < 2 || f->a->acks_in > 0 || f->a->icmp_to_synack || f->a->synack_rsts > 0)
		return CONFIDENCE_NONE;
	return is_watched(f) ? CONFIDENCE_INFERRED : CONFIDENCE_POSSIBLE;
}

/* The ACK came when there was no room: the kernel leaves the connection half open and sends its SYN-ACK again. */
static enum confidence accept_queue_full_late(const struct facts *f)
{
	/* With a SYN cookie nothing stays here, and the SYN-ACK is not sent again: only the peer's ACKs tell. */
	bool cookie = f->found_listener && moved(f, COUNTER_COOKIES_SENT) && f->a->acks_in > 0;

	if ((!is_half_open(f) && !cookie) || !moved(f, COUNTER_LISTEN_OVERFLOWS))
		return CONFIDENCE_NONE;
	return is_queue_full(f) && f->a->acks_in > 0 ? CONFIDENCE_PROVED : CONFIDENCE_POSSIBLE;
}

/* The same with tcp_abort_on_overflow: a bare RST to the ACK (tcp_check_req, v6.18). */
static enum confidence overflow_reset(const struct facts *f)
{
	const struct attempt *a = f->a;
	bool bare = a->reset_by == SIDE_SERVER && a->first_fin == SIDE_NONE && !(a->answer_flags & TCP_ACK);

	return when(bare && !a->unknown && is_queue_full(f) && moved(f, COUNTER_LISTEN_OVERFLOWS) &&
			    moved(f, COUNTER_EMBRYONIC_RSTS),
		CONFIDENCE_PROVED);
}

/*
 * TCP_DEFER_ACCEPT drops the bare ACK and does not send the SYN-ACK again while it waits for data
 * (tcp_syn_ack_timeout, v6.18): half open, and nothing more on the wire.
 */
static enum confidence deferred_accept(const struct facts *f)
{
	if (!is_half_open(f) || !moved(f, COUNTER_DEFER_ACCEPT_DROP) || f->a->data_in > 0)
		return CONFIDENCE_NONE;
	return f->a->synacks == 1 && !moved(f, COUNTER_LISTEN_OVERFLOWS) ? if_lossless(f) : CONFIDENCE_POSSIBLE;
}

static enum confidence firewall_drop_ack(const struct facts *f)
{
	return when(is_half_open(f) && f->a->acks_in > 0 && !is_held_back(f), CONFIDENCE_POSSIBLE);
}

/* An ICMP error about our SYN-ACK is the peer's firewall's word, or one's on the way. */
static enum confidence peer_firewall_icmp(const struct facts *f)
{
	const struct attempt *a = f->a;
	bool router = a->v6 ? a->icmp_code == 0 || a->icmp_code == 3 : a->icmp_code <= 1;

	if (!a->icmp_to_synack || a->rejected_here)
		return CONFIDENCE_NONE;
	/* No route or no such host, and not from the peer itself: it need not be there at all. */
	return router && !ip_equal(&a->icmp_from, &a->key.client) ? CONFIDENCE_POSSIBLE : CONFIDENCE_INFERRED;
}

/* The peer's TCP asks and something over there resets the answer, so it asks again. */
static enum confidence peer_firewall(const struct facts *f)
{
	if (f->a->icmp_to_synack)
		return peer_firewall_icmp(f);
	return when(f->a->syns > 1, f->a->synack_rsts > 1 ? CONFIDENCE_INFERRED : CONFIDENCE_POSSIBLE);
}

/* At once, to our first SYN-ACK, and without another try: a later RST has another story. */
static enum confidence peer_reset(const struct facts *f)
{
	const struct attempt *a = f->a;

	bool at_once = a->syns == 1 && a->synacks == 1 && a->ended - a->answered < AT_ONCE;

	/* Its ACK or RST was lost, and it was gone when the SYN-ACK came again. */
	if (a->syns == 1 && a->synacks > 1 && !f->peer_impossible && !a->icmp_to_synack)
		return when(a->answer_ttl == a->peer_ttl, CONFIDENCE_INFERRED);

	return when(at_once && !f->peer_impossible && !a->icmp_to_synack,
		a->answer_ttl == a->peer_ttl ? CONFIDENCE_PROVED : CONFIDENCE_POSSIBLE);
}

/* IPv6 answers a SYN with this host's own address, to itself over lo, and resets what it never asked for. */
static enum confidence impossible_peer(const struct facts *f)
{
	return when(f->peer_impossible, CONFIDENCE_PROVED);
}

/* Connections that ended */

static bool by_this_host(const struct attempt *a)
{
	return a->reset_by == (a->out ? SIDE_CLIENT : SIDE_SERVER);
}

static bool our_fin(const struct attempt *a)
{
	return a->out ? a->client_fin : a->server_fin;
}

static bool peer_fin(const struct attempt *a)
{
	return a->out ? a->server_fin : a->client_fin;
}

/* The host's own RST that ended a connection: with an ACK, as the stack does it to what it knows. */
static bool aborted_here(const struct facts *f)
{
	const struct attempt *a = f->a;

	return by_this_host(a) && a->answer_flags & TCP_ACK && !a->unknown && !a->zero_window;
}

/* A firewall's: the stack's own count stands still. */
static enum confidence firewall_reset(const struct facts *f)
{
	const struct attempt *a = f->a;

	if (!by_this_host(a) || a->given_up || f->origin != ORIGIN_OTHER || f->partial)
		return CONFIDENCE_NONE;
	if (f->sockets && a->answer_ttl != f->own_ttl)
		return CONFIDENCE_POSSIBLE; /* from behind this host: a container's, for a reason of its own */
	/* Netfilter answers a segment with an ACK by a bare RST (nf_reject_ip_tcphdr_put, v6.18). */
	return when(!(a->answer_flags & TCP_ACK), f->lossless ? CONFIDENCE_INFERRED : CONFIDENCE_POSSIBLE);
}

/* Some connection of the namespace timed out then, or nobody counted. */
static bool timed_out(const struct facts *f)
{
	return !f->window.known || moved(f, COUNTER_ABORT_ON_TIMEOUT);
}

static bool owner_died(const struct facts *f)
{
	/* Where another listener took over, whose the connection was is not known. */
	return f->vanished && !f->accepting && f->asked_process && f->process.pid == 0;
}

/*
 * close() with unread data counts TCPAbortOnClose, close() with SO_LINGER 0 counts TCPAbortOnData
 * (__tcp_close and tcp_disconnect, v6.18). Both are counted without a RST as well, and other ends send such a
 * RST uncounted: by counters it is proved only where every count has its RST and every RST its count.
 */
static enum confidence counted_abort(const struct facts *f, enum counter c, enum counter other)
{
	const struct window *w = &f->window;

	if (!aborted_here(f) || our_fin(f->a) || !moved(f, c))
		return CONFIDENCE_NONE;
	if (moved(f, other) || w->delta[c] != w->rst_acks || f->partial || f->vanished ||
		w->delta[COUNTER_OUT_RSTS] != w->wire_rsts ||
		(c == COUNTER_ABORT_ON_DATA && moved(f, COUNTER_ACTIVE_OPENS)))
		return CONFIDENCE_POSSIBLE;
	return CONFIDENCE_PROVED;
}

/* The socket's own last word: it was closed with bytes that nobody had read. */
static bool was_unread(const struct facts *f)
{
	/* A socket that was destroyed from outside (ss -K) has unread data too, and counts nothing. */
	bool counted = !f->window.known || moved(f, COUNTER_ABORT_ON_CLOSE);

	return aborted_here(f) && f->a->fate == FATE_UNREAD && counted;
}

static enum confidence abort_unread_data(const struct facts *f)
{
	if (was_unread(f))
		return when(!owner_died(f), f->vanished && !f->asked_process ? CONFIDENCE_POSSIBLE : CONFIDENCE_PROVED);
	return when(!owner_died(f), counted_abort(f, COUNTER_ABORT_ON_CLOSE, COUNTER_ABORT_ON_DATA));
}

/* As above, and its listener and its process went with it. */
static enum confidence process_died(const struct facts *f)
{
	bool unread = was_unread(f) || (aborted_here(f) && moved(f, COUNTER_ABORT_ON_CLOSE));

	return when(owner_died(f) && unread, was_unread(f) ? CONFIDENCE_PROVED : CONFIDENCE_INFERRED);
}

/* The listener went, and connections of its port were cut off from within, without a count of their own. */
static enum confidence queue_discarded(const struct facts *f)
{
	if (!aborted_here(f) || !f->vanished || f->a->fate == FATE_UNREAD || our_fin(f->a))
		return CONFIDENCE_NONE;
	if (moved(f, COUNTER_ABORT_ON_DATA) || moved(f, COUNTER_ABORT_ON_CLOSE) || f->accepting)
		return CONFIDENCE_POSSIBLE;
	return f->disconnected > 0 && f->window.known ? CONFIDENCE_PROVED : CONFIDENCE_INFERRED;
}

static enum confidence abort_linger(const struct facts *f)
{
	enum confidence counted = counted_abort(f, COUNTER_ABORT_ON_DATA, COUNTER_ABORT_ON_CLOSE);

	if (was_unread(f) || (f->a->fate == FATE_PROBES && timed_out(f)))
		return CONFIDENCE_NONE;
	if (counted == CONFIDENCE_POSSIBLE && f->disconnected > 0 && !f->vanished &&
		!moved(f, COUNTER_ABORT_ON_CLOSE) && !moved(f, COUNTER_ACTIVE_OPENS))
		return CONFIDENCE_INFERRED;
	return counted;
}

static enum confidence keepalive_timeout(const struct facts *f)
{
	if (!by_this_host(f->a) || f->a->given_up)
		return CONFIDENCE_NONE;
	if (f->a->fate == FATE_PROBES)
		return when(timed_out(f), CONFIDENCE_PROVED);
	return when(aborted_here(f) && f->a->fate == FATE_UNKNOWN && moved(f, COUNTER_ABORT_ON_TIMEOUT) &&
			    !moved(f, COUNTER_ABORT_ON_CLOSE) && !moved(f, COUNTER_ABORT_ON_DATA),
		CONFIDENCE_INFERRED);
}

/* Told when the socket went; the peer learns of it by a bare RST to whatever it sends next. */
static enum confidence retransmit_timeout(const struct facts *f)
{
	/* A program may close its socket long after it had timed out. */
	bool queue = f->said.to_client && f->said.to_client->reason == REASON_QDISC_DROP && f->said.to_client->times > 1;

	return when(by_this_host(f->a) && f->a->fate == FATE_RETRANSMITS && f->a->cause != CAUSE_MTU_BLACKHOLE && !queue,
		timed_out(f) ? CONFIDENCE_PROVED : CONFIDENCE_INFERRED);
}

/* What it sent may have been its last word, which no failure is: proved only where that would have been seen. */
static enum confidence sent_after_close(const struct facts *f)
{
	const struct attempt *a = f->a;
	bool ours = !f->window.known || moved(f, COUNTER_OUT_RSTS); /* else a rule's */

	return when(by_this_host(a) && our_fin(a) && !peer_fin(a) && ours && !(a->answer_flags & TCP_ACK),
		knows_answered(f) ? CONFIDENCE_PROVED : CONFIDENCE_INFERRED);
}

/*
 * A bare RST to a segment of a connection that this host does not know any more, or never did. Where its
 * beginning was seen, it was open once. Where not, it may be a stray segment, a scanner's.
 */
static enum confidence stale_connection(const struct facts *f)
{
	const struct attempt *a = f->a;
	bool bare = by_this_host(a) && !(a->answer_flags & TCP_ACK) && !our_fin(a) && !a->zero_window;
	bool half = is_half_open(f);
	bool known_gone = f->looked_up && (!f->found || f->socket.state == SOCKET_LISTEN);

	if (!bare || half || a->fate != FATE_UNKNOWN || a->given_up || stack_sent_none(f) || overflow_reset(f))
		return CONFIDENCE_NONE;
	if (a->unknown || !known_gone)
		return CONFIDENCE_POSSIBLE;
	return a->established_reported ? if_lossless(f) : CONFIDENCE_INFERRED;
}

/* Either its beginning was not seen, or the handshake goes on: the RST answered something that is no part of it. */
static enum confidence stray_segment(const struct facts *f)
{
	if (by_this_host(f->a) && !(f->a->answer_flags & TCP_ACK) && is_half_open(f) && !stack_sent_none(f))
		return if_lossless(f);
	return when(f->a->unknown && by_this_host(f->a) && !stack_sent_none(f), CONFIDENCE_POSSIBLE);
}

/*
 * SYNPROXY answers in the place of the server, with a closed window (nf_synproxy_core.c synproxy_send_client_synack,
 * v6.18), which the stack never does; the RST is the server's, to the proxy's own SYN.
 */
static enum confidence synproxy_backend_dead(const struct facts *f)
{
	return when(f->a->zero_window && f->a->reset_by == SIDE_SERVER && !f->a->out, CONFIDENCE_PROVED);
}

/* The peer's, if it came the peer's way: by its interface, and over as many hops. */
static enum confidence reset_by_remote(const struct facts *f)
{
	const struct attempt *a = f->a;

	if (a->reset_by != (a->out ? SIDE_SERVER : SIDE_CLIENT) || a->reset_elsewhere)
		return CONFIDENCE_NONE;
	if (is_unknown_to_peer(f))
		return CONFIDENCE_POSSIBLE;
	return when(a->answer_ttl == a->peer_ttl, CONFIDENCE_PROVED);
}

/* Over another number of hops than all else from there. */
static enum confidence middlebox_reset(const struct facts *f)
{
	const struct attempt *a = f->a;

	if (a->reset_by != (a->out ? SIDE_SERVER : SIDE_CLIENT) || a->reset_elsewhere)
		return CONFIDENCE_NONE;
	return when(a->answer_ttl != a->peer_ttl, CONFIDENCE_INFERRED);
}

/* What was found while it was open is why it was given up. */
static enum confidence given_up_for_mtu(const struct facts *f)
{
	return when(f->a->fate == FATE_RETRANSMITS && f->a->cause == CAUSE_MTU_BLACKHOLE, CONFIDENCE_INFERRED);
}

/* The client was served all the same: a warning. */
static enum confidence syn_cookies(const struct facts *f)
{
	bool full = f->asked_half_open && f->accepting && f->half_open > 0 && f->half_open >= f->queue.queue_max;

	return when(moved(f, COUNTER_COOKIES_SENT) && f->accepting && full, CONFIDENCE_INFERRED);
}

/*
 * The peer dialled anew on a 4-tuple that this host still had, reset the ACK that it got for its SYN, and its
 * next SYN was served: a moment later, or a second.
 */
static enum confidence reused(const struct facts *f, enum previous previous)
{
	return when(f->a->previous == previous && f->a->client_rsts > 0 && f->a->syns > 1, CONFIDENCE_PROVED);
}

static enum confidence duplicate_served(const struct facts *f)
{
	return reused(f, PREVIOUS_OPEN);
}

static enum confidence timewait_served(const struct facts *f)
{
	return reused(f, PREVIOUS_CLOSED_HERE);
}

/* Open, and something waits */

static enum confidence not_accepting(const struct facts *f)
{
	return when(f->waiting == WAITING_ACCEPT, CONFIDENCE_PROVED);
}

static enum confidence process_stopped(const struct facts *f)
{
	return when((f->waiting == WAITING_ACCEPT || f->waiting == WAITING_READ) && process_stopped_there(f), CONFIDENCE_PROVED);
}

static enum confidence fd_limit(const struct facts *f)
{
	return when(f->waiting == WAITING_ACCEPT && !process_stopped_there(f) && process_without_fds(f), CONFIDENCE_PROVED);
}

static enum confidence plainly_not_accepting(const struct facts *f)
{
	return when(!process_stopped_there(f) && !process_without_fds(f), not_accepting(f));
}

static enum confidence not_reading(const struct facts *f)
{
	bool closed = f->connection.window >= 0 && (uint32_t)f->connection.window < f->connection.mss;

	if (f->waiting != WAITING_READ || process_stopped_there(f))
		return CONFIDENCE_NONE;
	return closed ? CONFIDENCE_PROVED : when(f->connection.window < 0, CONFIDENCE_INFERRED);
}

/* What waits to be acknowledged is less than a full-size segment: all of it, or the one that was seen again. */
static bool is_small(const struct facts *f)
{
	const struct connection *c = &f->connection;

	return c->row.queue_max + FULL_SIZE_SLACK < c->mss ||
	       (f->a->resends > 0 && f->a->resent_size + (uint32_t)FULL_SIZE_SLACK < c->mss);
}

/* Later, smaller segments got through (the peer acknowledges them selectively), and the full-size one never does. */
static enum confidence mtu_blackhole(const struct facts *f)
{
	const struct connection *c = &f->connection;
	bool full = f->a->resends > 0 && f->a->resent_size + (uint32_t)FULL_SIZE_SLACK >= c->mss;

	/* Nothing else was sent that could show that smaller ones pass. */
	if (f->waiting == WAITING_RESENT && c->sacked == 0)
		return when(c->acked < c->mss && !is_small(f) && (full || f->a->resends == 0), CONFIDENCE_POSSIBLE);
	/* A full-size segment that got through before speaks for plain loss. */
	return when(f->waiting == WAITING_RESENT && c->sacked > 0 && full,
		c->acked < c->mss ? CONFIDENCE_INFERRED : CONFIDENCE_POSSIBLE);
}

/* Nothing of it arrives, whatever its size. */
static enum confidence peer_unresponsive(const struct facts *f)
{
	const struct connection *c = &f->connection;
	bool small = is_small(f);

	if (f->waiting != WAITING_RESENT || c->sacked > 0)
		return CONFIDENCE_NONE;
	return small || c->acked >= c->mss ? CONFIDENCE_INFERRED : CONFIDENCE_POSSIBLE;
}

static enum confidence paws(const struct facts *f)
{
	return when(f->waiting == WAITING_PAWS, CONFIDENCE_INFERRED);
}

static const struct rule rules[] = {
	{SITUATION_UNFINISHED, IN, CAUSE_PEER_SILENT, peer_silent, {CAUSE_FIREWALL_DROP_ACK, CAUSE_REPLY_LOST}},
	{SITUATION_UNFINISHED, IN, CAUSE_REPLY_LOST, reply_lost, {CAUSE_FIREWALL_DROP_ACK}},
	{SITUATION_UNFINISHED, IN, CAUSE_PEER_FIREWALL, peer_firewall_icmp, {CAUSE_PEER_SILENT, CAUSE_REPLY_LOST}},
	{SITUATION_UNFINISHED, IN, CAUSE_FIREWALL_DROP_ACK, firewall_drop_ack, {CAUSE_BPF_DROP, CAUSE_CONNTRACK_INVALID}},
	{SITUATION_UNFINISHED, IN, CAUSE_ACCEPT_QUEUE_FULL_LATE, accept_queue_full_late, {CAUSE_PEER_SILENT}},
	{SITUATION_UNFINISHED, IN, CAUSE_DEFERRED_ACCEPT, deferred_accept, {CAUSE_PEER_SILENT}},
	{SITUATION_CANCELLED, IN, CAUSE_MARTIAN, impossible_peer, {0}},
	{SITUATION_CANCELLED, IN, CAUSE_PEER_RESET, peer_reset, {CAUSE_MIDDLEBOX_RESET, CAUSE_PEER_FIREWALL}},
	{SITUATION_CANCELLED, IN, CAUSE_PEER_FIREWALL, peer_firewall, {CAUSE_PEER_RESET}},
	{SITUATION_RESET, IN, CAUSE_ACCEPT_QUEUE_FULL_LATE, overflow_reset, {0}},
	{SITUATION_RESET, IN, CAUSE_SYNPROXY_BACKEND_DEAD, synproxy_backend_dead, {0}},
	{SITUATION_RESET, WAY_EITHER, CAUSE_FIREWALL_RESET, firewall_reset,
		{CAUSE_STALE_CONNECTION, CAUSE_ABORT_LINGER, CAUSE_PUBLISHED_NO_LISTENER}},
	{SITUATION_RESET, WAY_EITHER, CAUSE_ABORT_UNREAD_DATA, abort_unread_data,
		{CAUSE_ABORT_LINGER, CAUSE_PROCESS_DIED, CAUSE_QUEUE_DISCARDED, CAUSE_SOCKET_DESTROYED}},
	{SITUATION_RESET, IN, CAUSE_PROCESS_DIED, process_died, {CAUSE_ABORT_UNREAD_DATA}},
	{SITUATION_RESET, IN, CAUSE_QUEUE_DISCARDED, queue_discarded, {CAUSE_ABORT_LINGER, CAUSE_PROCESS_DIED}},
	{SITUATION_RESET, WAY_EITHER, CAUSE_ABORT_LINGER, abort_linger,
		{CAUSE_ABORT_UNREAD_DATA, CAUSE_QUEUE_DISCARDED, CAUSE_PROCESS_DIED, CAUSE_SOCKET_DESTROYED}},
	{SITUATION_RESET, WAY_EITHER, CAUSE_KEEPALIVE_TIMEOUT, keepalive_timeout, {CAUSE_SOCKET_DESTROYED}},
	{SITUATION_RESET, WAY_EITHER, CAUSE_RETRANSMIT_TIMEOUT, retransmit_timeout, {0}},
	{SITUATION_RESET, IN, CAUSE_MTU_BLACKHOLE, given_up_for_mtu, {CAUSE_RETRANSMIT_TIMEOUT}},
	{SITUATION_RESET, WAY_EITHER, CAUSE_SENT_AFTER_CLOSE, sent_after_close, {0}},
	{SITUATION_RESET, WAY_EITHER, CAUSE_STALE_CONNECTION, stale_connection,
		{CAUSE_RETRANSMIT_TIMEOUT, CAUSE_SOCKET_DESTROYED, CAUSE_SENT_AFTER_CLOSE}},
	{SITUATION_RESET, IN, CAUSE_STRAY_SEGMENT, stray_segment, {CAUSE_STALE_CONNECTION, CAUSE_SENT_AFTER_CLOSE}},
	{SITUATION_RESET, IN, CAUSE_PEER_CLOSED_ABRUPTLY, reset_by_remote, {CAUSE_MIDDLEBOX_RESET}},
	{SITUATION_RESET, OUT, CAUSE_REMOTE_RESET, reset_by_remote, {CAUSE_MIDDLEBOX_RESET}},
	{SITUATION_RESET, WAY_EITHER, CAUSE_MIDDLEBOX_RESET, middlebox_reset, {CAUSE_PEER_CLOSED_ABRUPTLY}},
	{SITUATION_ACCEPTED, IN, CAUSE_SYN_COOKIES, syn_cookies, {0}},
	{SITUATION_ACCEPTED, IN, CAUSE_DUPLICATE_CONNECTION, duplicate_served, {0}},
	{SITUATION_ACCEPTED, IN, CAUSE_TIMEWAIT_REUSE, timewait_served, {0}},
	{SITUATION_WAITING, IN, CAUSE_PROCESS_STOPPED, process_stopped, {0}},
	{SITUATION_WAITING, IN, CAUSE_FD_LIMIT, fd_limit, {0}},
	{SITUATION_WAITING, IN, CAUSE_NOT_ACCEPTING, plainly_not_accepting, {0}},
	{SITUATION_WAITING, IN, CAUSE_NOT_READING, not_reading, {0}},
	{SITUATION_WAITING, IN, CAUSE_MTU_BLACKHOLE, mtu_blackhole, {CAUSE_RETRANSMIT_TIMEOUT}},
	{SITUATION_WAITING, IN, CAUSE_PEER_UNRESPONSIVE, peer_unresponsive, {CAUSE_RETRANSMIT_TIMEOUT}},
	{SITUATION_WAITING, IN, CAUSE_PAWS, paws, {0}},
};

const struct rule_table end_rules = RULE_TABLE(rules);
