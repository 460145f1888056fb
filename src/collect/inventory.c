/* inventory.c - interfaces and settings, as they are now. */
#include "inventory.h"
#include "base/ip.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	INTERFACES_MAX = 128,
	PATH_ROOM = 96,
};

/* Documentation/networking/ip-sysctl.rst and nf_conntrack-sysctl.rst (v6.18). */
static const struct {
	const char *name, *note;
} sysctls[] = {
	{"net.core.somaxconn", "the longest accept queue a server can ask for"},
	{"net.ipv4.tcp_max_syn_backlog", "half-open connections a port keeps without SYN cookies"},
	{"net.ipv4.tcp_syncookies", "1: answers with cookies when the queue of half-open ones is full"},
	{"net.ipv4.tcp_abort_on_overflow", "1: a full accept queue answers with a RST"},
	{"net.ipv4.tcp_synack_retries", "how often an unacknowledged SYN-ACK is sent again"},
	{"net.ipv4.conf.all.rp_filter", "1, 2: drops packets whose sender is not reached by the same way"},
	{"net.ipv4.conf.all.route_localnet", "1: 127.0.0.0/8 may be reached from outside, by NAT"},
	{"net.ipv4.ip_forward", "0: packets for other hosts, containers among them, are dropped"},
	{"net.ipv4.ip_nonlocal_bind", "1: servers may bind addresses that this host does not have"},
	{"net.ipv4.icmp_ratelimit", "milliseconds between two ICMP errors to a peer"},
	{"net.ipv4.tcp_tw_reuse", "connections of this host that reuse a port in TIME_WAIT"},
	{"net.ipv4.ip_local_port_range", "ports of outgoing connections; a server's among them can be taken"},
	{"net.ipv4.ip_unprivileged_port_start", "ports below it can be bound by root only"},
	{"net.ipv4.tcp_keepalive_time", "seconds until an idle connection is probed, where it asked for that"},
	{"net.ipv6.bindv6only", "1: [::] does not take IPv4"},
	{"net.ipv6.conf.all.disable_ipv6", "1: no IPv6"},
	{"net.netfilter.nf_conntrack_count", "connections that are tracked now"},
	{"net.netfilter.nf_conntrack_max", "as many can be; a new one more is dropped"},
};

static struct inventory_item *add(struct inventory_item *ret, size_t *n, const char *kind)
{
	static struct inventory_item spare;
	struct inventory_item *i = *n < INVENTORY_MAX ? &ret[(*n)++] : &spare;

	memset(i, 0, sizeof(*i));
	text_copy(i->kind, sizeof(i->kind), kind);
	return i;
}

static void add_sysctl(struct inventory_item *ret, size_t *n, const char *name, const char *note)
{
	char path[PATH_ROOM], value[64];
	struct inventory_item *item;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	for (char *p = path + 10; *p; p++)
		*p = *p == '.' ? '/' : *p;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	got = read(fd, value, sizeof(value) - 1);
	close(fd);
	if (got <= 0)
		return;
	for (ssize_t i = 0; i < got; i++)
		value[i] = value[i] == '\t' ? ' ' : value[i];
	while (got > 0 && value[got - 1] == '\n')
		got--;
	item = add(ret, n, "sysctl");
	text_copy(item->name, sizeof(item->name), name);
	text_copy(item->note, sizeof(item->note), note);
	text_clean(item->value, sizeof(item->value), value, (size_t)got);
}

static void add_interface(struct inventory_item *ret, size_t *n, const struct ifaddrs *all, const struct ifaddrs *one)
{
	struct inventory_item *item = add(ret, n, "interface");
	const struct rtnl_link_stats *stats = one->ifa_data;
	char address[IP_TEXT];
	int addresses = 0;

	text_clean(item->name, sizeof(item->name), one->ifa_name, strlen(one->ifa_name));
	text_copy(item->value, sizeof(item->value), !(one->ifa_flags & IFF_UP) ? "down" :
		one->ifa_flags & IFF_RUNNING ? "up" : "no carrier");
	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		struct ip ip;

		if (strcmp(a->ifa_name, one->ifa_name) != 0 || !ip_from_sockaddr(a->ifa_addr, &ip))
			continue;
		if (++addresses <= 3)
			text_append(item->value, sizeof(item->value), " %s", ip_format(&ip, address, sizeof(address)));
	}
	if (addresses > 3)
		text_append(item->value, sizeof(item->value), " and %d more", addresses - 3);
	if (stats && (stats->rx_dropped || stats->rx_errors || stats->tx_dropped || stats->tx_errors))
		snprintf(item->note, sizeof(item->note), "dropped in %u, out %u; errors in %u, out %u", stats->rx_dropped,
			stats->tx_dropped, stats->rx_errors, stats->tx_errors);
}

static void add_interfaces(struct inventory_item *ret, size_t *n)
{
	struct ifaddrs *all;
	int interfaces = 0;

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *a = all; a && interfaces < INTERFACES_MAX; a = a->ifa_next)
		if (a->ifa_addr && a->ifa_addr->sa_family == AF_PACKET) {
			add_interface(ret, n, all, a);
			interfaces++;
		}
	freeifaddrs(all);
}

size_t inventory_read(struct inventory_item *ret)
{
	size_t n = 0;

	add_interfaces(ret, &n);
	for (size_t i = 0; i < sizeof(sysctls) / sizeof(sysctls[0]); i++)
		add_sysctl(ret, &n, sysctls[i].name, sysctls[i].note);
	return n;
}
