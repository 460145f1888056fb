/* cases_kernel.h - facts with the kernel's own words among them, and the verdict on them. */
#pragma once

#include "cases.h"

#define BY_NFT    {"NETFILTER_DROP", "nft_do_chain"}
#define BY_HOOK   {"NETFILTER_DROP", "nf_hook_slow"}
#define BY_QUEUE  {"NOT_SPECIFIED", "nf_queue"}
#define FULL_TABLE .conntrack = 1000
#define TABLE_DROP SITUATION_SILENT, ORIGIN_UNKNOWN, MOVED(COUNTER_CONNTRACK_DROP)

static const struct rule_case kernel_cases[] = {
	/* a SYN in, nothing out */
	{"a rule drops it", SILENT, 0, CAUSE_FIREWALL_DROP, PROVED, .door = STEADY, .syn = BY_NFT},
	{"a rule drops it, nobody listens", SILENT, 0, CAUSE_FIREWALL_DROP, PROVED, .syn = BY_NFT},
	{"a rule drops others of a flood", SILENT, 0, CAUSE_FIREWALL_DROP, INFERRED, .door = STEADY,
		.syn = {"NETFILTER_DROP", "nft_do_chain", .of_port = true}},
	{"a rule drops it, while a queue overflows", SILENT, OVERFLOWS, CAUSE_FIREWALL_DROP, PROVED, .door = STEADY, .drops = 1,
		.queue = 11, .syn = BY_NFT},
	{"others are dropped by a rule, and the queue overflows", SILENT, OVERFLOWS, CAUSE_ACCEPT_QUEUE_FULL, PROVED,
		.door = STEADY, .drops = 1, .queue = 11, .syn = {"NETFILTER_DROP", "nft_do_chain", .of_port = true}},
	{"something at a hook drops it", SILENT, 0, CAUSE_FIREWALL_DROP, POSSIBLE, CAUSE_BPF_DROP, .door = STEADY,
		.syn = BY_HOOK},
	{"a full table drops it", TABLE_DROP, CAUSE_CONNTRACK_FULL, PROVED, .door = STEADY, .syn = BY_HOOK, FULL_TABLE},
	{"a rule drops it beside a full table", TABLE_DROP, CAUSE_FIREWALL_DROP, PROVED, .door = STEADY, .syn = BY_NFT,
		.conntrack = 1},
	{"a queue without a reader", SILENT, 0, CAUSE_NFQUEUE_DEAD, PROVED, .door = STEADY, .syn = BY_QUEUE},
	{"a queue without a reader, on the way out", SILENT, 0, CAUSE_NFQUEUE_DEAD, PROVED, .door = STEADY, .look = SYN_RECV,
		.syn_ack = BY_QUEUE},
	{"XDP", SILENT, 0, CAUSE_BPF_DROP, PROVED, .syn = {"XDP", "bpf_prog_run_generic_xdp"}},
	{"tc", SILENT, 0, CAUSE_BPF_DROP, PROVED, .door = STEADY, .syn = {"TC_INGRESS", "__netif_receive_skb_core"}},
	{"a socket filter", SILENT, 0, CAUSE_BPF_DROP, PROVED, .door = STEADY, .drops = 1, .syn = {"SOCKET_FILTER", "tcp_v4_rcv"}},
	{"a socket filter drops it, while another lacks its MD5", SILENT, MOVED(COUNTER_MD5_DROPS), CAUSE_BPF_DROP, PROVED,
		.door = STEADY, .drops = 2, .syn = {"SOCKET_FILTER", "tcp_v4_rcv"}},
	{"no MD5, says the kernel", SILENT, MOVED(COUNTER_MIN_TTL_DROP), CAUSE_TCP_MD5, PROVED, .door = STEADY, .drops = 1,
		.syn = {"TCP_MD5NOTFOUND", "tcp_v4_rcv"}},
	{"too few hops left, says the kernel", SILENT, MOVED(COUNTER_MD5_DROPS), CAUSE_MIN_TTL, PROVED, .door = STEADY,
		.drops = 1, .syn = {"TCP_MINTTL", "tcp_v4_rcv"}},
	{"a checksum, says the kernel", SILENT, 0, CAUSE_BAD_CHECKSUM, PROVED, .door = STEADY, .syn = {"TCP_CSUM", "tcp_v4_rcv"}},
	{"rp_filter, says the kernel", SILENT, 0, CAUSE_REVERSE_PATH, PROVED, .door = STEADY,
		.syn = {"IP_RPFILTER", "ip_rcv_finish_core"}},
	{"an impossible source, says the kernel", SILENT, 0, CAUSE_MARTIAN, PROVED, .door = STEADY,
		.syn = {"IP_LOCAL_SOURCE", "ip_rcv_finish_core"}},
	{"a loopback source, says the kernel", SILENT, 0, CAUSE_MARTIAN, PROVED, .door = STEADY,
		.syn = {"IP_LOCALNET", "ip_rcv_finish_core"}},
	{"for another host, says the kernel", SILENT, 0, CAUSE_NOT_FOR_US, PROVED, .door = STEADY,
		.syn = {"OTHERHOST", "ip_rcv_core"}},
	{"DNAT to loopback", SILENT, 0, CAUSE_DNAT_TO_LOOPBACK, PROVED, .syn = {"IP_LOCALNET", "ip_rcv_finish_core",
		.to = "127.0.0.1"}},
	{"the forward chain drops it", SILENT, 0, CAUSE_PUBLISHED_NOT_FORWARDED, PROVED,
		.syn = {"NETFILTER_DROP", "nft_do_chain", .to = "172.18.0.2"}},
	{"nothing is forwarded", SILENT, 0, CAUSE_PUBLISHED_NOT_FORWARDED, PROVED,
		.syn = {"IP_INADDRERRORS", "ip_error", .to = "172.18.0.2"}},
	/* the way out */
	{"a rule drops our answer", SILENT, 0, CAUSE_FIREWALL_DROP_REPLY, PROVED, .door = STEADY, .look = SYN_RECV,
		.syn_ack = BY_NFT},
	{"something at a hook drops our answer", SILENT, 0, CAUSE_FIREWALL_DROP_REPLY, POSSIBLE, CAUSE_BPF_DROP, .door = STEADY,
		.look = SYN_RECV, .syn_ack = BY_HOOK},
	{"a rule drops our RST", SILENT, 0, CAUSE_FIREWALL_DROP_REPLY, PROVED,
		.to_client = {"NETFILTER_DROP", "nft_do_chain", .flags = TCP_RST}},
	{"tc drops our answer", SILENT, 0, CAUSE_BPF_DROP, PROVED, .door = STEADY, .look = SYN_RECV,
		.syn_ack = {"TC_EGRESS", "__dev_queue_xmit"}},
	{"a cgroup's program drops our answer", SILENT, 0, CAUSE_BPF_DROP, PROVED, .door = STEADY, .look = SYN_RECV,
		.syn_ack = {"BPF_CGROUP_EGRESS", "ip_finish_output"}},
	{"our own SYN, by a rule", SILENT, 0, CAUSE_FIREWALL_DROP, PROVED, .out = true, .syn = BY_NFT},
	/* unfinished */
	{"a rule drops the ACK", UNFINISHED, 0, CAUSE_FIREWALL_DROP_ACK, PROVED, .door = STEADY, .look = SYN_RECV,
		.from_client = BY_NFT},
	{"tc drops the ACK", UNFINISHED, 0, CAUSE_BPF_DROP, PROVED, .door = STEADY, .look = SYN_RECV,
		.from_client = {"TC_INGRESS", "__netif_receive_skb_core"}},
	/* refused, unreachable */
	{"a rule resets, and others were reset by TCP", SITUATION_REFUSED, ORIGIN_MIXED, 0, CAUSE_FIREWALL_RESET, PROVED,
		.syn = BY_NFT},
	{"TCP resets, and others were reset by a rule", SITUATION_REFUSED, ORIGIN_MIXED, 0, CAUSE_NO_LISTENER, POSSIBLE,
		CAUSE_NONE, .port = FREE, .rst = {"NO_SOCKET", ""}},
	{"redirected to nobody", REFUSED, CAUSE_REDIRECT_NO_LISTENER, PROVED, .door = STEADY, .look = LISTENED,
		.rst = {"NO_SOCKET", "", .port = 8080}},
	{"redirected to nobody, and nobody here", REFUSED, CAUSE_REDIRECT_NO_LISTENER, PROVED, .port = FREE,
		.rst = {"NO_SOCKET", "", .port = 8080}},
	{"rejected as a router would", REJECTED, CAUSE_FIREWALL_REJECT, PROVED, .icmp_type = 3, .icmp_code = 1, .syn = BY_NFT},
	/* reset */
	{"killed from outside", RESET, OUT_RSTS, CAUSE_SOCKET_DESTROYED, PROVED, OUR_RST, .rst = {"TCP_STATE", "", .active = true}},
	{"SO_LINGER 0", RESET, OUT_RSTS | MOVED(COUNTER_ABORT_ON_DATA), CAUSE_ABORT_LINGER, PROVED, OUR_RST,
		.rst = {"TCP_STATE", "", .active = true}},
	{"killed from outside, with the listener", RESET, OUT_RSTS, CAUSE_QUEUE_DISCARDED, UNSETTLED, OUR_RST, .gone = true,
		.vanished = true, .rst = {"TCP_STATE", "", .active = true}},
};
