/* text.c - text from outside made safe for a terminal. */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct range {
	uint32_t first, last;
};

/*
 * What has no width of its own or turns the direction of the text: Unicode categories Mn, Me, Cf and
 * the separators, by block rather than by character. Escaping a harmless one costs legibility;
 * letting a harmful one through costs the reader's trust in the screen.
 */
static const struct range unprintable[] = {
	{0x0000, 0x001f}, {0x007f, 0x009f}, {0x00ad, 0x00ad}, {0x0300, 0x036f}, {0x0483, 0x0489},
	{0x0591, 0x05bd}, {0x05bf, 0x05bf}, {0x05c1, 0x05c2}, {0x05c4, 0x05c5}, {0x0600, 0x0605},
	{0x0610, 0x061c}, {0x064b, 0x065f}, {0x0670, 0x0670}, {0x06d6, 0x06dd}, {0x06df, 0x06e4},
	{0x0900, 0x0903}, {0x093a, 0x093c}, {0x0941, 0x094d}, {0x0e31, 0x0e31}, {0x0e34, 0x0e3a},
	{0x0e47, 0x0e4e}, {0x115f, 0x11ff}, {0x135d, 0x135f}, {0x17b4, 0x17d3}, {0x180b, 0x180f},
	{0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
	{0x20d0, 0x20ff}, {0x302a, 0x302f}, {0x3099, 0x309a}, {0xa66f, 0xa67d}, {0xd800, 0xf8ff},
	{0xfb1e, 0xfb1e}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xfff0, 0xffff},
	{0x1d165, 0x1d1ad}, {0xe0000, 0x10ffff},
};

/* East Asian Wide and Fullwidth, by block (UAX #11). */
static const struct range wide[] = {
	{0x1100, 0x115e}, {0x231a, 0x231b}, {0x2329, 0x232a}, {0x23e9, 0x23f3}, {0x25fd, 0x25fe},
	{0x2614, 0x2615}, {0x2648, 0x2653}, {0x26a1, 0x26a1}, {0x2705, 0x2705}, {0x274c, 0x274e},
	{0x2753, 0x2757}, {0x2795, 0x2797}, {0x2e80, 0x303e}, {0x3041, 0x33ff}, {0x3400, 0x4dbf},
	{0x4e00, 0x9fff}, {0xa000, 0xa4cf}, {0xa960, 0xa97f}, {0xac00, 0xd7a3}, {0xf900, 0xfaff},
	{0xfe10, 0xfe19}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
	{0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

static int in_ranges(uint32_t cp, const struct range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (cp >= r[i].first && cp <= r[i].last)
			return 1;
	return 0;
}

int text_columns(uint32_t cp)
{
	if (cp >= 0x20 && cp < 0x7f)
		return 1;
	if (in_ranges(cp, unprintable, sizeof(unprintable) / sizeof(unprintable[0])))
		return 0;
	return in_ranges(cp, wide, sizeof(wide) / sizeof(wide[0])) ? 2 : 1;
}

size_t text_decode(const char *p, size_t n, uint32_t *ret_cp)
{
	static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t c = (uint8_t)p[0];
	size_t len = c < 0x80 ? 1 : (c & 0xe0) == 0xc0 ? 2 : (c & 0xf0) == 0xe0 ? 3 :
		     (c & 0xf8) == 0xf0 ? 4 : 0;
	uint32_t cp = len == 1 ? c : len == 0 ? 0 : c & (0x7fu >> len);

	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (((uint8_t)p[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | ((uint8_t)p[i] & 0x3f);
	}
	if (cp < smallest[len] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	*ret_cp = cp;
	return len;
}

size_t text_clean(char *dst, size_t size, const void *src, size_t n)
{
	const char *p = src;
	size_t out = 0;

	if (size == 0)
		return 0;
	while (n > 0) {
		uint32_t cp;
		size_t len = text_decode(p, n, &cp);

		if (len > 0 && text_columns(cp) > 0) {
			if (out + len >= size)
				break;
			memcpy(dst + out, p, len);
			out += len;
		} else {
			static const char hex[] = "0123456789abcdef";
			uint8_t c = (uint8_t)p[0];

			if (out + 4 >= size)
				break;
			dst[out++] = '\\';
			dst[out++] = 'x';
			dst[out++] = hex[c >> 4];
			dst[out++] = hex[c & 15];
			len = 1; /* the rest of a rejected character is escaped byte by byte too */
		}
		p += len;
		n -= len;
	}
	dst[out] = '\0';
	return out;
}

int text_width(const char *s)
{
	size_t n = strlen(s);
	int width = 0;

	while (n > 0) {
		uint32_t cp;
		size_t len = text_decode(s, n, &cp);

		width += len > 0 ? text_columns(cp) : 1;
		len += len == 0;
		s += len;
		n -= len;
	}
	return width;
}

void text_append(char *buf, size_t size, const char *format, ...)
{
	size_t used = strnlen(buf, size);
	va_list args;

	if (used + 1 >= size)
		return;
	va_start(args, format);
	vsnprintf(buf + used, size - used, format, args);
	va_end(args);
}

void text_copy(char *dst, size_t size, const char *src)
{
	snprintf(dst, size, "%s", src ? src : "");
}
