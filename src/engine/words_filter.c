/* words_filter.c - evidence of what filters packets, or leads them elsewhere. */
#include "base/text.h"
#include "blame.h"
#include "words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "dropped the SYN-ACK 10.0.0.1:80 > 10.0.0.2:4711: NETFILTER_DROP in nft_do_chain()" */
static void tell_word(const struct kernel_word *w, bool of_port, struct event_attempt *ev)
{
	char from[IP_TEXT], to[IP_TEXT], flags[8];
	const char *name;

	if (!w)
		return;
	name = w->name[0] ? w->name : "no reason";
	ip_format_port(&w->src, w->sport, from, sizeof(from));
	ip_format_port(&w->dst, w->dport, to, sizeof(to));
	words_flags(w->flags, flags, sizeof(flags));
	if (of_port)
		words_say(ev, "kernel", "the kernel dropped others alike, of which not each is told: [%s] for port %u: %s%s%s%s (%" PRIu64
			" so far)", flags, w->flags & TCP_ACK ? w->sport : w->dport, name, w->function[0] ? " in " : "",
			w->function, w->function[0] ? "()" : "", w->count);
	else if (w->reset)
		words_say(ev, "kernel", "TCP sent the RST %s > %s: %s%s%s", from, to, name, w->routed ? ", done by " : "",
			w->routed ? w->comm : "");
	else
		words_say(ev, "kernel", "the kernel dropped [%s] %s > %s: %s%s%s%s", flags, from, to, name,
			w->function[0] ? " in " : "", w->function, w->function[0] ? "()" : "");
}

/* Where translation led the SYN, and what was found there. */
static void tell_target(const struct facts *f, struct event_attempt *ev)
{
	const struct target *t = &f->target;
	char to[IP_TEXT], took[32], bound[IP_TEXT], owner[160], flags[8];

	if (!t->known)
		return;
	ip_format_port(&t->addr, t->port, to, sizeof(to));
	if (t->inner) {
		words_flags(t->inner->answer_flags, flags, sizeof(flags));
		words_duration(t->inner->t - f->a->first, took, sizeof(took));
		words_say(ev, "packets", "the SYN left for %s after %s; %s%s%s from there", to, took,
			t->inner->answered ? "[" : "no answer", t->inner->answered ? flags : "", t->inner->answered ? "] came" : "");
	}
	if (t->has_namespace && t->listens) {
		ip_format_port(&t->row.addr, t->row.port, bound, sizeof(bound));
		words_say(ev, "netns", "%s%sthere %s listens on %s", t->netns, t->netns[0] ? ": " : "",
			words_owner(&t->owner, owner, sizeof(owner)), bound);
	} else if (t->has_namespace) {
		words_say(ev, "netns", "%s%sno TCP socket listens on port %u in the namespace that has %s", t->netns,
			t->netns[0] ? ": " : "", t->port, ip_format(&t->addr, to, sizeof(to)));
	}
	if (t->asked && !t->has_namespace && (t->way.neighbour == NEIGHBOUR_ASKED || t->way.neighbour == NEIGHBOUR_FAILED))
		words_say(ev, "routes", "%s on %s does not answer (neighbour %s)", ip_format(&t->way.next_hop, to, sizeof(to)),
			t->way.device, t->way.neighbour == NEIGHBOUR_FAILED ? "FAILED" : "INCOMPLETE");
}

/* The kernel says that netfilter dropped it: then rules that let it pass are others than those that it met. */
static bool is_netfilters(const struct kernel_word *w)
{
	return w && w->reason == REASON_NETFILTER_DROP;
}

