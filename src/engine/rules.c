/* rules.c - diagnosis: a table of rules over facts. */
#include "rules.h"

#include <string.h>

/*
 * Theory of operation
 *
 * A rule belongs to one situation and one direction and says how strongly the facts speak for its
 * cause: PROVED when the kernel, its socket table or the wire says so for this very packet, INFERRED
 * when it fits and nothing else in the catalogue does, POSSIBLE when something else fits as well.
 *
 * Who refused is settled first. A RST that answers a SYN comes from the TCP stack, which counts it in
 * OutRsts, or from netfilter (reject with tcp reset), which does not (nf_send_reset, v6.18); the two are
 * identical on the wire over IPv4. So the number of RSTs on the wire is held against the counter.
 *
 * A silent SYN is told apart by the listener's own drop counter (sk_drops, INET_DIAG_SKMEMINFO): it
 * rises for what reaches the listener and is dropped there, and stays for what never got that far.
 */

enum way {
	WAY_EITHER,
	IN,
	OUT,
};

struct rule {
	enum situation situation;
	enum way dir;
	enum cause cause;
	enum confidence (*fits)(const struct facts *f);
	enum cause also[4]; /* fits as well as long as the verdict is only possible */
};

/* How sure "nobody at the door" can be, given who sent the RST. */
static enum confidence stack_refused(const struct facts *f)
{
	if (!f->sockets)
		return CONFIDENCE_NONE;
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

static bool nobody_takes_it(const struct facts *f)
{
	return !f->accepting;
}

static enum confidence when(bool fits, enum confidence strength)
{
	return fits ? strength : CONFIDENCE_NONE;
}

static bool nobody_near(const struct facts *f)
{
	return nobody_takes_it(f) && f->near == NEAR_NOTHING;
}

static enum confidence no_listener(const struct facts *f)
{
	bool other = f->asked && (f->port.bound || f->port.udp || f->port.outgoing);

	return when(nobody_near(f) && !f->gone && !other, stack_refused(f));
}

static enum confidence near_is(const struct facts *f, enum near near)
{
	bool went = f->gone && f->a->answered - f->gone->gone < 10 * USEC; /* that is the story then */

	return when(nobody_takes_it(f) && !went && f->near == near, stack_refused(f));
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
	return when(nobody_near(f) && f->asked && f->port.bound, stack_refused(f));
}

static enum confidence listener_gone(const struct facts *f)
{
	bool bound = f->asked && f->port.bound;

	bool went = f->gone && f->a->answered - f->gone->gone < 10 * USEC;

	return when(nobody_takes_it(f) && f->gone && !bound && (went || f->near == NEAR_NOTHING),
		stack_refused(f));
}

static enum confidence udp_only(const struct facts *f)
{
	bool here = f->asked && f->port.udp && !f->port.bound && !f->port.outgoing;

	return when(nobody_near(f) && !f->gone && here, stack_refused(f));
}

static enum confidence outgoing_port(const struct facts *f)
{
	bool here = f->asked && f->port.outgoing && !f->port.bound;

	return when(nobody_near(f) && !f->gone && here, stack_refused(f));
}

/* The same server as before, not long ago. */
static bool came_back(const struct facts *f)
{
	int64_t t = f->a->answered;

	return f->gone && t - f->gone->gone < 60 * USEC && f->accepting &&
	       strcmp(f->gone->owner.comm, f->accepting->owner.comm) == 0;
}

/*
 * A listener that was first seen after the refusal came later only if it was known to be missing after
 * it too; else it may have been there, and something else refused.
 */
static enum confidence too_early(const struct facts *f)
{
	if (!f->accepting || f->steady || came_back(f))
		return CONFIDENCE_NONE;
	return f->later ? stack_refused(f) : when(stack_refused(f) > CONFIDENCE_NONE, CONFIDENCE_POSSIBLE);
}

static enum confidence restarting(const struct facts *f)
{
	enum confidence sure = stack_refused(f);
	bool known = f->later && f->gone && f->gone->owner.comm[0] != '\0';

