/* firewall_load.c - what a packet's expressions load into registers, as far as it is known. */
#include "firewall_eval.h"

#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <string.h>

enum {
	STATE_UNTRACKED = 1 << 6, /* NF_CT_STATE_UNTRACKED_BIT */
};

/* --- registers --- */

/* All of the words that n bytes take, those past n zero as nft_payload.c and nft_reg_store8() leave them. */
void fw_store(struct fw_walk *w, uint32_t word, const uint8_t *v, const uint8_t *k, size_t n)
{
	size_t at = (size_t)word * 4, end = at + ((n + 3) & ~(size_t)3);

	if (end > FW_REG_BYTES)
		return;
	memset(w->regs.v + at, 0, end - at);
	memset(w->regs.k + at, 0xff, end - at);
	for (size_t i = 0; i < n; i++) {
		w->regs.k[at + i] = k ? k[i] : 0xff;
		w->regs.v[at + i] = v ? v[i] & w->regs.k[at + i] : 0;
	}
	for (size_t i = word; i < end / 4; i++)
		w->regs.except[i] = -1;
}

void fw_store_unknown(struct fw_walk *w, uint32_t word, size_t n)
{
	static const uint8_t none[FW_REG_BYTES];

	n = (n + 3) & ~(size_t)3;
	if (word * 4 + n > FW_REG_BYTES)
		n = FW_REG_BYTES - word * 4;
	fw_store(w, word, none, none, n);
}

static void store_u32(struct fw_walk *w, uint32_t word, uint32_t value)
{
	fw_store(w, word, (const uint8_t *)&value, NULL, sizeof(value));
}

static void store_u16(struct fw_walk *w, uint32_t word, uint16_t value)
{
	fw_store(w, word, (const uint8_t *)&value, NULL, sizeof(value));
}

static void store_u8(struct fw_walk *w, uint32_t word, uint8_t value)
{
	fw_store(w, word, &value, NULL, 1);
}

static void store_name(struct fw_walk *w, uint32_t word, const char *name)
{
	uint8_t bytes[FW_NAME_BYTES] = {0};

	if (name[0] == '\0') {
		fw_store_unknown(w, word, sizeof(bytes));
		return;
	}
	memcpy(bytes, name, strnlen(name, sizeof(bytes)));
	fw_store(w, word, bytes, NULL, sizeof(bytes));
}

/* --- the packet --- */

void fw_load_header(struct fw_walk *w, const struct fw_expr *e)
{
	const uint8_t *v = e->base == NFT_PAYLOAD_NETWORK_HEADER ? w->s.nh : w->s.th;
	const uint8_t *k = e->base == NFT_PAYLOAD_NETWORK_HEADER ? w->s.nh_known : w->s.th_known;
	size_t have = e->base == NFT_PAYLOAD_TRANSPORT_HEADER ? sizeof(w->s.th) : w->p->v6 ? 40u : 20u;
	uint8_t value[FW_REG_BYTES] = {0}, known[FW_REG_BYTES] = {0};

	if (e->base == NFT_PAYLOAD_NETWORK_HEADER || e->base == NFT_PAYLOAD_TRANSPORT_HEADER)
		for (size_t i = 0; i < e->len && e->offset + i < have; i++) {
			value[i] = v[e->offset + i];
			known[i] = k[e->offset + i];
		}
	fw_store(w, e->dreg, value, known, e->len);
}

void fw_write_header(struct fw_walk *w, const struct fw_expr *e, enum fw_tri match)
{
	bool network = e->base == NFT_PAYLOAD_NETWORK_HEADER;
	uint8_t *v = network ? w->s.nh : w->s.th, *k = network ? w->s.nh_known : w->s.th_known;
	size_t have = network ? (w->p->v6 ? 40u : 20u) : sizeof(w->s.th);

	if (!network && e->base != NFT_PAYLOAD_TRANSPORT_HEADER)
		return;
	for (size_t i = 0; i < e->len && e->offset + i < have; i++) {
		size_t from = e->sreg * 4u + i, to = e->offset + i;

		if (match == FW_YES) {
			v[to] = w->regs.v[from];
			k[to] = w->regs.k[from];
		} else {
			fw_join_bits(v + to, k + to, w->regs.v + from, w->regs.k + from, 1);
		}
	}
}

/* --- addresses --- */

