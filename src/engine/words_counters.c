/* words_counters.c - evidence by queues and counters: of all that moved, what bears on this attempt. */
#include "words.h"

#include "engine/causes.h"
#include "engine/samples.h"

#include <assert.h>
#include <inttypes.h>

#define BIT(counter) (UINT64_C(1) << COUNTER_##counter)

static_assert(COUNTER_COUNT <= 64, "a bit each");

/*
 * The counters are the namespace's: what moved may have been another port's doing. So a counter is told where the cause, or
 * one that it may be as well, rests on it or would move it; of all others it would only mislead.
 */
static const uint64_t bears_on[CAUSE_COUNT] = {
	[CAUSE_ACCEPT_QUEUE_FULL] = BIT(LISTEN_OVERFLOWS) | BIT(LISTEN_DROPS),
	[CAUSE_ACCEPT_QUEUE_FULL_LATE] = BIT(LISTEN_OVERFLOWS) | BIT(LISTEN_DROPS),
	[CAUSE_PROCESS_STOPPED] = BIT(LISTEN_OVERFLOWS) | BIT(LISTEN_DROPS),
	[CAUSE_FD_LIMIT] = BIT(LISTEN_OVERFLOWS) | BIT(LISTEN_DROPS),
	[CAUSE_REUSEPORT_STUCK] = BIT(LISTEN_OVERFLOWS) | BIT(LISTEN_DROPS),
	[CAUSE_SYN_QUEUE_FULL] = BIT(LISTEN_DROPS) | BIT(REQQ_FULL_DROP),
	[CAUSE_SYN_COOKIES] = BIT(REQQ_FULL_COOKIES) | BIT(COOKIES_SENT),
	[CAUSE_DEFERRED_ACCEPT] = BIT(DEFER_ACCEPT_DROP),
	[CAUSE_ABORT_UNREAD_DATA] = BIT(ABORT_ON_CLOSE),
	[CAUSE_PROCESS_DIED] = BIT(ABORT_ON_CLOSE),
	[CAUSE_ABORT_LINGER] = BIT(ABORT_ON_DATA),
	[CAUSE_QUEUE_DISCARDED] = BIT(ABORT_ON_CLOSE) | BIT(ABORT_ON_DATA),
	[CAUSE_KEEPALIVE_TIMEOUT] = BIT(ABORT_ON_TIMEOUT),
	[CAUSE_RETRANSMIT_TIMEOUT] = BIT(ABORT_ON_TIMEOUT),
	[CAUSE_FIREWALL_DROP_REPLY] = BIT(LISTEN_DROPS) | BIT(EMBRYONIC_RSTS),
	[CAUSE_CONNTRACK_FULL] = BIT(CONNTRACK_DROP),
	[CAUSE_IPSEC_POLICY] = BIT(XFRM_IN_TEMPLATE) | BIT(XFRM_IN_BLOCK) | BIT(XFRM_OUT_BLOCK) | BIT(XFRM_OUT_NO_STATES),
	[CAUSE_PUBLISHED_NOT_FORWARDED] = BIT(IN_ADDR_ERRORS) | BIT(IN_ADDR_ERRORS6),
	[CAUSE_REVERSE_PATH] = BIT(RP_FILTER),
	[CAUSE_NO_ROUTE_BACK] = BIT(LISTEN_DROPS) | BIT(OUT_NO_ROUTES),
	[CAUSE_NEXT_HOP_DEAD] = BIT(LISTEN_DROPS),
	[CAUSE_NOT_OUR_ADDRESS] = BIT(IN_ADDR_ERRORS) | BIT(IN_ADDR_ERRORS6),
	[CAUSE_MARTIAN] = BIT(IN_ADDR_ERRORS6),
	[CAUSE_IPV6_DISABLED] = BIT(IN_DISCARDS6),
	[CAUSE_TCP_MD5] = BIT(MD5_DROPS) | BIT(MD5_UNEXPECTED) | BIT(MD5_FAILURE),
	[CAUSE_BAD_CHECKSUM] = BIT(IN_CSUM_ERRORS) | BIT(IP_CSUM_ERRORS),
	[CAUSE_MIN_TTL] = BIT(MIN_TTL_DROP),
	[CAUSE_TIMEWAIT_REUSE] = BIT(PAWS_TIMEWAIT) | BIT(SYN_CHALLENGE),
	[CAUSE_DUPLICATE_CONNECTION] = BIT(SYN_CHALLENGE),
};

