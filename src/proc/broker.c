/* broker.c - the privileged half, and how the worker gets rid of privilege. */
#include "broker.h"
#include "collect/conntrack.h"
#include "collect/hooks.h"
#include "collect/processes.h"
#include "desk.h"
#include "options.h"
#include "ruling.h"
#include "watchers.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef HAVE_LIBCAP
#include <sys/capability.h>
#else
#include <linux/capability.h>
#include <sys/syscall.h>
#endif

enum {
	NOBODY = 65534,
	BOUND_MS = 200, /* less than the worker waits for an answer */
	TRACE_MS = 100, /* between two looks at a trace */
	PATIENCE_MS = 3000, /* for a worker that was told to stop */
};

/* A user id from the environment of sudo: never root, never a negative or absurd one. */
static unsigned int id_from_env(const char *name)
{
	const char *text = getenv(name);
	char *end;
	unsigned long v = text ? strtoul(text, &end, 10) : 0;

	return text && *text && !*end && v > 0 && v < UINT32_MAX ? (unsigned int)v : NOBODY;
}

static int drop_capabilities(void)
{
#ifdef HAVE_LIBCAP
	cap_t none = cap_init();
	int r = none && cap_set_proc(none) == 0 ? 0 : -errno;

	cap_free(none);
	return r;
#else
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};

	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
#endif
}

int worker_confine(void)
{
	int r;

	if (geteuid() == 0) {
		uid_t uid = id_from_env("SUDO_UID");
		gid_t gid = uid == NOBODY ? NOBODY : id_from_env("SUDO_GID");

		if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
			setresuid(uid, uid, uid) < 0)
			return -errno;
		if (setuid(0) == 0) /* must not be possible any more */
			return -EPERM;
	}
	r = drop_capabilities();
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

const char *worker_describe(char *buf, size_t size)
{
	unsigned long long caps = 0;
	unsigned int uid = 0, no_new_privs = 0;
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "Uid: %u", &uid);
		sscanf(line, "CapPrm: %llx", &caps);
		sscanf(line, "NoNewPrivs: %u", &no_new_privs);
	}
	if (f)
		fclose(f);
	snprintf(buf, size, "user %u, %s, %s", uid, caps ? "with capabilities" : "no capabilities",
		no_new_privs ? "no new privileges" : "new privileges possible");
	return buf;
}

/* One request; false when the worker is gone. */
static bool serve(int socket)
{
	static struct broker_reply reply;
	struct broker_request request;
	ssize_t n = recv(socket, &request, sizeof(request), 0);

	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		return false;
	if (n != (ssize_t)sizeof(request) || request.n > OWNER_BATCH)
		return true; /* not one of ours: the worker may be anybody's by now */
	memset(&reply, 0, sizeof(reply));
	reply.kind = request.kind;
	switch (request.kind) {
	case BROKER_OWNERS:
		reply.n = request.n;
		for (uint32_t i = 0; i < request.n; i++)
			reply.owners[i].inode = request.inodes[i];
		owner_find(reply.owners, reply.n);
		break;
	case BROKER_PROCESS:
		if (request.n > 0)
			process_of_socket(request.inodes[0], &reply.process);
		if (reply.process.pid == 0)
			process_read(request.pid, &reply.process);
		break;
	case BROKER_ELSEWHERE:
		namespaces_find_listener(request.port, &reply.elsewhere);
		break;
	case BROKER_TRACE:
		reply.error = ruling_trace(&request, reply.why, sizeof(reply.why));
		break;
	case BROKER_FIREWALL:
		reply.error = ruling_read(&request, &reply.firewall);
		break;
	case BROKER_RULESET:
		reply.error = ruling_ruleset(reply.why, sizeof(reply.why));
		break;
	case BROKER_FLOW:
		reply.error = conntrack_find(&request.peer, request.peer_port, &request.addr, request.port, &reply.flow);
		break;
	case BROKER_BOUND:
		bound_read(&reply.bound, BOUND_MS);
		break;
	case BROKER_HOOKS:
		hooks_read(request.v6, request.pid, &reply.hooks);
		break;
	case BROKER_TARGET:
		namespaces_find_target(&request.addr, request.port, &reply.elsewhere);
		break;
	default:
		return true;
	}
	return send(socket, &reply, sizeof(reply), MSG_NOSIGNAL) >= 0 || errno == EAGAIN;
}

