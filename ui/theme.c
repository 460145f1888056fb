/* theme.c - what colours and signs mean. */
#include "theme.h"

#include <assert.h>
#include <curses.h>
#include <langinfo.h>
#include <string.h>

enum {
	PALETTE = 256,
	DIRECT = 1 << 24, /* true colour: a colour's number is its RGB value (terminfo RGB) */
};

/* A colour as the terminal can have it; ansi -1: the terminal's own, so that any background works. */
struct colour {
	short ansi; /* 0 to 7, 8 to 15 bright */
	short palette;
	int rgb;
};

#define OWN      {-1, -1, -1}
#define BLACK    {COLOR_BLACK, 16, 0x000000}
#define WHITE    {COLOR_WHITE + 8, 231, 0xffffff}
#define GREY     {COLOR_WHITE, 252, 0xd0d0d0}
#define RED      {COLOR_RED, 203, 0xff5f5f}
#define YELLOW   {COLOR_YELLOW, 220, 0xffd700}
#define GREEN    {COLOR_GREEN, 114, 0x87d787}
#define TEAL     {COLOR_CYAN, 80, 0x5fd7d7}
#define DIMMED   {-1, 245, 0x8a8a8a}
#define D_RED    {COLOR_RED, 160, 0xd70000}
#define D_ORANGE {COLOR_YELLOW, 130, 0xaf5f00}
#define D_GREEN  {COLOR_GREEN, 28, 0x008700}
#define D_BLUE   {COLOR_BLUE, 25, 0x005faf}
#define D_GREY   {-1, 242, 0x6c6c6c}
#define PALE     {COLOR_WHITE, 254, 0xe4e4e4}
#define NAVY     {COLOR_BLUE, 24, 0x005f87}
#define BRIGHT_YELLOW {COLOR_YELLOW + 8, 226, 0xffff00}
#define A16(c) {c, c, -1}

struct look {
	struct colour fg, bg;
	unsigned long attr;
};

static const struct theme {
	const char *name;
	bool plain;   /* no colours at all */
	bool sixteen; /* the terminal's first 16 colours only */
	struct look roles[ROLE_COUNT];
} themes[] = {
	{"default", false, false, {
		[ROLE_NORMAL] = {OWN, OWN, A_NORMAL},
		[ROLE_TITLE] = {OWN, OWN, A_BOLD},
		[ROLE_TAB] = {BLACK, TEAL, A_NORMAL},
		[ROLE_HEADER] = {BLACK, GREEN, A_NORMAL},
		[ROLE_SELECT] = {BLACK, TEAL, A_NORMAL},
		[ROLE_BAD] = {RED, OWN, A_NORMAL},
		[ROLE_WARN] = {YELLOW, OWN, A_NORMAL},
		[ROLE_GOOD] = {GREEN, OWN, A_NORMAL},
		[ROLE_DIM] = {DIMMED, OWN, A_NORMAL},
		[ROLE_STRONG] = {OWN, OWN, A_BOLD},
		[ROLE_KEY] = {OWN, OWN, A_NORMAL},
		[ROLE_LABEL] = {BLACK, TEAL, A_NORMAL},
	}},
	{"light", false, false, {
		[ROLE_NORMAL] = {OWN, OWN, A_NORMAL},
		[ROLE_TITLE] = {OWN, OWN, A_BOLD},
		[ROLE_TAB] = {WHITE, D_BLUE, A_BOLD},
		[ROLE_HEADER] = {BLACK, PALE, A_BOLD},
		[ROLE_SELECT] = {WHITE, D_BLUE, A_NORMAL},
		[ROLE_BAD] = {D_RED, OWN, A_NORMAL},
		[ROLE_WARN] = {D_ORANGE, OWN, A_NORMAL},
		[ROLE_GOOD] = {D_GREEN, OWN, A_NORMAL},
		[ROLE_DIM] = {D_GREY, OWN, A_NORMAL},
		[ROLE_STRONG] = {OWN, OWN, A_BOLD},
		[ROLE_KEY] = {OWN, OWN, A_NORMAL},
		[ROLE_LABEL] = {BLACK, PALE, A_NORMAL},
	}},
	{"mono", true, false, {
		[ROLE_TITLE] = {OWN, OWN, A_BOLD},
		[ROLE_TAB] = {OWN, OWN, A_REVERSE},
		[ROLE_HEADER] = {OWN, OWN, A_REVERSE},
		[ROLE_SELECT] = {OWN, OWN, A_REVERSE},
		[ROLE_BAD] = {OWN, OWN, A_BOLD},
		[ROLE_DIM] = {OWN, OWN, A_DIM},
		[ROLE_STRONG] = {OWN, OWN, A_BOLD},
		[ROLE_LABEL] = {OWN, OWN, A_REVERSE},
	}},
	{"contrast", false, false, {
		[ROLE_NORMAL] = {WHITE, BLACK, A_NORMAL},
		[ROLE_TITLE] = {WHITE, BLACK, A_BOLD},
		[ROLE_TAB] = {BLACK, BRIGHT_YELLOW, A_BOLD},
		[ROLE_HEADER] = {BLACK, WHITE, A_BOLD},
		[ROLE_SELECT] = {BLACK, BRIGHT_YELLOW, A_BOLD},
		[ROLE_BAD] = {WHITE, D_RED, A_BOLD},
		[ROLE_WARN] = {BRIGHT_YELLOW, BLACK, A_BOLD},
		[ROLE_GOOD] = {WHITE, BLACK, A_BOLD},
		[ROLE_DIM] = {WHITE, BLACK, A_NORMAL},
		[ROLE_STRONG] = {WHITE, BLACK, A_BOLD | A_UNDERLINE},
		[ROLE_KEY] = {WHITE, BLACK, A_BOLD},
		[ROLE_LABEL] = {BLACK, WHITE, A_BOLD},
	}},
	{"16", false, true, {
		[ROLE_NORMAL] = {OWN, OWN, A_NORMAL},
		[ROLE_TITLE] = {OWN, OWN, A_BOLD},
		[ROLE_TAB] = {BLACK, A16(COLOR_CYAN), A_NORMAL},
		[ROLE_HEADER] = {BLACK, A16(COLOR_GREEN), A_NORMAL},
		[ROLE_SELECT] = {BLACK, A16(COLOR_CYAN), A_NORMAL},
		[ROLE_BAD] = {A16(COLOR_RED), OWN, A_BOLD},
		[ROLE_WARN] = {A16(COLOR_YELLOW), OWN, A_NORMAL},
		[ROLE_GOOD] = {A16(COLOR_GREEN), OWN, A_NORMAL},
		[ROLE_DIM] = {OWN, OWN, A_DIM},
		[ROLE_STRONG] = {OWN, OWN, A_BOLD},
		[ROLE_KEY] = {OWN, OWN, A_NORMAL},
		[ROLE_LABEL] = {BLACK, A16(COLOR_CYAN), A_NORMAL},
	}},
};

