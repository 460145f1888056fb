/* processes.c - what a process is doing, from /proc. */
#include "processes.h"
#include "base/text.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	THREADS_LOOKED_AT = 64,
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

/* The call that one thread waits in; "running ..." when it does not wait. */
static const char *call_of(int task, const char *tid, bool *ret_accepts)
{
	char path[32], text[256];
	long number;

	*ret_accepts = false;
	snprintf(path, sizeof(path), "%.16s/syscall", tid);
	if (read_text(task, path, text, sizeof(text)) == 0)
		return "";
	if (!isdigit((unsigned char)text[0]))
		return strncmp(text, "running", 7) == 0 ? "running" : "";
	number = strtol(text, NULL, 10);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].number == number) {
			*ret_accepts = calls[i].accepts;
			return calls[i].name;
		}
	return "";
}

static void look_at_threads(int dir, int32_t pid, struct process *p)
{
	DIR *d = open_dir(dir, "task");
	const struct dirent *entry;

	for (int i = 0; d && i < THREADS_LOOKED_AT && (entry = readdir(d)); i++) {
		bool accepts;
		const char *call;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		call = call_of(dirfd(d), entry->d_name, &accepts);
		p->accepting = p->accepting || accepts;
		if (atoi(entry->d_name) == pid)
			text_copy(p->syscall, sizeof(p->syscall), call);
	}
	if (d)
		closedir(d);
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
	look_at_threads(dir, pid, ret);
	close(dir);
}
