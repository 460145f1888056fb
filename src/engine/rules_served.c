/* rules_served.c - connections that ended by a RST, and were served all the same. */
#include "rule.h"

/*
 * Theory of operation
 *
 * A RST at the end need not mean that anything failed. Over TLS the client answers the server's FIN by its
 * close_notify (RFC 8446, 6.1), which meets a socket that is closed: TCP answers by a RST that nobody waits for. Or the
 * close_notify is there before close(), unread, and then it is a RST instead of a FIN. What tells these from a failure is
 * what the last bytes were: the capture lets TLS's alerts through, and the kernel's word on a RST has the beginning of
 * the segment that it answers. A peer that resets before it has said a word is a health check, or a scanner.
 */
enum {
	SOON = 2000000,    /* usec: a peer that came to say something would have said it */
	REQUEST_MAX = 1u << 30, /* bytes: more is a number that does not belong to this connection */
	BANNER_MAX = 256,  /* bytes that a server may have said before anybody asked */
	UNREAD_MAX = 80,   /* bytes left unread that may be an alert, and a FIN */
	LEAVES_WITHIN = 1000000, /* usec from the server's FIN: a client over TLS that has all it asked for takes leave */
};

/* The client had asked, was answered, and has acknowledged all of it. */
static bool got_all(const struct attempt *a)
{
	uint32_t alert = a->server_left && a->client_left ? UNREAD_MAX : 0; /* the two may cross: an alert needs no answer */

	return a->bytes_known && a->server_bytes > 0 && a->server_bytes < REQUEST_MAX && a->server_acked + alert >= a->server_bytes;
}

/*
 * What the RST answers was no part of a request. Over TLS, where nobody saw it (old kernels have no word for it, a flood
 * leaves most unsaid, and the bytes may lie where the word does not reach), it is taken for what clients over TLS send at that moment anyway: a request cannot be told from it.
 */
static bool answers_farewell(const struct facts *f)
{
	const struct kernel_word *w = f->said.reset;

	if (w && w->answers && w->speech != SPEECH_UNSEEN)
		return w->payload == 0 || speech_ends((enum speech)w->speech);
	return f->a->client_left || (f->a->client_hello && f->a->ended - f->a->closed < LEAVES_WITHIN);
}

/* Its server closed first, with everything delivered; what then came was of no use to anybody. */
static bool closed_before(const struct facts *f)
{
	const struct attempt *a = f->a;

	return a->server_fin && a->first_fin == SIDE_SERVER && got_all(a) && answers_farewell(f);
}

/* The client took leave, and the server closed without reading that. */
static bool left_unread(const struct facts *f)
{
	const struct attempt *a = f->a;
	bool little = a->fate != FATE_UNREAD || a->unread <= UNREAD_MAX;

	return a->client_left && a->answer_flags & TCP_ACK && a->bytes_known && a->server_bytes > 0 && a->server_bytes < REQUEST_MAX && little;
}

bool rules_was_served(const struct facts *f)
{
	const struct attempt *a = f->a;

	if (f->situation != SITUATION_RESET || a->given_up)
		return false;
	if (a->unknown) /* its beginning was not seen: a connection that this host has closed long ago, perhaps */
		return f->said.reset && f->said.reset->answers &&
		       (f->said.reset->flags & TCP_FIN || speech_ends((enum speech)f->said.reset->speech));
	if (a->reset_by == SIDE_SERVER)
		return closed_before(f) || left_unread(f);
	return a->reset_by == SIDE_CLIENT && (a->client_left || a->server_left) && a->server_bytes > 0;
}

bool rules_is_health_check(const struct facts *f)
{
	const struct attempt *a = f->a;

	return f->situation == SITUATION_RESET && !a->out && a->reset_by == SIDE_CLIENT && !a->reset_elsewhere &&
	       !a->unknown && a->first_fin == SIDE_NONE && a->bytes_known && a->client_bytes == 0 && a->server_bytes <= BANNER_MAX &&
	       a->ended - a->first < SOON && a->answer_ttl == a->peer_ttl;
}

static enum confidence health_check(const struct facts *f)
{
	const struct attempt *a = f->a;

	return when(a->reset_by == SIDE_CLIENT && a->ended != 0 && a->bytes_known && a->client_bytes == 0, CONFIDENCE_PROVED);
}

static const struct rule rules[] = {
	{SITUATION_ACCEPTED, IN, CAUSE_HEALTH_CHECK, health_check, {0}},
};

const struct rule_table served_rules = RULE_TABLE(rules);
