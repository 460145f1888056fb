/* decode.c - bytes of a captured packet in, a segment out. */
#include "decode.h"
#include "speech.h"

#include <errno.h>
#include <string.h>

/* The bytes that are left. Every read goes through take(), so none passes the end. */
struct cursor {
	const uint8_t *p;
	size_t n;
};

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_QINQ = 0x88a8,
	PROTO_HOPOPTS = 0,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_ICMPV6 = 58,
	PROTO_DSTOPTS = 60,
	ICMPV6_SOLICITATION = 135,
	ICMPV6_ADVERTISEMENT = 136,
	MAX_EXTENSIONS = 8, /* IPv6 extension headers followed; more is nobody's honest packet */
	MAX_VLANS = 3,
	TCPOPT_EOL = 0,
	TCPOPT_NOP = 1,
	TCPOPT_TIMESTAMP = 8,
};

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

/* The next n bytes, or NULL when there are fewer. */
static const uint8_t *take(struct cursor *c, size_t n)
{
	const uint8_t *p = c->p;

	if (c->n < n)
		return NULL;
	c->p += n;
	c->n -= n;
	return p;
}

/* Takes off what is behind the packet: the padding of a short frame. */
static void cut(struct cursor *c, size_t n)
{
	if (c->n > n)
		c->n = n;
}

static bool find_timestamps(const uint8_t *opt, size_t n)
{
	while (n > 0 && opt[0] != TCPOPT_EOL) {
		size_t len = opt[0] == TCPOPT_NOP ? 1 : n >= 2 ? opt[1] : 0;

		if (len == 0 || len > n || (opt[0] != TCPOPT_NOP && len < 2))
			return false;
		if (opt[0] == TCPOPT_TIMESTAMP && len == 10)
			return true;
		opt += len;
		n -= len;
	}
	return false;
}

/* The ones' complement sum of RFC 1071, with sum added; 0xffff when a checksum in it is right. */
static uint16_t add_up(const uint8_t *p, size_t n, uint32_t sum)
{
	for (; n > 1; n -= 2, p += 2)
		sum += be16(p);
	if (n == 1)
		sum += (uint32_t)*p << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Whether TCP's checksum is wrong (RFC 9293, 3.1), as far as all of the segment is there. */
static bool is_bad_sum(const uint8_t *h, size_t n, size_t total, const struct segment *s)
{
	uint32_t pseudo = PROTO_TCP + (uint32_t)total;
	size_t skip = s->v6 ? 0 : 12;

	if (n < total || total < 20)
		return false;
	pseudo += add_up(s->src.b + skip, 16 - skip, 0) + (uint32_t)add_up(s->dst.b + skip, 16 - skip, 0);
	/* One that the network card was still to fill in has the sum of the pseudo header there (CHECKSUM_PARTIAL). */
	return add_up(h, total, pseudo) != 0xffff && be16(h + 16) != add_up(NULL, 0, pseudo);
}

/* total is the length of header and payload by the IP header, which may exceed what was captured. */
static int decode_tcp(struct cursor *c, size_t total, struct segment *s)
{
	size_t captured = c->n;
	const uint8_t *h = take(c, 20);
	size_t header;

	if (!h)
		return -EBADMSG;
	header = (size_t)(h[12] >> 4) * 4;
	if (header < 20 || total < header)
		return -EBADMSG;
	s->kind = SEGMENT_TCP;
	s->sport = be16(h);
	s->dport = be16(h + 2);
	s->seq = be32(h + 4);
	s->ack = be32(h + 8);
	s->flags = h[13] & 0x3f;
	s->window = be16(h + 14);
	s->payload = (uint16_t)(total - header > UINT16_MAX ? UINT16_MAX : total - header);
	s->timestamps = find_timestamps(c->p, header - 20 < c->n ? header - 20 : c->n);
	if (take(c, header - 20))
		s->speech = (uint8_t)speech_of(c->p, c->n, s->payload);
	else
		s->speech = s->payload ? SPEECH_UNSEEN : SPEECH_NONE;
	if (s->flags & TCP_SYN)
		s->bad_tcp_sum = is_bad_sum(h, captured, total, s);
	return 0;
}

/* Walks IPv6 extension headers to the transport header (RFC 8200, 4). */
static int skip_extensions(struct cursor *c, uint8_t *next, size_t *total)
{
	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		const uint8_t *h;
		size_t len;

		switch (*next) {
		case PROTO_HOPOPTS:
		case PROTO_ROUTING:
		case PROTO_DSTOPTS:
			if (c->n < 2)
				return -EBADMSG;
			len = ((size_t)c->p[1] + 1) * 8;
			break;
		case PROTO_FRAGMENT:
			if (c->n < 8)
				return -EBADMSG;
			if ((be16(c->p + 2) & 0xfff8) != 0)
				return -ENOMSG;
			len = 8;
			break;
		default:
			return 0;
		}
		h = take(c, len);
		if (!h || *total < len)
			return -EBADMSG;
		*next = h[0];
		*total -= len;
	}
	return -EBADMSG;
}

