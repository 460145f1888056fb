/* ui.c - the screen: which view is up, what the keys do, and when it is drawn. */
#include "ui.h"
#include "base/loop.h"
#include "base/text.h"
#include "draw.h"
#include "proc/options.h"
#include "view.h"

#include <curses.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
	VIEW_PORTS,
	VIEW_FINDINGS,
	VIEW_HOST,
	VIEW_DETAIL,
	VIEW_HELP,
	VIEW_COUNT,
	DETAIL_LINES = 5, /* below the list: what (2), what to do (2), and a rule */
	MIN_WIDTH = 40,
	MIN_HEIGHT = 10,
	ROUND_APART = 250000, /* frames for a new finding are at least this far apart */
	KEYS_AT_ONCE = 64,
};

enum prompt {
	PROMPT_NONE,
	PROMPT_SEARCH,
	PROMPT_FILTER,
	PROMPT_TRACE,
};

struct ui {
	struct store *store;
	struct ui_options options;
	FILE *in, *out;
	SCREEN *screen;
	struct view views[VIEW_COUNT];
	int up, below_help; /* the view that is up; the one under the help screen */
	int below_detail;
	bool paused, stale, resized;
	enum prompt prompt;
	char typed[PROMPT_MAX], message[60];
	struct ip trace_peer;
	uint16_t trace_port;
	bool wants_trace;
	uint64_t drawn_findings;
	int64_t drawn_at;
};

static const struct {
	const struct view_ops *ops;
	const struct column *columns;
	const int *n;
} view_table[VIEW_COUNT] = {
	[VIEW_PORTS] = {&ports_view, port_columns, &n_port_columns},
	[VIEW_FINDINGS] = {&findings_view, finding_columns, &n_finding_columns},
	[VIEW_HOST] = {&host_view, text_columns_of_view, &n_text_columns},
	[VIEW_DETAIL] = {&detail_view, text_columns_of_view, &n_text_columns},
	[VIEW_HELP] = {&help_view, text_columns_of_view, &n_text_columns},
};

static int64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * USEC + ts.tv_nsec / 1000;
}

const char *ui_library_version(void)
{
	return curses_version();
}

static bool start_curses(struct ui *ui)
{
	ui->out = fdopen(dup(ui->options.out_fd), "w");
	ui->in = fdopen(dup(ui->options.in_fd), "r");
	if (!ui->out || !ui->in)
		return false;
	ui->screen = newterm(NULL, ui->out, ui->in);
	if (!ui->screen)
		ui->screen = newterm((char *)"vt100", ui->out, ui->in); /* TERM unset or unknown */
	if (!ui->screen) {
		errno = ENOTTY;
		return false;
	}
	set_term(ui->screen);
	raw();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	theme_init();
	return true;
}

struct ui *ui_new(struct store *store, const struct ui_options *options)
{
	struct ui *ui = calloc(1, sizeof(*ui));

	if (!ui)
		return NULL;
	ui->store = store;
	ui->options = *options;
	for (int i = 0; i < VIEW_COUNT; i++) {
		ui->views[i].ops = view_table[i].ops;
		if (list_init(&ui->views[i].list, view_table[i].columns, *view_table[i].n) < 0) {
			ui_free(ui);
			errno = ENOMEM;
			return NULL;
		}
	}
	if (!start_curses(ui)) {
		int saved = errno ? errno : ENOTTY;

		ui_free(ui);
		errno = saved;
		return NULL;
	}
	return ui;
}

void ui_free(struct ui *ui)
{
	if (!ui)
		return;
	if (ui->screen) {
		endwin();
		delscreen(ui->screen);
	}
	if (ui->in)
		fclose(ui->in);
	if (ui->out)
		fclose(ui->out);
	for (int i = 0; i < VIEW_COUNT; i++)
		list_fini(&ui->views[i].list);
	free(ui);
}

static struct view *current(struct ui *ui)
{
	return &ui->views[ui->up];
}

static bool is_text(const struct ui *ui)
{
	return ui->up == VIEW_HOST || ui->up == VIEW_DETAIL || ui->up == VIEW_HELP;
}

