/* netns_reach.c - by what, if anything, a listener of another network namespace can be reached from this one. */
#include "netns_reach.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <libmnl/libmnl.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Theory of operation
 *
 * An interface whose other end (veth) or lower device (macvlan, ipvlan) is in another namespace says so by
 * IFLA_LINK_NETNSID, in numbers of its own namespace (rtnl_fill_link_netnsid(), net/core/rtnetlink.c, v6.18), and
 * RTM_GETNSID tells the number of a namespace that one has a descriptor of. So a namespace that is joined with home
 * knows it. Where home's own default route leads to an address of the other, home is the one behind it: what
 * listens there is not for this host to publish.
 */
enum {
	BUFFER = 32768,
	LINKS_MAX = 64,
	RTF_GATEWAY_FLAG = 2, /* RTF_GATEWAY of /proc/net/route */
};

struct netns_home netns_home_open(void)
{
	struct netns_home home = {.fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
	FILE *f = fopen("/proc/thread-self/net/route", "re");
	char line[256];

	while (f && !home.has_gateway && fgets(line, sizeof(line), f)) {
		unsigned int to, gateway, flags;

		if (sscanf(line, "%*s %x %x %x", &to, &gateway, &flags) == 3 && to == 0 && flags & RTF_GATEWAY_FLAG) {
			home.gateway = ip_from_v4(&gateway); /* printed as it lies in memory */
			home.has_gateway = true;
		}
	}
	if (f)
		fclose(f);
	return home;
}

void netns_home_close(struct netns_home *home)
{
	if (home->fd >= 0)
		close(home->fd);
	home->fd = -1;
}

/* The numbers of namespaces that interfaces lead to. */
struct links {
	int32_t ids[LINKS_MAX];
	size_t n;
};

static int take_netnsid(const struct nlattr *attr, void *data)
{
	struct links *links = data;

	if (mnl_attr_get_type(attr) == IFLA_LINK_NETNSID && mnl_attr_validate(attr, MNL_TYPE_U32) == 0 &&
		links->n < LINKS_MAX)
		links->ids[links->n++] = (int32_t)mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int on_link(const struct nlmsghdr *nlh, void *data)
{
	if (nlh->nlmsg_type == RTM_NEWLINK && mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct ifinfomsg))
		mnl_attr_parse(nlh, sizeof(struct ifinfomsg), take_netnsid, data);
	return MNL_CB_OK;
}

static int take_nsid(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == NETNSA_NSID && mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
		*(int32_t *)data = (int32_t)mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int on_nsid(const struct nlmsghdr *nlh, void *data)
{
	if (nlh->nlmsg_type == RTM_NEWNSID && mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct rtgenmsg))
		mnl_attr_parse(nlh, sizeof(struct rtgenmsg), take_nsid, data);
	return MNL_CB_STOP;
}

static int run(struct mnl_socket *nl, char *buf, struct nlmsghdr *nlh, mnl_cb_t take, void *ctx)
{
	unsigned int seq = nlh->nlmsg_seq;
	int r;

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t n = mnl_socket_recvfrom(nl, buf, BUFFER);

		r = n < 0 ? -1 : mnl_cb_run(buf, (size_t)n, seq, mnl_socket_get_portid(nl), take, ctx);
	} while (r > MNL_CB_STOP);
	return r < 0 ? -errno : 0;
}

/* The links come first: a namespace gets its number when one is told that leads to it (peernet2id_alloc()). */
static bool leads_to(struct mnl_socket *nl, int fd)
{
	static char buf[BUFFER]; /* the broker has one thread */
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct links links = {.n = 0};
	int32_t home = -1;

	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = 1;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	if (run(nl, buf, nlh, on_link, &links) < 0)
		return false;
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = RTM_GETNSID;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = 2;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct rtgenmsg));
	mnl_attr_put_u32(nlh, NETNSA_FD, (uint32_t)fd);
	if (run(nl, buf, nlh, on_nsid, &home) < 0 || home < 0)
		return false;
	for (size_t i = 0; i < links.n; i++)
		if (links.ids[i] == home)
			return true;
	return false;
}

static bool is_joined(const struct netns_home *home)
{
	struct timeval timeout = {.tv_sec = 1};
	struct mnl_socket *nl = home->fd < 0 ? NULL : mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	bool joined;

	if (!nl)
		return false;
	joined = setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
		 mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 && leads_to(nl, home->fd);
	mnl_socket_close(nl);
	return joined;
}

static bool takes(const struct socket_row *row, const struct ip *addr, const char *device)
{
	bool same_family = ip_is_v4(&row->addr) == ip_is_v4(addr);

	if (row->ifindex != 0 && if_nametoindex(device) != row->ifindex)
		return false;
	if (!ip_is_any(&row->addr))
		return ip_equal(&row->addr, addr);
	return same_family || (!ip_is_v4(&row->addr) && !row->v6only);
}

enum elsewhere_reach netns_reach(const struct netns_home *home, const struct socket_row *row, struct ip *ret_addr)
{
	struct ifaddrs *list = NULL;
	bool found = false, above = false;

	memset(ret_addr, 0, sizeof(*ret_addr));
	if (ip_is_loopback(&row->addr))
		return ELSEWHERE_LOOPBACK;
	if (getifaddrs(&list) < 0)
		return ELSEWHERE_ISOLATED;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		struct ip ip;

		if (!ip_from_sockaddr(i->ifa_addr, &ip) || !(i->ifa_flags & IFF_UP) || i->ifa_flags & IFF_LOOPBACK)
			continue;
		above = above || (home->has_gateway && ip_equal(&ip, &home->gateway));
		if (takes(row, &ip, i->ifa_name) && !ip_is_link_local(&ip) && !found) {
			*ret_addr = ip;
			found = true;
		}
	}
	freeifaddrs(list);
	if (!found)
		return ELSEWHERE_ISOLATED;
	return !above && is_joined(home) ? ELSEWHERE_JOINED : ELSEWHERE_APART;
}
