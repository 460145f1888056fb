/* rules_answer.c - accepted, and then silence: nobody reads, nobody answers, or the two wait for each other. */
#include "rule.h"
#include "servers.h"

#include <string.h>

/*
 * Theory of operation
 *
 * No packet says that an answer is due. A connection that has been open for some seconds is looked up once, and less often
 * as it grows older: how many bytes came and went, and when. That nothing was answered is a failure only where something
 * was due. So it takes more: data that the server never read at all; a ClientHello, which TLS answers at once; a server that
 * greets before it is asked; or a process that is seen to wait for something else - a file that is locked, a database, a DNS
 * server. Else a server may take its time, and only one that is known to answer whoever asks is told, when the time is long
 * or the client has given up.
 */
enum {
	DUE_MS = 2800,      /* an answer to what came so long ago is due */
	ASKED_MS = 5000,    /* what its own server answers takes longer than most */
	LONG_MS = 20000,    /* and after this, whatever the server may be doing */
	GAVE_UP_AFTER = 2000000, /* usec: a client that leaves unanswered after this had waited for an answer */
	BYTES_MAX = 1u << 30,
};

enum waiting rules_silence(const struct facts *f)
{
	const struct connection *c = &f->connection;

	if (c->row.inode == 0 || c->row.state != SOCKET_OPEN)
		return WAITING_NONE; /* in the accept queue */
	if (c->sent == 0 && c->received == 0)
		return f->manners & MANNER_SPEAKS_FIRST ? WAITING_GREETING : WAITING_NONE;
	if (c->idle_ms < DUE_MS || c->received == 0)
		return WAITING_NONE;
	if (c->sent == 0 && c->row.queue > 0 && c->row.queue >= c->received)
		return WAITING_READER;
	if (c->sent == 0 && c->row.queue == 0)
		return WAITING_ANSWER;
	return WAITING_NONE;
}

/* A thread of it waits for somebody other than this client. */
static bool waits_elsewhere(const struct facts *f)
{
	static const char *const calls[] = {"flock", "fcntl", "connect", "nanosleep", "clock_nanosleep", "wait4", "waitid", "semtimedop",
		"msgrcv", "fsync", "fdatasync"};
	const struct process *p = &f->process;

	if (!f->asked_process || f->process.pid == 0)
		return false;
	if (p->state == 'D' || p->state == 'T' || p->state == 't' || p->frozen)
		return true;
	if (p->waits_out && strcmp(p->waits_in, "read") != 0) /* a lock, or somebody whom it asked: at once, or after a while */
		return strcmp(p->waits_in, "flock") == 0 || strcmp(p->waits_in, "fcntl") == 0 || strcmp(p->waits_in, "connect") == 0 ||
		       f->connection.idle_ms >= ASKED_MS;
	if (p->accepting) /* an event loop, or a pool with room */
		return false;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(p->syscall, calls[i]) == 0)
			return true;
	return false;
}

/* A proxy that still tries to reach its backend. */
static bool waits_for_backend(const struct facts *f)
{
	bool seen = f->backend && f->backend_how == OUTCOME_SILENT; /* by its SYNs */
	bool known = f->asked_process && f->process.waits_out && strcmp(f->process.waits_in, "connect") == 0;

	return f->manners & MANNER_PROXY && (seen || known) && (f->waiting == WAITING_READER || f->waiting == WAITING_ANSWER);
}

static enum confidence backend_silent(const struct facts *f)
{
	return when(waits_for_backend(f), CONFIDENCE_INFERRED);
}

static enum confidence not_answering(const struct facts *f)
{
	if (waits_for_backend(f))
		return CONFIDENCE_NONE;
	switch (f->waiting) {
	case WAITING_READER:
		return CONFIDENCE_PROVED;
	case WAITING_GREETING:
		return CONFIDENCE_INFERRED;
	case WAITING_ANSWER:
		if (f->a->client_hello)
			return CONFIDENCE_PROVED;
		if (waits_elsewhere(f))
			return CONFIDENCE_INFERRED;
		return when(f->answers && f->connection.idle_ms >= LONG_MS, CONFIDENCE_INFERRED);
	default:
		return CONFIDENCE_NONE;
	}
}

/* The client left after some seconds, with what it had asked unanswered to the end. */
static enum confidence left_unanswered(const struct facts *f)
{
	const struct attempt *a = f->a;

	return when(f->answers && a->bytes_known && a->first_fin == SIDE_CLIENT && a->server_fin && a->server_bytes == 0 &&
			    a->client_bytes > 0 && a->client_bytes < BYTES_MAX && a->answered && a->closed - a->answered > GAVE_UP_AFTER,
		CONFIDENCE_PROVED);
}

static const struct rule rules[] = {
	{SITUATION_WAITING, IN, CAUSE_NOT_ANSWERING, not_answering, {0}},
	{SITUATION_WAITING, IN, CAUSE_PROXY_BACKEND_DEAD, backend_silent, {0}},
	{SITUATION_CLOSED, IN, CAUSE_NOT_ANSWERING, left_unanswered, {0}},
};

const struct rule_table answer_rules = RULE_TABLE(rules);
