/* settings.c - what a user has chosen. */
#include "settings.h"
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	KIND_CHOICE,
	KIND_BOOL,
	KIND_SECONDS,
	KIND_TEXT, /* names of columns: letters, digits, "-" and blanks; the screen knows which there are */
};

const char *const settings_themes[] = {"default", "light", "mono", "contrast", "16", NULL};
static const char *const autos[] = {"auto", "yes", "no", NULL};

#define AT(m) offsetof(struct settings, m), sizeof(((struct settings *)0)->m)

static const struct {
	const char *name;
	enum kind kind;
	size_t offset, size;
	const char *const *choices;
	const char *values, *help;
} table[] = {
	{"theme", KIND_CHOICE, AT(theme), settings_themes, "default, light, mono, contrast, 16",
		"colours: for dark backgrounds, for light ones, none, high contrast, the terminal's 16 only"},
	{"ascii", KIND_CHOICE, AT(ascii), autos, "auto, yes, no", "no signs besides ASCII; auto: where the locale is not UTF-8"},
	{"mouse", KIND_BOOL, AT(mouse), NULL, "yes, no", "click to select, double click to look closer, wheel to scroll"},
	{"cursor", KIND_BOOL, AT(cursor), NULL, "yes, no", "show the terminal's cursor on the selected row, for screen readers"},
	{"interval", KIND_SECONDS, AT(interval), NULL, "seconds", "between two polls and redraws (0.05 or more)"},
	{"columns-ports", KIND_TEXT, AT(columns[SETTINGS_PORTS]), NULL, "names, in order", "columns of Ports; empty: what fits"},
	{"columns-peers", KIND_TEXT, AT(columns[SETTINGS_PEERS]), NULL, "names, in order", "columns of Peers"},
	{"columns-findings", KIND_TEXT, AT(columns[SETTINGS_FINDINGS]), NULL, "names, in order", "columns of Findings"},
	{"sort-ports", KIND_TEXT, AT(sort[SETTINGS_PORTS]), NULL, "a name", "order of Ports; \"-\" before it: reversed; empty: trouble first"},
	{"sort-peers", KIND_TEXT, AT(sort[SETTINGS_PEERS]), NULL, "a name", "order of Peers; empty: the latest failure first"},
	{"sort-findings", KIND_TEXT, AT(sort[SETTINGS_FINDINGS]), NULL, "a name", "order of Findings; empty: the latest first"},
};

enum {
	SETTINGS = sizeof(table) / sizeof(table[0]),
};

void settings_default(struct settings *s)
{
	memset(s, 0, sizeof(*s));
	text_copy(s->theme, sizeof(s->theme), "default");
	text_copy(s->ascii, sizeof(s->ascii), "auto");
	s->interval = 1000000;
}

static int set_choice(char *at, size_t size, const char *const *choices, const char *value)
{
	for (; *choices; choices++)
		if (strcmp(*choices, value) == 0) {
			text_copy(at, size, value);
			return 0;
		}
	return -EINVAL;
}

static int set_bool(void *at, const char *value)
{
	bool yes = strcmp(value, "yes") == 0;

	if (!yes && strcmp(value, "no") != 0)
		return -EINVAL;
	memcpy(at, &yes, sizeof(yes));
	return 0;
}

static int set_seconds(void *at, const char *value)
{
	char *end;
	double v = strtod(value, &end);
	int64_t usec;

	if (end == value || *end || !(v >= 0.05 && v <= 1e7))
		return -EINVAL;
	usec = (int64_t)(v * 1e6);
	memcpy(at, &usec, sizeof(usec));
	return 0;
}

static int set_text(char *at, size_t size, const char *value)
{
	if (strlen(value) >= size)
		return -EINVAL;
	for (const char *p = value; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != ' ')
			return -EINVAL;
	text_copy(at, size, value);
	return 0;
}

int settings_set(struct settings *s, const char *name, const char *value, char *err, size_t size)
{
	for (size_t i = 0; i < SETTINGS; i++) {
		char *at = (char *)s + table[i].offset;
		int r = -EINVAL;

		if (strcmp(table[i].name, name) != 0)
			continue;
		switch (table[i].kind) {
		case KIND_CHOICE:
			r = set_choice(at, table[i].size, table[i].choices, value);
			break;
		case KIND_BOOL:
			r = set_bool(at, value);
			break;
		case KIND_SECONDS:
			r = set_seconds(at, value);
			break;
		case KIND_TEXT:
			r = set_text(at, table[i].size, value);
			break;
		}
		if (r < 0)
			snprintf(err, size, "%s has to be: %s", name, table[i].values);
		return r;
	}
	snprintf(err, size, "there is no such setting (see tcpwhy.conf(5))");
	return -EINVAL;
}

