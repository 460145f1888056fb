/* processes.c - what a process is doing, from /proc. */
#include "processes.h"
#include "base/text.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	THREADS_LOOKED_AT = 256,
	HOLDERS_LOOKED_AT = 64,
	EPHEMERAL = 32768, /* a local port from here on is likely an outgoing connection's (net.ipv4.ip_local_port_range) */
};

static const struct {
	long number;
	const char *name;
	bool accepts; /* a new connection ends it, or may */
} calls[] = {
	{SYS_accept4, "accept4", true},
#ifdef SYS_accept
	{SYS_accept, "accept", true},
#endif
#ifdef SYS_poll
	{SYS_poll, "poll", true},
#endif
#ifdef SYS_select
	{SYS_select, "select", true},
#endif
#ifdef SYS_epoll_wait
	{SYS_epoll_wait, "epoll_wait", true},
#endif
	{SYS_ppoll, "ppoll", true},
	{SYS_pselect6, "pselect6", true},
	{SYS_epoll_pwait, "epoll_pwait", true},
	{SYS_io_uring_enter, "io_uring_enter", true},
	{SYS_read, "read", false},
	{SYS_write, "write", false},
	{SYS_recvfrom, "recvfrom", false},
	{SYS_recvmsg, "recvmsg", false},
	{SYS_sendto, "sendto", false},
	{SYS_sendmsg, "sendmsg", false},
	{SYS_connect, "connect", false},
	{SYS_futex, "futex", false},
	{SYS_nanosleep, "nanosleep", false},
	{SYS_clock_nanosleep, "clock_nanosleep", false},
	{SYS_wait4, "wait4", false},
	{SYS_waitid, "waitid", false},
	{SYS_flock, "flock", false},
	{SYS_fcntl, "fcntl", false},
	{SYS_openat, "openat", false},
	{SYS_semtimedop, "semtimedop", false},
	{SYS_msgrcv, "msgrcv", false},
	{SYS_rt_sigsuspend, "rt_sigsuspend", false},
	{SYS_rt_sigtimedwait, "rt_sigtimedwait", false},
	{SYS_recvmmsg, "recvmmsg", false},
	{SYS_readv, "readv", false},
	{SYS_writev, "writev", false},
	{SYS_pread64, "pread64", false},
	{SYS_pwrite64, "pwrite64", false},
#ifdef SYS_epoll_pwait2
	{SYS_epoll_pwait2, "epoll_pwait2", true},
#endif
	{SYS_fsync, "fsync", false},
	{SYS_fdatasync, "fdatasync", false},
};

static size_t read_text(int dir, const char *name, char *buf, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static DIR *open_dir(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

/* "pid (comm) S ...", where comm may hold anything but ends with the last bracket. */
static char state_of(int dir)
{
	char text[512];
	const char *end;

	read_text(dir, "stat", text, sizeof(text));
	end = strrchr(text, ')');
	return end && end[1] == ' ' && isalpha((unsigned char)end[2]) ? end[2] : '\0';
}

static uint32_t count_fds(int dir)
{
	DIR *d = open_dir(dir, "fd");
	uint32_t n = 0;
	const struct dirent *entry;

	while (d && (entry = readdir(d)))
		n += isdigit((unsigned char)entry->d_name[0]) != 0;
	if (d)
		closedir(d);
	return n;
}

static uint32_t fd_limit(int dir)
{
	char text[4096];
	const char *line;

	read_text(dir, "limits", text, sizeof(text));
	line = strstr(text, "Max open files");
	return line ? (uint32_t)strtoul(line + strlen("Max open files"), NULL, 10) : 0;
}

/* The call that one thread waits in, and its first three arguments; "running" when it does not wait. */
struct call {
	const char *name;
	bool accepts;
	uint64_t args[3];
};

static struct call call_of(int task, const char *tid)
{
	struct call c = {.name = ""};
	char path[32], text[256];
	long number;

	snprintf(path, sizeof(path), "%.16s/syscall", tid);
	if (read_text(task, path, text, sizeof(text)) == 0)
		return c;
	if (!isdigit((unsigned char)text[0])) {
		c.name = strncmp(text, "running", 7) == 0 ? "running" : "";
		return c;
	}
	if (sscanf(text, "%ld %" SCNx64 " %" SCNx64 " %" SCNx64, &number, &c.args[0], &c.args[1], &c.args[2]) < 1)
		return c;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].number == number) {
			c.accepts = calls[i].accepts;
			c.name = calls[i].name;
		}
	return c;
}

