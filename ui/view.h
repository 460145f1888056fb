/* view.h - what a view is to the screen: rows of columns, or a page of lines; shared code draws, sorts and searches. */
#pragma once

#include "filter.h"
#include "keys.h"
#include "settings.h"
#include "store/store.h"
#include "theme.h"

enum {
	LIST_COLUMNS = 20,
	LIST_ROWS = 4096,
	PAGE_LINES = 512,
	CELL_TEXT = 440,
	LINE_TEXT = 480,
	VIEW_WIDE = 120, /* columns of a terminal on which there is room for wide forms */
	LADDER_MAX = 96, /* columns: more would only stretch the arrows */
};

enum view_id {
	VIEW_PORTS,
	VIEW_PEERS,
	VIEW_FINDINGS,
	VIEW_HOST,
	VIEW_PORT,
	VIEW_PEER,
	VIEW_ATTEMPT,
	VIEW_SETUP,
	VIEW_HELP,
	VIEW_COUNT,
	VIEW_TOP = VIEW_PORT, /* those before it have a tab */
};

/* Where Enter leads, and what is shown there. */
struct place {
	enum view_id view;
	int64_t port;       /* store's place */
	char peer[IP_TEXT];
	uint64_t finding;   /* 0: the last one */
};

/* A column: one designated-initialiser table per view. */
struct column {
	const char *name;  /* in the settings */
	const char *title, *help;
	int width;         /* 0: the rest of the line (the last one) */
	int wide;          /* the width on terminals of 120 columns and more; 0: the same */
	int from_width;    /* shown unasked on terminals at least this wide; -1: only when asked for */
	bool right;        /* numbers; sorted largest first */
};

struct cell {
	int width; /* what there is room for; set by who asks */
	char text[CELL_TEXT];
	int64_t number; /* to sort by, in columns of numbers and times */
	enum role role; /* of the last column */
};

struct row {
	int64_t id;
	int64_t number;
	char text[40]; /* both: of the column that is sorted by */
};

struct line {
	char text[LINE_TEXT];
	enum role role, lead_role;
	int lead;        /* so many columns of it are in lead_role */
	bool links;
	struct place to; /* where Enter leads, if it does */
	int choice;      /* in the setup: what Enter changes, from 1; 0: nothing */
};

struct list {
	const struct column *columns; /* NULL: lines */
	int n_columns;
	int order[LIST_COLUMNS], n_order; /* columns as chosen; 0: as the width allows */
	int sort; /* -1: the view's own order */
	bool reverse;
	struct row *rows;
	struct line *lines;
	int n, top, selected;
	int64_t selected_id;
	struct place selected_to; /* of a line */
	bool moved; /* by the user; until then the selection stays on top, where trouble is */
};

struct view;

struct view_ops {
	const char *name;
	const struct column *columns;
	int n_columns;
	/* Fills rows or lines from the store. */
	void (*fill)(struct view *v);
	void (*cell)(const struct view *v, int64_t id, int column, struct cell *ret);
	/* What a row is about, for filter and search; texts live until the next call. */
	void (*subject)(const struct view *v, int64_t id, struct subject *ret);
	/* The text below the list for a row: what is, and what to do. */
	void (*detail)(const struct view *v, int64_t id, char *what, size_t what_size, char *todo, size_t todo_size);
	/* Where Enter leads from a row. False: nowhere. */
	bool (*enter)(const struct view *v, int64_t id, struct place *ret);
	/* The name of the page that is shown. */
	void (*title)(const struct view *v, char *buf, size_t size);
	/* The finding that a row is about; 0: none. A page's own: id 0. */
	uint64_t (*finding)(const struct view *v, int64_t id);
	enum settings_list list; /* where its columns are kept, if it has any */
};

struct view {
	const struct view_ops *ops;
	const struct store *store; /* live, or as it was when the picture was frozen */
	const struct filter *filter;
	struct settings *settings;
	struct list list;
	struct place at; /* of pages */
	int width, zoom;
};

extern const struct view_ops ports_view, peers_view, findings_view, host_view, port_view, peer_view, attempt_view,
	setup_view, help_view;

/* The views in the order of enum view_id. */
const struct view_ops *view_ops(enum view_id id);

/* list.c */

int list_init(struct list *l, const struct view_ops *ops);
void list_fini(struct list *l);
void list_clear(struct list *l);

/* Another row; what is one too many is left out. */
void list_add(struct list *l, int64_t id);

/* Takes columns and order from the settings; names that are not known are passed over. */
void list_configure(struct list *l, const char *columns, const char *sort);

/* The index of a column by its name, or -1. */
int list_column(const struct list *l, const char *name);

/* Sorts, and finds the selected row or line again. */
void list_settle(struct view *v);

/* Draws heading (of rows) and entries into height lines from y on. */
void list_draw(struct view *v, int y, int height);

/* Whether a column is on the screen. */
bool list_shows(const struct view *v, int column);

/* The column whose heading is at x, or -1. */
int list_column_at(const struct view *v, int x);

/* Moves the selection; false when the action is none of a list's. */
bool list_move(struct list *l, enum action a, int height);

/* Selects an entry. */
void list_select(struct list *l, int n);

/* Selects the next (or previous) entry with the text in it. False when there is none. */
bool list_search(struct view *v, const char *text, int step, bool from_here);

/* page.c: lines of pages. */

/* A line, cut to fit. Never NULL. */
struct line *page_line(struct list *l, enum role role, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Wrapped to width: the first line indented by indent, the others by hang; each links to where to leads (NULL: nowhere). */
void page_text(struct view *v, enum role role, int indent, int hang, const struct place *to, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* A heading within a page. */
void page_heading(struct view *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The verdict of a finding, what to do, and the evidence. */
void page_verdict(struct view *v, const struct store_finding *f, const struct place *to);

/* " x3" where a finding stands for several; "". */
const char *page_times(const struct store_finding *f);

/* Who reaches a listener: "everyone", "this host only". */
const char *page_reach(const char *reach);

/* timeline.c */

/* Lines of what happened at a port, on one time axis. */
void timeline_add(struct view *v, int64_t port);

/* A sparkline of the last minute: SYNs, or failures, in so many columns. */
void timeline_spark(const struct view *v, int64_t port, bool failures, int columns, char *buf, size_t size);

/* tell.c */

/* A finding as text to be handed to somebody. Returns its length. */
size_t tell_finding(const struct store *s, const struct store_finding *f, char *buf, size_t size);

/* The findings of a port, or of a peer there (NULL: any), the latest first; what this host dialled itself only for a peer. */
size_t tell_latest(const struct store *s, int64_t port, const char *peer, uint64_t *ret, size_t max);

/* A failure in two texts: what is, and what to do. */
void tell_briefly(const struct store_finding *f, char *what, size_t what_size, char *todo, size_t todo_size);

/* The words of a finding's cause: "listens on loopback only". */
const char *tell_cause(const struct store_finding *f);

/* Whether it tells of an attempt or connection that failed. */
bool tell_is_failure(const struct store_finding *f);
