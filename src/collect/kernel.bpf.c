/* kernel.bpf.c - the kernel's own reasons: which packets it dropped, which connections it reset, and why. */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <stdbool.h>

#include "kernel_record.h"

/*
 * Theory of operation
 *
 * Two tracepoints. skb:kfree_skb fires for every packet that is dropped, tcp:tcp_send_reset for every RST that
 * TCP sends. Of the dropped ones only SYNs and RSTs count, and other segments where the reason is one
 * that a healthy connection does not know (notable). Each is counted with others alike (namespace, port, reason) in
 * a slot of a table of fixed size; a slot lets only so many within some tens of jiffies into the ring buffer. So a
 * flood costs a look at its headers and an addition, and every kind of trouble has its samples.
 *
 * The structures name only what is used; CO-RE finds where it is in the running kernel.
 */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	int ifindex;
	possible_net_t nd_net;
};

struct in6_addr {
	__u8 b[16]; /* read by address only */
};

struct sock_common {
	__be32 skc_daddr, skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
};

struct nsproxy {
	struct net *net_ns;
};

struct task_struct {
	int pid, tgid;
	int exit_code;
	char comm[16];
	struct nsproxy *nsproxy;
};

struct dst_entry {
	struct net_device *dev;
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned long _skb_refdst;
	__be16 protocol;
	__u16 network_header;
	int skb_iif;
	unsigned int tail;
	unsigned char *head;
};

#pragma clang attribute pop

char LICENSE[] SEC("license") = "GPL";

/* Set before loading. */
const volatile __u32 own_netns = 0;       /* 0: every namespace */
const volatile __u64 wakeup = BPF_RB_NO_WAKEUP;
const volatile bool has_rx_sk = false;    /* kfree_skb names the receiving socket (since 6.11) */
const volatile bool has_rst_reason = false; /* tcp_send_reset has a reason (since 6.10) */
const volatile __u8 notable[KERNEL_REASONS] = {};
const volatile __u32 purge_reason = 0; /* what waits in a socket that is closed; a closing tcpdump's, perfect SYNs */

enum {
	SLOTS = 1024,
	WINDOW = 32,        /* jiffies: 32 to 320 ms, as CONFIG_HZ has it */
	SAMPLES = 32,       /* of one slot in a window */
	STALE = 100,        /* windows: a slot that slept so long may be taken by another kind */
	SLOT_OTHERS = 0,
	REFDST_NOREF = 1, /* include/linux/skbuff.h SKB_DST_NOREF */
	FAMILY_V6 = 10,
	IP_TCP = 6,
	SYN = 2,
	RST = 4,
	ACK = 16,
};

struct slot {
	__u64 key, count, window;
	__u64 sampled;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, struct slot);
} slots SEC(".maps");

/* The namespaces that are watched, by inode number; used when own_netns is 0. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u8);
} watched SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 19);
} records SEC(".maps");

/* [0]: did not fit into the ring buffer */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

/* Of a segment. */
struct found {
	__u8 src[16], dst[16];
	__u32 seq, ack;
	__u16 sport, dport;
	__u8 v6, flags, ttl;
};

static __always_inline __u32 be32_at(const __u8 *p)
{
	return (__u32)p[0] << 24 | (__u32)p[1] << 16 | (__u32)p[2] << 8 | p[3];
}

static __always_inline __u16 be16_at(const __u8 *p)
{
	return (__u16)(p[0] << 8 | p[1]);
}

/* TCP's header is at p. */
static __always_inline void take_tcp(const __u8 *p, struct found *f)
{
	f->sport = be16_at(p);
	f->dport = be16_at(p + 2);
	f->seq = be32_at(p + 4);
	f->ack = be32_at(p + 8);
	f->flags = p[13];
}

/* The addresses of the IP header at p, and the TCP header right behind it. False: there is none. */
static __always_inline bool take_ip(const unsigned char *p, struct found *f)
{
	__u8 ip[40], tcp[16];
	__u32 length;
	__u8 proto;

	if (bpf_probe_read_kernel(ip, sizeof(ip), p))
		return false;
	if (ip[0] >> 4 == 4) {
		length = (ip[0] & 15) * 4;
		proto = ip[9];
		if (be16_at(ip + 6) & 0x1fff)
			return false; /* a later fragment */
		f->ttl = ip[8];
		__builtin_memcpy(f->src, ip + 12, 4);
		__builtin_memcpy(f->dst, ip + 16, 4);
	} else if (ip[0] >> 4 == 6) {
		length = 40;
		proto = ip[6];
		f->v6 = 1;
		f->ttl = ip[7];
		__builtin_memcpy(f->src, ip + 8, 16);
		__builtin_memcpy(f->dst, ip + 24, 16);
	} else {
		return false;
	}
	if (proto != IP_TCP || bpf_probe_read_kernel(tcp, sizeof(tcp), p + length))
		return false;
	take_tcp(tcp, f);
	return true;
}

