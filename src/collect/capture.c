/* capture.c - SYN, RST, FIN and ICMP errors off the wire. */
#include "capture.h"
#include "base/text.h"
#include "decode.h"

#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	INTERFACES_MAX = 16,
	/* SLL2 20 + IPv6 40 + an extension + TCP 60; ICMPv6 8 + the quoted IPv6 40 and TCP 20 */
	SNAPLEN = 160,
	FILTER_MAX = 8192, /* of text, with all looks */
	RING_TIMEOUT_MS = 100,
	KERNEL_RING = 8 << 20,
	RING = 32768, /* segments; a power of two */
	SMALL_KERNEL_RING = 512 << 10,
	SMALL_RING = 2048,
	STATS_EVERY_MS = 1000,
};

/*
 * pcap's tcp[...] does not reach into IPv6, so flags are named by offset there: 53 is the flags byte after
 * the fixed header. One extension header in between is let through and looked at in user space.
 */
static const char tcp_filter[] =
	"(tcp[tcpflags] & (tcp-syn|tcp-rst|tcp-fin) != 0 or tcp[tcpflags] & 0x3f = 0)"
	" or (ip6 and ip6[6] = 6 and (ip6[53] & 7 != 0 or ip6[53] & 0x3f = 0))"
	" or (ip6 and (ip6[6] = 0 or ip6[6] = 43 or ip6[6] = 44 or ip6[6] = 60) and ip6[40] = 6)";

/*
 * How TLS begins and ends: a ClientHello, an alert, and an encrypted record of 19 bytes, as TLS 1.3 makes of an alert
 * (RFC 8446, 5.1 and 6). Three packets more a TLS connection tell a good end from a bad one, and who speaks TLS to whom.
 */
#define TLS_AT(header, at) \
	"(" header "[" at ":4] & 0xffffff00 = 0x15030300 or " header "[" at ":4] & 0xffffff00 = 0x15030100 or " \
	"(" header "[" at ":4] & 0xffff0000 = 0x16030000 and " header "[" at "+5] = 1) or " \
	"(" header "[" at ":4] = 0x17030300 and " header "[" at "+4] = 0x13))"

/*
 * How protocols in plain text take leave, as speech.c knows them, in small segments: MQTT, WebSocket; QUIT, MySQL, PostgreSQL,
 * HTTP/2; LDAP; Redis. The shortest stand first, since looking past the end of a segment ends the filter.
 */
#define LEAVE_AT(header, at) \
	"(" header "[" at ":2] = 0xe000 or " header "[" at ":2] & 0xff80 = 0x8880 or " \
	header "[" at ":4] & 0xdfdfdfdf = 0x51554954 or " header "[" at ":4] = 0x01000000 or " \
	header "[" at ":4] = 0x58000000 or " header "[" at ":4] & 0xffff00ff = 7 or " \
	"(" header "[" at ":4] = 0x30050201 and " header "[" at "+5] = 0x42) or " \
	"(" header "[" at ":4] = 0x2a310d0a and " header "[" at "+8:4] & 0xdfdfdfdf = 0x51554954))"

#define TCP_PAYLOAD  "((tcp[12] & 0xf0) >> 2)"
#define TCP6_PAYLOAD "(40 + ((ip6[52] & 0xf0) >> 2))"

static const char payload_filter[] =
	"(ip and tcp and ip[2:2] <= 160 and " LEAVE_AT("tcp", TCP_PAYLOAD) ")"
	" or (ip6 and ip6[6] = 6 and ip6[4:2] <= 120 and " LEAVE_AT("ip6", TCP6_PAYLOAD) ")"
	" or " TLS_AT("tcp", TCP_PAYLOAD)
	" or (ip6 and ip6[6] = 6 and " TLS_AT("ip6", TCP6_PAYLOAD) ")";

/* Errors about TCP. The user's expression does not apply: "tcp port 80" would cut them off. */
static const char icmp_filter[] =
	"(icmp and (icmp[0] = 3 or icmp[0] = 11 or icmp[0] = 12) and icmp[17] = 6)"
	" or (ip6 and ip6[6] = 58 and ip6[40] >= 1 and ip6[40] <= 4)";

struct handle {
	pcap_t *pcap;
	int link_type;
	uint32_t ifindex; /* 0: the link header has it */
	bool ended;
	uint64_t received, lost;
	char name[64];
};