static int list_lines(const struct ui *ui)
{
	return LINES - 3 - (is_text(ui) ? 0 : DETAIL_LINES);
}

static void draw_title(struct ui *ui)
{
	const struct store *s = ui->store;
	char left[160], right[160], when[16];
	time_t t = (time_t)(s->now / USEC);
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(when, sizeof(when), "%H:%M:%S", &tm);
	snprintf(left, sizeof(left), "tcpwhy  %s  %s%s%s%s%s", s->hello.host, when,
		ui->options.demo ? "  DEMO" : "", ui->paused ? "  PAUSED" : "",
		current(ui)->list.filter[0] ? "  filter: " : "", current(ui)->list.filter);
	snprintf(right, sizeof(right), "packets %" PRId64 " lost %" PRId64, s->totals.received,
		s->totals.lost);
	draw_text(0, 0, COLS, ROLE_TITLE, left);
	if (text_width(left) + text_width(right) + 2 <= COLS)
		draw_text(0, COLS - text_width(right), text_width(right),
			s->totals.lost ? ROLE_WARN : ROLE_TITLE, right);
}

/* What is wrong in numbers, and which sources are missing. */
static void draw_summary(struct ui *ui)
{
	const struct store *s = ui->store;
	const struct event_tick *t = &s->totals;
	char line[400];
	const char *trouble = NULL;

	for (int i = SOURCE_SOCKETS; i <= SOURCE_PACKETS; i++)
		if (strcmp(s->hello.sources[i].state, "on") != 0 && s->hello.sources[i].state[0])
			trouble = trouble ? trouble : s->hello.sources[i].why;
	if (s->ended) {
		snprintf(line, sizeof(line), "End of the stream: %s", s->ended_why);
		draw_text(1, 0, COLS, ROLE_WARN, line);
	} else if (trouble) {
		snprintf(line, sizeof(line), "! %s", trouble);
		draw_text(1, 0, COLS, ROLE_WARN, line);
	} else {
		snprintf(line, sizeof(line), "accepted %" PRId64 "  refused %" PRId64 "  reset %" PRId64
			"  silent %" PRId64 "  unreachable %" PRId64 "  unfinished %" PRId64, t->accepted, t->refused,
			t->reset, t->silent, t->unreachable, t->unfinished);
		if (t->evicted || t->untracked)
			text_append(line, sizeof(line), "  untracked %" PRId64, t->evicted + t->untracked);
		draw_text(1, 0, COLS, ROLE_NORMAL, line);
	}
}

static int draw_wrapped(int y, int lines, enum role role, const char *text)
{
	const char *p = text, *next;

	for (int i = 0; i < lines; i++) {
		char part[1024];
		size_t n = i + 1 < lines ? draw_wrap(p, COLS, &next) : strlen(p);

		snprintf(part, sizeof(part), "%.*s", (int)n, p);
		draw_text(y + i, 0, COLS, role, part);
		p = i + 1 < lines ? next : "";
	}
	return y + lines;
}

static void draw_detail(struct ui *ui)
{
	struct view *v = current(ui);
	const struct row *row = v->list.n_rows ? &v->list.rows[v->list.selected] : NULL;
	char what[700] = "", todo[700] = "";
	int y = LINES - 1 - DETAIL_LINES;

	draw_rule(y, COLS);
	if (row && v->ops->detail)
		v->ops->detail(v, ui->store, row, what, sizeof(what), todo, sizeof(todo));
	y = draw_wrapped(y + 1, 2, ROLE_STRONG, what);
	draw_wrapped(y, 2, ROLE_NORMAL, todo);
}