int settings_set_pair(struct settings *s, const char *pair, char *err, size_t size)
{
	char name[32];
	const char *equals = strchr(pair, '=');

	if (!equals || (size_t)(equals - pair) >= sizeof(name)) {
		snprintf(err, size, "it has to be NAME=VALUE");
		return -EINVAL;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(equals - pair), pair);
	return settings_set(s, name, equals + 1, err, size);
}

/* Without blanks at both ends. */
static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (isspace((unsigned char)*text))
		text++;
	return text;
}

static int read_line(struct settings *s, char *line, char *err, size_t size)
{
	char *text = trim(line), *equals;

	if (*text == '\0' || *text == '#')
		return 0;
	equals = strchr(text, '=');
	if (!equals) {
		snprintf(err, size, "it has to be name = value");
		return -EINVAL;
	}
	*equals = '\0';
	return settings_set(s, trim(text), trim(equals + 1), err, size);
}

int settings_read(struct settings *s, const char *text, size_t n, char *err, size_t size)
{
	int number = 0, result = 0;

	while (n > 0) {
		const char *newline = memchr(text, '\n', n);
		size_t length = newline ? (size_t)(newline - text) : n;
		char line[512], why[160];
		int r = -EINVAL;

		number++;
		snprintf(why, sizeof(why), "the line is too long, or no text");
		if (length < sizeof(line) && !memchr(text, '\0', length)) {
			snprintf(line, sizeof(line), "%.*s", (int)length, text);
			r = read_line(s, line, why, sizeof(why));
		}
		if (r < 0 && result == 0) {
			snprintf(err, size, "line %d: %s", number, why);
			result = r;
		}
		text += length + (newline != NULL);
		n -= length + (newline != NULL);
	}
	return result;
}

int settings_environment(struct settings *s, char *err, size_t size)
{
	const char *no_color = getenv("NO_COLOR");
	int result = 0;

	if (no_color && *no_color)
		text_copy(s->theme, sizeof(s->theme), "mono");
	for (size_t i = 0; i < SETTINGS; i++) {
		char name[48] = "TCPWHY_", why[120];
		const char *value;

		for (const char *p = table[i].name; *p; p++)
			text_append(name, sizeof(name), "%c", *p == '-' ? '_' : toupper((unsigned char)*p));
		value = getenv(name);
		if (value && settings_set(s, table[i].name, value, why, sizeof(why)) < 0 && result == 0) {
			snprintf(err, size, "%s: %s", name, why);
			result = -EINVAL;
		}
	}
	return result;
}

void settings_merge(struct settings *file, const struct settings *start, const struct settings *now)
{
	for (size_t i = 0; i < SETTINGS; i++) {
		size_t at = table[i].offset;

		if (memcmp((const char *)start + at, (const char *)now + at, table[i].size) != 0)
			memcpy((char *)file + at, (const char *)now + at, table[i].size);
	}
}

size_t settings_format(const struct settings *s, char *buf, size_t size)
{
	text_copy(buf, size, "# Settings of tcpwhy, see tcpwhy.conf(5). The environment (TCPWHY_THEME=mono) and -o theme=mono come "
		"before them.\n");
	for (size_t i = 0; i < SETTINGS; i++) {
		const char *at = (const char *)s + table[i].offset;
		bool yes;
		int64_t usec;

		text_append(buf, size, "\n# %s\n# %s\n%s =", table[i].help, table[i].values, table[i].name);
		switch (table[i].kind) {
		case KIND_CHOICE:
		case KIND_TEXT:
			text_append(buf, size, "%s%s\n", *at ? " " : "", at);
			break;
		case KIND_BOOL:
			memcpy(&yes, at, sizeof(yes));
			text_append(buf, size, " %s\n", yes ? "yes" : "no");
			break;
		case KIND_SECONDS:
			memcpy(&usec, at, sizeof(usec));
			text_append(buf, size, " %g\n", (double)usec / 1e6);
			break;
		}
	}
	return strlen(buf);
}

bool settings_describe(size_t i, const char **ret_name, const char **ret_values, const char **ret_help)
{
	if (i >= SETTINGS)
		return false;
	*ret_name = table[i].name;
	*ret_values = table[i].values;
	*ret_help = table[i].help;
	return true;
}
