/* kernel.c - the kernel's own reasons: loads the programs, reads their ring buffer. */
#include "kernel.h"
#include "base/text.h"
#include "kernel_record.h"
#include "speech.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel.skel.h"

static const char vmlinux_btf[] = "/sys/kernel/btf/vmlinux";

struct kernel {
	struct kernel_bpf *bpf;
	struct ring_buffer *ring;
	int64_t offset; /* of the wall clock to CLOCK_MONOTONIC, microseconds; set at each drain */
	int records; /* the ring buffer's map, where bpf is NULL: received from who has the programs */
	struct names {
		char drops[KERNEL_REASONS][REASON_TEXT], resets[KERNEL_REASONS][REASON_TEXT];
		uint8_t drop_reasons[KERNEL_REASONS], reset_reasons[KERNEL_REASONS]; /* enum reason */
	} names;
	/* while draining */
	void (*take)(void *ctx, const struct kernel_word *w);
	void *ctx;
	size_t taken;
};

/*
 * For which reasons segments other than SYNs and RSTs are told of: those that no healthy connection meets. A drop by a
 * filter says why data are not acknowledged; a listen overflow what became of the last ACK of a handshake.
 */
static const enum reason notable[] = {REASON_NETFILTER_DROP, REASON_SOCKET_FILTER, REASON_BPF_CGROUP_EGRESS,
	REASON_TC_INGRESS, REASON_TC_EGRESS, REASON_XDP, REASON_IP_RPFILTER, REASON_TCP_LISTEN_OVERFLOW,
	REASON_XFRM_POLICY, REASON_SECURITY_HOOK, REASON_QDISC_DROP};

static int be_quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* The names of an enumeration's values in the kernel's BTF, without their prefix. */
static bool read_names(const struct btf *btf, const char *type, const char *prefix, char names[][REASON_TEXT],
	uint8_t *reasons)
{
	int id = btf__find_by_name_kind(btf, type, BTF_KIND_ENUM);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	size_t length = strlen(prefix);

	if (!t)
		return false;
	for (uint16_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_enum *e = btf_enum(t) + i;
		const char *name = btf__name_by_offset(btf, e->name_off);

		if (!name || e->val < 0 || e->val >= KERNEL_REASONS || strncmp(name, prefix, length) != 0)
			continue;
		text_clean(names[e->val], REASON_TEXT, name + length, strlen(name + length));
		reasons[e->val] = (uint8_t)reason_by_name(names[e->val]);
	}
	return true;
}

/* How many arguments a tracepoint has: those of its typedef, less the first, which is the tracer's own. */
static int count_arguments(const struct btf *btf, const char *tracepoint)
{
	int id = btf__find_by_name_kind(btf, tracepoint, BTF_KIND_TYPEDEF);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

	t = t ? btf__type_by_id(btf, t->type) : NULL;      /* a pointer ... */
	t = t && btf_is_ptr(t) ? btf__type_by_id(btf, t->type) : NULL; /* ... to a function */
	return t && btf_is_func_proto(t) ? btf_vlen(t) - 1 : -1;
}

