/* commands.c - what the keys do. */
#include "base/loop.h"
#include "base/text.h"
#include "proc/options.h"
#include "setup.h"
#include "state.h"

#include <curses.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
	WHEEL = 3, /* lines */
};

static bool is_list(struct ui *ui)
{
	return ui_view(ui)->list.rows != NULL;
}

static void show(struct ui *ui, enum view_id view)
{
	ui->up = view;
	ui->stale = true;
}

static void go_to_tab(struct ui *ui, enum view_id view)
{
	ui->depth = 0;
	show(ui, view);
}

/* One deeper; Esc comes back to where it was left. */
static void go_deeper(struct ui *ui, const struct place *to)
{
	struct view *from = ui_view(ui), *v = &ui->views[to->view];

	if (ui->depth == STACK_MAX) {
		memmove(&ui->stack[1], &ui->stack[2], (STACK_MAX - 2) * sizeof(ui->stack[0]));
		ui->depth--;
	}
	ui->stack[ui->depth++] = (struct left){ui->up, from->at, from->list.top, from->list.selected, from->list.moved,
		from->list.selected_to};
	v->at = *to;
	v->list.top = v->list.selected = 0;
	v->list.moved = false;
	show(ui, to->view);
}

static void go_back(struct ui *ui)
{
	struct left *left;
	struct view *v;

	if (ui->depth == 0) {
		if (ui->filter.n > 0) {
			ui->filter.n = 0;
			ui->filter_text[0] = '\0';
			ui->stale = true;
		}
		return;
	}
	left = &ui->stack[--ui->depth];
	v = &ui->views[left->view];
	v->at = left->at;
	if (!v->list.rows) {
		v->list.top = left->top;
		v->list.selected = left->selected;
		v->list.moved = left->moved;
		v->list.selected_to = left->selected_to;
	}
	show(ui, left->view);
}

static void look_closer(struct ui *ui)
{
	struct view *v = ui_view(ui);
	struct place to;

	if (ui->up == VIEW_SETUP) {
		if (setup_change(v))
			ui_configure(ui);
		return;
	}
	if (v->list.n == 0)
		return;
	if (v->list.rows ? v->ops->enter(v, v->list.rows[v->list.selected].id, &to) : v->list.lines[v->list.selected].links) {
		if (!v->list.rows)
			to = v->list.lines[v->list.selected].to;
		go_deeper(ui, &to);
	} else {
		ui_say(ui, "nothing to look closer at in this line");
	}
}

