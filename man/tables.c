/* tables.c - writes what the manuals have from the program's own tables, in mdoc(7): causes, keys, filter, columns, settings. */
#include "engine/causes.h"
#include "engine/rules.h"
#include "settings.h"
#include "ui/view.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* What mdoc would take for a macro, an escape or a delimiter. */
static void put(const char *text)
{
	for (bool start = true; *text; text++, start = false) {
		if (*text == '\\') {
			fputs("\\e", stdout);
			continue;
		}
		if (start && (*text == '.' || *text == '\''))
			fputs("\\&", stdout);
		putchar(*text);
	}
}

/* A sentence of its own: begins with a capital, ends with a full stop. */
static void sentence(const char *before, const char *text)
{
	if (*before)
		printf("%s%s.\n", before, text);
	else
		printf("%c%s.\n", toupper((unsigned char)*text), text + 1);
}

static void write_cause(enum cause c)
{
	const struct cause_entry *e = cause_entry(c);

	printf(".It Cm %s\n", e->id);
	sentence("", e->meaning);
	if (*e->client)
		sentence("The client gets: ", e->client);
	if (rules_name(c))
		sentence("Decided by: ", e->decides);
	else
		printf("Named only as an alternative; what would decide: %s.\n", e->decides);
}

static void write_group(const char *title)
{
	static bool open;

	if (open)
		puts(".El");
	open = title != NULL;
	if (open)
		printf(".Ss %s\n.Bl -tag -width Ds\n", title);
}

static void write_causes(void)
{
#define GROUP(title) write_group(title);
#define ONE(symbol, ...) if (CAUSE_##symbol > CAUSE_UNKNOWN) write_cause(CAUSE_##symbol);
	CAUSES(GROUP, ONE)
#undef ONE
#undef GROUP
	write_group(NULL);
}

/* An item of a list: each word begins with an escape, so that none is a macro. */
static void item(const char *text)
{
	fputs(".It \\&", stdout);
	for (; *text; text++)
		fputs(*text == ' ' ? " \\&" : *text == '\\' ? "\\e" : (char[]){*text, '\0'}, stdout);
	putchar('\n');
}

static void entry(const char *name, const char *help)
{
	item(name);
	put(help);
	putchar('\n');
}

static void write_keys(void)
{
	puts(".Bl -tag -width \"Enter l Right\" -compact");
	for (int a = 1; a < ACTION_COUNT; a++) {
		const struct key_binding *b = key_binding((enum action)a);

		if (b->group && a > 1)
			puts(".Pp");
		entry(b->names, b->help);
		for (int i = 0; a == ACTION_HOST && key_notes[i].names; i++)
			entry(key_notes[i].names, key_notes[i].help);
	}
	puts(".El");
}

static void write_filter(void)
{
	puts(".Bl -tag -width \"confidence:\" -compact");
	for (int i = 1; i < FILTER_FIELDS; i++) {
		const char *name, *help = filter_field_help((enum filter_field)i, &name);

		printf(".It Cm %s:\n", name);
		put(help);
		putchar('\n');
	}
	puts(".El");
}

static void write_columns(void)
{
	static const struct view_ops *const views[] = {&ports_view, &peers_view, &findings_view};

	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		printf("%s of %s:\n.Bl -tag -width \"confidence\" -compact\n", i == 0 ? "Columns" : ".Pp\nColumns", views[i]->name);
		for (int c = 0; c < views[i]->n_columns; c++) {
			const struct column *col = &views[i]->columns[c];

			printf(".It Cm %s\n%s: ", col->name, col->title);
			put(col->help);
			if (col->from_width > 0)
				printf(" (from %d columns on)", col->from_width);
			else if (col->from_width < 0)
				printf(" (only when asked for)");
			putchar('\n');
		}
		puts(".El");
	}
}

static void write_settings(void)
{
	const char *name, *values, *help;

	puts(".Bl -tag -width Ds");
	for (size_t i = 0; settings_describe(i, &name, &values, &help); i++) {
		printf(".It Cm %s No = Ar %s\n", name, values);
		printf("%c", toupper((unsigned char)*help));
		put(help + 1);
		puts(".");
	}
	puts(".El");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*write)(void);
	} tables[] = {
		{"causes", write_causes}, {"keys", write_keys}, {"filter", write_filter}, {"columns", write_columns},
		{"settings", write_settings},
	};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && argc == 2; i++)
		if (strcmp(tables[i].name, argv[1]) == 0) {
			tables[i].write();
			return 0;
		}
	fputs("usage: manual-tables causes | keys | filter | columns | settings\n", stderr);
	return 2;
}
