/* addresses.c - this host's own addresses, over rtnetlink. */
#include "addresses.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum {
	TRIES = 3,
	BUFFER = 32768,
};

struct addresses {
	struct mnl_socket *requests, *events;
	unsigned int seq;
	char buf[BUFFER];
};

struct addresses *addresses_new(void)
{
	struct timeval timeout = {.tv_sec = 2};
	struct addresses *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->seq = (unsigned int)time(NULL);
	a->requests = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	a->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!a->requests || !a->events || mnl_socket_bind(a->requests, 0, MNL_SOCKET_AUTOPID) < 0 ||
		mnl_socket_bind(a->events, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, MNL_SOCKET_AUTOPID) <
			0 ||
		setsockopt(mnl_socket_get_fd(a->requests), SOL_SOCKET, SO_RCVTIMEO, &timeout,
			sizeof(timeout)) < 0) {
		int saved = errno;

		addresses_free(a);
		errno = saved;
		return NULL;
	}
	return a;
}

void addresses_free(struct addresses *a)
{
	if (!a)
		return;
	if (a->events)
		mnl_socket_close(a->events);
	if (a->requests)
		mnl_socket_close(a->requests);
	free(a);
}

struct list {
	struct ip *ips;
	size_t max, n;
};

static void add(struct list *list, const struct ifaddrmsg *m, const struct nlattr *attr)
{
	size_t size = mnl_attr_get_payload_len(attr);
	struct ip ip;

	if (m->ifa_family == AF_INET && size == 4)
		ip = ip_from_v4(mnl_attr_get_payload(attr));
	else if (m->ifa_family == AF_INET6 && size == 16)
		ip = ip_from_v6(mnl_attr_get_payload(attr));
	else
		return;
	if (list->n < list->max)
		list->ips[list->n] = ip;
	list->n++;
}

static int on_address(const struct nlmsghdr *nlh, void *data)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *address = NULL, *local = NULL;

	if (nlh->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(nlh) < sizeof(*m))
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*m)) {
		if (mnl_attr_get_type(attr) == IFA_LOCAL)
			local = attr;
		else if (mnl_attr_get_type(attr) == IFA_ADDRESS)
			address = attr; /* on a point-to-point link the peer's, and IFA_LOCAL is ours */
	}
	if (local || address)
		add(data, m, local ? local : address);
	return MNL_CB_OK;
}

static int read_once(struct addresses *a, struct list *list)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(a->buf);
	struct ifaddrmsg *m;
	int r;

	nlh->nlmsg_type = RTM_GETADDR;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++a->seq;
	m = mnl_nlmsg_put_extra_header(nlh, sizeof(*m));
	m->ifa_family = AF_UNSPEC;
	if (mnl_socket_sendto(a->requests, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t n = mnl_socket_recvfrom(a->requests, a->buf, sizeof(a->buf));

		if (n < 0)
			return -errno;
		r = mnl_cb_run(a->buf, (size_t)n, a->seq, mnl_socket_get_portid(a->requests), on_address,
			list);
	} while (r > MNL_CB_STOP);
	return r < 0 ? -errno : 0;
}

int addresses_read(struct addresses *a, struct ip *ret_ips, size_t max, size_t *ret_n)
{
	struct list list = {ret_ips, max, 0};
	int r = -EINTR;

	for (int i = 0; i < TRIES && r == -EINTR; i++) {
		list.n = 0;
		r = read_once(a, &list);
	}
	if (r < 0)
		return r;
	*ret_n = list.n < max ? list.n : max;
	return list.n > max ? -ENOSPC : 0;
}

int addresses_fd(const struct addresses *a)
{
	return mnl_socket_get_fd(a->events);
}

void addresses_drain(struct addresses *a)
{
	/* ENOBUFS means some were missed, which a fresh read makes good as well. */
	while (recv(mnl_socket_get_fd(a->events), a->buf, sizeof(a->buf), 0) >= 0 || errno == ENOBUFS)
		;
}
