/* draw.h - text on the screen, cut and padded by columns. */
#pragma once

#include "theme.h"

#include <stddef.h>

/* Writes text at (y, x) into exactly width columns, cut with "~" or padded with blanks. */
void draw_text(int y, int x, int width, enum role role, const char *text);

/* The same, padded on the left when it fits. */
void draw_right(int y, int x, int width, enum role role, const char *text);

/* Only the start of a text that draw_text() wrote, anew in another role: at most width columns, nothing padded. */
void draw_start(int y, int x, int width, enum role role, const char *text);

/* A horizontal rule. */
void draw_rule(int y, int width);

/*
 * The next line of at most width columns of a text, broken at a blank where there is one: its length in
 * bytes, and in *ret_next where the rest starts. 0 at the end.
 */
size_t draw_wrap(const char *text, int width, const char **ret_next);
