/* owner.c - which process holds a socket. */
#include "owner.h"
#include "base/text.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static size_t read_file(int dir, const char *name, char *buf, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/* The path of the unified hierarchy, or of systemd's in a hybrid one. */
static void take_cgroup(char *text, char *ret, size_t size)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *path = strchr(line, '/');

		if (path && (strncmp(line, "0::", 3) == 0 || strstr(line, ":name=systemd:")))
			text_copy(ret, size, path);
	}
}

/* From /etc/passwd alone: getpwuid() would run name services, network and all, with privilege. */
static void name_user(uid_t uid, char *ret, size_t size)
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *pw;

	snprintf(ret, size, "%u", uid);
	while (f && (pw = fgetpwent(f)))
		if (pw->pw_uid == uid) {
			text_copy(ret, size, pw->pw_name);
			break;
		}
	if (f)
		fclose(f);
}

static void describe(int dir, int32_t pid, struct owner_record *r)
{
	char cgroup[4096];
	struct stat st;
	size_t n;

	r->pid = pid;
	n = read_file(dir, "comm", r->comm, sizeof(r->comm));
	if (n > 0 && r->comm[n - 1] == '\n')
		r->comm[n - 1] = '\0';
	n = read_file(dir, "cmdline", r->cmdline, sizeof(r->cmdline));
	for (size_t i = 0; i + 1 < n; i++)
		if (r->cmdline[i] == '\0')
			r->cmdline[i] = ' ';
	read_file(dir, "cgroup", cgroup, sizeof(cgroup));
	take_cgroup(cgroup, r->cgroup, sizeof(r->cgroup));
	if (fstat(dir, &st) == 0)
		name_user(st.st_uid, r->user, sizeof(r->user));
}

void owner_cgroup(int32_t pid, char *ret, size_t size)
{
	char path[32], text[4096];

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	text_copy(ret, size, "");
	read_file(AT_FDCWD, path, text, sizeof(text));
	take_cgroup(text, ret, size);
}

static bool better(int32_t pid, int32_t than)
{
	return than == 0 || than == 1 || (pid != 1 && pid < than);
}

/* Who holds a socket, as a walk of /proc found it. */
struct holder {
	uint32_t inode; /* 0: free */
	int32_t pid, last; /* last: the process that was seen with it last */
	uint32_t holders;
};

/*
 * One walk tells of all sockets, and is good for the requests that follow at once: of thousands of listeners each batch
 * would walk anew. Open addressing; the broker has one thread.
 */
static struct {
	struct holder *slots;
	size_t size, used;
	int64_t made, took; /* microseconds */
} walked;

enum {
	HOLDERS_FIRST = 1024,
	HOLDERS_MAX = 1 << 20,
	KEPT = 100000, /* for so long, or twice as long as it took */
};

static int64_t now_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

/* The slot of an inode, or a free one. Inodes are counted up: no hash is needed. */
static struct holder *slot_of(struct holder *slots, size_t size, uint32_t inode)
{
	size_t i = inode & (size - 1);

	while (slots[i].inode != 0 && slots[i].inode != inode)
		i = (i + 1) & (size - 1);
	return &slots[i];
}

static bool grow(void)
{
	size_t size = walked.size ? walked.size * 2 : HOLDERS_FIRST;
	struct holder *larger = size <= HOLDERS_MAX ? calloc(size, sizeof(*larger)) : NULL;

	if (!larger)
		return false;
	for (size_t i = 0; i < walked.size; i++)
		if (walked.slots[i].inode != 0)
			*slot_of(larger, size, walked.slots[i].inode) = walked.slots[i];
	free(walked.slots);
	walked.slots = larger;
	walked.size = size;
	return true;
}

static void add_holder(uint32_t inode, int32_t pid)
{
	struct holder *h;

	if (walked.used >= walked.size / 2 && !grow() && walked.used >= walked.size / 4 * 3)
		return;
	h = slot_of(walked.slots, walked.size, inode);
	walked.used += h->inode == 0;
	h->inode = inode;
	h->holders += h->last != pid;
	h->last = pid;
	if (better(pid, h->pid))
		h->pid = pid;
}

/* Looks through the descriptors of one process. */
static void look_into(int proc, const char *name)
{
	int dir = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fds = dir < 0 ? -1 : openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fds < 0 ? NULL : fdopendir(fds);
	int32_t pid = atoi(name);
	const struct dirent *entry;

	if (!d && fds >= 0)
		close(fds);
	while (d && (entry = readdir(d))) {
		char target[64];
		unsigned int inode;
		ssize_t len = readlinkat(fds, entry->d_name, target, sizeof(target) - 1);

		if (len <= 0)
			continue;
		target[len] = '\0';
		if (sscanf(target, "socket:[%u]", &inode) == 1 && inode != 0)
			add_holder(inode, pid);
	}
	if (d)
		closedir(d);
	if (dir >= 0)
		close(dir);
}