struct ip fw_ip_of(const struct fw_walk *w, const uint8_t *v)
{
	return w->p->v6 ? ip_from_v6(v) : ip_from_v4(v);
}

enum fw_tri fw_is_local(const struct fw_walk *w, const uint8_t *v, const uint8_t *k)
{
	struct ip ip;

	if (!fw_is_known(k, w->p->v6 ? 16 : 4))
		return FW_MAYBE;
	ip = fw_ip_of(w, v);
	if (ip_is_loopback(&ip))
		return FW_YES;
	if (!w->p->is_local)
		return FW_MAYBE;
	return w->p->is_local(w->p->ctx, &ip) ? FW_YES : FW_NO;
}

/* fib ... type: enum rt_type. What is not local and no group is most often unicast, but may be a broadcast. */
static void load_type(struct fw_walk *w, const struct fw_expr *e, const uint8_t *v, const uint8_t *k)
{
	bool destination = e->flags & NFTA_FIB_F_DADDR, device = e->flags & (NFTA_FIB_F_IIF | NFTA_FIB_F_OIF);
	enum fw_tri local = destination && w->s.dst_asked ? w->s.dst_local : fw_is_local(w, v, k);

	fw_store_unknown(w, e->dreg, 4);
	if (fw_is_known(k, 1) && (w->p->v6 ? v[0] == 0xff : v[0] >= 224 && v[0] < 240)) {
		store_u32(w, e->dreg, RTN_MULTICAST);
	} else if (local == FW_YES && !device) {
		store_u32(w, e->dreg, RTN_LOCAL);
	} else if (local == FW_NO) {
		w->regs.except[e->dreg] = RTN_LOCAL;
	}
}

/* fib saddr . iif oif, as the reverse path check asks: known when the way back is the way it came. */
static void load_interface(struct fw_walk *w, const struct fw_expr *e, const uint8_t *v, const uint8_t *k)
{
	char name[16] = "";
	uint32_t index = 0;
	struct ip ip;

	fw_store_unknown(w, e->dreg, e->key == NFT_FIB_RESULT_OIFNAME ? FW_NAME_BYTES : 4);
	if (!w->p->route || !fw_is_known(k, w->p->v6 ? 16 : 4) || !(e->flags & NFTA_FIB_F_SADDR) ||
		!(e->flags & NFTA_FIB_F_IIF) || !w->iif_index)
		return;
	ip = fw_ip_of(w, v);
	w->p->route(w->p->ctx, &ip, name, &index);
	if (index != w->iif_index)
		return;
	if (e->flags & NFTA_FIB_F_PRESENT)
		store_u8(w, e->dreg, 1);
	else if (e->key == NFT_FIB_RESULT_OIFNAME)
		store_name(w, e->dreg, name);
	else
		store_u32(w, e->dreg, index);
}

void fw_eval_fib(struct fw_walk *w, const struct fw_expr *e)
{
	size_t at = w->p->v6 ? (e->flags & NFTA_FIB_F_DADDR ? 24 : 8) : e->flags & NFTA_FIB_F_DADDR ? 16 : 12;

	if (e->key == NFT_FIB_RESULT_ADDRTYPE)
		load_type(w, e, w->s.nh + at, w->s.nh_known + at);
	else
		load_interface(w, e, w->s.nh + at, w->s.nh_known + at);
}

/* --- meta --- */

static bool hook_has_in(const struct fw_walk *w)
{
	return w->netdev ? w->hook == NF_NETDEV_INGRESS
			 : w->hook == NF_INET_PRE_ROUTING || w->hook == NF_INET_LOCAL_IN ||
				   w->hook == NF_INET_FORWARD || w->hook == NF_INET_INGRESS;
}

static bool hook_has_out(const struct fw_walk *w)
{
	return w->netdev ? w->hook == NF_NETDEV_EGRESS
			 : w->hook == NF_INET_FORWARD || w->hook == NF_INET_LOCAL_OUT ||
				   w->hook == NF_INET_POST_ROUTING;
}

/*
 * Where a hook has no such interface its index is 0 and its name is empty (nft_meta_store_ifname()). What
 * postrouting is told as the interface that a forwarded packet came by differs from one kernel to the other.
 */
