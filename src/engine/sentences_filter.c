/* sentences_filter.c - sentences about what filters packets, or sends them elsewhere: firewall, BPF programs, NAT. */
#include "blame.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef void teller(const struct facts *f, const struct names *n, struct event_attempt *ev);

static bool is_for(const struct kernel_word *w, enum reason reason)
{
	return w && w->reason == reason;
}

/* How to find a rule without tcpwhy. */
#define FIND_RULE "nft -a list ruleset; iptables-save -c; ufw status; firewall-cmd --list-all"

/* " by rule 7 of inet filter input (tcp dport 80 drop)", or nothing where it is not known which. */
static const char *by_which(const struct facts *f, enum cause cause, char *buf, size_t size)
{
	const struct firewall_rule *r = blamed_rule(f, cause);
	char words[400];

	if (r)
		snprintf(buf, size, " by %s", rule_words(r, words, sizeof(words)));
	else
		text_copy(buf, size, "");
	return buf;
}

/* How to let it through where the rule is known; else how to find it. */
static void advise(const struct facts *f, const struct names *n, enum cause cause, const char *how, struct event_attempt *ev)
{
	const struct firewall_rule *r = blamed_rule(f, cause);

	if (!r) {
		ADVICE("%s: " FIND_RULE ". Then allow %s to port %u before it", how, n->peer, n->port);
		return;
	}
	ADVICE("%s%s%s: ", cause == CAUSE_PUBLISHED_NOT_FORWARDED ? "Allow what is forwarded" : "If it is not meant to be so",
		r->product ? ", with " : "", firewall_product_name((enum firewall_product)r->product));
	advise_rule(r, f, n, ev);
	if (r->comment[0])
		text_append(ev->advice, sizeof(ev->advice), ". The rule's comment: %s", r->comment);
}

static void firewall_drop(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char rule[420];

	by_which(f, CAUSE_FIREWALL_DROP, rule, sizeof(rule));
	if (f->a->out) {
		SUMMARY("This host dialled %s, and its own firewall dropped the SYN on its way out", n->dialled);
		ADVICE("Find the rule in the output or postrouting chains: " FIND_RULE);
	} else if (f->said.syn || rule[0]) {
		SUMMARY("%s dialled %s and got no answer: the firewall of this host dropped its SYN%s%s", n->peer, n->dialled,
			f->a->foreign ? ", which it only forwards (the FORWARD chain; on a bridge: net.bridge.bridge-nf-call-iptables)" : "", rule);
		advise(f, n, CAUSE_FIREWALL_DROP, "Find the rule", ev);
	} else {
		SUMMARY("%s dialled %s and got no answer: the SYN arrived here and was dropped before %s", n->peer, n->dialled,
			f->accepting ? "it reached the listener" : "TCP could refuse it");
		ADVICE("Most likely a firewall rule: look for one whose counter moves (" FIND_RULE "). If none does: tc filter "
		       "show, bpftool net, and nstat -az for the counters");
	}
}

static void firewall_reset(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char rule[420];

	SUMMARY("%s dialled %s and the firewall answered with a RST%s%s", n->peer, n->dialled,
		by_which(f, CAUSE_FIREWALL_RESET, rule, sizeof(rule)), f->accepting ? ", though a server listens there" : "");
	advise(f, n, CAUSE_FIREWALL_RESET, "Find the rule with tcp reset", ev);
}

static void firewall_reject(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char rule[420];

	if (f->situation == SITUATION_SILENT) {
		SUMMARY("%s dialled %s and got no answer: the firewall of this host rejected it%s; its ICMP error was withheld by the "
			"kernel's rate limit", n->peer, n->dialled, by_which(f, CAUSE_FIREWALL_REJECT, rule, sizeof(rule)));
		advise(f, n, CAUSE_FIREWALL_REJECT, "Find the rule with reject", ev);
		text_append(ev->advice, sizeof(ev->advice), ". The limits: sysctl net.ipv4.icmp_ratelimit net.ipv4.icmp_ratemask "
			"net.ipv4.icmp_msgs_per_sec net.ipv6.icmp.ratelimit");
		return;
	}
	SUMMARY("%s dialled %s and the firewall of this host rejected it (ICMP%s type %u code %u)%s",
		n->peer, n->dialled, f->a->v6 ? "v6" : "", f->a->icmp_type, f->a->icmp_code,
		by_which(f, CAUSE_FIREWALL_REJECT, rule, sizeof(rule)));
	advise(f, n, CAUSE_FIREWALL_REJECT, "Find the rule with reject", ev);
}

