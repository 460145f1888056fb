/* speech.h - what the first bytes of a segment's payload are, told without keeping them. */
#pragma once

#include "fact.h"

#include <stddef.h>

enum {
	SPEECH_BYTES = 16,     /* of a payload that are looked at, as far as it has them */
	FAREWELL_MAX = 40,     /* bytes of an encrypted record, header included, that may still be one */
};

/*
 * What a payload of total bytes is by the captured ones of it at p. Sources: TLS 1.2 and 1.3 records (RFC 5246, 6.2.1;
 * RFC 8446, 5.1), HTTP/2 frames (RFC 9113, 4.1), the last words of SMTP, FTP and POP3 (QUIT), Redis (QUIT), MySQL
 * (COM_QUIT), PostgreSQL (Terminate), MQTT (DISCONNECT: version 3.1.1, 3.14), WebSocket (Close: RFC 6455, 5.5.1) and
 * LDAP (unbindRequest: RFC 4511, 4.3). An encrypted record of TLS 1.3 hides its kind: by its length it is an alert, or a frame that
 * carries no request (GOAWAY, WINDOW_UPDATE, PING, SETTINGS).
 */
enum speech speech_of(const uint8_t *p, size_t captured, size_t total);