	if (!f->accepting || f->steady || !came_back(f))
		return CONFIDENCE_NONE;
	return !known && sure == CONFIDENCE_PROVED ? CONFIDENCE_INFERRED : sure;
}

static enum confidence firewall_reset(const struct facts *f)
{
	bool open = f->accepting && !f->later; /* the stack would not have refused */

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
	return when(foreign_ttl(f) && f->origin != ORIGIN_STACK && f->origin != ORIGIN_LIKELY_STACK,
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
	return router || a->icmp_type != (a->v6 ? 1 : 3) ? CONFIDENCE_POSSIBLE : CONFIDENCE_PROVED;
}

static bool moved(const struct facts *f, enum counter c)
{
	return f->window.known && f->window.delta[c] > 0;
}

/* Something else than a full queue makes a listener drop a SYN. */
static bool other_drops(const struct facts *f)
{
	return moved(f, COUNTER_MD5_DROPS) || moved(f, COUNTER_MD5_UNEXPECTED) ||
	       moved(f, COUNTER_MD5_FAILURE) || moved(f, COUNTER_MIN_TTL_DROP) ||
	       moved(f, COUNTER_OUT_NO_ROUTES) || moved(f, COUNTER_REQQ_FULL_DROP);
}

/* ListenOverflows counts for the whole namespace: it must have moved, and alone it proves nothing. */
static enum confidence accept_queue_full(const struct facts *f)
{
	bool full = f->queue.queue > f->queue.queue_max;

	if (!f->accepting || f->drops == 0 || !moved(f, COUNTER_LISTEN_OVERFLOWS))
		return CONFIDENCE_NONE;
	if (!full || other_drops(f))
		return CONFIDENCE_POSSIBLE;
	return f->lossless ? CONFIDENCE_PROVED : CONFIDENCE_INFERRED;
}

static enum confidence syn_queue_full(const struct facts *f)
{
	return when(f->accepting && f->drops > 0 && f->queue.queue <= f->queue.queue_max &&
			    moved(f, COUNTER_LISTEN_DROPS) && !moved(f, COUNTER_OUT_NO_ROUTES),
		CONFIDENCE_POSSIBLE);
}

static enum confidence tcp_md5(const struct facts *f)
{
	return when(f->accepting && f->drops > 0 &&
			    (moved(f, COUNTER_MD5_DROPS) || moved(f, COUNTER_MD5_UNEXPECTED) ||
				    moved(f, COUNTER_MD5_FAILURE)),
		CONFIDENCE_POSSIBLE);
}

static enum confidence min_ttl(const struct facts *f)
{
	return when(f->accepting && f->drops > 0 && moved(f, COUNTER_MIN_TTL_DROP), CONFIDENCE_POSSIBLE);
}

static enum confidence timewait_reuse(const struct facts *f)
{
	return when(f->looked_up && f->found && f->socket.state == SOCKET_TIME_WAIT,
		CONFIDENCE_POSSIBLE);
}

static enum confidence no_route_back(const struct facts *f)
{
	return when(f->accepting && f->drops > 0 && f->queue.queue <= f->queue.queue_max &&
			    moved(f, COUNTER_OUT_NO_ROUTES),
		CONFIDENCE_POSSIBLE);
}

/* The listener did not drop it: nothing listens there, or its own counter stands still. */
static bool dropped_before_socket(const struct facts *f)
{
	return f->sockets && f->server_local && (!f->accepting || (f->drops_exact && f->drops == 0)) &&
	       !(f->looked_up && f->found && f->socket.state != SOCKET_LISTEN);
}

static enum confidence firewall_drop(const struct facts *f)
{
	return when(dropped_before_socket(f) && f->accepting, CONFIDENCE_POSSIBLE);
}

/* Nobody listens, and TCP did not refuse: it never saw the SYN, or the port leads elsewhere. */
static enum confidence firewall_drop_nobody(const struct facts *f)
{
	return when(dropped_before_socket(f) && !f->accepting, CONFIDENCE_POSSIBLE);
}

/* TCP refused, by its own count, and the wire shows fewer RSTs: they were lost on the way out. */
static enum confidence answer_never_left(const struct facts *f)
{
	return when(dropped_before_socket(f) && !f->accepting && f->origin == ORIGIN_STACK &&
			    f->window.delta[COUNTER_OUT_RSTS] > f->window.wire_rsts,
		CONFIDENCE_POSSIBLE);
}

static enum confidence reverse_path(const struct facts *f)
{
	return when(dropped_before_socket(f) && moved(f, COUNTER_RP_FILTER), CONFIDENCE_POSSIBLE);
}

static enum confidence bad_checksum(const struct facts *f)
{
	return when(dropped_before_socket(f) && moved(f, COUNTER_IN_CSUM_ERRORS),
		CONFIDENCE_POSSIBLE);
}

/* The kernel holds a half-open connection, so it sent a SYN-ACK, which the wire never showed. */
static enum confidence firewall_drop_reply(const struct facts *f)
{
	return when(f->looked_up && f->found && f->socket.state == SOCKET_SYN_RECV,
		CONFIDENCE_POSSIBLE);
}

static bool half_open(const struct facts *f)
{
	return f->looked_up && f->found && f->socket.state == SOCKET_SYN_RECV;
}

static enum confidence peer_silent(const struct facts *f)
{
	return when(half_open(f) && f->a->syns == 1 && !moved(f, COUNTER_LISTEN_OVERFLOWS) &&
			    !moved(f, COUNTER_DEFER_ACCEPT_DROP),
		CONFIDENCE_POSSIBLE);
}

static enum confidence reply_lost(const struct facts *f)
{
	return when(half_open(f) && f->a->syns > 1, CONFIDENCE_POSSIBLE);
}

static enum confidence accept_queue_full_late(const struct facts *f)
{
	return when(half_open(f) && moved(f, COUNTER_LISTEN_OVERFLOWS), CONFIDENCE_POSSIBLE);
}

static enum confidence deferred_accept(const struct facts *f)
{
	return when(half_open(f) && moved(f, COUNTER_DEFER_ACCEPT_DROP), CONFIDENCE_POSSIBLE);
}

/* At once, to our first SYN-ACK, and without another try: a later RST has another story. */
static enum confidence peer_reset(const struct facts *f)
{
	const struct attempt *a = f->a;

