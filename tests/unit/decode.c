/* decode.c - hand-made packets of every kind, whole, cut at every byte, and broken. */
#include "unit.h"

#include "collect/decode.h"
#include "packet.h"

#include <errno.h>

/* Decodes from a block of exactly n bytes, so that reading past them is seen by a sanitizer. */
static int decode_exact(int link, const uint8_t *bytes, size_t n, struct segment *ret)
{
	uint8_t *copy = malloc(n ? n : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, bytes, n);
	r = decode_packet(link, copy, n, ret);
	free(copy);
	return r;
}

static void syn4(struct packet *p)
{
	put_ipv4(p, packet_src4, packet_dst4, 6, 0x4000, 0, 40);
	put_tcp(p, TCP_SYN, packet_syn_options, 20, 0);
}

static void syn6(struct packet *p)
{
	put_ipv6(p, packet_src6, packet_dst6, 6, 40);
	put_tcp(p, TCP_SYN, packet_syn_options, 20, 0);
}

static void ethernet(struct packet *p, unsigned type)
{
	put(p, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01", 12);
	put16(p, type);
}

static void link_ethernet4(struct packet *p)
{
	ethernet(p, 0x0800);
	syn4(p);
}

static void link_ethernet6(struct packet *p)
{
	ethernet(p, 0x86dd);
	syn6(p);
}

static void link_vlan(struct packet *p)
{
	ethernet(p, 0x8100);
	put16(p, 42);
	put16(p, 0x0800);
	syn4(p);
}

static void link_qinq(struct packet *p)
{
	ethernet(p, 0x88a8);
	put16(p, 7);
	put16(p, 0x8100);
	put16(p, 42);
	put16(p, 0x86dd);
	syn6(p);
}

static void sll(struct packet *p, unsigned type, unsigned proto)
{
	put16(p, type);
	put16(p, 1);
	put16(p, 6);
	put(p, "\x02\0\0\0\0\x01\0\0", 8);
	put16(p, proto);
}

static void link_sll(struct packet *p)
{
	sll(p, 0, 0x0800);
	syn4(p);
}

static void link_sll_out(struct packet *p)
{
	sll(p, 4, 0x86dd);
	syn6(p);
}

static void link_sll_vlan(struct packet *p)
{
	sll(p, 0, 0x8100);
	put16(p, 42);
	put16(p, 0x0800);
	syn4(p);
}

static void sll2(struct packet *p, unsigned type, unsigned proto)
{
	put16(p, proto);
	put16(p, 0);
	put32(p, 0x01020304);
	put16(p, 1);
	put8(p, type);
	put8(p, 6);
	put(p, "\x02\0\0\0\0\x01\0\0", 8);
}

static void link_sll2(struct packet *p)
{
	sll2(p, 0, 0x0800);
	syn4(p);
}

static void link_sll2_out(struct packet *p)
{
	sll2(p, 4, 0x86dd);
	syn6(p);
}

static void link_sll2_other(struct packet *p)
{
	sll2(p, 3, 0x0800);
	syn4(p);
}

static void link_null(struct packet *p)
{
	put(p, "\x02\0\0\0", 4);
	syn4(p);
}

static void link_loop(struct packet *p)
{
	put(p, "\0\0\0\x1e", 4);
	syn6(p);
}

static void ipv4_options(struct packet *p)
{
	put_ipv4(p, packet_src4, packet_dst4, 6, 0, 40, 25);
	put_tcp(p, TCP_PSH | TCP_ACK, NULL, 0, 5);
}

static void ipv4_first_fragment(struct packet *p)
{
	put_ipv4(p, packet_src4, packet_dst4, 6, 0x2000, 0, 24);
	put_tcp(p, TCP_SYN, NULL, 0, 4);
}

static void ipv6_extensions(struct packet *p)
{
	put_ipv6(p, packet_src6, packet_dst6, 0, 8 + 16 + 24 + 8 + 23);
	put(p, "\x2b\0\x01\x04\0\0\0\0", 8); /* hop-by-hop, then routing */
	put(p, "\x3c\x01\0\0", 4);           /* routing of 16, then destination options */
	put_zeros(p, 12);
	put(p, "\x2c\x02\x01\x14", 4); /* destination options of 24, then fragment */
	put_zeros(p, 20);
	put(p, "\x06\0\0\x01\0\0\0\x09", 8); /* first fragment, more follow */
	put_tcp(p, TCP_FIN | TCP_ACK, NULL, 0, 3);
}

static void icmp4(struct packet *p, unsigned type, unsigned code, size_t quoted)
{
	struct packet inner = {.n = 0};

	put_ipv4(&inner, packet_src4, packet_dst4, 6, 0x4000, 0, 40);
	put_tcp(&inner, TCP_SYN, packet_syn_options, 20, 0);
	put_ipv4(p, packet_router4, packet_src4, 1, 0, 0, 8 + quoted);
	put8(p, type);
	put8(p, code);
	put_zeros(p, 6);
	put(p, inner.b, quoted);
}

static void icmp4_unreachable(struct packet *p)
{
	icmp4(p, 3, 13, 60);
}

static void icmp4_exceeded_shortest(struct packet *p)
{
	icmp4(p, 11, 0, 28); /* header and 8 bytes, all that RFC 792 promises */
}

static void icmp6_unreachable(struct packet *p)
{
	put_ipv6(p, packet_router6, packet_src6, 58, 8 + 40 + 8 + 20);
	put8(p, 1);
	put8(p, 4);
	put_zeros(p, 6);
	put_ipv6(p, packet_src6, packet_dst6, 60, 8 + 40);
	put(p, "\x06\0\x01\x04\0\0\0\0", 8);
	put_tcp(p, TCP_SYN, NULL, 0, 0);
}

/* Frame of 42 bytes as it is on the wire, and its padding. */
static void put_arp(struct packet *p, unsigned op, const uint8_t from[4], const uint8_t to[4])
{
	put(p, "\0\1\x08\0\x06\x04", 6);
	put16(p, op);
	put(p, "\x02\0\0\0\0\x01", 6);
	put(p, from, 4);
	put(p, "\0\0\0\0\0\0", 6);
	put(p, to, 4);
	put_zeros(p, 18);
}

static void arp_request(struct packet *p)
{
	ethernet(p, 0x0806);
	put_arp(p, 1, packet_src4, packet_dst4);
}

static void arp_reply(struct packet *p)
{
	sll2(p, 4, 0x0806);
	put_arp(p, 2, packet_src4, packet_dst4);
}

static void arp_vlan(struct packet *p)
{
	ethernet(p, 0x8100);
	put16(p, 42);
	put16(p, 0x0806);
	put_arp(p, 1, packet_src4, packet_dst4);
}

static const uint8_t packet_group6[16] = {0xff, 2, [11] = 1, [12] = 0xff, [15] = 2};

/* To the target's multicast group, and about the target; with a link-layer option. */
static void solicitation(struct packet *p)
{
	put_ipv6(p, packet_src6, packet_group6, 58, 32);
	put8(p, 135);
	put8(p, 0);
	put_zeros(p, 6);
	put(p, packet_dst6, 16);
	put(p, "\1\1\x02\0\0\0\0\1", 8);
}

/* From another address of the host than the one that it speaks of. */
static void advertisement(struct packet *p)
{
	put_ipv6(p, packet_router6, packet_dst6, 58, 24);
	put8(p, 136);
	put8(p, 0);
	put32(p, 0x60000000);
	put16(p, 0);
	put(p, packet_src6, 16);
}

enum {
	V6 = 1,
	TIMESTAMPS = 2,
	ICMP = 4,
};

static const struct sample {
	const char *name;
	int link;
	void (*make)(struct packet *p);
	int marks;
	enum segment_way way;
	uint32_t ifindex;
	uint16_t payload;
	uint8_t flags, type, code;
} samples[] = {
	{"Ethernet", LINK_ETHERNET, link_ethernet4, TIMESTAMPS, WAY_UNKNOWN, 0, 0, TCP_SYN, 0, 0},
	{"Ethernet, IPv6", LINK_ETHERNET, link_ethernet6, V6 | TIMESTAMPS, WAY_UNKNOWN, 0, 0,
		TCP_SYN, 0, 0},
	{"VLAN", LINK_ETHERNET, link_vlan, TIMESTAMPS, WAY_UNKNOWN, 0, 0, TCP_SYN, 0, 0},
	{"QinQ", LINK_ETHERNET, link_qinq, V6 | TIMESTAMPS, WAY_UNKNOWN, 0, 0, TCP_SYN, 0, 0},
	{"SLL", LINK_SLL, link_sll, TIMESTAMPS, WAY_IN, 0, 0, TCP_SYN, 0, 0},
	{"SLL, outgoing", LINK_SLL, link_sll_out, V6 | TIMESTAMPS, WAY_OUT, 0, 0, TCP_SYN, 0, 0},
	{"SLL, VLAN", LINK_SLL, link_sll_vlan, TIMESTAMPS, WAY_IN, 0, 0, TCP_SYN, 0, 0},
	{"SLL2", LINK_SLL2, link_sll2, TIMESTAMPS, WAY_IN, 0x01020304, 0, TCP_SYN, 0, 0},
	{"SLL2, outgoing", LINK_SLL2, link_sll2_out, V6 | TIMESTAMPS, WAY_OUT, 0x01020304, 0,
		TCP_SYN, 0, 0},
	{"SLL2, other host", LINK_SLL2, link_sll2_other, TIMESTAMPS, WAY_OTHER, 0x01020304, 0,
		TCP_SYN, 0, 0},
	{"NULL", LINK_NULL, link_null, TIMESTAMPS, WAY_UNKNOWN, 0, 0, TCP_SYN, 0, 0},
	{"LOOP", LINK_LOOP, link_loop, V6 | TIMESTAMPS, WAY_UNKNOWN, 0, 0, TCP_SYN, 0, 0},
	{"RAW", LINK_RAW, syn4, TIMESTAMPS, WAY_UNKNOWN, 0, 0, TCP_SYN, 0, 0},
	{"RAW of BSD", LINK_RAW_BSD, syn6, V6 | TIMESTAMPS, WAY_UNKNOWN, 0, 0, TCP_SYN, 0, 0},
	{"IPV4", LINK_IPV4, syn4, TIMESTAMPS, WAY_UNKNOWN, 0, 0, TCP_SYN, 0, 0},
	{"IPV6", LINK_IPV6, syn6, V6 | TIMESTAMPS, WAY_UNKNOWN, 0, 0, TCP_SYN, 0, 0},
	{"IPv4 options", LINK_RAW, ipv4_options, 0, WAY_UNKNOWN, 0, 5, TCP_PSH | TCP_ACK, 0, 0},
	{"first fragment", LINK_RAW, ipv4_first_fragment, 0, WAY_UNKNOWN, 0, 4, TCP_SYN, 0, 0},
	{"IPv6 extensions", LINK_RAW, ipv6_extensions, V6, WAY_UNKNOWN, 0, 3, TCP_FIN | TCP_ACK, 0,
		0},
	{"ICMP", LINK_RAW, icmp4_unreachable, ICMP, WAY_UNKNOWN, 0, 0, TCP_SYN, 3, 13},
	{"ICMP, shortest", LINK_RAW, icmp4_exceeded_shortest, ICMP, WAY_UNKNOWN, 0, 0, 0, 11, 0},
	{"ICMPv6", LINK_RAW, icmp6_unreachable, ICMP | V6, WAY_UNKNOWN, 0, 0, TCP_SYN, 1, 4},
};

static void check_whole(const struct sample *one, const struct segment *s)
{
	bool v6 = one->marks & V6;
	struct ip src = v6 ? ip_from_v6(packet_src6) : ip_from_v4(packet_src4);
	struct ip dst = v6 ? ip_from_v6(packet_dst6) : ip_from_v4(packet_dst4);
	struct ip router = v6 ? ip_from_v6(packet_router6) : ip_from_v4(packet_router4);

	expect(s->v6 == v6, "%s: family", one->name);
	expect(ip_equal(&s->src, &src) && ip_equal(&s->dst, &dst), "%s: addresses", one->name);
	expect(s->sport == PACKET_SPORT && s->dport == PACKET_DPORT, "%s: ports", one->name);
	expect(s->seq == PACKET_SEQ, "%s: seq", one->name);
	expect(s->ttl == PACKET_TTL, "%s: ttl", one->name);
	expect(s->flags == one->flags, "%s: flags %02x", one->name, s->flags);
	expect(s->way == one->way && s->ifindex == one->ifindex, "%s: way, interface", one->name);
	expect(s->t == 0, "%s: time", one->name);
	if (one->marks & ICMP) {
		expect(s->kind == SEGMENT_ICMP, "%s: kind", one->name);
		expect(s->icmp_type == one->type && s->icmp_code == one->code, "%s: type",
			one->name);
		expect(ip_equal(&s->icmp_from, &router), "%s: sender", one->name);
		return;
	}
	expect(s->kind == SEGMENT_TCP, "%s: kind", one->name);
	expect(s->ack == PACKET_ACK && s->window == PACKET_WINDOW, "%s: ack, window", one->name);
	expect(s->payload == one->payload, "%s: payload %u", one->name, s->payload);
	expect(s->timestamps == !!(one->marks & TIMESTAMPS), "%s: timestamps", one->name);
}

static void test_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct packet p = {.n = 0};
		struct segment s;

		samples[i].make(&p);
		expect(decode_exact(samples[i].link, p.b, p.n, &s) == 0, "%s", samples[i].name);
		check_whole(&samples[i], &s);
		assert_true(decode_knows(samples[i].link));
	}
}

