/* keys.c - one table of keys. */
#include "keys.h"

#include <assert.h>
#include <curses.h>
#include <stddef.h>

#define CTRL(c) ((c) & 0x1f)

static const struct key_binding bindings[] = {
	[ACTION_NONE] = {{0}, "", "", NULL, NULL},
	[ACTION_HELP] = {{'?', KEY_F(1)}, "? F1", "this help", "Help", "F1"},
	[ACTION_UP] = {{KEY_UP, 'k'}, "Up k", "up", NULL, NULL},
	[ACTION_DOWN] = {{KEY_DOWN, 'j'}, "Down j", "down", NULL, NULL},
	[ACTION_PAGE_UP] = {{KEY_PPAGE, CTRL('b')}, "PgUp ^B", "a screen up", NULL, NULL},
	[ACTION_PAGE_DOWN] = {{KEY_NPAGE, CTRL('f')}, "PgDn ^F", "a screen down", NULL, NULL},
	[ACTION_HOME] = {{KEY_HOME, 'g'}, "Home g", "to the first", NULL, NULL},
	[ACTION_END] = {{KEY_END, 'G'}, "End G", "to the last", NULL, NULL},
	[ACTION_ENTER] = {{KEY_ENTER, '\n', '\r', 'l', KEY_RIGHT}, "Enter l Right", "look closer", "Look", "Enter"},
	[ACTION_BACK] = {{27, KEY_BACKSPACE, 'h', KEY_LEFT}, "Esc h Left", "back", "Back", "Esc"},
	[ACTION_PORTS] = {{'1'}, "1", "ports", NULL, NULL},
	[ACTION_FINDINGS] = {{'2'}, "2", "findings: what went wrong, and when", NULL, NULL},
	[ACTION_HOST] = {{'3'}, "3", "host: sources, and what is missing", NULL, NULL},
	[ACTION_NEXT_VIEW] = {{'\t'}, "Tab", "the next view", "View", "Tab"},
	[ACTION_SEARCH] = {{'/', KEY_F(3)}, "/ F3", "search: a port, a peer, a program, or the client's "
		"error message", "Search", "/"},
	[ACTION_SEARCH_NEXT] = {{'n'}, "n", "the next match", NULL, NULL},
	[ACTION_SEARCH_PREVIOUS] = {{'N'}, "N", "the previous match", NULL, NULL},
	[ACTION_FILTER] = {{'f', KEY_F(4)}, "f F4", "show only what matches (empty: all)", "Filter", "f"},
	[ACTION_SORT_LEFT] = {{'<'}, "<", "sort by the column to the left", NULL, NULL},
	[ACTION_SORT_RIGHT] = {{'>'}, ">", "sort by the column to the right", NULL, NULL},
	[ACTION_SORT] = {{KEY_F(6)}, "F6", "sort by the next column", "Sort", "F6"},
	[ACTION_TRACE] = {{'t'}, "t", "in a port: trace its last failing peer through the firewall", NULL, NULL},
	[ACTION_PAUSE] = {{'p', ' '}, "Space p", "freeze the picture; counting goes on", "Pause", "p"},
	[ACTION_REDRAW] = {{CTRL('l')}, "^L", "draw anew", NULL, NULL},
	[ACTION_SUSPEND] = {{CTRL('z')}, "^Z", "suspend", NULL, NULL},
	[ACTION_QUIT] = {{'q', KEY_F(10), CTRL('c')}, "q F10 ^C", "quit", "Quit", "q"},
};
static_assert(sizeof(bindings) / sizeof(bindings[0]) == ACTION_COUNT, "a binding for each action");

const struct key_binding *key_binding(enum action a)
{
	return &bindings[a];
}

enum action key_action(int key)
{
	for (int a = 1; a < ACTION_COUNT; a++)
		for (int i = 0; i < KEYS_PER_ACTION && bindings[a].keys[i]; i++)
			if (bindings[a].keys[i] == key)
				return (enum action)a;
	return ACTION_NONE;
}
