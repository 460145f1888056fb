/* blame.c - which firewall rule ended a packet, and how to change it. */
#include "blame.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum ruling ruling_of(enum cause cause)
{
	switch (cause) {
	case CAUSE_FIREWALL_DROP_REPLY:
		return RULING_ANSWER;
	case CAUSE_FIREWALL_DROP_ACK:
		return RULING_ACK;
	case CAUSE_CONNTRACK_INVALID:
		return RULING_INVALID;
	default:
		return RULING_SYN;
	}
}

const struct firewall_rule *blamed_rule(const struct facts *f, enum cause cause)
{
	const struct firewall_verdict *v = f->ruling[ruling_of(cause)];
	const struct firewall_rule *grown = NULL;
	const struct firewall_rule *traced = cause == CAUSE_FIREWALL_DROP_REPLY ? f->traced_answer : f->traced_syn;
	bool one = true, one_grown = true;

	if (traced)
		return traced;
	if (!v || v->n == 0) /* by the rules as they are now; there may have been another */
		return cause == f->acted_by ? f->acted : NULL;
	for (uint32_t i = 0; i < v->n; i++) {
		const struct firewall_rule *r = &v->candidates[i];

		one = one && firewall_same_rule(r, &v->candidates[0]);
		if (!r->has_counter || r->grew == 0)
			continue;
		one_grown = one_grown && (!grown || firewall_same_rule(r, grown));
		grown = r;
	}
	if (one && v->n_found == v->n)
		return &v->candidates[0];
	return one_grown ? grown : NULL;
}

bool rule_acted(const struct firewall_rule *r, const struct facts *f, enum cause cause)
{
	static const char *const causes[] = {"firewall-", "nfqueue-", "tproxy-", "synproxy-", "conntrack-", "published-"};
	const struct firewall_verdict *v = f->ruling[ruling_of(cause)];

	if (r == f->traced_syn || r == f->traced_answer || r == f->acted)
		return true;
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (strncmp(cause_entry(cause)->id, causes[i], strlen(causes[i])) == 0)
			return blamed_rule(f, cause) == r;
	return r->must && v && v->complete;
}

const char *rule_words(const struct firewall_rule *r, char *buf, size_t size)
{
	if (r->handle)
		snprintf(buf, size, "the rule with handle %" PRIu64 " of %s %s %s (%s)", r->handle, r->family, r->table, r->chain,
			r->text);
	else
		snprintf(buf, size, "the policy of %s %s %s (drop)", r->family, r->table, r->chain);
	return buf;
}

static void by_hand(const struct firewall_rule *r, const char *match, struct event_attempt *ev)
{
	if (r->handle)
		text_append(ev->advice, sizeof(ev->advice), "nft insert rule %s %s %s handle %" PRIu64 " %s accept (or nft delete rule "
			"%s %s %s handle %" PRIu64 ")", r->family, r->table, r->chain, r->handle, match, r->family, r->table, r->chain,
			r->handle);
	else
		text_append(ev->advice, sizeof(ev->advice), "nft add rule %s %s %s %s accept", r->family, r->table, r->chain,
			match);
}

/* The word behind an option of iptables in the rule's text; NULL: it has none, or it is no word for a shell. */
static const char *word_behind(const struct firewall_rule *r, const char *option, char *buf, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:-";
	const char *at = strstr(r->text, option);
	size_t n;

	if (!at)
		return NULL;
	at += strlen(option);
	n = strcspn(at, " ");
	if (n == 0 || n >= size || strspn(at, plain) < n)
		return NULL;
	snprintf(buf, size, "%.*s", (int)n, at);
	return buf;
}

