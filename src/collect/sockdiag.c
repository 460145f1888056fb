/* sockdiag.c - the kernel's socket table, over netlink sock_diag. */
#include "sockdiag.h"
#include "base/text.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	DUMP_BUFFER = 32768, /* a dump's messages fit what the reader offers, up to this */
	DUMP_TRIES = 3,
	SEEN_FIRST = 256,
	RECEIVE_TIMEOUT_SECONDS = 2,
	STATE_ESTABLISHED = 1,
	STATE_SYN_SENT = 2,
	STATE_SYN_RECV = 3,
	STATE_TIME_WAIT = 6,
	STATE_CLOSE = 7,
	STATE_CLOSE_WAIT = 8,
	STATE_LISTEN = 10,
	STATE_NEW_SYN_RECV = 12,
	STATE_BOUND_INACTIVE = 13, /* include/net/tcp_states.h, since v6.8 */
};

struct sockdiag {
	struct mnl_socket *requests, *events;
	unsigned int seq;
	bool shows_bound; /* this kernel dumps bound sockets */
	uint32_t *seen;   /* of a dump's rows, by cookie: 1 + the index; 0: free. A power of two of them */
	size_t seen_size;
	char *buf;
	struct {
		uint32_t index;
		char name[IF_NAMESIZE];
	} device; /* the last one looked up */
};

/* What a dump is for: which rows are wanted and where they go. */
struct dump {
	struct sockdiag *sd;
	uint8_t protocol, family;
	uint32_t states;
	uint16_t port; /* 0: all */
	bool (*wants)(const struct inet_diag_msg *m);
	struct socket_row *rows;
	size_t max, n;
	struct port_map *map; /* NULL: rows are kept, not only their ports */
	bool full, interrupted;
};

/*
 * What the destroy multicast lets through (see sockdiag.h). The fields are in host byte order and a word is
 * loaded in network byte order, so a small number is looked at by its lowest byte and the others.
 */
