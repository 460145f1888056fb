/* ui.h - the screen: views over the store, and the keys that walk them. */
#pragma once

#include "base/ip.h"
#include "settings.h"
#include "store/store.h"

struct ui;

struct ui_options {
	int in_fd, out_fd;
	bool demo;
	bool live; /* this host is watched, so that something can be asked of it */
	bool hint; /* nobody has seen it here: what the most important keys are */
	struct settings settings; /* in force ... */
	struct settings file;     /* ... and as the user's file has them, without environment and flags */
};

/* Takes over the terminal. NULL with errno (ENOTTY: no usable terminal type). */
struct ui *ui_new(struct store *store, const struct ui_options *options);

/* Gives the terminal back. */
void ui_free(struct ui *ui);

/* Draws what has changed. 0 or -errno. */
int ui_frame(struct ui *ui);

/* Draws if something is new since the last frame, a few times a second at most. 0 or -errno. */
int ui_round(struct ui *ui);

/* Takes the keys that wait. LOOP_GO_ON, or the exit status. */
int ui_input(struct ui *ui);

void ui_resize(struct ui *ui);

/* Whether the user wants a peer's SYNs to a port traced through the firewall; once for each wish. */
bool ui_wants_trace(struct ui *ui, struct ip *ret_peer, uint16_t *ret_port);

/* What the user wants written to a file. */
enum ui_file {
	UI_FILE_NONE,
	UI_FILE_FINDING,
	UI_FILE_SETTINGS,
};

/* Once for each wish; *ret_name is of letters, digits, "-" and "." (of a finding), *ret_text lives until the next call. */
enum ui_file ui_wants_file(struct ui *ui, const char **ret_name, const char **ret_text);

/* What became of it, in words. */
void ui_tell(struct ui *ui, const char *words);

/* "ncurses 6.4". */
const char *ui_library_version(void);