static void firewall_drop_reply(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	bool refused = f->said.to_client && f->said.to_client->flags & TCP_RST;
	char rule[420];

	by_which(f, CAUSE_FIREWALL_DROP_REPLY, rule, sizeof(rule));
	if (f->situation == SITUATION_WAITING) {
		SUMMARY("%s is connected to port %u and gets no answer: the firewall of this host drops what is sent to it", n->peer,
			n->port);
		ADVICE("Look for a rule on the way out (output, postrouting): " FIND_RULE);
		return;
	}
	SUMMARY("%s dialled %s and TCP %s, but the %s never left this host%s%s", n->peer, n->dialled,
		refused ? "refused" : "answered", refused ? "RST" : "SYN-ACK",
		f->said.syn_ack || refused || rule[0] ? ": its firewall dropped it on the way out" : "", rule);
	advise(f, n, CAUSE_FIREWALL_DROP_REPLY, "Look for a rule on the way out (output, postrouting)", ev);
	if (!f->said.syn_ack && !refused && !rule[0])
		text_append(ev->advice, sizeof(ev->advice), "; tc filter show dev %s egress",
			f->routing.device[0] ? f->routing.device : "the interface");
}

static void firewall_drop_ack(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char rule[420];

	by_which(f, CAUSE_FIREWALL_DROP_ACK, rule, sizeof(rule));
	SUMMARY("%s believes that it is connected to %s: what it sends after its SYN arrives here, and %s%s", n->peer,
		n->dialled, f->said.from_client || rule[0] ? "the firewall of this host drops it" : "TCP does not get it", rule);
	advise(f, n, CAUSE_FIREWALL_DROP_ACK, "Look for a rule that drops what is not a SYN", ev);
}

static void conntrack_invalid(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	bool out = !f->said.from_client && f->said.to_client;

	char rule[420];

	SUMMARY("%s is connected to port %u and gets no further: connection tracking has forgotten it, and the firewall drops "
		"what %s%s", n->peer, n->port, out ? "is sent to it" : "it sends",
		by_which(f, CAUSE_CONNTRACK_INVALID, rule, sizeof(rule)));
	ADVICE("Connections that are idle longer than the time-out are forgotten: use keepalives, or raise sysctl "
	       "net.netfilter.nf_conntrack_tcp_timeout_established. After conntrack -F or a restart of the firewall: sysctl "
	       "net.netfilter.nf_conntrack_tcp_loose=1. See: conntrack -L -p tcp --dport %u; nft -a list ruleset | grep invalid",
		n->port);
}

static void conntrack_full(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	(void)f;
	SUMMARY("%s dialled %s and its SYN was dropped: the connection tracking table is full", n->peer, n->dialled);
	ADVICE("Raise it: sysctl net.netfilter.nf_conntrack_max; shorten the time-outs, or exempt the port (notrack). "
	       "See: conntrack -S; cat /proc/sys/net/netfilter/nf_conntrack_count");
}

static void tproxy_dead(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char rule[420];

	SUMMARY("%s dialled %s and its SYN was dropped%s: TPROXY hands it to a proxy, and none listens where it is sent",
		n->peer, n->dialled, by_which(f, CAUSE_TPROXY_DEAD, rule, sizeof(rule)));
	ADVICE("Start the proxy with IP_TRANSPARENT on the port that the rule names: iptables-save -t mangle | grep TPROXY; "
	       "nft -a list ruleset | grep -i tproxy");
}

static void nfqueue_dead(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char rule[420];

	SUMMARY("%s dialled %s and its SYN was dropped%s: NFQUEUE hands it to a program, and none reads that queue", n->peer,
		n->dialled, by_which(f, CAUSE_NFQUEUE_DEAD, rule, sizeof(rule)));
	ADVICE("Start the program (an IPS, a filter) again, or add `bypass` to the rule. See: nft -a list ruleset | grep "
	       "queue; cat /proc/net/netfilter/nfnetlink_queue");
}

