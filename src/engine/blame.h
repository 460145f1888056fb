/* blame.h - which firewall rule ended a packet, in words, and the command that changes it. */
#pragma once

#include "engine/sentences.h"

/*
 * The rule that ended the packet which the cause is about: the only one that can have, or the only one whose counter grew.
 * NULL: not known, or one of several.
 */
const struct firewall_rule *blamed_rule(const struct facts *f, enum cause cause);

/*
 * Whether it is known to have ended the packet: a trace showed it, the cause is what it did, or every such packet ends there.
 * Else it only might have.
 */
bool rule_acted(const struct firewall_rule *r, const struct facts *f, enum cause cause);

/* "the rule with handle 7 of inet filter input (tcp dport 80 counter drop)"; "the policy of ip filter INPUT (drop)". Returns buf. */
const char *rule_words(const struct firewall_rule *r, char *buf, size_t size);

/* Appends to ev->advice how to let the peer through, with the tool that made the rule. */
void advise_rule(const struct firewall_rule *r, const struct facts *f, const struct names *n, struct event_attempt *ev);

/* Which of the rulings a cause rests on. */
enum ruling ruling_of(enum cause cause);
