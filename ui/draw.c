/* draw.c - text on the screen, cut and padded by columns. */
#include "draw.h"
#include "base/text.h"

#include <curses.h>
#include <langinfo.h>
#include <string.h>

/* Bytes of the longest start of text that takes at most width columns; *ret_used: those columns. */
static size_t fit(const char *text, int width, int *ret_used)
{
	size_t n = strlen(text), used = 0;
	int columns = 0;

	while (used < n) {
		uint32_t cp;
		size_t len = text_decode(text + used, n - used, &cp);
		int w = len ? text_columns(cp) : 1;

		len += len == 0;
		if (columns + w > width)
			break;
		columns += w;
		used += len;
	}
	*ret_used = columns;
	return used;
}

static bool speaks_utf8(void)
{
	static int utf8 = -1;

	if (utf8 < 0)
		utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	return utf8;
}

/* A terminal that does not speak UTF-8 gets a question mark for what it cannot show. */
static void put(const char *text, size_t n)
{
	if (speaks_utf8()) {
		addnstr(text, (int)n);
		return;
	}
	while (n > 0) {
		uint32_t cp;
		size_t len = text_decode(text, n, &cp);

		addch(len == 1 ? (chtype)cp : '?');
		len += len == 0;
		text += len;
		n -= len;
	}
}

void draw_text(int y, int x, int width, enum role role, const char *text)
{
	int used;
	size_t n;

	if (width <= 0)
		return;
	n = fit(text, width, &used);
	attrset(theme_attr(role));
	move(y, x);
	if (text[n] != '\0') {
		n = fit(text, width - 1, &used);
		put(text, n);
		addch('~');
		used++;
	} else {
		put(text, n);
	}
	for (; used < width; used++)
		addch(' ');
	attrset(theme_attr(ROLE_NORMAL));
}

void draw_start(int y, int x, int width, enum role role, const char *text)
{
	int used;
	size_t n = fit(text, width, &used);

	attrset(theme_attr(role));
	move(y, x);
	put(text, n);
	attrset(theme_attr(ROLE_NORMAL));
}

void draw_right(int y, int x, int width, enum role role, const char *text)
{
	int pad = width - text_width(text);

	if (pad > 0) {
		draw_text(y, x, pad, role, "");
		draw_text(y, x + pad, width - pad, role, text);
	} else {
		draw_text(y, x, width, role, text);
	}
}

void draw_rule(int y, int width)
{
	attrset(theme_attr(ROLE_DIM));
	move(y, 0);
	for (int i = 0; i < width; i++)
		addstr(theme_glyph(GLYPH_RULE));
	attrset(theme_attr(ROLE_NORMAL));
}

size_t draw_wrap(const char *text, int width, const char **ret_next)
{
	int used;
	size_t n = fit(text, width > 0 ? width : 1, &used), cut = n;

	if (n == 0 && text[0] != '\0') /* a wide character in a column of one */
		n = cut = fit(text, 2, &used);
	if (text[n] != '\0' && text[n] != ' ') {
		while (cut > 0 && text[cut] != ' ')
			cut--;
		if (cut == 0)
			cut = n;
	}
	*ret_next = text + cut + (text[cut] == ' ');
	return cut;
}