static int filter_healthy(int fd)
{
	enum {
		MSG = sizeof(struct nlmsghdr),
		ATTRS = MSG + sizeof(struct inet_diag_msg),
		DPORT = MSG + offsetof(struct inet_diag_msg, id.idiag_dport),
		UNREAD = MSG + offsetof(struct inet_diag_msg, idiag_rqueue),
		UNACKED = MSG + offsetof(struct inet_diag_msg, idiag_wqueue),
#if __BYTE_ORDER == __LITTLE_ENDIAN
		LOW = 0,
		OTHERS = 0x00ffffff,
#else
		LOW = 3,
		OTHERS = 0x7fffff00,
#endif
		INFO = NLA_HDRLEN, /* of struct tcp_info in its attribute */
	};
	struct sock_filter code[] = {
		/* 0 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, DPORT),
		/* 1 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 14, 0),
		/* 2 */ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, UNACKED),
		/* 3 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 12),
		/* A FIN that was not read counts 1. */
		/* 4 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, UNREAD + LOW),
		/* 5 */ BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 1, 10, 0),
		/* 6 */ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, UNREAD),
		/* 7 */ BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, OTHERS, 8, 0),
		/* 8 */ BPF_STMT(BPF_LDX | BPF_IMM, INET_DIAG_INFO),
		/* 9 */ BPF_STMT(BPF_LD | BPF_IMM, ATTRS),
		/* 10 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_NLATTR)),
		/* 11 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),
		/* 12 */ BPF_STMT(BPF_MISC | BPF_TAX, 0),
		/* 13 */ BPF_STMT(BPF_LD | BPF_H | BPF_IND, INFO + offsetof(struct tcp_info, tcpi_retransmits)),
		/* 14 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), /* tcpi_retransmits, tcpi_probes */
		/* 15 */ BPF_STMT(BPF_RET | BPF_K, 0),
		/* 16 */ BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog prog = {sizeof(code) / sizeof(code[0]), code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

static struct mnl_socket *open_events(void)
{
	unsigned int groups = 1u << (SKNLGRP_INET_TCP_DESTROY - 1) |
			      1u << (SKNLGRP_INET6_TCP_DESTROY - 1);
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (!nl)
		return NULL;
	if (filter_healthy(mnl_socket_get_fd(nl)) < 0 ||
		mnl_socket_bind(nl, groups, MNL_SOCKET_AUTOPID) < 0) {
		mnl_socket_close(nl);
		return NULL;
	}
	return nl;
}

static bool shows_bound(struct sockdiag *sd);

struct sockdiag *sockdiag_new(void)
{
	struct timeval timeout = {.tv_sec = RECEIVE_TIMEOUT_SECONDS};
	struct sockdiag *sd = calloc(1, sizeof(*sd));

	if (!sd)
		return NULL;
	sd->seq = (unsigned int)time(NULL);
	sd->buf = malloc(DUMP_BUFFER);
	sd->requests = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	sd->events = open_events();
	if (!sd->buf || !sd->requests || !sd->events ||
		setsockopt(mnl_socket_get_fd(sd->requests), SOL_SOCKET, SO_RCVTIMEO, &timeout,
			sizeof(timeout)) < 0 ||
		mnl_socket_bind(sd->requests, 0, MNL_SOCKET_AUTOPID) < 0) {
		int saved = errno;

		sockdiag_free(sd);
		errno = saved;
		return NULL;
	}
	sd->shows_bound = shows_bound(sd);
	return sd;
}

void sockdiag_free(struct sockdiag *sd)
{
	if (!sd)
		return;
	if (sd->events)
		mnl_socket_close(sd->events);
	if (sd->requests)
		mnl_socket_close(sd->requests);
	free(sd->seen);
	free(sd->buf);
	free(sd);
}

static struct ip diag_ip(uint8_t family, const __be32 *words)
{
	return family == AF_INET ? ip_from_v4(words) : ip_from_v6(words);
}

static uint8_t socket_state(uint8_t protocol, uint8_t state)
{
	if (protocol == IPPROTO_UDP)
		return SOCKET_UDP;
	switch (state) {
	case STATE_LISTEN:
		return SOCKET_LISTEN;
	case STATE_SYN_RECV:
	case STATE_NEW_SYN_RECV:
		return SOCKET_SYN_RECV;
	case STATE_TIME_WAIT:
		return SOCKET_TIME_WAIT;
	case STATE_SYN_SENT:
		return SOCKET_SYN_SENT;
	case STATE_BOUND_INACTIVE:
	case STATE_CLOSE:
		return SOCKET_BOUND;
	default:
		return SOCKET_OPEN;
	}
}

static int take_attribute(const struct nlattr *attr, void *data)
{
	struct socket_row *row = data;

	switch (mnl_attr_get_type(attr)) {
	case INET_DIAG_SKV6ONLY:
		if (mnl_attr_validate(attr, MNL_TYPE_U8) == 0)
			row->v6only = mnl_attr_get_u8(attr) != 0;
		break;
	case INET_DIAG_SKMEMINFO:
		if (mnl_attr_get_payload_len(attr) >= (SK_MEMINFO_DROPS + 1) * sizeof(uint32_t))
			memcpy(&row->drops,
				(const char *)mnl_attr_get_payload(attr) +
					SK_MEMINFO_DROPS * sizeof(uint32_t),
				sizeof(row->drops));
		break;
	case INET_DIAG_CGROUP_ID:
		if (mnl_attr_validate(attr, MNL_TYPE_U64) == 0)
			row->cgroup = mnl_attr_get_u64(attr);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static void name_device(struct sockdiag *sd, struct socket_row *row)
{
	if (row->ifindex == 0)
		return;
	if (sd->device.index != row->ifindex) {
		sd->device.index = row->ifindex;
		if (!if_indextoname(row->ifindex, sd->device.name))
			text_copy(sd->device.name, sizeof(sd->device.name), "?");
	}
	text_clean(row->device, sizeof(row->device), sd->device.name, strlen(sd->device.name));
}

/* A message that is too short is not looked at: -EBADMSG. */
static int take_row(struct sockdiag *sd, const struct nlmsghdr *nlh, uint8_t protocol,
	struct socket_row *ret_row)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	struct socket_row row = {.state = SOCKET_LISTEN};

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*m) ||
		(m->idiag_family != AF_INET && m->idiag_family != AF_INET6))
		return -EBADMSG;
	row.v6 = m->idiag_family == AF_INET6;
	row.state = socket_state(protocol, m->idiag_state);
	row.addr = diag_ip(m->idiag_family, m->id.idiag_src);
	row.peer = diag_ip(m->idiag_family, m->id.idiag_dst);
	row.port = ntohs(m->id.idiag_sport);
	row.peer_port = ntohs(m->id.idiag_dport);
	row.ifindex = m->id.idiag_if;
	row.cookie = (uint64_t)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0];
	row.inode = m->idiag_inode;
	row.uid = m->idiag_uid;
	row.queue = m->idiag_rqueue;
	row.queue_max = m->idiag_wqueue;
	mnl_attr_parse(nlh, sizeof(*m), take_attribute, &row);
	name_device(sd, &row);
	*ret_row = row;
	return 0;
}

