/* packet.h - packets made by hand, for the decoder's tests. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct packet {
	uint8_t b[512];
	size_t n;
};

static inline void put(struct packet *p, const void *bytes, size_t n)
{
	if (n > 0)
		memcpy(p->b + p->n, bytes, n);
	p->n += n;
}

static inline void put8(struct packet *p, unsigned v)
{
	p->b[p->n++] = (uint8_t)v;
}

static inline void put16(struct packet *p, unsigned v)
{
	put8(p, v >> 8);
	put8(p, v);
}

static inline void put32(struct packet *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p, v & 0xffff);
}

static inline void put_zeros(struct packet *p, size_t n)
{
	while (n-- > 0)
		put8(p, 0);
}

static const uint8_t packet_src4[4] = {192, 0, 2, 1}, packet_dst4[4] = {198, 51, 100, 2};
static const uint8_t packet_src6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
static const uint8_t packet_dst6[16] = {0x20, 1, 0xd, 0xb8, [15] = 2};
static const uint8_t packet_router4[4] = {203, 0, 113, 9};
static const uint8_t packet_router6[16] = {0xfe, 0x80, [15] = 9};

enum {
	PACKET_SPORT = 40001,
	PACKET_DPORT = 443,
	PACKET_TTL = 57,
	PACKET_WINDOW = 64240,
};
#define PACKET_SEQ 0xfedcba98u
#define PACKET_ACK 0x01234567u

/* An IPv4 header of 20 bytes and options (a multiple of 4), in front of length bytes. */
static inline void put_ipv4(struct packet *p, const uint8_t src[4], const uint8_t dst[4],
	unsigned proto, unsigned fragment, size_t options, size_t length)
{
	put8(p, 0x40 | (5 + options / 4));
	put8(p, 0);
	put16(p, (unsigned)(20 + options + length));
	put16(p, 0x1234);
	put16(p, fragment);
	put8(p, PACKET_TTL);
	put8(p, proto);
	put16(p, 0);
	put(p, src, 4);
	put(p, dst, 4);
	for (size_t i = 0; i < options; i++)
		put8(p, 1);
}

static inline void put_ipv6(struct packet *p, const uint8_t src[16], const uint8_t dst[16],
	unsigned next, size_t length)
{
	put32(p, 0x60000000);
	put16(p, (unsigned)length);
	put8(p, next);
	put8(p, PACKET_TTL);
	put(p, src, 16);
	put(p, dst, 16);
}

static const uint8_t packet_syn_options[20] = {
	2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7};

/* A TCP header with options (a multiple of 4) and payload. */
static inline void put_tcp(
	struct packet *p, unsigned flags, const void *options, size_t n_options, size_t payload)
{
	put16(p, PACKET_SPORT);
	put16(p, PACKET_DPORT);
	put32(p, PACKET_SEQ);
	put32(p, PACKET_ACK);
	put8(p, (unsigned)((20 + n_options) / 4) << 4);
	put8(p, flags);
	put16(p, PACKET_WINDOW);
	put16(p, 0);
	put16(p, 0);
	put(p, options, n_options);
	for (size_t i = 0; i < payload; i++)
		put8(p, 'x');
}