/* What iptables keeps beside its rules: who is in a set, and who came how often. */
static void advise_lists(const struct firewall_rule *r, const struct names *n, bool one, struct event_attempt *ev)
{
	char name[64];

	if (word_behind(r, "--match-set ", name, sizeof(name)) && !strstr(r->text, "! --match-set"))
		text_append(ev->advice, sizeof(ev->advice), ". Or take it out of the set: ipset del %s %s; ipset list %s", name,
			one ? n->peer : "ADDRESS", name);
	if (strstr(r->text, "-m recent") && word_behind(r, "--name ", name, sizeof(name)))
		text_append(ev->advice, sizeof(ev->advice), ". The rule counts tries (-m recent): who came too often is listed in "
			"/proc/net/xt_recent/%s, and gets in again when it has been quiet", name);
}

void advise_rule(const struct firewall_rule *r, const struct facts *f, const struct names *n, struct event_attempt *ev)
{
	const char *iptables = strcmp(r->family, "ip6") == 0 ? "ip6tables" : "iptables";
	bool one = !strchr(n->peer, '/') && strcmp(n->peer, "many") != 0 && strcmp(n->peer, "Somebody") != 0;
	bool answer = strcmp(r->hook, "output") == 0 || strcmp(r->hook, "postrouting") == 0 || strcmp(r->hook, "egress") == 0;
	/* Behind prerouting the packet has the target's port. */
	bool led = f->target.known && strcmp(r->hook, "forward") == 0;
	unsigned int port = led ? f->target.port : n->port;
	char match[IP_TEXT + 40] = "", source[IP_TEXT + 8] = "";

	if (one) {
		snprintf(match, sizeof(match), "%s %s %s ", f->a->v6 ? "ip6" : "ip", answer ? "daddr" : "saddr", n->peer);
		snprintf(source, sizeof(source), "%s %s ", answer ? "-d" : "-s", n->peer);
	}
	text_append(match, sizeof(match), "tcp %s %u", answer ? "sport" : "dport", port);
	if (r == f->acted) {
		text_append(ev->advice, sizeof(ev->advice), "that rule is gone by now, or matches no more: let the peer try again");
		return;
	}
	switch ((enum firewall_product)r->product) {
	case FIREWALL_UFW:
		text_append(ev->advice, sizeof(ev->advice), "ufw allow proto tcp from %s to any port %u", one ? n->peer : "any",
			n->port);
		break;
	case FIREWALL_FIREWALLD:
		text_append(ev->advice, sizeof(ev->advice), "firewall-cmd --permanent --add-port=%u/tcp && firewall-cmd --reload",
			n->port);
		break;
	case FIREWALL_FAIL2BAN:
		text_append(ev->advice, sizeof(ev->advice), "fail2ban-client unban %s; see why it was banned: fail2ban-client status",
			n->peer);
		break;
	case FIREWALL_DOCKER:
		text_append(ev->advice, sizeof(ev->advice), "%s -I DOCKER-USER %s-j ACCEPT; or publish the port: docker run -p %u:PORT",
			iptables, source, n->port);
		break;
	case FIREWALL_KUBERNETES:
		text_append(ev->advice, sizeof(ev->advice), "look at the NetworkPolicy and the Service's endpoints: kubectl get "
			"networkpolicy,endpointslices -A");
		break;
	case FIREWALL_LIBVIRT:
		text_append(ev->advice, sizeof(ev->advice), "look at the libvirt network: virsh net-dumpxml; its rules let in what is "
			"related to a guest's own connections only");
		break;
	case FIREWALL_PODMAN:
		text_append(ev->advice, sizeof(ev->advice), "publish the port: podman run -p %u:PORT; podman network reload --all "
			"writes the rules anew", n->port);
		break;
	case FIREWALL_IPTABLES:
		text_append(ev->advice, sizeof(ev->advice), "%s -t %s -I %s %s-p tcp --%s %u -j ACCEPT", iptables,
			r->table, r->chain, source, answer ? "sport" : "dport", port);
		break;
	case FIREWALL_BY_HAND:
	case FIREWALL_PRODUCT_COUNT:
		by_hand(r, match, ev);
		break;
	}
	advise_lists(r, n, one, ev);
}