struct capture {
	struct handle handles[INTERFACES_MAX];
	size_t n_handles;
	struct segment *ring;
	uint32_t ring_size;
	_Atomic uint32_t head, tail; /* head: next to write; tail: next to read */
	_Atomic uint64_t received, lost, ring_lost;
	_Atomic bool failed;
	char why[160]; /* written before failed is set */
	int ready_fd, stop_fd, look_fd;
	bool running;
	pthread_t thread;
	char *user_filter;
	pthread_mutex_t look_lock; /* of the next three */
	struct look looks[LOOKS_MAX];
	size_t n_looks;
	uint64_t generation;       /* of them */
	_Atomic uint64_t attached; /* the last one that the kernel has */
};

/* The whole filter's text. 0, or -ENOMEM. */
static int write_filter(const char *user, const struct look *looks, size_t n, char *buf, size_t size)
{
	char ip[IP_TEXT];

	buf[0] = '\0';
	if (user && *user)
		text_append(buf, size, "((%s) and (%s)) or %s", tcp_filter, user, icmp_filter);
	else
		text_append(buf, size, "%s or %s", tcp_filter, icmp_filter);
	for (size_t i = 0; i < n; i++) {
		bool v6 = !ip_is_v4(&looks[i].ip);

		ip_format(&looks[i].ip, ip, sizeof(ip));
		if (looks[i].port)
			text_append(buf, size, " or (host %s and tcp port %u)", ip, looks[i].port);
		else if (!v6)
			text_append(buf, size, " or (arp host %s)", ip);
		else
			text_append(buf, size, " or (icmp6 and (ip6[40] = 135 or ip6[40] = 136) and "
				"ip6[60:4] = 0x%02x%02x%02x%02x)", looks[i].ip.b[12], looks[i].ip.b[13],
				looks[i].ip.b[14], looks[i].ip.b[15]);
	}
	/* Last: where a segment has no payload, looking at it ends the filter (Documentation/networking/filter.rst). */
	if (user && *user)
		text_append(buf, size, " or ((%s) and (%s))", user, payload_filter);
	else
		text_append(buf, size, " or %s", payload_filter);
	return strlen(buf) + 1 < size ? 0 : -ENOMEM;
}

static int set_filter(pcap_t *pcap, const char *user, char *err, size_t size, bool *ret_usage)
{
	struct bpf_program prog;
	char text[FILTER_MAX];
	int r = write_filter(user, NULL, 0, text, sizeof(text));

	if (r < 0)
		return r;
	r = pcap_compile(pcap, &prog, text, 1, PCAP_NETMASK_UNKNOWN);
	if (r < 0) {
		snprintf(err, size, "filter expression: %s", pcap_geterr(pcap));
		*ret_usage = true;
		return -EINVAL;
	}
	r = pcap_setfilter(pcap, &prog);
	pcap_freecode(&prog);
	if (r < 0) {
		snprintf(err, size, "filter: %s", pcap_geterr(pcap));
		return -EIO;
	}
	return 0;
}

/* SLL2 has the interface of each packet; other devices than "any" have their own header. */
static void choose_link_type(struct handle *h)
{
	h->link_type = pcap_datalink(h->pcap);
	if (h->link_type == LINK_SLL && pcap_set_datalink(h->pcap, LINK_SLL2) == 0)
		h->link_type = LINK_SLL2;
}

static int open_handle(struct handle *h, const char *name, const struct capture_options *options, char *err, size_t size,
	bool *ret_usage)
{
	char pcap_err[PCAP_ERRBUF_SIZE] = "";
	int r;

	text_clean(h->name, sizeof(h->name), name, strlen(name));
	h->pcap = pcap_create(name, pcap_err);
	if (!h->pcap) {
		snprintf(err, size, "%s: %s", h->name, pcap_err);
		return -EIO;
	}
	pcap_set_snaplen(h->pcap, SNAPLEN);
	pcap_set_promisc(h->pcap, 0);
	pcap_set_timeout(h->pcap, RING_TIMEOUT_MS);
	pcap_set_buffer_size(h->pcap, options->small ? SMALL_KERNEL_RING : KERNEL_RING);
	r = pcap_activate(h->pcap);
	if (r < 0) {
		snprintf(err, size, "%s: %s", h->name,
			*pcap_geterr(h->pcap) ? pcap_geterr(h->pcap) : pcap_statustostr(r));
		*ret_usage = r == PCAP_ERROR_NO_SUCH_DEVICE || r == PCAP_ERROR_IFACE_NOT_UP;
		return r == PCAP_ERROR_PERM_DENIED ? -EPERM : -EIO;
	}
	choose_link_type(h);
	if (!decode_knows(h->link_type)) {
		snprintf(err, size, "%s: link type %d is not known", h->name, h->link_type);
		*ret_usage = true;
		return -EINVAL;
	}
	if (h->link_type != LINK_SLL2)
		h->ifindex = if_nametoindex(name);
	r = set_filter(h->pcap, options->filter, err, size, ret_usage);
	if (r < 0)
		return r;
	if (pcap_setnonblock(h->pcap, 1, pcap_err) < 0) {
		snprintf(err, size, "%s: %s", h->name, pcap_err);
		return -EIO;
	}
	return 0;
}