	return when(a->syns == 1 && a->synacks == 1 && a->ended - a->answered < 300000,
		CONFIDENCE_PROVED);
}

static enum confidence peer_firewall(const struct facts *f)
{
	return when(f->a->syns > 1, CONFIDENCE_POSSIBLE);
}

/* The host's own RST that ended a connection it had not closed before. */
static bool aborted_here(const struct facts *f)
{
	const struct attempt *a = f->a;
	enum side us = a->out ? SIDE_CLIENT : SIDE_SERVER;
	bool our_fin = a->out ? a->client_fin : a->server_fin;

	return a->reset_by == us && !our_fin && a->answer_flags & 0x10;
}

/*
 * close() with unread data counts TCPAbortOnClose, close() with SO_LINGER 0 counts TCPAbortOnData
 * (__tcp_close and tcp_disconnect, v6.18). Both are counted without a RST as well, and other ends send
 * such a RST uncounted: it is proved only where every count has its RST and every RST its count, and the
 * listener did not go at the same moment.
 */
static enum confidence abort_by(const struct facts *f, enum counter c, enum counter other)
{
	const struct window *w = &f->window;
	bool gone = f->gone && f->gone->gone > f->a->ended - USEC && f->gone->gone < f->a->ended + USEC;

	if (!aborted_here(f) || !moved(f, c))
		return CONFIDENCE_NONE;
	if (moved(f, other) || w->delta[c] != w->rst_acks || f->partial || gone ||
		w->delta[COUNTER_OUT_RSTS] != w->wire_rsts ||
		(c == COUNTER_ABORT_ON_DATA && moved(f, COUNTER_ACTIVE_OPENS)))
		return CONFIDENCE_POSSIBLE;
	return CONFIDENCE_PROVED;
}

static enum confidence abort_unread_data(const struct facts *f)
{
	return abort_by(f, COUNTER_ABORT_ON_CLOSE, COUNTER_ABORT_ON_DATA);
}

static enum confidence abort_linger(const struct facts *f)
{
	return abort_by(f, COUNTER_ABORT_ON_DATA, COUNTER_ABORT_ON_CLOSE);
}

static enum confidence sent_after_close(const struct facts *f)
{
	const struct attempt *a = f->a;
	bool us = a->reset_by == (a->out ? SIDE_CLIENT : SIDE_SERVER);
	bool our_fin = a->out ? a->client_fin : a->server_fin;
	bool peer_fin = a->out ? a->server_fin : a->client_fin; /* it had ended as well: a stray ACK */
	bool ours = !f->window.known || moved(f, COUNTER_OUT_RSTS); /* else a rule's */