/* Where no cause is known, the counters of what may happen in the situation: a reader has to find it. */
static const uint64_t may_bear_on[SITUATION_COUNT] = {
	[SITUATION_SILENT] = BIT(LISTEN_OVERFLOWS) | BIT(LISTEN_DROPS) | BIT(REQQ_FULL_DROP) | BIT(RP_FILTER) |
			     BIT(IN_CSUM_ERRORS) | BIT(IP_CSUM_ERRORS) | BIT(OUT_NO_ROUTES) | BIT(MD5_DROPS) | BIT(MD5_UNEXPECTED) |
			     BIT(MD5_FAILURE) | BIT(MIN_TTL_DROP) | BIT(IN_ADDR_ERRORS) | BIT(IN_ADDR_ERRORS6) | BIT(IN_DISCARDS6) |
			     BIT(SYN_CHALLENGE) | BIT(PAWS_TIMEWAIT) | BIT(CONNTRACK_DROP) | BIT(EMBRYONIC_RSTS),
	[SITUATION_UNFINISHED] = BIT(LISTEN_OVERFLOWS) | BIT(LISTEN_DROPS) | BIT(DEFER_ACCEPT_DROP) | BIT(EMBRYONIC_RSTS),
	[SITUATION_RESET] = BIT(ABORT_ON_CLOSE) | BIT(ABORT_ON_DATA) | BIT(ABORT_ON_TIMEOUT) | BIT(LISTEN_OVERFLOWS),
};

static uint64_t of_verdict(const struct facts *f, const struct verdict *v)
{
	uint64_t counters = bears_on[v->cause];

	if (v->cause == CAUSE_UNKNOWN)
		return may_bear_on[f->situation];
	if (v->confidence <= CONFIDENCE_POSSIBLE)
		for (int i = 0; i < RULES_ALTERNATIVES; i++)
			counters |= bears_on[v->alternatives[i]];
	return counters;
}

/* The listener's own counter stands still: overflows and drops of the namespace are not its doing. */
static uint64_t of_others(const struct facts *f)
{
	bool queues = f->situation == SITUATION_SILENT && f->accepting && f->drops_exact && f->drops == 0;

	return queues ? BIT(LISTEN_OVERFLOWS) | BIT(LISTEN_DROPS) | BIT(REQQ_FULL_DROP) : 0;
}

static void tell_queue(const struct facts *f, struct event_attempt *ev)
{
	if (f->accepting && (f->situation == SITUATION_SILENT || f->situation == SITUATION_UNFINISHED))
		words_say(ev, "sockets", "accept queue %u of %u; the listener itself dropped %s%u SYNs since",
			f->queue.queue, f->queue.queue_max, f->drops_exact ? "" : "at least ", f->drops);
	if (f->looked_up && (f->situation != SITUATION_REFUSED || f->accepting))
		words_say(ev, "sockets", "the kernel's look-up of the 4-tuple finds %s",
			!f->found			       ? "nothing"
			: f->socket.state == SOCKET_SYN_RECV ? "a half-open connection (SYN_RECV)"
			: f->socket.state == SOCKET_LISTEN	? "the listener, no connection"
							     : "a connection");
}

/* Whose RST it is, which its count says; of a refusal nothing else is. */
static void tell_origin(const struct facts *f, struct event_attempt *ev)
{
	static const char *const origins[] = {
		[ORIGIN_UNKNOWN] = "more than were seen, since not all are watched",
		[ORIGIN_STACK] = "the TCP stack sent it",
		[ORIGIN_LIKELY_STACK] = "the TCP stack sent as many as were seen",
		[ORIGIN_MIXED] = "the stack did not send all of them",
		[ORIGIN_OTHER] = "the TCP stack did not send it",
	};

	words_say(ev, "counters", "TcpOutRsts rose by %" PRIu64 " while %u RST%s left: %s",
		f->window.delta[COUNTER_OUT_RSTS], f->window.wire_rsts, f->window.wire_rsts == 1 ? "" : "s",
		origins[f->origin]);
}

void words_counters(const struct facts *f, const struct verdict *v, struct event_attempt *ev)
{
	uint64_t told = of_verdict(f, v) & ~of_others(f);

	tell_queue(f, ev);
	if (!f->window.known)
		return;
	if (f->situation == SITUATION_REFUSED && !f->a->out)
		tell_origin(f, ev);
	if (f->situation == SITUATION_REFUSED || f->situation == SITUATION_ACCEPTED || f->situation == SITUATION_CLOSED)
		return;
	for (int c = 0; c < COUNTER_COUNT; c++)
		if (told >> c & 1 && f->window.delta[c] > 0)
			words_say(ev, "counters", "%s rose by %" PRIu64, counter_name((enum counter)c), f->window.delta[c]);
}