/* Cookies are counted up from 1 on each CPU (gen_cookie_next(), include/linux/cookie.h): no hash is needed. */
static uint32_t *slot_of(struct dump *d, uint64_t cookie)
{
	size_t mask = d->sd->seen_size - 1, i = (size_t)(cookie ^ cookie >> 32) & mask;

	while (d->sd->seen[i] != 0 && d->rows[d->sd->seen[i] - 1].cookie != cookie)
		i = (i + 1) & mask;
	return &d->sd->seen[i];
}

/* Starts the set anew, at this size, with the rows that are there. */
static bool index_rows(struct dump *d, size_t size)
{
	struct sockdiag *sd = d->sd;

	if (size > sd->seen_size) {
		uint32_t *larger = malloc(size * sizeof(*larger));

		if (!larger)
			return false;
		free(sd->seen);
		sd->seen = larger;
		sd->seen_size = size;
	}
	memset(sd->seen, 0, sd->seen_size * sizeof(*sd->seen));
	for (size_t i = 0; i < d->n; i++)
		*slot_of(d, d->rows[i].cookie) = (uint32_t)i + 1;
	return true;
}

/* Keeps a row that is not there yet. */
static void keep_row(struct dump *d, const struct socket_row *row)
{
	uint32_t *slot;

	if (d->n >= d->sd->seen_size / 2 && !index_rows(d, d->sd->seen_size ? d->sd->seen_size * 2 : SEEN_FIRST)) {
		d->full = true; /* no memory: not all can be told */
		return;
	}
	slot = slot_of(d, row->cookie);
	if (*slot != 0)
		return;
	if (d->n == d->max) {
		d->full = true;
		return;
	}
	d->rows[d->n++] = *row;
	*slot = (uint32_t)d->n;
}

static int on_dump_message(const struct nlmsghdr *nlh, void *data)
{
	struct dump *d = data;
	struct socket_row row;

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		d->interrupted = true;
	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY || take_row(d->sd, nlh, d->protocol, &row) < 0)
		return MNL_CB_OK;
	if (d->wants && !d->wants(mnl_nlmsg_get_payload(nlh)))
		return MNL_CB_OK;
	if (d->map) {
		d->map->ports[row.port / 8] |= (uint8_t)(1u << row.port % 8);
		return MNL_CB_OK;
	}
	keep_row(d, &row);
	return MNL_CB_OK;
}

/* Only sockets with this local port: the kernel runs it (struct inet_diag_bc_op). */
static void put_port_filter(struct nlmsghdr *nlh, uint16_t port)
{
	struct inet_diag_bc_op code[2] = {
		{.code = INET_DIAG_BC_S_EQ, .yes = sizeof(code), .no = sizeof(code) + 4},
		{.no = port},
	};

	if (port != 0)
		mnl_attr_put(nlh, INET_DIAG_REQ_BYTECODE, sizeof(code), code);
}

static struct nlmsghdr *put_request(struct sockdiag *sd, uint8_t protocol, uint8_t family,
	uint32_t states, uint16_t flags, struct inet_diag_req_v2 **ret_req)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(sd->buf);
	struct inet_diag_req_v2 *req;

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = ++sd->seq;
	req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->sdiag_family = family;
	req->sdiag_protocol = protocol;
	req->idiag_states = states;
	req->idiag_ext = 1u << (INET_DIAG_SKMEMINFO - 1);
	*ret_req = req;
	return nlh;
}

