/* theme.c - what colours mean. */
#include "theme.h"

#include <assert.h>
#include <curses.h>
#include <stdlib.h>

static const struct {
	short fg, bg; /* -1: the terminal's own, so that light and dark backgrounds both work */
	unsigned long colour, mono;
} roles[] = {
	[ROLE_NORMAL] = {-1, -1, A_NORMAL, A_NORMAL},
	[ROLE_TITLE] = {-1, -1, A_BOLD, A_BOLD},
	[ROLE_HEADER] = {COLOR_BLACK, COLOR_GREEN, A_NORMAL, A_REVERSE},
	[ROLE_SELECT] = {COLOR_BLACK, COLOR_CYAN, A_NORMAL, A_REVERSE},
	[ROLE_BAD] = {COLOR_RED, -1, A_BOLD, A_BOLD},
	[ROLE_WARN] = {COLOR_YELLOW, -1, A_NORMAL, A_NORMAL},
	[ROLE_GOOD] = {COLOR_GREEN, -1, A_NORMAL, A_NORMAL},
	[ROLE_DIM] = {-1, -1, A_DIM, A_DIM},
	[ROLE_STRONG] = {-1, -1, A_BOLD, A_BOLD},
	[ROLE_KEY] = {-1, -1, A_NORMAL, A_NORMAL},
	[ROLE_LABEL] = {COLOR_BLACK, COLOR_CYAN, A_NORMAL, A_REVERSE},
};
static_assert(sizeof(roles) / sizeof(roles[0]) == ROLE_COUNT, "attributes for each role");

static bool coloured;

void theme_init(void)
{
	const char *no_color = getenv("NO_COLOR");

	coloured = has_colors() && !(no_color && *no_color);
	if (!coloured)
		return;
	start_color();
	use_default_colors();
	for (int i = 0; i < ROLE_COUNT; i++)
		init_pair((short)(i + 1), roles[i].fg, roles[i].bg);
}

unsigned long theme_attr(enum role role)
{
	return coloured ? roles[role].colour | (unsigned long)COLOR_PAIR(role + 1) : roles[role].mono;
}
