/* list.c - rows drawn, sorted, filtered and searched alike in every view. */
#include "base/text.h"
#include "draw.h"
#include "view.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WIDE = 120, /* columns of a terminal on which a column takes its wide form */
};

int list_init(struct list *l, const struct column *columns, int n)
{
	memset(l, 0, sizeof(*l));
	l->columns = columns;
	l->n_columns = n;
	l->sort = -1;
	l->rows = calloc(LIST_ROWS, sizeof(*l->rows));
	return l->rows ? 0 : -ENOMEM;
}

void list_fini(struct list *l)
{
	free(l->rows);
	l->rows = NULL;
}

void list_clear(struct list *l)
{
	l->n_rows = 0;
}

struct row *list_add(struct list *l, int64_t id)
{
	static const struct row empty;
	struct row *row;

	if (l->n_rows == LIST_ROWS)
		return NULL;
	row = &l->rows[l->n_rows++];
	*row = empty;
	row->id = id;
	return row;
}

static bool matches(const struct list *l, const struct row *row, const char *text)
{
	for (int i = 0; i < l->n_columns; i++)
		if (strcasestr(row->cells[i], text))
			return true;
	return strcasestr(row->last, text) || strcasestr(row->found_by, text);
}

static const struct list *sorted;

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int c = sorted->sort;
	int r;

	if (sorted->columns[c].right)
		r = x->sort[c] < y->sort[c] ? 1 : x->sort[c] > y->sort[c] ? -1 : 0;
	else if (sorted->columns[c].width == 0)
		r = strcmp(y->last, x->last);
	else
		r = strcmp(x->cells[c], y->cells[c]);
	return r ? r : x->id < y->id ? -1 : x->id > y->id;
}

void list_settle(struct list *l)
{
	int kept = 0, found = -1;

	for (int i = 0; i < l->n_rows && l->filter[0]; i++)
		if (matches(l, &l->rows[i], l->filter)) {
			if (i != kept)
				l->rows[kept] = l->rows[i];
			kept++;
		}
	if (l->filter[0])
		l->n_rows = kept;
	if (l->sort >= 0) {
		sorted = l;
		qsort(l->rows, (size_t)l->n_rows, sizeof(*l->rows), compare);
	}
	for (int i = 0; i < l->n_rows && found < 0 && l->moved; i++)
		if (l->rows[i].id == l->selected_id)
			found = i;
	if (found >= 0) /* the row that is being read keeps its place on the screen */
		l->top += found - l->selected;
	if (found >= 0)
		l->selected = found;
	if (!l->moved)
		l->selected = l->top = 0;
	if (l->selected >= l->n_rows)
		l->selected = l->n_rows ? l->n_rows - 1 : 0;
	if (l->n_rows)
		l->selected_id = l->rows[l->selected].id;
}

static void draw_cells(const struct list *l, const struct row *row, int y, int width, enum role role)
{
	/* Only the words of a row are coloured: a screen full of red says nothing. */
	enum role cell = role == ROLE_BAD || role == ROLE_WARN ? ROLE_NORMAL : role;
	int x = 0;

	for (int i = 0; i < l->n_columns && x < width; i++) {
		const struct column *c = &l->columns[i];
		int w = c->wide && width >= WIDE ? c->wide : c->width ? c->width : width - x;

		if (width < c->from_width)
			continue;
		if (w > width - x)
			w = width - x;
		if (c->width == 0)
			draw_text(y, x, w, role, row ? row->last : c->title);
		else if (c->right)
			draw_right(y, x, w, cell, row ? row->cells[i] : c->title);
		else
			draw_text(y, x, w, cell, row ? row->cells[i] : c->title);
		if (c->width && x + w < width)
			draw_text(y, x + w, 1, cell, row ? "" : l->sort == i ? "v" : "");
		x += w + (c->width != 0);
	}
}

static void scroll(struct list *l, int height)
{
	if (l->top > l->selected)
		l->top = l->selected;
	if (l->top < l->selected - height + 1)
		l->top = l->selected - height + 1;
	if (l->top > l->n_rows - height)
		l->top = l->n_rows - height;
	if (l->top < 0)
		l->top = 0;
}

void list_draw(struct list *l, int y, int height, int width, bool headings, bool select)
{
	if (headings) {
		draw_cells(l, NULL, y++, width, ROLE_HEADER);
		height--;
	}
	scroll(l, height);
	for (int i = 0; i < height; i++) {
		int n = l->top + i;

		if (n >= l->n_rows)
			draw_text(y + i, 0, width, ROLE_NORMAL, "");
		else
			draw_cells(l, &l->rows[n], y + i, width,
				select && n == l->selected ? ROLE_SELECT : l->rows[n].role);
	}
}

bool list_move(struct list *l, enum action a, int height)
{
	int to = l->selected;

	switch (a) {
	case ACTION_UP:
		to--;
		break;
	case ACTION_DOWN:
		to++;
		break;
	case ACTION_PAGE_UP:
		to -= height > 1 ? height - 1 : 1;
		break;
	case ACTION_PAGE_DOWN:
		to += height > 1 ? height - 1 : 1;
		break;
	case ACTION_HOME:
		to = 0;
		break;
	case ACTION_END:
		to = l->n_rows - 1;
		break;
	default:
		return false;
	}
	if (to >= l->n_rows)
		to = l->n_rows - 1;
	if (to < 0)
		to = 0;
	l->selected = to;
	l->moved = a != ACTION_HOME;
	if (l->n_rows)
		l->selected_id = l->rows[to].id;
	return true;
}

bool list_search(struct list *l, int step, bool from_here)
{
	for (int i = from_here ? 0 : 1; i <= l->n_rows && l->search[0]; i++) {
		int n = ((l->selected + step * i) % l->n_rows + l->n_rows) % l->n_rows;

		if (!matches(l, &l->rows[n], l->search))
			continue;
		l->selected = n;
		l->moved = true;
		l->selected_id = l->rows[n].id;
		return true;
	}
	return false;
}

void list_text(struct list *l, enum role role, int width, int indent, const char *format, ...)
{
	char text[1024];
	const char *p = text, *next;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	do {
		size_t n = draw_wrap(p, width - indent, &next);
		struct row *row = list_add(l, l->n_rows);

		if (!row)
			return;
		row->role = role;
		snprintf(row->last, sizeof(row->last), "%*s%.*s", indent, "", (int)n, p);
		p = next;
	} while (*p);
}
