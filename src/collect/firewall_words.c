/* firewall_words.c - who a rule belongs to, where it is, and what it says. */
#include "firewall_rules.h"
#include "base/text.h"

#include <linux/netfilter.h>
#include <string.h>

static const char *family_name(uint8_t family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_NETDEV:
		return "netdev";
	default:
		return "?";
	}
}

static const char *hook_name(const struct fw_chain *c)
{
	static const char *const names[] = {"prerouting", "input", "forward", "output", "postrouting", "ingress"};

	if (c->table->family == NFPROTO_NETDEV)
		return c->hook == NF_NETDEV_EGRESS ? "egress" : "ingress";
	return c->hook < sizeof(names) / sizeof(names[0]) ? names[c->hook] : "?";
}

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* By the names that each gives to its tables and chains. */
static const struct {
	const char *table, *chain; /* how they begin; NULL: any */
	enum firewall_product product;
} products[] = {
	{NULL, "ufw", FIREWALL_UFW},
	{NULL, "f2b-", FIREWALL_FAIL2BAN},
	{"f2b-", NULL, FIREWALL_FAIL2BAN},
	{"firewalld", NULL, FIREWALL_FIREWALLD},
	{NULL, "DOCKER", FIREWALL_DOCKER},
	{"docker-bridges", NULL, FIREWALL_DOCKER},
	{NULL, "LIBVIRT_", FIREWALL_LIBVIRT},
	{"libvirt_network", NULL, FIREWALL_LIBVIRT},
	{NULL, "KUBE-", FIREWALL_KUBERNETES},
	{"kube-proxy", NULL, FIREWALL_KUBERNETES},
	{NULL, "cali-", FIREWALL_KUBERNETES},
	{NULL, "CILIUM_", FIREWALL_KUBERNETES},
	{NULL, "NETAVARK", FIREWALL_PODMAN},
	{"netavark", NULL, FIREWALL_PODMAN},
	{NULL, "CNI-", FIREWALL_PODMAN},
};

static enum firewall_product find_product(const struct fw_end *end)
{
	static const char *const tables[] = {"filter", "nat", "mangle", "raw", "security"};
	const struct fw_chain *c = end->chain;

	for (size_t i = 0; i < sizeof(products) / sizeof(products[0]); i++)
		if ((!products[i].table || begins(c->table->name, products[i].table)) &&
			(!products[i].chain || begins(c->name, products[i].chain)))
			return products[i].product;
	if (c->table->family == NFPROTO_IPV4 || c->table->family == NFPROTO_IPV6)
		for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
			if (strcmp(c->table->name, tables[i]) == 0 && end->base->name[0] >= 'A' &&
				end->base->name[0] <= 'Z')
				return FIREWALL_IPTABLES;
	return FIREWALL_BY_HAND;
}

void fw_describe(const struct fw_end *end, struct firewall_rule *ret)
{
	const struct fw_chain *c = end->chain;

	memset(ret, 0, sizeof(*ret));
	text_copy(ret->family, sizeof(ret->family), family_name(c->table->family));
	text_clean(ret->table, sizeof(ret->table), c->table->name, strlen(c->table->name));
	text_clean(ret->chain, sizeof(ret->chain), c->name, strlen(c->name));
	text_clean(ret->base, sizeof(ret->base), end->base->name, strlen(end->base->name));
	text_copy(ret->hook, sizeof(ret->hook), hook_name(end->base));
	ret->priority = end->base->priority;
	ret->fate = end->fate;
	ret->icmp_type = end->icmp_type;
	ret->icmp_code = end->icmp_code;
	ret->queue = end->queue;
	ret->product = find_product(end);
	if (!end->rule) {
		text_copy(ret->text, sizeof(ret->text), "policy drop");
		return;
	}
	ret->handle = end->rule->handle;
	if (end->rule->comment)
		text_clean(ret->comment, sizeof(ret->comment), end->rule->comment, end->rule->comment_len);
	fw_rule_text(end->rule, ret->text, sizeof(ret->text));
}
