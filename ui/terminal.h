/* terminal.h - the terminal as it was found, and how to put it back when curses no longer can. */
#pragma once

struct terminal_state;

/*
 * Keeps the line settings of fd and the strings that leave full-screen mode (terminfo's rmcup, cnorm, sgr0,
 * rmkx). NULL when it cannot be kept: then there is nothing to restore.
 */
struct terminal_state *terminal_save(int fd);

/* Puts them back, from any process that has the terminal open. Safe to call more than once; NULL too. */
void terminal_restore(struct terminal_state *t);
void terminal_free(struct terminal_state *t);