/* A line of /proc/PID/net/tcp, udp or their IPv6 forms: the address in the host's byte order, word by word. */
static bool find_remote(int dir, const char *table, unsigned long inode, char *ret, size_t size, bool *ret_out)
{
	int fd = openat(dir, table, O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[512], remote[40], to[IP_TEXT];
	bool found = false;

	if (!f && fd >= 0)
		close(fd);
	while (f && !found && fgets(line, sizeof(line), f)) {
		unsigned int port, local;
		unsigned long row;
		uint32_t words[4];
		struct ip ip;

		if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %32[0-9A-Fa-f]:%x %*x %*x:%*x %*x:%*x %*x %*u %*u %lu", &local, remote,
			    &port, &row) != 4 || row != inode || port == 0)
			continue;
		if (strlen(remote) == 32 &&
			sscanf(remote, "%8" SCNx32 "%8" SCNx32 "%8" SCNx32 "%8" SCNx32, &words[0], &words[1], &words[2],
				&words[3]) == 4)
			ip = ip_from_v6(words);
		else if (strlen(remote) == 8 && sscanf(remote, "%8" SCNx32, &words[0]) == 1)
			ip = ip_from_v4(words);
		else
			continue;
		snprintf(ret, size, "%s%s", ip_format_port(&ip, (uint16_t)port, to, sizeof(to)),
			strncmp(table, "net/udp", 7) != 0 ? "" : port == 53 ? " (UDP: a DNS server)" : " (UDP)");
		*ret_out = local >= EPHEMERAL;
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

/* What stands behind a descriptor: a connection's far end, or a file. */
static void name_descriptor(int dir, int fd, char *ret, size_t size, bool *ret_out)
{
	static const char *const tables[] = {"net/tcp", "net/udp", "net/tcp6", "net/udp6"};
	char path[32], target[72];
	unsigned long inode;
	ssize_t n;

	snprintf(path, sizeof(path), "fd/%d", fd);
	n = readlinkat(dir, path, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	if (sscanf(target, "socket:[%lu]", &inode) != 1) {
		if (target[0] == '/')
			text_clean(ret, size, target, (size_t)n);
		*ret_out = true;
		return;
	}
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (find_remote(dir, tables[i], inode, ret, size, ret_out))
			return;
}

/* The only descriptor that poll() waits for, read from the process's memory; -1: not known. */
static int polled(int dir, const struct call *c)
{
	struct {
		int fd;
		short events, revents;
	} first;
	int fd, found = -1;

	if (c->args[1] != 1)
		return -1;
	fd = openat(dir, "mem", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && pread(fd, &first, sizeof(first), (off_t)c->args[0]) == (ssize_t)sizeof(first))
		found = first.fd;
	if (fd >= 0)
		close(fd);
	return found;
}

/* Whom or what a call waits for, where it is for one descriptor. */
static void look_at_wait(int dir, const struct call *c, struct process *p)
{
	static const char *const by_descriptor[] = {"connect", "read", "readv", "recvfrom", "recvmsg", "recvmmsg", "write",
		"writev", "sendto", "sendmsg", "flock", "fcntl", "fsync", "fdatasync", "pread64", "pwrite64"};
	char what[sizeof(p->waits_for)] = "";
	bool out = false;

	if (p->waits_out)
		return;
	for (size_t i = 0; i < sizeof(by_descriptor) / sizeof(by_descriptor[0]); i++)
		if (strcmp(c->name, by_descriptor[i]) == 0)
			name_descriptor(dir, (int)c->args[0], what, sizeof(what), &out);
	if (strcmp(c->name, "poll") == 0 || strcmp(c->name, "ppoll") == 0) {
		int fd = polled(dir, c);

		if (fd >= 0)
			name_descriptor(dir, fd, what, sizeof(what), &out);
	}
	if (!what[0] || (p->waits_for[0] && !out))
		return;
	p->waits_out = out;
	text_copy(p->waits_in, sizeof(p->waits_in), c->name);
	text_copy(p->waits_for, sizeof(p->waits_for), what);
}

static void look_at_threads(int dir, int32_t pid, struct process *p)
{
	DIR *d = open_dir(dir, "task");
	const struct dirent *entry;

	for (int i = 0; d && i < THREADS_LOOKED_AT && (entry = readdir(d)); i++) {
		struct call c;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		c = call_of(dirfd(d), entry->d_name);
		p->accepting = p->accepting || c.accepts;
		p->in_accept = p->in_accept || strncmp(c.name, "accept", strlen("accept")) == 0;
		look_at_wait(dir, &c, p);
		if (atoi(entry->d_name) == pid)
			text_copy(p->syscall, sizeof(p->syscall), c.name);
	}
	if (d)
		closedir(d);
}

/* A number in a file of a control group; -1: there is none, or "max". */
static int64_t group_number(const char *mount, const char *path, const char *name)
{
	char file[512], text[64];

	snprintf(file, sizeof(file), "%s%s/%s", mount, path, name);
	if (read_text(AT_FDCWD, file, text, sizeof(text)) == 0 || !isdigit((unsigned char)text[0]))
		return -1;
	return strtoll(text, NULL, 10);
}

static bool is_frozen(const char *mount, const char *path)
{
	char file[512], text[128];

	snprintf(file, sizeof(file), "%s%s/cgroup.events", mount, path);
	if (read_text(AT_FDCWD, file, text, sizeof(text)) > 0)
		return strstr(text, "frozen 1") != NULL;
	snprintf(file, sizeof(file), "%s%s/freezer.state", mount, path);
	return read_text(AT_FDCWD, file, text, sizeof(text)) > 0 && strncmp(text, "FROZEN", 6) == 0;
}

/* The limit of tasks that has the least room, of the group and those it is in. */
static void look_at_tasks(const char *mount, const char *path, struct process *p)
{
	char up[320];
	char *slash;

	text_copy(up, sizeof(up), path);
	do {
		int64_t n = group_number(mount, up, "pids.current"), max = group_number(mount, up, "pids.max");

		if (n >= 0 && max > 0 && (p->tasks_max == 0 || max - n < (int64_t)p->tasks_max - p->tasks)) {
			p->tasks = (uint32_t)n;
			p->tasks_max = (uint32_t)max;
		}
		slash = strrchr(up, '/');
		if (slash)
			*slash = '\0';
	} while (slash && up[0]);
}

/* Control groups of both versions, where systemd and the usual distributions mount them. */
static void look_at_groups(int dir, struct process *p)
{
	char text[4096], *save = NULL;

	read_text(dir, "cgroup", text, sizeof(text));
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *path = strchr(line, '/');

		if (!path)
			continue;
		if (strncmp(line, "0::", 3) == 0) {
			p->frozen = p->frozen || is_frozen("/sys/fs/cgroup", path) || is_frozen("/sys/fs/cgroup/unified", path);
			look_at_tasks("/sys/fs/cgroup", path, p);
		} else if (strstr(line, ":freezer:")) {
			p->frozen = p->frozen || is_frozen("/sys/fs/cgroup/freezer", path);
		} else if (strstr(line, ":pids:")) {
			look_at_tasks("/sys/fs/cgroup/pids", path, p);
		}
	}
}

/* The field of stat behind the name and the state (proc_pid_stat(5)). */
static void look_at_parent(int dir, struct process *p)
{
	char text[1024];
	const char *end;

	read_text(dir, "stat", text, sizeof(text));
	end = strrchr(text, ')');
	if (end && sscanf(end, ") %*c %d", &p->parent) != 1)
		p->parent = 0;
}

void process_read(int32_t pid, struct process *ret)
{
	char path[32];
	int dir;

	memset(ret, 0, sizeof(*ret));
	snprintf(path, sizeof(path), "/proc/%d", pid);
	dir = pid > 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (dir < 0)
		return;
	ret->state = state_of(dir);
	if (ret->state != '\0' && ret->state != 'Z' && ret->state != 'X')
		ret->pid = pid;
	ret->fds = count_fds(dir);
	ret->fds_max = fd_limit(dir);
	look_at_parent(dir, ret);
	look_at_groups(dir, ret);
	look_at_threads(dir, pid, ret);
	close(dir);
}

bool process_is_stopped(const struct process *p)
{
	return p->state == 'T' || p->state == 't' || p->frozen;
}

bool process_is_out_of_fds(const struct process *p)
{
	return p->fds_max > 0 && p->fds >= p->fds_max;
}

static bool cannot_serve(const struct process *p)
{
	return process_is_stopped(p) || process_is_out_of_fds(p);
}

/* A master: the parent of others that hold the socket, and itself not in accept(). */
static bool is_master(const struct process *p, const struct process *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].parent == p->pid && !p->in_accept)
			return true;
	return false;
}

