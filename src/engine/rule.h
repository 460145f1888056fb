/* rule.h - what the tables of rules are made of; see rules.c. */
#pragma once

#include "engine/rules.h"

#include <string.h>

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

struct rule_table {
	const struct rule *rules;
	size_t n;
};

/* rules_door.c: refused, unreachable, and addresses that nobody answers for. */
extern const struct rule_table door_rules;
/* rules_silence.c: no answer at all. */
extern const struct rule_table silence_rules;
/* rules_end.c: unfinished, cancelled, reset, closed, waiting. */
extern const struct rule_table end_rules;

/* rules_close.c: accepted, and closed before it was served. */
extern const struct rule_table close_rules;

/* rules_answer.c: accepted, and then silence. */
extern const struct rule_table answer_rules;

/* rules_served.c: ended by a RST, and no failure. */
extern const struct rule_table served_rules;

/* rules_kernel.c: what the kernel's own words prove. */
extern const struct rule_table kernel_rules;

/* rules_nat.c: ports that are forwarded. */
extern const struct rule_table nat_rules;

/* rules_firewall.c: what the firewall's own rules say. */
extern const struct rule_table firewall_rules;

/* Whether the rule that ended the SYN rejects with an ICMP error, of which none came. */
bool rules_rejected_silently(const struct facts *f);

/* Whether the firewall's rules rule the cause out. */
bool rules_ruled_out(const struct facts *f, enum cause cause);

/* Whether the cause is only the form that a better one took: a server that turns away, a proxy without its backend. */
bool rules_displaced(const struct facts *f, enum cause cause);

/* Whether the cause lays at somebody else's door what translation made. */
bool rules_translated(const struct facts *f, enum cause cause);

/* Whether the kernel's word about this very packet rules the cause out. */
bool rules_contradicted(const struct facts *f, enum cause cause);

#define RULE_TABLE(array) {array, sizeof(array) / sizeof((array)[0])}

static inline enum confidence when(bool fits, enum confidence strength)
{
	return fits ? strength : CONFIDENCE_NONE;
}

/* The counter rose between the two samples around the moment that counts. */
static inline bool moved(const struct facts *f, enum counter c)
{
	return f->window.known && f->window.delta[c] > 0;
}

/*
 * Whether it is known if this host's RST answers a last word: by the kernel's word, or by the wire, where the capture lets
 * those in plain text through, and of TLS only the alerts.
 */
static inline bool knows_answered(const struct facts *f)
{
	const struct kernel_word *w = f->said.reset;
	bool left = f->a->out ? f->a->server_left : f->a->client_left;

	return (w && w->answers && w->speech != SPEECH_UNSEEN) || left || (f->lossless && !f->a->client_hello);
}

/* How sure a reading can be that an answer on the wire, missed, would overturn. */
static inline enum confidence if_lossless(const struct facts *f)
{
	return f->lossless ? CONFIDENCE_PROVED : CONFIDENCE_INFERRED;
}

/* The process that was looked at could serve, or could not, for all that hold the socket. */
static inline bool process_decides(const struct facts *f)
{
	return f->asked_process && (!f->shared || f->process.decides);
}

static inline bool process_stopped_there(const struct facts *f)
{
	return process_decides(f) && (f->process.state == 'T' || f->process.state == 't' || f->process.frozen);
}

static inline bool process_without_fds(const struct facts *f)
{
	return process_decides(f) && f->process.fds_max > 0 && f->process.fds >= f->process.fds_max;
}

/*
 * The peer's host answered by a RST without an ACK, as TCP does to what belongs to no connection (RFC 9293, 3.10.7.1), and
 * the peer has not closed: it was restarted, or knows the connection under another name. What a program ends has an ACK.
 */
static inline bool is_unknown_to_peer(const struct facts *f)
{
	const struct attempt *a = f->a;

	return a->reset_by == SIDE_CLIENT && !a->out && !(a->answer_flags & TCP_ACK) && !a->reset_elsewhere &&
	       a->first_fin == SIDE_NONE && a->established_reported && a->ended - a->first > USEC && a->answer_ttl == a->peer_ttl;
}

/*
 * The port is opened for one connection at a time: the listener before lived some moments, took one connection, went with
 * it, and its process lives on, or has ended well and another of its name takes its place.
 */
static inline bool is_one_shot(const struct facts *f)
{
	const struct listener *gone = f->gone;
	bool lives = gone && gone->owner.pid > 0 &&
		     ((f->accepting && f->accepting->owner.pid == gone->owner.pid) ||
			     (f->asked_process && f->process.pid == gone->owner.pid) ||
			     (f->kernel && !f->gone_failed &&
				     (f->accepting ? strcmp(f->accepting->owner.comm, gone->owner.comm) == 0 : f->served_after != 0)));

	return lives && f->gone_answered == 1 && (gone->absent == 0 || gone->gone - gone->up < 10 * USEC) && f->gone_after < 2 * USEC;
}

/* The TCP stack sent no RST: it counts its own (OutRsts). */
static inline bool stack_sent_none(const struct facts *f)
{
	return f->origin == ORIGIN_OTHER;
}