static int run_once(struct dump *d)
{
	struct sockdiag *sd = d->sd;
	unsigned int portid = mnl_socket_get_portid(sd->requests);
	struct inet_diag_req_v2 *req;
	struct nlmsghdr *nlh = put_request(sd, d->protocol, d->family, d->states, NLM_F_DUMP, &req);
	int r;

	put_port_filter(nlh, d->port);
	if (mnl_socket_sendto(sd->requests, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t n = mnl_socket_recvfrom(sd->requests, sd->buf, DUMP_BUFFER);

		if (n < 0)
			return -errno;
		r = mnl_cb_run(sd->buf, (size_t)n, sd->seq, portid, on_dump_message, d);
	} while (r > MNL_CB_STOP);
	if (r < 0)
		return errno == EINTR ? -EAGAIN : -errno; /* libmnl says EINTR for NLM_F_DUMP_INTR */
	return d->interrupted ? -EAGAIN : 0;
}

/* Answers of an earlier request that was given up must not be taken for this one's. */
static void discard_pending(struct sockdiag *sd)
{
	int fd = mnl_socket_get_fd(sd->requests);

	while (recv(fd, sd->buf, DUMP_BUFFER, MSG_DONTWAIT) > 0)
		;
}

static int run_dump(struct dump *d)
{
	size_t before = d->n;
	int r = -EAGAIN;

	for (int i = 0; i < DUMP_TRIES && r < 0; i++) {
		d->n = before;
		d->interrupted = d->full = false;
		if (d->map == NULL && !index_rows(d, d->sd->seen_size ? d->sd->seen_size : SEEN_FIRST))
			return -ENOMEM;
		r = run_once(d);
		if (r < 0)
			discard_pending(d->sd);
	}
	return r < 0 ? r : d->full ? -ENOSPC : 0;
}

int sockdiag_listeners_of(struct sockdiag *sd, uint16_t port, struct socket_row *rows, size_t max, size_t *ret_n)
{
	struct dump d = {
		.sd = sd,
		.protocol = IPPROTO_TCP,
		.port = port,
		.states = 1u << STATE_LISTEN,
		.rows = rows,
		.max = max,
	};
	bool full;
	int r;

	d.family = AF_INET;
	r = run_dump(&d);
	if (r < 0 && r != -ENOSPC)
		return r;
	full = r == -ENOSPC;
	d.family = AF_INET6;
	r = run_dump(&d);
	if (r < 0 && r != -ENOSPC && r != -ENOENT) /* a kernel without IPv6 */
		return r;
	*ret_n = d.n;
	return full || r == -ENOSPC ? -ENOSPC : 0;
}

int sockdiag_listeners(struct sockdiag *sd, struct socket_row *rows, size_t max, size_t *ret_n)
{
	return sockdiag_listeners_of(sd, 0, rows, max, ret_n);
}

static int first_row(struct sockdiag *sd, uint8_t protocol, uint32_t states, uint16_t port,
	bool (*wants)(const struct inet_diag_msg *m), struct socket_row *ret_row)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};

	for (size_t i = 0; i < 2; i++) {
		struct socket_row row;
		struct dump d = {
			.sd = sd,
			.protocol = protocol,
			.family = families[i],
			.states = states,
			.port = port,
			.wants = wants,
			.rows = &row,
			.max = 1,
		};
		int r = run_dump(&d);

		if (r < 0 && r != -ENOSPC && r != -ENOENT)
			return r;
		if (d.n > 0) {
			*ret_row = row;
			return 0;
		}
	}
	return -ENOENT;
}

static bool without_peer(const struct inet_diag_msg *m)
{
	return m->id.idiag_dport == 0;
}

static bool is_outgoing_state(const struct inet_diag_msg *m)
{
	return m->id.idiag_dport != 0;
}

