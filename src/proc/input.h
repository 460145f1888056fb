/* input.h - where a recording comes from: a file, standard input, or memory. */
#pragma once

#include <stddef.h>
#include <stdio.h>

struct input;

/* Opens a path ("-": standard input). NULL with errno. */
struct input *input_open(const char *path);

/* The bundled recording. */
struct input *input_demo(void);
void input_free(struct input *in);

/* The descriptor to wait on, or -1 when there is no need to. */
int input_fd(const struct input *in);

/* 1 when it is a capture file (pcap, pcapng), 0 when it is not, -errno. Reads what it needs. */
int input_is_capture(struct input *in);

/* A stream over the whole input, for libpcap; the caller closes it. NULL with errno. */
FILE *input_stream(struct input *in);

/*
 * The next line, without its newline, valid until the next call: 0 with *ret_line and *ret_n; -EAGAIN
 * when none is complete yet; -ENODATA at the end; -EMSGSIZE for one that is too long (and skipped); or
 * -errno.
 */
int input_line(struct input *in, const char **ret_line, size_t *ret_n);
