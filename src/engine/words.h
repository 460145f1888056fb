/* words.h - what the parts of the evidence are written with. */
#pragma once

#include "engine/report.h"

/* Adds a line of evidence; what does not fit is cut at a character, and a thirteenth line is left out. */
void words_say(struct event_attempt *ev, const char *source, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* TCP flags as tcpdump writes them: "S.", "R". */
void words_flags(uint8_t flags, char *buf, size_t size);

/* Evidence by queues, the kernel's look-up and counters: those that bear on the verdict. */
void words_counters(const struct facts *f, const struct verdict *v, struct event_attempt *ev);

/* Evidence of what filters packets or leads them elsewhere: NAT, the kernel's words, the firewall's rules, BPF programs. */
void words_filter(const struct facts *f, enum cause cause, struct event_attempt *ev);
