/* cases_field.h - what real servers, proxies and clients do at the end of a connection, and the verdict on it. */
#pragma once

#include "cases.h"
#include "engine/servers.h"

/* A RST of the server's, instead of a FIN. */
#define ABORTED .reset_by = SIDE_SERVER, .flags = 0x14, .wire_rsts = 1, .rst_acks = 1, .a.bytes_known = true
/* A bare one to what the client had still to say after the server's FIN. */
#define AFTER_FIN .reset_by = SIDE_SERVER, .flags = 4, .wire_rsts = 1, .first_fin = SIDE_SERVER
#define UNREAD OUT_RSTS | MOVED(COUNTER_ABORT_ON_CLOSE)
#define AT_ONCE_THEN .lasted = 3000, .closed_after = 1000
#define FORWARDED SITUATION_RESET, ORIGIN_OTHER, 0

static const struct rule_case field_cases[] = {
	/* turned away at the door, in each form that the race gives it */
	{"closed before it was asked", CLOSED, CAUSE_CLOSED_EARLY, PROVED, .first_fin = SIDE_SERVER, .lasted = 1000},
	{"closed before it was asked, a while later", CLOSED, NOTHING, .first_fin = SIDE_SERVER, .lasted = 2 * USEC},
	{"closed before it was asked, then it was", RESET, OUT_RSTS, CAUSE_CLOSED_EARLY, PROVED, AFTER_FIN, AT_ONCE_THEN},
	{"aborted before it was asked", RESET, OUT_RSTS | MOVED(COUNTER_ABORT_ON_DATA), CAUSE_CLOSED_EARLY, PROVED, ABORTED,
		.lasted = 1000},
	{"aborted before it was asked, and the listener went", RESET, OUT_RSTS, CAUSE_QUEUE_DISCARDED, INFERRED, ABORTED,
		.lasted = 1000, .gone = true, .vanished = true},
	{"aborted with bytes unread, by one that has a limit", RESET, UNREAD, CAUSE_CLOSED_EARLY, PROVED, ABORTED, .lasted = 1000,
		.client_bytes = 41, .limit = true},
	{"aborted with bytes unread, where others were turned away", RESET, UNREAD, CAUSE_CLOSED_EARLY, PROVED, ABORTED,
		.lasted = 1000, .client_bytes = 41, .turned_away = true},
	{"aborted with bytes unread, by nobody that is known", RESET, UNREAD, CAUSE_ABORT_UNREAD_DATA, PROVED, ABORTED,
		.lasted = 1000, .client_bytes = 41},
	{"aborted with bytes unread, after a while", RESET, UNREAD, CAUSE_ABORT_UNREAD_DATA, PROVED, ABORTED, .lasted = 2 * USEC,
		.client_bytes = 41, .turned_away = true},
	{"aborted with bytes unread, after a look at the client's name", RESET, UNREAD, CAUSE_CLOSED_EARLY, PROVED, ABORTED,
		.lasted = 5 * USEC, .client_bytes = 41, .limit = true},
	{"a long refusal, with nothing read", RESET, UNREAD, CAUSE_CLOSED_EARLY, PROVED, ABORTED, .lasted = 1000,
		.client_bytes = 14, .server_bytes = 960, .limit = true, .manners = MANNER_ANSWERS},
	{"aborted with a line that says why", RESET, UNREAD, CAUSE_CLOSED_EARLY, PROVED, ABORTED, .lasted = 1000,
		.client_bytes = 14, .server_bytes = 36, .limit = true, .manners = MANNER_ANSWERS},
	{"aborted in the middle of an answer", RESET, UNREAD, CAUSE_ABORT_UNREAD_DATA, PROVED, ABORTED, .lasted = 1000,
		.client_bytes = 14, .server_bytes = 3600, .limit = true, .manners = MANNER_ANSWERS},
	{"greeted with a refusal", CLOSED, CAUSE_CLOSED_EARLY, PROVED, .first_fin = SIDE_SERVER, .lasted = 1000, .server_bytes = 36,
		.limit = true, .manners = MANNER_ANSWERS | MANNER_SPEAKS_FIRST},
	{"a server that says the time and closes", CLOSED, NOTHING, .first_fin = SIDE_SERVER, .lasted = 1000, .server_bytes = 26},
	{"the same, started by one that has limits", CLOSED, NOTHING, .first_fin = SIDE_SERVER, .lasted = 1000, .server_bytes = 26,
		.limit = true},
	{"SO_LINGER 0 with all read", RESET, OUT_RSTS | MOVED(COUNTER_ABORT_ON_DATA), CAUSE_ABORT_LINGER, PROVED, ABORTED,
		.lasted = 1000, .client_bytes = 41, .limit = true},
	{"half-closed, and closed at once", CLOSED, CAUSE_CLOSED_EARLY, PROVED, .first_fin = SIDE_CLIENT, .server_fin = true,
		.client_bytes = 18, .answers = true, .lasted = 1000},
	{"half-closed, to one that need not answer", CLOSED, NOTHING, .first_fin = SIDE_CLIENT, .server_fin = true,
		.client_bytes = 100000, .lasted = 1000},
	{"half-closed, and answered", CLOSED, NOTHING, .first_fin = SIDE_CLIENT, .server_fin = true, .client_bytes = 18,
		.server_bytes = 300, .answers = true, .lasted = 1000},
	/* a proxy's backend */
	{"a proxy aborts, its backend refused", RESET, UNREAD, CAUSE_PROXY_BACKEND_DEAD, INFERRED, ABORTED, .lasted = 2000,
		.client_bytes = 78, .backend = true, .manners = MANNER_PROXY},
	{"a proxy closes after a TLS handshake", CLOSED, CAUSE_PROXY_BACKEND_DEAD, INFERRED, .first_fin = SIDE_SERVER,
		.lasted = 9000, .client_bytes = 700, .server_bytes = 2100, .backend = true, .manners = MANNER_PROXY,
		.a.client_hello = true},
	{"a proxy says 503", CLOSED, NOTHING, .first_fin = SIDE_SERVER, .lasted = 9000, .client_bytes = 78, .server_bytes = 220,
		.backend = true, .manners = MANNER_PROXY},
	{"a server beside a client that fails", RESET, UNREAD, CAUSE_ABORT_UNREAD_DATA, PROVED, ABORTED, .lasted = 3 * USEC,
		.client_bytes = 78, .backend = true},
	{"a proxy without a source port left", CLOSED, CAUSE_SOURCE_PORTS_EXHAUSTED, INFERRED, .first_fin = SIDE_SERVER,
		.lasted = 1000, .client_bytes = 3, .manners = MANNER_PROXY, .limit = true, .ports_used = 2, .ports_max = 2},
	{"a proxy with source ports left", CLOSED, CAUSE_CLOSED_EARLY, PROVED, .first_fin = SIDE_SERVER,
		.lasted = 1000, .client_bytes = 3, .manners = MANNER_PROXY, .limit = true, .ports_used = 90, .ports_max = 100},
	{"a proxy that still tries", WAITING, CAUSE_PROXY_BACKEND_DEAD, INFERRED, .waiting = WAITING_READER, .manners = MANNER_PROXY,
		.process = {.pid = 7, .state = 'S', .waits_in = "connect", .waits_for = "192.0.2.5:9000", .waits_out = true}},
	{"killed in the middle of a session", CLOSED, CAUSE_PROCESS_DIED, INFERRED, .first_fin = SIDE_SERVER, .lasted = 5 * USEC,
		.client_bytes = 300, .server_bytes = 9000, .died = 9},
	{"ended with a status after a session", CLOSED, NOTHING, .first_fin = SIDE_SERVER, .lasted = 5 * USEC,
		.client_bytes = 300, .server_bytes = 9000, .died = 0x100},
	{"ended with a status, unanswered", CLOSED, CAUSE_PROCESS_DIED, INFERRED, .first_fin = SIDE_SERVER, .lasted = 5 * USEC,
		.client_bytes = 300, .died = 0x100},
	/* accepted, and then silence */
	{"nobody reads it", WAITING, CAUSE_NOT_ANSWERING, PROVED, .waiting = WAITING_READER, RUNNING},
	{"nobody greets it", WAITING, CAUSE_NOT_ANSWERING, INFERRED, .waiting = WAITING_GREETING, RUNNING},
	{"TLS to one that does not speak it", WAITING, CAUSE_NOT_ANSWERING, PROVED, .waiting = WAITING_ANSWER, RUNNING,
		.a.client_hello = true},
	{"a request that takes its time", WAITING, CAUSE_UNKNOWN, CONFIDENCE_NONE, CAUSE_NOT_READING, .waiting = WAITING_ANSWER,
		RUNNING, .answers = true, .conn = {.idle_ms = 5000}},
	{"a request that takes very long", WAITING, CAUSE_NOT_ANSWERING, INFERRED, .waiting = WAITING_ANSWER, RUNNING,
		.answers = true, .conn = {.idle_ms = 20000}},
	{"a message that needs no answer", WAITING, CAUSE_UNKNOWN, CONFIDENCE_NONE, CAUSE_NOT_READING, .waiting = WAITING_ANSWER,
		RUNNING, .conn = {.idle_ms = 60000}},
	{"read by one that waits for a lock", WAITING, CAUSE_NOT_ANSWERING, INFERRED, .waiting = WAITING_ANSWER,
		.process = {.pid = 7, .state = 'S', .syscall = "flock"}},
	{"left unanswered", CLOSED, CAUSE_NOT_ANSWERING, PROVED, .first_fin = SIDE_CLIENT, .server_fin = true, .client_bytes = 78,
		.answers = true, .lasted = 7 * USEC},
	{"left soon", CLOSED, NOTHING, .first_fin = SIDE_CLIENT, .server_fin = true, .client_bytes = 78, .answers = true,
		.lasted = 1500000},
	/* the process that matters */
	{"never accepted, its workers stopped", WAITING, CAUSE_PROCESS_STOPPED, PROVED, .waiting = WAITING_ACCEPT, STOPPED,
		.shared = true, .decides = true},
	{"never accepted, one of several stopped", WAITING, CAUSE_NOT_ACCEPTING, PROVED, .waiting = WAITING_ACCEPT, STOPPED,
		.shared = true},
	{"never accepted, its only worker out of descriptors", WAITING, CAUSE_FD_LIMIT, PROVED, .waiting = WAITING_ACCEPT, NO_FDS,
		.shared = true, .decides = true},
	{"never accepted, frozen", WAITING, CAUSE_PROCESS_STOPPED, PROVED, .waiting = WAITING_ACCEPT,
		.process = {.pid = 7, .state = 'S', .frozen = true}},
	/* our data */
	{"nothing acknowledged, small", WAITING, CAUSE_PEER_UNRESPONSIVE, INFERRED, .waiting = WAITING_RESENT,
		.conn = {.mss = 1448, .retransmits = 4}, .a = {.resends = 2, .resent_size = 90}},
	{"nothing acknowledged, full-size from the first", WAITING, CAUSE_MTU_BLACKHOLE, POSSIBLE, CAUSE_PEER_UNRESPONSIVE,
		.waiting = WAITING_RESENT, .conn = {.mss = 1448, .retransmits = 4, .row.queue_max = 14480},
		.a = {.resends = 2, .resent_size = 1448}},
	{"nothing acknowledged, one small segment that was not seen", WAITING, CAUSE_PEER_UNRESPONSIVE, INFERRED,
		.waiting = WAITING_RESENT, .conn = {.mss = 1448, .retransmits = 4, .row.queue_max = 20}},
	{"nothing acknowledged any more", WAITING, CAUSE_PEER_UNRESPONSIVE, INFERRED, .waiting = WAITING_RESENT,
		.conn = {.mss = 1448, .retransmits = 4, .acked = 90000}, .a = {.resends = 2, .resent_size = 1448}},
	/* outside netfilter */
	{"an IPsec policy", SILENT, 0, CAUSE_IPSEC_POLICY, PROVED, .door = STEADY, .syn = {"XFRM_POLICY", "tcp_v4_rcv", .flags = 2}},
	{"an IPsec policy, by its counter", SILENT, MOVED(COUNTER_XFRM_IN_TEMPLATE), CAUSE_IPSEC_POLICY, INFERRED, .door = STEADY},
	{"an IPsec policy, and the listener dropped it", SILENT, MOVED(COUNTER_XFRM_IN_TEMPLATE), CAUSE_BPF_DROP, UNSETTLED,
		.door = STEADY, .drops = 1},
	{"the queue of the interface, our answer", SILENT, 0, CAUSE_QUEUE_DROP, PROVED, .door = STEADY, .look = SYN_RECV,
		.syn_ack = {"QDISC_DROP", "__dev_xmit_skb", .flags = 0x12}},
	{"the queue of the interface, our data", WAITING, CAUSE_QUEUE_DROP, PROVED, .waiting = WAITING_FILTERED,
		.to_client = {"QDISC_DROP", "tbf_enqueue", .flags = 0x10}},
	{"a reason that no rule has", SILENT, 0, CAUSE_UNKNOWN, CONFIDENCE_NONE, .door = STEADY,
		.syn = {"SECURITY_HOOK", "sk_filter_trim_cap", .flags = 2}},
	/* translation */
	{"the target's RST", FORWARDED, CAUSE_PUBLISHED_RESET, PROVED, .reset_by = SIDE_SERVER, .flags = 0x14, .ttl = 63,
		.wire_rsts = 1, .lasted = 5000, .nat = {.inner = true, .answer = 0x12}, .inner_rst.reset = 4990},
	{"a RST from behind this host", FORWARDED, CAUSE_PUBLISHED_RESET, INFERRED, .reset_by = SIDE_SERVER, .flags = 0x14,
		.ttl = 63, .wire_rsts = 1, .lasted = 5000, .nat = {.inner = true, .answer = 0x12}},
	{"a rule's RST to a forwarded one", FORWARDED, CAUSE_FIREWALL_RESET, INFERRED, .reset_by = SIDE_SERVER, .flags = 4,
		.wire_rsts = 1, .lasted = 5000, .nat = {.inner = true, .answer = 0x12}},
	{"a translation that was forgotten", FORWARDED, CAUSE_NAT_EXPIRED, PROVED, .reset_by = SIDE_SERVER, .flags = 4, .ttl = 63,
		.wire_rsts = 1, .lasted = 7 * USEC, .nat = {.inner = true, .answer = 0x12},
		.inner_rst = {.reset = 7 * USEC, .client_reset = 5 * USEC}},
	{"the peer's host does not know it", RESET, 0, CAUSE_PEER_CLOSED_ABRUPTLY, POSSIBLE, CAUSE_NAT_EXPIRED,
		.reset_by = SIDE_CLIENT, .flags = 4, .lasted = 5 * USEC, .a.established_reported = true},
	{"the peer's program closes abruptly", RESET, 0, CAUSE_PEER_CLOSED_ABRUPTLY, PROVED, .reset_by = SIDE_CLIENT,
		.flags = 0x14, .lasted = 5 * USEC, .a.established_reported = true},
	{"reset over fewer hops, by a neighbour", CANCELLED, CAUSE_NAT_BYPASSED, PROVED, .syns = 2, .peer_ttl = 63, .ttl = 64,
		.a.synack_rsts = 2,
		.route = {.in = ROUTE_LOCAL, .back = ROUTE_UNICAST, .neighbour = NEIGHBOUR_ANSWERS}},
	{"reset over as many hops, by a neighbour", CANCELLED, CAUSE_PEER_FIREWALL, INFERRED, .syns = 2, .synacks = 2,
		.a.synack_rsts = 2,
		.route = {.in = ROUTE_LOCAL, .back = ROUTE_UNICAST, .neighbour = NEIGHBOUR_ANSWERS}},
	/* addresses, and who only looks */
	{"another host has it too", SITUATION_UNANSWERED, ORIGIN_UNKNOWN, 0, CAUSE_DUPLICATE_ADDRESS, PROVED, .claimed = true},
	{"a health check", SERVED, 0, CAUSE_HEALTH_CHECK, PROVED, .reset_by = SIDE_CLIENT, .flags = 0x14, .a.bytes_known = true},
	{"served, and reset by the peer", SERVED, 0, NOTHING, .reset_by = SIDE_CLIENT, .flags = 0x14, .client_bytes = 78,
		.a.bytes_known = true},
	/* a listener that lives shorter than a poll */
	{"answered soon after", REFUSED, CAUSE_TOO_EARLY, PROVED, .served_after = 300000},
	{"answered just before", REFUSED, CAUSE_LISTENER_GONE, PROVED, .served_before = 300000},
	{"went, and answered soon after by another", REFUSED, CAUSE_LISTENER_GONE, PROVED, .gone = true, .gone_before = USEC,
		.served_after = 300000},
};

#undef ABORTED
#undef AFTER_FIN
#undef UNREAD
#undef AT_ONCE_THEN
#undef FORWARDED
