/* namespaces.c - the network namespaces of this host, and who listens there. */
#include "namespaces.h"
#include "base/text.h"
#include "containers.h"
#include "netns_reach.h"
#include "sockdiag.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ROWS_MAX = 512,
};

static const char named[] = "/run/netns"; /* of ip-netns(8) */

struct listing {
	struct namespace_entry *entries;
	size_t n;
	bool complete;
	ino_t own;
	bool (*ignore)(void *ctx, int32_t pid); /* NULL: none */
	void *ctx;
};

/* The entry of a namespace, a new one if need be; NULL: our own, or there is no room. */
static struct namespace_entry *entry_of(struct listing *l, ino_t ino)
{
	if (ino == l->own)
		return NULL;
	for (size_t i = 0; i < l->n; i++)
		if (l->entries[i].ino == ino)
			return &l->entries[i];
	if (l->n == NAMESPACES_MAX) {
		l->complete = false;
		return NULL;
	}
	l->entries[l->n] = (struct namespace_entry){.ino = ino};
	return &l->entries[l->n++];
}

static void list_names(struct listing *l)
{
	DIR *d = opendir(named);
	const struct dirent *file;

	while (d && (file = readdir(d))) {
		struct namespace_entry *e;
		struct stat st;

		if (file->d_name[0] == '.' || strlen(file->d_name) >= sizeof(e->file) ||
			fstatat(dirfd(d), file->d_name, &st, 0) < 0)
			continue;
		e = entry_of(l, st.st_ino);
		if (e)
			text_copy(e->file, sizeof(e->file), file->d_name);
	}
	if (d)
		closedir(d);
}

