/* stream.h - events as JSON Lines: one writer and one reader over the same field tables. */
#pragma once

#include "event/event.h"

#include <stddef.h>

enum {
	STREAM_LINE = 24576, /* longest line that is written; longer ones are not read */
};

/*
 * Writes one event as one line with its newline into buf. Returns its length, or -ENOSPC when size is
 * too small (STREAM_LINE never is).
 */
int stream_format(const struct event *ev, char *buf, size_t size);

/*
 * Reads one line of n bytes without its newline. 0 with *ret_event; -ENOMSG for a type this version
 * does not know (to be ignored); -EBADMSG for what is no JSON object or has fields of a wrong type.
 * Texts are cleaned again: a recording is input like any other.
 */
int stream_parse(const char *line, size_t n, struct event *ret_event);

/* A sink that writes lines to fd, whole lines at a time. NULL with errno. */
struct sink *stream_writer_new(int fd);
void stream_writer_free(struct sink *sink);

/* Writes what is buffered. 0, or -errno of the failed write (which is kept: later lines are dropped). */
int stream_writer_flush(struct sink *sink);
