/* text.h - text from outside made safe for a terminal, and bounded string building. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Copies n bytes of src into dst (size bytes, always NUL-terminated): UTF-8 of printing width is
 * kept; controls, bidirectional and zero-width characters and invalid bytes become \xNN. What does
 * not fit is cut at a character. Returns the length written.
 */
size_t text_clean(char *dst, size_t size, const void *src, size_t n);

/*
 * One character of UTF-8 at p (n bytes left, n > 0): its length, with its code point in *ret_cp; or 0
 * when the bytes are not valid UTF-8 (RFC 3629: no overlong forms, no surrogates).
 */
size_t text_decode(const char *p, size_t n, uint32_t *ret_cp);

/* Columns that a code point takes on a terminal: 1 or 2; 0 for what must not be printed. */
int text_columns(uint32_t cp);

/* Columns that a text takes on a terminal. Text that did not pass text_clean() counts bytes. */
int text_width(const char *s);

/* Appends printf-style at the end of the string in buf, never past size. */
void text_append(char *buf, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Copies src into dst, cut to fit; a NULL src gives "". */
void text_copy(char *dst, size_t size, const char *src);
