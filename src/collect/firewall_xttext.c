/* firewall_xttext.c - iptables' matches and targets in iptables' spelling. */
#include "firewall_text.h"
#include "base/text.h"
#include "firewall_ipset.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_LOG.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_recent.h>
#include <linux/netfilter/xt_set.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <stdio.h>
#include <string.h>

static bool take_info(const struct fw_expr *e, void *ret, size_t n)
{
	if (e->len < n)
		return false;
	memcpy(ret, e->data, n);
	return true;
}

static void append_mask(char *buf, size_t size, const char *const *words, size_t n, uint32_t mask)
{
	bool first = true;

	for (size_t i = 0; i < n; i++)
		if (mask & 1u << i && words[i]) {
			text_append(buf, size, "%s%s", first ? "" : ",", words[i]);
			first = false;
		}
}

/* The numbers of XT_CONNTRACK_STATE_*: bit 0 invalid, then 1 + enum ip_conntrack_info. */
static void append_states(char *buf, size_t size, uint32_t mask, uint32_t untracked, uint32_t snat, uint32_t dnat)
{
	static const char *const words[] = {"INVALID", "ESTABLISHED", "RELATED", "NEW"};

	append_mask(buf, size, words, 4, mask);
	if (mask & untracked)
		text_append(buf, size, "%sUNTRACKED", mask & 15 ? "," : "");
	if (mask & snat)
		text_append(buf, size, "%sSNAT", mask & (15 | untracked) ? "," : "");
	if (mask & dnat)
		text_append(buf, size, "%sDNAT", mask & (15 | untracked | snat) ? "," : "");
}

static bool match_conntrack(const struct fw_expr *e, char *buf, size_t size)
{
	struct xt_conntrack_mtinfo2 i;
	bool alias;

	if (e->rev < 2 || e->rev > 3 || !take_info(e, &i, sizeof(i)))
		return false;
	alias = i.match_flags & XT_CONNTRACK_STATE_ALIAS; /* iptables -m state */
	text_append(buf, size, alias ? "-m state" : "-m conntrack");
	if (i.match_flags & XT_CONNTRACK_STATE) {
		text_append(buf, size, " %s--%sstate ", i.invert_flags & XT_CONNTRACK_STATE ? "! " : "", alias ? "" : "ct");
		append_states(buf, size, i.state_mask, XT_CONNTRACK_STATE_UNTRACKED, XT_CONNTRACK_STATE_SNAT,
			XT_CONNTRACK_STATE_DNAT);
	}
	if (i.match_flags & ~(XT_CONNTRACK_STATE | XT_CONNTRACK_STATE_ALIAS))
		text_append(buf, size, " ...");
	return true;
}

static bool match_state(const struct fw_expr *e, char *buf, size_t size)
{
	struct xt_state_info i;

	if (!take_info(e, &i, sizeof(i)))
		return false;
	text_append(buf, size, "-m state --state ");
	append_states(buf, size, i.statemask, XT_STATE_UNTRACKED, 0, 0);
	return true;
}

static void append_ports(char *buf, size_t size, const char *option, const uint16_t *ports, bool inverted)
{
	if (ports[0] == 0 && ports[1] == UINT16_MAX && !inverted)
		return;
	text_append(buf, size, " %s%s %u", inverted ? "! " : "", option, ports[0]);
	if (ports[1] != ports[0])
		text_append(buf, size, ":%u", ports[1]);
}

static bool match_tcp(const struct fw_expr *e, char *buf, size_t size)
{
	static const char *const flags[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};
	struct xt_tcp i;

	if (!take_info(e, &i, sizeof(i)))
		return false;
	text_append(buf, size, "-m tcp");
	append_ports(buf, size, "--sport", i.spts, i.invflags & XT_TCP_INV_SRCPT);
	append_ports(buf, size, "--dport", i.dpts, i.invflags & XT_TCP_INV_DSTPT);
	if (i.flg_mask) {
		text_append(buf, size, " %s--tcp-flags ", i.invflags & XT_TCP_INV_FLAGS ? "! " : "");
		append_mask(buf, size, flags, 6, i.flg_mask);
		text_append(buf, size, " ");
		append_mask(buf, size, flags, 6, i.flg_cmp);
		if (!i.flg_cmp)
			text_append(buf, size, "NONE");
	}
	return true;
}

