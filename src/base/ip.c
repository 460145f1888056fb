/* ip.c - one address type for both families. */
#include "ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

struct ip ip_from_v4(const void *bytes)
{
	struct ip ip;

	memcpy(ip.b, mapped, sizeof(mapped));
	memcpy(ip.b + 12, bytes, 4);
	return ip;
}

struct ip ip_from_v6(const void *bytes)
{
	struct ip ip;

	memcpy(ip.b, bytes, sizeof(ip.b));
	return ip;
}

bool ip_from_sockaddr(const struct sockaddr *sa, struct ip *ret)
{
	if (sa && sa->sa_family == AF_INET)
		*ret = ip_from_v4(&((const struct sockaddr_in *)(const void *)sa)->sin_addr);
	else if (sa && sa->sa_family == AF_INET6)
		*ret = ip_from_v6(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
	else
		return false;
	return true;
}

int ip_parse(const char *text, struct ip *ret_ip)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1)
		*ret_ip = ip_from_v4(bytes);
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		*ret_ip = ip_from_v6(bytes);
	else
		return -EINVAL;
	return 0;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool ip_is_v4(const struct ip *ip)
{
	return memcmp(ip->b, mapped, sizeof(mapped)) == 0;
}

static bool all_zero(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

bool ip_is_any(const struct ip *ip)
{
	return all_zero(ip->b, 16) || (ip_is_v4(ip) && all_zero(ip->b + 12, 4));
}

bool ip_is_loopback(const struct ip *ip)
{
	return ip_is_v4(ip) ? ip->b[12] == 127 : all_zero(ip->b, 15) && ip->b[15] == 1;
}

bool ip_is_link_local(const struct ip *ip)
{
	if (ip_is_v4(ip))
		return ip->b[12] == 169 && ip->b[13] == 254;
	return ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80;
}

const char *ip_format(const struct ip *ip, char *buf, size_t size)
{
	char text[INET6_ADDRSTRLEN];

	if (ip_is_v4(ip))
		inet_ntop(AF_INET, ip->b + 12, text, sizeof(text));
	else
		inet_ntop(AF_INET6, ip->b, text, sizeof(text));
	snprintf(buf, size, "%s", text);
	return buf;
}

const char *ip_format_port(const struct ip *ip, uint16_t port, char *buf, size_t size)
{
	char text[IP_TEXT];

	ip_format(ip, text, sizeof(text));
	snprintf(buf, size, ip_is_v4(ip) ? "%s:%u" : "[%s]:%u", text, port);
	return buf;
}

struct ip ip_prefix(const struct ip *ip)
{
	struct ip net = *ip;
	size_t keep = ip_is_v4(ip) ? 15 : 8;

	memset(net.b + keep, 0, sizeof(net.b) - keep);
	return net;
}

const char *ip_format_prefix(const struct ip *ip, char *buf, size_t size)
{
	char text[IP_TEXT];
	struct ip net = ip_prefix(ip);

	ip_format(&net, text, sizeof(text));
	snprintf(buf, size, "%s/%d", text, ip_is_v4(ip) ? 24 : 64);
	return buf;
}
