/* causes.c - the catalogue of causes. */
#include "causes.h"

#include <string.h>

#define NO_GROUP(title)
#define CAUSE_ENTRY(symbol, id, words, meaning, client, decides) {id, words, meaning, client, decides},
static const struct cause_entry entries[] = {CAUSES(NO_GROUP, CAUSE_ENTRY)};
#undef CAUSE_ENTRY
#undef NO_GROUP

const struct cause_entry *cause_entry(enum cause c)
{
	return &entries[c < CAUSE_COUNT ? c : CAUSE_UNKNOWN];
}

bool cause_is_harmless(enum cause c)
{
	return c == CAUSE_NONE || c == CAUSE_HEALTH_CHECK || c == CAUSE_PEER_CLOSED_ABRUPTLY;
}

enum cause cause_by_id(const char *id)
{
	for (int c = 0; c < CAUSE_COUNT; c++)
		if (strcmp(entries[c].id, id) == 0)
			return (enum cause)c;
	return CAUSE_UNKNOWN;
}
