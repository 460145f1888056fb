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

/* $XDG_CONFIG_HOME/tcpwhy, or ~/.config/tcpwhy, as the XDG Base Directory Specification 0.8 has it. */
static bool settings_folder(char *buf, size_t size)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	buf[0] = '\0';
	if (xdg && xdg[0] == '/')
		text_append(buf, size, "%s/tcpwhy", xdg);
	else if (home && home[0] == '/')
		text_append(buf, size, "%s/.config/tcpwhy", home);
	return buf[0] && strlen(buf) + 16 < size;
}

/* The nearest folder that exists belongs to who runs this: else it is somebody else's home. */
static bool is_ours(const char *folder)
{
	char path[PATH_ROOM];
	struct stat st;
	char *slash;

	text_copy(path, sizeof(path), folder);
	while (stat(path, &st) < 0) {
		slash = strrchr(path, '/');
		if (!slash || slash == path)
			return false;
		*slash = '\0';
	}
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() && access(path, W_OK) == 0;
}

bool desk_read_settings(struct settings *s, char *err, size_t size)
{
	char path[PATH_ROOM], text[SETTINGS_FILE], why[160];
	ssize_t n;
	bool ours;
	int fd;

	err[0] = '\0';
	if (!settings_folder(path, sizeof(path) - 16))
		return true;
	ours = is_ours(path);
	text_append(path, sizeof(path), "/config");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return !ours;
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

/* All of a text into a file of that name. 0 or -errno. */
static int write_file(const char *path, const char *text, size_t n, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600), r = 0;
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
	if (flags & O_EXCL && geteuid() == 0 && uid && gid &&
		fchown(fd, (uid_t)strtoul(uid, NULL, 10), (gid_t)strtoul(gid, NULL, 10)) < 0)
		r = r ? r : -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

static int make_folders(const char *folder)
{
	char path[PATH_ROOM];

	text_copy(path, sizeof(path), folder);
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static void save_settings(const char *text, char words[DESK_WORDS])
{
	char folder[PATH_ROOM], path[PATH_ROOM + 16], fresh[PATH_ROOM + 16], file[SETTINGS_FILE], err[160];
	struct settings s;
	int r;

	settings_default(&s);
	settings_read(&s, text, strlen(text), err, sizeof(err));
	if (!settings_folder(folder, sizeof(folder))) {
		text_copy(words, DESK_WORDS, "not saved: neither XDG_CONFIG_HOME nor HOME is set");
		return;
	}
	if (!is_ours(folder)) {
		text_copy(words, DESK_WORDS, "not saved: the home is another user's (sudo), and nothing is written there");
		return;
	}
	snprintf(path, sizeof(path), "%s/config", folder);
	snprintf(fresh, sizeof(fresh), "%s/config.new", folder);
	r = make_folders(folder);
	if (r == 0)
		r = write_file(fresh, file, settings_format(&s, file, sizeof(file)), O_TRUNC);
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	snprintf(words, DESK_WORDS, r < 0 ? "not saved: %.100s: %s" : "saved: %.100s", path, strerror(-r));
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
	r = is_name(name) ? write_file(name, clean, n, O_EXCL) : -EINVAL;
	if (!getcwd(folder, sizeof(folder)))
		text_copy(folder, sizeof(folder), ".");
	if (r == -EEXIST)
		snprintf(words, DESK_WORDS, "it is there already: %s", name);
	else
		snprintf(words, DESK_WORDS, r < 0 ? "not written: %s in %.80s: %s" : "written: %s in %.80s", name, folder,
			strerror(-r));
}

void desk_serve(int fd)
{
	static struct desk_request request;
	struct desk_reply reply;
	ssize_t n = recv(fd, &request, sizeof(request), MSG_DONTWAIT);

	if (n != (ssize_t)sizeof(request))
		return;
	request.name[sizeof(request.name) - 1] = '\0';
	request.text[sizeof(request.text) - 1] = '\0';
	memset(&reply, 0, sizeof(reply));
	if (request.kind == DESK_SETTINGS)
		save_settings(request.text, reply.words);
	else if (request.kind == DESK_FINDING)
		write_finding(request.name, request.text, reply.words);
	send(fd, &reply, sizeof(reply), MSG_NOSIGNAL | MSG_DONTWAIT);
}