/* The IP header: addresses and TTL into *s, the protocol and the length after it. */
static int decode_ip(struct cursor *c, struct segment *s, uint8_t *ret_proto, size_t *ret_total)
{
	const uint8_t *h = c->n > 0 ? c->p : NULL;
	size_t header, total;

	if (!h)
		return -EBADMSG;
	if (h[0] >> 4 == 4) {
		header = (size_t)(h[0] & 15) * 4;
		if (header < 20 || !take(c, header))
			return -EBADMSG;
		total = be16(h + 2);
		if (total == 0) /* a segment to be cut by the network card (TSO) */
			total = header + c->n;
		if (total < header)
			return -EBADMSG;
		if ((be16(h + 6) & 0x1fff) != 0)
			return -ENOMSG;
		s->v6 = false;
		s->ttl = h[8];
		s->src = ip_from_v4(h + 12);
		s->dst = ip_from_v4(h + 16);
		s->bad_ip_sum = add_up(h, header, 0) != 0xffff;
		*ret_proto = h[9];
		*ret_total = total - header;
		cut(c, *ret_total);
		return 0;
	}
	if (h[0] >> 4 != 6)
		return -ENOMSG;
	if (!take(c, 40))
		return -EBADMSG;
	s->v6 = true;
	s->ttl = h[7];
	s->src = ip_from_v6(h + 8);
	s->dst = ip_from_v6(h + 24);
	*ret_proto = h[6];
	*ret_total = be16(h + 4) ? be16(h + 4) : c->n;
	cut(c, *ret_total);
	return skip_extensions(c, ret_proto, ret_total);
}

/* Destination unreachable, time exceeded, parameter problem (RFC 792); types 1 to 4 (RFC 4443). */
static bool is_icmp_error(bool v6, uint8_t type)
{
	return v6 ? type >= 1 && type <= 4 : type == 3 || type == 11 || type == 12;
}

/* A neighbour solicitation or advertisement (RFC 4861, 4.3 and 4.4); h: its first 8 bytes. */
static int decode_neighbour(struct cursor *c, uint8_t type, struct segment *s)
{
	const uint8_t *target = take(c, 16);

	if (!target)
		return -EBADMSG;
	s->kind = type == ICMPV6_SOLICITATION ? SEGMENT_WHO_HAS : SEGMENT_IS_AT;
	*(type == ICMPV6_SOLICITATION ? &s->dst : &s->src) = ip_from_v6(target);
	/* The link-layer address is an option, the first one where there is one (RFC 4861, 4.6.1). */
	if (c->n >= 8 && c->p[0] == (type == ICMPV6_SOLICITATION ? 1 : 2) && c->p[1] == 1)
		memcpy(s->mac, c->p + 2, sizeof(s->mac));
	return 0;
}

static int decode_icmp(struct cursor *c, struct segment *s)
{
	const uint8_t *h = take(c, 8);
	struct ip from = s->src;
	uint8_t ttl = s->ttl, proto, type, code;
	size_t total;
	bool v6 = s->v6;
	int r;

	if (!h)
		return -EBADMSG;
	type = h[0];
	code = h[1];
	if (v6 && (type == ICMPV6_SOLICITATION || type == ICMPV6_ADVERTISEMENT))
		return decode_neighbour(c, type, s);
	if (!is_icmp_error(v6, type))
		return -ENOMSG;
	r = decode_ip(c, s, &proto, &total);
	if (r < 0)
		return r;
	if (proto != PROTO_TCP || s->v6 != v6)
		return -ENOMSG;
	h = take(c, 8); /* all that RFC 792 promises of the quoted segment */
	if (!h)
		return -EBADMSG;
	s->kind = SEGMENT_ICMP;
	s->icmp_type = type;
	s->icmp_code = code;
	s->icmp_from = from;
	s->ttl = ttl;
	s->sport = be16(h);
	s->dport = be16(h + 2);
	s->seq = be32(h + 4);
	if (c->n >= 6)
		s->flags = c->p[5] & 0x3f;
	return 0;
}