/* The one program that hangs where the packet was dropped; NULL: none is known, or several. */
static const struct hook_program *only_program(const struct facts *f, const struct kernel_word *w)
{
	static const struct {
		enum reason reason;
		enum hook_kind kind;
	} kinds[] = {{REASON_XDP, HOOK_XDP}, {REASON_TC_INGRESS, HOOK_TC_INGRESS}, {REASON_TC_EGRESS, HOOK_TC_EGRESS},
		{REASON_BPF_CGROUP_EGRESS, HOOK_CGROUP_EGRESS}, {REASON_SOCKET_FILTER, HOOK_CGROUP_INGRESS},
		{REASON_NETFILTER_DROP, HOOK_NETFILTER}};
	const struct hook_program *only = NULL;

	for (size_t k = 0; f->asked_hooks && k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (uint32_t i = 0; kinds[k].reason == w->reason && i < f->hooks.n; i++) {
			if (f->hooks.programs[i].kind != kinds[k].kind)
				continue;
			if (only)
				return NULL;
			only = &f->hooks.programs[i];
		}
	return f->hooks.more ? NULL : only;
}

/* "It is program 12, drop_syn, on eth0: look why it drops this," */
static const char *program_words(const struct hook_program *p, char *buf, size_t size)
{
	snprintf(buf, size, "It is program %u%s%s (%s): see what it is for,", p->id, p->name[0] ? ", " : "", p->name, p->where);
	return buf;
}

/* Which kind of program it was, by the kernel's reason; and where to look. */
static void bpf_drop(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	static const struct {
		enum reason reason;
		const char *what, *where;
	} kinds[] = {
		{REASON_XDP, "an XDP program on the interface", "ip link show (xdp); bpftool net"},
		{REASON_TC_INGRESS, "a tc program on the interface's ingress",
			"tc filter show dev IF ingress; bpftool net"},
		{REASON_TC_EGRESS, "a tc program on the interface's egress", "tc filter show dev IF egress; bpftool net"},
		{REASON_BPF_CGROUP_EGRESS, "a program of the server's cgroup (egress)", "bpftool cgroup tree"},
		{REASON_SOCKET_FILTER, "a socket filter of the listener, or a program of its cgroup (ingress)",
			"ss -ltnpe (bpf filter); bpftool cgroup tree"},
	};
	const struct kernel_word *w = f->said.syn ? f->said.syn : f->said.syn_ack ? f->said.syn_ack : f->said.from_client;
	const char *packet = w == f->said.syn ? "its SYN" : w == f->said.syn_ack ? "our SYN-ACK" : "what it sends";
	const char *got = f->situation == SITUATION_WAITING ? "gets no further" : "got no answer";
	const struct hook_program *program = w ? only_program(f, w) : NULL;
	char name[160], id[24] = "";

	if (program)
		snprintf(id, sizeof(id), " id %u", program->id);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (is_for(w, kinds[i].reason)) {
			SUMMARY("%s dialled %s and %s: %s dropped %s", f->a->out ? "This host" : n->peer, n->dialled, got,
				kinds[i].what, packet);
			ADVICE("%s and who loaded it: %s; bpftool prog show%s", program ? program_words(program, name, sizeof(name))
				: "Find the program,", kinds[i].where, id);
			return;
		}
	if (w) {
		SUMMARY("%s dialled %s and %s: a BPF program at a netfilter hook%s dropped %s", n->peer, n->dialled, got,
			program ? "" : ", or iptables of the old kind,", packet);
		ADVICE("%s and who loaded it: bpftool link show (type netfilter); bpftool prog show%s%s",
			program ? program_words(program, name, sizeof(name)) : "Find the program,", id,
			program ? "" : "; iptables-legacy-save -c");
		return;
	}
	SUMMARY("%s dialled %s and its SYN reached the listener, which dropped it for a reason of its own: likely a BPF "
		"program (socket filter or cgroup)", n->peer, n->dialled);
	ADVICE("See: ss -ltnpe 'sport = :%u' (bpf filter); bpftool cgroup tree; bpftool prog show", n->port);
}

/* "container web (0123456789ab) at 172.18.0.2:80" */
static const char *target_words(const struct facts *f, char *buf, size_t size)
{
	const struct target *t = &f->target;
	char where[IP_TEXT];

	if (t->known)
		ip_format_port(&t->addr, t->port, where, sizeof(where));
	else
		text_copy(where, sizeof(where), "its target");
	if (t->netns[0])
		snprintf(buf, size, "%s, in %s", where, t->netns);
	else
		snprintf(buf, size, "%s%s", where, t->has_namespace ? ", in another network namespace" : "");
	return buf;
}

/* The command that shows what listens where the target is; "" where nothing is known of it. */
static const char *look_inside(const struct target *t, char *buf, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	text_copy(buf, size, "");
	if (t->container && t->netns[0] && t->netns[strspn(t->netns, plain)] == '\0') /* a person will paste it into a shell */
		snprintf(buf, size, "docker exec %s ss -ltn; docker logs %s", t->netns, t->netns);
	if (t->pid > 0)
		text_append(buf, size, "%snsenter -t %d -n ss -ltnp", buf[0] ? "; " : "", t->pid);
	return buf;
}

static void published_no_listener(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char target[160], owner[160], look[240];

	look_inside(&f->target, look, sizeof(look));
	if (f->target.known && f->target.near == NEAR_ACCEPTS) {
		SUMMARY("%s dialled %s, which is forwarded to %s, and was refused there, though %s listens", n->peer, n->dialled,
			target_words(f, target, sizeof(target)), words_owner(&f->target.owner, owner, sizeof(owner)));
		ADVICE("Its own firewall may reset it, or it came up just now: nsenter -t %d -n nft list ruleset",
			f->target.owner.pid > 0 ? f->target.owner.pid : f->target.pid);
		return;
	}
	if (f->target.known) {
		SUMMARY("%s dialled %s, which is forwarded to %s, and there nothing listens on port %u", n->peer, n->dialled,
			target_words(f, target, sizeof(target)), f->target.port);
		ADVICE("Start the server there, or publish the port that it listens on (docker run -p %u:PORT). See what listens: "
		       "%s", n->port, look[0] ? look : "docker exec NAME ss -ltn; nsenter -t PID -n ss -ltnp");
		return;
	}
	SUMMARY("%s dialled %s and was refused by a RST from behind this host: the port is likely forwarded to where "
		"nothing listens", n->peer, n->dialled);
	ADVICE("Look at where it leads: docker ps; nft list ruleset | grep -n dnat; iptables-save -t nat | grep %u", n->port);
}

static void published_loopback_only(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char target[160], bound[IP_TEXT], owner[160];

	ip_format_port(&f->target.row.addr, f->target.row.port, bound, sizeof(bound));
	SUMMARY("%s dialled %s, which is forwarded to %s, but %s listens on %s only: the container's own loopback", n->peer,
		n->dialled, target_words(f, target, sizeof(target)), words_owner(&f->target.owner, owner, sizeof(owner)), bound);
	ADVICE("Make it listen on %s inside the container; its 127.0.0.1 is not this host's, and nothing is forwarded to it",
		ip_is_v4(&f->target.addr) ? "0.0.0.0" : "::");
}

static void published_target_dead(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char target[160], hop[IP_TEXT];

	SUMMARY("%s dialled %s, which is forwarded to %s, and nobody answers for that address", n->peer, n->dialled,
		target_words(f, target, sizeof(target)));
	ADVICE("The container or host is gone, or has another address by now: restart it, or correct the rule (nft -a list "
	       "ruleset | grep dnat; iptables-save -t nat). See: ip neigh show %s; docker ps",
		f->target.known ? ip_format(&f->target.addr, hop, sizeof(hop)) : "");
}

static void published_no_return(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char target[160];

	SUMMARY("%s dialled %s, which is forwarded to %s: the SYN leaves for it, and no answer comes back", n->peer, n->dialled,
		target_words(f, target, sizeof(target)));
	ADVICE("Look there: does its firewall drop it, does it run, and does its way back lead over this host (ip route get "
	       "%s there)? Where it does not, masquerade what is forwarded", n->peer);
}

static void published_not_forwarded(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char target[160], rule[420];

	SUMMARY("%s dialled %s, which is forwarded to %s, but this host does not forward it%s", n->peer, n->dialled,
		target_words(f, target, sizeof(target)), by_which(f, CAUSE_PUBLISHED_NOT_FORWARDED, rule, sizeof(rule)));
	if (rule[0]) {
		advise(f, n, CAUSE_PUBLISHED_NOT_FORWARDED, "Allow it in the forward chain", ev);
		return;
	}
	ADVICE(is_for(f->said.syn, REASON_IP_INADDRERRORS) || (f->asked_route && f->routing.forwarding == 0)
			? "Turn forwarding on: sysctl -w net.ipv4.ip_forward=1 (and keep it in /etc/sysctl.d)"
			: "Allow it in the forward chain: " FIND_RULE "; docker: iptables -L DOCKER-USER -nv");
}

static void redirect_no_listener(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	bool w = f->target.known;
	char target[IP_TEXT] = "another port";

	if (w)
		ip_format_port(&f->target.addr, f->target.port, target, sizeof(target));
	if (!f->accepting)
		SUMMARY("%s dialled %s, and NAT %sleads it to %s, where nobody listens", n->peer, n->dialled, w ? "" : "likely ",
			target);
	else
		SUMMARY("%s dialled %s, where %s listens, but NAT %sleads it to %s, where nobody does", n->peer, n->dialled,
			n->owner, w ? "" : "likely ", target);
	ADVICE("Start the server behind it, or correct the rule: nft -a list ruleset | grep -nE 'redirect|dnat'; "
	       "iptables-save -t nat");
}

static void dnat_to_loopback(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	char target[IP_TEXT] = "127.0.0.1";

	if (f->target.known)
		ip_format_port(&f->target.addr, f->target.port, target, sizeof(target));
	SUMMARY("%s dialled %s, which DNAT leads to %s, and the kernel takes no packet from outside for loopback", n->peer,
		n->dialled, target);
	ADVICE("Allow it: sysctl -w net.ipv4.conf.%s.route_localnet=1 (mind that this opens what listens on loopback), or use "
	       "redirect with a server on all addresses", f->iface[0] ? f->iface : "IF");
}

static void socket_destroyed(const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	const struct kernel_word *w = f->said.reset;

	SUMMARY("The connection of %s to port %u was killed from outside: %s did not close it", n->peer, n->port, n->owner);
	if (w && w->pid > 0)
		SUMMARY("The connection of %s to port %u was killed from outside: by %s (pid %d), not by %s", n->peer, n->port,
			w->comm[0] ? w->comm : "a process", w->pid, n->owner);
	ADVICE("See who calls `ss -K` or SOCK_DESTROY: a firewall's or a network manager's script, an operator, systemd");
}

static teller *const tellers[CAUSE_COUNT] = {
	[CAUSE_FIREWALL_DROP] = firewall_drop,
	[CAUSE_FIREWALL_RESET] = firewall_reset,
	[CAUSE_FIREWALL_REJECT] = firewall_reject,
	[CAUSE_FIREWALL_DROP_REPLY] = firewall_drop_reply,
	[CAUSE_FIREWALL_DROP_ACK] = firewall_drop_ack,
	[CAUSE_CONNTRACK_FULL] = conntrack_full,
	[CAUSE_CONNTRACK_INVALID] = conntrack_invalid,
	[CAUSE_NFQUEUE_DEAD] = nfqueue_dead,
	[CAUSE_TPROXY_DEAD] = tproxy_dead,
	[CAUSE_BPF_DROP] = bpf_drop,
	[CAUSE_PUBLISHED_NO_LISTENER] = published_no_listener,
	[CAUSE_PUBLISHED_LOOPBACK_ONLY] = published_loopback_only,
	[CAUSE_PUBLISHED_TARGET_DEAD] = published_target_dead,
	[CAUSE_PUBLISHED_NO_RETURN] = published_no_return,
	[CAUSE_PUBLISHED_NOT_FORWARDED] = published_not_forwarded,
	[CAUSE_REDIRECT_NO_LISTENER] = redirect_no_listener,
	[CAUSE_DNAT_TO_LOOPBACK] = dnat_to_loopback,
	[CAUSE_SOCKET_DESTROYED] = socket_destroyed,
};

bool sentences_filter(enum cause cause, const struct facts *f, const struct names *n, struct event_attempt *ret)
{
	if (!tellers[cause])
		return false;
	tellers[cause](f, n, ret);
	return true;
}