static __always_inline bool parse(const struct sk_buff *skb, struct found *f)
{
	if (skb->protocol != bpf_htons(0x0800) && skb->protocol != bpf_htons(0x86dd))
		return false;
	return take_ip(skb->head + skb->network_header, f);
}

/* The namespace of a packet's device, 0: it has none.  Loads that the verifier knows cost less than reads by helper. */
static __always_inline __u32 netns_of(const struct sk_buff *skb)
{
	struct dst_entry *dst;

	if (skb->dev)
		return skb->dev->nd_net.net->ns.inum;
	dst = (struct dst_entry *)(skb->_skb_refdst & ~(unsigned long)REFDST_NOREF);
	return dst ? BPF_CORE_READ(dst, dev, nd_net.net, ns.inum) : 0;
}

static __always_inline __u32 ifindex_of(const struct sk_buff *skb)
{
	return skb->dev ? skb->dev->ifindex : skb->skb_iif;
}

static __always_inline bool is_watched(__u32 netns)
{
	if (own_netns)
		return netns == own_netns || netns == 0;
	return netns == 0 || bpf_map_lookup_elem(&watched, &netns);
}

/* Counts one more of its kind. False: enough of these were sampled lately. */
static __always_inline bool sample(__u32 netns, __u16 port, __u32 reason, __u8 kind, __u64 *ret_count)
{
	__u64 key = (__u64)netns << 32 | (__u64)port << 16 | (reason & 0x3fff) << 2 | kind;
	__u64 hash = key * 0x9e3779b97f4a7c15ull;
	__u32 at = 1 + (hash >> 40) % (SLOTS - 1);
	__u64 window = bpf_jiffies64() / WINDOW; /* cheaper than the clock */
	struct slot *s = bpf_map_lookup_elem(&slots, &at);

	if (s && s->key != key && s->key != 0 && window - s->window < STALE) {
		at = SLOT_OTHERS;
		s = bpf_map_lookup_elem(&slots, &at);
	}
	if (!s)
		return false;
	if (s->key != key && at != SLOT_OTHERS) {
		s->key = key;
		s->count = 0;
	}
	*ret_count = __sync_fetch_and_add(&s->count, 1) + 1;
	if (s->window != window) {
		s->window = window;
		s->sampled = 0;
	}
	return s->sampled < SAMPLES && __sync_fetch_and_add(&s->sampled, 1) < SAMPLES;
}

static __always_inline struct kernel_record *reserve(void)
{
	struct kernel_record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	__u32 zero = 0;
	__u64 *n;

	if (!r && (n = bpf_map_lookup_elem(&lost, &zero)))
		__sync_fetch_and_add(n, 1);
	return r;
}

static __always_inline void fill(struct kernel_record *r, const struct found *f)
{
	__builtin_memset(r, 0, sizeof(*r));
	__builtin_memcpy(r->src, f->src, 16);
	__builtin_memcpy(r->dst, f->dst, 16);
	r->seq = f->seq;
	r->ack = f->ack;
	r->sport = f->sport;
	r->dport = f->dport;
	r->v6 = f->v6;
	r->flags = f->flags;
	r->ttl = f->ttl;
}

SEC("tp_btf/kfree_skb")
int on_drop(__u64 *ctx)
{
	const struct sk_buff *skb = (const struct sk_buff *)ctx[0];
	__u64 location = ctx[1], count;
	__u32 reason = (__u32)ctx[2];
	const struct sock *sk;
	struct found f = {};
	struct kernel_record *r;
	__u32 netns;

	if ((purge_reason && reason == purge_reason) || !parse(skb, &f))
		return 0;
	if (!(f.flags & (SYN | RST)) && !(reason < KERNEL_REASONS && notable[reason & (KERNEL_REASONS - 1)]))
		return 0;
	netns = netns_of(skb);
	sk = skb->sk;
	if (has_rx_sk && !sk)
		sk = (const struct sock *)ctx[3];
	if (sk && !netns)
		netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	if (!is_watched(netns))
		return 0;
	/* The port that is served: SYN-ACKs come from it. */
	if (!sample(netns, (f.flags & (SYN | ACK)) == (SYN | ACK) ? f.sport : f.dport, reason, RECORD_DROP, &count))
		return 0;
	r = reserve();
	if (!r)
		return 0;
	fill(r, &f);
	r->t = bpf_ktime_get_ns();
	r->count = count;
	r->netns = netns;
	r->ifindex = ifindex_of(skb);
	r->pid = bpf_get_current_pid_tgid() >> 32;
	r->reason = reason;
	r->kind = RECORD_DROP;
	r->state = sk ? BPF_CORE_READ(sk, __sk_common.skc_state) : 0;
	r->routed = (skb->_skb_refdst & ~(unsigned long)REFDST_NOREF) != 0;
	bpf_get_current_comm(r->comm, sizeof(r->comm));
	BPF_SNPRINTF(r->function, sizeof(r->function), "%ps", location);
	bpf_ringbuf_submit(r, wakeup);
	return 0;
}

