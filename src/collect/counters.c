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

static const struct {
	const char *path;
	int (*parse)(const char *text, size_t n, struct counters *ret_counters);
	bool optional;
} files[] = {
	{"/proc/self/net/snmp", counters_parse, false},
	{"/proc/self/net/netstat", counters_parse, false},
	{"/proc/self/net/snmp6", counters_parse_lines, true},
	{"/proc/self/net/xfrm_stat", counters_parse_lines, true},
	{"/proc/self/net/stat/nf_conntrack", counters_parse_conntrack, true},
};

enum {
	FILES = sizeof(files) / sizeof(files[0]),
};

struct counter_files {
	int fds[FILES];
	char buf[FILE_MAX];
};

struct counter_files *counter_files_open(void)
{
	struct counter_files *f = calloc(1, sizeof(*f));
	int saved = 0;

	if (!f)
		return NULL;
	for (int i = 0; i < FILES; i++) {
		f->fds[i] = open(files[i].path, O_RDONLY | O_CLOEXEC);
		if (f->fds[i] < 0 && !files[i].optional)
			saved = errno;
	}
	if (saved) {
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
	for (int i = 0; i < FILES; i++)
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

/* The newline of the line that begins at p; NULL when it has none. */
static const char *line_end(const char *p, const char *end)
{
	return p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
}

int counters_parse_lines(const char *text, size_t n, struct counters *ret_counters)
{
	for (const char *p = text, *end = text + n, *stop; p < end; p = stop + 1) {
		size_t name = 0;
		const char *value;
		int c;

		stop = line_end(p, end);
		if (!stop)
			return -EBADMSG;
		while (p + name < stop && p[name] != ' ' && p[name] != '\t')
			name++;
		value = p + name;
		while (value < stop && (*value == ' ' || *value == '\t'))
			value++;
		if (name == 0 || value == stop || *value < '0' || *value > '9')
			return -EBADMSG;
		c = find_counter(p, name, "", 0);
		if (c >= 0)
			ret_counters->v[c] = strtoull(value, NULL, 10);
	}
	return 0;
}

int counters_parse_conntrack(const char *text, size_t n, struct counters *ret_counters)
{
	static const char wanted[] = "drop";
	const char *end = text + n, *p = text, *stop = line_end(p, end);
	uint64_t sum = 0;
	int column = -1;
	size_t len;

	if (!stop)
		return -EBADMSG;
	for (int i = 0; (len = next_word(&p, stop)) > 0; i++, p += len)
		if (len == strlen(wanted) && memcmp(p, wanted, len) == 0)
			column = i;
	if (column < 0)
		return -EBADMSG;
	while ((p = stop + 1) < end) {
		stop = line_end(p, end);
		if (!stop)
			return -EBADMSG;
		for (int i = 0; (len = next_word(&p, stop)) > 0; i++, p += len)
			if (i == column)
				sum += strtoull(p, NULL, 16);
	}
	ret_counters->v[COUNTER_CONNTRACK_DROP] = sum;
	return 0;
}

int counter_files_read(struct counter_files *f, struct counters *ret_counters)
{
	struct counters c = {.t = 0};

	for (int i = 0; i < FILES; i++) {
		size_t used = 0;
		ssize_t n;
		int r;

		if (f->fds[i] < 0 && files[i].optional) /* a module that is loaded later */
			f->fds[i] = open(files[i].path, O_RDONLY | O_CLOEXEC);
		if (f->fds[i] < 0)
			continue;
		while ((n = pread(f->fds[i], f->buf + used, FILE_MAX - 1 - used, (off_t)used)) > 0)
			used += (size_t)n;
		if (n < 0)
			return -errno;
		f->buf[used] = '\0';
		r = files[i].parse(f->buf, used, &c);
		if (r < 0 && !files[i].optional)
			return r;
	}
	*ret_counters = c;
	return 0;
}