/*
 * Every prefix of every sample: what is told must have been in it. The bytes that followed are
 * changed, which must not make a difference; and nothing is written where it fails.
 */
static void test_every_prefix(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct packet p = {.n = 0};
		struct segment whole, untouched;
		bool ok = false;

		samples[i].make(&p);
		assert_int_equal(decode_exact(samples[i].link, p.b, p.n, &whole), 0);
		memset(&untouched, 0x5a, sizeof(untouched));
		for (size_t n = 0; n < p.n; n++) {
			struct segment s = untouched;
			int r = decode_exact(samples[i].link, p.b, n, &s);

			if (r < 0) {
				expect(r == -EBADMSG || r == -ENOMSG, "%s at %zu: %d",
					samples[i].name, n, r);
				expect(memcmp(&s, &untouched, sizeof(s)) == 0, "%s at %zu writes",
					samples[i].name, n);
				expect(!ok, "%s at %zu fails, and a shorter one did not",
					samples[i].name, n);
				continue;
			}
			ok = true;
			expect(!s.bad_tcp_sum, "%s at %zu adds up what is not there", samples[i].name, n);
			s.bad_tcp_sum = whole.bad_tcp_sum;
			s.timestamps = whole.timestamps; /* in options that were cut off */
			s.speech = whole.speech; /* of a payload that was */
			if (s.kind == SEGMENT_ICMP && s.flags == 0) /* beyond the 8 bytes */
				s.flags = whole.flags;
			expect(memcmp(&s.src, &whole.src,
				       sizeof(s) - offsetof(struct segment, src)) == 0,
				"%s at %zu tells something else", samples[i].name, n);
		}
	}
}