struct capture *capture_open(const struct capture_options *options, char *err, size_t size,
	bool *ret_usage)
{
	static const char *const any[] = {"any"};
	const char *const *names = options->n_interfaces ? options->interfaces : any;
	size_t n = options->n_interfaces ? options->n_interfaces : 1;
	struct capture *c;

	*ret_usage = false;
	if (n > INTERFACES_MAX) {
		snprintf(err, size, "more than %d interfaces", INTERFACES_MAX);
		*ret_usage = true;
		errno = EINVAL;
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->look_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->ring_size = options->small ? SMALL_RING : RING;
	c->ring = calloc(c->ring_size, sizeof(*c->ring));
	c->user_filter = options->filter ? strdup(options->filter) : NULL;
	pthread_mutex_init(&c->look_lock, NULL);
	if (c->ready_fd < 0 || c->stop_fd < 0 || c->look_fd < 0 || !c->ring ||
		(options->filter && !c->user_filter)) {
		snprintf(err, size, "%s", strerror(errno));
		capture_free(c);
		return NULL;
	}
	memset(c->ring, 1, c->ring_size * sizeof(*c->ring)); /* touched now, so that use does not grow it */
	for (size_t i = 0; i < n; i++) {
		int r = open_handle(&c->handles[i], names[i], options, err, size, ret_usage);

		c->n_handles++;
		if (r < 0) {
			capture_free(c);
			errno = -r;
			return NULL;
		}
	}
	return c;
}

void capture_free(struct capture *c)
{
	int saved = errno;

	if (!c)
		return;
	if (c->running) {
		uint64_t one = 1;

		if (write(c->stop_fd, &one, sizeof(one)) == sizeof(one))
			pthread_join(c->thread, NULL);
	}
	for (size_t i = 0; i < c->n_handles; i++)
		if (c->handles[i].pcap)
			pcap_close(c->handles[i].pcap);
	if (c->ready_fd >= 0)
		close(c->ready_fd);
	if (c->stop_fd >= 0)
		close(c->stop_fd);
	if (c->look_fd >= 0)
		close(c->look_fd);
	pthread_mutex_destroy(&c->look_lock);
	free(c->user_filter);
	free(c->ring);
	free(c);
	errno = saved;
}

struct delivery {
	struct capture *c;
	struct handle *h;
};

static void on_packet(u_char *user, const struct pcap_pkthdr *hdr, const u_char *bytes)
{
	struct delivery *d = (struct delivery *)(void *)user;
	struct capture *c = d->c;
	uint32_t head = atomic_load_explicit(&c->head, memory_order_relaxed);
	struct segment s;

	if (decode_packet(d->h->link_type, bytes, hdr->caplen, &s) < 0)
		return;
	if (head - atomic_load_explicit(&c->tail, memory_order_acquire) >= c->ring_size) {
		atomic_fetch_add_explicit(&c->ring_lost, 1, memory_order_relaxed);
		return;
	}
	s.t = (int64_t)hdr->ts.tv_sec * USEC + hdr->ts.tv_usec;
	if (s.ifindex == 0)
		s.ifindex = d->h->ifindex;
	c->ring[head % c->ring_size] = s;
	atomic_store_explicit(&c->head, head + 1, memory_order_release);
}

static void update_stats(struct capture *c)
{
	uint64_t received = 0, lost = 0;

	for (size_t i = 0; i < c->n_handles; i++) {
		struct handle *h = &c->handles[i];
		struct pcap_stat stat;

		if (!h->ended && pcap_stats(h->pcap, &stat) == 0) {
			/* 32-bit counters that wrap: add what they grew by */
			h->received += (uint32_t)(stat.ps_recv - (uint32_t)h->received);
			h->lost += (uint32_t)(stat.ps_drop - (uint32_t)h->lost);
		}
		received += h->received;
		lost += h->lost;
	}
	atomic_store_explicit(&c->received, received, memory_order_relaxed);
	atomic_store_explicit(&c->lost, lost, memory_order_relaxed);
}

static void end_handle(struct capture *c, struct handle *h)
{
	const char *reason = pcap_geterr(h->pcap);

	h->ended = true;
	if (atomic_load(&c->failed))
		return;
	snprintf(c->why, sizeof(c->why), "%s: %s", h->name, reason);
	atomic_store(&c->failed, true);
}

/*
 * Where the kernel's filter finds what a compiled one looks for: on "any" the socket delivers no link header,
 * which libpcap makes up afterwards, so its fields are asked of the kernel instead (as libpcap's own
 * pcap-linux.c fix_offset does). False: something in it cannot be had.
 */
static bool relocate(struct bpf_insn *code, unsigned int n, int link_type)
{
	static const struct {
		uint32_t at, kernel;
	} sll2[] = {{0, SKF_AD_PROTOCOL}, {4, SKF_AD_IFINDEX}, {8, SKF_AD_HATYPE}, {10, SKF_AD_PKTTYPE}},
	  sll[] = {{14, SKF_AD_PROTOCOL}, {0, SKF_AD_PKTTYPE}, {2, SKF_AD_HATYPE}};
	uint32_t header = link_type == LINK_SLL2 ? 20 : 16;
	size_t fields = link_type == LINK_SLL2 ? 4 : 3;

	if (link_type != LINK_SLL2 && link_type != LINK_SLL)
		return true;
	for (unsigned int i = 0; i < n; i++) {
		struct bpf_insn *in = &code[i];
		int mode = BPF_MODE(in->code), class = BPF_CLASS(in->code);
		bool done = false;

		if ((class != BPF_LD && class != BPF_LDX) ||
			(mode != BPF_ABS && mode != BPF_IND && mode != BPF_MSH) || (int32_t)in->k < 0)
			continue;
		if (in->k >= header) {
			in->k -= header;
			continue;
		}
		for (size_t f = 0; f < fields && !done; f++)
			if ((link_type == LINK_SLL2 ? sll2[f].at : sll[f].at) == in->k) {
				in->k = (uint32_t)(SKF_AD_OFF +
						   (int)(link_type == LINK_SLL2 ? sll2[f].kernel : sll[f].kernel));
				done = true;
			}
		if (!done)
			return false;
	}
	return true;
}

/* Swaps the filter of one socket. A failure leaves the old one in place. */
static bool attach_filter(struct handle *h, const char *text)
{
	struct bpf_program prog;
	struct sock_fprog kernel;
	bool attached;

	if (pcap_compile(h->pcap, &prog, text, 1, PCAP_NETMASK_UNKNOWN) < 0)
		return false;
	static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter), "one layout");
	kernel = (struct sock_fprog){(unsigned short)prog.bf_len, (void *)prog.bf_insns};
	attached = prog.bf_len <= BPF_MAXINSNS && relocate(prog.bf_insns, prog.bf_len, h->link_type) &&
		   setsockopt(pcap_fileno(h->pcap), SOL_SOCKET, SO_ATTACH_FILTER, &kernel, sizeof(kernel)) == 0;
	pcap_freecode(&prog);
	return attached;
}

