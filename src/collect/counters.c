/* counters.c - the TCP/IP counters of a network namespace, from /proc/net. */
#include "counters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	FILE_MAX = 32768,
};

static const char *const paths[] = {"/proc/self/net/snmp", "/proc/self/net/netstat"};

struct counter_files {
	int fds[2];
	char buf[FILE_MAX];
};

struct counter_files *counter_files_open(void)
{
	struct counter_files *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->fds[0] = open(paths[0], O_RDONLY | O_CLOEXEC);
	f->fds[1] = open(paths[1], O_RDONLY | O_CLOEXEC);
	if (f->fds[0] < 0 || f->fds[1] < 0) {
		int saved = errno;

		counter_files_close(f);
		errno = saved;
		return NULL;
	}
	return f;
}

void counter_files_close(struct counter_files *f)
{
	if (!f)
		return;
	for (int i = 0; i < 2; i++)
		if (f->fds[i] >= 0)
			close(f->fds[i]);
	free(f);
}

/* The next word before end; its length, 0 at the end of the line. */
static size_t next_word(const char **p, const char *end)
{
	size_t n = 0;

	while (*p < end && **p == ' ')
		(*p)++;
	while (*p + n < end && (*p)[n] != ' ')
		n++;
	return n;
}

/* prefix "Tcp", name "OutRsts": TcpOutRsts, as nstat(8) has it. */
static int find_counter(const char *prefix, size_t prefix_len, const char *name, size_t name_len)
{
	for (int c = 0; c < COUNTER_COUNT; c++) {
		const char *full = counter_name((enum counter)c);

		if (strlen(full) == prefix_len + name_len && strncmp(full, prefix, prefix_len) == 0 &&
			strncmp(full + prefix_len, name, name_len) == 0)
			return c;
	}
	return -1;
}

static int parse_pair(const char *names, const char *names_end, const char *values,
	const char *values_end, struct counters *out)
{
	size_t prefix = next_word(&names, names_end);
	const char *prefix_at = names;

	if (prefix < 2 || names[prefix - 1] != ':' || next_word(&values, values_end) != prefix ||
		memcmp(names, values, prefix) != 0)
		return -EBADMSG;
	names += prefix;
	values += prefix;
	for (;;) {
		size_t name = next_word(&names, names_end);
		size_t value = next_word(&values, values_end);
		int c;

		if (name == 0 || value == 0)
			return name == value ? 0 : -EBADMSG;
		c = find_counter(prefix_at, prefix - 1, names, name);
		if (c >= 0 && *values >= '0' && *values <= '9')
			out->v[c] = strtoull(values, NULL, 10);
		names += name;
		values += value;
	}
}

int counters_parse(const char *text, size_t n, struct counters *ret_counters)
{
	const char *p = text, *end = text + n;

	while (p < end) {
		const char *names_end = memchr(p, '\n', (size_t)(end - p));
		const char *values = names_end ? names_end + 1 : end;
		const char *values_end =
			values < end ? memchr(values, '\n', (size_t)(end - values)) : NULL;
		int r;

		if (!values_end)
			return -EBADMSG;
		r = parse_pair(p, names_end, values, values_end, ret_counters);
		if (r < 0)
			return r;
		p = values_end + 1;
	}
	return 0;
}

int counter_files_read(struct counter_files *f, struct counters *ret_counters)
{
	struct counters c = {.t = 0};

	for (int i = 0; i < 2; i++) {
		size_t used = 0;
		ssize_t n;
		int r;

		while ((n = pread(f->fds[i], f->buf + used, FILE_MAX - 1 - used, (off_t)used)) > 0)
			used += (size_t)n;
		if (n < 0)
			return -errno;
		f->buf[used] = '\0';
		r = counters_parse(f->buf, used, &c);
		if (r < 0)
			return r;
	}
	*ret_counters = c;
	return 0;
}