/* Every single byte changed to several values: no crash, and the same again for the same bytes. */
static void test_every_byte_changed(void **state)
{
	static const uint8_t values[] = {0x00, 0x01, 0x0f, 0x45, 0x60, 0x7f, 0x80, 0xf0, 0xff};

	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct packet p = {.n = 0};
		struct segment a, b;

		samples[i].make(&p);
		for (size_t at = 0; at < p.n; at++) {
			for (size_t v = 0; v < COUNT(values); v++) {
				uint8_t before = p.b[at];
				int r;

				p.b[at] = values[v];
				memset(&a, 0, sizeof(a));
				memset(&b, 0, sizeof(b));
				r = decode_exact(samples[i].link, p.b, p.n, &a);
				assert_int_equal(decode_exact(samples[i].link, p.b, p.n, &b), r);
				assert_memory_equal(&a, &b, sizeof(a));
				p.b[at] = before;
			}
		}
	}
}

static void is(int want, int link, const struct packet *p, const char *what)
{
	struct segment s;
	int r = decode_exact(link, p->b, p->n, &s);

	expect(r == want, "%s: %d", what, r);
}

/* Who asks is src, what is asked for dst; who answers is src. */
static void test_neighbours(void **state)
{
	static const struct {
		const char *name;
		int link;
		void (*make)(struct packet *p);
		enum segment_kind kind;
		bool v6;
		size_t needed;
	} asks[] = {
		{"ARP request", LINK_ETHERNET, arp_request, SEGMENT_WHO_HAS, false, 14 + 28},
		{"ARP reply", LINK_SLL2, arp_reply, SEGMENT_IS_AT, false, 20 + 28},
		{"ARP in a VLAN", LINK_ETHERNET, arp_vlan, SEGMENT_WHO_HAS, false, 18 + 28},
		{"neighbour solicitation", LINK_RAW, solicitation, SEGMENT_WHO_HAS, true, 40 + 24},
		{"neighbour advertisement", LINK_RAW, advertisement, SEGMENT_IS_AT, true, 40 + 24},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(asks); i++) {
		struct ip src = asks[i].v6 ? ip_from_v6(packet_src6) : ip_from_v4(packet_src4);
		struct ip dst = asks[i].v6 ? ip_from_v6(packet_dst6) : ip_from_v4(packet_dst4);
		struct packet p = {.n = 0};
		struct segment s;

		asks[i].make(&p);
		for (size_t n = 0; n < p.n; n++) {
			int r = decode_exact(asks[i].link, p.b, n, &s);

			expect(n < asks[i].needed ? r == -EBADMSG : r == 0, "%s at %zu: %d", asks[i].name, n, r);
		}
		assert_int_equal(decode_exact(asks[i].link, p.b, p.n, &s), 0);
		expect(s.kind == asks[i].kind, "%s: kind %u", asks[i].name, s.kind);
		expect(ip_equal(&s.src, &src), "%s: who", asks[i].name);
		expect(s.kind == SEGMENT_IS_AT || ip_equal(&s.dst, &dst), "%s: whom", asks[i].name);
		expect(s.sport == 0 && s.dport == 0 && s.flags == 0, "%s: TCP", asks[i].name);
	}
}

