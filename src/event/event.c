/* event.c - the fields of each event, in the order in which they are written. */
#include "event.h"

#include <assert.h>
#include <stddef.h>

#define SIZE_OF(type, member) sizeof(((type *)0)->member)
#define INT(type, m)          {#m, FIELD_INT, offsetof(type, m), 8, 0, NULL, false}
#define INT_OPT(type, m)      {#m, FIELD_INT, offsetof(type, m), 8, 0, NULL, true}
#define TIME(type, m)         {#m, FIELD_TIME, offsetof(type, m), 8, 0, NULL, false}
#define TEXT(type, m)         {#m, FIELD_TEXT, offsetof(type, m), SIZE_OF(type, m), 0, NULL, false}
#define TEXT_OPT(type, m)     {#m, FIELD_TEXT, offsetof(type, m), SIZE_OF(type, m), 0, NULL, true}
#define OBJECT(type, m, s)    {#m, FIELD_OBJECT, offsetof(type, m), SIZE_OF(type, m), 0, s, false}
#define END                   {NULL, FIELD_INT, 0, 0, 0, NULL, false}

static const struct field state_fields[] = {
	TEXT(struct event_state, state),
	TEXT(struct event_state, why),
	END,
};

#define SOURCE_FIELD(label, s) \
	{label, FIELD_OBJECT, (s) * sizeof(struct event_state), sizeof(struct event_state), 0, \
		state_fields, false}

static const struct field sources_fields[] = {
	SOURCE_FIELD("sockets", SOURCE_SOCKETS),
	SOURCE_FIELD("packets", SOURCE_PACKETS),
	SOURCE_FIELD("kernel", SOURCE_KERNEL),
	SOURCE_FIELD("firewall", SOURCE_FIREWALL),
	SOURCE_FIELD("namespaces", SOURCE_NAMESPACES),
	END,
};
static_assert(sizeof(sources_fields) / sizeof(sources_fields[0]) == SOURCE_COUNT + 1, "each source");

static const struct field hello_fields[] = {
	INT(struct event_hello, schema),
	TEXT(struct event_hello, version),
	TEXT(struct event_hello, host),
	OBJECT(struct event_hello, sources, sources_fields),
	END,
};

static const struct field source_fields[] = {
	TEXT(struct event_source, source),
	{"s", FIELD_INLINE, offsetof(struct event_source, s), 0, 0, state_fields, false},
	INT(struct event_source, received),
	INT(struct event_source, lost),
	END,
};

static const struct field owner_fields[] = {
	INT(struct event_owner, pid),
	TEXT(struct event_owner, comm),
	TEXT_OPT(struct event_owner, cmdline),
	TEXT(struct event_owner, user),
	TEXT(struct event_owner, unit),
	TEXT(struct event_owner, container),
	END,
};

static const struct field listener_fields[] = {
	TEXT(struct event_listener, event),
	INT(struct event_listener, id),
	TEXT(struct event_listener, netns),
	TEXT(struct event_listener, proto),
	TEXT(struct event_listener, family),
	TEXT(struct event_listener, addr),
	INT(struct event_listener, port),
	TEXT(struct event_listener, reach),
	TEXT(struct event_listener, device),
	INT(struct event_listener, queue),
	INT(struct event_listener, queue_max),
	OBJECT(struct event_listener, owner, owner_fields),
	END,
};

static const struct field evidence_fields[] = {
	TEXT(struct event_evidence, source),
	TEXT(struct event_evidence, text),
	END,
};

static const struct field step_fields[] = {
	TEXT(struct event_step, by),
	TIME(struct event_step, t),
	TEXT_OPT(struct event_step, flags),
	INT_OPT(struct event_step, seq),
	INT_OPT(struct event_step, ack),
	INT_OPT(struct event_step, length),
	INT_OPT(struct event_step, window),
	INT_OPT(struct event_step, ttl),
	TEXT_OPT(struct event_step, text),
	END,
};

