/* text.c - text from outside made safe for a terminal. */
#include "text.h"

#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

struct range {
	uint32_t first, last;
};

/*
 * What wcwidth(3) gives a width and a reader would not see, or not as what it is: soft hyphen, fillers,
 * variation selectors, separators, private use, tags, specials.
 */
static const struct range unprintable[] = {
	{0x00ad, 0x00ad}, {0x034f, 0x034f}, {0x061c, 0x061c}, {0x115f, 0x1160}, {0x17b4, 0x17b5},
	{0x180b, 0x180f}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0x2800, 0x2800},
	{0x3164, 0x3164}, {0xd800, 0xf8ff}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0},
	{0xfff0, 0xffff}, {0xe0000, 0x10ffff},
};

/* The C library's table of widths, in a UTF-8 locale whatever the program's own is. */
static int library_columns(uint32_t cp)
{
	static locale_t utf8;
	locale_t before;
	int columns;

	if (!utf8)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
	if (!utf8)
		return 0; /* nothing past ASCII can be judged, so nothing passes */
	before = uselocale(utf8);
	columns = wcwidth((wchar_t)cp);
	uselocale(before);
	return columns > 0 ? columns : 0;
}

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
	return library_columns(cp);
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

/* Takes half a character off the end of a string that was cut to fit. */
static void trim_tail(char *s, size_t n)
{
	size_t start = n;
	uint32_t cp;

	while (start > 0 && n - start < 4 && ((uint8_t)s[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && ((uint8_t)s[start - 1] & 0x80))
		start--;
	if (start < n && text_decode(s + start, n - start, &cp) == 0)
		s[start] = '\0';
}

void text_append(char *buf, size_t size, const char *format, ...)
{
	size_t used = strnlen(buf, size);
	va_list args;

	if (used + 1 >= size)
		return;
	va_start(args, format);
	if (vsnprintf(buf + used, size - used, format, args) >= (int)(size - used))
		trim_tail(buf, size - 1);
	va_end(args);
}

void text_copy(char *dst, size_t size, const char *src)
{
	if (snprintf(dst, size, "%s", src ? src : "") >= (int)size && size > 0)
		trim_tail(dst, size - 1);
}