/* What the firewall's rules do with the packet that the cause is about. */
static void tell_ruling(const struct facts *f, enum cause cause, struct event_attempt *ev)
{
	const struct firewall_verdict *v = f->ruling[ruling_of(cause)];
	const struct firewall_rule *blamed = blamed_rule(f, cause);
	char words[400], to[IP_TEXT];

	if (f->traced_syn)
		words_say(ev, "firewall", "the trace of this SYN ends at %s", rule_words(f->traced_syn, words, sizeof(words)));
	if (f->traced_answer)
		words_say(ev, "firewall", "the trace of our SYN-ACK ends at %s",
			rule_words(f->traced_answer, words, sizeof(words)));
	if (!v || f->traced_syn || f->traced_answer)
		return;
	if (v->translation.is && v->translation.addr_known)
		words_say(ev, "firewall", "%s %s it to %s:%u", rule_words(&v->translation.rule, words, sizeof(words)),
			v->translation.must ? "leads" : "may lead", ip_format(&v->translation.addr, to, sizeof(to)),
			v->translation.port_known ? v->translation.port : f->a->key.server_port);
	if (blamed && blamed == f->acted)
		words_say(ev, "firewall", "an earlier SYN of it was ended by %s", rule_words(blamed, words, sizeof(words)));
	if (v->fate == FIREWALL_ACCEPTED && v->complete)
		words_say(ev, "firewall", "%sthe rules of nftables let it pass",
			is_netfilters(f->said.syn) ? "as they are by now, " : "");
	for (uint32_t i = 0; i < v->n; i++) {
		const struct firewall_rule *r = &v->candidates[i];
		char grew[48] = "";

		if (blamed && !firewall_same_rule(r, blamed))
			continue;
		if (r->has_counter && r->grew > 0)
			snprintf(grew, sizeof(grew), "; its counter rose by %" PRIu64, r->grew);
		words_say(ev, "firewall", "%s%s%s", rule_acted(r, f, cause) ? "" : "perhaps ",
			rule_words(r, words, sizeof(words)), grew);
	}
	if (v->n_found > v->n)
		words_say(ev, "firewall", "and %u rules more that could", v->n_found - v->n);
}

/* The BPF programs that packets pass, where one of them may have dropped it. */
static void tell_hooks(const struct facts *f, struct event_attempt *ev)
{
	static const char *const kinds[] = {
		[HOOK_XDP] = "XDP on", [HOOK_TC_INGRESS] = "tc ingress of", [HOOK_TC_EGRESS] = "tc egress of",
		[HOOK_CGROUP_INGRESS] = "ingress of control group", [HOOK_CGROUP_EGRESS] = "egress of control group",
		[HOOK_SK_LOOKUP] = "sk_lookup of", [HOOK_NETFILTER] = "netfilter,",
	};

	if (!f->asked_hooks)
		return;
	for (uint32_t i = 0; i < f->hooks.n; i++) {
		const struct hook_program *p = &f->hooks.programs[i];

		words_say(ev, "kernel", "BPF program %u%s%s hangs at %s %s", p->id, p->name[0] ? ", " : "", p->name,
			p->kind < HOOK_KINDS ? kinds[p->kind] : "", p->where);
	}
	if (f->hooks.legacy)
		words_say(ev, "firewall", "iptables of the old kind has tables here, whose rules are not read (iptables-legacy-save -c)%s",
			f->hooks.tproxy ? "; one has TPROXY" : "");
	if (f->hooks.ipvs)
		words_say(ev, "firewall", "IPVS has services here (ipvsadm -Ln)");
}

/* The kernel's own words. */
static void tell_kernel(const struct facts *f, enum cause cause, struct event_attempt *ev)
{
	bool open = f->situation == SITUATION_ACCEPTED || f->situation == SITUATION_CLOSED;

	if (open)
		return;
	tell_word(f->said.syn, f->said.syn_of_port, ev);
	tell_word(f->said.syn_ack, f->said.syn_ack_of_port, ev);
	tell_word(f->said.from_client, false, ev);
	tell_word(f->said.to_client, false, ev);
	tell_word(f->said.reset, false, ev);
	tell_ruling(f, cause, ev);
	tell_hooks(f, ev);
}

void words_filter(const struct facts *f, enum cause cause, struct event_attempt *ev)
{
	tell_target(f, ev);
	tell_kernel(f, cause, ev);
}
