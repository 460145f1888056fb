/* desk.h - what the worker has written for the user: settings and findings. It cannot write anywhere itself. */
#pragma once

#include "settings.h"

/*
 * Theory of operation
 *
 * The worker is an ordinary user, if not nobody, so the broker writes. It trusts the worker with nothing: settings are
 * parsed and written anew from what was understood, to the one place where they belong; a finding is plain text, in a new
 * file of the working directory, whose name has to begin with "tcpwhy-". Nothing is written to a home that belongs to
 * another user than the one who runs this: under sudo, that of who called it.
 */
enum desk_kind {
	DESK_SETTINGS,
	DESK_FINDING,
};

enum {
	DESK_TEXT = 16384,
	DESK_WORDS = 200,
};

struct desk_request {
	uint32_t kind; /* enum desk_kind */
	char name[64]; /* of a finding's file */
	char text[DESK_TEXT];
};

struct desk_reply {
	char words[DESK_WORDS]; /* what became of it */
};

/* A socket pair: [0] is the broker's, [1] the worker's. 0 or -errno. */
int desk_open(int ret_fds[2]);

/* The worker's side: has a text written, and waits for what became of it, a second at most. */
void desk_write(int fd, enum desk_kind kind, const char *name, const char *text, char words[DESK_WORDS]);

/* The broker's side: serves one request. False: the worker has closed its end. */
bool desk_serve(int fd);

/*
 * Reads the user's settings over those in s. False when there are none and they could be saved: nobody has been here yet. err
 * has a sentence if something is wrong with them, else "".
 */
bool desk_read_settings(struct settings *s, char *err, size_t size);
