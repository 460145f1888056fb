/* view.h - what a view is to the screen: rows it hands over, which shared code draws, sorts and searches. */
#pragma once

#include "keys.h"
#include "store/store.h"
#include "theme.h"

enum {
	LIST_COLUMNS = 14,
	LIST_CELL = 48,
	LIST_LAST = 320, /* the last column, which takes the rest of the line */
	LIST_ROWS = 2048,
	PROMPT_MAX = 80,
};

/* A column of a list: one designated-initialiser table per view. */
struct column {
	const char *title;
	int width;      /* 0: the rest of the line (the last one) */
	int wide;       /* the width on terminals of 120 columns and more; 0: the same */
	int from_width; /* shown on terminals at least this wide */
	bool right;     /* numbers */
};

/* A copy, so that a paused picture stays what it was. */
struct row {
	int64_t id;
	int64_t sort[LIST_COLUMNS]; /* numeric sort keys; larger first when right-aligned */
	enum role role;
	char cells[LIST_COLUMNS][LIST_CELL];
	char last[LIST_LAST];
	char found_by[1200]; /* what search and filter look through besides the cells */
};

struct list {
	const struct column *columns;
	int n_columns, sort; /* sort -1: the view's own order */
	struct row *rows;
	int n_rows, top, selected;
	int64_t selected_id;
	bool moved; /* by the user; until then the selection stays on top, where trouble is */
	char search[PROMPT_MAX], filter[PROMPT_MAX];
};

struct view;

struct view_ops {
	const char *name;
	/* Fills the rows from the store. */
	void (*fill)(struct view *v, const struct store *s);
	/* The text below the list for the selected row; NULL: none. */
	void (*detail)(struct view *v, const struct store *s, const struct row *row, char *what,
		size_t what_size, char *todo, size_t todo_size);
};

struct view {
	const struct view_ops *ops;
	struct list list;
	int width;        /* of the screen, for views that wrap text */
	int64_t port;     /* of the detail view */
	uint64_t finding; /* shown there; 0: the port's last */
};

extern const struct view_ops ports_view, findings_view, host_view, detail_view, help_view;
extern const struct column port_columns[], finding_columns[], text_columns_of_view[];
extern const int n_port_columns, n_finding_columns, n_text_columns;

int list_init(struct list *l, const struct column *columns, int n);
void list_fini(struct list *l);

/* The next row to fill, zeroed; NULL when there are LIST_ROWS. */
struct row *list_add(struct list *l, int64_t id);
void list_clear(struct list *l);

/* Applies filter and sort order, and finds the selected row again. */
void list_settle(struct list *l);

/* Draws heading and rows into height lines from y on. */
void list_draw(struct list *l, int y, int height, int width, bool headings, bool select);

/* Moves the selection; true when the action was one of the list's. */
bool list_move(struct list *l, enum action a, int height);

/* Selects the next (or previous) row that holds the search text. False when there is none. */
bool list_search(struct list *l, int step, bool from_here);

/* Appends lines of text to a list without headings, wrapped to width. */
void list_text(struct list *l, enum role role, int width, int indent, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
