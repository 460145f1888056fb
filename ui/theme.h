/* theme.h - what colours and signs mean; a state is never told by colour alone. */
#pragma once

#include <stdbool.h>

enum role {
	ROLE_NORMAL,
	ROLE_TITLE,   /* the top line */
	ROLE_TAB,     /* the view that is up, there */
	ROLE_HEADER,  /* column headings, and the name of a page */
	ROLE_SELECT,  /* the selected row */
	ROLE_BAD,     /* peers are failing */
	ROLE_WARN,    /* they would, or a source is missing */
	ROLE_GOOD,
	ROLE_DIM,
	ROLE_STRONG,  /* headings within a page */
	ROLE_KEY,     /* a key's name in the function bar */
	ROLE_LABEL,   /* and what it does */
	ROLE_COUNT,
};

/* Signs that have an ASCII form. */
enum glyph {
	GLYPH_RULE,
	GLYPH_LANE,      /* of a ladder: a host's line */
	GLYPH_SHAFT,     /* an arrow's */
	GLYPH_TO_RIGHT,  /* and its head */
	GLYPH_TO_LEFT,
	GLYPH_NOTE,      /* something between two packets */
	GLYPH_UP,        /* a listener came */
	GLYPH_DOWN,      /* it went */
	GLYPH_THERE,     /* it was there */
	GLYPH_TICK,      /* on a time axis */
	GLYPH_COUNT,
};

/*
 * After initscr: the theme of that name (settings_themes), as far as the terminal has colours; ascii: no signs besides
 * ASCII. May be called again.
 */
void theme_set(const char *name, bool ascii);

/* The curses attributes of a role. */
unsigned long theme_attr(enum role role);

const char *theme_glyph(enum glyph g);

/* A bar of height part of whole (part 0: a blank; anything more is seen). */
const char *theme_bar(unsigned int part, unsigned int whole);
