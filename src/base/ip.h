/* ip.h - one address type for both families: IPv4 is kept v4-mapped (RFC 4291, 2.5.5.2). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IP_TEXT 64 /* longest text of an address or "address/len", with its NUL */

struct ip {
	uint8_t b[16];
};

/* The v4-mapped form of four bytes in network order. */
struct ip ip_from_v4(const void *bytes);

/* Sixteen bytes in network order as they are. */
struct ip ip_from_v6(const void *bytes);

struct sockaddr;

/* The address of an AF_INET or AF_INET6 socket address. False, with *ret untouched: another family, or NULL. */
bool ip_from_sockaddr(const struct sockaddr *sa, struct ip *ret);

/* Parses the text of an IPv4 or IPv6 address. 0, or -EINVAL with *ret_ip untouched. */
int ip_parse(const char *text, struct ip *ret_ip);

bool ip_equal(const struct ip *a, const struct ip *b);
bool ip_is_v4(const struct ip *ip);
bool ip_is_any(const struct ip *ip);        /* 0.0.0.0 or :: */
bool ip_is_loopback(const struct ip *ip);   /* 127.0.0.0/8 or ::1 */
bool ip_is_link_local(const struct ip *ip); /* 169.254.0.0/16 or fe80::/10 */

/* Writes the usual text (RFC 5952) into buf, at most size bytes with the NUL; returns buf. */
const char *ip_format(const struct ip *ip, char *buf, size_t size);

/* "192.0.2.1:80" or "[2001:db8::1]:80"; returns buf. */
const char *ip_format_port(const struct ip *ip, uint16_t port, char *buf, size_t size);

/* The network that a peer is counted under: /24 for IPv4, /64 for IPv6. */
struct ip ip_prefix(const struct ip *ip);

/* The text of ip_prefix() with its length: "192.0.2.0/24"; returns buf. */
const char *ip_format_prefix(const struct ip *ip, char *buf, size_t size);
