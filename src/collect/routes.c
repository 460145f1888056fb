/* routes.c - what routing does with a packet, and with the answer to it. */
#include "routes.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BUFFER = 8192,
	RECEIVE_TIMEOUT_SECONDS = 1,
};

struct routes {
	struct mnl_socket *nl;
	unsigned int seq;
	char buf[BUFFER];
};

struct routes *routes_new(void)
{
	struct timeval timeout = {.tv_sec = RECEIVE_TIMEOUT_SECONDS};
	struct routes *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->seq = (unsigned int)time(NULL);
	r->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!r->nl || mnl_socket_bind(r->nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
		setsockopt(mnl_socket_get_fd(r->nl), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0) {
		int saved = errno;

		routes_free(r);
		errno = saved;
		return NULL;
	}
	return r;
}

void routes_free(struct routes *r)
{
	if (!r)
		return;
	if (r->nl)
		mnl_socket_close(r->nl);
	free(r);
}

static void put_ip(struct nlmsghdr *nlh, uint16_t type, const struct ip *ip)
{
	if (ip_is_v4(ip))
		mnl_attr_put(nlh, type, 4, ip->b + 12);
	else
		mnl_attr_put(nlh, type, 16, ip->b);
}

/* Sends one request and reads its one answer into r->buf: 0 with *ret_answer, or what it says (-errno). */
static int ask(struct routes *r, struct nlmsghdr *nlh, const struct nlmsghdr **ret_answer)
{
	ssize_t n;

	nlh->nlmsg_seq = ++r->seq;
	if (mnl_socket_sendto(r->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do { /* what is left of an earlier request that was given up has another number */
		n = mnl_socket_recvfrom(r->nl, r->buf, sizeof(r->buf));
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		nlh = (struct nlmsghdr *)(void *)r->buf;
		if (!mnl_nlmsg_ok(nlh, (int)n))
			return -EBADMSG;
	} while (nlh->nlmsg_seq != r->seq);
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);

		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*err) || err->error >= 0)
			return -EBADMSG;
		return err->error;
	}
	*ret_answer = nlh;
	return 0;
}

static enum route route_of_error(int error)
{
	switch (error) {
	case -EINVAL:
	case -EXDEV: /* of rp_filter, before some version between 6.12 and 6.18 (fib_validate_source) */
		return ROUTE_INVALID;
	case -EHOSTUNREACH:
		return ROUTE_UNREACHABLE;
	case -ENETUNREACH:
		return ROUTE_NONE;
	case -EACCES:
		return ROUTE_PROHIBITED;
	default:
		return ROUTE_UNKNOWN;
	}
}

static enum route route_of_type(uint8_t type)
{
	switch (type) {
	case RTN_LOCAL:
	case RTN_ANYCAST:
		return ROUTE_LOCAL;
	case RTN_UNICAST:
		return ROUTE_UNICAST;
	case RTN_BROADCAST:
	case RTN_MULTICAST:
		return ROUTE_BROADCAST;
	case RTN_BLACKHOLE:
		return ROUTE_INVALID;
	case RTN_UNREACHABLE:
		return ROUTE_UNREACHABLE;
	case RTN_PROHIBIT:
		return ROUTE_PROHIBITED;
	default:
		return ROUTE_UNKNOWN;
	}
}

struct way {
	enum route route;
	uint32_t oif;
	struct ip gateway;
	bool has_gateway;
};

/* A route from src to dst; iif 0: for output. IPv4 gives types by error, IPv6 by type as well. */
static int ask_route(struct routes *r, const struct ip *dst, const struct ip *src, uint32_t iif,
	struct way *ret)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(r->buf);
	bool v6 = !ip_is_v4(dst);
	const struct nlattr *attr;
	const struct nlmsghdr *answer;
	const struct rtmsg *m;
	struct rtmsg *req;
	int e;

	memset(ret, 0, sizeof(*ret));
	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->rtm_family = v6 ? AF_INET6 : AF_INET;
	req->rtm_dst_len = req->rtm_src_len = v6 ? 128 : 32;
	put_ip(nlh, RTA_DST, dst);
	put_ip(nlh, RTA_SRC, src);
	if (iif)
		mnl_attr_put_u32(nlh, RTA_IIF, iif);
	e = ask(r, nlh, &answer);
	if (e < 0) {
		ret->route = route_of_error(e);
		return ret->route == ROUTE_UNKNOWN ? e : 0;
	}
	if (answer->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(answer) < sizeof(*m))
		return -EBADMSG;
	m = mnl_nlmsg_get_payload(answer);
	ret->route = route_of_type(m->rtm_type);
	mnl_attr_for_each(attr, answer, sizeof(*m)) {
		size_t n = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == RTA_OIF && n == 4)
			ret->oif = mnl_attr_get_u32(attr);
		if (mnl_attr_get_type(attr) == RTA_GATEWAY && n == (v6 ? 16 : 4)) {
			ret->gateway = v6 ? ip_from_v6(mnl_attr_get_payload(attr))
					  : ip_from_v4(mnl_attr_get_payload(attr));
			ret->has_gateway = true;
		}
	}
	return 0;
}

