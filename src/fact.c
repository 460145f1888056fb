/* fact.c - the names of facts, as /proc, nstat(8) and the event stream write them. */
#include "fact.h"

#include <assert.h>
#include <string.h>

static const char *const counter_names[] = {
	[COUNTER_OUT_RSTS] = "TcpOutRsts",
	[COUNTER_OUT_SEGS] = "TcpOutSegs",
	[COUNTER_ESTAB_RESETS] = "TcpEstabResets",
	[COUNTER_IN_CSUM_ERRORS] = "TcpInCsumErrors",
	[COUNTER_LISTEN_OVERFLOWS] = "TcpExtListenOverflows",
	[COUNTER_LISTEN_DROPS] = "TcpExtListenDrops",
	[COUNTER_ABORT_ON_DATA] = "TcpExtTCPAbortOnData",
	[COUNTER_ABORT_ON_CLOSE] = "TcpExtTCPAbortOnClose",
	[COUNTER_ABORT_ON_TIMEOUT] = "TcpExtTCPAbortOnTimeout",
	[COUNTER_REQQ_FULL_DROP] = "TcpExtTCPReqQFullDrop",
	[COUNTER_REQQ_FULL_COOKIES] = "TcpExtTCPReqQFullDoCookies",
	[COUNTER_COOKIES_SENT] = "TcpExtSyncookiesSent",
	[COUNTER_EMBRYONIC_RSTS] = "TcpExtEmbryonicRsts",
	[COUNTER_DEFER_ACCEPT_DROP] = "TcpExtTCPDeferAcceptDrop",
	[COUNTER_RP_FILTER] = "TcpExtIPReversePathFilter",
	[COUNTER_IN_ADDR_ERRORS] = "IpInAddrErrors",
	[COUNTER_OUT_NO_ROUTES] = "IpOutNoRoutes",
	[COUNTER_MD5_DROPS] = "TcpExtTCPMD5NotFound",
	[COUNTER_MD5_UNEXPECTED] = "TcpExtTCPMD5Unexpected",
	[COUNTER_MD5_FAILURE] = "TcpExtTCPMD5Failure",
	[COUNTER_ACTIVE_OPENS] = "TcpActiveOpens",
	[COUNTER_MIN_TTL_DROP] = "TcpExtTCPMinTTLDrop",
	[COUNTER_IP_CSUM_ERRORS] = "IpExtInCsumErrors",
	[COUNTER_IN_ADDR_ERRORS6] = "Ip6InAddrErrors",
	[COUNTER_IN_DISCARDS6] = "Ip6InDiscards",
	[COUNTER_SYN_CHALLENGE] = "TcpExtTCPSYNChallenge",
	[COUNTER_PAWS_ESTAB] = "TcpExtPAWSEstab",
	[COUNTER_PAWS_TIMEWAIT] = "TcpExtPAWSTimewait",
	[COUNTER_RETRANS_SEGS] = "TcpRetransSegs",
	[COUNTER_TO_ZERO_WINDOW] = "TcpExtTCPToZeroWindowAdv",
	[COUNTER_WANT_ZERO_WINDOW] = "TcpExtTCPWantZeroWindowAdv",
	[COUNTER_CONNTRACK_DROP] = "nf_conntrack drop",
	[COUNTER_XFRM_IN_TEMPLATE] = "XfrmInTmplMismatch",
	[COUNTER_XFRM_IN_BLOCK] = "XfrmInPolBlock",
	[COUNTER_XFRM_OUT_BLOCK] = "XfrmOutPolBlock",
	[COUNTER_XFRM_OUT_NO_STATES] = "XfrmOutNoStates",
};

static const char *const source_names[] = {
	[SOURCE_SOCKETS] = "sockets",   [SOURCE_PACKETS] = "packets",
	[SOURCE_KERNEL] = "kernel",     [SOURCE_FIREWALL] = "firewall",
	[SOURCE_NAMESPACES] = "namespaces",
};

static const char *const state_names[] = {
	[STATE_OFF] = "off",
	[STATE_ON] = "on",
	[STATE_DEGRADED] = "degraded",
};

static_assert(sizeof(counter_names) / sizeof(counter_names[0]) == COUNTER_COUNT, "a name each");
static_assert(sizeof(source_names) / sizeof(source_names[0]) == SOURCE_COUNT, "a name each");

const char *counter_name(enum counter c)
{
	return counter_names[c];
}

const char *source_name(enum source s)
{
	return source_names[s];
}

const char *source_state_name(enum source_state s)
{
	return state_names[s];
}

enum reason reason_by_name(const char *name)
{
	static const char *const names[] = {
#define REASON_NAME(name) #name,
		REASONS(REASON_NAME)
#undef REASON_NAME
	};

	for (int r = REASON_OTHER + 1; r < REASON_COUNT; r++)
		if (strcmp(names[r], name) == 0)
			return (enum reason)r;
	return REASON_OTHER;
}

const char *firewall_fate_name(enum firewall_fate f)
{
	static const char *const names[] = {"unknown", "accepted", "dropped", "reset", "icmp", "queued", "tproxied",
		"stolen"};

	static_assert(sizeof(names) / sizeof(names[0]) == FIREWALL_FATE_COUNT, "a name for each fate");
	return (unsigned int)f < FIREWALL_FATE_COUNT ? names[f] : "?";
}

const char *firewall_product_name(enum firewall_product p)
{
	static const char *const names[] = {"", "ufw", "firewalld", "docker", "fail2ban", "iptables", "libvirt",
		"kubernetes", "podman"};

	static_assert(sizeof(names) / sizeof(names[0]) == FIREWALL_PRODUCT_COUNT, "a name for each product");
	return (unsigned int)p < FIREWALL_PRODUCT_COUNT ? names[p] : "?";
}

bool firewall_same_rule(const struct firewall_rule *a, const struct firewall_rule *b)
{
	return a->handle == b->handle && strcmp(a->family, b->family) == 0 && strcmp(a->table, b->table) == 0 &&
	       strcmp(a->chain, b->chain) == 0;
}