/* Of another kind than Ethernet's and IPv4's, or another operation. */
static void test_other_arp(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} changes[] = {{1, 6}, {2, 0x86}, {4, 8}, {5, 16}, {7, 0}, {7, 3}, {6, 1}};

	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		struct packet p = {.n = 0};

		arp_request(&p);
		p.b[14 + changes[i].at] = changes[i].value;
		is(-ENOMSG, LINK_ETHERNET, &p, "an ARP packet of another kind");
	}
}

/* The ones' complement of the sum, as a sender makes it (RFC 1071). */
static uint16_t sum_of(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* A SYN with both checksums right; payload: data in it (Fast Open). */
static void put_summed(struct packet *p, bool v6, size_t payload)
{
	size_t ip = v6 ? 40 : 20, tcp = 40 + payload, at = v6 ? 8 : 12, n = v6 ? 32 : 8;
	uint16_t sum;

	if (v6)
		put_ipv6(p, packet_src6, packet_dst6, 6, tcp);
	else
		put_ipv4(p, packet_src4, packet_dst4, 6, 0x4000, 0, tcp);
	put_tcp(p, TCP_SYN, packet_syn_options, 20, payload);
	sum = sum_of(p->b, 20, 0);
	if (!v6)
		memcpy(p->b + 10, (uint8_t[]){(uint8_t)(sum >> 8), (uint8_t)sum}, 2);
	sum = sum_of(p->b + ip, tcp, (uint16_t)~sum_of(p->b + at, n, 6 + (uint32_t)tcp));
	memcpy(p->b + ip + 16, (uint8_t[]){(uint8_t)(sum >> 8), (uint8_t)sum}, 2);
}

static void test_checksums(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		for (size_t payload = 0; payload < 4; payload++) {
			struct packet p = {.n = 0};
			struct segment s;

			put_summed(&p, v6, payload);
			assert_int_equal(decode_exact(LINK_RAW, p.b, p.n, &s), 0);
			expect(!s.bad_ip_sum && !s.bad_tcp_sum, "IPv%d, %zu bytes", v6 ? 6 : 4, payload);
			p.b[p.n - 1] ^= 1; /* the last byte counts, at an odd length too */
			assert_int_equal(decode_exact(LINK_RAW, p.b, p.n, &s), 0);
			expect(!s.bad_ip_sum && s.bad_tcp_sum, "IPv%d, %zu bytes, a wrong one", v6 ? 6 : 4, payload);
			put_zeros(&p, 6); /* padding does not */
			p.b[p.n - 7] ^= 1;
			p.b[p.n - 1] = 0x5a;
			assert_int_equal(decode_exact(LINK_RAW, p.b, p.n, &s), 0);
			expect(!s.bad_tcp_sum, "IPv%d, %zu bytes, padded", v6 ? 6 : 4, payload);
		}
	}
}