static void walk(void)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;

	walked.made = now_usec();
	walked.used = 0;
	if (walked.size)
		memset(walked.slots, 0, walked.size * sizeof(*walked.slots));
	while (proc && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			look_into(dirfd(proc), entry->d_name);
	if (proc)
		closedir(proc);
	walked.took = now_usec() - walked.made;
}

/* Fills a record by the last walk; one that was described before is copied. False: it is not in it, or has ended. */
static bool fill(struct owner_record *r, const struct owner_record *before)
{
	const struct holder *h = walked.size ? slot_of(walked.slots, walked.size, r->inode) : NULL;
	char path[32];
	uint32_t inode = r->inode;
	int dir;

	if (!h || h->inode == 0)
		return false;
	if (before && before->pid == h->pid) {
		*r = *before;
		r->inode = inode;
		r->holders = h->holders;
		return true;
	}
	snprintf(path, sizeof(path), "/proc/%d", h->pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return false;
	describe(dir, h->pid, r);
	r->holders = h->holders;
	close(dir);
	return true;
}

void owner_find(struct owner_record *records, size_t n)
{
	int64_t age = now_usec() - walked.made, good = 2 * walked.took > KEPT ? 2 * walked.took : KEPT;
	bool fresh = walked.made == 0 || age > good;

	if (fresh)
		walk();
	for (size_t i = 0; i < n; i++) {
		const struct owner_record *before = i > 0 && records[i - 1].pid > 0 ? &records[i - 1] : NULL;
		uint32_t inode = records[i].inode;

		memset(&records[i], 0, sizeof(records[i]));
		records[i].inode = inode;
		if (fill(&records[i], before) || fresh)
			continue;
		walk(); /* it is newer */
		fresh = true;
		fill(&records[i], before);
	}
}

static bool ends_with(const char *s, size_t n, const char *suffix)
{
	size_t len = strlen(suffix);

	return n > len && memcmp(s + n - len, suffix, len) == 0;
}

/* A container's id as its tools show it: the first 12 of 64 hex digits somewhere in the component. */
static bool find_container(const char *s, size_t n, struct owner *o)
{
	static const char *const machines[] = {"machine-", "lxc.payload."};
	size_t run = 0;

	for (size_t i = 0; i < n; i++) {
		run = isxdigit((unsigned char)s[i]) ? run + 1 : 0;
		if (run == 64) {
			text_clean(o->container, sizeof(o->container), s + i - 63, 12);
			return true;
		}
	}
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		size_t skip = strlen(machines[i]);

		if (n > skip && strncmp(s, machines[i], skip) == 0 &&
			(i > 0 || ends_with(s, n, ".scope"))) {
			n -= skip + (ends_with(s, n, ".scope") ? strlen(".scope") : 0);
			text_clean(o->container, sizeof(o->container), s + skip, n);
			return true;
		}
	}
	return false;
}

static void take_unit(const char *path, struct owner *o)
{
	static const char *const suffixes[] = {".service", ".scope", ".socket"};

	while (*path) {
		size_t n = strcspn(path, "/");

		if (!find_container(path, n, o))
			for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
				if (ends_with(path, n, suffixes[i]))
					text_clean(o->unit, sizeof(o->unit), path, n);
		path += n;
		path += *path == '/';
	}
}

void owner_container(const char *cgroup, char *ret, size_t size)
{
	struct owner o = {.pid = 0};

	take_unit(cgroup, &o);
	text_copy(ret, size, o.container);
}

void owner_from_record(const struct owner_record *r, struct owner *ret_owner)
{
	struct owner o = {.pid = r->pid, .holders = r->holders};

	text_clean(o.comm, sizeof(o.comm), r->comm, strnlen(r->comm, sizeof(r->comm)));
	text_clean(o.cmdline, sizeof(o.cmdline), r->cmdline, strnlen(r->cmdline, sizeof(r->cmdline)));
	text_clean(o.user, sizeof(o.user), r->user, strnlen(r->user, sizeof(r->user)));
	if (memchr(r->cgroup, '\0', sizeof(r->cgroup)))
		take_unit(r->cgroup, &o);
	*ret_owner = o;
}
