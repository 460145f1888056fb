/* rules_close.c - connections that were accepted and ended before they were served: turned away, or by a proxy. */
#include "rule.h"
#include "servers.h"

#include <string.h>

/*
 * Theory of operation
 *
 * A server that turns a client away - a limit, an access list, a child that could not be forked or ended at once -
 * accepts it and closes. What the client then gets is a race between its first bytes and that close(): the end of the
 * file where they come later, a RST where they lie unread (close() sends one then), or a RST in answer to them. So the
 * three are one cause here, told by what came before: nothing was answered, within moments of the accept. Where the
 * client had asked already, closing without an answer is the same cause, however long it took.
 *
 * With bytes unread it may also be a server that judged by the first of them. It counts as turned away where the server is
 * known for a limit of its own, or where the port has just turned others away who had not said a word.
 *
 * A proxy does the same when its own connect() failed. An attempt of this host's that failed while the connection was
 * served is then likely its own, surely so if the program is a proxy and closes at once.
 */
enum {
	EARLY = 30,           /* seconds: a close without a byte after more is an idle time-out */
	UNASKED = 500000,     /* one that was not asked: later it may be a reload that closes what is idle */
	GREETING_MAX = 160,   /* bytes with which it may say why before it was asked for anything */
	UNREAD_LINE_MAX = 2048, /* or without having read a byte */
	LINE_MAX = 64,        /* or in answer to what it has not read */
	HANDSHAKE_MAX = 8192, /* bytes of a TLS server's handshake, with a chain of certificates */
	BYTES_MAX = 1u << 30, /* more is a number that does not belong to this connection */
	DIED_TOGETHER = 100000, /* usec: a process that is killed and what it held end together */
	GAVE_UP_AFTER = 900000, /* usec: a client that leaves sooner was not waiting for an answer */
};

static bool by_server(const struct attempt *a)
{
	return a->reset_by == SIDE_SERVER;
}

/* When the server ended it: by its FIN, or by a RST. */
static int64_t left_at(const struct attempt *a)
{
	return a->first_fin == SIDE_SERVER && a->closed ? a->closed : a->ended;
}

static bool is_known(const struct attempt *a)
{
	return a->bytes_known && !a->out && !a->unknown && a->client_bytes < BYTES_MAX && a->server_bytes < BYTES_MAX;
}

static bool is_at_door(const struct facts *f)
{
	const struct attempt *a = f->a;
	bool silent = f->limit && a->server_bytes == 0; /* it may have looked the client's name up before */
	bool asked = a->client_bytes > 0 || f->manners & MANNER_SPEAKS_FIRST;
	int64_t door = !asked ? UNASKED : silent && a->client_bytes > 0 ? EARLY * USEC : RULES_AT_DOOR;

	return is_known(a) && a->answered && left_at(a) - a->answered < door && !a->client_left;
}

/* The listener went, or the connection was cut off from without: another story. */
static bool is_other_end(const struct facts *f)
{
	const struct kernel_word *w = f->said.reset;

	return f->vanished || (w && (w->reason == REASON_TCP_KEEPALIVE_TIMEOUT ||
					    (w->reason == REASON_TCP_STATE && w->routed && w->state != 0 && w->state != 7)));
}

/* RST instead of FIN, since close() found bytes unread, or by SO_LINGER. */
static bool aborted(const struct facts *f)
{
	const struct attempt *a = f->a;

	return f->situation == SITUATION_RESET && by_server(a) && a->answer_flags & TCP_ACK && !a->server_fin &&
	       !a->zero_window && !a->given_up;
}

/* It left bytes unread: by the socket's last word, or by the kernel's reason. */
static bool left_bytes(const struct facts *f)
{
	return f->a->fate == FATE_UNREAD || (f->said.reset && f->said.reset->reason == REASON_TCP_ABORT_ON_CLOSE) ||
	       (!f->said.reset && moved(f, COUNTER_ABORT_ON_CLOSE));
}

/* Its FIN came first; a RST may have followed, to what the client had still to say. */
static bool closed_first(const struct facts *f)
{
	const struct attempt *a = f->a;

	if (a->first_fin != SIDE_SERVER)
		return false;
	return f->situation == SITUATION_CLOSED || (f->situation == SITUATION_RESET && by_server(a));
}

