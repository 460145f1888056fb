/* namespaces.c - who listens on a port in another network namespace. */
#include "namespaces.h"
#include "base/text.h"
#include "sockdiag.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	NAMESPACES_MAX = 256,
	ROWS_MAX = 512,
};

static const char named[] = "/run/netns"; /* of ip-netns(8) */

struct search {
	uint16_t port;
	struct elsewhere_record *ret;
	struct socket_row *rows;
	ino_t seen[NAMESPACES_MAX];
	size_t n_seen;
};

static bool is_new(struct search *s, ino_t ino)
{
	for (size_t i = 0; i < s->n_seen; i++)
		if (s->seen[i] == ino)
			return false;
	if (s->n_seen == NAMESPACES_MAX) {
		s->ret->complete = false;
		return false;
	}
	s->seen[s->n_seen++] = ino;
	return true;
}

/* The listener that reaches furthest; false: none, or it cannot be read. */
static bool find_here(struct search *s)
{
	struct sockdiag *sd = sockdiag_new();
	bool found = false;
	size_t n = 0;

	if (!sd || sockdiag_listeners(sd, s->rows, ROWS_MAX, &n) < 0)
		s->ret->complete = false;
	for (size_t i = 0; i < n; i++) {
		if (s->rows[i].port != s->port || (found && !ip_is_any(&s->rows[i].addr)))
			continue;
		s->ret->row = s->rows[i];
		found = true;
	}
	sockdiag_free(sd);
	return found;
}

/* Enters the namespace of an open file and looks. */
static void look_into(struct search *s, int fd, const char *name)
{
	struct stat st;

	if (s->ret->found || fstat(fd, &st) < 0 || !is_new(s, st.st_ino))
		return;
	if (setns(fd, CLONE_NEWNET) < 0) {
		s->ret->complete = false;
		return;
	}
	if (find_here(s)) {
		s->ret->found = true;
		text_clean(s->ret->netns, sizeof(s->ret->netns), name, strlen(name));
	}
}

static void look_below(struct search *s, const char *path, bool processes)
{
	DIR *d = opendir(path);
	const struct dirent *entry;

	while (d && (entry = readdir(d)) && !s->ret->found) {
		char name[300];
		int fd;

		if (processes ? !isdigit((unsigned char)entry->d_name[0]) : entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), processes ? "%s/ns/net" : "%s", entry->d_name);
		fd = openat(dirfd(d), name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		look_into(s, fd, processes ? "" : entry->d_name);
		close(fd);
	}
	if (d)
		closedir(d);
}

void namespaces_find_listener(uint16_t port, struct elsewhere_record *ret)
{
	struct search *s = calloc(1, sizeof(*s));
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	struct stat st;

	memset(ret, 0, sizeof(*ret));
	if (s)
		s->rows = calloc(ROWS_MAX, sizeof(*s->rows));
	if (s && s->rows && home >= 0 && fstat(home, &st) == 0) {
		s->port = port;
		s->ret = ret;
		ret->complete = true;
		is_new(s, st.st_ino);
		look_below(s, named, false);
		look_below(s, "/proc", true);
		if (setns(home, CLONE_NEWNET) < 0)
			abort(); /* to go on in a stranger's namespace would be worse */
		if (ret->found) {
			ret->owner.inode = ret->row.inode;
			owner_find(&ret->owner, 1);
		}
	}
	if (home >= 0)
		close(home);
	if (s)
		free(s->rows);
	free(s);
}
