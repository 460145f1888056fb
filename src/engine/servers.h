/* servers.h - which setting of a well-known server says where it listens. */
#pragma once

#include "fact.h"

enum server_setting {
	SETTING_BIND,    /* the address it listens on */
	SETTING_BACKLOG, /* the length of its accept queue, or its workers */
};

/*
 * The setting's name and file for the program that owns a socket, as a clause that follows "set":
 * "listen_addresses = '*' in postgresql.conf". NULL when the program is not a known one.
 */
const char *server_advice(const struct owner *o, enum server_setting setting);
