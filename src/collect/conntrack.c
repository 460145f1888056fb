/* conntrack.c - one flow of connection tracking, by ctnetlink. */
#include "conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void put_ip(struct nlmsghdr *msg, int type4, int type6, const struct ip *ip)
{
	if (ip_is_v4(ip))
		mnl_attr_put(msg, (uint16_t)type4, 4, ip->b + 12);
	else
		mnl_attr_put(msg, (uint16_t)type6, 16, ip->b);
}

static void put_tuple(struct nlmsghdr *msg, const struct ip *src, uint16_t sport, const struct ip *dst, uint16_t dport)
{
	struct nlattr *tuple = mnl_attr_nest_start(msg, CTA_TUPLE_ORIG), *nest;

	nest = mnl_attr_nest_start(msg, CTA_TUPLE_IP);
	put_ip(msg, CTA_IP_V4_SRC, CTA_IP_V6_SRC, src);
	put_ip(msg, CTA_IP_V4_DST, CTA_IP_V6_DST, dst);
	mnl_attr_nest_end(msg, nest);
	nest = mnl_attr_nest_start(msg, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(msg, CTA_PROTO_NUM, IPPROTO_TCP);
	mnl_attr_put_u16(msg, CTA_PROTO_SRC_PORT, htons(sport));
	mnl_attr_put_u16(msg, CTA_PROTO_DST_PORT, htons(dport));
	mnl_attr_nest_end(msg, nest);
	mnl_attr_nest_end(msg, tuple);
}

static int take_address(const struct nlattr *attr, void *ctx)
{
	struct tracked_flow *f = ctx;

	if (mnl_attr_get_type(attr) == CTA_IP_V4_SRC && mnl_attr_get_payload_len(attr) == 4)
		f->target = ip_from_v4(mnl_attr_get_payload(attr));
	if (mnl_attr_get_type(attr) == CTA_IP_V6_SRC && mnl_attr_get_payload_len(attr) == 16)
		f->target = ip_from_v6(mnl_attr_get_payload(attr));
	return MNL_CB_OK;
}

static int take_port(const struct nlattr *attr, void *ctx)
{
	struct tracked_flow *f = ctx;

	if (mnl_attr_get_type(attr) == CTA_PROTO_SRC_PORT && mnl_attr_get_payload_len(attr) == 2)
		f->target_port = ntohs(mnl_attr_get_u16(attr));
	return MNL_CB_OK;
}

/* The answers' own source is where the flow leads to. */
static int take_reply(const struct nlattr *attr, void *ctx)
{
	if (mnl_attr_get_type(attr) == CTA_TUPLE_IP)
		return mnl_attr_parse_nested(attr, take_address, ctx);
	if (mnl_attr_get_type(attr) == CTA_TUPLE_PROTO)
		return mnl_attr_parse_nested(attr, take_port, ctx);
	return MNL_CB_OK;
}

static int take_flow(const struct nlmsghdr *msg, void *ctx)
{
	const struct nlattr *attr;
	struct tracked_flow *f = ctx;

	mnl_attr_for_each(attr, msg, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) == CTA_STATUS && mnl_attr_get_payload_len(attr) == 4)
			f->replied = ntohl(mnl_attr_get_u32(attr)) & IPS_SEEN_REPLY;
		if (mnl_attr_get_type(attr) == CTA_TUPLE_REPLY)
			mnl_attr_parse_nested(attr, take_reply, f);
	}
	f->found = true;
	return MNL_CB_OK;
}

static int ask(struct mnl_socket *nl, struct nlmsghdr *msg, struct tracked_flow *ret)
{
	char buf[8192];
	uint32_t seq = msg->nlmsg_seq = (uint32_t)time(NULL);
	ssize_t n;

	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 || mnl_socket_sendto(nl, msg, msg->nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (n < 0 || mnl_cb_run(buf, (size_t)n, seq, mnl_socket_get_portid(nl), take_flow, ret) < 0)
		return errno == EOPNOTSUPP || errno == EINVAL ? -EPROTONOSUPPORT : -errno;
	return ret->found ? 0 : -ENOENT;
}

/* One look-up, by the tuple of either direction. */
static int find(const struct ip *src, uint16_t sport, const struct ip *dst, uint16_t dport, struct tracked_flow *ret)
{
	struct mnl_socket *nl;
	struct nlmsghdr *msg;
	struct nfgenmsg *nfg;
	char buf[512];
	int r;

	nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!nl)
		return -errno;
	msg = mnl_nlmsg_put_header(buf);
	msg->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	msg->nlmsg_flags = NLM_F_REQUEST;
	nfg = mnl_nlmsg_put_extra_header(msg, sizeof(*nfg));
	nfg->nfgen_family = ip_is_v4(src) ? AF_INET : AF_INET6;
	nfg->version = NFNETLINK_V0;
	put_tuple(msg, src, sport, dst, dport);
	r = ask(nl, msg, ret);
	mnl_socket_close(nl);
	return r;
}

int conntrack_find(const struct ip *client, uint16_t client_port, const struct ip *server, uint16_t server_port,
	struct tracked_flow *ret)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	/* A first question would load the module (nfnetlink_rcv_msg, v6.18), and tracking with it. */
	if (access("/proc/sys/net/netfilter/nf_conntrack_count", F_OK) < 0)
		return -EPROTONOSUPPORT;
	r = find(client, client_port, server, server_port, ret);
	/* A socket behind translation has the ends of the answers. */
	return r == -ENOENT ? find(server, server_port, client, client_port, ret) : r;
}