/* What differs between kernels. False with why: there is nothing to hang at. */
static bool adapt(struct kernel *k, struct kernel_bpf *bpf, char *why, size_t size)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int drop, reset, exit;
	bool named;

	if (!btf) {
		snprintf(why, size, "this kernel has no BTF (%s)", vmlinux_btf);
		return false;
	}
	drop = count_arguments(btf, "btf_trace_kfree_skb");
	reset = count_arguments(btf, "btf_trace_tcp_send_reset");
	exit = count_arguments(btf, "btf_trace_sched_process_exit");
	named = read_names(btf, "skb_drop_reason", "SKB_DROP_REASON_", k->names.drops, k->names.drop_reasons);
	for (uint32_t r = 0; r < KERNEL_REASONS; r++)
		if (strcmp(k->names.drops[r], "QUEUE_PURGE") == 0)
			bpf->rodata->purge_reason = r;
	bpf->rodata->has_rx_sk = drop >= 4;
	bpf->rodata->has_rst_reason = reset >= 3 &&
				      read_names(btf, "sk_rst_reason", "SK_RST_REASON_", k->names.resets, k->names.reset_reasons);
	btf__free(btf);
	if (drop < 3 || !named) {
		snprintf(why, size, "this kernel gives no reasons for drops (Linux 5.17 does)");
		return false;
	}
	if (exit < 2)
		bpf_program__set_autoload(bpf->progs.on_exit, false);
	if (reset < 2)
		bpf_program__set_autoload(bpf->progs.on_reset, false);
	if (!bpf->rodata->has_rst_reason)
		snprintf(why, size, "this kernel gives no reasons for its RSTs (Linux 6.10 does)");
	for (size_t r = 0; r < KERNEL_REASONS; r++)
		for (size_t i = 0; i < sizeof(notable) / sizeof(notable[0]); i++)
			bpf->rodata->notable[r] |= k->names.drop_reasons[r] == notable[i];
	return true;
}

static void set_offset(struct kernel *k)
{
	struct timespec wall, mono;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	k->offset = (int64_t)(wall.tv_sec - mono.tv_sec) * USEC + (wall.tv_nsec - mono.tv_nsec) / 1000;
}

static struct ip ip_of(const uint8_t *b, bool v6)
{
	return v6 ? ip_from_v6(b) : ip_from_v4(b);
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct kernel *k = ctx;
	const struct kernel_record *r = data;
	struct kernel_word w;
	uint32_t reason;

	if (size < sizeof(*r))
		return 0;
	reason = r->reason < KERNEL_REASONS ? r->reason : 0;
	w = (struct kernel_word){
		.t = (int64_t)(r->t / 1000) + k->offset,
		.src = ip_of(r->src, r->v6),
		.dst = ip_of(r->dst, r->v6),
		.count = r->count,
		.netns = r->netns,
		.ifindex = r->ifindex,
		.seq = r->seq,
		.ack = r->ack,
		.pid = (int32_t)r->pid,
		.sport = r->sport,
		.dport = r->dport,
		.flags = r->flags,
		.ttl = r->ttl,
		.reset = r->kind == RECORD_RESET,
		.exited = r->kind == RECORD_EXIT,
		.v6 = r->v6,
		.routed = r->routed,
		.state = r->state,
		.answers = r->answers != 0,
		.payload = r->payload,
	};
	if (r->answers)
		w.speech = (uint8_t)speech_of(r->head, r->head_length < sizeof(r->head) ? r->head_length : sizeof(r->head),
			r->payload);
	w.reason = w.reset ? k->names.reset_reasons[reason] : k->names.drop_reasons[reason];
	text_copy(w.name, sizeof(w.name), w.reset ? k->names.resets[reason] : k->names.drops[reason]);
	/* "nf_hook_slow", or "nft_do_chain [nf_tables]" */
	text_clean(w.function, sizeof(w.function), r->function, strcspn(r->function, " "));
	/* XDP drops have no reason of their own (do_xdp_generic, veth_xdp_rcv_skb; v6.18) */
	if (!w.reset && w.reason == REASON_OTHER && strstr(w.function, "xdp"))
		w.reason = REASON_XDP;
	text_clean(w.comm, sizeof(w.comm), r->comm, strnlen(r->comm, sizeof(r->comm)));
	k->taken++;
	k->take(k->ctx, &w);
	return 0;
}

static int load(struct kernel *k, uint32_t netns, char *why, size_t size)
{
	int r;

	k->bpf->rodata->own_netns = netns;
	k->bpf->rodata->wakeup = netns == 0 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
	if (!adapt(k, k->bpf, why, size))
		return -ENOTSUP;
	r = kernel_bpf__load(k->bpf);
	if (r == 0)
		r = kernel_bpf__attach(k->bpf);
	if (r < 0) {
		snprintf(why, size, r == -EPERM || r == -EACCES ? "needs CAP_BPF and CAP_PERFMON (or root): %s"
								: "the BPF programs cannot be loaded: %s",
			strerror(-r));
		return r;
	}
	k->ring = ring_buffer__new(bpf_map__fd(k->bpf->maps.records), on_record, k, NULL);
	if (!k->ring) {
		r = -errno;
		snprintf(why, size, "the BPF ring buffer cannot be mapped: %s", strerror(errno));
	}
	return r;
}

