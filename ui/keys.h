/* keys.h - one table of keys: it makes the bindings, the function bar, the help screen and the manual's section. */
#pragma once

enum action {
	ACTION_NONE,
	ACTION_UP,
	ACTION_DOWN,
	ACTION_PAGE_UP,
	ACTION_PAGE_DOWN,
	ACTION_HOME,
	ACTION_END,
	ACTION_ENTER,
	ACTION_BACK,
	ACTION_PORTS,
	ACTION_PEERS,
	ACTION_FINDINGS,
	ACTION_HOST,
	ACTION_NEXT_VIEW,
	ACTION_PREVIOUS_VIEW,
	ACTION_SEARCH,
	ACTION_SEARCH_NEXT,
	ACTION_SEARCH_PREVIOUS,
	ACTION_FILTER,
	ACTION_SORT,
	ACTION_SORT_LEFT,
	ACTION_SORT_RIGHT,
	ACTION_REVERSE,
	ACTION_ZOOM_IN,
	ACTION_ZOOM_OUT,
	ACTION_PAUSE,
	ACTION_TRACE,
	ACTION_COPY,
	ACTION_WRITE,
	ACTION_SETUP,
	ACTION_MOVE_LEFT,
	ACTION_MOVE_RIGHT,
	ACTION_MOUSE,
	ACTION_HELP,
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
	const char *group; /* of the first of a group, on the help screen and in the manual */
};

/* The binding of an action; never NULL. */
const struct key_binding *key_binding(enum action a);

/* The action that a curses key code is bound to. */
enum action key_action(int key);

/* What is bound to no single key: lines of "names" and "help", ended by NULL names. */
extern const struct key_note {
	const char *names, *help;
} key_notes[];