static const struct field attempt_fields[] = {
	INT(struct event_attempt, id),
	TIME(struct event_attempt, first),
	TIME(struct event_attempt, last),
	TEXT(struct event_attempt, dir),
	TEXT(struct event_attempt, netns),
	TEXT(struct event_attempt, iface),
	TEXT(struct event_attempt, peer),
	INT(struct event_attempt, peer_port),
	TEXT(struct event_attempt, addr),
	INT(struct event_attempt, port),
	INT_OPT(struct event_attempt, ports),
	INT_OPT(struct event_attempt, port_low),
	INT_OPT(struct event_attempt, port_high),
	TEXT(struct event_attempt, outcome),
	TEXT(struct event_attempt, cause),
	TEXT(struct event_attempt, confidence),
	{"alternatives", FIELD_TEXTS, offsetof(struct event_attempt, alternatives), 32,
		EVENT_ALTERNATIVES, NULL, true},
	TEXT_OPT(struct event_attempt, by),
	TEXT(struct event_attempt, client_sees),
	TEXT_OPT(struct event_attempt, client_words),
	INT(struct event_attempt, syns),
	INT(struct event_attempt, count),
	INT(struct event_attempt, failures),
	TIME(struct event_attempt, retry_interval),
	TIME(struct event_attempt, failing_for),
	TEXT_OPT(struct event_attempt, pattern),
	{"evidence", FIELD_OBJECTS, offsetof(struct event_attempt, evidence),
		sizeof(struct event_evidence), EVENT_EVIDENCE, evidence_fields, false},
	{"steps", FIELD_OBJECTS, offsetof(struct event_attempt, steps), sizeof(struct event_step), EVENT_STEPS,
		step_fields, false},
	TEXT(struct event_attempt, summary),
	TEXT(struct event_attempt, advice),
	OBJECT(struct event_attempt, owner, owner_fields),
	END,
};

static const struct field port_fields[] = {
	TEXT(struct event_port, netns),
	INT(struct event_port, port),
	INT(struct event_port, syn),
	INT(struct event_port, synack),
	INT(struct event_port, accepted),
	INT(struct event_port, refused),
	INT(struct event_port, reset),
	INT(struct event_port, silent),
	INT(struct event_port, unreachable),
	INT(struct event_port, unfinished),
	INT(struct event_port, fin_in),
	INT(struct event_port, fin_out),
	INT(struct event_port, rst_in),
	INT(struct event_port, rst_out),
	INT(struct event_port, late_reset),
	INT(struct event_port, icmp_in),
	INT(struct event_port, icmp_out),
	END,
};

static const struct field host_fields[] = {
	TEXT(struct event_host, netns),
	TEXT(struct event_host, kind),
	TEXT(struct event_host, name),
	TEXT(struct event_host, value),
	TEXT_OPT(struct event_host, note),
	END,
};

static const struct field tick_fields[] = {
	INT(struct event_tick, attempts),
	INT(struct event_tick, accepted),
	INT(struct event_tick, refused),
	INT(struct event_tick, reset),
	INT(struct event_tick, silent),
	INT(struct event_tick, unreachable),
	INT(struct event_tick, unfinished),
	INT(struct event_tick, cancelled),
	INT(struct event_tick, received),
	INT(struct event_tick, lost),
	INT(struct event_tick, evicted),
	INT(struct event_tick, untracked),
	INT(struct event_tick, tracked),
	INT(struct event_tick, rolled_up),
	INT(struct event_tick, late_reset),
	END,
};

static const struct field bye_fields[] = {
	TEXT(struct event_bye, reason),
	{"totals", FIELD_INLINE, offsetof(struct event_bye, totals), 0, 0, tick_fields, false},
	END,
};

const struct event_description event_descriptions[EVENT_TYPE_COUNT] = {
	[EVENT_HELLO] = {"hello", hello_fields},
	[EVENT_SOURCE] = {"source", source_fields},
	[EVENT_LISTENER] = {"listener", listener_fields},
	[EVENT_ATTEMPT] = {"attempt", attempt_fields},
	[EVENT_RESET] = {"reset", attempt_fields},
	[EVENT_PORT] = {"port", port_fields},
	[EVENT_HOST] = {"host", host_fields},
	[EVENT_TICK] = {"tick", tick_fields},
	[EVENT_BYE] = {"bye", bye_fields},
};
