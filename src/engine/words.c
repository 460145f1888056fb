/* words.c - what a verdict means, for a person: evidence, a sentence, and what to do. */
#include "base/text.h"
#include "report.h"
#include "servers.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The texts that most sentences need, made once. */
struct names {
	char peer[IP_TEXT], addr[IP_TEXT], dialled[IP_TEXT], bound[IP_TEXT];
	char owner[160]; /* of the listener that matters */
	const struct owner *who;
	const struct listener *listener;
	uint16_t port;
};

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

static void say(struct event_attempt *ev, const char *source, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void say(struct event_attempt *ev, const char *source, const char *format, ...)
{
	va_list args;

	for (int i = 0; i < EVENT_EVIDENCE; i++) {
		struct event_evidence *slot = &ev->evidence[i];

		if (slot->source[0])
			continue;
		text_copy(slot->source, sizeof(slot->source), source);
		va_start(args, format);
		vsnprintf(slot->text, sizeof(slot->text), format, args);
		va_end(args);
		return;
	}
}

static void flags_text(uint8_t flags, char *buf, size_t size)
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

static void tell_wire(const struct facts *f, struct event_attempt *ev)
{
	const struct attempt *a = f->a;
	char from[IP_TEXT], to[IP_TEXT], icmp[IP_TEXT], took[32], syns[24], flags[8];
	const char *iface = f->iface[0] ? f->iface : "the wire";

	ip_format_port(&a->key.client, a->key.client_port, from, sizeof(from));
	ip_format_port(&a->key.server, a->key.server_port, to, sizeof(to));
	syn_words(a, syns, sizeof(syns));
	words_duration((a->answered ? a->answered : a->last) - a->first, took, sizeof(took));
	flags_text(a->answer_flags, flags, sizeof(flags));
	switch (f->situation) {
	case SITUATION_REFUSED:
		say(ev, "packets", "%s %s > %s on %s; RST [%s] came back after %s (TTL %u, window %u)",
			syns, from, to, iface, flags, took, a->answer_ttl, a->answer_window);
		break;
	case SITUATION_UNREACHABLE:
		say(ev, "packets", "%s %s > %s on %s; ICMP%s type %u code %u came from %s after %s", syns,
			from, to, iface, a->v6 ? "v6" : "", a->icmp_type, a->icmp_code,
			ip_format(&a->icmp_from, icmp, sizeof(icmp)), took);
		break;
	case SITUATION_SILENT:
		if (a->syns > 1)
			say(ev, "packets", "%s %s > %s on %s within %s; no SYN-ACK, no RST, no ICMP error",
				syns, from, to, iface, took);
		else
			say(ev, "packets", "%s %s > %s on %s; no SYN-ACK, no RST, no ICMP error", syns,
				from, to, iface);
		break;
	case SITUATION_UNFINISHED:
		say(ev, "packets", "%s %s > %s on %s; SYN-ACK sent %u times", syns, from, to, iface,
			a->synacks);
		break;
	case SITUATION_CANCELLED:
		words_duration(a->ended - a->answered, took, sizeof(took));
		say(ev, "packets", "%s %s > %s on %s; SYN-ACK, then a bare RST [%s] from the peer after %s",
			syns, from, to, iface, flags, took);
		break;
	case SITUATION_RESET:
		words_duration(a->ended - a->first, took, sizeof(took));
		say(ev, "packets", "%s > %s on %s: RST [%s] from the %s %s after the SYN (TTL %u, window %u)",
			from, to, iface, flags, a->reset_by == SIDE_CLIENT ? "client" : "server", took,
			a->answer_ttl, a->answer_window);
		if (a->first_fin != SIDE_NONE)
			say(ev, "packets", "before it a FIN from the %s",
				a->first_fin == SIDE_CLIENT ? "client" : "server");
		break;
	case SITUATION_CLOSED:
	case SITUATION_ACCEPTED:
		words_duration((a->answered ? a->answered : a->first) - a->first, took, sizeof(took));
		say(ev, "packets", "%s %s > %s on %s; SYN-ACK after %s", syns, from, to, iface, took);
		if (a->first_fin == SIDE_SERVER && a->server_bytes == 0) {
			words_duration(a->ended - a->first, took, sizeof(took));
			say(ev, "packets", "first FIN from the server after %s: 0 bytes sent, %u received",
				took, a->client_bytes);
		}
		break;
	case SITUATION_COUNT:
		break;
	}
	if (!f->lossless)
		say(ev, "packets", "packets were lost around that time: an answer may have been missed");
}

static void tell_listener(struct event_attempt *ev, const struct listener *l, const char *how)
{
	char bound[IP_TEXT], owner[160];

	ip_format_port(&l->row.addr, l->row.port, bound, sizeof(bound));
	words_owner(&l->owner, owner, sizeof(owner));
	say(ev, "sockets", "%s listens on %s%s%s%s%s", owner, bound,
		l->row.device[0] ? " on interface " : "", l->row.device,
		l->row.v6 && l->row.v6only && !ip_is_v4(&l->row.addr) ? " (IPV6_V6ONLY)" : "", how);
}

static void tell_port_holders(const struct facts *f, struct event_attempt *ev)
{
	char owner[160], local[IP_TEXT], remote[IP_TEXT];
	const struct answer *p = &f->port;

	if (p->bound) {
		ip_format_port(&p->bound_row.addr, p->bound_row.port, local, sizeof(local));
		words_owner(&p->bound_owner, owner, sizeof(owner));
		say(ev, "sockets", "%s has bound %s, but the socket is not in LISTEN", owner, local);
	}
	if (p->udp) {
		ip_format_port(&p->udp_row.addr, p->udp_row.port, local, sizeof(local));
		words_owner(&p->udp_owner, owner, sizeof(owner));
		say(ev, "sockets", "%s has a UDP socket on %s", owner, local);
	}
	if (p->outgoing) {
		ip_format_port(&p->outgoing_row.addr, p->outgoing_row.port, local, sizeof(local));
		ip_format_port(&p->outgoing_row.peer, p->outgoing_row.peer_port, remote, sizeof(remote));
		words_owner(&p->outgoing_owner, owner, sizeof(owner));
		say(ev, "sockets", "%s has an outgoing connection %s > %s", owner, local, remote);
	}
}

static void tell_door(const struct facts *f, const struct telling *t, struct event_attempt *ev)
{
	const struct attempt *a = f->a;
	int64_t at = a->answered ? a->answered : a->first;
	char text[32], bound[IP_TEXT], owner[160];

	if (!f->sockets || a->out)
		return;
	if (f->accepting) {
		bool later = f->later && f->situation == SITUATION_REFUSED;

		tell_listener(ev, f->accepting, later ? "" : ", and is whom the SYN is for");
		if (later)
			say(ev, "history", "the listener was first seen %s after the refusal",
				words_duration(f->accepting->up - at, text, sizeof(text)));
	}
	if (f->gone) {
		ip_format_port(&f->gone->row.addr, f->gone->row.port, bound, sizeof(bound));
		words_owner(&f->gone->owner, owner, sizeof(owner));
		words_duration(at > f->gone->gone ? at - f->gone->gone : 0, text, sizeof(text));
		say(ev, "history", "%s listened on %s until %s before the refusal", owner, bound, text);
	}
	if (f->nearest && !f->accepting)
		tell_listener(ev, f->nearest, "");
	if (!f->accepting && !f->nearest) {
		say(ev, "sockets", "no TCP socket listens on port %u", a->key.server_port);
		tell_port_holders(f, ev);
		if (t->neighbour)
			tell_listener(ev, t->neighbour, ", the nearest port in use");
	}
}

static void tell_counters(const struct facts *f, struct event_attempt *ev)
{
	static const enum counter worth_telling[] = {COUNTER_LISTEN_OVERFLOWS, COUNTER_LISTEN_DROPS,
		COUNTER_REQQ_FULL_DROP, COUNTER_RP_FILTER, COUNTER_IN_CSUM_ERRORS,
		COUNTER_OUT_NO_ROUTES, COUNTER_ABORT_ON_CLOSE, COUNTER_ABORT_ON_DATA,
		COUNTER_ABORT_ON_TIMEOUT, COUNTER_DEFER_ACCEPT_DROP, COUNTER_MD5_DROPS,
		COUNTER_MD5_UNEXPECTED, COUNTER_MD5_FAILURE, COUNTER_MIN_TTL_DROP};
	static const char *const origins[] = {
		[ORIGIN_UNKNOWN] = "more than were seen, since not all are watched",
		[ORIGIN_STACK] = "the TCP stack sent it",
		[ORIGIN_LIKELY_STACK] = "the TCP stack sent as many as were seen",
		[ORIGIN_MIXED] = "the stack did not send all of them",
		[ORIGIN_OTHER] = "the TCP stack did not send it",
	};
	bool queue = f->accepting && (f->situation == SITUATION_SILENT ||
					     f->situation == SITUATION_UNFINISHED);

	if (queue)
		say(ev, "sockets", "accept queue %u of %u; the listener itself dropped %s%u SYNs since",
			f->queue.queue, f->queue.queue_max, f->drops_exact ? "" : "at least ", f->drops);
	if (f->looked_up && f->situation != SITUATION_REFUSED)
		say(ev, "sockets", "the kernel's look-up of the 4-tuple finds %s",
			!f->found			       ? "nothing"
			: f->socket.state == SOCKET_SYN_RECV ? "a half-open connection (SYN_RECV)"
			: f->socket.state == SOCKET_LISTEN	? "the listener, no connection"
							     : "a connection");
	if (!f->window.known)
		return;
	if (f->situation == SITUATION_REFUSED && !f->a->out)
		say(ev, "counters", "TcpOutRsts rose by %" PRIu64 " while %u RST%s left: %s",
			f->window.delta[COUNTER_OUT_RSTS], f->window.wire_rsts,
			f->window.wire_rsts == 1 ? "" : "s",
			origins[f->origin]);
	for (size_t i = 0; i < sizeof(worth_telling) / sizeof(worth_telling[0]); i++)
		if (f->situation != SITUATION_REFUSED && f->situation != SITUATION_ACCEPTED &&
			f->situation != SITUATION_CLOSED && f->window.delta[worth_telling[i]] > 0)
			say(ev, "counters", "%s rose by %" PRIu64, counter_name(worth_telling[i]),
				f->window.delta[worth_telling[i]]);
}

static void tell_repetition(const struct facts *f, struct event_attempt *ev)
{
	char every[32];

	if (f->failures > 1)
		say(ev, "history", "%s has failed here %" PRId64 " times, every %s on average", ev->peer,
			f->failures, words_duration(f->retry_interval, every, sizeof(every)));
}

/* The setting for a known server, or a general word. */
static void advise_bind(const struct names *n, const char *where, struct event_attempt *ev)
{
	const char *setting = n->who ? server_advice(n->who, SETTING_BIND) : NULL;
	bool other_family = n->listener && ip_is_any(&n->listener->row.addr);

	snprintf(ev->advice, sizeof(ev->advice), "Make %s listen on %s", n->owner, where);
	if (setting) /* the settings are written for 0.0.0.0, which is not what is wanted then */
		text_append(ev->advice, sizeof(ev->advice), other_family ? ". The setting: %s" : ": set %s",
			setting);
	text_append(ev->advice, sizeof(ev->advice), ". Check with: ss -ltnp 'sport = :%u'", n->port);
}

#define SUMMARY(...) snprintf(ev->summary, sizeof(ev->summary), __VA_ARGS__)
#define ADVICE(...)  snprintf(ev->advice, sizeof(ev->advice), __VA_ARGS__)

static void tell_loopback_only(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char where[160];

	SUMMARY("%s dialled %s, but %s listens on %s only: loopback, which no other host can reach",
		n->peer, n->dialled, n->owner, n->bound);
	snprintf(where, sizeof(where), "%s (or %s for all addresses)", n->addr, f->a->v6 ? "::" : "0.0.0.0");
	advise_bind(n, where, ev);
}

static void tell_other_address(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char where[160], bound[IP_TEXT];

	ip_format(&n->listener->row.addr, bound, sizeof(bound));
	SUMMARY("%s dialled %s, but %s listens on %s only", n->peer, n->dialled, n->owner, n->bound);
	snprintf(where, sizeof(where), "%s (or %s for all addresses), or have the peer dial %s", n->addr,
		f->a->v6 ? "::" : "0.0.0.0", bound);
	advise_bind(n, where, ev);
}

static void tell_ipv6_only(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	(void)f;
	SUMMARY("%s dialled %s over IPv4, but %s listens on %s for IPv6 only", n->peer, n->dialled,
		n->owner, n->bound);
	advise_bind(n, "0.0.0.0 too (or on :: without IPV6_V6ONLY; the default is "
		"sysctl net.ipv6.bindv6only)", ev);
}

static void tell_ipv4_only(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	(void)f;
	SUMMARY("%s dialled %s over IPv6, but %s listens on %s: IPv4 only", n->peer, n->dialled, n->owner,
		n->bound);
	advise_bind(n, ":: (which takes IPv4 too), or take the name's AAAA record away so that peers "
		"dial IPv4", ev);
}

static void tell_other_device(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	SUMMARY("%s dialled %s and came in on %s, but %s listens on interface %s only", n->peer,
		n->dialled, f->iface[0] ? f->iface : "another interface", n->owner,
		n->listener->row.device);
	ADVICE("Take SO_BINDTODEVICE (a systemd socket's BindToDevice=, ip vrf exec, or the server's own "
	       "option) off %s, or have the peer come in by %s. Check with: ss -ltnp 'sport = :%u'",
		n->owner, n->listener->row.device, n->port);
}

static void tell_no_listener(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	(void)f;
	SUMMARY("%s dialled %s and was refused: nothing listens on TCP port %u", n->peer, n->dialled, n->port);
	ADVICE("Start the server that should listen on %u, or correct the port that the peer dials. Check "
	       "with: ss -ltnp; systemctl --failed; journalctl -e",
		n->port);
}

static void tell_not_listening(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char owner[160];

	words_owner(&f->port.bound_owner, owner, sizeof(owner));
	SUMMARY("%s dialled %s: %s has bound port %u but never called listen() (or has shut the socket "
		"down)", n->peer, n->dialled, owner, n->port);
	ADVICE("See why %s does not get as far as listen(): its log, or strace -p %d -e network,futex",
		owner, f->port.bound_owner.pid);
}

static void tell_udp_only(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char owner[160];

	words_owner(&f->port.udp_owner, owner, sizeof(owner));
	SUMMARY("%s dialled %s over TCP, but %s serves port %u over UDP only", n->peer, n->dialled, owner,
		n->port);
	ADVICE("Have the peer use UDP, or enable TCP in %s. Check with: ss -lutnp 'sport = :%u'", owner,
		n->port);
}

static void tell_outgoing_port(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char owner[160], remote[IP_TEXT];

	words_owner(&f->port.outgoing_owner, owner, sizeof(owner));
	ip_format_port(&f->port.outgoing_row.peer, f->port.outgoing_row.peer_port, remote,
		sizeof(remote));
	SUMMARY("%s dialled %s, which is only the local port of %s's connection to %s: nothing listens",
		n->peer, n->dialled, owner, remote);
	ADVICE("A server cannot start on %u while the connection holds it: reserve it with sysctl "
	       "net.ipv4.ip_local_reserved_ports=%u, or correct the port that the peer dials",
		n->port, n->port);
}

static void tell_too_early(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char after[32];

	words_duration(n->listener->up - f->a->answered, after, sizeof(after));
	SUMMARY("%s dialled %s %s before %s listened there", n->peer, n->dialled, after, n->owner);
	ADVICE("Let the peer retry or wait for the server: readiness instead of order of start (systemd: "
	       "Type=notify or socket activation; containers: a health check)");
}

/* Whether a name may stand in a command that a person will paste into a shell. */
static bool is_plain(const char *s)
{
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-")] == '\0';
}

/* The command that shows the log of whose listener it is or was. */
static const char *journal_words(const struct names *n, char *buf, size_t size)
{
	if (n->who && n->who->unit[0] && is_plain(n->who->unit))
		snprintf(buf, size, "journalctl -e -u %s", n->who->unit);
	else if (n->who && n->who->comm[0] && is_plain(n->who->comm))
		snprintf(buf, size, "journalctl -e _COMM=%s", n->who->comm);
	else
		text_copy(buf, size, "journalctl -e");
	return buf;
}

static void tell_restarting(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char after[32], down[32], owner[160], log[160];

	words_duration(n->listener->up - f->a->answered, after, sizeof(after));
	words_duration(n->listener->up - f->gone->gone, down, sizeof(down));
	words_owner(&f->gone->owner, owner, sizeof(owner));
	SUMMARY("%s dialled %s while the server restarted: %s went away, %s came up %s after the refusal "
		"(down for %s)", n->peer, n->dialled, owner, n->owner, after, down);
	ADVICE("Restart without a gap: socket activation, SO_REUSEPORT hand-over, or a reload instead of a "
	       "restart; and let the peer retry. Check with: %s", journal_words(n, log, sizeof(log)));
}

static void tell_listener_gone(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char ago[32], log[160];
	int64_t gone = f->a->answered - f->gone->gone;

	words_duration(gone > 0 ? gone : 0, ago, sizeof(ago));
	SUMMARY("%s dialled %s, where %s listened until %s before: the listener went away", n->peer,
		n->dialled, n->owner, ago);
	ADVICE("See why it went (exit, crash, or a server that takes one connection only): %s; coredumpctl "
	       "list; and start it again", journal_words(n, log, sizeof(log)));
}

static void tell_firewall_reset(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	SUMMARY("%s dialled %s and a firewall rule answered with a RST (reject with tcp reset)%s", n->peer,
		n->dialled, f->accepting ? ", though a server listens there" : "");
	ADVICE("Find the rule: nft list ruleset | grep -n 'reject with tcp reset' (or iptables-save | grep "
	       "tcp-reset), and allow %s to port %u before it",
		n->peer, n->port);
}

static void tell_firewall_reject(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	SUMMARY("%s dialled %s and a firewall rule of this host rejected it (ICMP%s type %u code %u)",
		n->peer, n->dialled, f->a->v6 ? "v6" : "", f->a->icmp_type, f->a->icmp_code);
	ADVICE("Find the rule: nft list ruleset | grep -n reject (or iptables-save | grep REJECT), and "
	       "allow %s to port %u before it",
		n->peer, n->port);
}

static void tell_firewall_drop(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	SUMMARY("%s dialled %s and got no answer: the SYN arrived here and was dropped before %s", n->peer,
		n->dialled, f->accepting ? "it reached the listener" : "TCP could refuse it");
	ADVICE("Most likely a firewall rule: look for one whose counter moves (nft list ruleset; "
	       "iptables-save -c; ufw status; firewall-cmd --list-all). If none does: tc filter show, "
	       "bpftool net, and nstat -az for the counters");
}

static void tell_accept_queue_full(const struct facts *f, const struct names *n,
	struct event_attempt *ev)
{
	const char *setting = n->who ? server_advice(n->who, SETTING_BACKLOG) : NULL;

	SUMMARY("%s dialled %s, but the accept queue of %s is full (%u waiting, limit %u): it does not "
		"accept fast enough", n->peer, n->dialled, n->owner, f->queue.queue, f->queue.queue_max);
	ADVICE("See what keeps it from accept(): strace -f -p %d -e accept,accept4, or its threads in top "
	       "-H -p %d. A longer queue (%s; at most sysctl net.core.somaxconn) only helps against bursts",
		n->who ? n->who->pid : 0, n->who ? n->who->pid : 0,
		setting ? setting : "the backlog of listen()");
}

static void tell_peer_silent(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	SUMMARY("%s sent one SYN to %s and never completed: our SYN-ACK was sent %u times without an "
		"acknowledgement", n->peer, n->dialled, f->a->synacks);
	ADVICE("A spoofed or scanning peer needs no action. If it is a real one, its final ACK may be "
	       "dropped: tcpdump -ni any 'host %s and tcp port %u' shows whether ACKs arrive", n->peer,
		n->port);
}

static void tell_peer_reset(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	(void)f;
	SUMMARY("%s asked for %s and reset our answer at once: a scanner, a health check, or a client that "
		"had given up", n->peer, n->dialled);
	ADVICE("Nothing is wrong here. If it is a real client, it timed out too soon, or its own firewall "
	       "resets our SYN-ACK: look there");
}

static void tell_abort_unread(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	(void)f;
	SUMMARY("%s closed the connection of %s to port %u with data it had not read, so the kernel sent a "
		"RST instead of a FIN", n->owner, n->peer, n->port);
	ADVICE("Have the server read to the end of the request (or shutdown() and drain) before close(); "
	       "with a body that is too large, answer first, then read on. Check with: nstat -az "
	       "TcpExtTCPAbortOnClose");
}

static void tell_abort_linger(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	(void)f;
	SUMMARY("%s closed the connection of %s to port %u with SO_LINGER 0, which sends a RST on purpose",
		n->owner, n->peer, n->port);
	ADVICE("Take SO_LINGER with a zero time-out out of the server (or of its proxy: haproxy's 'option "
	       "nolinger', nginx's reset_timedout_connection). Check with: nstat -az TcpExtTCPAbortOnData");
}

static void tell_sent_after_close(const struct facts *f, const struct names *n,
	struct event_attempt *ev)
{
	(void)f;
	SUMMARY("%s closed first, %s went on sending to port %u and was answered with a RST", n->owner,
		n->peer, n->port);
	ADVICE("The two sides disagree on when the connection ends: compare keep-alive time-outs (the "
	       "server's should be the longer one), or have the server read on after its shutdown()");
}

static void tell_closed_early(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char took[32];

	SUMMARY("%s accepted %s on port %u, received %u bytes, and closed after %s without sending a byte",
		n->owner, n->peer, n->port, f->a->client_bytes,
		words_duration(f->a->ended - f->a->first, took, sizeof(took)));
	ADVICE("The server's log should say why: a limit, an access list (hosts.allow), plain text against "
	       "TLS or the other way round, or a proxy whose backend is down");
}

static void tell_peer_abrupt(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	(void)f;
	SUMMARY("%s ended its connection to port %u with a RST, without a FIN from either side", n->peer,
		n->port);
	ADVICE("The reason is at the peer: a client that was killed, gave up, or closes with SO_LINGER 0");
}

static void tell_remote_refused(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	SUMMARY("This host dialled %s and was refused: a RST came back (TTL %u)", n->dialled,
		f->a->answer_ttl);
	ADVICE("Look at %s: does the server listen there, on this address (ss -ltn), and does a firewall "
	       "reject it? The same program there would say", n->addr);
}

static void tell_remote_unreachable(const struct facts *f, const struct names *n,
	struct event_attempt *ev)
{
	char from[IP_TEXT];
	bool itself = ip_equal(&f->a->icmp_from, &f->a->key.server);

	ip_format(&f->a->icmp_from, from, sizeof(from));
	SUMMARY("This host dialled %s and %s answered with an ICMP error (type %u code %u)", n->dialled,
		itself ? "that host itself" : from, f->a->icmp_type, f->a->icmp_code);
	ADVICE("%s %s: %s", itself ? "Look at the firewall of" : "Look at the router or firewall", from,
		itself ? "a rule there rejects us" : "it is on the way, and says that it cannot deliver");
}

static void tell_remote_silent(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	SUMMARY("This host dialled %s and got no answer to %u SYNs", n->dialled, f->a->syns);
	ADVICE("The host is down, a firewall drops the SYN or its answer, or the way is broken. Look with: "
	       "tcptraceroute %s %u; ip route get %s; and at the far side", n->addr, n->port, n->addr);
}

static void tell_remote_reset(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	SUMMARY("%s reset the connection of this host (RST, TTL %u)", n->dialled, f->a->answer_ttl);
	ADVICE("The reason is at %s: its log, and whether it closes with unread data or SO_LINGER 0",
		n->addr);
}

static const struct {
	void (*tell)(const struct facts *f, const struct names *n, struct event_attempt *ev);
} tellers[CAUSE_COUNT] = {
	[CAUSE_NO_LISTENER] = {tell_no_listener},
	[CAUSE_LOOPBACK_ONLY] = {tell_loopback_only},
	[CAUSE_OTHER_ADDRESS] = {tell_other_address},
	[CAUSE_IPV6_ONLY] = {tell_ipv6_only},
	[CAUSE_IPV4_ONLY] = {tell_ipv4_only},
	[CAUSE_OTHER_DEVICE] = {tell_other_device},
	[CAUSE_NOT_LISTENING] = {tell_not_listening},
	[CAUSE_OUTGOING_PORT] = {tell_outgoing_port},
	[CAUSE_UDP_ONLY] = {tell_udp_only},
	[CAUSE_TOO_EARLY] = {tell_too_early},
	[CAUSE_RESTARTING] = {tell_restarting},
	[CAUSE_LISTENER_GONE] = {tell_listener_gone},
	[CAUSE_FIREWALL_RESET] = {tell_firewall_reset},
	[CAUSE_FIREWALL_REJECT] = {tell_firewall_reject},
	[CAUSE_FIREWALL_DROP] = {tell_firewall_drop},
	[CAUSE_ACCEPT_QUEUE_FULL] = {tell_accept_queue_full},
	[CAUSE_PEER_SILENT] = {tell_peer_silent},
	[CAUSE_PEER_RESET] = {tell_peer_reset},
	[CAUSE_ABORT_UNREAD_DATA] = {tell_abort_unread},
	[CAUSE_ABORT_LINGER] = {tell_abort_linger},
	[CAUSE_SENT_AFTER_CLOSE] = {tell_sent_after_close},
	[CAUSE_CLOSED_EARLY] = {tell_closed_early},
	[CAUSE_PEER_CLOSED_ABRUPTLY] = {tell_peer_abrupt},
	[CAUSE_REMOTE_REFUSED] = {tell_remote_refused},
	[CAUSE_REMOTE_UNREACHABLE] = {tell_remote_unreachable},
	[CAUSE_REMOTE_SILENT] = {tell_remote_silent},
	[CAUSE_REMOTE_RESET] = {tell_remote_reset},
};

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
	};
	char took[32];

	SUMMARY("%s dialled %s and %s", f->a->out ? "This host" : n->peer, n->dialled,
		happened[f->situation]);
	if (f->situation == SITUATION_ACCEPTED && f->a->syns > 1)
		text_append(ev->summary, sizeof(ev->summary), " after %u SYNs (%s)", f->a->syns,
			words_duration(f->a->answered - f->a->first, took, sizeof(took)));
	else if (v->cause == CAUSE_UNKNOWN)
		text_append(ev->summary, sizeof(ev->summary), "; %s", cause_entry(v->cause)->meaning);
	else if (v->cause != CAUSE_NONE)
		text_append(ev->summary, sizeof(ev->summary), ": %s", cause_entry(v->cause)->meaning);
	if (v->cause == CAUSE_UNKNOWN)
		ADVICE("The evidence is listed. Look further with: tcpdump -ni any 'host %s and tcp port %u'; "
		       "nstat; ss -tanp 'sport = :%u'", n->peer, n->port, n->port);
}

