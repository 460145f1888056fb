/* list.c - rows and lines drawn, sorted and searched alike in every view. */
#include "base/text.h"
#include "draw.h"
#include "view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	REST_MIN = 24,  /* columns that are left to the last one ... */
	REST_WIDE = 48, /* ... on a wide terminal */
};

int list_init(struct list *l, const struct view_ops *ops)
{
	memset(l, 0, sizeof(*l));
	l->columns = ops->columns;
	l->n_columns = ops->n_columns;
	l->sort = -1;
	if (l->columns)
		l->rows = calloc(LIST_ROWS, sizeof(*l->rows));
	else
		l->lines = calloc(PAGE_LINES, sizeof(*l->lines));
	return l->rows || l->lines ? 0 : -ENOMEM;
}

void list_fini(struct list *l)
{
	free(l->rows);
	free(l->lines);
	l->rows = NULL;
	l->lines = NULL;
}

void list_clear(struct list *l)
{
	l->n = 0;
}

void list_add(struct list *l, int64_t id)
{
	if (l->n < LIST_ROWS)
		l->rows[l->n++] = (struct row){.id = id};
}

int list_column(const struct list *l, const char *name)
{
	for (int i = 0; i < l->n_columns; i++)
		if (strcmp(l->columns[i].name, name) == 0)
			return i;
	return -1;
}

void list_configure(struct list *l, const char *columns, const char *sort)
{
	char words[256], *save, *word;
	int last = l->n_columns - 1;

	text_copy(words, sizeof(words), columns);
	l->n_order = 0;
	for (word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		int c = list_column(l, word);

		for (int i = 0; i < l->n_order; i++)
			c = l->order[i] == c ? -1 : c;
		if (c >= 0 && c != last && l->n_order < LIST_COLUMNS - 1)
			l->order[l->n_order++] = c;
	}
	if (l->n_order > 0)
		l->order[l->n_order++] = last; /* which takes the rest of the line */
	l->reverse = sort[0] == '-';
	l->sort = list_column(l, sort + l->reverse);
}

/* Whether a column is among those that are wanted at this width, in its wide form where wide. */
static bool is_wanted(const struct view *v, int c)
{
	const struct column *col = &v->list.columns[c];

	if (strcmp(col->name, "netns") == 0 && v->store->n_netns > 0 && v->width >= VIEW_WIDE)
		return true;
	return col->from_width >= 0 && v->width >= col->from_width;
}

/* Columns without the last one, in order, at most so many columns wide; returns how many. */
static int fit_columns(const struct view *v, bool wide, int room, int *ret, int *ret_widths, bool *ret_all)
{
	const struct list *l = &v->list;
	int n = 0, used = 0;

	*ret_all = true;
	for (int i = 0; i < (l->n_order ? l->n_order : l->n_columns) - 1; i++) {
		int c = l->n_order ? l->order[i] : i;
		int w = wide && l->columns[c].wide ? l->columns[c].wide : l->columns[c].width;

		if (!l->n_order && !is_wanted(v, c))
			continue;
		if (used + w + 1 > room && n > 0) {
			*ret_all = false;
			continue;
		}
		ret[n] = c;
		ret_widths[n++] = w;
		used += w + 1;
	}
	return n;
}

/*
 * The columns that are shown, the last one being that of words, which takes the rest and needs most of the room: a wide
 * terminal has wide columns and more of them only where enough is left for it.
 */
static int columns_shown(const struct view *v, int *ret, int *ret_widths)
{
	int used = 0, n;
	bool all;

	n = fit_columns(v, v->width >= VIEW_WIDE, v->width - (v->width >= VIEW_WIDE ? REST_WIDE : REST_MIN), ret, ret_widths, &all);
	if (!all)
		n = fit_columns(v, false, v->width - (v->width >= VIEW_WIDE && !v->list.n_order ? REST_WIDE : REST_MIN), ret, ret_widths,
			&all);
	for (int i = 0; i < n; i++)
		used += ret_widths[i] + 1;
	ret[n] = v->list.n_columns - 1;
	ret_widths[n++] = v->width > used ? v->width - used : 0;
	return n;
}

bool list_shows(const struct view *v, int column)
{
	int columns[LIST_COLUMNS], widths[LIST_COLUMNS], n = v->list.rows ? columns_shown(v, columns, widths) : 0;

	for (int i = 0; i < n; i++)
		if (columns[i] == column)
			return true;
	return false;
}

