/* nftrace_rule.c - the messages that make our tables, chains and rules. */
#include "nftrace_rule.h"
#include "collect/nftrace.h"

#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>

enum {
	PRIORITY = INT_MIN,
	OFFSET_FLAGS = 13,
	FLAG_FIN = 0x01,
	FLAG_SYN = 0x02,
	FLAG_RST = 0x04,
	FLAG_ACK = 0x10,
};

static struct nlmsghdr *add_message(struct nftrace_batch *b, uint16_t type, uint16_t flags, uint8_t family, uint16_t res_id)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(b->buf + b->used);
	struct nfgenmsg *g;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = b->last = ++*b->seq;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	g->res_id = htons(res_id);
	return nlh;
}

static struct nlmsghdr *add_command(struct nftrace_batch *b, uint16_t type, uint16_t flags, uint8_t family)
{
	return add_message(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, family, 0);
}

static struct nlmsghdr *finish(struct nftrace_batch *b, struct nlmsghdr *nlh)
{
	b->used += MNL_ALIGN(nlh->nlmsg_len);
	return nlh;
}

struct nlmsghdr *nftrace_add_begin(struct nftrace_batch *b)
{
	return finish(b, add_message(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
}

struct nlmsghdr *nftrace_add_end(struct nftrace_batch *b)
{
	return finish(b, add_message(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
}

/* --- the rule --- */

struct expr {
	struct nlattr *element, *data;
};

static struct expr begin_expr(struct nlmsghdr *nlh, const char *name)
{
	struct expr e;

	e.element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, name);
	e.data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	return e;
}

static void end_expr(struct nlmsghdr *nlh, struct expr e)
{
	mnl_attr_nest_end(nlh, e.data);
	mnl_attr_nest_end(nlh, e.element);
}

static void put_be32(struct nlmsghdr *nlh, uint16_t type, uint32_t v)
{
	mnl_attr_put_u32(nlh, type, htonl(v));
}

static void put_value(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t n)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put(nlh, NFTA_DATA_VALUE, n, data);
	mnl_attr_nest_end(nlh, nest);
}

static void put_compare(struct nlmsghdr *nlh, const void *data, size_t n)
{
	struct expr e = begin_expr(nlh, "cmp");

	put_be32(nlh, NFTA_CMP_SREG, NFT_REG_1);
	put_be32(nlh, NFTA_CMP_OP, NFT_CMP_EQ);
	put_value(nlh, NFTA_CMP_DATA, data, n);
	end_expr(nlh, e);
}

static void put_meta_is(struct nlmsghdr *nlh, uint32_t key, const void *data, size_t n)
{
	struct expr e = begin_expr(nlh, "meta");

	put_be32(nlh, NFTA_META_DREG, NFT_REG_1);
	put_be32(nlh, NFTA_META_KEY, key);
	end_expr(nlh, e);
	put_compare(nlh, data, n);
}

static void put_payload(struct nlmsghdr *nlh, uint32_t base, uint32_t offset, uint32_t n)
{
	struct expr e = begin_expr(nlh, "payload");

	put_be32(nlh, NFTA_PAYLOAD_DREG, NFT_REG_1);
	put_be32(nlh, NFTA_PAYLOAD_BASE, base);
	put_be32(nlh, NFTA_PAYLOAD_OFFSET, offset);
	put_be32(nlh, NFTA_PAYLOAD_LEN, n);
	end_expr(nlh, e);
}

static void put_flags_are(struct nlmsghdr *nlh, uint8_t flags)
{
	static const uint8_t mask = FLAG_FIN | FLAG_SYN | FLAG_RST | FLAG_ACK, none;
	struct expr e;

	put_payload(nlh, NFT_PAYLOAD_TRANSPORT_HEADER, OFFSET_FLAGS, 1);
	e = begin_expr(nlh, "bitwise");
	put_be32(nlh, NFTA_BITWISE_SREG, NFT_REG_1);
	put_be32(nlh, NFTA_BITWISE_DREG, NFT_REG_1);
	put_be32(nlh, NFTA_BITWISE_LEN, 1);
	put_value(nlh, NFTA_BITWISE_MASK, &mask, 1);
	put_value(nlh, NFTA_BITWISE_XOR, &none, 1);
	end_expr(nlh, e);
	put_compare(nlh, &flags, 1);
}

static void put_limit(struct nlmsghdr *nlh)
{
	struct expr e = begin_expr(nlh, "limit");

	mnl_attr_put_u64(nlh, NFTA_LIMIT_RATE, htobe64(NFTRACE_PER_SECOND));
	mnl_attr_put_u64(nlh, NFTA_LIMIT_UNIT, htobe64(1)); /* second */
	put_be32(nlh, NFTA_LIMIT_BURST, NFTRACE_PER_SECOND);
	put_be32(nlh, NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS);
	put_be32(nlh, NFTA_LIMIT_FLAGS, 0);
	end_expr(nlh, e);
}

static void put_trace(struct nlmsghdr *nlh)
{
	static const uint8_t yes = 1;
	struct expr e = begin_expr(nlh, "immediate");

	put_be32(nlh, NFTA_IMMEDIATE_DREG, NFT_REG_1);
	put_value(nlh, NFTA_IMMEDIATE_DATA, &yes, 1);
	end_expr(nlh, e);
	e = begin_expr(nlh, "meta");
	put_be32(nlh, NFTA_META_KEY, NFT_META_NFTRACE);
	put_be32(nlh, NFTA_META_SREG, NFT_REG_1);
	end_expr(nlh, e);
}

/* In the netdev family `meta nfproto` is that of the hook, so there it is the EtherType that tells. */
static void put_family_is(struct nlmsghdr *nlh, uint8_t family, bool v6)
{
	uint16_t ethertype = htons(v6 ? ETH_P_IPV6 : ETH_P_IP);
	uint8_t nfproto = v6 ? NFPROTO_IPV6 : NFPROTO_IPV4;

	if (family == NFPROTO_NETDEV)
		put_meta_is(nlh, NFT_META_PROTOCOL, &ethertype, sizeof(ethertype));
	else
		put_meta_is(nlh, NFT_META_NFPROTO, &nfproto, sizeof(nfproto));
}

/* What most packets fail comes first. */
struct nlmsghdr *nftrace_add_rule(struct nftrace_batch *b, const char *table, uint8_t family, const char *chain,
	const struct nftrace_wish *w, bool out)
{
	struct nlmsghdr *nlh = add_command(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, family);
	uint32_t at = w->v6 ? (out ? 24 : 8) : out ? 16 : 12, n = w->v6 ? 16 : 4;
	uint16_t port = htons(w->port);
	uint8_t tcp = IPPROTO_TCP;
	struct nlattr *list;

	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain);
	list = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
	put_family_is(nlh, family, w->v6);
	put_meta_is(nlh, NFT_META_L4PROTO, &tcp, sizeof(tcp));
	put_payload(nlh, NFT_PAYLOAD_TRANSPORT_HEADER, out ? 0 : 2, sizeof(port));
	put_compare(nlh, &port, sizeof(port));
	put_flags_are(nlh, out ? FLAG_SYN | FLAG_ACK : FLAG_SYN);
	if (!w->any) {
		put_payload(nlh, NFT_PAYLOAD_NETWORK_HEADER, at, n);
		put_compare(nlh, w->v6 ? w->peer.b : w->peer.b + 12, n);
	}
	put_limit(nlh);
	put_trace(nlh);
	mnl_attr_nest_end(nlh, list);
	return finish(b, nlh);
}

/* --- tables and chains --- */

/* Its comment is for whoever lists the ruleset meanwhile: a type-length-value as nft writes it (libnftnl udata.h). */
struct nlmsghdr *nftrace_add_table(struct nftrace_batch *b, const char *table, uint8_t family)
{
	static const char comment[] = "\0\x31" "temporary: tcpwhy names the rule that drops SYNs";
	struct nlmsghdr *nlh = add_command(b, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, family);

