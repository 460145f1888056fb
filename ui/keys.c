/* keys.c - one table of keys. */
#include "keys.h"

#include <assert.h>
#include <curses.h>
#include <stddef.h>

#define CTRL(c) ((c) & 0x1f)

static const struct key_binding bindings[] = {
	[ACTION_NONE] = {{0}, "", "", NULL, NULL, NULL},
	[ACTION_UP] = {{KEY_UP, 'k'}, "Up k", "up", NULL, NULL, "Move"},
	[ACTION_DOWN] = {{KEY_DOWN, 'j'}, "Down j", "down", NULL, NULL, NULL},
	[ACTION_PAGE_UP] = {{KEY_PPAGE, CTRL('b')}, "PgUp ^B", "a screen up", NULL, NULL, NULL},
	[ACTION_PAGE_DOWN] = {{KEY_NPAGE, CTRL('f')}, "PgDn ^F", "a screen down", NULL, NULL, NULL},
	[ACTION_HOME] = {{KEY_HOME, 'g'}, "Home g", "to the first", NULL, NULL, NULL},
	[ACTION_END] = {{KEY_END, 'G'}, "End G", "to the last", NULL, NULL, NULL},
	[ACTION_ENTER] = {{KEY_ENTER, '\n', '\r', 'l', KEY_RIGHT}, "Enter l Right",
		"look closer: port, its peers, an attempt packet by packet", "Look", "Enter", "Look"},
	[ACTION_BACK] = {{27, KEY_BACKSPACE, 127, 'h', KEY_LEFT}, "Esc h Left", "back; in a list: show all again", "Back",
		"Esc", NULL},
	[ACTION_PORTS] = {{'1'}, "1", "Ports: who listens where, and why peers fail there", NULL, NULL, NULL},
	[ACTION_PEERS] = {{'2'}, "2", "Peers: who fails, how often, and at which port", NULL, NULL, NULL},
	[ACTION_FINDINGS] = {{'3'}, "3", "Findings: what went wrong, and when; listeners that came and went", NULL, NULL, NULL},
	[ACTION_HOST] = {{'4'}, "4", "Host: sources and what is missing, interfaces, counters, settings", NULL, NULL, NULL},
	[ACTION_NEXT_VIEW] = {{'\t'}, "Tab", "the next of these", "View", "Tab", NULL},
	[ACTION_PREVIOUS_VIEW] = {{KEY_BTAB}, "Shift-Tab", "the one before", NULL, NULL, NULL},
	[ACTION_SEARCH] = {{'/', KEY_F(3)}, "/ F3", "search as you type: a port, a peer, a program, the client's error message",
		"Search", "/", "Find"},
	[ACTION_SEARCH_NEXT] = {{'n'}, "n", "the next match", NULL, NULL, NULL},
	[ACTION_SEARCH_PREVIOUS] = {{'N'}, "N", "the previous match", NULL, NULL, NULL},
	[ACTION_FILTER] = {{'f', '\\', KEY_F(4)}, "f F4 \\", "show only what matches, by field or anywhere (empty: all)",
		"Filter", "f", NULL},
	[ACTION_SORT] = {{'s', KEY_F(6)}, "s F6", "choose the column to sort by", "Sort", "F6", NULL},
	[ACTION_SORT_LEFT] = {{'<', ','}, "<", "sort by the column to the left", NULL, NULL, NULL},
	[ACTION_SORT_RIGHT] = {{'>', '.'}, ">", "sort by the column to the right", NULL, NULL, NULL},
	[ACTION_REVERSE] = {{'I', 'r'}, "I r", "the other way round", NULL, NULL, NULL},
	[ACTION_ZOOM_IN] = {{'+', '='}, "+", "timeline: less time, finer", NULL, NULL, "Time"},
	[ACTION_ZOOM_OUT] = {{'-'}, "-", "timeline: more time, coarser", NULL, NULL, NULL},
	[ACTION_PAUSE] = {{'p', ' '}, "Space p", "freeze the picture; counting goes on", "Pause", "p", NULL},
	[ACTION_TRACE] = {{'t'}, "t", "in a port: trace its last failing peer through the firewall", NULL, NULL, "Do"},
	[ACTION_COPY] = {{'y'}, "y", "copy the finding to the clipboard of your terminal (OSC 52)", "Copy", "y", NULL},
	[ACTION_WRITE] = {{'w'}, "w", "write the finding to a file; in the setup: save the settings", "Write", "w", NULL},
	[ACTION_SETUP] = {{KEY_F(2), 'S'}, "F2 S", "setup: theme, columns, mouse", "Setup", "F2", "More"},
	[ACTION_MOVE_LEFT] = {{'['}, "[", "in the setup: move a column to the left", NULL, NULL, NULL},
	[ACTION_MOVE_RIGHT] = {{']'}, "]", "in the setup: move it to the right", NULL, NULL, NULL},
	[ACTION_MOUSE] = {{'m'}, "m", "mouse on or off (off: the terminal's own selection works)", NULL, NULL, NULL},
	[ACTION_HELP] = {{'?', KEY_F(1)}, "? F1", "this help", "Help", "F1", NULL},
	[ACTION_REDRAW] = {{CTRL('l')}, "^L", "draw anew", NULL, NULL, NULL},
	[ACTION_SUSPEND] = {{CTRL('z')}, "^Z", "suspend", NULL, NULL, NULL},
	[ACTION_QUIT] = {{'q', KEY_F(10), CTRL('c')}, "q F10 ^C", "quit", "Quit", "q", NULL},
};
static_assert(sizeof(bindings) / sizeof(bindings[0]) == ACTION_COUNT, "a binding for each action");

const struct key_note key_notes[] = {
	{"8080", "a number of two or more digits: to that port"},
	{NULL, NULL},
};

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
