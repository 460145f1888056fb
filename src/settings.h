/* settings.h - what a user has chosen: a plain text file, the environment, -o. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum settings_list {
	SETTINGS_PORTS,
	SETTINGS_PEERS,
	SETTINGS_FINDINGS,
	SETTINGS_LISTS,
};

enum {
	SETTINGS_FILE = 8192, /* longest file that is read or written */
};

struct settings {
	char theme[16];   /* one of settings_themes */
	char ascii[8];    /* auto, yes, no */
	bool mouse;
	bool cursor;      /* the terminal's cursor is shown on the selected row */
	int64_t interval; /* microseconds */
	char columns[SETTINGS_LISTS][240]; /* names with blanks between; "": as the width allows */
	char sort[SETTINGS_LISTS][24];     /* a column's name, "-" before it: the other way round; "": the list's own order */
};

/* Ended by NULL. */
extern const char *const settings_themes[];

void settings_default(struct settings *s);

/* Sets one by its name in the file. 0, or -EINVAL with a sentence in err. */
int settings_set(struct settings *s, const char *name, const char *value, char *err, size_t size);

/* "name=value", as -o has it. As above. */
int settings_set_pair(struct settings *s, const char *pair, char *err, size_t size);

/* A whole file. Lines that are wrong are passed over; err says what is wrong with the first. 0 or -EINVAL. */
int settings_read(struct settings *s, const char *text, size_t n, char *err, size_t size);

/* TCPWHY_THEME and so on, and NO_COLOR (https://no-color.org). As settings_read(). */
int settings_environment(struct settings *s, char *err, size_t size);

/* Takes over into file what differs between start and now: what the user has changed, and not what came from flags. */
void settings_merge(struct settings *file, const struct settings *start, const struct settings *now);

/* The file: each setting with what it means. Returns its length; size: SETTINGS_FILE. */
size_t settings_format(const struct settings *s, char *buf, size_t size);

/* Names, meanings and what they may be, for the manual: false when there is no i-th. */
bool settings_describe(size_t i, const char **ret_name, const char **ret_values, const char **ret_help);