static int map_ports(struct sockdiag *sd, uint8_t protocol, uint32_t states, bool (*wants)(const struct inet_diag_msg *m),
	struct port_map *ret)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < 2; i++) {
		struct dump d = {.sd = sd, .protocol = protocol, .family = families[i], .states = states, .wants = wants, .map = ret};
		int r = run_dump(&d);

		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

int sockdiag_bound_ports(struct sockdiag *sd, struct port_map *ret)
{
	return sd->shows_bound ? map_ports(sd, IPPROTO_TCP, 1u << STATE_BOUND_INACTIVE, without_peer, ret) : -EOPNOTSUPP;
}

int sockdiag_udp_ports(struct sockdiag *sd, struct port_map *ret)
{
	return map_ports(sd, IPPROTO_UDP, 1u << STATE_CLOSE, without_peer, ret);
}

int sockdiag_outgoing_ports(struct sockdiag *sd, struct port_map *ret)
{
	return map_ports(sd, IPPROTO_TCP, 1u << STATE_ESTABLISHED | 1u << STATE_SYN_SENT, is_outgoing_state, ret);
}

static int first_bound(struct sockdiag *sd, uint16_t port, struct socket_row *ret_row)
{
	return first_row(sd, IPPROTO_TCP, 1u << STATE_BOUND_INACTIVE, port, without_peer, ret_row);
}

int sockdiag_bound(struct sockdiag *sd, uint16_t port, struct socket_row *ret_row)
{
	return sd->shows_bound ? first_bound(sd, port, ret_row) : -EOPNOTSUPP;
}

/*
 * Whether the kernel dumps bound sockets is tried with one of our own, on a port that nobody else has: a kernel that does
 * not know the state answers with an empty dump, as one does in which nothing is bound.
 */
static bool shows_bound(struct sockdiag *sd)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t n = sizeof(sa);
	struct socket_row row;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool shows = fd >= 0 && bind(fd, (struct sockaddr *)(void *)&sa, sizeof(sa)) == 0 &&
		     getsockname(fd, (struct sockaddr *)(void *)&sa, &n) == 0 &&
		     first_bound(sd, ntohs(sa.sin_port), &row) == 0;

	if (fd >= 0)
		close(fd);
	return shows;
}

int sockdiag_udp(struct sockdiag *sd, uint16_t port, struct socket_row *ret_row)
{
	return first_row(sd, IPPROTO_UDP, 1u << STATE_CLOSE, port, without_peer, ret_row);
}

int sockdiag_outgoing(struct sockdiag *sd, uint16_t port, struct socket_row *ret_row)
{
	return first_row(sd, IPPROTO_TCP, 1u << STATE_ESTABLISHED | 1u << STATE_SYN_SENT, port,
		is_outgoing_state, ret_row);
}

struct connections {
	struct sockdiag *sd;
	bool all;
	struct connection *rows;
	size_t max, n, seen;
};

static int take_info(const struct nlattr *attr, void *data)
{
	struct connection *c = data;
	enum {
		RCV_WND = offsetof(struct tcp_info, tcpi_snd_wnd) + sizeof(uint32_t), /* since v6.2 */
	};
	struct tcp_info info;
	size_t n = mnl_attr_get_payload_len(attr);

	if (mnl_attr_get_type(attr) != INET_DIAG_INFO)
		return MNL_CB_OK;
	memset(&info, 0, sizeof(info)); /* older kernels have less of it, newer ones more */
	memcpy(&info, mnl_attr_get_payload(attr), n < sizeof(info) ? n : sizeof(info));
	c->retransmits = info.tcpi_retransmits;
	c->probes = info.tcpi_probes;
	c->mss = info.tcpi_snd_mss;
	c->unacked = info.tcpi_unacked;
	c->sacked = info.tcpi_sacked;
	c->data_in = info.tcpi_data_segs_in;
	c->idle_ms = info.tcpi_last_data_recv;
	c->received = info.tcpi_bytes_received;
	c->acked = info.tcpi_bytes_acked;
	c->sent = info.tcpi_bytes_sent;
	c->sent_idle_ms = info.tcpi_last_data_sent;
	c->window = -1;
	if (n >= RCV_WND + sizeof(c->window))
		memcpy(&c->window, (const char *)mnl_attr_get_payload(attr) + RCV_WND, sizeof(c->window));
	return MNL_CB_OK;
}

static int take_connection(struct sockdiag *sd, const struct nlmsghdr *nlh, struct connection *ret)
{
	struct connection c = {.closed = false};
	int r = take_row(sd, nlh, IPPROTO_TCP, &c.row);

	if (r < 0)
		return r;
	mnl_attr_parse(nlh, sizeof(struct inet_diag_msg), take_info, &c);
	*ret = c;
	return 0;
}

static int on_connection(const struct nlmsghdr *nlh, void *data)
{
	struct connections *d = data;
	struct connection c;

	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY || take_connection(d->sd, nlh, &c) < 0)
		return MNL_CB_OK;
	d->seen++;
	if (!d->all && c.row.inode != 0 && c.row.queue == 0 && c.retransmits < 2)
		return MNL_CB_OK;
	if (d->n < d->max)
		d->rows[d->n] = c;
	d->n++;
	return MNL_CB_OK;
}

