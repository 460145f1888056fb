/* state.h - what the parts of the screen share: drawing (ui.c), actions (commands.c), prompts (prompt.c). */
#pragma once

#include "ui.h"
#include "view.h"

#include <stdio.h>

enum {
	PROMPT_MAX = 120,
	STACK_MAX = 8,
	FILE_TEXT = 16384,
};

enum prompt {
	PROMPT_NONE,
	PROMPT_SEARCH,
	PROMPT_FILTER,
	PROMPT_SORT,
	PROMPT_TRACE,
};

/* A page or list that Esc goes back to, as it was left. */
struct left {
	enum view_id view;
	struct place at;
	int top, selected;
	bool moved;
	struct place selected_to;
};

struct ui {
	struct store *store, *frozen; /* live; as it was when the picture was frozen (NULL: never was) */
	struct ui_options options;
	struct settings settings;
	FILE *in, *out;
	void *screen; /* SCREEN */
	struct view views[VIEW_COUNT];
	enum view_id up;
	struct left stack[STACK_MAX];
	int depth;
	bool paused, stale, resized, hint;
	int zoom;
	struct filter filter;
	char filter_text[PROMPT_MAX], search[PROMPT_MAX];
	enum prompt prompt;
	char typed[PROMPT_MAX], message[120];
	int sort_before;  /* PROMPT_SORT: what Esc goes back to */
	bool reverse_before;
	char number[8];   /* digits typed, of a port */
	int64_t number_at;
	struct ip trace_peer;
	uint16_t trace_port;
	bool wants_trace;
	enum ui_file file; /* wanted to be written */
	char file_name[64], file_text[FILE_TEXT];
	uint64_t drawn_news;
	int64_t started;
	int64_t drawn_at;
};

static inline struct view *ui_view(struct ui *ui)
{
	return &ui->views[ui->up];
}

/* What the views show: live, or frozen. */
static inline struct store *ui_shown(struct ui *ui)
{
	return ui->paused && ui->frozen ? ui->frozen : ui->store;
}

int64_t ui_monotonic(void);

/* Fills the view that is up anew. */
void ui_renew(struct ui *ui);

/* Lines that the list takes, with its heading; and where it begins. */
int ui_list_lines(const struct ui *ui);

/* Says something in the bottom line, until the next key. */
void ui_say(struct ui *ui, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Applies the settings: theme, columns, mouse, cursor. */
void ui_configure(struct ui *ui);

/* What an action of the function bar is at x of the bottom line. */
enum action ui_bar_at(int x, int width);

/* Has the settings saved: those of the file, and what was changed here. */
void ui_save_settings(struct ui *ui);

/* commands.c */

/* Does what a key is bound to. LOOP_GO_ON, or the exit status. */
int command_do(struct ui *ui, enum action a);

/* Keeps how the list is sorted now. */
void command_keep_sort(struct ui *ui);

/* Sorts by the next column that is shown (1), or the one before (-1); 0: only says so. */
void command_step_sort(struct ui *ui, int step);

/* A digit: a view's, or a port's. */
void command_digit(struct ui *ui, int digit);

/* What the mouse did. As command_do(). */
int command_mouse(struct ui *ui);

/* prompt.c */

void prompt_open(struct ui *ui, enum prompt prompt);

/* A key while a prompt is open. */
void prompt_key(struct ui *ui, int key);
void prompt_draw(struct ui *ui, int y, int width);
