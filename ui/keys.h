/* keys.h - one table of keys: it makes the bindings, the function bar and the help screen. */
#pragma once

enum action {
	ACTION_NONE,
	ACTION_HELP,
	ACTION_UP,
	ACTION_DOWN,
	ACTION_PAGE_UP,
	ACTION_PAGE_DOWN,
	ACTION_HOME,
	ACTION_END,
	ACTION_ENTER,
	ACTION_BACK,
	ACTION_PORTS,
	ACTION_FINDINGS,
	ACTION_HOST,
	ACTION_NEXT_VIEW,
	ACTION_SEARCH,
	ACTION_SEARCH_NEXT,
	ACTION_SEARCH_PREVIOUS,
	ACTION_FILTER,
	ACTION_SORT_LEFT,
	ACTION_SORT_RIGHT,
	ACTION_SORT,
	ACTION_TRACE,
	ACTION_PAUSE,
	ACTION_REDRAW,
	ACTION_SUSPEND,
	ACTION_QUIT,
	ACTION_COUNT,
};

enum {
	KEYS_PER_ACTION = 5,
};

struct key_binding {
	int keys[KEYS_PER_ACTION]; /* curses key codes; 0: no more */
	const char *names;         /* as the help screen has them */
	const char *help;
	const char *label; /* in the function bar, with bar as the key's name; NULL: not there */
	const char *bar;
};

/* The binding of an action; never NULL. */
const struct key_binding *key_binding(enum action a);

/* The action that a curses key code is bound to. */
enum action key_action(int key);