static enum fw_tri load_device(struct fw_walk *w, const struct fw_expr *e, bool in, bool name)
{
	bool has = in ? hook_has_in(w) : hook_has_out(w);
	uint32_t index = in ? w->iif_index : w->oif_index;
	uint8_t none[FW_NAME_BYTES] = {0};

	if (!has && !(in && !w->netdev && w->hook == NF_INET_POST_ROUTING && w->p->path == FIREWALL_IN))
		fw_store(w, e->dreg, none, NULL, name ? FW_NAME_BYTES : 4);
	else if (!has)
		fw_store_unknown(w, e->dreg, name ? FW_NAME_BYTES : 4);
	else if (name)
		store_name(w, e->dreg, in ? w->iif : w->oif);
	else if (index)
		store_u32(w, e->dreg, index);
	else
		fw_store_unknown(w, e->dreg, 4);
	return FW_YES;
}

static void load_device_type(struct fw_walk *w, const struct fw_expr *e, const char *name)
{
	if (strcmp(name, "lo") == 0)
		store_u16(w, e->dreg, ARPHRD_LOOPBACK);
	else
		fw_store_unknown(w, e->dreg, 4);
}

enum fw_tri fw_eval_meta(struct fw_walk *w, const struct fw_expr *e)
{
	switch (e->key) {
	case NFT_META_PROTOCOL:
		store_u16(w, e->dreg, htons(w->p->v6 ? ETH_P_IPV6 : ETH_P_IP));
		return FW_YES;
	case NFT_META_NFPROTO:
		/* In the netdev family this is the family of the hook */
		store_u8(w, e->dreg, w->netdev ? NFPROTO_NETDEV : w->p->v6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
		return FW_YES;
	case NFT_META_L4PROTO:
		store_u8(w, e->dreg, IPPROTO_TCP);
		return FW_YES;
	case NFT_META_MARK:
		fw_store(w, e->dreg, w->s.mark, w->s.mark_known, 4);
		return FW_YES;
	case NFT_META_IIF:
	case NFT_META_IIFNAME:
		return load_device(w, e, true, e->key == NFT_META_IIFNAME);
	case NFT_META_OIF:
	case NFT_META_OIFNAME:
		return load_device(w, e, false, e->key == NFT_META_OIFNAME);
	case NFT_META_IIFTYPE:
		load_device_type(w, e, hook_has_in(w) ? w->iif : "");
		return FW_MAYBE;
	case NFT_META_OIFTYPE:
		load_device_type(w, e, hook_has_out(w) ? w->oif : "");
		return FW_MAYBE;
	case NFT_META_PKTTYPE: /* past ip_rcv() a TCP segment that came in is for this host's link address */
		if (w->p->path == FIREWALL_IN && !w->netdev && strcmp(w->iif, "lo") != 0 && w->iif[0] != '\0' &&
			w->hook != NF_INET_INGRESS)
			store_u8(w, e->dreg, 0);
		else
			fw_store_unknown(w, e->dreg, 4);
		return FW_YES;
	default:
		fw_store_unknown(w, e->dreg, FW_NAME_BYTES);
		return FW_MAYBE;
	}
}

void fw_set_mark(struct fw_walk *w, enum fw_tri match, const uint8_t *v, const uint8_t *k)
{
	if (match == FW_YES) {
		memcpy(w->s.mark, v, 4);
		memcpy(w->s.mark_known, k, 4);
	} else {
		fw_join_bits(w->s.mark, w->s.mark_known, v, k, 4);
	}
}

void fw_eval_meta_set(struct fw_walk *w, const struct fw_expr *e, enum fw_tri match)
{
	if (e->key == NFT_META_MARK)
		fw_set_mark(w, match, w->regs.v + e->sreg * 4, w->regs.k + e->sreg * 4);
}

/* --- connection tracking --- */

/*
 * The state bits as nft_ct_get_eval() gives them: without an entry, invalid, or untracked if the packet was
 * marked so. MAYBE: not known.
 */
enum fw_tri fw_ct_state(const struct fw_walk *w, uint32_t *ret_bits)
{
	static const uint32_t bits[] = {
		NF_CT_STATE_BIT(IP_CT_NEW), NF_CT_STATE_BIT(IP_CT_ESTABLISHED), NF_CT_STATE_BIT(IP_CT_RELATED),
		NF_CT_STATE_INVALID_BIT, STATE_UNTRACKED,
	};