/* One walk over one family. Rows twice in it do no harm: who looks at them goes by cookie. */
static int walk_connections(struct connections *d, uint8_t family, uint32_t states, uint16_t port)
{
	struct sockdiag *sd = d->sd;
	unsigned int portid = mnl_socket_get_portid(sd->requests);
	struct inet_diag_req_v2 *req;
	struct nlmsghdr *nlh = put_request(sd, IPPROTO_TCP, family, states, NLM_F_DUMP, &req);
	int r;

	req->idiag_ext |= 1u << (INET_DIAG_INFO - 1);
	put_port_filter(nlh, port);
	if (mnl_socket_sendto(sd->requests, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t n = mnl_socket_recvfrom(sd->requests, sd->buf, DUMP_BUFFER);

		r = n < 0 ? -1 : mnl_cb_run(sd->buf, (size_t)n, sd->seq, portid, on_connection, d);
	} while (r > MNL_CB_STOP);
	if (r < 0) {
		r = -errno;
		discard_pending(sd);
	}
	return r;
}

int sockdiag_connections(struct sockdiag *sd, uint16_t port, bool all, struct connection *rows, size_t max,
	size_t *ret_n)
{
	struct connections d = {.sd = sd, .all = all, .rows = rows, .max = max};
	uint32_t states = 1u << STATE_ESTABLISHED | 1u << STATE_CLOSE_WAIT;
	int r = walk_connections(&d, AF_INET, states, port);

	if (r == 0)
		r = walk_connections(&d, AF_INET6, states, port);
	if (r < 0 && r != -ENOENT) /* a kernel without IPv6 */
		return r;
	*ret_n = d.n < max ? d.n : max;
	return d.n > max ? -ENOSPC : 0;
}

enum {
	ENDS = 64, /* remote ends that are counted side by side */
};

struct ends {
	uint16_t low, high;
	struct {
		struct ip peer;
		uint16_t port;
		uint32_t n;
	} ends[ENDS];
};

/* The one that few lead to makes room (Misra and Gries): whatever has more than a share of 1 in ENDS stays. */
static int count_end(const struct nlmsghdr *nlh, void *data)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	struct ends *e = data;
	uint16_t local, port;
	struct ip peer;
	int free_slot = -1;

	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY || mnl_nlmsg_get_payload_len(nlh) < sizeof(*m) ||
		(m->idiag_family != AF_INET && m->idiag_family != AF_INET6) || m->id.idiag_dport == 0)
		return MNL_CB_OK;
	local = ntohs(m->id.idiag_sport);
	port = ntohs(m->id.idiag_dport);
	if (local < e->low || local > e->high)
		return MNL_CB_OK;
	peer = diag_ip(m->idiag_family, m->id.idiag_dst);
	for (int i = 0; i < ENDS; i++) {
		if (e->ends[i].n == 0) {
			free_slot = free_slot < 0 ? i : free_slot;
		} else if (e->ends[i].port == port && ip_equal(&e->ends[i].peer, &peer)) {
			e->ends[i].n++;
			return MNL_CB_OK;
		}
	}
	if (free_slot >= 0) {
		e->ends[free_slot].peer = peer;
		e->ends[free_slot].port = port;
		e->ends[free_slot].n = 1;
		return MNL_CB_OK;
	}
	for (int i = 0; i < ENDS; i++)
		e->ends[i].n--;
	return MNL_CB_OK;
}

