/* sentences.c - what a cause means for a person, and what to do about it. */
#include "sentences.h"
#include "base/text.h"
#include "rule.h"
#include "servers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	SETTING_TEXT = 480,
};

/* The setting for a known server, or a general word. */
static void advise_bind(const struct names *n, const char *where, struct event_attempt *ev)
{
	/* A process of sshd that serves a client, and listens for it: its title is "sshd: user". */
	bool forwarded = n->who && strcmp(n->who->comm, "sshd") == 0 && strncmp(n->who->cmdline, "sshd: ", 6) == 0 &&
			 !strstr(n->who->cmdline, "[listener]");

	char buf[SETTING_TEXT];
	const char *setting = n->who ? server_setting(n->who, SETTING_BIND, buf, sizeof(buf)) : NULL;
	bool other_family = n->listener && ip_is_any(&n->listener->row.addr);

	if (forwarded) {
		ADVICE("It is a forwarded port (ssh -R): set GatewayPorts clientspecified (or yes) in /etc/ssh/sshd_config here, and "
		       "let the client ask for all addresses: ssh -R '*:%u:...'. Check with: ss -ltnp 'sport = :%u'", n->port, n->port);
		return;
	}
	ADVICE("Make %s listen on %s", n->owner, where);
	if (setting) /* the settings are written for 0.0.0.0, which is not what is wanted then */
		text_append(ev->advice, sizeof(ev->advice), other_family ? ". The setting: %s" : ": set %s",
			setting);
	text_append(ev->advice, sizeof(ev->advice), ". Check with: ss -ltnp 'sport = :%u'", n->port);
}


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
	bool seen = n->listener && n->listener == f->accepting;
	int64_t since = seen ? n->listener->up : f->served_after;

	if (!seen || (f->served_after != 0 && f->served_after < since)) /* whichever shows it first */
		since = f->served_after;
	words_duration(since - f->a->answered, after, sizeof(after));
	if (seen)
		SUMMARY("%s dialled %s too early, by %s: only then %s listened there", n->peer, n->dialled, after, n->owner);
	else
		SUMMARY("%s dialled %s too early, by %s at most: then something listened there and answered the next SYN, and was gone "
			"again before it could be looked at", n->peer, n->dialled, after);
	if (is_one_shot(f))
		text_append(ev->summary, sizeof(ev->summary), ". The port is opened for one connection at a time");
	ADVICE("Let the peer retry or wait for the server: readiness instead of order of start (systemd: "
	       "Type=notify or socket activation; containers: a health check)");
	if (is_one_shot(f) || !seen)
		text_append(ev->advice, sizeof(ev->advice), ". Where a command opens the port, let the server listen() before it answers the "
			"command, and the client dial only then");
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
	char ago[32], lived[32], log[160];
	int64_t gone = f->gone ? f->a->answered - f->gone->gone : 0;
	const char *how = f->accepting		? "it closed its listener and opened it again "
			  : !f->asked_process	? "the listener went away"
			  : f->process.pid == 0 ? "the process has ended"
						: "it closed its listener and goes on without";

	if (!f->gone) {
		SUMMARY("%s dialled %s, where something listened and answered a SYN %s before, and was gone before it could be looked at",
			n->peer, n->dialled, words_duration(f->a->answered - f->served_before, ago, sizeof(ago)));
		ADVICE("A server that takes one connection and closes its listener, or ends: let the peer wait until it is there again, or "
		       "let the server keep its listener open. See: journalctl -e");
		return;
	}
	words_duration(gone > 0 ? gone : 0, ago, sizeof(ago));
	words_duration(f->gone->gone - f->gone->up, lived, sizeof(lived));
	SUMMARY("%s dialled %s, where %s listened until %s before: %s", n->peer, n->dialled, n->owner, ago, how);
	if (f->accepting)
		text_append(ev->summary, sizeof(ev->summary), "%s later",
			words_duration(f->accepting->up - f->gone->gone, lived, sizeof(lived)));
	else if (f->gone->absent)
		text_append(ev->summary, sizeof(ev->summary), ", after %s and %" PRId64 " connection%s%s", lived,
			f->gone_served, f->gone_served == 1 ? "" : "s",
			f->gone_served == 1 ? " (a server that takes one only?)" : "");
	if (f->accepting || (f->asked_process && f->process.pid != 0))
		ADVICE("See why it closes while it runs on: %s; a limit that turns the service off for a while "
		       "(xinetd: cps), a reload that closes before it opens, or a server that takes one connection "
		       "only", journal_words(n, log, sizeof(log)));
	else
		ADVICE("See why it went (exit, crash, or a server that takes one connection only): %s; coredumpctl "
		       "list; and start it again", journal_words(n, log, sizeof(log)));
}

static void tell_accept_queue_full(const struct facts *f, const struct names *n,
	struct event_attempt *ev)
{
	char buf[SETTING_TEXT];
	const char *setting = n->who ? server_setting(n->who, SETTING_BACKLOG, buf, sizeof(buf)) : NULL;
	bool capped = f->somaxconn > 0 && f->queue.queue_max == f->somaxconn;

	SUMMARY("%s dialled %s, but the accept queue of %s is full (%u waiting, limit %u, which is %s): it does "
		"not accept fast enough", n->peer, n->dialled, n->owner, f->queue.queue, f->queue.queue_max,
		capped ? "net.core.somaxconn" : "the backlog of its listen()");
	ADVICE("See what keeps it from accept(): strace -f -p %d -e accept,accept4, or its threads in top "
	       "-H -p %d. A longer queue (%s%s) only helps against bursts",
		n->who ? n->who->pid : 0, n->who ? n->who->pid : 0,
		capped ? "sysctl net.core.somaxconn, and then " : "",
		setting ? setting : "the backlog of listen()");
}

