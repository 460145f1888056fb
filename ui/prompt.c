/* prompt.c - what is typed in the bottom line: a search, a filter, the column to sort by, a yes. */
#include "base/text.h"
#include "draw.h"
#include "state.h"

#include <curses.h>
#include <string.h>

#define CTRL(c) ((c) & 0x1f)

static struct view *list_of(struct ui *ui)
{
	return ui_view(ui);
}

void prompt_open(struct ui *ui, enum prompt prompt)
{
	struct list *l = &ui_view(ui)->list;

	ui->prompt = prompt;
	text_copy(ui->typed, sizeof(ui->typed), prompt == PROMPT_FILTER ? ui->filter_text : "");
	ui->sort_before = l->sort;
	ui->reverse_before = l->reverse;
}

static void draw_sort(struct ui *ui, int y, int width)
{
	const struct list *l = &ui_view(ui)->list;
	int x = 9, from = 0, used = 0;

	draw_text(y, 0, width, ROLE_STRONG, "Sort by:");
	for (int i = 0; i <= l->sort; i++) { /* so that the chosen one is in sight */
		used += text_width(l->columns[i].title) + 3;
		while (used > width - 12 && from < i)
			used -= text_width(l->columns[from++].title) + 3;
	}
	for (int i = from == 0 ? -1 : from; i < l->n_columns && x < width; i++) {
		char text[48];

		if (i >= 0 && !list_shows(ui_view(ui), i))
			continue;
		snprintf(text, sizeof(text), i == l->sort ? "[%s]" : " %s ", i < 0 ? "usual" : l->columns[i].title);
		draw_text(y, x, text_width(text) < width - x ? text_width(text) : width - x, i == l->sort ? ROLE_TAB : ROLE_NORMAL,
			text);
		x += text_width(text);
	}
}

void prompt_draw(struct ui *ui, int y, int width)
{
	char text[2 * PROMPT_MAX + IP_TEXT + 100], peer[IP_TEXT];

	switch (ui->prompt) {
	case PROMPT_SORT:
		draw_sort(ui, y, width);
		return;
	case PROMPT_TRACE:
		snprintf(text, sizeof(text), "Trace %s to port %u by a temporary nftables table, for 30 s? y/n",
			ip_format(&ui->trace_peer, peer, sizeof(peer)), ui->trace_port);
		break;
	default:
		snprintf(text, sizeof(text), "%s: %s_  %s", ui->prompt == PROMPT_SEARCH ? "Search" : "Filter", ui->typed,
			ui->message);
		break;
	}
	draw_text(y, 0, width, ROLE_STRONG, text);
}

static void edit(struct ui *ui, int key)
{
	size_t n = strlen(ui->typed);

	if (key == KEY_BACKSPACE || key == 127 || key == 8) {
		while (n > 0 && ((unsigned char)ui->typed[n - 1] & 0xc0) == 0x80)
			n--;
		ui->typed[n > 0 ? n - 1 : 0] = '\0';
	} else if (key == CTRL('u')) {
		ui->typed[0] = '\0';
	} else if (key >= 32 && key < 256 && n + 1 < sizeof(ui->typed)) {
		ui->typed[n] = (char)key;
		ui->typed[n + 1] = '\0';
	}
}

static bool is_enter(int key)
{
	return key == '\n' || key == '\r' || key == KEY_ENTER;
}

static void search_key(struct ui *ui, int key)
{
	char text[PROMPT_MAX];

	if (is_enter(key)) {
		ui->prompt = PROMPT_NONE;
		return;
	}
	edit(ui, key);
	text_clean(text, sizeof(text), ui->typed, strlen(ui->typed));
	text_copy(ui->search, sizeof(ui->search), text);
	if (ui->search[0] && !list_search(list_of(ui), ui->search, 1, true))
		ui_say(ui, "not found");
}

static void filter_key(struct ui *ui, int key)
{
	struct filter filter;
	char err[100] = "", text[PROMPT_MAX];

	if (!is_enter(key)) {
		edit(ui, key);
		return;
	}
	text_clean(text, sizeof(text), ui->typed, strlen(ui->typed));
	if (filter_parse(text, &filter, err, sizeof(err)) < 0) {
		ui_say(ui, "%s", err);
		return;
	}
	ui->filter = filter;
	text_copy(ui->filter_text, sizeof(ui->filter_text), text);
	ui->prompt = PROMPT_NONE;
	ui->stale = true;
}

static void sort_key(struct ui *ui, int key)
{
	struct list *l = &ui_view(ui)->list;

	if (is_enter(key) || key == ' ') {
		command_keep_sort(ui);
		ui->prompt = PROMPT_NONE;
		return;
	}
	if (key == 'I' || key == 'r')
		l->reverse = !l->reverse;
	else if (key == KEY_RIGHT || key == '\t' || key == '>' || key == 'l' || key == KEY_DOWN || key == KEY_F(6))
		command_step_sort(ui, 1);
	else if (key == KEY_LEFT || key == '<' || key == 'h' || key == KEY_UP || key == KEY_BTAB)
		command_step_sort(ui, -1);
	ui->stale = true;
}

static void leave(struct ui *ui)
{
	struct list *l = &ui_view(ui)->list;

	if (ui->prompt == PROMPT_SORT) {
		l->sort = ui->sort_before;
		l->reverse = ui->reverse_before;
		ui->stale = true;
	}
	ui->prompt = PROMPT_NONE;
}

void prompt_key(struct ui *ui, int key)
{
	if (key == 27 || key == CTRL('c')) {
		leave(ui);
		return;
	}
	switch (ui->prompt) {
	case PROMPT_SEARCH:
		search_key(ui, key);
		break;
	case PROMPT_FILTER:
		filter_key(ui, key);
		break;
	case PROMPT_SORT:
		sort_key(ui, key);
		break;
	case PROMPT_TRACE:
		ui->wants_trace = key == 'y' || key == 'Y';
		if (ui->wants_trace)
			ui_say(ui, "traced: wait for a SYN");
		ui->prompt = PROMPT_NONE;
		break;
	case PROMPT_NONE:
		break;
	}
}