/* The addresses belong to the sum; a byte of the TTL or of the IP options to the header's. */
static void test_checksum_covers(void **state)
{
	struct packet p = {.n = 0};
	struct segment s;

	(void)state;
	put_summed(&p, false, 0);
	p.b[15] ^= 1;
	assert_int_equal(decode_exact(LINK_RAW, p.b, p.n, &s), 0);
	assert_true(s.bad_ip_sum && s.bad_tcp_sum);
	p.b[15] ^= 1;
	p.b[8]--;
	assert_int_equal(decode_exact(LINK_RAW, p.b, p.n, &s), 0);
	assert_true(s.bad_ip_sum && !s.bad_tcp_sum);
	p = (struct packet){.n = 0};
	put_summed(&p, true, 0);
	p.b[39] ^= 1;
	assert_int_equal(decode_exact(LINK_RAW, p.b, p.n, &s), 0);
	assert_true(!s.bad_ip_sum && s.bad_tcp_sum); /* IPv6 has no sum of its own */
}

/* Where not all of it was captured nothing is said of it; and of a segment that is no SYN neither. */
static void test_checksum_unknown(void **state)
{
	struct packet p = {.n = 0};
	struct segment s;

	(void)state;
	put_summed(&p, false, 3);
	p.b[p.n - 1] ^= 1;
	assert_int_equal(decode_exact(LINK_RAW, p.b, p.n - 1, &s), 0);
	assert_false(s.bad_tcp_sum);
	p.b[20 + 13] = TCP_ACK;
	assert_int_equal(decode_exact(LINK_RAW, p.b, p.n, &s), 0);
	assert_false(s.bad_tcp_sum);
}

