/* ui.c - the screen: taking the terminal over, drawing frames, reading keys. */
#include "base/loop.h"
#include "base/text.h"
#include "draw.h"
#include "format.h"
#include "proc/options.h"
#include "state.h"

#include <curses.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
	MIN_WIDTH = 40,
	MIN_HEIGHT = 10,
	TITLE_LINES = 2,
	ROUND_APART = 250000, /* frames for a new finding are at least this far apart ... */
	FIRST_APART = 15000,  /* ... and those of the first second */
	KEYS_AT_ONCE = 64,
	NUMBER_FOR = 1000000, /* the digits of a port come within this of each other */
};

static const struct view_ops *const all_views[VIEW_COUNT] = {
	[VIEW_PORTS] = &ports_view,
	[VIEW_PEERS] = &peers_view,
	[VIEW_FINDINGS] = &findings_view,
	[VIEW_HOST] = &host_view,
	[VIEW_PORT] = &port_view,
	[VIEW_PEER] = &peer_view,
	[VIEW_ATTEMPT] = &attempt_view,
	[VIEW_SETUP] = &setup_view,
	[VIEW_HELP] = &help_view,
};

const struct view_ops *view_ops(enum view_id id)
{
	return all_views[id];
}

int64_t ui_monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * USEC + ts.tv_nsec / 1000;
}

const char *ui_library_version(void)
{
	return curses_version();
}

void ui_say(struct ui *ui, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ui->message, sizeof(ui->message), format, args);
	va_end(args);
}

void ui_tell(struct ui *ui, const char *words)
{
	text_copy(ui->message, sizeof(ui->message), words);
}

void ui_configure(struct ui *ui)
{
	theme_set(ui->settings.theme, strcmp(ui->settings.ascii, "yes") == 0);
	for (int i = 0; i < VIEW_COUNT; i++)
		if (ui->views[i].list.columns)
			list_configure(&ui->views[i].list, ui->settings.columns[all_views[i]->list],
				ui->settings.sort[all_views[i]->list]);
	mousemask(ui->settings.mouse ? BUTTON1_CLICKED | BUTTON1_PRESSED | BUTTON1_DOUBLE_CLICKED | BUTTON4_PRESSED |
		BUTTON5_PRESSED : 0, NULL);
	mouseinterval(ui->settings.mouse ? 150 : 0);
	curs_set(ui->settings.cursor ? 1 : 0);
	clearok(stdscr, TRUE);
	ui->stale = true;
}