struct kernel *kernel_open(uint32_t netns, char *why, size_t size)
{
	struct kernel *k = calloc(1, sizeof(*k));
	int r = -ENOMEM;

	why[0] = '\0';
	if (access(vmlinux_btf, R_OK) < 0) {
		snprintf(why, size, "this kernel has no BTF (%s: %s)", vmlinux_btf, strerror(errno));
		free(k);
		return NULL;
	}
	libbpf_set_print(be_quiet);
	if (k) {
		k->records = -1;
		k->bpf = kernel_bpf__open();
	}
	if (k && k->bpf)
		r = load(k, netns, why, size);
	if (r < 0) {
		if (!why[0])
			snprintf(why, size, "%s", strerror(-r));
		kernel_free(k);
		errno = -r;
		return NULL;
	}
	set_offset(k);
	return k;
}

struct message {
	char why[160];
	struct names names;
};

int kernel_send(const struct kernel *k, const char *why, int socket)
{
	static struct message m;
	struct iovec iov = {&m, sizeof(m)};
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	memset(&m, 0, sizeof(m));
	text_copy(m.why, sizeof(m.why), why);
	if (k) {
		int fd = bpf_map__fd(k->bpf->maps.records);

		m.names = k->names;
		memset(&control, 0, sizeof(control));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	return sendmsg(socket, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The descriptor that came with the message, or -1. */
static int descriptor_of(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

struct kernel *kernel_receive(int socket, char *why, size_t size)
{
	static struct message m;
	struct iovec iov = {&m, sizeof(m)};
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(socket, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int fd = n < 0 ? -1 : descriptor_of(&msg);
	struct kernel *k = fd < 0 ? NULL : calloc(1, sizeof(*k));

	m.why[sizeof(m.why) - 1] = '\0';
	if (n != (ssize_t)sizeof(m))
		text_copy(why, size, "they could not be loaded");
	else
		text_copy(why, size, m.why);
	if (!k) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	k->records = fd;
	k->names = m.names;
	libbpf_set_print(be_quiet);
	k->ring = ring_buffer__new(fd, on_record, k, NULL);
	if (!k->ring) {
		snprintf(why, size, "the BPF ring buffer cannot be mapped: %s", strerror(errno));
		kernel_free(k);
		return NULL;
	}
	set_offset(k);
	return k;
}

void kernel_free(struct kernel *k)
{
	if (!k)
		return;
	ring_buffer__free(k->ring);
	if (k->bpf)
		kernel_bpf__destroy(k->bpf);
	else if (k->records >= 0)
		close(k->records);
	free(k);
}

void kernel_watch(struct kernel *k, uint32_t netns, bool on)
{
	uint8_t one = 1;

	if (!k)
		return;
	if (on)
		bpf_map_update_elem(bpf_map__fd(k->bpf->maps.watched), &netns, &one, BPF_ANY);
	else
		bpf_map_delete_elem(bpf_map__fd(k->bpf->maps.watched), &netns);
}

int kernel_fd(const struct kernel *k)
{
	return ring_buffer__epoll_fd(k->ring);
}

size_t kernel_drain(struct kernel *k, void (*take)(void *ctx, const struct kernel_word *w), void *ctx)
{
	k->take = take;
	k->ctx = ctx;
	k->taken = 0;
	set_offset(k);
	ring_buffer__consume(k->ring);
	return k->taken;
}

const char *kernel_library(void)
{
	static char text[32];

	snprintf(text, sizeof(text), "libbpf %u.%u", libbpf_major_version(), libbpf_minor_version());
	return text;
}