	_Static_assert(sizeof(comment) - 2 == 0x31, "the comment's length, with its NUL");
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
	put_be32(nlh, NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
	mnl_attr_put(nlh, NFTA_TABLE_USERDATA, sizeof(comment), comment);
	return finish(b, nlh);
}

struct nlmsghdr *nftrace_add_removal(struct nftrace_batch *b, const char *table, uint8_t family)
{
	struct nlmsghdr *nlh = add_command(b, NFT_MSG_DELTABLE, 0, family);

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
	return finish(b, nlh);
}

struct nlmsghdr *nftrace_add_chain(struct nftrace_batch *b, const char *table, uint8_t family, const char *chain,
	uint32_t hook, const char (*devices)[IF_NAMESIZE], size_t n_devices)
{
	struct nlmsghdr *nlh = add_command(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, family);
	struct nlattr *nest, *list;

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, chain);
	nest = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
	put_be32(nlh, NFTA_HOOK_HOOKNUM, hook);
	put_be32(nlh, NFTA_HOOK_PRIORITY, (uint32_t)PRIORITY);
	if (n_devices > 0) {
		list = mnl_attr_nest_start(nlh, NFTA_HOOK_DEVS);
		for (size_t i = 0; i < n_devices; i++)
			mnl_attr_put_strz(nlh, NFTA_DEVICE_NAME, devices[i]);
		mnl_attr_nest_end(nlh, list);
	}
	mnl_attr_nest_end(nlh, nest);
	put_be32(nlh, NFTA_CHAIN_POLICY, NF_ACCEPT);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, "filter");
	return finish(b, nlh);
}