static void list_processes(struct listing *l)
{
	DIR *d = opendir("/proc");
	const struct dirent *file;

	while (d && (file = readdir(d))) {
		struct namespace_entry *e;
		struct stat st;
		char path[300];
		int32_t pid = atoi(file->d_name);

		if (!isdigit((unsigned char)file->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%s/ns/net", file->d_name);
		if (fstatat(dirfd(d), path, &st, 0) < 0)
			continue;
		if (st.st_ino == l->own || (l->ignore && l->ignore(l->ctx, pid)))
			continue;
		e = entry_of(l, st.st_ino);
		if (e && (e->pid == 0 || pid < e->pid))
			e->pid = pid;
	}
	if (d)
		closedir(d);
}

size_t namespaces_list_but(struct namespace_entry *entries, bool *ret_complete, bool (*ignore)(void *ctx, int32_t pid),
	void *ctx)
{
	struct listing l = {.entries = entries, .complete = true, .ignore = ignore, .ctx = ctx};
	struct stat st;

	*ret_complete = false;
	if (stat("/proc/thread-self/ns/net", &st) < 0)
		return 0;
	l.own = st.st_ino;
	list_names(&l);
	list_processes(&l);
	*ret_complete = l.complete;
	return l.n;
}

size_t namespaces_list(struct namespace_entry *entries, bool *ret_complete)
{
	return namespaces_list_but(entries, ret_complete, NULL, NULL);
}

int namespace_open(const struct namespace_entry *e)
{
	char path[sizeof(named) + sizeof(e->file) + 1];
	struct stat st;
	int fd;

	if (e->file[0])
		snprintf(path, sizeof(path), "%s/%s", named, e->file);
	else
		snprintf(path, sizeof(path), "/proc/%d/ns/net", e->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && st.st_ino == e->ino)
		return fd;
	close(fd); /* the name or the pid is another's by now */
	return -ESTALE;
}

/* "nginx (pid 123)" */
static void name_by_process(int32_t pid, char *ret, size_t size)
{
	char path[32], comm[32] = "", clean[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(comm, sizeof(comm), f)) {
		text_clean(clean, sizeof(clean), comm, strcspn(comm, "\n"));
		snprintf(ret, size, "%s (pid %d)", clean, pid);
	}
	fclose(f);
}

bool namespace_name(const struct namespace_entry *e, char *ret, size_t size)
{
	bool container;

	text_copy(ret, size, "");
	if (e->pid > 0)
		container_of_process(e->pid, ret, size);
	container = ret[0] != '\0';
	if (!ret[0])
		text_clean(ret, size, e->file, strlen(e->file));
	if (!ret[0] && e->pid > 0)
		name_by_process(e->pid, ret, size);
	return container;
}

int namespace_visit(int fd, void (*visit)(void *ctx), void *ctx)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (home < 0)
		return -errno;
	if (setns(fd, CLONE_NEWNET) < 0) {
		int saved = errno;

		close(home);
		return -saved;
	}
	visit(ctx);
	if (setns(home, CLONE_NEWNET) < 0)
		abort(); /* to go on in a stranger's namespace would be worse */
	close(home);
	return 0;
}

struct search {
	const struct ip *addr; /* NULL: any */
	uint16_t port;
	struct netns_home home;
	struct elsewhere_record here; /* of the namespace that is looked into */
	struct socket_row *rows;
};

static bool has_address(const struct ip *addr)
{
	struct ifaddrs *list, *i;
	bool found = false;

	if (getifaddrs(&list) < 0)
		return false;
	for (i = list; i && !found; i = i->ifa_next) {
		struct ip ip;

		found = ip_from_sockaddr(i->ifa_addr, &ip) && ip_equal(&ip, addr);
	}
	freeifaddrs(list);
	return found;
}

/* How much of what a peer may dial a listener takes. */
static int reach_of(const struct search *s, const struct ip *addr)
{
	if (s->addr && ip_equal(addr, s->addr))
		return 3;
	return ip_is_any(addr) ? 2 : !ip_is_loopback(addr);
}

static void look_here(void *ctx)
{
	struct search *s = ctx;
	struct elsewhere_record *here = &s->here;
	struct sockdiag *sd;
	size_t n = 0;
	int r;

	if (s->addr && !has_address(s->addr))
		return;
	here->address = s->addr != NULL;
	sd = sockdiag_new();
	r = sd ? sockdiag_listeners_of(sd, s->port, s->rows, ROWS_MAX, &n) : -errno;
	here->complete = r == 0;
	for (size_t i = 0; i < n; i++) {
		if (here->found && reach_of(s, &s->rows[i].addr) <= reach_of(s, &here->row.addr))
			continue;
		here->row = s->rows[i];
		here->found = true;
	}
	if (here->found)
		here->reach = (uint8_t)netns_reach(&s->home, &here->row, &here->reach_addr);
	sockdiag_free(sd);
}

/* Whether what was found last is the better answer. */
static bool is_better(const struct elsewhere_record *a, const struct elsewhere_record *best)
{
	if (a->address != best->address)
		return a->address;
	return a->found && (!best->found || a->reach > best->reach);
}

static void search_all(struct search *s, struct elsewhere_record *ret)
{
	struct namespace_entry *entries = calloc(NAMESPACES_MAX, sizeof(*entries));
	bool complete = false;
	size_t n;

	memset(ret, 0, sizeof(*ret));
	s->rows = calloc(ROWS_MAX, sizeof(*s->rows));
	s->home = netns_home_open();
	n = entries && s->rows ? namespaces_list(entries, &complete) : 0;
	for (size_t i = 0; i < n && !(ret->found && ret->reach == ELSEWHERE_JOINED); i++) {
		int fd = namespace_open(&entries[i]);

		s->here = (struct elsewhere_record){.complete = true};
		if (fd < 0 || namespace_visit(fd, look_here, s) < 0)
			complete = false;
		if (fd >= 0)
			close(fd);
		complete = complete && s->here.complete;
		if (!is_better(&s->here, ret))
			continue;
		*ret = s->here;
		ret->container = namespace_name(&entries[i], ret->netns, sizeof(ret->netns));
		ret->pid = entries[i].pid;
	}
	ret->complete = complete;
	if (ret->found) {
		ret->owner.inode = ret->row.inode;
		owner_find(&ret->owner, 1);
	}
	netns_home_close(&s->home);
	free(s->rows);
	free(entries);
}

void namespaces_find_listener(uint16_t port, struct elsewhere_record *ret)
{
	struct search s = {.port = port};

	search_all(&s, ret);
}

void namespaces_find_target(const struct ip *addr, uint16_t port, struct elsewhere_record *ret)
{
	struct search s = {.addr = addr, .port = port};

	search_all(&s, ret);
}
