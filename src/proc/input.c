/* input.c - where a recording comes from. */
#include "input.h"
#include "event/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const char demo_recording[];
extern const size_t demo_recording_size;

struct input {
	int fd; /* -1: memory */
	const char *memory;
	size_t memory_left;
	bool end, skipping;
	size_t start, used;
	char buf[4 * STREAM_LINE];
};

struct input *input_open(const char *path)
{
	struct input *in = calloc(1, sizeof(*in));

	if (!in)
		return NULL;
	in->fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0) {
		free(in);
		return NULL;
	}
	return in;
}

struct input *input_demo(void)
{
	struct input *in = calloc(1, sizeof(*in));

	if (!in)
		return NULL;
	in->fd = -1;
	in->memory = demo_recording;
	in->memory_left = demo_recording_size;
	return in;
}

void input_free(struct input *in)
{
	if (!in)
		return;
	if (in->fd >= 0)
		close(in->fd);
	free(in);
}

int input_fd(const struct input *in)
{
	return in->fd;
}

/* Reads more behind what is there. Bytes read, 0 at the end, -EAGAIN when it would have to wait. */
static ssize_t fill(struct input *in, bool wait)
{
	struct pollfd ready = {.fd = in->fd, .events = POLLIN};
	ssize_t n;

	if (in->fd >= 0 && poll(&ready, 1, wait ? -1 : 0) == 0)
		return -EAGAIN;

	memmove(in->buf, in->buf + in->start, in->used - in->start);
	in->used -= in->start;
	in->start = 0;
	if (in->fd < 0) {
		n = (ssize_t)(sizeof(in->buf) - in->used);
		if ((size_t)n > in->memory_left)
			n = (ssize_t)in->memory_left;
		memcpy(in->buf + in->used, in->memory, (size_t)n);
		in->memory += n;
		in->memory_left -= (size_t)n;
	} else {
		do
			n = read(in->fd, in->buf + in->used, sizeof(in->buf) - in->used);
		while (n < 0 && errno == EINTR);
	}
	if (n < 0)
		return -errno;
	in->end = n == 0;
	in->used += (size_t)n;
	return n;
}

int input_is_capture(struct input *in)
{
	static const uint32_t magics[] = {0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1, 0x0a0d0d0a};
	uint32_t magic;

	while (in->used < sizeof(magic) && !in->end) {
		ssize_t n = fill(in, true);

		if (n < 0)
			return (int)n;
	}
	if (in->used < sizeof(magic))
		return 0;
	memcpy(&magic, in->buf, sizeof(magic));
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (magic == magics[i])
			return 1;
	return 0;
}

static ssize_t cookie_read(void *cookie, char *buf, size_t size)
{
	struct input *in = cookie;
	size_t n = in->used - in->start;

	if (n == 0) {
		ssize_t r = in->end ? 0 : fill(in, true);

		if (r <= 0) {
			errno = (int)-r;
			return r < 0 ? -1 : 0;
		}
		n = in->used - in->start;
	}
	if (n > size)
		n = size;
	memcpy(buf, in->buf + in->start, n);
	in->start += n;
	return (ssize_t)n;
}

FILE *input_stream(struct input *in)
{
	return fopencookie(in, "r", (cookie_io_functions_t){.read = cookie_read});
}

int input_line(struct input *in, const char **ret_line, size_t *ret_n)
{
	const char *at = in->buf + in->start;
	const char *newline = memchr(at, '\n', in->used - in->start);
	ssize_t n;

	if (!newline && in->used - in->start >= STREAM_LINE) {
		in->start = in->used;
		in->skipping = true;
		return -EMSGSIZE;
	}
	if (!newline && !in->end) {
		n = fill(in, false);
		if (n < 0)
			return (int)n;
		at = in->buf;
		newline = memchr(at, '\n', in->used);
		if (!newline && n > 0)
			return -EAGAIN;
	}
	if (!newline && in->used == in->start)
		return -ENODATA;
	if (!newline) /* the last line, cut short or without its newline */
		newline = in->buf + in->used;
	*ret_line = at;
	*ret_n = (size_t)(newline - at);
	in->start = (size_t)(newline - in->buf);
	in->start += in->start < in->used;
	if (in->skipping) {
		in->skipping = false;
		return -EAGAIN;
	}
	return 0;
}