/* Keys as terminals send them that are not quite of the type they say they are. */
static void define_more_keys(void)
{
	static const struct {
		const char *sequence;
		int key;
	} keys[] = {
		{"\033[A", KEY_UP}, {"\033[B", KEY_DOWN}, {"\033[C", KEY_RIGHT}, {"\033[D", KEY_LEFT}, {"\033OA", KEY_UP},
		{"\033OB", KEY_DOWN}, {"\033OC", KEY_RIGHT}, {"\033OD", KEY_LEFT}, {"\033[H", KEY_HOME}, {"\033[F", KEY_END},
		{"\033OH", KEY_HOME}, {"\033OF", KEY_END}, {"\033[1~", KEY_HOME}, {"\033[4~", KEY_END}, {"\033[7~", KEY_HOME},
		{"\033[8~", KEY_END}, {"\033[5~", KEY_PPAGE}, {"\033[6~", KEY_NPAGE}, {"\033[Z", KEY_BTAB},
		{"\033OP", KEY_F(1)}, {"\033OQ", KEY_F(2)}, {"\033OR", KEY_F(3)}, {"\033OS", KEY_F(4)}, {"\033[11~", KEY_F(1)},
		{"\033[12~", KEY_F(2)}, {"\033[13~", KEY_F(3)}, {"\033[14~", KEY_F(4)}, {"\033[17~", KEY_F(6)},
		{"\033[21~", KEY_F(10)},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (key_defined(keys[i].sequence) == 0)
			define_key(keys[i].sequence, keys[i].key);
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
	define_more_keys();
	ui_configure(ui);
	return true;
}

struct ui *ui_new(struct store *store, const struct ui_options *options)
{
	struct ui *ui = calloc(1, sizeof(*ui));

	if (!ui)
		return NULL;
	ui->store = store;
	ui->started = ui_monotonic();
	ui->options = *options;
	ui->settings = options->settings;
	ui->hint = options->hint;
	for (int i = 0; i < VIEW_COUNT; i++) {
		ui->views[i].ops = all_views[i];
		ui->views[i].store = store;
		ui->views[i].filter = &ui->filter;
		ui->views[i].settings = &ui->settings;
		if (list_init(&ui->views[i].list, all_views[i]) < 0) {
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
	store_free(ui->frozen);
	free(ui);
}

/* Below a list: what is, and what to do, of the selected row. */
static int detail_lines(void)
{
	return LINES >= 43 ? 9 : LINES >= 30 ? 7 : 5;
}

int ui_list_lines(const struct ui *ui)
{
	return LINES - TITLE_LINES - 1 - (ui->views[ui->up].list.rows ? detail_lines() : 1);
}

static void draw_tabs(const struct ui *ui, int from)
{
	int x = COLS, top = ui->depth > 0 ? (int)ui->stack[0].view : (int)ui->up;

	for (int i = VIEW_TOP - 1; i >= 0; i--) {
		char tab[24];
		int w = snprintf(tab, sizeof(tab), i == top ? "[%d %s]" : " %d %s ", i + 1, all_views[i]->name);

		if (x - w < from)
			continue;
		x -= w;
		draw_text(0, x, w, i == top ? ROLE_TAB : ROLE_TITLE, tab);
	}
}

static void draw_title(struct ui *ui)
{
	const struct store *s = ui_shown(ui);
	char left[160], when[16];

	snprintf(left, sizeof(left), "tcpwhy %s %s%s%s", s->hello.host, format_clock(s->now, when, sizeof(when)),
		ui->options.demo ? " DEMO" : "", ui->paused ? " PAUSED" : "");
	draw_text(0, 0, COLS, ROLE_TITLE, left);
	draw_tabs(ui, text_width(left) + 1);
}

/* What is wrong in numbers, and which sources are missing. */
static void draw_summary(struct ui *ui)
{
	const struct store *s = ui_shown(ui);
	const struct event_tick *t = &s->totals;
	char line[400], right[PROMPT_MAX + 12] = "";
	const char *trouble = NULL;
	enum role role = ROLE_WARN;
	int width;

	for (int i = SOURCE_SOCKETS; i <= SOURCE_PACKETS; i++)
		if (strcmp(s->hello.sources[i].state, "on") != 0 && s->hello.sources[i].state[0])
			trouble = trouble ? trouble : s->hello.sources[i].why;
	if (s->ended) {
		snprintf(line, sizeof(line), "End of the stream: %s", s->ended_why);
	} else if (trouble) {
		snprintf(line, sizeof(line), "! %s", trouble);
	} else {
		role = t->lost ? ROLE_WARN : ROLE_NORMAL;
		line[0] = '\0';
		if (t->lost)
			text_append(line, sizeof(line), "! %" PRId64 " packets lost  ", t->lost);
		text_append(line, sizeof(line), "accepted %" PRId64 "  refused %" PRId64 "  reset %" PRId64
			"  silent %" PRId64 "  unreachable %" PRId64 "  unfinished %" PRId64, t->accepted, t->refused,
			t->reset, t->silent, t->unreachable, t->unfinished);
		if (t->evicted || t->untracked)
			text_append(line, sizeof(line), "  untracked %" PRId64, t->evicted + t->untracked);
	}
	if (ui->filter.n > 0)
		snprintf(right, sizeof(right), " filter: %s", ui->filter_text);
	width = text_width(right) < COLS / 2 ? text_width(right) : COLS / 2;
	draw_text(1, 0, COLS - width, role, line);
	draw_text(1, COLS - width, width, ROLE_STRONG, right);
}

/* A text in as many lines as it needs, lines at most; returns the line after it. */
static int draw_wrapped(int y, int lines, enum role role, const char *text)
{
	const char *p = text, *next;

	for (int i = 0; i < lines && *p; i++, y++) {
		char part[1400];
		size_t n = i + 1 < lines ? draw_wrap(p, COLS, &next) : strlen(p);

		snprintf(part, sizeof(part), "%.*s", (int)n, p);
		draw_text(y, 0, COLS, role, part);
		p = i + 1 < lines ? next : "";
	}
	return y;
}

/* The evidence of the selected row's finding, as far as there is room. */
static int draw_evidence(const struct view *v, int y, int end)
{
	uint64_t number = v->ops->finding && v->list.n > 0 ? v->ops->finding(v, v->list.rows[v->list.selected].id) : 0;
	const struct store_finding *f = store_finding(v->store, number);

	for (int i = 0; tell_is_failure(f) && i < EVENT_EVIDENCE && f->attempt.evidence[i].source[0] && y < end; i++, y++) {
		char line[300];

		snprintf(line, sizeof(line), "%-9s %s", f->attempt.evidence[i].source, f->attempt.evidence[i].text);
		draw_text(y, 0, COLS, ROLE_DIM, line);
	}
	return y;
}

static void draw_detail(struct ui *ui)
{
	struct view *v = ui_view(ui);
	char what[700] = "", todo[1300] = "", where[32];
	int y = LINES - 1 - detail_lines(), end = LINES - 1;

	draw_rule(y, COLS);
	snprintf(where, sizeof(where), " %d of %d ", v->list.selected + 1, v->list.n);
	if (v->list.n > 0)
		draw_text(y, COLS - (int)strlen(where) - 2, (int)strlen(where), ROLE_DIM, where);
	if (v->list.n > 0)
		v->ops->detail(v, v->list.rows[v->list.selected].id, what, sizeof(what), todo, sizeof(todo));
	else if (ui->filter.n > 0)
		text_copy(what, sizeof(what), "Nothing matches the filter. Esc shows all again.");
	else if (ui->up == VIEW_FINDINGS || ui->up == VIEW_PEERS)
		text_copy(what, sizeof(what), "Nothing has gone wrong, and nobody has come, since the watch began.");
	y = draw_wrapped(y + 1, (detail_lines() - 1) / 2, ROLE_STRONG, what);
	y = draw_wrapped(y, end - y, ROLE_NORMAL, todo);
	for (y = draw_evidence(v, y, end); y < end; y++)
		draw_text(y, 0, COLS, ROLE_NORMAL, "");
}

static void draw_page_title(struct ui *ui)
{
	struct view *v = ui_view(ui);
	char text[300] = "", where[32] = "";

	v->ops->title(v, text, sizeof(text));
	if (v->list.n > ui_list_lines(ui))
		snprintf(where, sizeof(where), "%d-%d of %d", v->list.top + 1, v->list.top + ui_list_lines(ui) < v->list.n ?
			v->list.top + ui_list_lines(ui) : v->list.n, v->list.n);
	draw_text(TITLE_LINES, 0, COLS, ROLE_HEADER, text);
	if (text_width(text) + text_width(where) + 2 <= COLS)
		draw_text(TITLE_LINES, COLS - text_width(where), text_width(where), ROLE_HEADER, where);
}

static int label_width(enum action a)
{
	const struct key_binding *b = key_binding(a);

	return b->label ? text_width(b->bar) + text_width(b->label) + 1 : 0;
}

/* Calls back for each label of the function bar that fits: how to get help first, how to leave last, and always. */
static void lay_out_bar(int width, void (*place)(void *ctx, enum action a, int x, int key, int label), void *ctx)
{
	int x = 0, room = width - label_width(ACTION_QUIT);

	for (int i = 0; i < ACTION_COUNT; i++) {
		enum action a = i == 0 ? ACTION_HELP : (enum action)i;
		int w = label_width(a);

		if (w == 0 || (i > 0 && (a == ACTION_HELP || a == ACTION_QUIT)) || x + w > room)
			continue;
		place(ctx, a, x, text_width(key_binding(a)->bar), text_width(key_binding(a)->label) + 1);
		x += w;
	}
	place(ctx, ACTION_QUIT, x, text_width(key_binding(ACTION_QUIT)->bar), text_width(key_binding(ACTION_QUIT)->label) + 1);
}

static void draw_label(void *ctx, enum action a, int x, int key, int label)
{
	int *end = ctx;

	draw_text(LINES - 1, x, key, ROLE_KEY, key_binding(a)->bar);
	draw_text(LINES - 1, x + key, label, ROLE_LABEL, key_binding(a)->label);
	*end = x + key + label;
}

struct hit {
	int x;
	enum action a;
};

static void hit_label(void *ctx, enum action a, int x, int key, int label)
{
	struct hit *hit = ctx;

	if (hit->x >= x && hit->x < x + key + label)
		hit->a = a;
}

enum action ui_bar_at(int x, int width)
{
	struct hit hit = {x, ACTION_NONE};

	lay_out_bar(width, hit_label, &hit);
	return hit.a;
}

static void draw_bar(struct ui *ui)
{
	int end = 0;

	if (ui->prompt != PROMPT_NONE) {
		prompt_draw(ui, LINES - 1, COLS);
	} else if (ui->hint) {
		draw_text(LINES - 1, 0, COLS, ROLE_LABEL,
			"New here? Enter looks closer, Esc goes back, ? lists all keys, q quits.");
	} else if (ui->message[0]) {
		draw_text(LINES - 1, 0, COLS, ROLE_STRONG, ui->message);
	} else if (ui->number[0] && ui->number[1]) {
		ui_say(ui, "Port %s_", ui->number);
		draw_text(LINES - 1, 0, COLS, ROLE_STRONG, ui->message);
		ui->message[0] = '\0';
	} else {
		draw_text(LINES - 1, 0, COLS, ROLE_NORMAL, "");
		lay_out_bar(COLS, draw_label, &end);
		draw_text(LINES - 1, end, COLS - end, ROLE_LABEL, "");
	}
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
	struct view *v = ui_view(ui);

	v->width = COLS > 2 ? COLS : 2;
	if (COLS < MIN_WIDTH || LINES < MIN_HEIGHT) {
		draw_too_small();
	} else {
		bool rows = v->list.rows != NULL;

		list_draw(v, TITLE_LINES + !rows, ui_list_lines(ui));
		draw_title(ui);
		draw_summary(ui);
		if (rows)
			draw_detail(ui);
		else
			draw_page_title(ui);
		draw_bar(ui);
		move(TITLE_LINES + 1 + v->list.selected - v->list.top, 0);
	}
	refresh();
	ui->drawn_news = ui->store->news;
	ui->drawn_at = ui_monotonic();
	return ferror(ui->out) ? -EIO : 0;
}

void ui_renew(struct ui *ui)
{
	struct view *v = ui_view(ui);

	v->store = ui_shown(ui);
	v->width = COLS > 2 ? COLS : 2;
	v->zoom = ui->zoom;
	list_clear(&v->list);
	v->ops->fill(v);
	list_settle(v);
	ui->stale = false;
}

static void take_size(struct ui *ui)
{
	struct winsize size;

	ui->resized = false;
	if (ioctl(ui->options.out_fd, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
	clearok(stdscr, TRUE);
	ui->stale = true;
}

static int draw_again(struct ui *ui, bool renew)
{
	if (ui->resized)
		take_size(ui);
	if (ui->number[0] && ui_monotonic() - ui->number_at > NUMBER_FOR)
		ui->number[0] = '\0';
	if ((renew && !ui->paused) || ui->stale)
		ui_renew(ui);
	return draw(ui);
}

int ui_frame(struct ui *ui)
{
	return draw_again(ui, true);
}

int ui_round(struct ui *ui)
{
	int64_t now = ui_monotonic();

	/* At the start what is there comes bit by bit, and somebody waits for it. */
	if (ui->paused || ui->store->news == ui->drawn_news ||
		now - ui->drawn_at < (now - ui->started < USEC ? FIRST_APART : ROUND_APART))
		return 0;
	return ui_frame(ui);
}

void ui_resize(struct ui *ui)
{
	ui->resized = true;
}

bool ui_wants_trace(struct ui *ui, struct ip *ret_peer, uint16_t *ret_port)
{
	bool wants = ui->wants_trace;

	ui->wants_trace = false;
	*ret_peer = ui->trace_peer;
	*ret_port = ui->trace_port;
	return wants;
}

enum ui_file ui_wants_file(struct ui *ui, const char **ret_name, const char **ret_text)
{
	enum ui_file file = ui->file;

	ui->file = UI_FILE_NONE;
	*ret_name = ui->file_name;
	*ret_text = ui->file_text;
	return file;
}

void ui_save_settings(struct ui *ui)
{
	struct settings s = ui->options.file;

	settings_merge(&s, &ui->options.settings, &ui->settings);
	ui->file = UI_FILE_SETTINGS;
	settings_format(&s, ui->file_text, sizeof(ui->file_text));
}

/* The hint is over with the first key, and never comes back: its place is where the settings are. */
static void end_hint(struct ui *ui)
{
	if (!ui->hint)
		return;
	ui->hint = false;
	ui_save_settings(ui);
}

static int take_key(struct ui *ui, int key)
{
	bool digit = key >= '0' && key <= '9' && (key <= '4' ? ui->number[0] != '\0' : true);

	if (key == KEY_RESIZE) {
		ui->resized = true;
		return LOOP_GO_ON;
	}
	end_hint(ui);
	ui->message[0] = '\0';
	if (ui->number[0] && ui_monotonic() - ui->number_at > NUMBER_FOR)
		ui->number[0] = '\0', digit = key >= '5' && key <= '9';
	if (ui->prompt != PROMPT_NONE) {
		prompt_key(ui, key);
		return LOOP_GO_ON;
	}
	if (key == KEY_MOUSE)
		return command_mouse(ui);
	if (digit || (key >= '1' && key <= '4')) {
		command_digit(ui, key - '0');
		return LOOP_GO_ON;
	}
	ui->number[0] = '\0';
	return command_do(ui, key_action(key));
}

int ui_input(struct ui *ui)
{
	for (int i = 0; i < KEYS_AT_ONCE; i++) {
		int key = getch(), r;

		if (key == ERR && (feof(ui->in) || ferror(ui->in)))
			return EXIT_FAILED;
		if (key == ERR)
			break;
		r = take_key(ui, key);
		if (r != LOOP_GO_ON)
			return r;
		if (ui->stale) /* the next key works on the view that it sees */
			ui_renew(ui);
	}
	return draw_again(ui, false) < 0 ? EXIT_FAILED : LOOP_GO_ON;
}
