/* rules.c - diagnosis: asks the tables of rules about the facts. */
#include "rule.h"

#include <string.h>

/*
 * Theory of operation
 *
 * A rule belongs to one situation and one direction and says how strongly the facts speak for its cause: PROVED
 * when the kernel, its socket table or the wire says so for this very packet, INFERRED when it fits and nothing
 * else in the catalogue does, POSSIBLE when something else fits as well. The rules stand in tables, by what
 * they have to know: who is at the door, why there is silence, how connections end, what the kernel says, where NAT
 * leads, and what the firewall's rules do. What is ruled out by the kernel's word or by the rules is not asked.
 */
enum {
	RULES_MAX = 192,
};

static const struct rule_table *const tables[] = {&door_rules, &silence_rules, &end_rules, &answer_rules, &close_rules, &served_rules, &kernel_rules, &nat_rules,
	&firewall_rules};

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
				      CAUSE_CONNTRACK_FULL, CAUSE_NEXT_HOP_DEAD},
		{CAUSE_REMOTE_SILENT}},
	[SITUATION_UNFINISHED] = {{CAUSE_PEER_SILENT, CAUSE_FIREWALL_DROP_ACK, CAUSE_REPLY_LOST,
					  CAUSE_ACCEPT_QUEUE_FULL_LATE},
		{CAUSE_FIREWALL_DROP, CAUSE_BPF_DROP, CAUSE_REVERSE_PATH}},
	[SITUATION_CANCELLED] = {{CAUSE_PEER_RESET, CAUSE_PEER_FIREWALL}, {CAUSE_REMOTE_RESET}},
	[SITUATION_WAITING] = {{CAUSE_NOT_ACCEPTING, CAUSE_NOT_READING}, {CAUSE_REMOTE_SILENT}},
	[SITUATION_UNANSWERED] = {{CAUSE_ADDRESS_UNANSWERED}, {CAUSE_REMOTE_UNREACHABLE}},
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
		[SITUATION_UNANSWERED] = SEES_EHOSTUNREACH,
	};
	const struct attempt *a = f->a;

	if (f->situation == SITUATION_UNREACHABLE)
		return client_sees_icmp(a->v6, a->icmp_type, a->icmp_code);
	if (f->situation == SITUATION_RESET && a->reset_by == SIDE_CLIENT)
		return SEES_NONE; /* the client itself sent the RST */
	if (f->situation == SITUATION_RESET && a->server_fin && a->first_fin == SIDE_SERVER && !a->out && !a->fin_unseen)
		return SEES_EPIPE; /* tcp_reset() in CLOSE_WAIT (net/ipv4/tcp_input.c, v6.18) */
	return by_situation[f->situation];
}

const char *pattern_name(enum pattern p)
{
	static const char *const names[] = {"", "periodic", "bursts", "irregular"};

	return names[p];
}

const char *confidence_name(enum confidence c)
{
	static const char *const names[] = {"possible", "possible", "inferred", "proved"};

	return names[c];
}

/* The rules of a situation, and how strongly each fits. */
struct round {
	const struct rule *rules[RULES_MAX];
	enum confidence strength[RULES_MAX];
	int n, best, equals; /* best -1: none was asked; equals: how many are as strong */
};

static void ask_all(const struct facts *f, struct round *r)
{
	r->n = 0;
	r->best = -1;
	r->equals = 0;
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (size_t i = 0; i < tables[t]->n && r->n < RULES_MAX; i++) {
			const struct rule *rule = &tables[t]->rules[i];
			enum confidence c;

			if (rule->situation != f->situation || rule->dir == (f->a->out ? IN : OUT))
				continue;
			c = rules_contradicted(f, rule->cause) || rules_ruled_out(f, rule->cause) || rules_displaced(f, rule->cause) ||
					    rules_translated(f, rule->cause) ? CONFIDENCE_NONE
												  : rule->fits(f);
			r->rules[r->n] = rule;
			r->strength[r->n] = c;
			if (r->best < 0 || c > r->strength[r->best]) {
				r->best = r->n;
				r->equals = 1;
			} else if (c == r->strength[r->best]) {
				r->equals += rule->cause != r->rules[r->best]->cause;
			}
			r->n++;
		}
}

static void leave_open(const struct facts *f, struct verdict *v)
{
	const enum cause *list = f->a->out ? candidates[f->situation].out : candidates[f->situation].in;

	for (int i = 0; i < 5 && list[i] != CAUSE_NONE; i++)
		add_alternative(v, list[i]);
}

struct verdict rules_judge(const struct facts *f)
{
	struct verdict v = {.cause = CAUSE_UNKNOWN, .confidence = CONFIDENCE_NONE, .sees = sees(f)};
	struct round r;

	ask_all(f, &r);
	if (r.best < 0 || r.strength[r.best] == CONFIDENCE_NONE) {
		if (f->situation == SITUATION_ACCEPTED || f->situation == SITUATION_CLOSED)
			v.cause = CAUSE_NONE;
		else if (!rules_unexplained(f))
			leave_open(f, &v);
		return v;
	}
	if (rules_unexplained(f) && (r.equals > 1 || r.strength[r.best] < CONFIDENCE_INFERRED))
		return v; /* the kernel has a reason, and what is only possible does not have it */
	v.cause = r.rules[r.best]->cause;
	v.confidence = r.equals > 1 ? CONFIDENCE_POSSIBLE : r.strength[r.best];
	if (v.confidence != CONFIDENCE_POSSIBLE)
		return v;
	for (int i = 0; i < r.n; i++)
		if (r.strength[i] == r.strength[r.best])
			add_alternative(&v, r.rules[i]->cause);
	for (int i = 0; i < 4; i++)
		if (r.rules[r.best]->also[i] != CAUSE_NONE)
			add_alternative(&v, r.rules[r.best]->also[i]);
	return v;
}

bool rules_name(enum cause c)
{
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (size_t i = 0; i < tables[t]->n; i++)
			if (tables[t]->rules[i].cause == c)
				return true;
	return false;
}