/* How much it may say to one that it turns away: a line, and more where hardly anything was asked, or nothing of it was read. */
static uint32_t line_max(const struct facts *f)
{
	const struct attempt *a = f->a;

	if (!(f->manners & MANNER_ANSWERS))
		return 0;
	return a->client_bytes <= LINE_MAX || (a->fate == FATE_UNREAD && a->unread >= a->client_bytes) ? UNREAD_LINE_MAX : LINE_MAX;
}

static bool is_turned_away(const struct facts *f)
{
	const struct attempt *a = f->a;
	/* One that is asked first has nothing to say before. */
	uint32_t greeting = f->manners & MANNER_SPEAKS_FIRST ? GREETING_MAX : UNREAD_LINE_MAX;

	if (!is_at_door(f) || is_other_end(f))
		return false;
	if (closed_first(f))
		return a->server_bytes == 0 || (f->limit && f->manners & MANNER_ANSWERS && a->client_bytes == 0 && a->server_bytes <= greeting);
	if (!aborted(f))
		return false;
	if (a->client_bytes == 0) /* nobody had asked for anything */
		return a->server_bytes == 0;
	if (!left_bytes(f))
		return false;
	return f->limit ? a->server_bytes <= line_max(f) : f->turned_away && a->server_bytes == 0;
}

/* Its FIN was the first, soon, and no byte of its before it. */
static bool closed_without_answer(const struct facts *f)
{
	const struct attempt *a = f->a;

	return is_known(a) && f->situation == SITUATION_CLOSED && closed_first(f) && a->server_bytes == 0 &&
	       a->client_bytes > 0 && a->ended - a->first < EARLY * USEC;
}

/*
 * The client had asked and shut down its side, as it may (RFC 9293, 3.6.1); the server closed without an answer at once,
 * though it is one that answers.
 */
static bool half_closed_without_answer(const struct facts *f)
{
	const struct attempt *a = f->a;

	return is_known(a) && f->situation == SITUATION_CLOSED && a->first_fin == SIDE_CLIENT && a->server_fin && f->answers &&
	       a->server_bytes == 0 && a->client_bytes > 0 && a->closed - a->answered < GAVE_UP_AFTER && !a->client_left;
}

/* What a proxy does when it cannot reach its backend. */
static bool is_backend_dead(const struct facts *f)
{
	const struct attempt *a = f->a;
	bool proxy = (f->manners & MANNER_PROXY) != 0;
	/* Over TLS its close_notify may be followed by the client's FIN, and only then by its own. */
	bool ended = closed_first(f) || aborted(f) || (f->situation == SITUATION_CLOSED && a->server_left_first);

	if (!f->backend || !is_known(a) || !ended || is_other_end(f) || left_at(a) - a->first >= EARLY * USEC)
		return false;
	if (a->server_bytes == 0)
		return proxy || f->situation == SITUATION_CLOSED || is_at_door(f);
	/*
	 * Over TLS the handshake comes before, and what it sent may have been an answer as well: of another backend, or over a
	 * connection that it keeps. So only where the two ends are one, and it sent less than it does to those whom it serves.
	 */
	return proxy && a->client_hello && a->server_bytes < HANDSHAKE_MAX && (!a->client_left || a->server_left_first) &&
	       (f->backend_at_once || !(f->manners & MANNER_ANSWERS)) && !f->backend_passed &&
	       (f->tls_answer == 0 || a->server_bytes < f->tls_answer);
}

/* It may have had the answer from elsewhere: nobody was served yet, to tell by how much it sends. */
static bool may_be_answered(const struct facts *f)
{
	return f->a->server_bytes > 0 && f->tls_answer == 0 && f->manners & MANNER_ANSWERS && f->backend_how == OUTCOME_REFUSED;
}

/* By a signal that nobody sends to end a process in order: SIGKILL, or a crash (signal(7)). */
static bool was_killed(const struct facts *f)
{
	static const uint8_t signals[] = {4, 5, 6, 7, 8, 9, 11, 31};

	return memchr(signals, (int)(f->died_status & 0x7f), sizeof(signals)) != NULL && f->died_apart < DIED_TOGETHER;
}

