/* speech.c - what the first bytes of a segment's payload are, told without keeping them. */
#include "speech.h"

#include <string.h>

enum {
	TLS_ALERT = 21,
	TLS_HANDSHAKE = 22,
	TLS_DATA = 23,
	TLS_CLIENT_HELLO = 1,
	TLS_HEADER = 5,
	H2_GOAWAY = 7,
	H2_FRAME = 9, /* bytes of a header */
	WEBSOCKET_CLOSE = 0x88,
	WEBSOCKET_MASKED = 0x80,
	LDAP_UNBIND = 0x42,
};

static bool is_tls(const uint8_t *p, size_t n)
{
	return n >= 2 && p[1] == 3;
}

/* How long the record that begins here says to be, header included. */
static size_t record_length(const uint8_t *p)
{
	return TLS_HEADER + (size_t)(p[3] << 8 | p[4]);
}

static enum speech tls_speech(const uint8_t *p, size_t n, size_t total)
{
	switch (p[0]) {
	case TLS_ALERT:
		return SPEECH_TLS_ALERT;
	case TLS_HANDSHAKE:
		return n > TLS_HEADER && p[TLS_HEADER] == TLS_CLIENT_HELLO ? SPEECH_TLS_HELLO : SPEECH_TLS;
	case TLS_DATA:
		/* All of the segment, so that a short record before a request is none. */
		return n >= TLS_HEADER && record_length(p) <= FAREWELL_MAX && total <= 2 * FAREWELL_MAX
			       ? SPEECH_TLS_SHORT
			       : SPEECH_TLS;
	default:
		return SPEECH_OTHER;
	}
}

/* Frames that carry their length: HTTP/2's GOAWAY, WebSocket's Close (a client's is masked), LDAP's unbindRequest. */
static bool is_last_frame(const uint8_t *p, size_t n, size_t total)
{
	if (n < 6)
		return false;
	if (p[0] == 0 && p[1] == 0 && p[3] == H2_GOAWAY)
		return total == (size_t)p[2] + H2_FRAME;
	if (p[0] == WEBSOCKET_CLOSE && p[1] & WEBSOCKET_MASKED)
		return total == (size_t)(p[1] & ~WEBSOCKET_MASKED) + 6;
	return p[0] == 0x30 && total == n && total == (size_t)p[1] + 2 && p[n - 2] == LDAP_UNBIND && p[n - 1] == 0;
}

/* With which protocols take leave; the whole payload, so that a request behind it counts. */
static bool is_farewell(const uint8_t *p, size_t n, size_t total)
{
	static const struct {
		const char *bytes;
		size_t length;
	} words[] = {
		{"QUIT\r\n", 6}, {"quit\r\n", 6}, {"*1\r\n$4\r\nQUIT\r\n", 14}, {"*1\r\n$4\r\nquit\r\n", 14},
		{"\1\0\0\0\1", 5}, {"X\0\0\0\4", 5}, {"\xe0\0", 2}, {"\r\n", 2}, {"\n", 1}, {"\xff\xf4\xff\xfd\x06", 5},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (total == words[i].length && n >= total && memcmp(p, words[i].bytes, total) == 0)
			return true;
	return is_last_frame(p, n, total);
}

enum speech speech_of(const uint8_t *p, size_t captured, size_t total)
{
	size_t n = captured < SPEECH_BYTES ? captured : SPEECH_BYTES;

	if (total == 0)
		return SPEECH_NONE;
	if (n == 0)
		return SPEECH_UNSEEN;
	if (is_tls(p, n) && p[0] >= TLS_ALERT && p[0] <= TLS_DATA)
		return tls_speech(p, n, total);
	return is_farewell(p, n, total) ? SPEECH_FAREWELL : SPEECH_OTHER;
}