	return when(us && our_fin && !peer_fin && ours && !(a->answer_flags & 0x10), CONFIDENCE_PROVED);
}

/* The peer's, if it came the peer's way: by its interface, and over as many hops. */
static enum confidence reset_by_remote(const struct facts *f)
{
	const struct attempt *a = f->a;

	if (a->reset_by != (a->out ? SIDE_SERVER : SIDE_CLIENT) || a->reset_elsewhere)
		return CONFIDENCE_NONE;
	return a->answer_ttl == a->peer_ttl ? CONFIDENCE_PROVED : CONFIDENCE_POSSIBLE;
}

/* Certain only where a request came, no byte went back, and our FIN was the first. */
static enum confidence closed_early(const struct facts *f)
{
	const struct attempt *a = f->a;
	bool early = a->ended - a->first < 30 * USEC;

	return when(a->first_fin == SIDE_SERVER && a->server_bytes == 0 && a->client_bytes > 0 &&
			    a->client_bytes < 1u << 30 && early,
		CONFIDENCE_PROVED);
}

static enum confidence proved(const struct facts *f)
{
	(void)f;
	return CONFIDENCE_PROVED;
}

static enum confidence inferred(const struct facts *f)
{
	return f->lossless ? CONFIDENCE_INFERRED : CONFIDENCE_POSSIBLE;
}

static const struct rule rules[] = {
	{SITUATION_REFUSED, IN, CAUSE_NO_LISTENER, no_listener, {0}},
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
	{SITUATION_REFUSED, IN, CAUSE_TOO_EARLY, too_early,
		{CAUSE_REDIRECT_NO_LISTENER, CAUSE_FIREWALL_RESET}},
	{SITUATION_REFUSED, IN, CAUSE_RESTARTING, restarting, {0}},
	{SITUATION_REFUSED, IN, CAUSE_PUBLISHED_NO_LISTENER, published_no_listener,
		{CAUSE_PUBLISHED_LOOPBACK_ONLY, CAUSE_FIREWALL_RESET}},
	{SITUATION_REFUSED, IN, CAUSE_FIREWALL_RESET, firewall_reset, {CAUSE_STEERED_AWAY}},
	{SITUATION_REFUSED, OUT, CAUSE_REMOTE_REFUSED, proved, {0}},
	{SITUATION_UNREACHABLE, IN, CAUSE_FIREWALL_REJECT, firewall_reject,
		{CAUSE_PUBLISHED_TARGET_DEAD, CAUSE_FORWARD_UNREACHABLE}},
	{SITUATION_UNREACHABLE, OUT, CAUSE_REMOTE_UNREACHABLE, proved, {0}},
	{SITUATION_SILENT, IN, CAUSE_ACCEPT_QUEUE_FULL, accept_queue_full,
		{CAUSE_SYN_QUEUE_FULL, CAUSE_TCP_MD5, CAUSE_NO_ROUTE_BACK}},
	{SITUATION_SILENT, IN, CAUSE_SYN_QUEUE_FULL, syn_queue_full, {CAUSE_NO_ROUTE_BACK}},
	{SITUATION_SILENT, IN, CAUSE_NO_ROUTE_BACK, no_route_back, {CAUSE_SYN_QUEUE_FULL}},
	{SITUATION_SILENT, IN, CAUSE_NEXT_HOP_DEAD, answer_never_left, {CAUSE_FIREWALL_DROP_REPLY}},
	{SITUATION_SILENT, IN, CAUSE_TCP_MD5, tcp_md5, {CAUSE_ACCEPT_QUEUE_FULL}},
	{SITUATION_SILENT, IN, CAUSE_MIN_TTL, min_ttl, {CAUSE_ACCEPT_QUEUE_FULL}},
	{SITUATION_SILENT, IN, CAUSE_TIMEWAIT_REUSE, timewait_reuse, {CAUSE_FIREWALL_DROP}},
	{SITUATION_SILENT, IN, CAUSE_FIREWALL_DROP, firewall_drop_nobody,
		{CAUSE_PUBLISHED_NOT_FORWARDED, CAUSE_PUBLISHED_NO_RETURN, CAUSE_DNAT_TO_LOOPBACK,
			CAUSE_BPF_DROP}},
	{SITUATION_SILENT, IN, CAUSE_FIREWALL_DROP, firewall_drop,
		{CAUSE_BPF_DROP, CAUSE_CONNTRACK_FULL, CAUSE_NFQUEUE_DEAD}},
	{SITUATION_SILENT, IN, CAUSE_REVERSE_PATH, reverse_path, {0}},
	{SITUATION_SILENT, IN, CAUSE_BAD_CHECKSUM, bad_checksum, {0}},
	{SITUATION_SILENT, IN, CAUSE_FIREWALL_DROP_REPLY, firewall_drop_reply,
		{CAUSE_NEXT_HOP_DEAD, CAUSE_BPF_DROP}},
	{SITUATION_SILENT, OUT, CAUSE_REMOTE_SILENT, inferred, {CAUSE_REMOTE_REFUSED}},
	{SITUATION_UNFINISHED, IN, CAUSE_PEER_SILENT, peer_silent,
		{CAUSE_FIREWALL_DROP_ACK, CAUSE_REPLY_LOST}},
	{SITUATION_UNFINISHED, IN, CAUSE_REPLY_LOST, reply_lost, {CAUSE_FIREWALL_DROP_ACK}},
	{SITUATION_UNFINISHED, IN, CAUSE_ACCEPT_QUEUE_FULL_LATE, accept_queue_full_late,
		{CAUSE_PEER_SILENT}},
	{SITUATION_UNFINISHED, IN, CAUSE_DEFERRED_ACCEPT, deferred_accept, {CAUSE_PEER_SILENT}},
	{SITUATION_CANCELLED, IN, CAUSE_PEER_RESET, peer_reset, {0}},
	{SITUATION_CANCELLED, IN, CAUSE_PEER_FIREWALL, peer_firewall, {CAUSE_PEER_RESET}},
	{SITUATION_RESET, WAY_EITHER, CAUSE_ABORT_UNREAD_DATA, abort_unread_data,
		{CAUSE_ABORT_LINGER, CAUSE_PROCESS_DIED, CAUSE_QUEUE_DISCARDED, CAUSE_SOCKET_DESTROYED}},
	{SITUATION_RESET, WAY_EITHER, CAUSE_ABORT_LINGER, abort_linger,
		{CAUSE_ABORT_UNREAD_DATA, CAUSE_QUEUE_DISCARDED, CAUSE_PROCESS_DIED,
			CAUSE_SOCKET_DESTROYED}},
	{SITUATION_RESET, WAY_EITHER, CAUSE_SENT_AFTER_CLOSE, sent_after_close, {0}},
	{SITUATION_RESET, IN, CAUSE_PEER_CLOSED_ABRUPTLY, reset_by_remote, {CAUSE_MIDDLEBOX_RESET}},
	{SITUATION_RESET, OUT, CAUSE_REMOTE_RESET, reset_by_remote, {CAUSE_MIDDLEBOX_RESET}},
	{SITUATION_CLOSED, IN, CAUSE_CLOSED_EARLY, closed_early, {0}},
};

/* Where no rule speaks: what the catalogue has for such a situation and this version cannot tell. */
static const struct {
	enum cause in[5], out[5];
} candidates[SITUATION_COUNT] = {
	[SITUATION_REFUSED] = {{CAUSE_FIREWALL_RESET, CAUSE_STEERED_AWAY, CAUSE_REDIRECT_NO_LISTENER,
				       CAUSE_PUBLISHED_NO_LISTENER, CAUSE_LISTENER_GONE},
		{CAUSE_REMOTE_REFUSED}},
	[SITUATION_UNREACHABLE] = {{CAUSE_FORWARD_UNREACHABLE, CAUSE_PUBLISHED_TARGET_DEAD,
					   CAUSE_FIREWALL_REJECT},
		{CAUSE_REMOTE_UNREACHABLE}},
	[SITUATION_SILENT] = {{CAUSE_FIREWALL_DROP, CAUSE_ACCEPT_QUEUE_FULL, CAUSE_BPF_DROP,
				      CAUSE_TCP_MD5, CAUSE_NOT_OUR_ADDRESS},
		{CAUSE_REMOTE_SILENT}},
	[SITUATION_UNFINISHED] = {{CAUSE_PEER_SILENT, CAUSE_FIREWALL_DROP_ACK, CAUSE_REPLY_LOST,
					  CAUSE_ACCEPT_QUEUE_FULL_LATE},
		{CAUSE_FIREWALL_DROP, CAUSE_BPF_DROP, CAUSE_REVERSE_PATH}},
	[SITUATION_CANCELLED] = {{CAUSE_PEER_RESET, CAUSE_PEER_FIREWALL}, {CAUSE_REMOTE_RESET}},
	[SITUATION_RESET] = {{CAUSE_FIREWALL_RESET, CAUSE_RETRANSMIT_TIMEOUT, CAUSE_KEEPALIVE_TIMEOUT,
				     CAUSE_SOCKET_DESTROYED, CAUSE_QUEUE_DISCARDED},
		{CAUSE_REMOTE_RESET, CAUSE_SOCKET_DESTROYED}},
};

static void add_alternative(struct verdict *v, enum cause c)
{
	for (int i = 0; i < RULES_ALTERNATIVES && c != v->cause; i++) {
		if (v->alternatives[i] == c)
			return;
		if (v->alternatives[i] == CAUSE_NONE) {
			v->alternatives[i] = c;
			return;
		}
	}
}

static enum client_sees sees(const struct facts *f)
{
	static const enum client_sees by_situation[SITUATION_COUNT] = {
		[SITUATION_REFUSED] = SEES_ECONNREFUSED,
		[SITUATION_SILENT] = SEES_ETIMEDOUT,
		[SITUATION_RESET] = SEES_ECONNRESET,
	};
	const struct attempt *a = f->a;

