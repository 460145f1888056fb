/* nftrace.c - puts the rules in that trace a peer's SYNs, and reads what the kernel tells of them. */
#include "nftrace_join.h"
#include "nftrace_rule.h"
#include "base/text.h"

#include <errno.h>
#include <ifaddrs.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	MESSAGE = 8192, /* an error carries the message that it is about: of ours 6 KiB at most */
	MESSAGES_AT_ONCE = 512,
	RECEIVE_BYTES = 2 << 20, /* a second's messages of long ways through a ruleset */
	RECEIVE_TIMEOUT_SECONDS = 2,
	DEVICES_MAX = 1000,
	DEVICES_OF_CHAIN = 250, /* the kernel takes 256 (NFT_NETDEVICE_MAX) */
	NAMES_MAX = 9,
	NAME = 48,
	START_TRIES = 3, /* interfaces come and go meanwhile */
};

struct nftrace {
	struct mnl_socket *owner; /* the tables live as long as it */
	struct mnl_socket *events;
	struct nftrace_join *join;
	char table[NAME];
	bool has_netdev;
	unsigned int seq;
	uint64_t losses;
	char buf[MESSAGE];
};

/* The interfaces at whose ingress is traced. */
struct devices {
	char (*names)[IF_NAMESIZE];
	size_t n, n_up; /* the latter: those that did not fit too */
};

/* --- a transaction --- */

/* A batch, and the numbers of its messages. */
struct change {
	struct nftrace_batch b;
	uint32_t first, table, netdev; /* netdev: where that part begins; 0: nowhere */
};

static int begin_change(struct change *c, struct nftrace *t)
{
	memset(c, 0, sizeof(*c));
	c->b.buf = calloc(1, NFTRACE_BATCH);
	if (!c->b.buf)
		return -ENOMEM;
	c->b.seq = &t->seq;
	c->first = nftrace_add_begin(&c->b)->nlmsg_seq;
	return 0;
}

/* What the kernel said first against any message of the batch; *ret_seq: which it is about. */
static int read_answers(struct nftrace *t, const struct change *c, uint32_t acked, uint32_t *ret_seq)
{
	int result = 0;

	for (;;) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(void *)t->buf;
		ssize_t got = mnl_socket_recvfrom(t->owner, t->buf, sizeof(t->buf));
		int n = (int)got;

		if (got < 0)
			return result ? result : errno == EAGAIN ? -ETIMEDOUT : -errno;
		for (; mnl_nlmsg_ok(nlh, n) && nlh->nlmsg_len <= (uint32_t)n; nlh = mnl_nlmsg_next(nlh, &n)) {
			const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);

			if (nlh->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(nlh) < sizeof(*err) ||
				nlh->nlmsg_seq < c->first || nlh->nlmsg_seq > c->b.last)
				continue;
			if (err->error && !result) {
				result = err->error;
				*ret_seq = nlh->nlmsg_seq;
			}
			/* Against the batch as a whole there is no other answer (nfnetlink_rcv_batch()) */
			if (nlh->nlmsg_seq == acked || nlh->nlmsg_seq == c->first)
				return result;
		}
	}
}

/* Sends it: 0, or -errno with the number of the message that it is about in *ret_seq (0: none). Frees it. */
static int commit(struct nftrace *t, struct change *c, struct nlmsghdr *last, uint32_t *ret_seq)
{
	uint32_t acked = last->nlmsg_seq;
	int r;

	*ret_seq = 0;
	last->nlmsg_flags |= NLM_F_ACK;
	nftrace_add_end(&c->b);
	if (mnl_socket_sendto(t->owner, c->b.buf, c->b.used) < 0)
		r = -errno;
	else
		r = read_answers(t, c, acked, ret_seq);
	free(c->b.buf);
	c->b.buf = NULL;
	return r;
}

/* --- the tables --- */

static struct nlmsghdr *add_netdev(struct change *c, const char *table, const struct nftrace_wish *w,
	const struct devices *d)
{
	struct nlmsghdr *last = NULL;
	char chain[16];

	c->netdev = nftrace_add_table(&c->b, table, NFPROTO_NETDEV)->nlmsg_seq;
	for (size_t at = 0; at < d->n; at += DEVICES_OF_CHAIN) {
		size_t n = d->n - at < DEVICES_OF_CHAIN ? d->n - at : DEVICES_OF_CHAIN;

		snprintf(chain, sizeof(chain), "in%zu", at / DEVICES_OF_CHAIN);
		nftrace_add_chain(&c->b, table, NFPROTO_NETDEV, chain, NF_NETDEV_INGRESS,
			(const char (*)[IF_NAMESIZE])d->names + at, n);
		last = nftrace_add_rule(&c->b, table, NFPROTO_NETDEV, chain, w, false);
	}
	return last;
}

enum part {
	PART_NONE,
	PART_NAME,   /* the table's name is taken */
	PART_TABLE,  /* the table is not to be had */
	PART_INET,
	PART_NETDEV,
};