static void tell_alternatives(const struct verdict *v, struct event_attempt *ev)
{
	const char *between = "";

	if (v->confidence > CONFIDENCE_POSSIBLE)
		return;
	text_append(ev->advice, sizeof(ev->advice), "%sWhat would decide: ", ev->advice[0] ? ". " : "");
	if (v->cause != CAUSE_UNKNOWN) {
		text_append(ev->advice, sizeof(ev->advice), "%s: %s", cause_entry(v->cause)->id,
			cause_entry(v->cause)->decides);
		between = "; ";
	}
	for (int i = 0; i < RULES_ALTERNATIVES && v->alternatives[i] != CAUSE_NONE; i++) {
		text_copy(ev->alternatives[i], sizeof(ev->alternatives[i]),
			cause_entry(v->alternatives[i])->id);
		text_append(ev->advice, sizeof(ev->advice), "%s%s: %s", between,
			cause_entry(v->alternatives[i])->id, cause_entry(v->alternatives[i])->decides);
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
	const struct owner *holder = f->port.bound ? &f->port.bound_owner
				     : f->port.udp ? &f->port.udp_owner
						   : &f->port.outgoing_owner;

	memset(n, 0, sizeof(*n));
	n->port = a->key.server_port;
	text_copy(n->peer, sizeof(n->peer), ev->peer);
	ip_format(&a->key.server, n->addr, sizeof(n->addr));
	ip_format_port(&a->key.server, n->port, n->dialled, sizeof(n->dialled));
	n->listener = f->accepting ? f->accepting : f->nearest ? f->nearest : f->gone;
	if (n->listener) {
		n->who = &n->listener->owner;
		ip_format_port(&n->listener->row.addr, n->port, n->bound, sizeof(n->bound));
	} else if (f->asked && (f->port.bound || f->port.udp || f->port.outgoing)) {
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
	tell_door(f, t, ret);
	tell_counters(f, ret);
	tell_repetition(f, ret);
	if (tellers[v->cause].tell)
		tellers[v->cause].tell(f, &n, ret);
	else
		tell_plain(f, v, &n, ret);
	if (v->confidence == CONFIDENCE_POSSIBLE) {
		char sentence[sizeof(ret->summary)];

		text_copy(sentence, sizeof(sentence), ret->summary);
		snprintf(ret->summary, sizeof(ret->summary), "Possibly: %.300s", sentence);
	}
	tell_alternatives(v, ret);
	if (t->count > 1)
		text_append(ret->summary, sizeof(ret->summary), " (%" PRId64 " attempts alike)", t->count);
	text_copy(ret->client_words, sizeof(ret->client_words), client_words(v->sees));
}
