/* clients.c - what the peer's program gets. */
#include "clients.h"

#include <assert.h>

static const struct {
	const char *name, *words;
} errors[] = {
	[SEES_NONE] = {"none", ""},
	[SEES_ECONNREFUSED] = {"ECONNREFUSED",
		"[Errno 111] Connection refused | curl: (7) Failed to connect | dial tcp ...: connect: "
		"connection refused | connect ECONNREFUSED | curl: (7) Couldn't connect to server"},
	[SEES_ETIMEDOUT] = {"ETIMEDOUT",
		"[Errno 110] Connection timed out | curl: (28) Connection timed out | dial tcp ...: i/o "
		"timeout | connect ETIMEDOUT | Operation timed out"},
	[SEES_EHOSTUNREACH] = {"EHOSTUNREACH",
		"[Errno 113] No route to host | curl: (7) ... No route to host | dial tcp ...: connect: "
		"no route to host | connect EHOSTUNREACH"},
	[SEES_ENETUNREACH] = {"ENETUNREACH",
		"[Errno 101] Network is unreachable | curl: (7) ... Network is unreachable | dial tcp "
		"...: connect: network is unreachable | connect ENETUNREACH"},
	[SEES_EACCES] = {"EACCES",
		"[Errno 13] Permission denied | curl: (7) ... Permission denied | dial tcp ...: connect: "
		"permission denied | connect EACCES"},
	[SEES_ECONNRESET] = {"ECONNRESET",
		"[Errno 104] Connection reset by peer | curl: (56) Recv failure: Connection reset by peer "
		"| read tcp ...: read: connection reset by peer | read ECONNRESET"},
	[SEES_EPROTO] = {"EPROTO", "[Errno 71] Protocol error"},
	[SEES_EPIPE] = {"EPIPE",
		"[Errno 32] Broken pipe | curl: (55) Send failure: Broken pipe | write tcp ...: write: broken pipe | "
		"write EPIPE"},
	[SEES_ENOPROTOOPT] = {"ENOPROTOOPT", "[Errno 92] Protocol not available"},
};
static_assert(sizeof(errors) / sizeof(errors[0]) == SEES_COUNT, "words for each");

const char *client_errno(enum client_sees s)
{
	return errors[s < SEES_COUNT ? s : SEES_NONE].name;
}

const char *client_words(enum client_sees s)
{
	return errors[s < SEES_COUNT ? s : SEES_NONE].words;
}

/* Destination unreachable by code; what the kernel maps to an errno of no interest here is absent. */
static const uint8_t unreach4[16] = {
	[0] = SEES_ENETUNREACH,  [1] = SEES_EHOSTUNREACH,  [2] = SEES_ENOPROTOOPT,
	[3] = SEES_ECONNREFUSED,
	[5] = SEES_EHOSTUNREACH, [6] = SEES_ENETUNREACH,   [7] = SEES_EHOSTUNREACH,
	[9] = SEES_ENETUNREACH,  [10] = SEES_EHOSTUNREACH, [11] = SEES_ENETUNREACH,
	[12] = SEES_EHOSTUNREACH, [13] = SEES_EHOSTUNREACH, [14] = SEES_EHOSTUNREACH,
	[15] = SEES_EHOSTUNREACH,
};
static const uint8_t unreach6[7] = {
	[0] = SEES_ENETUNREACH,  [1] = SEES_EACCES, [2] = SEES_EHOSTUNREACH, [3] = SEES_EHOSTUNREACH,
	[4] = SEES_ECONNREFUSED, [5] = SEES_EACCES, [6] = SEES_EACCES,
};

enum client_sees client_sees_icmp(bool v6, uint8_t type, uint8_t code)
{
	if (!v6 && type == 3 && code < sizeof(unreach4))
		return (enum client_sees)unreach4[code];
	if (v6 && type == 1 && code < sizeof(unreach6))
		return (enum client_sees)unreach6[code];
	if ((v6 && type == 3) || (!v6 && type == 11))
		return SEES_EHOSTUNREACH;
	if ((v6 && type == 4) || (!v6 && type == 12))
		return SEES_EPROTO;
	return SEES_NONE;
}
