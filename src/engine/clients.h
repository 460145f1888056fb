/* clients.h - what the peer's program gets, as errno and as common clients print it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum client_sees {
	SEES_NONE,
	SEES_ECONNREFUSED,
	SEES_ETIMEDOUT,
	SEES_EHOSTUNREACH,
	SEES_ENETUNREACH,
	SEES_EACCES,
	SEES_ECONNRESET,
	SEES_EPROTO,
	SEES_ENOPROTOOPT,
	SEES_EPIPE, /* of a send: this host's FIN came first, so a read gets end of file */
	SEES_COUNT,
};

/* The errno's name, "none" for SEES_NONE. */
const char *client_errno(enum client_sees s);

/* How curl, python, Go, ssh and nc print it, with " | " between; "" for SEES_NONE. */
const char *client_words(enum client_sees s);

/*
 * The errno that connect(2) gets from an ICMP error, as Linux maps it (net/ipv4/icmp.c
 * icmp_err_convert, net/ipv6/icmp.c icmpv6_err_convert, v6.12).
 */
enum client_sees client_sees_icmp(bool v6, uint8_t type, uint8_t code);