static bool is_stopped(pid_t pid)
{
	char path[48], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(f);
	return state == 'T';
}

/* Hands on what the trace told. */
static void send_traced(int socket)
{
	static struct broker_reply reply;

	memset(&reply, 0, sizeof(reply));
	reply.kind = BROKER_TRACED;
	while (ruling_traced(&reply.traced))
		send(socket, &reply, sizeof(reply), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Serves until the worker has ended. Returns its wait status. */
static int attend(pid_t worker, int socket, int signals, int desk, struct watchers *watchers)
{
	struct pollfd fds[4] = {{.fd = socket, .events = POLLIN}, {.fd = signals, .events = POLLIN}, {.fd = -1},
		{.fd = desk > 0 ? desk : -1, .events = POLLIN}};
	int status, patience = -1;

	for (;;) {
		struct signalfd_siginfo info;
		int idle = watchers ? watchers_due(watchers) : -1, n;

		fds[2] = (struct pollfd){.fd = ruling_trace_fd(), .events = POLLIN};
		if (fds[2].fd >= 0 && (idle < 0 || idle > TRACE_MS))
			idle = TRACE_MS;
		n = poll(fds, 4, patience >= 0 ? patience : idle);
		if (fds[2].fd >= 0)
			send_traced(socket);
		if (n == 0 && patience >= 0)
			kill(worker, SIGKILL);
		if (watchers && patience < 0)
			watchers_scan(watchers);
		if (waitpid(worker, &status, WNOHANG | WUNTRACED) == worker) {
			if (!WIFSTOPPED(status))
				return status;
			if (is_stopped(worker)) /* still, and not what a fg has undone by now */
				raise(SIGSTOP); /* ^Z: the shell waits for us, not for the worker */
			kill(worker, SIGCONT);
		}
		if (n <= 0)
			continue;
		if (fds[0].revents && !serve(socket)) {
			fds[0].fd = -1; /* it is on its way out */
			patience = PATIENCE_MS;
		}
		if (fds[3].revents && !(fds[3].revents & POLLIN && desk_serve(desk)))
			fds[3].fd = -1;
		if (fds[1].revents && read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info) &&
			info.ssi_signo != SIGCHLD) {
			kill(worker, SIGTERM);
			patience = PATIENCE_MS;
		}
	}
}

static void block(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGQUIT);
	sigprocmask(SIG_BLOCK, set, NULL);
}

static int run_worker(const struct broker_hooks *hooks, pid_t broker, int socket)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTTOU, SIG_IGN); /* so that the terminal can be restored from the background */
	if (worker_confine() < 0) {
		fprintf(stderr, "tcpwhy: cannot give up privileges: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	/* After the drop, which clears it (kernel/cred.c commit_creds, v6.18). */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != broker)
		return EXIT_FAILED;
	return hooks->worker(hooks->ctx, socket);
}

int broker_run(const struct broker_hooks *hooks)
{
	pid_t broker = getpid(), worker;
	int pair[2] = {-1, -1}, signals, status;
	sigset_t set;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		fprintf(stderr, "tcpwhy: socketpair: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	block(&set);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	fflush(NULL);
	worker = signals < 0 ? -1 : fork();
	if (worker < 0) {
		fprintf(stderr, "tcpwhy: cannot start the worker: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	if (worker == 0) {
		close(pair[0]);
		close(signals);
		if (hooks->desk[0] > 0)
			close(hooks->desk[0]);
		status = run_worker(hooks, broker, pair[1]);
		fflush(NULL);
		_exit(status);
	}
	close(pair[1]);
	if (hooks->desk[1] > 0)
		close(hooks->desk[1]);
	if (hooks->begin)
		hooks->begin(hooks->ctx);
	status = attend(worker, pair[0], signals, hooks->desk[0], hooks->watchers);
	close(pair[0]);
	close(signals);
	hooks->restore(hooks->ctx);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	if (hooks->quiet)
		return EXIT_FAILED;
	fprintf(stderr, "tcpwhy: the worker was killed by signal %d (%s)\n", WTERMSIG(status),
		strsignal(WTERMSIG(status)));
	return EXIT_FAILED;
}