/* A table that another process owns is EPERM, as a lack of privilege is for the whole batch (nft_table_lookup()). */
static enum part find_part(const struct change *c, uint32_t seq, int error)
{
	if ((seq == c->table || (seq == c->netdev && seq)) && (error == -EEXIST || error == -EPERM))
		return PART_NAME;
	if (c->netdev && seq >= c->netdev)
		return PART_NETDEV;
	return seq == c->table ? PART_TABLE : seq == c->first || seq == 0 ? PART_NONE : PART_INET;
}

/* One try: 0, or -errno with what it is about. d: at whose ingress; NULL: nowhere. */
static int put_tables(struct nftrace *t, const struct nftrace_wish *w, const struct devices *d, enum part *ret_part)
{
	struct nlmsghdr *last;
	struct change c;
	uint32_t seq;
	int r = begin_change(&c, t);

	*ret_part = PART_NONE;
	if (r < 0)
		return r;
	c.table = nftrace_add_table(&c.b, t->table, NFPROTO_INET)->nlmsg_seq;
	nftrace_add_chain(&c.b, t->table, NFPROTO_INET, "in", NF_INET_PRE_ROUTING, NULL, 0);
	nftrace_add_rule(&c.b, t->table, NFPROTO_INET, "in", w, false);
	nftrace_add_chain(&c.b, t->table, NFPROTO_INET, "out", NF_INET_LOCAL_OUT, NULL, 0);
	last = nftrace_add_rule(&c.b, t->table, NFPROTO_INET, "out", w, true);
	if (d)
		last = add_netdev(&c, t->table, w, d);
	r = commit(t, &c, last, &seq);
	if (r < 0)
		*ret_part = find_part(&c, seq, r);
	t->has_netdev = r == 0 && d;
	return r;
}

static void remove_tables(struct nftrace *t)
{
	struct nlmsghdr *last;
	struct change c;
	uint32_t seq;

	if (begin_change(&c, t) < 0)
		return; /* closing the socket removes them too */
	last = nftrace_add_removal(&c.b, t->table, NFPROTO_INET);
	if (t->has_netdev)
		last = nftrace_add_removal(&c.b, t->table, NFPROTO_NETDEV);
	commit(t, &c, last, &seq);
}

/* --- start --- */

/* The interfaces that are up, but lo. */
static int list_devices(struct devices *d)
{
	struct ifaddrs *all;

	d->n = d->n_up = 0;
	if (getifaddrs(&all) < 0)
		return -errno;
	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		if (!a->ifa_addr || a->ifa_addr->sa_family != AF_PACKET || !(a->ifa_flags & IFF_UP) ||
			a->ifa_flags & IFF_LOOPBACK)
			continue;
		if (d->n_up++ < DEVICES_MAX)
			text_copy(d->names[d->n++], IF_NAMESIZE, a->ifa_name);
	}
	freeifaddrs(all);
	return 0;
}

static void name_table(struct nftrace *t, int try)
{
	if (try == 0)
		text_copy(t->table, sizeof(t->table), "tcpwhy_trace");
	else if (try == 1)
		snprintf(t->table, sizeof(t->table), "tcpwhy_trace_%d", (int)getpid());
	else
		snprintf(t->table, sizeof(t->table), "tcpwhy_trace_%d_%d", (int)getpid(), try);
}

/* With the netdev part if that can be had; if not, why says so. */
static int put_all_tables(struct nftrace *t, const struct nftrace_wish *w, struct devices *d, enum part *ret_part,
	char *why, size_t size)
{
	int names = 0, tries = 0, r = list_devices(d);

	if (r < 0)
		text_append(why, size, "drops at interfaces' ingress are not traced: %s", strerror(-r));
	for (;;) {
		name_table(t, names);
		r = put_tables(t, w, d->n > 0 ? d : NULL, ret_part);
		if (r < 0 && *ret_part == PART_NAME && names < NAMES_MAX) {
			names++;
		} else if (r == -ENOENT && *ret_part == PART_NETDEV && tries < START_TRIES) { /* one is gone */
			tries++;
			list_devices(d);
		} else if (r < 0 && *ret_part == PART_NETDEV) {
			text_append(why, size, "drops at interfaces' ingress are not traced: %s", strerror(-r));
			d->n = 0;
		} else {
			break;
		}
	}
	if (r == 0 && d->n > 0 && d->n_up > d->n)
		text_append(why, size, "drops at ingress are traced at the first %zu of %zu interfaces only", d->n, d->n_up);
	return r;
}

static void explain(int error, enum part part, char *why, size_t size)
{
	if (part == PART_NAME)
		text_copy(why, size, "tables named tcpwhy_trace are there already, and do not go away");
	else if (error == -EPERM)
		text_copy(why, size, "no privilege: tracing the firewall takes CAP_NET_ADMIN");
	else if (part == PART_TABLE && (error == -EOPNOTSUPP || error == -EINVAL))
		text_copy(why, size, "this kernel has no tables that remove themselves (Linux 5.12 and later have)");
	else if (part == PART_NONE && (error == -EOPNOTSUPP || error == -EINVAL))
		text_copy(why, size, "this kernel has no nf_tables");
	else
		snprintf(why, size, "the firewall cannot be traced: %s", strerror(-error));
}

