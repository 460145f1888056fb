/* desk.c - writes settings and findings for the worker. */
#include "desk.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PATH_ROOM = 512,
	PATIENCE_MS = 1000,
};

int desk_open(int ret_fds[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0 ? -errno : 0;
}

void desk_write(int fd, enum desk_kind kind, const char *name, const char *text, char words[DESK_WORDS])
{
	static struct desk_request request;
	struct desk_reply reply;
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	while (recv(fd, &reply, sizeof(reply), MSG_DONTWAIT) > 0)
		; /* answers that came too late */
	memset(&request, 0, sizeof(request));
	request.kind = kind;
	text_copy(request.name, sizeof(request.name), name);
	text_copy(request.text, sizeof(request.text), text);
	if (send(fd, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 || poll(&ready, 1, PATIENCE_MS) <= 0 ||
		recv(fd, &reply, sizeof(reply), MSG_DONTWAIT) != (ssize_t)sizeof(reply)) {
		text_copy(words, DESK_WORDS, "not written: no answer from the privileged half");
		return;
	}
	reply.words[sizeof(reply.words) - 1] = '\0';
	text_clean(words, DESK_WORDS, reply.words, strlen(reply.words));
}

/* The folder that settings are below, and how to come from there to them, as the XDG Base Directory Specification 0.8 has it. */
static const char *base_folder(const char *const **ret_way)
{
	static const char *const below_config[] = {"tcpwhy", NULL}, *const below_home[] = {".config", "tcpwhy", NULL};
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	*ret_way = xdg && xdg[0] == '/' ? below_config : below_home;
	return xdg && xdg[0] == '/' ? xdg : home && home[0] == '/' ? home : NULL;
}

/* A folder that is ours alone: else somebody else could lead us anywhere, or it is another user's home. */
static bool is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/*
 * The folder of the settings, step by step and through no link; make: where it is missing. -errno: -ENOENT when it is
 * missing and could be made, -EPERM when a folder on the way is not ours.
 */
static int open_folder(bool make)
{
	const char *const *way;
	const char *base = base_folder(&way);
	int fd = base ? open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1, next, saved;

	if (fd < 0)
		return -ENODATA;
	for (; *way; way++) {
		if (!is_ours(fd)) {
			close(fd);
			return -EPERM;
		}
		if (make)
			mkdirat(fd, *way, 0700);
		next = openat(fd, *way, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		saved = errno;
		close(fd);
		if (next < 0)
			return saved == ENOENT ? -ENOENT : -EPERM;
		fd = next;
	}
	if (is_ours(fd))
		return fd;
	close(fd);
	return -EPERM;
}

/* Reading trusts the path as the user gave it: what is read is parsed, and its text is shown to nobody. */
static int open_to_read(char *path, size_t size)
{
	const char *const *way;
	const char *base = base_folder(&way);

	text_copy(path, size, base ? base : "");
	for (; base && *way; way++)
		text_append(path, size, "/%s", *way);
	text_append(path, size, "/config");
	return base ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
}

bool desk_read_settings(struct settings *s, char *err, size_t size)
{
	char path[PATH_ROOM], text[SETTINGS_FILE], why[160];
	int fd = open_to_read(path, sizeof(path)), folder;
	ssize_t n;

	err[0] = '\0';
	if (fd < 0 && errno == ENOENT) {
		folder = open_folder(false);
		if (folder >= 0)
			close(folder);
		return folder < 0 && folder != -ENOENT; /* nothing could be saved: whoever is new stays new */
	}
	n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (n < 0)
		snprintf(err, size, "%s: %s", path, strerror(errno));
	else if (n == (ssize_t)sizeof(text))
		snprintf(err, size, "%s is too long", path);
	else if (settings_read(s, text, (size_t)n, why, sizeof(why)) < 0)
		snprintf(err, size, "%s, %s", path, why);
	if (fd >= 0)
		close(fd);
	return true;
}

/* All of a text into a new file of that name. 0 or -errno. */
static int write_file(int folder, const char *name, const char *text, size_t n, bool for_caller)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), r = 0;
	const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");

	if (fd < 0)
		return -errno;
	while (n > 0 && r == 0) {
		ssize_t w = write(fd, text, n);

		if (w < 0 && errno != EINTR)
			r = -errno;
		text += w > 0 ? w : 0;
		n -= w > 0 ? (size_t)w : 0;
	}
	if (for_caller && geteuid() == 0 && uid && gid &&
		fchown(fd, (uid_t)strtoul(uid, NULL, 10), (gid_t)strtoul(gid, NULL, 10)) < 0)
		r = r ? r : -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

static void save_settings(const char *text, char words[DESK_WORDS])
{
	char file[SETTINGS_FILE], err[160];
	struct settings s;
	int folder = open_folder(true), r;

	settings_default(&s);
	settings_read(&s, text, strlen(text), err, sizeof(err));
	if (folder < 0) {
		text_copy(words, DESK_WORDS, folder == -EPERM ?
			"not saved: another user's home (sudo) or a link; nothing is written there" :
			"not saved: no folder for it (XDG_CONFIG_HOME, HOME)");
		return;
	}
	unlinkat(folder, "config.new", 0);
	r = write_file(folder, "config.new", file, settings_format(&s, file, sizeof(file)), false);
	if (r == 0 && renameat(folder, "config.new", folder, "config") < 0)
		r = -errno;
	close(folder);
	if (r < 0)
		snprintf(words, DESK_WORDS, "not saved: %s", strerror(-r));
	else
		text_copy(words, DESK_WORDS, "saved: see tcpwhy.conf(5)");
}

static bool is_name(const char *name)
{
	return strncmp(name, "tcpwhy-", 7) == 0 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == strlen(name) &&
	       !strstr(name, "..");
}

static void write_finding(const char *name, const char *text, char words[DESK_WORDS])
{
	char clean[DESK_TEXT], folder[PATH_ROOM];
	size_t n = 0;
	int r;

	for (const char *p = text; *p && n + 1 < sizeof(clean); p++)
		if ((unsigned char)*p >= 0x20 || *p == '\n')
			clean[n++] = *p;
	r = is_name(name) ? write_file(AT_FDCWD, name, clean, n, true) : -EINVAL;
	if (!getcwd(folder, sizeof(folder)))
		text_copy(folder, sizeof(folder), ".");
	if (r == -EEXIST)
		snprintf(words, DESK_WORDS, "it is there already: %s", name);
	else
		snprintf(words, DESK_WORDS, r < 0 ? "not written: %s in %.80s: %s" : "written: %s in %.80s", name, folder,
			strerror(-r));
}

bool desk_serve(int fd)
{
	static struct desk_request request;
	struct desk_reply reply;
	ssize_t n = recv(fd, &request, sizeof(request), MSG_DONTWAIT);

	if (n != (ssize_t)sizeof(request))
		return n != 0;
	request.name[sizeof(request.name) - 1] = '\0';
	request.text[sizeof(request.text) - 1] = '\0';
	memset(&reply, 0, sizeof(reply));
	if (request.kind == DESK_SETTINGS)
		save_settings(request.text, reply.words);
	else if (request.kind == DESK_FINDING)
		write_finding(request.name, request.text, reply.words);
	send(fd, &reply, sizeof(reply), MSG_NOSIGNAL | MSG_DONTWAIT);
	return true;
}