static const struct {
	const char *fine, *ascii;
} glyphs[] = {
	[GLYPH_RULE] = {"\u2500", "-"},
	[GLYPH_LANE] = {"\u2502", "|"},
	[GLYPH_SHAFT] = {"\u2500", "-"},
	[GLYPH_TO_RIGHT] = {"\u25b6", ">"},
	[GLYPH_TO_LEFT] = {"\u25c0", "<"},
	[GLYPH_NOTE] = {"\u2022", "*"},
	[GLYPH_UP] = {"\u25b2", "^"},
	[GLYPH_DOWN] = {"\u25bc", "v"},
	[GLYPH_THERE] = {"\u2501", "="},
	[GLYPH_TICK] = {"\u2514", "'"},
};
static_assert(sizeof(glyphs) / sizeof(glyphs[0]) == GLYPH_COUNT, "two forms of each sign");

static unsigned long attributes[ROLE_COUNT];
static bool only_ascii = true;

static int number_of(const struct colour *c, bool sixteen)
{
	if (c->ansi < 0 && c->palette < 0)
		return -1;
	if (COLORS >= DIRECT && c->rgb >= 0 && !sixteen)
		return c->rgb;
	if (COLORS >= PALETTE && COLORS < DIRECT && !sixteen)
		return c->palette;
	return c->ansi >= COLORS && COLORS >= 8 ? c->ansi % 8 : c->ansi;
}

/* A dim colour that the terminal does not have is made by the attribute. */
static unsigned long attribute_of(const struct theme *t, enum role role)
{
	const struct look *l = &t->roles[role];
	int fg = number_of(&l->fg, t->sixteen), bg = number_of(&l->bg, t->sixteen);

	init_extended_pair(role + 1, fg, bg);
	return l->attr | (unsigned long)COLOR_PAIR(role + 1) | (role == ROLE_DIM && fg < 0 ? A_DIM : 0);
}

void theme_set(const char *name, bool ascii)
{
	const struct theme *t = &themes[0];

	only_ascii = ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	for (size_t i = 0; i < sizeof(themes) / sizeof(themes[0]); i++)
		if (strcmp(themes[i].name, has_colors() ? name : "mono") == 0)
			t = &themes[i];
	if (!t->plain) {
		start_color();
		use_default_colors();
	}
	for (int i = 0; i < ROLE_COUNT; i++)
		attributes[i] = t->plain ? t->roles[i].attr : attribute_of(t, (enum role)i);
	if (has_colors())
		bkgdset((chtype)(' ' | attributes[ROLE_NORMAL]));
}

unsigned long theme_attr(enum role role)
{
	return attributes[role];
}

const char *theme_glyph(enum glyph g)
{
	return only_ascii ? glyphs[g].ascii : glyphs[g].fine;
}

const char *theme_bar(unsigned int part, unsigned int whole)
{
	static const char *const fine[] = {" ", "\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};
	static const char *const ascii[] = {" ", ".", ":", "-", "=", "+", "*", "%", "#"};
	unsigned int height = part == 0 || whole == 0 ? 0 : (part * 8 + whole - 1) / whole;

	height = height > 8 ? 8 : height;
	return only_ascii ? ascii[height] : fine[height];
}