static bool match_multiport(const struct fw_expr *e, char *buf, size_t size)
{
	struct xt_multiport_v1 i;

	if (e->rev != 1 || !take_info(e, &i, sizeof(i)) || i.count > XT_MULTI_PORTS)
		return false;
	text_append(buf, size, "-m multiport %s%s ", i.invert ? "! " : "", i.flags == XT_MULTIPORT_SOURCE ? "--sports"
		: i.flags == XT_MULTIPORT_DESTINATION ? "--dports" : "--ports");
	for (unsigned int n = 0; n < i.count; n++) {
		text_append(buf, size, "%s%u", n ? "," : "", i.ports[n]);
		if (i.pflags[n] && n + 1 < i.count)
			text_append(buf, size, ":%u", i.ports[++n]);
	}
	return true;
}

static bool match_addrtype(const struct fw_expr *e, char *buf, size_t size)
{
	static const char *const words[] = {"UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE",
		"UNREACHABLE", "PROHIBIT", "THROW", "NAT", "XRESOLVE"};
	struct xt_addrtype_info_v1 i;

	if (e->rev != 1 || !take_info(e, &i, sizeof(i)))
		return false;
	text_append(buf, size, "-m addrtype");
	if (i.source) {
		text_append(buf, size, " %s--src-type ", i.flags & XT_ADDRTYPE_INVERT_SOURCE ? "! " : "");
		append_mask(buf, size, words, 12, i.source);
	}
	if (i.dest) {
		text_append(buf, size, " %s--dst-type ", i.flags & XT_ADDRTYPE_INVERT_DEST ? "! " : "");
		append_mask(buf, size, words, 12, i.dest);
	}
	if (i.flags & XT_ADDRTYPE_LIMIT_IFACE_IN)
		text_append(buf, size, " --limit-iface-in");
	if (i.flags & XT_ADDRTYPE_LIMIT_IFACE_OUT)
		text_append(buf, size, " --limit-iface-out");
	return true;
}

static bool match_mark(const struct fw_expr *e, char *buf, size_t size)
{
	struct xt_mark_mtinfo1 i;

	if (e->rev != 1 || !take_info(e, &i, sizeof(i)))
		return false;
	text_append(buf, size, "-m mark %s--mark 0x%x", i.invert ? "! " : "", i.mark);
	if (i.mask != UINT32_MAX)
		text_append(buf, size, "/0x%x", i.mask);
	return true;
}

/* The comment is told on its own: nothing is written. */
static bool match_comment(const struct fw_expr *e, char *buf, size_t size)
{
	(void)e;
	(void)buf;
	(void)size;
	return true;
}

/* --- targets --- */

static bool target_reject(const struct fw_expr *e, uint8_t family, char *buf, size_t size)
{
	static const char *const words[2][9] = {
		{"icmp-net-unreachable", "icmp-host-unreachable", "icmp-proto-unreachable", "icmp-port-unreachable",
			"echo-reply", "icmp-net-prohibited", "icmp-host-prohibited", "tcp-reset", "icmp-admin-prohibited"},
		{"icmp6-no-route", "icmp6-adm-prohibited", "...", "icmp6-addr-unreachable", "icmp6-port-unreachable",
			"...", "tcp-reset", "icmp6-policy-fail", "icmp6-reject-route"},
	};
	uint32_t with;

	if (!take_info(e, &with, sizeof(with)) || with > 8)
		return false;
	text_append(buf, size, "-j REJECT --reject-with %s", words[family == NFPROTO_IPV6][with]);
	return true;
}