static enum neighbour ask_neighbour(struct routes *r, const struct ip *ip, uint32_t ifindex)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(r->buf);
	const struct nlmsghdr *answer;
	const struct ndmsg *m;
	struct ndmsg *req;

	nlh->nlmsg_type = RTM_GETNEIGH;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->ndm_family = ip_is_v4(ip) ? AF_INET : AF_INET6;
	req->ndm_ifindex = (int)ifindex;
	put_ip(nlh, NDA_DST, ip);
	if (ask(r, nlh, &answer) < 0 || answer->nlmsg_type != RTM_NEWNEIGH ||
		mnl_nlmsg_get_payload_len(answer) < sizeof(*m))
		return NEIGHBOUR_UNKNOWN; /* there is no entry, or an old kernel */
	m = mnl_nlmsg_get_payload(answer);
	if (m->ndm_state & NUD_FAILED)
		return NEIGHBOUR_FAILED;
	return m->ndm_state & NUD_INCOMPLETE ? NEIGHBOUR_ASKED : NEIGHBOUR_ANSWERS;
}

/* A setting of one interface below /proc/sys/net; -1: not known. */
static int read_setting(const char *format, const char *device)
{
	char path[128], text[16];
	int fd, value = -1;
	ssize_t n;

	snprintf(path, sizeof(path), format, device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n > 0) {
		text[n] = '\0';
		value = atoi(text);
	}
	return value;
}

/* Whether an IPv6 address of this host is not usable. A line of if_inet6: address, interface, length, scope, flags. */
static bool is_dad_failed(const struct ip *ip)
{
	enum {
		DADFAILED = 0x08, /* IFA_F_DADFAILED and IFA_F_TENTATIVE (linux/if_addr.h) */
		TENTATIVE = 0x40,
	};
	FILE *f = fopen("/proc/self/net/if_inet6", "re");
	char line[128], wanted[33], address[33];
	unsigned int flags;
	bool failed = false;

	for (int i = 0; i < 16; i++)
		snprintf(wanted + 2 * (size_t)i, 3, "%02x", ip->b[i]);
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%32s %*x %*x %*x %x", address, &flags) == 2 && strcmp(address, wanted) == 0)
			failed = flags & (DADFAILED | TENTATIVE);
	if (f)
		fclose(f);
	return failed;
}

/* The greater of what is set for one interface and for all counts (include/linux/inetdevice.h IN_DEV_MAXCONF). */
static int read_greater(const char *format, const char *device)
{
	int one = read_setting(format, device), all = read_setting(format, "all");

	return all > one ? all : one;
}

static void read_settings(const struct question *q, bool v6, struct routing *ret)
{
	char device[IF_NAMESIZE];

	ret->rp_filter = ret->forwarding = ret->ipv6_disabled = ret->arp_ignore = ret->route_localnet = -1;
	ret->dad_failed = v6 && is_dad_failed(&q->addr);
	if (!q->ifindex || !if_indextoname(q->ifindex, device) || strchr(device, '/'))
		return;
	ret->forwarding = read_setting(v6 ? "/proc/sys/net/ipv6/conf/%s/forwarding"
					  : "/proc/sys/net/ipv4/conf/%s/forwarding", device);
	if (v6) {
		ret->ipv6_disabled = read_setting("/proc/sys/net/ipv6/conf/%s/disable_ipv6", device);
	} else {
		ret->rp_filter = read_greater("/proc/sys/net/ipv4/conf/%s/rp_filter", device);
		ret->route_localnet = read_greater("/proc/sys/net/ipv4/conf/%s/route_localnet", device);
		ret->arp_ignore = read_greater("/proc/sys/net/ipv4/conf/%s/arp_ignore", device);
	}
}

int routes_ask(struct routes *r, const struct question *q, struct routing *ret)
{
	struct way in = {ROUTE_UNKNOWN}, back;
	char device[IF_NAMESIZE];
	int e = 0;

	memset(ret, 0, sizeof(*ret));
	read_settings(q, !ip_is_v4(&q->addr), ret);
	if (q->ifindex)
		e = ask_route(r, &q->addr, &q->peer, q->ifindex, &in);
	if (e < 0)
		return e;
	ret->in = in.route;
	e = ask_route(r, &q->peer, &q->addr, 0, &back);
	if (e < 0)
		return e;
	ret->back = back.route;
	if (back.route != ROUTE_UNICAST)
		return 0;
	ret->next_hop = back.has_gateway ? back.gateway : q->peer;
	if (back.oif && if_indextoname(back.oif, device))
		text_clean(ret->device, sizeof(ret->device), device, strlen(device));
	ret->neighbour = ask_neighbour(r, &ret->next_hop, back.oif);
	return 0;
}
