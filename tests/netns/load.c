/*
 * load.c - short connections to itself, as many a second as are asked for: load SERVER_NETNS CLIENT_NETNS ADDR PORT RATE
 * SECONDS. Prints "connections N seconds S" at the end. Closed by the client first, so that its ports wait, not the server's.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in address;

static void enter(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		err(1, "%s", path);
	close(fd);
}

static int open_listener(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4096) < 0)
		err(1, "listen");
	return fd;
}

/* Reads a request, answers, and waits for the client's close. */
static void serve(int listener)
{
	char buf[64];

	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		if (read(fd, buf, sizeof(buf)) > 0 && write(fd, "ok\n", 3) == 3)
			while (read(fd, buf, sizeof(buf)) > 0)
				;
		close(fd);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void ask(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char buf[8];

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(1, "connect");
	if (write(fd, "hello\n", 6) != 6 || read(fd, buf, sizeof(buf)) <= 0)
		err(1, "request");
	close(fd);
}

int main(int argc, char **argv)
{
	double rate, seconds, start;
	uint64_t n = 0;
	int listener;
	pid_t server;

	if (argc != 7)
		errx(2, "usage: load SERVER_NETNS CLIENT_NETNS ADDR PORT RATE SECONDS");
	address.sin_family = AF_INET;
	address.sin_port = htons((uint16_t)atoi(argv[4]));
	inet_pton(AF_INET, argv[3], &address.sin_addr);
	rate = atof(argv[5]);
	seconds = atof(argv[6]);
	enter(argv[1]);
	listener = open_listener();
	server = fork();
	if (server == 0) { /* must not outlive its parent, nor hold its output open */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(STDOUT_FILENO);
		serve(listener);
	}
	close(listener);
	enter(argv[2]);
	start = now();
	while (now() - start < seconds) {
		double ahead = (double)n / rate - (now() - start);

		if (ahead > 0) {
			struct timespec pause = {.tv_nsec = (long)(ahead * 1e9)};

			nanosleep(&pause, NULL);
		}
		ask();
		n++;
	}
	printf("connections %llu seconds %.2f\n", (unsigned long long)n, now() - start);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	return 0;
}