static void append_range(char *buf, size_t size, bool v6, uint32_t flags, const void *min, const void *max,
	uint16_t port_min, uint16_t port_max)
{
	char text[INET6_ADDRSTRLEN];
	bool ports = flags & NF_NAT_RANGE_PROTO_SPECIFIED;

	if (flags & NF_NAT_RANGE_MAP_IPS) {
		inet_ntop(v6 ? AF_INET6 : AF_INET, min, text, sizeof(text));
		text_append(buf, size, v6 && ports ? "[%s]" : "%s", text);
		if (memcmp(min, max, v6 ? 16 : 4) != 0) {
			inet_ntop(v6 ? AF_INET6 : AF_INET, max, text, sizeof(text));
			text_append(buf, size, v6 && ports ? "-[%s]" : "-%s", text);
		}
	}
	if (ports) {
		text_append(buf, size, "%s%u", flags & NF_NAT_RANGE_MAP_IPS ? ":" : "", ntohs(port_min));
		if (port_max != port_min)
			text_append(buf, size, "-%u", ntohs(port_max));
	}
}

static bool target_nat(const struct fw_expr *e, uint8_t family, char *buf, size_t size)
{
	struct nf_nat_ipv4_multi_range_compat old;
	struct nf_nat_range r;
	const char *option = strcmp(e->name, "DNAT") == 0 ? " --to-destination " : strcmp(e->name, "SNAT") == 0
		? " --to-source " : " --to-ports ";

	if (e->rev == 0 && family != NFPROTO_IPV6) {
		if (!take_info(e, &old, sizeof(old)) || old.rangesize != 1)
			return false;
		memset(&r, 0, sizeof(r));
		r.flags = old.range[0].flags;
		r.min_addr.ip = old.range[0].min_ip;
		r.max_addr.ip = old.range[0].max_ip;
		r.min_proto.all = old.range[0].min.all;
		r.max_proto.all = old.range[0].max.all;
	} else if (!take_info(e, &r, sizeof(r))) {
		return false;
	}
	text_append(buf, size, "-j %s%s", e->name,
		r.flags & (NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED) ? option : "");
	append_range(buf, size, family == NFPROTO_IPV6, r.flags, &r.min_addr, &r.max_addr, r.min_proto.all,
		r.max_proto.all);
	return true;
}

static bool target_mark(const struct fw_expr *e, uint8_t family, char *buf, size_t size)
{
	struct xt_mark_tginfo2 i;

	(void)family;
	if (e->rev != 2 || !take_info(e, &i, sizeof(i)))
		return false;
	text_append(buf, size, "-j MARK --set-xmark 0x%x/0x%x", i.mark, i.mask);
	return true;
}

static bool target_log(const struct fw_expr *e, uint8_t family, char *buf, size_t size)
{
	struct xt_log_info i;
	char clean[64];

	(void)family;
	if (!take_info(e, &i, sizeof(i)))
		return false;
	text_clean(clean, sizeof(clean), i.prefix, strnlen(i.prefix, sizeof(i.prefix)));
	text_append(buf, size, "-j LOG");
	if (clean[0])
		text_append(buf, size, " --log-prefix \"%s\"", clean);
	return true;
}

static bool target_nfqueue(const struct fw_expr *e, uint8_t family, char *buf, size_t size)
{
	struct xt_NFQ_info_v3 i;

	(void)family;
	memset(&i, 0, sizeof(i));
	memcpy(&i, e->data, e->len < sizeof(i) ? e->len : sizeof(i));
	text_append(buf, size, "-j NFQUEUE --queue-num %u", i.queuenum);
	if (e->rev >= 2 && i.flags & NFQ_FLAG_BYPASS)
		text_append(buf, size, " --queue-bypass");
	return true;
}