int sockdiag_busiest(struct sockdiag *sd, uint16_t low, uint16_t high, struct socket_row *ret_row, uint32_t *ret_n)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct ends e = {.low = low, .high = high};

	for (size_t f = 0; f < sizeof(families); f++) {
		struct inet_diag_req_v2 *req;
		/* Every state with a peer of its own but SYN_RECV, which has no port of ours to spare. */
		uint32_t states = UINT32_MAX & ~(1u << STATE_LISTEN | 1u << STATE_CLOSE | 1u << STATE_SYN_RECV | 1u << STATE_NEW_SYN_RECV |
					 1u << STATE_BOUND_INACTIVE);
		struct nlmsghdr *nlh = put_request(sd, IPPROTO_TCP, families[f], states, NLM_F_DUMP, &req);
		int r;

		if (mnl_socket_sendto(sd->requests, nlh, nlh->nlmsg_len) < 0)
			return -errno;
		do {
			ssize_t n = mnl_socket_recvfrom(sd->requests, sd->buf, DUMP_BUFFER);

			r = n < 0 ? -1 : mnl_cb_run(sd->buf, (size_t)n, sd->seq, mnl_socket_get_portid(sd->requests), count_end, &e);
		} while (r > MNL_CB_STOP);
		if (r < 0) {
			r = -errno;
			discard_pending(sd);
			if (r != -ENOENT && r != -EINTR) /* no IPv6; a table that changed meanwhile is counted well enough */
				return r;
		}
	}
	*ret_n = 0;
	for (int i = 0; i < ENDS; i++)
		if (e.ends[i].n > *ret_n) {
			*ret_n = e.ends[i].n;
			ret_row->peer = e.ends[i].peer;
			ret_row->peer_port = e.ends[i].port;
		}
	return 0;
}

int sockdiag_half_open(struct sockdiag *sd, uint16_t port)
{
	struct connections d = {.sd = sd, .all = true};
	int r = walk_connections(&d, AF_INET, 1u << STATE_SYN_RECV, port);

	if (r == 0)
		r = walk_connections(&d, AF_INET6, 1u << STATE_SYN_RECV, port);
	return r < 0 && r != -ENOENT ? r : (int)(d.seen < INT32_MAX ? d.seen : INT32_MAX);
}

static void put_ip(__be32 *words, const struct ip *ip, bool v6)
{
	if (v6)
		memcpy(words, ip->b, 16);
	else
		memcpy(words, ip->b + 12, 4);
}

/* Asks for the socket of a 4-tuple; its message is at the beginning of sd->buf then. */
static int look_up(struct sockdiag *sd, const struct question *q, bool info, const struct nlmsghdr **ret_nlh)
{
	bool v6 = !ip_is_v4(&q->addr);
	struct inet_diag_req_v2 *req;
	struct nlmsghdr *nlh = put_request(sd, IPPROTO_TCP, v6 ? AF_INET6 : AF_INET, UINT32_MAX, 0, &req);
	ssize_t n;

	if (info)
		req->idiag_ext |= 1u << (INET_DIAG_INFO - 1);
	req->id.idiag_sport = htons(q->port);
	req->id.idiag_dport = htons(q->peer_port);
	put_ip(req->id.idiag_src, &q->addr, v6);
	put_ip(req->id.idiag_dst, &q->peer, v6);
	req->id.idiag_if = q->ifindex;
	req->id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	req->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	if (mnl_socket_sendto(sd->requests, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(sd->requests, sd->buf, DUMP_BUFFER);
	if (n < 0) {
		int r = -errno;

		discard_pending(sd);
		return r;
	}
	nlh = (struct nlmsghdr *)(void *)sd->buf;
	if (!mnl_nlmsg_ok(nlh, (int)n) || nlh->nlmsg_seq != sd->seq)
		return -EBADMSG;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);

		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*err) || err->error >= 0)
			return -EBADMSG;
		return err->error;
	}
	*ret_nlh = nlh;
	return 0;
}

int sockdiag_lookup(struct sockdiag *sd, const struct question *q, struct socket_row *ret_row)
{
	const struct nlmsghdr *nlh;
	int r = look_up(sd, q, false, &nlh);

	return r < 0 ? r : take_row(sd, nlh, IPPROTO_TCP, ret_row);
}

int sockdiag_connection(struct sockdiag *sd, const struct question *q, struct connection *ret)
{
	const struct nlmsghdr *nlh;
	int r = look_up(sd, q, true, &nlh);

	return r < 0 ? r : take_connection(sd, nlh, ret);
}

int sockdiag_events_fd(const struct sockdiag *sd)
{
	return mnl_socket_get_fd(sd->events);
}

int sockdiag_next_destroyed(struct sockdiag *sd, struct connection *ret)
{
	char buf[4096];
	struct nlmsghdr *nlh = (struct nlmsghdr *)(void *)buf;
	ssize_t n = mnl_socket_recvfrom(sd->events, buf, sizeof(buf));

	if (n < 0)
		return -errno;
	if (!mnl_nlmsg_ok(nlh, (int)n) || take_connection(sd, nlh, ret) < 0)
		return -EBADMSG;
	ret->closed = true;
	return 0;
}