/*
 * The process that served it ended, by a signal or with a status, and had not answered: its master lives on, and so does the
 * listener. Of a RST with bytes unread the mechanism is another cause's; that its process died is why.
 */
static bool is_left_by_dead(const struct facts *f)
{
	const struct attempt *a = f->a;

	if (!f->died || f->vanished || !is_known(a) || a->client_left || (!closed_first(f) && !(aborted(f) && left_bytes(f))))
		return false;
	return (a->server_bytes == 0 && a->client_bytes > 0) || (was_killed(f) && !a->server_left);
}

bool rules_was_unserved(const struct facts *f)
{
	return is_left_by_dead(f) || is_backend_dead(f);
}

static enum confidence worker_died(const struct facts *f)
{
	return when(is_left_by_dead(f) && !is_backend_dead(f), CONFIDENCE_INFERRED);
}

/* What it has connections to takes up every source port there is. */
static bool is_out_of_ports(const struct facts *f)
{
	return f->manners & MANNER_PROXY && f->asked_ports && f->ports_max > 0 && f->ports_used >= f->ports_max - f->ports_max / 50 &&
	       !f->backend;
}

static enum confidence source_ports_exhausted(const struct facts *f)
{
	return when((is_turned_away(f) || closed_without_answer(f)) && is_out_of_ports(f), CONFIDENCE_INFERRED);
}

static enum confidence closed_early(const struct facts *f)
{
	if (is_out_of_ports(f) && (is_turned_away(f) || closed_without_answer(f)))
		return CONFIDENCE_NONE;
	if (is_left_by_dead(f))
		return CONFIDENCE_NONE;
	return when((is_turned_away(f) || closed_without_answer(f) || half_closed_without_answer(f)) && !is_backend_dead(f),
		CONFIDENCE_PROVED);
}

/* Whose attempt it was that failed is not known; a proxy's own it is as good as surely. */
static enum confidence proxy_backend_dead(const struct facts *f)
{
	return when(is_backend_dead(f),
		f->manners & MANNER_PROXY && !may_be_answered(f) ? CONFIDENCE_INFERRED : CONFIDENCE_POSSIBLE);
}

bool rules_displaced(const struct facts *f, enum cause cause)
{
	static const enum cause mechanisms[] = {CAUSE_ABORT_UNREAD_DATA, CAUSE_ABORT_LINGER, CAUSE_SENT_AFTER_CLOSE,
		CAUSE_STALE_CONNECTION};

	if (f->situation != SITUATION_RESET || (!is_turned_away(f) && !is_backend_dead(f) && !is_left_by_dead(f)))
		return false;
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++)
		if (mechanisms[i] == cause)
			return true;
	return false;
}

static const struct rule rules[] = {
	{SITUATION_CLOSED, IN, CAUSE_CLOSED_EARLY, closed_early, {0}},
	{SITUATION_RESET, IN, CAUSE_CLOSED_EARLY, closed_early, {0}},
	{SITUATION_CLOSED, IN, CAUSE_SOURCE_PORTS_EXHAUSTED, source_ports_exhausted, {0}},
	{SITUATION_RESET, IN, CAUSE_SOURCE_PORTS_EXHAUSTED, source_ports_exhausted, {0}},
	{SITUATION_CLOSED, IN, CAUSE_PROCESS_DIED, worker_died, {CAUSE_CLOSED_EARLY}},
	{SITUATION_RESET, IN, CAUSE_PROCESS_DIED, worker_died, {CAUSE_ABORT_UNREAD_DATA}},
	{SITUATION_CLOSED, IN, CAUSE_PROXY_BACKEND_DEAD, proxy_backend_dead, {CAUSE_CLOSED_EARLY}},
	{SITUATION_RESET, IN, CAUSE_PROXY_BACKEND_DEAD, proxy_backend_dead, {CAUSE_CLOSED_EARLY}},
};

const struct rule_table close_rules = RULE_TABLE(rules);