static void draw_bar(struct ui *ui)
{
	int x = 0;
	char text[2 * PROMPT_MAX + IP_TEXT + 100];

	if (ui->prompt == PROMPT_TRACE) {
		char peer[IP_TEXT];

		snprintf(text, sizeof(text), "Trace %s to port %u by a temporary nftables table, for 30 s? y/n",
			ip_format(&ui->trace_peer, peer, sizeof(peer)), ui->trace_port);
		draw_text(LINES - 1, 0, COLS, ROLE_STRONG, text);
		return;
	}
	if (ui->prompt != PROMPT_NONE) {
		snprintf(text, sizeof(text), "%s: %s_  %s", ui->prompt == PROMPT_SEARCH ? "Search" : "Filter",
			ui->typed, ui->message);
		draw_text(LINES - 1, 0, COLS, ROLE_STRONG, text);
		return;
	}
	draw_text(LINES - 1, 0, COLS, ROLE_NORMAL, "");
	for (int a = 1; a < ACTION_COUNT; a++) {
		const struct key_binding *b = key_binding((enum action)a);
		int key, label;

		if (!b->label)
			continue;
		key = text_width(b->bar);
		label = text_width(b->label) + 1;
		if (x + key + label > COLS)
			break;
		draw_text(LINES - 1, x, key, ROLE_KEY, b->bar);
		draw_text(LINES - 1, x + key, label, ROLE_LABEL, b->label);
		x += key + label;
	}
	if (ui->message[0] && x + 1 < COLS)
		draw_text(LINES - 1, x + 1, COLS - x - 1, ROLE_WARN, ui->message);
}

static void draw_too_small(void)
{
	erase();
	draw_text(0, 0, COLS, ROLE_NORMAL, "tcpwhy: too small");
	if (LINES > 1)
		draw_text(1, 0, COLS, ROLE_NORMAL, "(40x10 needed)");
}

static int draw(struct ui *ui)
{
	struct view *v = current(ui);

	if (COLS < MIN_WIDTH || LINES < MIN_HEIGHT) {
		draw_too_small();
	} else {
		draw_title(ui);
		draw_summary(ui);
		list_draw(&v->list, 2, list_lines(ui), COLS, !is_text(ui), !is_text(ui));
		if (!is_text(ui))
			draw_detail(ui);
		draw_bar(ui);
		if (!is_text(ui))
			move(3 + v->list.selected - v->list.top, 0);
	}
	refresh();
	ui->drawn_findings = ui->store->n_findings;
	ui->drawn_at = monotonic();
	return ferror(ui->out) ? -EIO : 0;
}

static void renew(struct ui *ui)
{
	struct view *v = current(ui);

	v->width = COLS > 2 ? COLS : 2;
	v->ops->fill(v, ui->store);
	list_settle(&v->list);
	ui->stale = false;
}