static int decode_network(struct cursor *c, struct segment *s)
{
	size_t total;
	uint8_t proto;
	int r = decode_ip(c, s, &proto, &total);

	if (r < 0)
		return r;
	if (proto == PROTO_TCP)
		return decode_tcp(c, total, s);
	if (proto == (s->v6 ? PROTO_ICMPV6 : PROTO_ICMP))
		return decode_icmp(c, s);
	return -ENOMSG;
}

/* ARP for IPv4 over Ethernet (RFC 826): who asks is src, what is asked for dst; in an answer who answers is src. */
static int decode_arp(struct cursor *c, struct segment *s)
{
	const uint8_t *h = take(c, 28);
	uint16_t op;

	if (!h)
		return -EBADMSG;
	op = be16(h + 6);
	if (be16(h) != 1 || be16(h + 2) != ETHERTYPE_IPV4 || h[4] != 6 || h[5] != 4 || op < 1 || op > 2)
		return -ENOMSG;
	s->kind = op == 1 ? SEGMENT_WHO_HAS : SEGMENT_IS_AT;
	memcpy(s->mac, h + 8, sizeof(s->mac));
	s->src = ip_from_v4(h + 14);
	s->dst = ip_from_v4(h + 24);
	return 0;
}

/* After an Ethertype: VLAN tags, then IP. */
static int decode_ethertype(struct cursor *c, uint16_t type, struct segment *s)
{
	for (int i = 0; i < MAX_VLANS && (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ); i++) {
		const uint8_t *tag = take(c, 4);

		if (!tag)
			return -EBADMSG;
		type = be16(tag + 2);
	}
	if (type == ETHERTYPE_ARP)
		return decode_arp(c, s);
	if (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6)
		return -ENOMSG;
	return decode_network(c, s);
}

/* sll_pkttype of packet(7). */
static void set_way(uint16_t pkttype, struct segment *s)
{
	s->way = pkttype <= 2 ? WAY_IN : pkttype == 4 ? WAY_OUT : WAY_OTHER;
	s->to_group = pkttype == 1 || pkttype == 2;
}

static int decode_ethernet(struct cursor *c, struct segment *s)
{
	const uint8_t *h = take(c, 14);

	return h ? decode_ethertype(c, be16(h + 12), s) : -EBADMSG;
}

static int decode_sll(struct cursor *c, struct segment *s)
{
	const uint8_t *h = take(c, 16);

	if (!h)
		return -EBADMSG;
	set_way(be16(h), s);
	return decode_ethertype(c, be16(h + 14), s);
}

static int decode_sll2(struct cursor *c, struct segment *s)
{
	const uint8_t *h = take(c, 20);

	if (!h)
		return -EBADMSG;
	s->ifindex = be32(h + 4);
	set_way(h[10], s);
	return decode_ethertype(c, be16(h), s);
}

/* Four bytes of address family, in the byte order of who wrote it: the IP version decides anyway. */
static int decode_null(struct cursor *c, struct segment *s)
{
	return take(c, 4) ? decode_network(c, s) : -EBADMSG;
}

static const struct {
	int link_type;
	int (*decode)(struct cursor *c, struct segment *s);
} links[] = {
	{LINK_SLL2, decode_sll2},   {LINK_ETHERNET, decode_ethernet}, {LINK_SLL, decode_sll},
	{LINK_NULL, decode_null},   {LINK_LOOP, decode_null},         {LINK_RAW, decode_network},
	{LINK_RAW_BSD, decode_network}, {LINK_IPV4, decode_network},  {LINK_IPV6, decode_network},
};

static int find_link(int link_type)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (links[i].link_type == link_type)
			return (int)i;
	return -1;
}

bool decode_knows(int link_type)
{
	return find_link(link_type) >= 0;
}

int decode_packet(int link_type, const uint8_t *data, size_t n, struct segment *ret_segment)
{
	struct cursor c = {data, n};
	struct segment s = {.kind = SEGMENT_TCP};
	int link = find_link(link_type);
	int r = link < 0 ? -ENOMSG : links[link].decode(&c, &s);

	if (r == 0)
		*ret_segment = s;
	return r;
}
