/* bound.c - TCP sockets that have a port and do not listen, found by their processes: for kernels that do not dump them. */
#include "bound.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

/*
 * Theory of operation
 *
 * Before v6.8 a bound socket is in no table that is shown: neither sock_diag nor /proc/net/tcp has it (TCP_CLOSE is in no
 * hash but bhash, which inet_diag walks since 91051f003948, v6.8). Trying the port with bind() would tell, and would take it
 * from a server that starts at that moment. So the sockets themselves are asked: sockfs names the protocol
 * (system.sockprotoname, net/socket.c), and of what is TCP a copy of the descriptor (pidfd_getfd(), v5.6) is asked for
 * its state and address and closed at once. Nothing of this changes the socket.
 */
#define FIRST_PID_NAMESPACE 0xEFFFFFFCu /* PROC_PID_INIT_INO, include/linux/proc_ns.h */

enum {
	CLOSED = 7, /* TCP_CLOSE */
};

struct walk {
	struct bound_list *list;
	ino_t netns;
	int64_t until;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What is not in the first pid namespace sees only some of the processes. */
static bool sees_all(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino == FIRST_PID_NAMESPACE;
}

static bool is_here(const struct walk *w, int fd)
{
	int ns = ioctl(fd, SIOCGSKNS);
	struct stat st;
	bool here = ns >= 0 && fstat(ns, &st) == 0 && st.st_ino == w->netns;

	if (ns < 0)
		w->list->complete = false; /* whose it is is not known */
	else
		close(ns);
	return here;
}

static bool get_address(int fd, struct bound_record *ret)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);
	int only = 0;

	if (getsockname(fd, (struct sockaddr *)(void *)&sa, &n) < 0)
		return false;
	if (sa.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&sa;

		ret->addr = ip_from_v4(&in->sin_addr);
		ret->port = ntohs(in->sin_port);
	} else if (sa.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&sa;

		ret->addr = ip_from_v6(&in6->sin6_addr);
		ret->port = ntohs(in6->sin6_port);
		ret->v6 = true;
		n = sizeof(only);
		ret->v6only = getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &n) == 0 && only;
	}
	return ret->port != 0;
}

static bool is_closed(int fd)
{
	struct tcp_info info = {.tcpi_state = 0};
	socklen_t n = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 && info.tcpi_state == CLOSED;
}

static void take_socket(struct walk *w, int fd, uint32_t inode)
{
	struct bound_list *list = w->list;
	struct bound_record r = {.inode = inode};

	for (uint32_t i = 0; i < list->n; i++)
		if (list->records[i].inode == inode)
			return; /* another process's copy */
	if (!is_closed(fd) || !get_address(fd, &r) || !is_here(w, fd))
		return;
	if (list->n == BOUND_MAX)
		list->complete = false;
	else
		list->records[list->n++] = r;
}

static bool is_tcp(int fds, const char *name)
{
	char path[64], protocol[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%.16s", fds, name);
	n = getxattr(path, "system.sockprotoname", protocol, sizeof(protocol) - 1);
	if (n < 0)
		return errno != ENOENT; /* it may be */
	protocol[n] = '\0';
	return strncmp(protocol, "TCP", 3) == 0 || strncmp(protocol, "MPTCP", 5) == 0;
}

/* What has gone since is no gap. */
static void missed(struct walk *w)
{
	if (errno != ENOENT && errno != ESRCH && errno != EBADF)
		w->list->complete = false;
}

static void look_into(struct walk *w, int32_t pid)
{
	int pidfd = -1;
	char path[32], target[64];
	const struct dirent *entry;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	if (!d)
		missed(w);
	while (d && (entry = readdir(d))) {
		ssize_t len = readlinkat(dirfd(d), entry->d_name, target, sizeof(target) - 1);
		unsigned int inode;
		int fd;

		target[len > 0 ? len : 0] = '\0';
		if (sscanf(target, "socket:[%u]", &inode) != 1 || !is_tcp(dirfd(d), entry->d_name))
			continue;
		if (pidfd < 0)
			pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		fd = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, atoi(entry->d_name), 0);
		if (fd < 0) {
			missed(w);
			continue;
		}
		take_socket(w, fd, inode);
		close(fd);
	}
	if (d)
		closedir(d);
	if (pidfd >= 0)
		close(pidfd);
}

void bound_read(struct bound_list *ret, int64_t most_ms)
{
	struct walk w = {.list = ret, .until = now_ms() + most_ms};
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	struct stat st;

	memset(ret, 0, sizeof(*ret));
	if (stat("/proc/thread-self/ns/net", &st) < 0 || !proc)
		goto out;
	w.netns = st.st_ino;
	ret->complete = sees_all();
	while ((entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (now_ms() > w.until) {
			ret->complete = false;
			break;
		}
		look_into(&w, atoi(entry->d_name));
	}
out:
	if (proc)
		closedir(proc);
}
