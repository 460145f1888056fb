/* setup.c - the setup page: theme, signs, mouse, and the columns of each list. */
#include "setup.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* Choices are numbered: these first, then a hundred for the columns of each list. */
enum {
	CHOICE_THEME = 1,
	CHOICE_ASCII,
	CHOICE_MOUSE,
	CHOICE_CURSOR,
	CHOICE_COLUMNS = 100,
	CHOICES_A_LIST = 100,
};

static const enum view_id lists[SETTINGS_LISTS] = {VIEW_PORTS, VIEW_PEERS, VIEW_FINDINGS};

/* The columns of a list in the order in which they are shown here: the chosen ones, then the others. */
struct chosen {
	int n, shown;
	int order[LIST_COLUMNS];
};

static struct chosen chosen_of(const struct view *v, int list)
{
	struct list l = {.n_columns = view_ops(lists[list])->n_columns, .columns = view_ops(lists[list])->columns};
	struct chosen c = {.n = 0};

	list_configure(&l, v->settings->columns[list], "");
	for (int i = 0; i + 1 < l.n_order; i++)
		c.order[c.n++] = l.order[i];
	for (int i = 0; i < l.n_columns - 1 && !l.n_order; i++)
		if (l.columns[i].from_width >= 0 && v->width >= l.columns[i].from_width)
			c.order[c.n++] = i;
	c.shown = c.n;
	for (int i = 0; i < l.n_columns - 1; i++) {
		bool there = false;

		for (int k = 0; k < c.shown; k++)
			there |= c.order[k] == i;
		if (!there)
			c.order[c.n++] = i;
	}
	return c;
}

static void keep(struct view *v, int list, const struct chosen *c)
{
	char *to = v->settings->columns[list];

	to[0] = '\0';
	for (int i = 0; i < c->shown; i++)
		text_append(to, sizeof(v->settings->columns[list]), "%s%s", i ? " " : "",
			view_ops(lists[list])->columns[c->order[i]].name);
}

static void add_choice(struct view *v, int choice, const char *name, const char *value, const char *help)
{
	struct line *line = page_line(&v->list, ROLE_NORMAL, "  %-10s %-10s %s", name, value, help);

	line->choice = choice;
	line->links = true;
	line->to = (struct place){.view = VIEW_SETUP, .finding = (uint64_t)choice};
}

static void fill(struct view *v)
{
	const struct settings *s = v->settings;

	page_heading(v, "Looks (Enter changes, w saves)");
	add_choice(v, CHOICE_THEME, "theme", s->theme, "colours");
	add_choice(v, CHOICE_ASCII, "ascii", s->ascii, "no signs besides ASCII");
	add_choice(v, CHOICE_MOUSE, "mouse", s->mouse ? "yes" : "no", "select, look closer, scroll with the mouse");
	add_choice(v, CHOICE_CURSOR, "cursor", s->cursor ? "yes" : "no", "show the cursor on the selected row, for screen readers");
	for (int list = 0; list < SETTINGS_LISTS; list++) {
		const struct view_ops *ops = view_ops(lists[list]);
		struct chosen c = chosen_of(v, list);

		page_heading(v, "Columns of %s (Enter shows or hides, [ and ] move)%s", ops->name,
			s->columns[list][0] ? "" : ": as the width allows");
		for (int i = 0; i < c.n; i++) {
			const struct column *col = &ops->columns[c.order[i]];

			add_choice(v, CHOICE_COLUMNS + CHOICES_A_LIST * list + c.order[i], i < c.shown ? "[x]" : "[ ]", col->name, col->help);
		}
	}
}

/* The one after it, and after the last the first. */
static void cycle(char *value, size_t size, const char *const *choices)
{
	int i = 0;

	while (choices[i] && strcmp(choices[i], value) != 0)
		i++;
	text_copy(value, size, choices[i] && choices[i + 1] ? choices[i + 1] : choices[0]);
}

static void toggle_column(struct view *v, int list, int column)
{
	struct chosen c = chosen_of(v, list);
	int at = 0;

	while (at < c.n && c.order[at] != column)
		at++;
	if (at == c.n || (at < c.shown && c.shown == 1))
		return;
	if (at < c.shown) {
		memmove(&c.order[at], &c.order[at + 1], (size_t)(c.shown - at - 1) * sizeof(c.order[0]));
		c.shown--;
	} else {
		c.order[at] = c.order[c.shown];
		c.order[c.shown++] = column;
	}
	keep(v, list, &c);
}

static int selected_choice(const struct view *v)
{
	return v->list.n ? v->list.lines[v->list.selected].choice : 0;
}

bool setup_change(struct view *v)
{
	static const char *const autos[] = {"auto", "yes", "no", NULL};
	struct settings *s = v->settings;
	int choice = selected_choice(v);

	switch (choice) {
	case 0:
		return false;
	case CHOICE_THEME:
		cycle(s->theme, sizeof(s->theme), settings_themes);
		return true;
	case CHOICE_ASCII:
		cycle(s->ascii, sizeof(s->ascii), autos);
		return true;
	case CHOICE_MOUSE:
		s->mouse = !s->mouse;
		return true;
	case CHOICE_CURSOR:
		s->cursor = !s->cursor;
		return true;
	default:
		toggle_column(v, (choice - CHOICE_COLUMNS) / CHOICES_A_LIST, (choice - CHOICE_COLUMNS) % CHOICES_A_LIST);
		return true;
	}
}

bool setup_move(struct view *v, int step)
{
	int choice = selected_choice(v) - CHOICE_COLUMNS, list = choice / CHOICES_A_LIST, at = 0;
	struct chosen c;

	if (choice < 0)
		return false;
	c = chosen_of(v, list);
	while (at < c.n && c.order[at] != choice % CHOICES_A_LIST)
		at++;
	if (at >= c.shown || at + step < 0 || at + step >= c.shown)
		return false;
	c.order[at] = c.order[at + step];
	c.order[at + step] = choice % CHOICES_A_LIST;
	keep(v, list, &c);
	return true;
}

static void title(const struct view *v, char *buf, size_t size)
{
	(void)v;
	snprintf(buf, size, "Setup");
}

const struct view_ops setup_view = {.name = "Setup", .fill = fill, .title = title};