	if (w->s.untracked == FW_MAYBE || (w->ct_active == FW_MAYBE && w->s.untracked == FW_NO))
		return FW_MAYBE;
	if (w->s.untracked == FW_YES) {
		*ret_bits = STATE_UNTRACKED;
		return FW_YES;
	}
	*ret_bits = NF_CT_STATE_INVALID_BIT;
	for (size_t i = 0; w->ct_active == FW_YES && i < sizeof(bits) / sizeof(bits[0]); i++)
		if (w->ct == 1u << i)
			*ret_bits = bits[i];
	return FW_YES;
}

static void load_status(struct fw_walk *w, const struct fw_expr *e)
{
	uint32_t v = 0, k = 0;

	if (w->ct == FIREWALL_CT_NEW) {
		k = IPS_EXPECTED | IPS_SEEN_REPLY | IPS_ASSURED;
		if (w->p->path == FIREWALL_IN && w->s.changed != FW_MAYBE)
			k |= IPS_DST_NAT;
		v = w->s.changed == FW_YES ? IPS_DST_NAT : 0;
	} else if (w->ct == FIREWALL_CT_ESTABLISHED) {
		k = v = IPS_SEEN_REPLY; /* that is what makes it so */
	}
	v &= k;
	fw_store(w, e->dreg, (const uint8_t *)&v, (const uint8_t *)&k, 4);
}

/* Addresses and ports of the original direction of a new connection are those that the packet came with. */
static void load_tuple(struct fw_walk *w, const struct fw_expr *e, const struct ip *ip, uint16_t port, bool is_port)
{
	bool known = w->ct == FIREWALL_CT_NEW && e->sub == IP_CT_DIR_ORIGINAL && w->p->path == FIREWALL_IN;

	if (!known)
		fw_store_unknown(w, e->dreg, is_port ? 4 : 16);
	else if (is_port)
		store_u16(w, e->dreg, htons(port));
	else
		fw_store(w, e->dreg, w->p->v6 ? ip->b : ip->b + 12, NULL, w->p->v6 ? 16 : 4);
}

enum fw_tri fw_eval_ct(struct fw_walk *w, const struct fw_expr *e)
{
	uint32_t bits = 0;

	if (e->key == NFT_CT_STATE) {
		if (fw_ct_state(w, &bits) == FW_YES)
			store_u32(w, e->dreg, bits);
		else
			fw_store_unknown(w, e->dreg, 4);
		return FW_YES;
	}
	if (fw_ct_state(w, &bits) == FW_YES && bits & (NF_CT_STATE_INVALID_BIT | STATE_UNTRACKED))
		return FW_NO; /* there is no entry to ask */
	switch (e->key) {
	case NFT_CT_DIRECTION:
		store_u8(w, e->dreg, w->p->reply ? IP_CT_DIR_REPLY : IP_CT_DIR_ORIGINAL);
		return FW_YES;
	case NFT_CT_STATUS:
		load_status(w, e);
		return FW_YES;
	case NFT_CT_PROTOCOL:
		store_u8(w, e->dreg, IPPROTO_TCP);
		return FW_YES;
	case NFT_CT_L3PROTOCOL:
		store_u8(w, e->dreg, w->p->v6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
		return FW_YES;
	case NFT_CT_SRC:
	case NFT_CT_SRC_IP:
	case NFT_CT_SRC_IP6:
		load_tuple(w, e, &w->p->src, 0, false);
		return e->key == (w->p->v6 ? NFT_CT_SRC_IP : NFT_CT_SRC_IP6) ? FW_NO : FW_YES;
	case NFT_CT_DST:
	case NFT_CT_DST_IP:
	case NFT_CT_DST_IP6:
		load_tuple(w, e, &w->p->dst, 0, false);
		return e->key == (w->p->v6 ? NFT_CT_DST_IP : NFT_CT_DST_IP6) ? FW_NO : FW_YES;
	case NFT_CT_PROTO_SRC:
		load_tuple(w, e, NULL, w->p->sport, true);
		return FW_YES;
	case NFT_CT_PROTO_DST:
		load_tuple(w, e, NULL, w->p->dport, true);
		return FW_YES;
	default:
		fw_store_unknown(w, e->dreg, FW_NAME_BYTES);
		return FW_MAYBE;
	}
}