static const struct list *sorted;

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int r;

	if (sorted->columns[sorted->sort].right)
		r = x->number < y->number ? 1 : x->number > y->number ? -1 : 0;
	else
		r = strcmp(x->text, y->text);
	r = sorted->reverse ? -r : r;
	return r ? r : x->id < y->id ? -1 : x->id > y->id;
}

static void sort_rows(struct view *v)
{
	struct list *l = &v->list;

	for (int i = 0; i < l->n; i++) {
		struct cell cell = {.width = CELL_TEXT};

		v->ops->cell(v, l->rows[i].id, l->sort, &cell);
		l->rows[i].number = cell.number;
		text_copy(l->rows[i].text, sizeof(l->rows[i].text), cell.text);
	}
	sorted = l;
	qsort(l->rows, (size_t)l->n, sizeof(*l->rows), compare);
}

static bool same_place(const struct place *a, const struct place *b)
{
	return a->view == b->view && a->port == b->port && a->finding == b->finding && strcmp(a->peer, b->peer) == 0;
}

/* The entry that was selected: a row by its id, a line by where it leads. -1: it is not there any more. */
static int find_selected(const struct list *l)
{
	int n = l->selected;

	for (int i = 0; i < l->n && l->rows; i++)
		if (l->rows[i].id == l->selected_id)
			return i;
	if (l->rows || !l->lines || (n < l->n && (!l->selected_to.view || same_place(&l->lines[n].to, &l->selected_to))))
		return -1;
	for (int i = 0; i < l->n && l->selected_to.view; i++)
		if (l->lines[i].links && same_place(&l->lines[i].to, &l->selected_to))
			return i;
	return -1;
}

static void remember_selected(struct list *l)
{
	static const struct place nowhere;

	if (l->n == 0)
		return;
	if (l->rows)
		l->selected_id = l->rows[l->selected].id;
	else
		l->selected_to = l->lines[l->selected].links ? l->lines[l->selected].to : nowhere;
}

void list_settle(struct view *v)
{
	struct list *l = &v->list;
	int found;

	if (l->rows && l->sort >= 0)
		sort_rows(v);
	else if (l->rows && l->reverse)
		for (int i = 0; i < l->n / 2; i++) {
			struct row row = l->rows[i];

			l->rows[i] = l->rows[l->n - 1 - i];
			l->rows[l->n - 1 - i] = row;
		}
	found = l->moved ? find_selected(l) : -1;
	if (found >= 0) { /* what is being read keeps its place on the screen */
		l->top += found - l->selected;
		l->selected = found;
	}
	if (!l->moved)
		l->selected = l->top = 0;
	if (l->selected >= l->n)
		l->selected = l->n ? l->n - 1 : 0;
	remember_selected(l);
}

static void draw_headings(const struct view *v, int y)
{
	const struct list *l = &v->list;
	int columns[LIST_COLUMNS], widths[LIST_COLUMNS], x = 0;
	int n = columns_shown(v, columns, widths);

	for (int i = 0; i < n; i++) {
		const struct column *c = &l->columns[columns[i]];
		bool sorts = l->sort == columns[i], last = i + 1 == n;
		const char *sign = !sorts ? "" : l->reverse ? "^" : "v";
		int width = last && sorts ? text_width(c->title) : widths[i];

		if (c->right)
			draw_right(y, x, width, sorts ? ROLE_TAB : ROLE_HEADER, c->title);
		else
			draw_text(y, x, width, sorts ? ROLE_TAB : ROLE_HEADER, c->title);
		if (!last || sorts)
			draw_text(y, x + width, 1, sorts ? ROLE_TAB : ROLE_HEADER, sign);
		if (last && sorts)
			draw_text(y, x + width + 1, widths[i] - width - 1, ROLE_HEADER, "");
		x += widths[i] + 1;
	}
}