static bool target_ct(const struct fw_expr *e, uint8_t family, char *buf, size_t size)
{
	uint16_t flags;

	(void)family;
	if (!take_info(e, &flags, sizeof(flags)))
		return false;
	text_append(buf, size, "-j CT %s", flags & XT_CT_NOTRACK ? "--notrack" : "...");
	return true;
}

/* ipset(8): the rule has the set's number, and people know its name. */
static bool match_set(const struct fw_expr *e, char *buf, size_t size)
{
	struct xt_set_info_match_v1 i; /* later revisions begin with it */
	char name[IPSET_MAXNAMELEN], clean[IPSET_MAXNAMELEN * 4];

	if (e->rev < 1 || !take_info(e, &i, sizeof(i)))
		return false;
	if (ipset_name(i.match_set.index, name, sizeof(name)))
		text_clean(clean, sizeof(clean), name, strlen(name));
	else
		snprintf(clean, sizeof(clean), "#%u", i.match_set.index);
	text_append(buf, size, "-m set %s--match-set %s ", i.match_set.flags & IPSET_INV_MATCH ? "! " : "", clean);
	for (unsigned int dim = 1; dim <= i.match_set.dim && dim <= IPSET_DIM_MAX; dim++)
		text_append(buf, size, "%s%s", dim > 1 ? "," : "", i.match_set.flags & 1u << dim ? "src" : "dst");
	return true;
}

/* Who came often, or lately, by a list of addresses in /proc/net/xt_recent. */
static bool match_recent(const struct fw_expr *e, char *buf, size_t size)
{
	static const char *const checks[] = {"--rcheck", "--set", "--update", "--remove"};
	struct xt_recent_mtinfo i; /* the later revision begins with it */
	char clean[XT_RECENT_NAME_LEN];
	const char *check = "...";

	if (!take_info(e, &i, sizeof(i)))
		return false;
	for (size_t c = 0; c < sizeof(checks) / sizeof(checks[0]); c++)
		if (i.check_set & 1u << c)
			check = checks[c];
	text_append(buf, size, "-m recent %s%s", i.invert ? "! " : "", check);
	if (i.seconds)
		text_append(buf, size, " --seconds %u", i.seconds);
	if (i.hit_count)
		text_append(buf, size, " --hitcount %u", i.hit_count);
	text_clean(clean, sizeof(clean), i.name, strnlen(i.name, sizeof(i.name)));
	text_append(buf, size, " --name %s --%s", clean, i.side == XT_RECENT_DEST ? "rdest" : "rsource");
	return true;
}

static const struct {
	const char *name;
	bool (*write)(const struct fw_expr *e, char *buf, size_t size);
} matches[] = {
	{"conntrack", match_conntrack}, {"state", match_state}, {"tcp", match_tcp}, {"multiport", match_multiport},
	{"addrtype", match_addrtype}, {"mark", match_mark}, {"comment", match_comment},
	{"set", match_set}, {"recent", match_recent},
};

static const struct {
	const char *name;
	bool (*write)(const struct fw_expr *e, uint8_t family, char *buf, size_t size);
} targets[] = {
	{"REJECT", target_reject}, {"DNAT", target_nat}, {"SNAT", target_nat}, {"REDIRECT", target_nat},
	{"MASQUERADE", target_nat}, {"MARK", target_mark}, {"LOG", target_log}, {"NFQUEUE", target_nfqueue},
	{"CT", target_ct},
};

void fw_xt_text(const struct fw_expr *e, uint8_t family, char *buf, size_t size)
{
	char clean[40];

	text_clean(clean, sizeof(clean), e->name, strlen(e->name));
	if (e->op == FW_OP_MATCH) {
		for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++)
			if (strcmp(e->name, matches[i].name) == 0 && matches[i].write(e, buf, size))
				return;
		text_append(buf, size, "-m %s ...", clean);
		return;
	}
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (strcmp(e->name, targets[i].name) == 0 && targets[i].write(e, family, buf, size))
			return;
	text_append(buf, size, "-j %s ...", clean);
}