void process_choose(const struct process *all, size_t n, struct process *ret)
{
	const struct process *chosen = NULL;
	size_t workers = 0, helpless = 0;

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < n; i++) {
		if (is_master(&all[i], all, n))
			continue;
		workers++;
		helpless += cannot_serve(&all[i]);
		if (!chosen || (process_is_stopped(&all[i]) && !process_is_stopped(chosen)) ||
			(cannot_serve(&all[i]) && !cannot_serve(chosen)) || (!cannot_serve(chosen) && all[i].waits_for[0] && !chosen->waits_for[0]))
			chosen = &all[i];
	}
	if (!chosen && n > 0)
		chosen = &all[0];
	if (!chosen)
		return;
	*ret = *chosen;
	ret->holders = (uint32_t)n;
	ret->decides = workers > 0 && helpless == workers;
	if (!ret->decides && workers > 0 && cannot_serve(chosen)) { /* others could: what this one is like decides nothing */
		for (size_t i = 0; i < n; i++)
			if (!is_master(&all[i], all, n) && !cannot_serve(&all[i]))
				*ret = all[i];
		ret->holders = (uint32_t)n;
		ret->decides = false;
	}
	if (n == 1)
		ret->decides = true;
}

static bool holds(int proc, const char *name, uint32_t inode)
{
	char path[300], target[64];
	unsigned int found;
	const struct dirent *entry;
	bool has = false;
	DIR *d;

	snprintf(path, sizeof(path), "%s/fd", name);
	d = open_dir(proc, path);
	while (d && !has && (entry = readdir(d))) {
		ssize_t len = readlinkat(dirfd(d), entry->d_name, target, sizeof(target) - 1);

		if (len <= 0)
			continue;
		target[len] = '\0';
		has = sscanf(target, "socket:[%u]", &found) == 1 && found == inode;
	}
	if (d)
		closedir(d);
	return has;
}

void process_of_socket(uint32_t inode, struct process *ret)
{
	static struct process all[HOLDERS_LOOKED_AT];
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	size_t n = 0;

	memset(ret, 0, sizeof(*ret));
	while (proc && n < HOLDERS_LOOKED_AT && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]) || !holds(dirfd(proc), entry->d_name, inode))
			continue;
		process_read(atoi(entry->d_name), &all[n]);
		n += all[n].pid != 0;
	}
	if (proc)
		closedir(proc);
	process_choose(all, n, ret);
}
