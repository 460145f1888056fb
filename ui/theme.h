/* theme.h - what colours mean; a state is never told by colour alone. */
#pragma once

enum role {
	ROLE_NORMAL,
	ROLE_TITLE,   /* the top line */
	ROLE_HEADER,  /* column headings */
	ROLE_SELECT,  /* the selected row */
	ROLE_BAD,     /* peers are failing */
	ROLE_WARN,    /* they would, or a source is missing */
	ROLE_GOOD,
	ROLE_DIM,
	ROLE_STRONG,
	ROLE_KEY,     /* a key's name in the function bar */
	ROLE_LABEL,   /* and what it does */
	ROLE_COUNT,
};

/* After initscr: colours where the terminal has them and NO_COLOR is unset. */
void theme_init(void);

/* The curses attributes of a role. */
unsigned long theme_attr(enum role role);
