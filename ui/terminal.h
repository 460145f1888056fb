/* terminal.h - the terminal as it was found, and how to put it back when curses no longer can. */
#pragma once

struct terminal_state;

/*
 * Keeps the line settings of fd and the strings that leave full-screen mode (terminfo's rmcup, cnorm, sgr0,
 * rmkx). NULL when fd is no terminal, or of a type that is known not to be able to draw (TERM=dumb).
 */
struct terminal_state *terminal_save(int fd);

/*
 * Puts them back if they have been left changed, from any process that has the terminal open. NULL does
 * nothing.
 */
void terminal_restore(struct terminal_state *t);
void terminal_free(struct terminal_state *t);