/* The ends of a socket, as a segment that it sends has them. */
static __always_inline void take_socket(const struct sock *sk, struct found *f)
{
	f->sport = BPF_CORE_READ(sk, __sk_common.skc_num);
	f->dport = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == FAMILY_V6) {
		f->v6 = 1;
		BPF_CORE_READ_INTO(&f->src, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&f->dst, sk, __sk_common.skc_v6_daddr);
	} else {
		__u32 local = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		__u32 peer = BPF_CORE_READ(sk, __sk_common.skc_daddr);

		__builtin_memcpy(f->src, &local, 4);
		__builtin_memcpy(f->dst, &peer, 4);
	}
}

/* Of the segment at p, an IP header: how long its payload is, and its first bytes as far as they lie in the buffer. */
static __always_inline void look_at_payload(const struct sk_buff *skb, struct kernel_record *r)
{
	const unsigned char *p = skb->head + skb->network_header, *end = skb->head + skb->tail;
	__u32 total, headers;
	__u8 ip[8], offset;

	if (bpf_probe_read_kernel(ip, sizeof(ip), p))
		return;
	headers = ip[0] >> 4 == 4 ? (ip[0] & 15) * 4 : 40;
	total = ip[0] >> 4 == 4 ? be16_at(ip + 2) : 40 + be16_at(ip + 4);
	if (bpf_probe_read_kernel(&offset, 1, p + headers + 12))
		return;
	headers += (offset >> 4) * 4;
	if (total < headers)
		return;
	r->answers = 1;
	r->payload = total - headers;
	p += headers;
	if (p + sizeof(r->head) <= end)
		r->head_length = sizeof(r->head);
	else if (p + r->payload <= end && r->payload < sizeof(r->head))
		r->head_length = r->payload;
	else
		return;
	/* What lies behind a short payload is not handed on. */
	if (bpf_probe_read_kernel(r->head, r->head_length & (sizeof(r->head) * 2 - 1), p))
		r->head_length = 0;
}

/* What is sent answers the segment. */
static __always_inline void turn(struct found *f)
{
	__u8 ip[16];
	__u16 port = f->sport;

	__builtin_memcpy(ip, f->src, 16);
	__builtin_memcpy(f->src, f->dst, 16);
	__builtin_memcpy(f->dst, ip, 16);
	f->sport = f->dport;
	f->dport = port;
}

SEC("tp_btf/tcp_send_reset")
int on_reset(__u64 *ctx)
{
	const struct sock *sk = (const struct sock *)ctx[0];
	const struct sk_buff *skb = (const struct sk_buff *)ctx[1];
	__u32 reason = 0, netns = 0;
	struct kernel_record *r;
	struct found f = {};
	__u64 count;

	if (has_rst_reason)
		reason = (__u32)ctx[2];
	if (skb) {
		if (!parse(skb, &f))
			return 0;
		turn(&f);
		netns = netns_of(skb);
	} else if (sk) {
		take_socket(sk, &f);
	} else {
		return 0;
	}
	if (sk && !netns)
		netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	if (!is_watched(netns))
		return 0;
	if (!sample(netns, f.sport, reason, RECORD_RESET, &count))
		return 0;
	r = reserve();
	if (!r)
		return 0;
	fill(r, &f);
	r->t = bpf_ktime_get_ns();
	r->count = count;
	r->netns = netns;
	r->ifindex = skb ? ifindex_of(skb) : 0;
	r->pid = bpf_get_current_pid_tgid() >> 32;
	r->reason = reason;
	r->kind = RECORD_RESET;
	r->state = sk ? BPF_CORE_READ(sk, __sk_common.skc_state) : 0;
	r->routed = !skb; /* of its own accord, and not in answer to a segment */
	if (skb)
		look_at_payload(skb, r);
	bpf_get_current_comm(r->comm, sizeof(r->comm));
	bpf_ringbuf_submit(r, wakeup);
	return 0;
}

/*
 * A process that ends badly: by a signal, or with a status. Its descriptors are closed right after this (do_exit, v6.18), so
 * that a connection's FIN or RST of the same moment is explained. One that ends well is nobody's news.
 */
SEC("tp_btf/sched_process_exit")
int on_exit(__u64 *ctx)
{
	const struct task_struct *task = (const struct task_struct *)ctx[0];
	struct kernel_record *r;
	struct nsproxy *nsproxy;
	__u64 count;
	__u32 netns;

	if (task->pid != task->tgid || task->exit_code == 0)
		return 0;
	nsproxy = task->nsproxy;
	if (!nsproxy)
		return 0;
	netns = nsproxy->net_ns->ns.inum;
	if (!is_watched(netns) || !sample(netns, 0, 0, RECORD_EXIT, &count))
		return 0;
	r = reserve();
	if (!r)
		return 0;
	__builtin_memset(r, 0, sizeof(*r));
	r->t = bpf_ktime_get_ns();
	r->count = count;
	r->netns = netns;
	r->pid = task->tgid;
	r->seq = task->exit_code;
	r->kind = RECORD_EXIT;
	bpf_get_current_comm(r->comm, sizeof(r->comm));
	bpf_ringbuf_submit(r, wakeup);
	return 0;
}