static void tell_peer_silent(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	SUMMARY("%s sent one SYN to %s and never completed: our SYN-ACK was sent %u times without an "
		"acknowledgement", n->peer, n->dialled, f->a->synacks);
	ADVICE("A spoofed or scanning peer needs no action. If it is a real one, its final ACK may be "
	       "dropped: tcpdump -ni any '%s and tcp port %u' shows whether ACKs arrive", n->filter,
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
	char buf[SETTING_TEXT];
	const char *setting = n->who && !f->a->out ? server_setting(n->who, SETTING_ABORT, buf, sizeof(buf)) : NULL;

	SUMMARY("%s closed the connection of %s to port %u with SO_LINGER 0, which sends a RST on purpose",
		n->owner, n->peer, n->port);
	if (setting)
		ADVICE("Look at %s", setting);
	else
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

/* How it came that a connection was closed without an answer. */
static void tell_closed_early(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	const struct attempt *a = f->a;
	int64_t left = a->first_fin == SIDE_SERVER && a->closed ? a->closed : a->ended;
	char took[32], buf[SETTING_TEXT], log[160];
	const char *limit = n->who ? server_setting(n->who, SETTING_LIMIT, buf, sizeof(buf)) : NULL;

	words_duration(left - (a->answered ? a->answered : a->first), took, sizeof(took));
	if (a->first_fin == SIDE_CLIENT)
		SUMMARY("%s sent %u bytes to port %u and shut down its side, and %s closed after %s without sending a byte", n->peer,
			a->client_bytes, n->port, n->owner, took);
	else if (a->client_bytes == 0)
		SUMMARY("%s accepted %s on port %u and closed after %s, before it had been asked for anything", n->owner, n->peer,
			n->port, took);
	else if (a->server_bytes == 0)
		SUMMARY("%s accepted %s on port %u, received %u bytes, and closed after %s without sending a byte", n->owner,
			n->peer, n->port, a->client_bytes, took);
	else
		SUMMARY("%s accepted %s on port %u and closed after %s with a line of %u bytes, without reading what it was asked",
			n->owner, n->peer, n->port, took, a->server_bytes);
	if (f->asked_process && f->process.tasks_max > 0 && f->process.tasks >= f->process.tasks_max)
		text_append(ev->summary, sizeof(ev->summary), ": it cannot start another process (%u of %u tasks, the pids limit of "
			"its control group, TasksMax=)", f->process.tasks, f->process.tasks_max);
	if (a->client_hello)
		ADVICE("The client spoke TLS: does this port expect it (ssl, https), or another certificate or version? ");
	if (a->first_fin == SIDE_CLIENT)
		text_append(ev->advice, sizeof(ev->advice), "The server takes a client that half-closes for one that is gone (nginx logs "
			"499: proxy_ignore_client_abort on). Let the client keep its side open until the answer is there. ");
	else if (limit && left - a->answered < RULES_AT_DOOR)
		text_append(ev->advice, sizeof(ev->advice), "Turned away at the door by %s%s. ", limit,
			a->client_bytes == 0 ? "" : "; or what it was sent did not fit (plain text against TLS, or the other way round; a PROXY "
			"header missing)");
	else
		text_append(ev->advice, sizeof(ev->advice), "The server's log should say why: a limit, an access list (hosts.allow), a "
			"process or thread that it could not start (TasksMax, the pids limit), plain text against TLS or the other way "
			"round, a missing PROXY protocol header, or a proxy whose backend is down. ");
	text_append(ev->advice, sizeof(ev->advice), "See: %s", journal_words(n, log, sizeof(log)));
}

static void tell_peer_abrupt(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	bool answered = f->a->bytes_known && f->a->server_bytes > 0;

	SUMMARY("%s ended its connection to port %u with a RST, without a FIN from either side%s", n->peer, n->port,
		answered ? ", after it had been answered" : "");
	ADVICE("The reason is at the peer: a client that was killed, gave up, or closes with SO_LINGER 0, as some balancers and "
	       "health checks do by habit%s", answered ? "; nothing failed here" : "");
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

static void tell_other_namespace(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char owner[160], bound[IP_TEXT], addr[IP_TEXT];

	ip_format_port(&f->elsewhere_row.addr, f->elsewhere_row.port, bound, sizeof(bound));
	words_owner(&f->elsewhere_owner, owner, sizeof(owner));
	ip_format(&f->elsewhere_addr, addr, sizeof(addr));
	SUMMARY("%s dialled %s and was refused: nothing listens there in this network namespace, but %s on %s%s%s does "
		"in another one", n->peer, n->dialled, owner, bound, f->elsewhere_netns[0] ? ", namespace " : "",
		f->elsewhere_netns);
	if (f->elsewhere_reach == ELSEWHERE_JOINED)
		ADVICE("Publish the port (docker run -p %u:%u; podman: --publish), or have the peer dial the namespace's own "
		       "address %s, if that is whom it means. Else start the server that should listen here",
			n->port, n->port, addr);
	else if (f->elsewhere_reach == ELSEWHERE_APART)
		ADVICE("If that is whom the peer means, it has the address %s there: publish or forward the port, or have the "
		       "peer dial it. Else start the server that should listen here; ip netns; lsns -t net", addr);
	else
		ADVICE("If that is whom the peer means: its namespace has no address to be reached by, so run it in this one "
		       "(systemd: PrivateNetwork=no; docker: a network). Else start the server that should listen here");
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
	[CAUSE_OTHER_NAMESPACE] = {tell_other_namespace},
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

/*
 * The sentences that need nothing but names. {peer} {dialled} {addr} {port} {owner} {pid} {journal} {iface}
 * {filter} {hop} {device} {client_port} stand for what find_names() and the facts know.
 */
static const struct {
	enum cause cause;
	const char *summary, *advice;
} plain[] = {
	{CAUSE_STEERED_AWAY,
		"{peer} dialled {dialled} and was refused, though {owner} listens there: a BPF program (sk_lookup) steers "
		"the connection away",
		"Find the program: bpftool link show (type netns, attach sk_lookup), and who loaded it"},
	{CAUSE_ODD_FLAGS,
		"{peer} sent a segment to {dialled} with flags that no connection begins with: a port scan",
		"Nothing is wrong here. If it comes often: limit or block {peer} in the firewall"},
	{CAUSE_FORWARD_UNREACHABLE,
		"{peer} dialled {dialled}, which this host forwards as a router and cannot deliver",
		"See how this host would get there: ip route get {addr}; ip neigh show {addr}"},
	{CAUSE_PROCESS_STOPPED,
		"{peer} waits at {dialled}: {owner} is {stopped_story} and accepts nothing",
		"Let it go on: {go_on}; and see who stopped it: ps -o pid,ppid,stat,wchan:20,args -p {pid}"},
	{CAUSE_FD_LIMIT,
		"{peer} waits at {dialled}: {owner} has no file descriptor left{worker_story}, so its accept() fails (EMFILE)",
		"Raise the limit (LimitNOFILE= in its unit; now, for the running one: prlimit --pid {pid} --nofile=65536), "
		"and look for a leak: ls -l /proc/{pid}/fd | tail; its log says 'Too many open files'"},
	{CAUSE_REUSEPORT_STUCK,
		"{peer} dialled {dialled} and is steered to one of several listeners (SO_REUSEPORT) whose accept queue is "
		"full: {owner}; the others have room",
		"See what this one does: strace -f -p {pid} -e accept,accept4; restart it, or take it out of the group"},
	{CAUSE_SYN_QUEUE_FULL,
		"{peer} dialled {dialled} and its SYN was dropped: too many connections of port {port} are half open",
		"See who opens them: ss -tn state syn-recv 'sport = :{port}'. Turn on SYN cookies (sysctl "
		"net.ipv4.tcp_syncookies=1) or raise net.ipv4.tcp_max_syn_backlog"},
	{CAUSE_SYN_COOKIES,
		"{peer} was served, but with a SYN cookie: the SYN queue of port {port} is full",
		"A flood, or a backlog that is too small: ss -tn state syn-recv 'sport = :{port}' shows from whom; raise the "
		"backlog of listen() and sysctl net.ipv4.tcp_max_syn_backlog"},
	{CAUSE_DEFERRED_ACCEPT,
		"{peer} connected to {dialled} and waits for the server to speak, while the server waits for the peer: "
		"{owner} listens with TCP_DEFER_ACCEPT, so the connection is not even accepted before data come",
		"Take TCP_DEFER_ACCEPT off {owner} (nginx: 'deferred' of the listen directive; apache: AcceptFilter none; "
		"haproxy: defer-accept), or have the peer speak first"},
	{CAUSE_ACCEPT_QUEUE_FULL_LATE,
		"{peer} completed its handshake with {dialled} when the accept queue of {owner} had just become full: the "
		"connection is not there for the server",
		"See what keeps {owner} from accept(): strace -f -p {pid} -e accept,accept4. A longer backlog (at most "
		"sysctl net.core.somaxconn) only helps against bursts"},
	{CAUSE_PROXY_BACKEND_DEAD,
		"{backend_summary}",
		"Look at {backend}: does it run, and listen there? {backend_look}; and at the log: {journal}"},
	{CAUSE_SOURCE_PORTS_EXHAUSTED,
		"{owner} accepted {peer} on port {port} and closed it unserved: this host has no source port left for one more "
		"connection to {backend}",
		"Give it more source ports (sysctl net.ipv4.ip_local_port_range), let it keep connections to its backend open, or give "
		"the backend more addresses. See: ss -tan dst {backend} | wc -l"},
	{CAUSE_PROCESS_DIED,
		"{death_story}",
		"See why it died (crash, OOM killer, restart): {journal}; coredumpctl list; journalctl -k | grep -i 'out of "
		"memory'"},
	{CAUSE_QUEUE_DISCARDED,
		"{owner} closed its listener on port {port} over connections that waited to be accepted, that of {peer} "
		"among them",
		"Accept what waits before the listener is closed, or hand the socket over (socket activation, SO_REUSEPORT); "
		"see why it was closed: {journal}"},
	{CAUSE_KEEPALIVE_TIMEOUT,
		"This host ended the connection of {peer} to port {port}: its keepalive probes were not answered",
		"The peer, or a NAT or firewall on the way, has forgotten the connection: send keepalives more often (sysctl "
		"net.ipv4.tcp_keepalive_time), below the shortest idle time-out on the way"},
	{CAUSE_RETRANSMIT_TIMEOUT,
		"This host gave up its connection with {peer} on port {port}: what it sent was never acknowledged",
		"The peer is gone, or nothing gets through to it: ping {peer}; tcpdump -ni any '{filter} and tcp port {port}' "
		"shows whether its ACKs come"},
	{CAUSE_STALE_CONNECTION,
		"{peer} sent on a connection to port {port} that this host does not know (any more), and was answered with "
		"a RST",
		"The connection was forgotten here (reboot, time-out, failover) while the peer kept it: let the peer reconnect, "
		"and keep idle connections alive on both sides"},
	{CAUSE_STRAY_SEGMENT,
		"{peer} sent a stray segment to port {port}: it belongs to no connection, and was answered with a RST",
		"A single one is a scanner or a late packet, and needs nothing. Many from real clients: a connection that was "
		"forgotten here; tcpdump -ni any '{filter} and tcp port {port}'"},
	{CAUSE_SYNPROXY_BACKEND_DEAD,
		"{peer} connected to {dialled}, but only to SYNPROXY: nothing behind it accepts, so the connection was reset",
		"Start the server on port {port}, or take the synproxy rule away: nft list ruleset | grep -n synproxy; "
		"iptables-save | grep SYNPROXY"},
	{CAUSE_MIDDLEBOX_RESET,
		"The connection of {peer} to port {port} was ended by a RST that came over another number of hops than the "
		"peer's own packets: something on the way sent it",
		"Look at firewalls, load balancers and traffic shapers between; compare: tcpdump -vni any '{filter} and tcp "
		"port {port}' (ttl)"},
	{CAUSE_REVERSE_PATH,
		"{peer} dialled {dialled} and came in on {iface}, where rp_filter drops it: the way back to the peer does not "
		"lead over {iface}",
		"Correct the route (ip route get {peer}), or loosen the check: sysctl net.ipv4.conf.{iface}.rp_filter=2"},
	{CAUSE_NO_ROUTE_BACK,
		"{peer} dialled {dialled}, and this host cannot answer: {no_way}",
		"Add or correct the route: ip route get {peer}; ip route show; ip rule show"},
	{CAUSE_NEXT_HOP_DEAD,
		"{peer} dialled {dialled}, and the answer does not leave: the next hop {hop} on {device} does not answer ARP "
		"or neighbour solicitation",
		"See: ip neigh show {hop}; arping -I {device} {hop}. Is it down, in another VLAN, or is the route wrong (ip "
		"route get {peer})?"},
	{CAUSE_NOT_OUR_ADDRESS,
		"{peer} dialled {dialled}, which reached this host but is no address of it",
		"Give it the address (ip address add {addr}/32 dev {iface}), or correct what leads the peer here: DNS, a load "
		"balancer, or the peer's ARP table"},
	{CAUSE_ADDRESS_UNANSWERED,
		"{peer} asks where {addr} is (ARP or neighbour discovery), and this host does not answer{address_story}",
		"See: ip address show to {addr}; sysctl -a | grep -E 'arp_(ignore|filter)'; ip -6 address show dadfailed; nft "
		"list ruleset | grep -nE 'arp|nd-neighbor'"},
	{CAUSE_DUPLICATE_ADDRESS,
		"Another host has the address {addr} of this host as well: {claimant} on {iface} says that it is its own, so peers that hear it "
		"reach that host instead",
		"Find it: arping -D -I {iface} {addr}; ip neigh; the switch's table for {claimant}. Give one of the two another address (a "
		"static one within a DHCP range, a cloned machine, a failover where both are master)"},
	{CAUSE_MARTIAN,
		"A SYN to {dialled} came in on {iface} with the source {peer}, which is this host's own or loopback: "
		"impossible from outside, and dropped",
		"Somebody forges it, or two hosts have the same address: ip -d neigh; tcpdump -eni {iface} host {peer} shows "
		"the sender's MAC address"},
	{CAUSE_NOT_FOR_US,
		"A SYN of {peer} to {dialled} came in on {iface}, but its frame was for another MAC address or VLAN, or a "
		"broadcast: TCP does not take it",
		"The peer's ARP table or a switch is wrong: on the peer, ip neigh show {addr}; here, ip -br link show {iface}; "
		"tcpdump -eni {iface} '{filter}'"},
	{CAUSE_IPV6_DISABLED,
		"{peer} dialled {dialled} over IPv6, which is turned off on {iface}",
		"Turn it on: sysctl net.ipv6.conf.{iface}.disable_ipv6=0; or take the name's AAAA record away"},
	{CAUSE_MTU_BLACKHOLE,
		"{peer} is connected to port {port}, but full-size segments to it vanish while smaller ones arrive",
		"Something on the way has a smaller MTU and says nothing: allow ICMP 'fragmentation needed', or sysctl "
		"net.ipv4.tcp_mtu_probing=1, or clamp the MSS (nft: tcp option maxseg size set rt mtu). Test: ping -M do -s "
		"1472 {peer}"},
	{CAUSE_TCP_MD5,
		"{peer} dialled {dialled} and its SYN was dropped for its TCP-MD5 signature: {md5_story}",
		"Give both sides the same key, for these addresses (BGP: 'password' of the neighbour)"},
	{CAUSE_BAD_CHECKSUM,
		"{peer} dialled {dialled} with a wrong checksum, so its SYN was dropped",
		"Bad hardware, or an offload that does not work on the way: ethtool -K {iface} rx off tx off; and look at what "
		"rewrites the peer's packets"},
	{CAUSE_MIN_TTL,
		"{peer} dialled {dialled} with TTL {ttl}, less than {owner} takes (IP_MINTTL)",
		"The peer is further away than the server allows (BGP: ttl-security): correct the number of hops there"},
	{CAUSE_TIMEWAIT_REUSE,
		"{peer} dialled {dialled} from port {client_port} again, while this host still has the last connection from "
		"there in TIME_WAIT",
		"Let the client use other source ports, or let it close first; a RST or a minute's wait ends it. See: ss -tan "
		"state time-wait 'sport = :{port}'"},
	{CAUSE_PAWS,
		"The data of {peer} to port {port} come and are dropped: their timestamps run backwards (PAWS)",
		"Several hosts behind one address, or a balancer that rewrites timestamps: turn them off on the clients, or "
		"sysctl net.ipv4.tcp_timestamps=0 here. See: nstat -az TcpExtPAWSEstab"},
	{CAUSE_DUPLICATE_CONNECTION,
		"{peer} dialled {dialled} from port {client_port}, where this host still has a connection with it: the peer "
		"was restarted, and does not know of it any more",
		"It gets through with its next SYN, if its RST does: let firewalls pass RSTs. Keepalives here clear such "
		"connections sooner: sysctl net.ipv4.tcp_keepalive_time"},
	{CAUSE_PEER_FIREWALL,
		"{peer} dialled {dialled}, and our SYN-ACK is rejected on its side: its own firewall, or one on the way back",
		"Look there: it has to let in answers to its own connections (ct state established accept)"},
	{CAUSE_REPLY_LOST,
		"{peer} sends its SYN to {dialled} again and again, and so does this host its SYN-ACK: the answer does not "
		"arrive",
		"It is lost on the way back or dropped by the peer: tcpdump there shows whether it comes; here, ip route get "
		"{peer} shows whether it goes the way it should"},
	{CAUSE_PUBLISHED_RESET,
		"The connection of {peer} to port {port} was reset by its target behind this host, {target}: by that program, and by no "
		"rule here",
		"Look there: {target_look}; with --netns this program says why it did (unread data, a limit, a crash)"},
	{CAUSE_NAT_EXPIRED,
		"{expired_story}",
		"Keep idle connections alive more often than connection tracking forgets them (TCP keepalive on either side; here: sysctl "
		"net.netfilter.nf_conntrack_tcp_timeout_established), or let the client reconnect. See: conntrack -L -p tcp | grep {peer}"},
	{CAUSE_NAT_BYPASSED,
		"{peer} dialled another address, which a router translates (NAT) to {dialled}: its SYN came over a hop (TTL {ttl}), and our "
		"answer goes to it directly, from an address that it never dialled, so it resets it",
		"Hairpin NAT: let the router translate the source as well for clients of its own network (masquerade), or let them dial "
		"{addr} itself (split DNS)"},
	{CAUSE_IPSEC_POLICY,
		"{peer} dialled {dialled}, and an IPsec policy (xfrm) of this host drops it: it wants the packets encrypted, and they are not",
		"See the policies: ip xfrm policy; and the tunnel's state: ip xfrm state; nstat -az 'Xfrm*'. If its tunnel is gone, bring it "
		"up again, or delete the policy (ip xfrm policy delete ...; restart strongSwan or libreswan)"},
	{CAUSE_QUEUE_DROP,
		"{queue_story}",
		"See the queue (qdisc) and its drops: tc -s qdisc show dev {iface}; ip link show {iface} (qlen). A tbf needs a burst of at least "
		"the MTU, and more with segmentation offload; a pfifo needs a limit: tc qdisc replace dev {iface} root fq_codel"},
	{CAUSE_NOT_ANSWERING,
		"{silence_story}",
		"{silence_advice}See what it does: strace -f -p {pid}; gdb -p {pid} -batch -ex 'thread apply all bt'; and its log: {journal}"},
	{CAUSE_PEER_UNRESPONSIVE,
		"What this host sends to {peer} on its connection to port {port} is not acknowledged: the oldest segment was sent {resent} "
		"times again without an answer",
		"The peer sleeps or is gone, or a NAT or firewall on the way has forgotten the connection (conntrack): ping {peer}; tcpdump "
		"-ni any '{filter} and tcp port {port}' shows whether anything comes; TCP keepalives below the idle time-out on the way "
		"prevent the latter"},
	{CAUSE_HEALTH_CHECK,
		"{peer} connects to {dialled} and resets at once, without a byte of its own: a health check, or a scanner. Nothing failed", ""},
	{CAUSE_PEER_GAVE_UP,
		"{peer} sent one SYN to {dialled} and did not ask again", ""},
	{CAUSE_NOT_ACCEPTING,
		"{peer} is connected to port {port} and waits to be accepted: {owner} {busy_story}",
		"{more_workers}. See what it does: strace -f -p {pid}; gdb -p {pid} -batch -ex 'thread apply all bt'"},
	{CAUSE_NOT_READING,
		"{peer} is connected to port {port} and cannot send any more: {owner} does not read, {unread} bytes wait and "
		"the window is closed",
		"See what it does: strace -f -p {pid}; ss -tnp 'sport = :{port}' shows Recv-Q"},
};

/* Who died with a client's connection, and of what. */
static const char *death_words(const struct facts *f, const struct names *n, char *buf, size_t size)
{
	uint32_t signal = f->died_status & 0x7f, status = f->died_status >> 8 & 0xff;
	char took[32], how[96];

	if (!f->died || f->vanished) {
		snprintf(buf, size, "%s died with a request of %s to port %u unread, so the kernel sent a RST", n->owner, n->peer, n->port);
		return buf;
	}
	if (signal)
		snprintf(how, sizeof(how), "was killed by signal %u%s", signal, signal == 9 ? " (SIGKILL: by hand, a time-out or the OOM killer)"
			: signal == 11 ? " (SIGSEGV: a crash)" : signal == 6 ? " (SIGABRT)" : "");
	else
		snprintf(how, sizeof(how), "ended with status %u", status);
	snprintf(buf, size, "A worker of %s, pid %d, %s, %s after %s had connected to port %u and %s; the server lives on",
		n->owner, f->died_pid, how, words_duration(f->a->ended - f->a->first, took, sizeof(took)), n->peer, n->port,
		f->a->server_bytes ? "in the middle of its session" : "before it was answered");
	return buf;
}

/* The kernel's word on what the queue of the interface did. */
static const char *queue_words(const struct facts *f, const struct names *n, char *buf, size_t size)
{
	const char *iface = f->iface[0] ? f->iface : "the interface";

	if (f->situation == SITUATION_WAITING)
		snprintf(buf, size, "%s is connected to port %u and gets no further: the queueing discipline (qdisc) of %s drops what this "
			"host sends it again and again", n->peer, n->port, iface);
	else
		snprintf(buf, size, "%s dialled %s and TCP answered, but the queueing discipline (qdisc) of %s dropped the SYN-ACK", n->peer,
			n->dialled, iface);
	return buf;
}

/* How it is that a connection is not answered. */
static const char *silence_words(const struct facts *f, const struct names *n, char *buf, size_t size)
{
	const struct process *p = &f->process;
	char waited[32], left[32];

	words_duration(f->waited, waited, sizeof(waited));
	if (f->situation == SITUATION_CLOSED)
		snprintf(buf, size, "%s sent %u bytes to port %u, got no answer from %s, and gave up after %s", n->peer, f->a->client_bytes,
			n->port, n->owner, words_duration(f->a->closed - f->a->answered, left, sizeof(left)));
	else if (f->waiting == WAITING_READER)
		snprintf(buf, size, "%s is connected to port %u and waits: %s accepted it and has not read its %u bytes for %s", n->peer,
			n->port, n->owner, f->connection.row.queue, waited);
	else if (f->waiting == WAITING_GREETING)
		snprintf(buf, size, "%s is connected to port %u and waits for %s to speak first, without a byte for %s", n->peer, n->port,
			n->owner, waited);
	else if (f->a->client_hello)
		snprintf(buf, size, "%s speaks TLS to port %u, and %s has read it and sends no answer for %s: does it expect plain text?",
			n->peer, n->port, n->owner, waited);
	else
		snprintf(buf, size, "%s is connected to port %u and waits: %s read its %" PRIu64 " bytes %s ago and sends no answer", n->peer,
			n->port, n->owner, f->connection.received, waited);
	if (f->asked_process && p->waits_for[0])
		text_append(buf, size, " (a thread of it waits in %s for %s)", p->waits_in, p->waits_for);
	else if (f->asked_process && p->syscall[0] && !p->accepting && strcmp(p->syscall, "running") != 0)
		text_append(buf, size, " (it waits in %s)", p->syscall);
	return buf;
}

static const char *silence_advice_words(const struct facts *f, const struct names *n, char *buf, size_t size)
{
	char setting[SETTING_TEXT];

	text_copy(buf, size, "");
	if (f->a->client_hello)
		text_copy(buf, size, "Let the client use http:// (plain) or the server TLS (a certificate for this port). ");
	else if (f->asked_process && strstr(f->process.waits_for, "DNS"))
		text_copy(buf, size, "It waits for a DNS server: mend /etc/resolv.conf, or turn the look-up off (skip-name-resolve, UseDNS no, "
			"HostnameLookups Off). ");
	else if (f->waiting == WAITING_READER && n->who && server_setting(n->who, SETTING_WORKERS, setting, sizeof(setting)))
		snprintf(buf, size, "All that could read it are busy. Raise %s. ", setting);
	return buf;
}

static const char *target_words(const struct facts *f, char *buf, size_t size)
{
	char to[IP_TEXT], owner[160];

	ip_format_port(&f->target.addr, f->target.port, to, sizeof(to));
	text_copy(buf, size, to);
	if (f->target.asked && f->target.listens && f->target.owner.pid > 0)
		text_append(buf, size, " (%s)", words_owner(&f->target.owner, owner, sizeof(owner)));
	return buf;
}

static const char *target_look_words(const struct facts *f, char *buf, size_t size)
{
	const struct owner *o = &f->target.owner;

	if (f->target.asked && o->pid > 0 && o->container[0] && is_plain(o->container))
		snprintf(buf, size, "docker logs %s", o->container);
	else if (f->target.asked && o->pid > 0)
		snprintf(buf, size, "the log of %s (pid %d); nsenter -n -t %d nstat -az 'TcpExtTCPAbort*'", o->comm, o->pid, o->pid);
	else
		text_copy(buf, size, "its log there");
	return buf;
}

/* Connection tracking has forgotten a translated connection: seen on the way, or from the target's side alone. */
static const char *expired_words(const struct facts *f, const struct names *n, char *buf, size_t size)
{
	char target[240];

	if (f->target.known)
		snprintf(buf, size, "Connection tracking (conntrack) here forgot the connection of %s to port %u while it was idle: what its "
			"target %s sent then was not translated any more, and the client reset it", n->peer, n->port,
			target_words(f, target, sizeof(target)));
	else
		snprintf(buf, size, "The host of %s does not know its connection to port %u (any more), and reset what came on it: it was "
			"restarted, or address translation (NAT, conntrack) on the way forgot the connection", n->peer, n->port);
	return buf;
}

static const char *backend_how_words(const struct facts *f)
{
	return f->backend_how == OUTCOME_REFUSED	? "it was refused"
	       : f->backend_how == OUTCOME_UNREACHABLE	? "it was unreachable"
							: "it was not answered";
}

/* What is known of the place where the backend should be. */
static const char *backend_words(const struct facts *f, char *buf, size_t size)
{
	const struct target *t = &f->behind;
	char owner[160], bound[IP_TEXT];

	text_copy(buf, size, "");
	if (!t->asked || !t->has_namespace)
		return buf;
	if (!t->listens) {
		snprintf(buf, size, ". Nothing listens on port %u in its namespace %s", t->port, t->netns);
		return buf;
	}
	words_owner(&t->owner, owner, sizeof(owner));
	ip_format_port(&t->row.addr, t->row.port, bound, sizeof(bound));
	if (t->near == NEAR_LOOPBACK)
		snprintf(buf, size, ". The program in the container, %s, listens on its own %s only", owner, bound);
	else
		snprintf(buf, size, ". There %s listens on %s", owner, bound);
	return buf;
}

static const char *backend_summary_words(const struct facts *f, const struct names *n, char *buf, size_t size)
{
	char to[IP_TEXT], story[300];

	ip_format_port(&f->backend_key.server, f->backend_key.server_port, to, sizeof(to));
	if (f->situation == SITUATION_WAITING)
		snprintf(buf, size, "%s accepted %s on port %u, and still tries to reach %s for it (connect() does not come back): its backend does "
			"not answer", n->owner, n->peer, n->port, f->backend ? to : f->process.waits_for);
	else
		snprintf(buf, size, "%s accepted %s on port %u and closed it unserved, after an attempt of this host to reach %s had failed "
			"(%s): likely its backend%s", n->owner, n->peer, n->port, to, backend_how_words(f),
			backend_words(f, story, sizeof(story)));
	return buf;
}

static const char *backend_look_words(const struct facts *f, char *buf, size_t size)
{
	const struct target *t = &f->behind;

	if (t->asked && t->listens && t->near == NEAR_LOOPBACK)
		snprintf(buf, size, "make it listen on 0.0.0.0 inside the container");
	else if (t->asked && t->has_namespace && t->owner.pid > 0)
		snprintf(buf, size, "nsenter -n -t %d ss -ltnp", t->owner.pid);
	else
		text_copy(buf, size, "ss -ltnp there");
	return buf;
}

static const char *no_way_words(enum route back)
{
	switch (back) {
	case ROUTE_INVALID:
		return "the route to the peer is a blackhole";
	case ROUTE_UNREACHABLE:
		return "the route to the peer is marked unreachable";
	case ROUTE_PROHIBITED:
		return "the route to the peer is marked prohibit";
	default:
		return "there is no route to the peer";
	}
}

static const char *md5_words(const struct facts *f)
{
	uint8_t said = f->said.syn ? f->said.syn->reason : REASON_OTHER;
	bool by_count = said == REASON_OTHER;

	if (said == REASON_TCP_MD5FAILURE || (by_count && f->window.delta[COUNTER_MD5_FAILURE] > 0))
		return "it is wrong";
	if (said == REASON_TCP_MD5UNEXPECTED || (by_count && f->window.delta[COUNTER_MD5_UNEXPECTED] > 0))
		return "it has one, and none is expected";
	return "it has none, and one is expected";
}

/* Why what is in the queue is not taken out of it, by what the process does. */
static const char *busy_words(const struct facts *f, char *buf, size_t size)
{
	const struct process *p = &f->process;

	if (!f->asked_process)
		text_copy(buf, size, "is busy elsewhere");
	else if (p->waits_for[0])
		snprintf(buf, size, "is busy elsewhere (it waits in %s for %s)", p->waits_in, p->waits_for);
	else if (f->shared)
		text_copy(buf, size, "and the others that hold the same socket are busy elsewhere");
	else if (p->accepting)
		snprintf(buf, size, "does not take it, though it waits for events (%s): at a limit of its own, or it does not know the "
			"socket", p->syscall);
	else if (strcmp(p->syscall, "running") == 0)
		text_copy(buf, size, "is busy elsewhere (it is running)");
	else
		snprintf(buf, size, "is busy elsewhere%s%s%s", p->syscall[0] ? " (it waits in " : "", p->syscall,
			p->syscall[0] ? ")" : "");
	return buf;
}

static const char *more_workers_words(const struct names *n, char *buf, size_t size)
{
	char setting[SETTING_TEXT];

	if (n->who && server_setting(n->who, SETTING_WORKERS, setting, sizeof(setting)))
		snprintf(buf, size, "Raise what limits how many it serves at a time: %s", setting);
	else
		text_copy(buf, size, "A server that serves one client at a time needs more workers or threads");
	return buf;
}

static const char *stopped_words(const struct facts *f, char *buf, size_t size)
{
	char worker[40] = "";

	if (f->shared)
		snprintf(worker, sizeof(worker), ", its worker pid %d too,", f->process.pid);
	if (f->process.frozen)
		snprintf(buf, size, "frozen with its control group%s (docker pause, systemctl freeze)", worker);
	else
		snprintf(buf, size, "stopped%s (SIGSTOP, ^Z or a debugger)", worker);
	return buf;
}

static const char *go_on_words(const struct facts *f, const struct names *n, char *buf, size_t size)
{
	if (f->process.frozen && n->who && n->who->container[0])
		snprintf(buf, size, "docker unpause %s", n->who->container);
	else if (f->process.frozen)
		snprintf(buf, size, "systemctl thaw %s (or echo 0 > cgroup.freeze of its group)",
			n->who && n->who->unit[0] ? n->who->unit : "UNIT");
	else
		snprintf(buf, size, "kill -CONT %d", f->process.pid);
	return buf;
}

static const char *worker_words(const struct facts *f, char *buf, size_t size)
{
	text_copy(buf, size, "");
	if (f->shared)
		snprintf(buf, size, " in its worker (pid %d: %u of %u)", f->process.pid, f->process.fds, f->process.fds_max);
	return buf;
}

static const char *address_words(const struct facts *f, char *buf, size_t size)
{
	char ago[32];

	if (f->address_gone)
		snprintf(buf, size, ": it was taken from this host %s ago",
			words_duration(f->address_gone, ago, sizeof(ago)));
	else if (f->asked_route && f->routing.dad_failed)
		snprintf(buf, size, ": duplicate address detection (DAD) failed for it, so another host has it as well");
	else if (f->server_local && f->asked_route && f->routing.arp_ignore > 0)
		snprintf(buf, size, ": arp_ignore is %d there, which answers for some of its own addresses only",
			f->routing.arp_ignore);
	else if (f->server_local)
		snprintf(buf, size, ", though the address is its own: likely a firewall rule (nft table arp, or one for "
			"neighbour discovery) drops the question or the answer");
	else
		snprintf(buf, size, ", though a server here is bound to it");
	return buf;
}

/* The text of a name in braces; "?" for one that is not known. */
static const char *fill_in(const char *name, size_t len, const struct facts *f, const struct names *n, char *buf,
	size_t size)
{
	const struct attempt *a = f->a;

#define IS(word) (len == sizeof(word) - 1 && memcmp(name, word, len) == 0)
	if (IS("peer"))
		return n->peer;
	if (IS("dialled"))
		return n->dialled;
	if (IS("addr"))
		return n->addr;
	if (IS("owner"))
		return n->owner;
	if (IS("filter"))
		return n->filter;
	if (IS("iface"))
		return f->iface[0] ? f->iface : "this interface";
	if (IS("device"))
		return f->routing.device[0] ? f->routing.device : "the interface";
	if (IS("hop"))
		return ip_format(&f->routing.next_hop, buf, size);
	if (IS("backend") && f->situation == SITUATION_WAITING && !f->backend)
		return f->process.waits_for;
	if (IS("backend"))
		return f->backend ? ip_format_port(&f->backend_key.server, f->backend_key.server_port, buf, size)
				  : ip_format_port(&f->ports_peer, f->ports_port, buf, size);
	if (IS("backend_summary"))
		return backend_summary_words(f, n, buf, size);
	if (IS("backend_look"))
		return backend_look_words(f, buf, size);
	if (IS("claimant")) {
		snprintf(buf, size, "%02x:%02x:%02x:%02x:%02x:%02x", f->claimant[0], f->claimant[1], f->claimant[2], f->claimant[3],
			f->claimant[4], f->claimant[5]);
		return buf;
	}
	if (IS("death_story"))
		return death_words(f, n, buf, size);
	if (IS("queue_story"))
		return queue_words(f, n, buf, size);
	if (IS("silence_story"))
		return silence_words(f, n, buf, size);
	if (IS("silence_advice"))
		return silence_advice_words(f, n, buf, size);
	if (IS("target"))
		return target_words(f, buf, size);
	if (IS("target_look"))
		return target_look_words(f, buf, size);
	if (IS("expired_story"))
		return expired_words(f, n, buf, size);
	if (IS("journal"))
		return journal_words(n, buf, size);
	if (IS("no_way"))
		return no_way_words(f->routing.back);
	if (IS("md5_story"))
		return md5_words(f);
	if (IS("busy_story"))
		return busy_words(f, buf, size);
	if (IS("more_workers"))
		return more_workers_words(n, buf, size);
	if (IS("stopped_story"))
		return stopped_words(f, buf, size);
	if (IS("go_on"))
		return go_on_words(f, n, buf, size);
	if (IS("worker_story"))
		return worker_words(f, buf, size);
	if (IS("address_story"))
		return address_words(f, buf, size);
	buf[0] = '?';
	buf[1] = '\0';
	if (IS("port"))
		snprintf(buf, size, "%u", n->port);
	if (IS("client_port"))
		snprintf(buf, size, "%u", a->key.client_port);
	if (IS("pid"))
		snprintf(buf, size, "%d", f->asked_process && f->process.pid ? f->process.pid : n->who ? n->who->pid : 0);
	if (IS("ttl"))
		snprintf(buf, size, "%u", a->peer_ttl);
	if (IS("resent"))
		snprintf(buf, size, "%u", f->connection.retransmits);
	if (IS("unread"))
		snprintf(buf, size, "%u", f->connection.row.queue);
#undef IS
	return buf;
}

/* Copies a template with its names filled in. */
static void expand(const char *text, const struct facts *f, const struct names *n, char *ret, size_t size)
{
	char buf[640];

	ret[0] = '\0';
	while (*text) {
		size_t plain_len = strcspn(text, "{"), name_len;

		text_append(ret, size, "%.*s", (int)plain_len, text);
		text += plain_len;
		if (*text != '{')
			break;
		name_len = strcspn(text, "}");
		text_append(ret, size, "%s", fill_in(text + 1, name_len - 1, f, n, buf, sizeof(buf)));
		text += name_len + (text[name_len] == '}');
	}
}

bool sentences_tell(enum cause cause, const struct facts *f, const struct names *n, struct event_attempt *ret)
{
	if (sentences_filter(cause, f, n, ret))
		return true;
	if (tellers[cause].tell) {
		tellers[cause].tell(f, n, ret);
		return true;
	}
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (plain[i].cause != cause)
			continue;
		expand(plain[i].summary, f, n, ret->summary, sizeof(ret->summary));
		expand(plain[i].advice, f, n, ret->advice, sizeof(ret->advice));
		return true;
	}
	return false;
}
