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

static bool begins(const uint8_t *p, size_t n, const char *with)
{
	size_t length = strlen(with);

	return n >= (length < SPEECH_BYTES ? length : SPEECH_BYTES) && memcmp(p, with, n < length ? n : length) == 0;
}

/* Text and frames with which protocols take leave; the whole payload, so that a request behind it counts. */
static bool is_farewell(const uint8_t *p, size_t n, size_t total)
{
	static const struct {
		const char *bytes;
		size_t length, total; /* total: of the whole message */
	} words[] = {
		{"QUIT\r\n", 6, 6}, {"quit\r\n", 6, 6}, {"*1\r\n$4\r\n", 8, 14}, {"\1\0\0\0\1", 5, 5}, {"X\0\0\0\4", 5, 5},
		{"\r\n", 2, 2}, {"\n", 1, 1}, {"\xff\xf4\xff\xfd\x06", 5, 5},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (total == words[i].total && n >= words[i].length && memcmp(p, words[i].bytes, words[i].length) == 0)
			return true;
	/* An HTTP/2 frame that says GOAWAY: three bytes of length, and its kind. */
	return n >= 4 && p[0] == 0 && p[1] == 0 && p[3] == H2_GOAWAY && total == (size_t)p[2] + H2_FRAME;
}

static bool is_http(const uint8_t *p, size_t n)
{
	static const char *const methods[] = {"GET ", "POST ", "HEAD ", "PUT ", "DELETE ", "OPTIONS ", "PATCH ", "CONNECT ",
		"PRI * HTTP"};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (begins(p, n, methods[i]))
			return true;
	return false;
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
	if (is_farewell(p, n, total))
		return SPEECH_FAREWELL;
	if (is_http(p, n))
		return SPEECH_HTTP;
	return begins(p, n, "PROXY ") || begins(p, n, "\r\n\r\n") ? SPEECH_PROXY : SPEECH_OTHER;
}
