/* causes.c - writes the causes of the manual, in mdoc(7), from the catalogue that the program itself uses. */
#include "engine/causes.h"
#include "engine/rules.h"

#include <ctype.h>
#include <stdio.h>

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

int main(void)
{
#define GROUP(title) write_group(title);
#define ONE(symbol, ...) if (CAUSE_##symbol > CAUSE_UNKNOWN) write_cause(CAUSE_##symbol);
	CAUSES(GROUP, ONE)
#undef ONE
#undef GROUP
	write_group(NULL);
	return 0;
}