static void draw_row(const struct view *v, int64_t id, int y, bool selected)
{
	const struct list *l = &v->list;
	int columns[LIST_COLUMNS], widths[LIST_COLUMNS], x = 0;
	int n = columns_shown(v, columns, widths);

	for (int i = 0; i < n; i++) {
		const struct column *c = &l->columns[columns[i]];
		struct cell cell = {.width = widths[i]};
		enum role role;

		v->ops->cell(v, id, columns[i], &cell);
		/* Only the words of a row are coloured: a screen full of red says nothing. */
		role = selected ? ROLE_SELECT : i + 1 == n || cell.role == ROLE_DIM ? cell.role : ROLE_NORMAL;
		if (c->right)
			draw_right(y, x, widths[i], role, cell.text);
		else
			draw_text(y, x, widths[i], role, cell.text);
		if (i + 1 < n)
			draw_text(y, x + widths[i], 1, selected ? ROLE_SELECT : ROLE_NORMAL, "");
		x += widths[i] + 1;
	}
}

static void draw_line(const struct line *line, int y, int width, bool selected)
{
	int lead = selected || line->lead > width ? 0 : line->lead;

	draw_text(y, 0, width, selected ? ROLE_SELECT : line->role, line->text);
	if (lead > 0)
		draw_start(y, 0, lead, line->lead_role, line->text);
}

static void scroll(struct list *l, int height)
{
	if (l->top > l->selected)
		l->top = l->selected;
	if (l->top < l->selected - height + 1)
		l->top = l->selected - height + 1;
	if (l->top > l->n - height)
		l->top = l->n - height;
	if (l->top < 0)
		l->top = 0;
}

void list_draw(struct view *v, int y, int height)
{
	struct list *l = &v->list;

	if (l->rows) {
		draw_headings(v, y++);
		height--;
	}
	scroll(l, height);
	for (int i = 0; i < height; i++) {
		int n = l->top + i;

		if (n >= l->n)
			draw_text(y + i, 0, v->width, ROLE_NORMAL, "");
		else if (l->rows)
			draw_row(v, l->rows[n].id, y + i, n == l->selected);
		else
			draw_line(&l->lines[n], y + i, v->width, n == l->selected && l->moved);
	}
}

int list_column_at(const struct view *v, int x)
{
	int columns[LIST_COLUMNS], widths[LIST_COLUMNS], at = 0;
	int n = v->list.rows ? columns_shown(v, columns, widths) : 0;

	for (int i = 0; i < n; i++) {
		at += widths[i] + 1;
		if (x < at)
			return columns[i];
	}
	return -1;
}

void list_select(struct list *l, int n)
{
	l->selected = n >= l->n ? l->n - 1 : n;
	l->selected = l->selected < 0 ? 0 : l->selected;
	l->moved = true;
	remember_selected(l);
}

bool list_move(struct list *l, enum action a, int height)
{
	int page = height > 1 ? height - 1 : 1;
	int to = l->selected;

	switch (a) {
	case ACTION_UP:
		to--;
		break;
	case ACTION_DOWN:
		to++;
		break;
	case ACTION_PAGE_UP:
		to -= page;
		break;
	case ACTION_PAGE_DOWN:
		to += page;
		break;
	case ACTION_HOME:
		to = 0;
		break;
	case ACTION_END:
		to = l->n - 1;
		break;
	default:
		return false;
	}
	/* A page scrolls by as much as the selection moves. */
	if (l->lines && (a == ACTION_PAGE_UP || a == ACTION_PAGE_DOWN))
		l->top += a == ACTION_PAGE_UP ? -page : page;
	list_select(l, to);
	if (a == ACTION_HOME)
		l->moved = false;
	return true;
}

static bool row_has(const struct view *v, int64_t id, const char *text)
{
	struct subject s = {.port = 0};

	for (int i = 0; i < v->list.n_columns; i++) {
		struct cell cell = {.width = CELL_TEXT};

		v->ops->cell(v, id, i, &cell);
		if (strcasestr(cell.text, text))
			return true;
	}
	v->ops->subject(v, id, &s);
	for (int i = 0; i < FILTER_FIELDS; i++)
		if (s.texts[i] && strcasestr(s.texts[i], text))
			return true;
	return false;
}

bool list_search(struct view *v, const char *text, int step, bool from_here)
{
	struct list *l = &v->list;

	for (int i = from_here ? 0 : 1; i <= l->n && l->n > 0 && text[0]; i++) {
		int n = ((l->selected + step * i) % l->n + l->n) % l->n;

		if (l->rows ? row_has(v, l->rows[n].id, text) : strcasestr(l->lines[n].text, text) != NULL) {
			list_select(l, n);
			return true;
		}
	}
	return false;
}