static int open_sockets(struct nftrace *t)
{
	struct timeval timeout = {.tv_sec = RECEIVE_TIMEOUT_SECONDS};
	int bytes = RECEIVE_BYTES;

	t->seq = (unsigned int)time(NULL);
	t->owner = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!t->owner || mnl_socket_bind(t->owner, 0, MNL_SOCKET_AUTOPID) < 0 ||
		setsockopt(mnl_socket_get_fd(t->owner), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
		return -errno;
	t->events = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!t->events)
		return -errno;
	setsockopt(mnl_socket_get_fd(t->events), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	if (mnl_socket_bind(t->events, 1u << (NFNLGRP_NFTRACE - 1), MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	return 0;
}

static void free_all(struct nftrace *t)
{
	if (t->owner)
		mnl_socket_close(t->owner);
	if (t->events)
		mnl_socket_close(t->events);
	nftrace_join_free(t->join);
	free(t);
}

static int start(struct nftrace *t, const struct nftrace_wish *w, struct devices *d, char *why, size_t size)
{
	enum part part = PART_NONE;
	int r = open_sockets(t);

	if (r == 0)
		r = put_all_tables(t, w, d, &part, why, size);
	if (r < 0) {
		explain(r, part, why, size);
		return part == PART_NAME ? -EEXIST : r;
	}
	t->join = nftrace_join_new(t->table);
	return t->join ? 0 : -ENOMEM;
}

struct nftrace *nftrace_start(const struct ip *peer, uint16_t port, bool v6, char *why, size_t size)
{
	struct nftrace_wish w = {.any = !peer || ip_is_any(peer), .v6 = v6, .port = port};
	struct devices d = {calloc(DEVICES_MAX, IF_NAMESIZE), 0, 0};
	struct nftrace *t = calloc(1, sizeof(*t));
	int r = -ENOMEM;

	why[0] = '\0';
	if (!w.any) {
		w.peer = *peer;
		w.v6 = !ip_is_v4(peer);
	}
	if (t && d.names)
		r = start(t, &w, &d, why, size);
	free(d.names);
	if (r == 0)
		return t;
	if (r == -ENOMEM)
		text_copy(why, size, "no memory for tracing the firewall");
	if (t)
		free_all(t);
	errno = -r;
	return NULL;
}

void nftrace_stop(struct nftrace *t)
{
	if (!t)
		return;
	remove_tables(t);
	free_all(t);
}

void nftrace_abandon(struct nftrace *t)
{
	if (t)
		free_all(t);
}

/* --- events --- */

int nftrace_fd(const struct nftrace *t)
{
	return mnl_socket_get_fd(t->events);
}

/* One message: 0, -EAGAIN, or -errno. */
static int read_message(struct nftrace *t, int64_t now_us)
{
	struct sockaddr_nl from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(nftrace_fd(t), t->buf, sizeof(t->buf), MSG_DONTWAIT | MSG_TRUNC,
		(struct sockaddr *)&from, &len);

	if (n < 0 && errno == ENOBUFS) { /* told once; what is queued can be read on */
		t->losses++;
		nftrace_join_lost(t->join);
		return 0;
	}
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (len == sizeof(from) && from.nl_pid == 0 && (size_t)n <= sizeof(t->buf)) /* from the kernel, and whole */
		nftrace_join_take(t->join, t->buf, (size_t)n, now_us);
	return 0;
}

static void name_device(uint32_t index, char ret[16])
{
	char name[IF_NAMESIZE];

	if (index && if_indextoname(index, name))
		text_clean(ret, 16, name, strlen(name));
}

static int next_ended(struct nftrace *t, struct nftrace_result *ret)
{
	if (!nftrace_join_next(t->join, ret))
		return -EAGAIN;
	name_device(ret->iif_index, ret->iif);
	name_device(ret->oif_index, ret->oif);
	return 0;
}

int nftrace_next(struct nftrace *t, int64_t now_us, struct nftrace_result *ret)
{
	int r = next_ended(t, ret);

	for (int i = 0; i < MESSAGES_AT_ONCE && r == -EAGAIN; i++) {
		int e = read_message(t, now_us);

		if (e == -EAGAIN) {
			nftrace_join_expire(t->join, now_us);
			return next_ended(t, ret);
		}
		if (e < 0)
			return e;
		r = next_ended(t, ret);
	}
	return r;
}

int64_t nftrace_due(const struct nftrace *t)
{
	return nftrace_join_due(t->join);
}

const char *nftrace_table(const struct nftrace *t)
{
	return t->table;
}

void nftrace_lost(const struct nftrace *t, uint64_t *ret_losses, uint64_t *ret_evicted)
{
	*ret_losses = t->losses;
	*ret_evicted = nftrace_join_evicted(t->join);
}