/* A null scan is a segment like another. */
static void test_no_flags(void **state)
{
	struct packet p = {.n = 0};
	struct segment s;

	(void)state;
	put_ipv4(&p, packet_src4, packet_dst4, 6, 0, 0, 20);
	put_tcp(&p, 0, NULL, 0, 0);
	assert_int_equal(decode_exact(LINK_RAW, p.b, p.n, &s), 0);
	assert_int_equal(s.kind, SEGMENT_TCP);
	assert_int_equal(s.flags, 0);
	assert_false(s.bad_tcp_sum);
}

static void test_not_ours(void **state)
{
	struct packet p = {.n = 0};

	(void)state;
	put_ipv4(&p, packet_src4, packet_dst4, 17, 0, 0, 8);
	put_zeros(&p, 8);
	is(-ENOMSG, LINK_RAW, &p, "UDP");
	p = (struct packet){.n = 0};
	put_ipv4(&p, packet_src4, packet_dst4, 6, 0x2005, 0, 40);
	put_zeros(&p, 40);
	is(-ENOMSG, LINK_RAW, &p, "a later IPv4 fragment");
	p = (struct packet){.n = 0};
	put_ipv6(&p, packet_src6, packet_dst6, 44, 48);
	put(&p, "\x06\0\0\x08\0\0\0\x09", 8);
	put_zeros(&p, 40);
	is(-ENOMSG, LINK_RAW, &p, "a later IPv6 fragment");
	p = (struct packet){.n = 0};
	ethernet(&p, 0x0806);
	put_zeros(&p, 46);
	is(-ENOMSG, LINK_ETHERNET, &p, "ARP");
	p = (struct packet){.n = 0};
	icmp4(&p, 8, 0, 60);
	is(-ENOMSG, LINK_RAW, &p, "an echo request");
	p = (struct packet){.n = 0};
	icmp4(&p, 3, 3, 60);
	p.b[20 + 8 + 9] = 17;
	is(-ENOMSG, LINK_RAW, &p, "an ICMP error about UDP");
	p = (struct packet){.n = 0};
	icmp4(&p, 3, 3, 60);
	p.b[20 + 8 + 6] = 0x00;
	p.b[20 + 8 + 7] = 0x10;
	is(-ENOMSG, LINK_RAW, &p, "an ICMP error about a later fragment");
	p = (struct packet){.n = 0};
	put_ipv6(&p, packet_router6, packet_src6, 58, 8 + 60);
	put(&p, "\x01\x04\0\0\0\0\0\0", 8);
	syn4(&p);
	is(-ENOMSG, LINK_RAW, &p, "an ICMPv6 error that quotes IPv4");
	p = (struct packet){.n = 0};
	put_ipv4(&p, packet_src4, packet_dst4, 58, 0, 0, 8 + 80);
	put(&p, "\x01\x04\0\0\0\0\0\0", 8);
	syn6(&p);
	is(-ENOMSG, LINK_RAW, &p, "ICMPv6 in IPv4");
	p = (struct packet){.n = 0};
	syn4(&p);
	is(-ENOMSG, 9999, &p, "an unknown link type");
	assert_false(decode_knows(9999));
	p.b[0] = 0x75;
	is(-ENOMSG, LINK_RAW, &p, "IP version 7");
	p = (struct packet){.n = 0};
	ethernet(&p, 0x8100);
	for (int i = 0; i < 4; i++)
		put32(&p, 0x00018100);
	syn4(&p);
	is(-ENOMSG, LINK_ETHERNET, &p, "too many VLAN tags");
}