static uint64_t current_finding(struct ui *ui)
{
	struct view *v = ui_view(ui);
	const struct list *l = &v->list;

	if (!v->ops->finding || (l->rows && l->n == 0))
		return 0;
	if (l->lines && l->n > 0 && l->moved && l->lines[l->selected].links && l->lines[l->selected].to.finding)
		return l->lines[l->selected].to.finding;
	return v->ops->finding(v, l->rows ? l->rows[l->selected].id : 0);
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* OSC 52 (xterm, Ctlseqs): the terminal puts it into its own clipboard, over ssh as well. */
static void send_to_clipboard(struct ui *ui, const char *text, size_t n)
{
	fputs("\033]52;c;", ui->out);
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = 0;

		for (size_t k = 0; k < 3; k++)
			v = v << 8 | (i + k < n ? (unsigned char)text[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			fputc(i + k > n ? '=' : base64[v >> (18 - 6 * k) & 63], ui->out);
	}
	fputs("\a", ui->out);
	fflush(ui->out);
}

static void copy_or_write(struct ui *ui, bool write)
{
	static char text[FILE_TEXT];
	const struct store_finding *f = store_finding(ui_shown(ui), current_finding(ui));
	size_t n;

	if (!f) {
		ui_say(ui, "no finding here");
		return;
	}
	n = tell_finding(ui_shown(ui), f, text, sizeof(text));
	if (!write) {
		send_to_clipboard(ui, text, n);
		ui_say(ui, "copied, if your terminal lets programs do that (OSC 52)");
		return;
	}
	ui->file = UI_FILE_FINDING;
	text_copy(ui->file_text, sizeof(ui->file_text), text);
	snprintf(ui->file_name, sizeof(ui->file_name), "tcpwhy-port-%" PRId64 "-finding-%" PRIu64 ".txt", STORE_PORT(f->place),
		f->number);
}

void command_keep_sort(struct ui *ui)
{
	struct view *v = ui_view(ui);
	const struct list *l = &v->list;
	char *to = ui->settings.sort[v->ops->list];

	snprintf(to, sizeof(ui->settings.sort[0]), "%s%s", l->reverse ? "-" : "", l->sort < 0 ? "" : l->columns[l->sort].name);
}

void command_step_sort(struct ui *ui, int step)
{
	struct list *l = &ui_view(ui)->list;

	if (step != 0)
		l->reverse = false;
	do { /* what is not on the screen is passed over */
		l->sort += step;
		l->sort = l->sort >= l->n_columns ? -1 : l->sort < -1 ? l->n_columns - 1 : l->sort;
	} while (step != 0 && l->sort >= 0 && !list_shows(ui_view(ui), l->sort));
}

static void sort_by(struct ui *ui, int step)
{
	struct list *l = &ui_view(ui)->list;

	if (!is_list(ui)) {
		ui_say(ui, "only lists are sorted");
		return;
	}
	command_step_sort(ui, step);
	ui_say(ui, "sorted by %s", l->sort < 0 ? "the usual order" : l->columns[l->sort].title);
	command_keep_sort(ui);
	ui->stale = true;
}

static void pause_or_go_on(struct ui *ui)
{
	if (!ui->paused && !ui->frozen && !(ui->frozen = store_new())) {
		ui_say(ui, "no memory for a frozen picture");
		return;
	}
	if (!ui->paused)
		store_copy(ui->frozen, ui->store);
	ui->paused = !ui->paused;
	ui->stale = true;
}

static void zoom(struct ui *ui, int step)
{
	int to = ui->zoom + step;

	ui->zoom = to < 0 ? 0 : to >= HISTORY_SCALES ? HISTORY_SCALES - 1 : to;
	ui->stale = true;
}

/* Asks first: it changes the ruleset while it runs. */
static void ask_trace(struct ui *ui)
{
	const struct store_finding *f = store_finding(ui->store, current_finding(ui));

	if (ui->up != VIEW_PORT && ui->up != VIEW_PEER && ui->up != VIEW_ATTEMPT)
		ui_say(ui, "look at a port first (Enter)");
	else if (!ui->options.live || (f && store_netns(ui->store, f->place)[0]))
		ui_say(ui, "only for ports of this host, while it is watched");
	else if (!tell_is_failure(f) || strcmp(f->attempt.dir, "in") != 0 || ip_parse(f->attempt.peer, &ui->trace_peer) < 0)
		ui_say(ui, "no single peer has failed here");
	else {
		ui->trace_port = (uint16_t)f->attempt.port;
		prompt_open(ui, PROMPT_TRACE);
	}
}

static void suspend(struct ui *ui)
{
	def_prog_mode();
	endwin();
	raise(SIGSTOP); /* the broker follows */
	reset_prog_mode();
	ui->resized = true;
}

static void search(struct ui *ui, int step)
{
	if (!ui->search[0])
		ui_say(ui, "nothing was searched for yet (/)");
	else if (!list_search(ui_view(ui), ui->search, step, false))
		ui_say(ui, "not found: %s", ui->search);
}

static void next_tab(struct ui *ui, int step)
{
	int top = ui->depth > 0 ? (int)ui->stack[0].view : (int)ui->up;

	go_to_tab(ui, (enum view_id)((top + step + VIEW_TOP) % VIEW_TOP));
}

static void go_beside(struct ui *ui, enum view_id view)
{
	struct place to = {.view = view};

	if (ui->up != view)
		go_deeper(ui, &to);
}

static void move_selection(struct ui *ui, int action)
{
	list_move(&ui_view(ui)->list, (enum action)action, ui_list_lines(ui) - is_list(ui));
}

static void look(struct ui *ui, int unused)
{
	(void)unused;
	look_closer(ui);
}

static void back(struct ui *ui, int unused)
{
	(void)unused;
	go_back(ui);
}

static void tab(struct ui *ui, int view)
{
	go_to_tab(ui, (enum view_id)view);
}

static void open_prompt(struct ui *ui, int prompt)
{
	if (prompt == PROMPT_SORT && !is_list(ui))
		ui_say(ui, "only lists are sorted");
	else
		prompt_open(ui, (enum prompt)prompt);
}

static void reverse(struct ui *ui, int unused)
{
	ui_view(ui)->list.reverse = !ui_view(ui)->list.reverse;
	sort_by(ui, unused);
}

static void pause_picture(struct ui *ui, int unused)
{
	(void)unused;
	pause_or_go_on(ui);
}

static void trace_peer(struct ui *ui, int unused)
{
	(void)unused;
	ask_trace(ui);
}

static void copy_finding(struct ui *ui, int write)
{
	if (write && ui->up == VIEW_SETUP)
		ui_save_settings(ui);
	else
		copy_or_write(ui, write);
}

static void beside(struct ui *ui, int view)
{
	go_beside(ui, (enum view_id)view);
}

static void move_column(struct ui *ui, int step)
{
	if (ui->up == VIEW_SETUP && setup_move(ui_view(ui), step))
		ui_configure(ui);
}

static void switch_mouse(struct ui *ui, int unused)
{
	(void)unused;
	ui->settings.mouse = !ui->settings.mouse;
	ui_configure(ui);
	ui_say(ui, "mouse %s", ui->settings.mouse ? "on" : "off");
}

static void redraw(struct ui *ui, int unused)
{
	(void)unused;
	ui->resized = true;
}

static void stop_here(struct ui *ui, int unused)
{
	(void)unused;
	suspend(ui);
}

/* What each action does; NULL: nothing here. */
static const struct {
	void (*run)(struct ui *ui, int argument);
	int argument;
} commands[ACTION_COUNT] = {
	[ACTION_UP] = {move_selection, ACTION_UP},
	[ACTION_DOWN] = {move_selection, ACTION_DOWN},
	[ACTION_PAGE_UP] = {move_selection, ACTION_PAGE_UP},
	[ACTION_PAGE_DOWN] = {move_selection, ACTION_PAGE_DOWN},
	[ACTION_HOME] = {move_selection, ACTION_HOME},
	[ACTION_END] = {move_selection, ACTION_END},
	[ACTION_ENTER] = {look, 0},
	[ACTION_BACK] = {back, 0},
	[ACTION_PORTS] = {tab, VIEW_PORTS},
	[ACTION_PEERS] = {tab, VIEW_PEERS},
	[ACTION_FINDINGS] = {tab, VIEW_FINDINGS},
	[ACTION_HOST] = {tab, VIEW_HOST},
	[ACTION_NEXT_VIEW] = {next_tab, 1},
	[ACTION_PREVIOUS_VIEW] = {next_tab, -1},
	[ACTION_SEARCH] = {open_prompt, PROMPT_SEARCH},
	[ACTION_SEARCH_NEXT] = {search, 1},
	[ACTION_SEARCH_PREVIOUS] = {search, -1},
	[ACTION_FILTER] = {open_prompt, PROMPT_FILTER},
	[ACTION_SORT] = {open_prompt, PROMPT_SORT},
	[ACTION_SORT_LEFT] = {sort_by, -1},
	[ACTION_SORT_RIGHT] = {sort_by, 1},
	[ACTION_REVERSE] = {reverse, 0},
	[ACTION_ZOOM_IN] = {zoom, -1},
	[ACTION_ZOOM_OUT] = {zoom, 1},
	[ACTION_PAUSE] = {pause_picture, 0},
	[ACTION_TRACE] = {trace_peer, 0},
	[ACTION_COPY] = {copy_finding, false},
	[ACTION_WRITE] = {copy_finding, true},
	[ACTION_SETUP] = {beside, VIEW_SETUP},
	[ACTION_MOVE_LEFT] = {move_column, -1},
	[ACTION_MOVE_RIGHT] = {move_column, 1},
	[ACTION_MOUSE] = {switch_mouse, 0},
	[ACTION_HELP] = {beside, VIEW_HELP},
	[ACTION_REDRAW] = {redraw, 0},
	[ACTION_SUSPEND] = {stop_here, 0},
};

int command_do(struct ui *ui, enum action a)
{
	if (a == ACTION_QUIT)
		return EXIT_DONE;
	if (commands[a].run)
		commands[a].run(ui, commands[a].argument);
	return LOOP_GO_ON;
}

/* Selects the port, or the first whose number begins so. */
static bool jump_to_port(struct ui *ui, const char *digits)
{
	struct list *l = &ui->views[VIEW_PORTS].list;
	int best = -1;

	enum view_id before = ui->up;

	ui->up = VIEW_PORTS;
	ui_renew(ui);
	for (int i = 0; i < l->n; i++) {
		char port[8];

		snprintf(port, sizeof(port), "%" PRId64, STORE_PORT(l->rows[i].id));
		if (strcmp(port, digits) == 0) {
			best = i;
			break;
		}
		if (best < 0 && strncmp(port, digits, strlen(digits)) == 0)
			best = i;
	}
	ui->up = before;
	ui->stale = true;
	if (best < 0)
		return false;
	go_to_tab(ui, VIEW_PORTS);
	list_select(l, best);
	return true;
}

void command_digit(struct ui *ui, int digit)
{
	size_t n = strlen(ui->number);

	if (n + 1 >= sizeof(ui->number))
		n = 0;
	ui->number[n] = (char)('0' + digit);
	ui->number[n + 1] = '\0';
	ui->number_at = ui_monotonic();
	if (n == 0 && digit >= 1 && digit <= VIEW_TOP) {
		go_to_tab(ui, (enum view_id)(digit - 1));
		return;
	}
	if (jump_to_port(ui, ui->number))
		return;
	if (n == 1 && ui->number[0] >= '1' && ui->number[0] <= '0' + VIEW_TOP && digit >= 1 && digit <= VIEW_TOP) {
		go_to_tab(ui, (enum view_id)(digit - 1)); /* two views, one after the other */
		ui->number[0] = (char)('0' + digit);
		ui->number[1] = '\0';
	} else if (n > 0) {
		ui_say(ui, "Port %s: nobody listens there, and nobody has dialled it", ui->number);
	}
}

int command_mouse(struct ui *ui)
{
	struct list *l = &ui_view(ui)->list;
	int first = 3, n;
	MEVENT e;

	if (getmouse(&e) != OK)
		return LOOP_GO_ON;
	if (e.bstate & (BUTTON4_PRESSED | BUTTON5_PRESSED)) {
		list_select(l, l->selected + (e.bstate & BUTTON4_PRESSED ? -WHEEL : WHEEL));
		return LOOP_GO_ON;
	}
	if (e.y == LINES - 1)
		return command_do(ui, ui_bar_at(e.x, COLS));
	if (e.y == first - 1 && l->rows) {
		l->reverse = l->sort == list_column_at(ui_view(ui), e.x) ? !l->reverse : false;
		l->sort = list_column_at(ui_view(ui), e.x);
		sort_by(ui, 0);
		return LOOP_GO_ON;
	}
	n = l->top + e.y - first;
	if (e.y < first || e.y >= first + ui_list_lines(ui) - is_list(ui) || n >= l->n)
		return LOOP_GO_ON;
	list_select(l, n);
	if (e.bstate & BUTTON1_DOUBLE_CLICKED)
		look_closer(ui);
	return LOOP_GO_ON;
}