int ui_frame(struct ui *ui)
{
	if (ui->resized) {
		struct winsize size;

		ui->resized = false;
		if (ioctl(ui->options.out_fd, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
			resizeterm(size.ws_row, size.ws_col);
		clearok(stdscr, TRUE);
		ui->stale = true;
	}
	if (!ui->paused || ui->stale)
		renew(ui);
	return draw(ui);
}

int ui_round(struct ui *ui)
{
	if (ui->paused || ui->store->n_findings == ui->drawn_findings ||
		monotonic() - ui->drawn_at < ROUND_APART)
		return 0;
	return ui_frame(ui);
}

void ui_resize(struct ui *ui)
{
	ui->resized = true;
}

static void go_to(struct ui *ui, int view)
{
	ui->up = view;
	ui->stale = true;
}

static void look_closer(struct ui *ui)
{
	struct view *v = current(ui), *detail = &ui->views[VIEW_DETAIL];
	const struct row *row = v->list.n_rows ? &v->list.rows[v->list.selected] : NULL;
	const struct store_finding *f;

	if (!row || is_text(ui))
		return;
	detail->port = row->id;
	detail->finding = 0;
	if (ui->up == VIEW_FINDINGS) {
		f = store_finding(ui->store, (uint64_t)row->id);
		if (!f)
			return;
		detail->port = f->place;
		detail->finding = f->type == EVENT_LISTENER ? 0 : (uint64_t)row->id;
	}
	detail->list.top = detail->list.selected = 0;
	detail->list.selected_id = 0;
	detail->list.moved = false;
	ui->below_detail = ui->up;
	go_to(ui, VIEW_DETAIL);
}

static void back(struct ui *ui)
{
	if (ui->up == VIEW_HELP)
		go_to(ui, ui->below_help);
	else if (ui->up == VIEW_DETAIL)
		go_to(ui, ui->below_detail);
	else if (current(ui)->list.filter[0]) {
		current(ui)->list.filter[0] = '\0';
		ui->stale = true;
	}
}

/* Text has no selected row: the keys that move scroll it. */
static void scroll_text(struct ui *ui, enum action a)
{
	struct list *l = &current(ui)->list;
	int height = list_lines(ui);
	int step = a == ACTION_UP ? -1 : a == ACTION_DOWN ? 1 : a == ACTION_PAGE_UP ? 1 - height :
		a == ACTION_PAGE_DOWN ? height - 1 : a == ACTION_HOME ? -l->n_rows : l->n_rows;
	int top = l->top + step;

	if (top > l->n_rows - height)
		top = l->n_rows - height;
	l->top = top < 0 ? 0 : top;
	l->selected = l->top;
	l->moved = true;
	l->selected_id = l->top;
}

static void sort_by(struct ui *ui, int step)
{
	struct list *l = &current(ui)->list;

	if (is_text(ui))
		return;
	l->sort += step;
	if (l->sort >= l->n_columns)
		l->sort = -1;
	if (l->sort < -1)
		l->sort = l->n_columns - 1;
	snprintf(ui->message, sizeof(ui->message), "sorted by %s",
		l->sort < 0 ? "trouble" : l->columns[l->sort].title);
	ui->stale = true;
}

static void search(struct ui *ui, int step, bool from_here)
{
	struct list *l = &current(ui)->list;

	if (!l->search[0] || l->n_rows == 0)
		return;
	if (!list_search(l, step, from_here))
		text_copy(ui->message, sizeof(ui->message), "not found");
	else if (is_text(ui))
		l->top = l->selected;
}

/* Asks first: it changes the ruleset while it runs. */
static void ask_trace(struct ui *ui)
{
	const struct view *v = current(ui);
	const struct store_port *p = store_port(ui->store, v->port);
	const struct store_finding *f = store_finding(ui->store, v->finding ? v->finding : p ? p->finding : 0);

	if (ui->up != VIEW_DETAIL)
		text_copy(ui->message, sizeof(ui->message), "look at a port first (Enter)");
	else if (!ui->options.live || store_netns(ui->store, v->port)[0])
		text_copy(ui->message, sizeof(ui->message), "only for ports of this host, while it is watched");
	else if (!f || f->type == EVENT_LISTENER || strcmp(f->attempt.dir, "in") != 0 ||
		 ip_parse(f->attempt.peer, &ui->trace_peer) < 0)
		text_copy(ui->message, sizeof(ui->message), "no single peer has failed here");
	else {
		ui->trace_port = (uint16_t)f->attempt.port;
		ui->prompt = PROMPT_TRACE;
	}
}

bool ui_wants_trace(struct ui *ui, struct ip *ret_peer, uint16_t *ret_port)
{
	bool wants = ui->wants_trace;

	ui->wants_trace = false;
	*ret_peer = ui->trace_peer;
	*ret_port = ui->trace_port;
	return wants;
}

static void suspend(struct ui *ui)
{
	def_prog_mode();
	endwin();
	raise(SIGSTOP); /* the broker follows */
	reset_prog_mode();
	ui->resized = true;
}

static int act(struct ui *ui, enum action a)
{
	ui->message[0] = '\0';
	switch (a) {
	case ACTION_UP:
	case ACTION_DOWN:
	case ACTION_PAGE_UP:
	case ACTION_PAGE_DOWN:
	case ACTION_HOME:
	case ACTION_END:
		if (is_text(ui))
			scroll_text(ui, a);
		else
			list_move(&current(ui)->list, a, list_lines(ui) - 1);
		break;
	case ACTION_HELP:
		if (ui->up != VIEW_HELP)
			ui->below_help = ui->up;
		go_to(ui, VIEW_HELP);
		break;
	case ACTION_ENTER:
		look_closer(ui);
		break;
	case ACTION_BACK:
		back(ui);
		break;
	case ACTION_PORTS:
		go_to(ui, VIEW_PORTS);
		break;
	case ACTION_FINDINGS:
		go_to(ui, VIEW_FINDINGS);
		break;
	case ACTION_HOST:
		go_to(ui, VIEW_HOST);
		break;
	case ACTION_NEXT_VIEW:
		go_to(ui, ui->up == VIEW_PORTS ? VIEW_FINDINGS : ui->up == VIEW_FINDINGS ? VIEW_HOST : VIEW_PORTS);
		break;
	case ACTION_SEARCH:
	case ACTION_FILTER:
		if (a == ACTION_FILTER && is_text(ui))
			break;
		ui->prompt = a == ACTION_SEARCH ? PROMPT_SEARCH : PROMPT_FILTER;
		ui->typed[0] = '\0';
		break;
	case ACTION_SEARCH_NEXT:
		search(ui, 1, false);
		break;
	case ACTION_SEARCH_PREVIOUS:
		search(ui, -1, false);
		break;
	case ACTION_SORT_LEFT:
		sort_by(ui, -1);
		break;
	case ACTION_SORT_RIGHT:
	case ACTION_SORT:
		sort_by(ui, 1);
		break;
	case ACTION_TRACE:
		ask_trace(ui);
		break;
	case ACTION_PAUSE:
		ui->paused = !ui->paused;
		break;
	case ACTION_REDRAW:
		ui->resized = true;
		break;
	case ACTION_SUSPEND:
		suspend(ui);
		break;
	case ACTION_QUIT:
		return EXIT_DONE;
	case ACTION_NONE:
	case ACTION_COUNT:
		break;
	}
	return LOOP_GO_ON;
}

/* A key while a prompt is open. */
static void type(struct ui *ui, int key)
{
	struct list *l = &current(ui)->list;
	size_t n = strlen(ui->typed);

	if (key == 27 || key == ('c' & 0x1f)) {
		ui->prompt = PROMPT_NONE;
		return;
	}
	if (ui->prompt == PROMPT_TRACE) {
		ui->wants_trace = key == 'y' || key == 'Y';
		text_copy(ui->message, sizeof(ui->message), ui->wants_trace ? "traced: wait for a SYN" : "");
		ui->prompt = PROMPT_NONE;
		return;
	}
	if (key == KEY_BACKSPACE || key == 127 || key == 8) {
		while (n > 0 && ((unsigned char)ui->typed[n - 1] & 0xc0) == 0x80)
			n--;
		ui->typed[n > 0 ? n - 1 : 0] = '\0';
	} else if (key == '\n' || key == '\r' || key == KEY_ENTER) {
		if (ui->prompt == PROMPT_FILTER)
			text_clean(l->filter, sizeof(l->filter), ui->typed, n);
		ui->prompt = PROMPT_NONE;
		ui->stale = true;
		return;
	} else if (key >= 32 && key < 256 && key != 127 && n + 1 < sizeof(ui->typed)) {
		ui->typed[n] = (char)key;
		ui->typed[n + 1] = '\0';
	}
	if (ui->prompt == PROMPT_SEARCH) {
		text_copy(l->search, sizeof(l->search), ui->typed);
		ui->message[0] = '\0';
		search(ui, 1, true);
	}
}

int ui_input(struct ui *ui)
{
	for (int i = 0; i < KEYS_AT_ONCE; i++) {
		int key = getch(), r = LOOP_GO_ON;

		if (key == ERR)
			return feof(ui->in) || ferror(ui->in) ? EXIT_FAILED : LOOP_GO_ON;
		if (key == KEY_RESIZE)
			ui->resized = true;
		else if (ui->prompt != PROMPT_NONE)
			type(ui, key);
		else
			r = act(ui, key_action(key));
		if (r != LOOP_GO_ON)
			return r;
		if (ui->stale) /* the next key works on the view that it sees */
			renew(ui);
	}
	return LOOP_GO_ON;
}
