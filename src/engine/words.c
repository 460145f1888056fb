/* words.c - what a verdict means, for a person: evidence, a sentence, and what to do. */
#include "base/text.h"
#include "report.h"
#include "sentences.h"
#include "words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *words_owner(const struct owner *o, char *buf, size_t size)
{
	if (o->pid <= 0) {
		text_copy(buf, size, "a process that could not be looked up");
		return buf;
	}
	snprintf(buf, size, "%s (pid %d", o->comm, o->pid);
	if (o->container[0])
		text_append(buf, size, ", container %s", o->container);
	else if (o->unit[0])
		text_append(buf, size, ", unit %s", o->unit);
	text_append(buf, size, ")");
	return buf;
}

const char *words_duration(int64_t usec, char *buf, size_t size)
{
	int64_t s = usec / USEC;

	if (usec < 10000)
		snprintf(buf, size, "%.2f ms", (double)usec / 1000);
	else if (s < 1)
		snprintf(buf, size, "%" PRId64 " ms", usec / 1000);
	else if (s < 60)
		snprintf(buf, size, "%.1f s", (double)usec / (double)USEC);
	else if (s < 3600)
		snprintf(buf, size, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
	else
		snprintf(buf, size, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
	return buf;
}

void words_say(struct event_attempt *ev, const char *source, const char *format, ...)
{
	char text[600];
	va_list args;

	for (int i = 0; i < EVENT_EVIDENCE; i++) {
		struct event_evidence *slot = &ev->evidence[i];

		if (slot->source[0])
			continue;
		text_copy(slot->source, sizeof(slot->source), source);
		va_start(args, format);
		vsnprintf(text, sizeof(text), format, args);
		va_end(args);
		text_copy(slot->text, sizeof(slot->text), text); /* which cuts at a character */
		return;
	}
}

void words_flags(uint8_t flags, char *buf, size_t size)
{
	static const struct {
		uint8_t bit;
		const char *letter;
	} letters[] = {{TCP_FIN, "F"}, {TCP_SYN, "S"}, {TCP_RST, "R"}, {TCP_PSH, "P"}, {TCP_ACK, "."}};

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (flags & letters[i].bit)
			text_append(buf, size, "%s", letters[i].letter);
}

static const char *syn_words(const struct attempt *a, char *buf, size_t size)
{
	if (a->syns == 1)
		text_copy(buf, size, "SYN");
	else
		snprintf(buf, size, "%u SYNs", a->syns);
	return buf;
}

/* What the socket of an open connection shows. */
static void tell_waiting(const struct facts *f, const char *took, struct event_attempt *ev)
{
	const struct connection *c = &f->connection;

	switch (f->waiting) {
	case WAITING_ACCEPT:
		words_say(ev, "sockets", "the connection has no owner (inode 0) and has waited in the accept queue for %s or more",
			took);
		break;
	case WAITING_READ:
		words_say(ev, "sockets", "%u bytes unread for %s or more, window %d, nothing new taken", c->row.queue, took,
			c->window);
		break;
	case WAITING_RESENT:
		words_say(ev, "sockets", "%u segments in flight, %u of them received, the oldest sent %u times again", c->unacked,
			c->sacked, c->retransmits);
		if (f->a->resends > 0)
			words_say(ev, "packets", "the segment that is sent again has %u bytes; a full-size one has %u",
				f->a->resent_size, c->mss);
		break;
	case WAITING_FILTERED:
		words_say(ev, "sockets", "the connection is open here, and for %s nothing of it was received or acknowledged", took);
		if (f->asked_flow)
			words_say(ev, "firewall", "connection tracking (conntrack) %s the connection", f->flow.found ? "knows" : "does not know");
		break;
	case WAITING_READER:
		words_say(ev, "sockets", "%u bytes came and none of them was read, for %s; none was sent", c->row.queue, took);
		break;
	case WAITING_ANSWER:
		words_say(ev, "sockets", "%" PRIu64 " bytes came and were read, the last %s ago; none was sent", c->received, took);
		break;
	case WAITING_GREETING:
		words_say(ev, "sockets", "no byte either way for %s, though this server speaks first", took);
		break;
	case WAITING_PAWS:
		words_say(ev, "sockets", "segments with data come (%u so far), and the bytes received stay %" PRIu64, c->data_in,
			c->received);
		break;
	case WAITING_NONE:
		break;
	}
}

/* What is odd about the first packet, or about what came before it. */
static void tell_packet(const struct facts *f, struct event_attempt *ev)
{
	const struct attempt *a = f->a;
	char flags[16];

	words_flags(a->odd, flags, sizeof(flags));
	if (a->odd)
		words_say(ev, "packets", "its flags: [%s]", flags[0] ? flags : "none");
	if (a->other_mac)
		words_say(ev, "packets", "the frame was not for this host's MAC address, or in a VLAN that is not set up here");
	if (a->bad_ip_sum)
		words_say(ev, "packets", "the checksum of the SYN's IP header is wrong");
	if (a->bad_tcp_sum && f->window.known && f->window.delta[COUNTER_IN_CSUM_ERRORS] > 0)
		words_say(ev, "packets", "the TCP checksum of the SYN is wrong");
	if (a->previous == PREVIOUS_OPEN)
		words_say(ev, "history", "a connection on the same ports was open when the SYN came");
	if (a->previous == PREVIOUS_CLOSED_HERE)
		words_say(ev, "history", "a connection on the same ports had been closed from here just before");
	if (a->client_rsts > 0)
		words_say(ev, "packets", "the peer reset what it got for its SYN (a challenge ACK)");
	if (a->looked_from != 0 && f->situation == SITUATION_UNFINISHED)
		words_say(ev, "packets", "looked at closely: %u ACKs of the peer came, %u of its segments had data", a->acks_in,
			a->data_in);
	if (a->synack_rsts > 1)
		words_say(ev, "packets", "our SYN-ACK was reset %u times", a->synack_rsts);
	if (a->rejected_here)
		words_say(ev, "packets", "our answer came back to this host by lo, rejected on its way out");
	if (a->icmp_to_synack)
		words_say(ev, "packets", "an ICMP error about our SYN-ACK came (type %u code %u)", a->icmp_type, a->icmp_code);
	if (a->zero_window)
		words_say(ev, "packets", "the SYN-ACK had window 0, which this host's TCP never sends: SYNPROXY's");
	if (f->situation == SITUATION_RESET && a->answer_ttl != a->peer_ttl && a->reset_by == SIDE_CLIENT && a->peer_ttl)
		words_say(ev, "packets", "the RST's TTL is %u, the peer's %u", a->answer_ttl, a->peer_ttl);
}

static const char *mac_words(const uint8_t *mac, char *buf, size_t size)
{
	snprintf(buf, size, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return buf;
}

static void tell_wire(const struct facts *f, struct event_attempt *ev)
{
	const struct attempt *a = f->a;
	char from[IP_TEXT], to[IP_TEXT], icmp[IP_TEXT], took[32], syns[24], flags[8];
	const char *iface = f->iface[0] ? f->iface : "the wire";

	ip_format_port(&a->key.client, a->key.client_port, from, sizeof(from));
	ip_format_port(&a->key.server, a->key.server_port, to, sizeof(to));
	syn_words(a, syns, sizeof(syns));
	words_duration((a->answered ? a->answered : a->last) - a->first, took, sizeof(took));
	words_flags(a->answer_flags, flags, sizeof(flags));
	switch (f->situation) {
	case SITUATION_REFUSED:
		words_say(ev, "packets", "%s %s > %s on %s; RST [%s] came back after %s (TTL %u, window %u)",
			syns, from, to, iface, flags, took, a->answer_ttl, a->answer_window);
		break;
	case SITUATION_UNREACHABLE:
		words_say(ev, "packets", "%s %s > %s on %s; ICMP%s type %u code %u came from %s after %s", syns,
			from, to, iface, a->v6 ? "v6" : "", a->icmp_type, a->icmp_code,
			ip_format(&a->icmp_from, icmp, sizeof(icmp)), took);
		break;
	case SITUATION_SILENT:
		if (f->no_packets)
			words_say(ev, "sockets", "the listener on %s dropped %u SYNs; whose is not known, since packets are not watched",
				to, a->syns);
		else if (a->syns > 1)
			words_say(ev, "packets", "%s %s > %s on %s within %s; no SYN-ACK, no RST, no ICMP error",
				syns, from, to, iface, took);
		else
			words_say(ev, "packets", "%s %s > %s on %s; no SYN-ACK, no RST, no ICMP error", syns,
				from, to, iface);
		break;
	case SITUATION_UNFINISHED:
		words_say(ev, "packets", "%s %s > %s on %s; SYN-ACK sent %u times", syns, from, to, iface,
			a->synacks);
		break;
	case SITUATION_CANCELLED:
		words_duration(a->ended - a->answered, took, sizeof(took));
		words_say(ev, "packets", "%s %s > %s on %s; SYN-ACK, then a bare RST [%s] from the peer after %s",
			syns, from, to, iface, flags, took);
		break;
	case SITUATION_RESET:
		words_duration(a->ended - a->first, took, sizeof(took));
		if (a->unknown)
			words_say(ev, "packets", "%s > %s on %s: RST [%s] from here to a segment of no connection: a stray ACK, or "
				"one that was forgotten", to, from, iface, flags);
		else if (a->given_up)
			words_say(ev, "packets", "%s > %s on %s: open for %s, and no RST or FIN was sent at its end", from, to, iface,
				took);
		else
			words_say(ev, "packets", "%s > %s on %s: RST [%s] from the %s %s after the SYN (TTL %u, window %u)",
			from, to, iface, flags, a->reset_by == SIDE_CLIENT ? "client" : "server", took,
			a->answer_ttl, a->answer_window);
		if (a->first_fin != SIDE_NONE)
			words_say(ev, "packets", "before it a FIN from the %s",
				a->first_fin == SIDE_CLIENT ? "client" : "server");
		break;
	case SITUATION_CLOSED:
	case SITUATION_ACCEPTED:
		words_duration((a->answered ? a->answered : a->first) - a->first, took, sizeof(took));
		words_say(ev, "packets", "%s %s > %s on %s; SYN-ACK after %s", syns, from, to, iface, took);
		if (a->first_fin == SIDE_SERVER && a->server_bytes == 0) {
			words_duration(a->ended - a->first, took, sizeof(took));
			words_say(ev, "packets", "first FIN from the server after %s: 0 bytes sent, %u received",
				took, a->client_bytes);
		}
		break;
	case SITUATION_WAITING:
		words_duration(f->waited, took, sizeof(took));
		tell_waiting(f, took, ev);
		break;
	case SITUATION_UNANSWERED:
		if (f->claimed) {
			words_say(ev, "packets", "%s on %s says that %s is its own (%s)", mac_words(f->claimant, from, sizeof(from)), iface,
				ip_format(&a->key.server, to, sizeof(to)), a->v6 ? "neighbour discovery" : "ARP");
			break;
		}
		words_say(ev, "packets", "%s asked for %s %u times on %s within %s; no answer from here",
			ip_format(&a->key.client, from, sizeof(from)), ip_format(&a->key.server, to, sizeof(to)),
			f->asked_times, iface, took);
		break;
	case SITUATION_COUNT:
		break;
	}
	tell_packet(f, ev);
	if (!f->lossless && !f->no_packets)
		words_say(ev, "packets", "packets were lost around that time: an answer may have been missed");
}

static void tell_listener(struct event_attempt *ev, const struct listener *l, const char *how)
{
	char bound[IP_TEXT], owner[160];

	ip_format_port(&l->row.addr, l->row.port, bound, sizeof(bound));
	words_owner(&l->owner, owner, sizeof(owner));
	words_say(ev, "sockets", "%s listens on %s%s%s%s%s", owner, bound,
		l->row.device[0] ? " on interface " : "", l->row.device,
		l->row.v6 && l->row.v6only && !ip_is_v4(&l->row.addr) ? " (IPV6_V6ONLY)" : "", how);
}

static void tell_port_holders(const struct facts *f, struct event_attempt *ev)
{
	char owner[160], local[IP_TEXT], remote[IP_TEXT];
	const struct answer *p = &f->port;

	if (is_present(p->bound)) {
		ip_format_port(&p->bound_row.addr, p->bound_row.port, local, sizeof(local));
		words_owner(&p->bound_owner, owner, sizeof(owner));
		words_say(ev, "sockets", "%s has bound %s, but the socket is not in LISTEN", owner, local);
	}
	if (is_present(p->udp)) {
		ip_format_port(&p->udp_row.addr, p->udp_row.port, local, sizeof(local));
		words_owner(&p->udp_owner, owner, sizeof(owner));
		words_say(ev, "sockets", "%s has a UDP socket on %s", owner, local);
	}
	if (is_present(p->outgoing)) {
		ip_format_port(&p->outgoing_row.addr, p->outgoing_row.port, local, sizeof(local));
		ip_format_port(&p->outgoing_row.peer, p->outgoing_row.peer_port, remote, sizeof(remote));
		words_owner(&p->outgoing_owner, owner, sizeof(owner));
		words_say(ev, "sockets", "%s has an outgoing connection %s > %s", owner, local, remote);
	}
}

static void tell_door(const struct facts *f, const struct telling *t, struct event_attempt *ev)
{
	const struct attempt *a = f->a;
	int64_t at = a->answered ? a->answered : a->first;
	char text[32], bound[IP_TEXT], owner[160];

	if (!f->sockets || a->out || f->situation == SITUATION_UNANSWERED)
		return;
	if (f->accepting) {
		bool later = f->later && f->situation == SITUATION_REFUSED;

		tell_listener(ev, f->accepting, later ? "" : ", and is whom the SYN is for");
		if (later)
			words_say(ev, "history", "the listener was first seen %s after the refusal",
				words_duration(f->accepting->up - at, text, sizeof(text)));
	}
	if (f->gone) {
		ip_format_port(&f->gone->row.addr, f->gone->row.port, bound, sizeof(bound));
		words_owner(&f->gone->owner, owner, sizeof(owner));
		words_duration(at > f->gone->gone ? at - f->gone->gone : 0, text, sizeof(text));
		words_say(ev, "history", "%s listened on %s until %s before the refusal", owner, bound, text);
	}
	if (f->nearest && !f->accepting)
		tell_listener(ev, f->nearest, "");
	if (!f->accepting && !f->nearest) {
		words_say(ev, "sockets", "no TCP socket listens on port %u", a->key.server_port);
		tell_port_holders(f, ev);
		if (t->neighbour)
			tell_listener(ev, t->neighbour, ", the nearest port in use");
	}
}

/* What the host answered when it was asked. */
static void tell_host(const struct facts *f, struct event_attempt *ev)
{
	static const char *const ways[] = {
		[ROUTE_INVALID] = "a blackhole", [ROUTE_UNREACHABLE] = "an unreachable route",
		[ROUTE_NONE] = "no route", [ROUTE_PROHIBITED] = "a prohibited route",
	};
	const struct attempt *a = f->a;
	char text[IP_TEXT];

	if (f->asked_process && f->process.pid == 0)
		words_say(ev, "process", "the process that listened is gone");
	else if (f->asked_process && f->process.frozen)
		words_say(ev, "process", "pid %d is in a control group that is frozen", f->process.pid);
	else if (f->asked_process && (f->process.state == 'T' || f->process.state == 't'))
		words_say(ev, "process", "pid %d is stopped (state %c)", f->process.pid, f->process.state);
	else if (f->asked_process && f->process.fds_max > 0)
		words_say(ev, "process", "pid %d: %u of %u descriptors open%s%s", f->process.pid, f->process.fds,
			f->process.fds_max, f->process.syscall[0] ? ", its main thread in " : "", f->process.syscall);
	if (f->asked_process && f->process.waits_for[0])
		words_say(ev, "process", "pid %d: a thread waits in %s for %s", f->process.pid, f->process.waits_in,
			f->process.waits_for);
	if (f->asked_process && f->process.tasks_max > 0 && f->process.tasks >= f->process.tasks_max)
		words_say(ev, "process", "its control group has %u of %u tasks (pids.max): it cannot start another", f->process.tasks,
			f->process.tasks_max);
	if (f->shared && f->process.decides)
		words_say(ev, "process", "%u processes hold the socket, and none of its workers could serve it", f->process.holders);
	else if (f->shared)
		words_say(ev, "process", "other processes hold the same socket, so what this one does decides nothing");
	if (f->asked_half_open)
		words_say(ev, "sockets", "%u connections of the port are half open (tcp_max_syn_backlog %u, tcp_syncookies %d)",
			f->half_open, f->half_open_max, f->cookies);
	if (f->asked_conntrack)
		words_say(ev, "counters", "connection tracking holds %u of %u entries", f->conntrack, f->conntrack_max);
	if (f->elsewhere)
		words_say(ev, "netns", "a listener on port %u exists in another network namespace", a->key.server_port);
	if (f->member)
		words_say(ev, "sockets", "of %u listeners that share the port, the kernel's look-up names that of pid %d", f->members,
			f->member->owner.pid);
	if (f->situation == SITUATION_RESET && a->unread > 0)
		words_say(ev, "sockets", "the socket was closed with %u bytes unread", a->unread);
	if (f->situation == SITUATION_RESET && a->fate == FATE_RETRANSMITS)
		words_say(ev, "sockets", "the socket ended with %u bytes that were never acknowledged", a->unsent);
	if (f->situation == SITUATION_RESET && a->fate == FATE_PROBES)
		words_say(ev, "sockets", "the socket ended with keepalive probes unanswered");
	if (f->situation == SITUATION_RESET && f->disconnected > 0)
		words_say(ev, "sockets", "%u connection%s of the port %s cut off from within at that moment", f->disconnected,
			f->disconnected == 1 ? "" : "s", f->disconnected == 1 ? "was" : "were");
	if (f->situation == SITUATION_RESET && f->vanished)
		words_say(ev, "history", "its listener went at the same moment");
	if (f->backend)
		words_say(ev, "history", "this host's own attempt to reach %s failed while the connection was served",
			ip_format_port(&f->backend_key.server, f->backend_key.server_port, text, sizeof(text)));
	if (f->asked_forward && f->forward.back < sizeof(ways) / sizeof(ways[0]) && ways[f->forward.back])
		words_say(ev, "routes", "the way on to the dialled address: %s", ways[f->forward.back]);
	else if (f->asked_forward && (f->forward.neighbour == NEIGHBOUR_ASKED || f->forward.neighbour == NEIGHBOUR_FAILED))
		words_say(ev, "routes", "the way on leads over %s on %s, which does not answer",
			ip_format(&f->forward.next_hop, text, sizeof(text)), f->forward.device);
	if (!f->asked_route)
		return;
	if (f->routing.in == ROUTE_INVALID)
		words_say(ev, "routes", "routing refuses such a packet on its way in (rp_filter %d)", f->routing.rp_filter);
	else if (f->routing.in == ROUTE_UNREACHABLE)
		words_say(ev, "routes", "routing does not know the address as this host's (EHOSTUNREACH)");
	else if (f->routing.in == ROUTE_BROADCAST)
		words_say(ev, "routes", "it is a broadcast or multicast address");
	if (a->foreign && a->v6 && f->routing.ipv6_disabled >= 0)
		words_say(ev, "routes", "the address is not this host's; disable_ipv6 is %d, forwarding %d there",
			f->routing.ipv6_disabled, f->routing.forwarding);
	if (a->foreign)
		return; /* the way back from an address that is not here says nothing */
	if (f->routing.back < sizeof(ways) / sizeof(ways[0]) && ways[f->routing.back])
		words_say(ev, "routes", "the way back to the peer: %s", ways[f->routing.back]);
	else if (f->routing.neighbour == NEIGHBOUR_ASKED || f->routing.neighbour == NEIGHBOUR_FAILED)
		words_say(ev, "routes", "the way back leads over %s on %s, which does not answer (neighbour %s)",
			ip_format(&f->routing.next_hop, text, sizeof(text)), f->routing.device,
			f->routing.neighbour == NEIGHBOUR_FAILED ? "FAILED" : "INCOMPLETE");
}

/* "every 2.0 s", "in bursts", "all at once", "every 3.1 s on average"; returns buf. */
static const char *pattern_words(const struct facts *f, char *buf, size_t size)
{
	char every[32];

	words_duration(f->retry_interval, every, sizeof(every));
	if (f->retry_interval <= 0)
		text_copy(buf, size, "all at once");
	else if (f->pattern == PATTERN_BURSTS)
		text_copy(buf, size, "in bursts");
	else
		snprintf(buf, size, "every %s%s", every, f->pattern == PATTERN_PERIODIC ? "" : " on average");
	return buf;
}

static void tell_repetition(const struct facts *f, struct event_attempt *ev)
{
	char how[64], span[32];
	const struct listener *l = f->accepting;
	bool served = f->situation == SITUATION_ACCEPTED;
	bool came_up = l && l->absent != 0 && l->up > f->a->first - f->failing_for;

	words_duration(f->failing_for, span, sizeof(span));
	if (served && f->failing > 1)
		words_say(ev, "history", "%s had failed here %" PRId64 " times, %s for %s%s, and is served now", ev->peer,
			f->failing, pattern_words(f, how, sizeof(how)), span,
			came_up ? ", until the listener came up" : "");
	else if (served && f->failing == 1)
		words_say(ev, "history", "%s had failed here once, %s before%s, and is served now", ev->peer, span,
			came_up ? ", until the listener came up" : "");
	else if (f->failing > 1)
		words_say(ev, "history", "%s has failed here %" PRId64 " times within %s, %s", ev->peer, f->failing, span,
			pattern_words(f, how, sizeof(how)));
}

/* For a cause without words of its own: what happened, what it is called, what would decide. */
static void tell_plain(const struct facts *f, const struct verdict *v, const struct names *n,
	struct event_attempt *ev)
{
	static const char *const happened[SITUATION_COUNT] = {
		[SITUATION_REFUSED] = "was refused",
		[SITUATION_UNREACHABLE] = "got an ICMP error",
		[SITUATION_SILENT] = "got no answer",
		[SITUATION_UNFINISHED] = "never completed the handshake",
		[SITUATION_CANCELLED] = "reset our SYN-ACK",
		[SITUATION_RESET] = "had its connection reset",
		[SITUATION_CLOSED] = "connected",
		[SITUATION_ACCEPTED] = "connected",
		[SITUATION_WAITING] = "is connected, and waits",
		[SITUATION_UNANSWERED] = "got no answer to ARP or neighbour solicitation",
	};
	char took[32];

	SUMMARY("%s dialled %s and %s", f->a->out ? "This host" : n->peer, n->dialled,
		happened[f->situation]);
	if (f->situation == SITUATION_ACCEPTED && f->a->syns > 1)
		text_append(ev->summary, sizeof(ev->summary), " after %u SYNs (%s)", f->a->syns,
			words_duration(f->a->answered - f->a->first, took, sizeof(took)));
	else if (v->cause == CAUSE_UNKNOWN && rules_unexplained(f))
		text_append(ev->summary, sizeof(ev->summary), "; the kernel dropped its SYN by a reason that no cause in the catalogue has: "
			"%s%s%s%s", f->said.syn->name, f->said.syn->function[0] ? " in " : "", f->said.syn->function,
			f->said.syn->function[0] ? "()" : "");
	else if (v->cause == CAUSE_UNKNOWN)
		text_append(ev->summary, sizeof(ev->summary), "; %s", cause_entry(v->cause)->meaning);
	else if (v->cause != CAUSE_NONE)
		text_append(ev->summary, sizeof(ev->summary), ": %s", cause_entry(v->cause)->meaning);
	if (v->cause == CAUSE_UNKNOWN)
		ADVICE("The evidence is listed. Look further with: tcpdump -ni any '%s and tcp port %u'; "
		       "nstat; ss -tanp 'sport = :%u'", n->filter, n->port, n->port);
}

/* Appends one thing that would decide, or nothing where it does not fit as a whole. */
static void tell_decider(enum cause cause, const char *between, struct event_attempt *ev)
{
	const struct cause_entry *e = cause_entry(cause);

	if (strlen(ev->advice) + strlen(between) + strlen(e->id) + strlen(e->decides) + 3 < sizeof(ev->advice))
		text_append(ev->advice, sizeof(ev->advice), "%s%s: %s", between, e->id, e->decides);
}

static void tell_alternatives(const struct verdict *v, struct event_attempt *ev)
{
	const char *between = "What would decide: ";

	if (v->confidence > CONFIDENCE_POSSIBLE)
		return;
	text_append(ev->advice, sizeof(ev->advice), "%s", ev->advice[0] ? ". " : "");
	if (v->cause != CAUSE_UNKNOWN) {
		tell_decider(v->cause, between, ev);
		between = "; ";
	}
	for (int i = 0; i < RULES_ALTERNATIVES && v->alternatives[i] != CAUSE_NONE; i++) {
		text_copy(ev->alternatives[i], sizeof(ev->alternatives[i]),
			cause_entry(v->alternatives[i])->id);
		tell_decider(v->alternatives[i], between, ev);
		between = "; ";
	}
}

static void take_owner(const struct owner *o, struct event_owner *ret)
{
	ret->pid = o->pid;
	text_copy(ret->comm, sizeof(ret->comm), o->comm);
	text_copy(ret->cmdline, sizeof(ret->cmdline), o->cmdline);
	text_copy(ret->user, sizeof(ret->user), o->user);
	text_copy(ret->unit, sizeof(ret->unit), o->unit);
	text_copy(ret->container, sizeof(ret->container), o->container);
}

static void find_names(const struct facts *f, const struct event_attempt *ev, struct names *n)
{
	const struct attempt *a = f->a;
	const struct answer *p = &f->port;
	const struct owner *holder = is_present(p->bound)      ? &p->bound_owner
				     : is_present(p->udp)      ? &p->udp_owner
				     : is_present(p->outgoing) ? &p->outgoing_owner
							       : NULL;

	memset(n, 0, sizeof(*n));
	n->port = a->key.server_port;
	text_copy(n->peer, sizeof(n->peer), strcmp(ev->peer, "unknown") == 0 ? "Somebody" : ev->peer);
	if (strcmp(n->peer, "many") == 0 || f->no_packets)
		text_copy(n->filter, sizeof(n->filter), "ip");
	else
		snprintf(n->filter, sizeof(n->filter), "%s %s", strchr(n->peer, '/') ? "net" : "host", n->peer);
	ip_format(&a->key.server, n->addr, sizeof(n->addr));
	ip_format_port(&a->key.server, n->port, n->dialled, sizeof(n->dialled));
	n->listener = f->accepting ? f->accepting : f->nearest && !f->vanished ? f->nearest : f->gone;
	if (f->has_holder) {
		n->who = &f->holder;
	} else if (n->listener) {
		n->who = &n->listener->owner;
		ip_format_port(&n->listener->row.addr, n->port, n->bound, sizeof(n->bound));
	} else if (f->target.asked && f->target.listens && f->target.owner.pid > 0) {
		n->who = &f->target.owner;
	} else if (holder) {
		n->who = holder;
	}
	if (n->who)
		words_owner(n->who, n->owner, sizeof(n->owner));
	else
		text_copy(n->owner, sizeof(n->owner), a->out ? "this host's program" : "the server");
}

void words_tell(const struct facts *f, const struct verdict *v, const struct telling *t,
	struct event_attempt *ret)
{
	struct names n;

	find_names(f, ret, &n);
	if (n.who)
		take_owner(n.who, &ret->owner);
	tell_wire(f, ret);
	words_filter(f, v->cause, ret);
	tell_door(f, t, ret);
	tell_host(f, ret);
	words_counters(f, v, ret);
	tell_repetition(f, ret);
	if (!sentences_tell(v->cause, f, &n, ret))
		tell_plain(f, v, &n, ret);
	if (v->confidence == CONFIDENCE_POSSIBLE) {
		char sentence[sizeof(ret->summary)];

		text_copy(sentence, sizeof(sentence), ret->summary);
		text_copy(ret->summary, sizeof(ret->summary), "Possibly: ");
		text_append(ret->summary, sizeof(ret->summary), "%s", sentence);
	}
	tell_alternatives(v, ret);
	if (t->count > 1)
		text_append(ret->summary, sizeof(ret->summary), " (%" PRId64 " attempts alike)", t->count);
	text_copy(ret->client_words, sizeof(ret->client_words), client_words(v->sees));
}
