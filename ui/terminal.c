/* terminal.c - the terminal as it was found, and how to put it back. */
#include "terminal.h"

#include <curses.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

struct terminal_state {
	int fd;
	struct termios settings;
	char leave[128];
};

struct terminal_state *terminal_save(int fd)
{
	static char *const names[] = {(char *)"sgr0", (char *)"rmkx", (char *)"cnorm", (char *)"rmcup"};
	struct terminal_state *t = calloc(1, sizeof(*t));
	int found;

	if (!t || tcgetattr(fd, &t->settings) < 0) {
		free(t);
		return NULL;
	}
	t->fd = fd;
	if (setupterm(NULL, fd, &found) != OK)
		return t; /* an unknown type is drawn on as a vt100 */
	if (!tigetstr("cup")) {
		del_curterm(cur_term);
		free(t);
		return NULL;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *s = tigetstr(names[i]);
		size_t used = strlen(t->leave);

		if (s && s != (char *)-1)
			snprintf(t->leave + used, sizeof(t->leave) - used, "%s", s);
	}
	del_curterm(cur_term);
	return t;
}

void terminal_restore(struct terminal_state *t)
{
	size_t done = 0, n;
	struct termios now;

	if (!t || tcgetattr(t->fd, &now) < 0 ||
		(now.c_lflag == t->settings.c_lflag && now.c_iflag == t->settings.c_iflag &&
			now.c_oflag == t->settings.c_oflag))
		return;
	n = strlen(t->leave);
	while (done < n) {
		ssize_t w = write(t->fd, t->leave + done, n - done);

		if (w < 0 && errno != EINTR)
			break;
		done += w > 0 ? (size_t)w : 0;
	}
	tcsetattr(t->fd, TCSADRAIN, &t->settings);
}

void terminal_free(struct terminal_state *t)
{
	free(t);
}