static void change_filters(struct capture *c)
{
	struct look looks[LOOKS_MAX];
	char text[FILTER_MAX];
	uint64_t count, generation;
	bool all = true;
	size_t n;

	if (read(c->look_fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&c->look_lock);
	n = c->n_looks;
	memcpy(looks, c->looks, sizeof(looks));
	generation = c->generation;
	pthread_mutex_unlock(&c->look_lock);
	if (write_filter(c->user_filter, looks, n, text, sizeof(text)) < 0)
		return;
	for (size_t i = 0; i < c->n_handles; i++)
		if (!c->handles[i].ended && !attach_filter(&c->handles[i], text))
			all = false;
	if (all)
		atomic_store(&c->attached, generation);
}

void capture_look(struct capture *c, const struct look *looks, size_t n, uint64_t generation)
{
	uint64_t one = 1;

	pthread_mutex_lock(&c->look_lock);
	c->n_looks = n < LOOKS_MAX ? n : LOOKS_MAX;
	memcpy(c->looks, looks, c->n_looks * sizeof(*looks));
	c->generation = generation;
	pthread_mutex_unlock(&c->look_lock);
	while (write(c->look_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

uint64_t capture_looked(struct capture *c)
{
	return atomic_load(&c->attached);
}

static void *capture_thread(void *arg)
{
	struct capture *c = arg;
	struct pollfd fds[INTERFACES_MAX + 2];
	uint64_t one = 1;

	for (;;) {
		uint32_t before = atomic_load_explicit(&c->head, memory_order_relaxed);

		for (size_t i = 0; i < c->n_handles; i++)
			fds[i] = (struct pollfd){
				.fd = c->handles[i].ended ? -1
							  : pcap_get_selectable_fd(c->handles[i].pcap),
				.events = POLLIN,
			};
		fds[c->n_handles] = (struct pollfd){.fd = c->stop_fd, .events = POLLIN};
		fds[c->n_handles + 1] = (struct pollfd){.fd = c->look_fd, .events = POLLIN};
		if (poll(fds, c->n_handles + 2, STATS_EVERY_MS) < 0 && errno != EINTR)
			break;
		if (fds[c->n_handles].revents)
			break;
		if (fds[c->n_handles + 1].revents)
			change_filters(c);
		for (size_t i = 0; i < c->n_handles; i++) {
			struct delivery d = {c, &c->handles[i]};

			if (fds[i].revents &&
				pcap_dispatch(d.h->pcap, -1, on_packet, (u_char *)(void *)&d) < 0)
				end_handle(c, d.h);
		}
		update_stats(c);
		if (atomic_load_explicit(&c->head, memory_order_relaxed) != before &&
			write(c->ready_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
			break;
	}
	return NULL;
}

int capture_start(struct capture *c)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	r = pthread_create(&c->thread, NULL, capture_thread, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	c->running = r == 0;
	return -r;
}

int capture_fd(const struct capture *c)
{
	return c->ready_fd;
}

size_t capture_drain(struct capture *c, size_t max, void (*take)(void *ctx, const struct segment *s),
	void *ctx)
{
	uint32_t tail = atomic_load_explicit(&c->tail, memory_order_relaxed);
	uint64_t count;
	size_t n = 0;

	if (read(c->ready_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return 0;
	while (n < max && tail != atomic_load_explicit(&c->head, memory_order_acquire)) {
		take(ctx, &c->ring[tail % c->ring_size]);
		tail++;
		n++;
		atomic_store_explicit(&c->tail, tail, memory_order_release);
	}
	return n;
}

void capture_again(struct capture *c)
{
	uint64_t one = 1;

	while (write(c->ready_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void capture_stats(struct capture *c, uint64_t *ret_received, uint64_t *ret_lost, char *why, size_t size)
{
	*ret_received = atomic_load_explicit(&c->received, memory_order_relaxed);
	*ret_lost = atomic_load_explicit(&c->lost, memory_order_relaxed) +
		    atomic_load_explicit(&c->ring_lost, memory_order_relaxed);
	text_copy(why, size, "");
	if (atomic_load(&c->failed))
		text_clean(why, size, c->why, strlen(c->why));
}

struct file_reader {
	int link_type;
	void (*take)(void *ctx, const struct segment *s);
	void *ctx;
};

static void on_file_packet(u_char *user, const struct pcap_pkthdr *hdr, const u_char *bytes)
{
	struct file_reader *r = (struct file_reader *)(void *)user;
	struct segment s;

	if (decode_packet(r->link_type, bytes, hdr->caplen, &s) < 0)
		return;
	s.t = (int64_t)hdr->ts.tv_sec * USEC + hdr->ts.tv_usec;
	if (s.t < 0)
		return;
	r->take(r->ctx, &s);
}

int capture_read_stream(FILE *stream, const char *filter,
	void (*take)(void *ctx, const struct segment *s), void *ctx, char *err, size_t size)
{
	char pcap_err[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap = pcap_fopen_offline(stream, pcap_err);
	struct file_reader reader = {.take = take, .ctx = ctx};
	struct bpf_program prog;
	int r = -EIO;

	if (!pcap) {
		snprintf(err, size, "%s", pcap_err);
		fclose(stream);
		return -EIO;
	}
	reader.link_type = pcap_datalink(pcap);
	if (!decode_knows(reader.link_type)) {
		snprintf(err, size, "link type %d is not known", reader.link_type);
		goto out;
	}
	if (filter && *filter) {
		if (pcap_compile(pcap, &prog, filter, 1, PCAP_NETMASK_UNKNOWN) < 0) {
			snprintf(err, size, "filter expression: %s", pcap_geterr(pcap));
			goto out;
		}
		r = pcap_setfilter(pcap, &prog);
		pcap_freecode(&prog);
		if (r < 0) {
			snprintf(err, size, "%s", pcap_geterr(pcap));
			r = -EIO;
			goto out;
		}
	}
	r = 0;
	if (pcap_loop(pcap, -1, on_file_packet, (u_char *)(void *)&reader) < 0) {
		snprintf(err, size, "%s", pcap_geterr(pcap));
		r = -EIO;
	}
out:
	pcap_close(pcap);
	return r;
}