static void test_contradictions(void **state)
{
	struct packet p = {.n = 0};

	(void)state;
	syn4(&p);
	p.b[0] = 0x44;
	is(-EBADMSG, LINK_RAW, &p, "an IPv4 header of 16 bytes");
	p.b[0] = 0x45;
	p.b[3] = 19;
	is(-EBADMSG, LINK_RAW, &p, "a total length below the header's");
	p.b[3] = 20 + 19;
	is(-EBADMSG, LINK_RAW, &p, "a total length that cuts the TCP header");
	p.b[3] = 60;
	p.b[20 + 12] = 0x40;
	is(-EBADMSG, LINK_RAW, &p, "a TCP header of 16 bytes");
	p.b[20 + 12] = 0xf0;
	is(-EBADMSG, LINK_RAW, &p, "a TCP header longer than the packet");
	p = (struct packet){.n = 0};
	put_ipv6(&p, packet_src6, packet_dst6, 0, 8 + 20);
	put(&p, "\x06\x04\0\0\0\0\0\0", 8);
	put_tcp(&p, TCP_SYN, NULL, 0, 0);
	put_zeros(&p, 60);
	is(-EBADMSG, LINK_RAW, &p, "an extension header longer than the packet");
	p = (struct packet){.n = 0};
	put_ipv6(&p, packet_src6, packet_dst6, 60, 8 * 20 + 20);
	for (int i = 0; i < 20; i++)
		put(&p, "\x3c\0\x01\x04\0\0\0\0", 8);
	put_tcp(&p, TCP_SYN, NULL, 0, 0);
	is(-EBADMSG, LINK_RAW, &p, "twenty extension headers");
}

/* What follows the IP packet on the wire (padding of short frames) is not part of it. */
static void test_trailer(void **state)
{
	struct packet p = {.n = 0};
	struct segment s;

	(void)state;
	ethernet(&p, 0x0800);
	put_ipv4(&p, packet_src4, packet_dst4, 6, 0, 0, 20);
	put_tcp(&p, TCP_RST, NULL, 0, 0);
	put_zeros(&p, 6);
	assert_int_equal(decode_exact(LINK_ETHERNET, p.b, p.n, &s), 0);
	assert_int_equal(s.payload, 0);
}

