/* servers.h - what is known of well-known servers: their settings, limits and manners. */
#pragma once

#include "fact.h"

#include <stddef.h>

enum server_setting {
	SETTING_BIND,    /* the address it listens on; follows "set" */
	SETTING_BACKLOG, /* the length of its accept queue */
	SETTING_WORKERS, /* how many it serves at a time: why one waits to be accepted */
	SETTING_LIMIT,   /* whom it turns away at the door, and why: limits, access lists */
	SETTING_ABORT,   /* what makes it end a connection by a RST on purpose */
	SETTING_COUNT,
};

/* How a server behaves, where that is known. */
enum server_manner {
	MANNER_ANSWERS = 1,      /* it answers whatever is asked, so silence is a failure */
	MANNER_SPEAKS_FIRST = 2, /* it greets before anything is asked */
	MANNER_PROXY = 4,        /* it connects to a backend for each client */
};

/*
 * The setting of the program that owns a socket, as a clause: "listen_addresses = '*' in postgresql.conf". Where its
 * command line names the configuration file, that is named. NULL: not known. Else buf.
 */
const char *server_setting(const struct owner *o, enum server_setting setting, char *buf, size_t size);

/* Whether the program is a known one that turns clients away at the door by a limit or a list of its own. */
bool server_has_limit(const struct owner *o);

/* enum server_manner; 0: not known. */
int server_manners(const struct owner *o);
