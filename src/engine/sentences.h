/* sentences.h - what a cause means for a person, and what to do about it. */
#pragma once

#include "engine/report.h"

/* The texts that most sentences need, made once. */
struct names {
	char peer[IP_TEXT], addr[IP_TEXT], dialled[IP_TEXT], bound[IP_TEXT];
	char filter[IP_TEXT + 8]; /* "host 192.0.2.1", for tcpdump */
	char owner[160]; /* of the listener that matters */
	const struct owner *who;
	const struct listener *listener;
	uint16_t port;
};

/* Writes summary and advice of a cause. False when it has no words of its own. */
bool sentences_tell(enum cause cause, const struct facts *f, const struct names *n, struct event_attempt *ret);

/* The same for what filters packets or sends them elsewhere: firewall, BPF programs, NAT. */
bool sentences_filter(enum cause cause, const struct facts *f, const struct names *n, struct event_attempt *ret);

/* From the beginning; what does not fit is cut at a character. */
#define WRITE(field, ...) \
	do { \
		(field)[0] = '\0'; \
		text_append(field, sizeof(field), __VA_ARGS__); \
	} while (0)
#define SUMMARY(...) WRITE(ev->summary, __VA_ARGS__)
#define ADVICE(...)  WRITE(ev->advice, __VA_ARGS__)