static void test_trailer_is_no_quotation(void **state)
{
	struct packet p = {.n = 0};

	(void)state;
	ethernet(&p, 0x0800);
	icmp4(&p, 3, 3, 60);
	p.b[14 + 2] = 0;
	p.b[14 + 3] = 28; /* the ICMP header alone; the quotation is beyond the packet's end */
	is(-EBADMSG, LINK_ETHERNET, &p, "an ICMP error without a quotation");
}

static void test_large_receive_offload(void **state)
{
	struct packet p = {.n = 0};
	struct segment s;

	(void)state;
	put_ipv4(&p, packet_src4, packet_dst4, 6, 0, 0, 20);
	put_tcp(&p, TCP_ACK, NULL, 0, 100);
	p.b[2] = p.b[3] = 0;
	assert_int_equal(decode_exact(LINK_RAW, p.b, p.n, &s), 0);
	assert_int_equal(s.payload, 100);
	p = (struct packet){.n = 0};
	put_ipv6(&p, packet_src6, packet_dst6, 6, 0);
	put_tcp(&p, TCP_ACK, NULL, 0, 100);
	assert_int_equal(decode_exact(LINK_RAW, p.b, p.n, &s), 0);
	assert_int_equal(s.payload, 100);
}

static void test_options(void **state)
{
	static const struct {
		const char *name;
		uint8_t bytes[16];
		bool timestamps;
	} cases[] = {
		{"none", {0}, false},
		{"alone", {8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 0}, true},
		{"after NOPs", {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}, true},
		{"after the end", {0, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 0}, false},
		{"wrong length", {8, 9, 1, 2, 3, 4, 5, 6, 7, 1, 1, 1, 1, 1, 1, 1}, false},
		{"length 0", {5, 0, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}, false},
		{"length 1", {5, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}, false},
		{"length beyond", {5, 200, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}, false},
		{"cut short", {1, 1, 1, 1, 1, 1, 1, 1, 8, 10, 1, 2, 3, 4, 5, 6}, false},
		{"kind only", {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 8}, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct packet p = {.n = 0};
		struct segment s;

		put_ipv4(&p, packet_src4, packet_dst4, 6, 0, 0, 36);
		put_tcp(&p, TCP_SYN, cases[i].bytes, 16, 0);
		assert_int_equal(decode_exact(LINK_RAW, p.b, p.n, &s), 0);
		expect(s.timestamps == cases[i].timestamps, "%s", cases[i].name);
	}
}

static void test_sll_types(void **state)
{
	static const enum segment_way want[] = {
		WAY_IN, WAY_IN, WAY_IN, WAY_OTHER, WAY_OUT, WAY_OTHER};

	(void)state;
	for (unsigned type = 0; type < COUNT(want); type++) {
		struct packet a = {.n = 0}, b = {.n = 0};
		struct segment s;

		sll(&a, type, 0x0800);
		syn4(&a);
		assert_int_equal(decode_exact(LINK_SLL, a.b, a.n, &s), 0);
		expect(s.way == want[type], "SLL type %u", type);
		expect(s.to_group == (type == 1 || type == 2), "SLL type %u: group", type);
		sll2(&b, type, 0x0800);
		syn4(&b);
		assert_int_equal(decode_exact(LINK_SLL2, b.b, b.n, &s), 0);
		expect(s.way == want[type], "SLL2 type %u", type);
		expect(s.to_group == (type == 1 || type == 2), "SLL2 type %u: group", type);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_every_byte_changed),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_other_arp),
		cmocka_unit_test(test_checksums),
		cmocka_unit_test(test_checksum_covers),
		cmocka_unit_test(test_checksum_unknown),
		cmocka_unit_test(test_no_flags),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_trailer),
		cmocka_unit_test(test_trailer_is_no_quotation),
		cmocka_unit_test(test_large_receive_offload),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_sll_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