	if (f->situation == SITUATION_UNREACHABLE)
		return client_sees_icmp(a->v6, a->icmp_type, a->icmp_code);
	if (f->situation == SITUATION_RESET && a->reset_by == SIDE_CLIENT)
		return SEES_NONE; /* the client itself sent the RST */
	return by_situation[f->situation];
}

const char *confidence_name(enum confidence c)
{
	static const char *const names[] = {"possible", "possible", "inferred", "proved"};

	return names[c];
}

struct verdict rules_judge(const struct facts *f)
{
	struct verdict v = {.cause = CAUSE_UNKNOWN, .confidence = CONFIDENCE_NONE, .sees = sees(f)};
	enum confidence strength[sizeof(rules) / sizeof(rules[0])] = {CONFIDENCE_NONE};
	int best = -1, equals = 0;

	for (int i = 0; i < (int)(sizeof(rules) / sizeof(rules[0])); i++) {
		const struct rule *r = &rules[i];

		if (r->situation != f->situation || r->dir == (f->a->out ? IN : OUT))
			continue;
		strength[i] = r->fits(f);
		if (best < 0 || strength[i] > strength[best]) {
			best = i;
			equals = 1;
		} else if (strength[i] == strength[best]) {
			equals++;
		}
	}
	if (best < 0 || strength[best] == CONFIDENCE_NONE) {
		const enum cause *list = f->a->out ? candidates[f->situation].out
						   : candidates[f->situation].in;

		for (int i = 0; i < 5 && list[i] != CAUSE_NONE; i++)
			add_alternative(&v, list[i]);
		return v;
	}
	v.cause = rules[best].cause;
	v.confidence = equals > 1 ? CONFIDENCE_POSSIBLE : strength[best];
	if (v.confidence != CONFIDENCE_POSSIBLE)
		return v;
	for (int i = 0; i < (int)(sizeof(rules) / sizeof(rules[0])); i++)
		if (strength[i] == strength[best])
			add_alternative(&v, rules[i].cause);
	for (int i = 0; i < 4; i++)
		if (rules[best].also[i] != CAUSE_NONE)
			add_alternative(&v, rules[best].also[i]);
	return v;
}
