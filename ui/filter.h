/* filter.h - which rows are shown: "port:8080 peer:10.0.0.0/8 !cause:port-scan nginx". Pure. */
#pragma once

#include "base/ip.h"

enum {
	FILTER_TERMS = 8,
	FILTER_TEXT = 64,
};

enum filter_field {
	FILTER_ANY, /* a word alone: anywhere in the row */
	FILTER_PORT,
	FILTER_PEER,
	FILTER_CAUSE,
	FILTER_OUTCOME,
	FILTER_CONFIDENCE,
	FILTER_PROGRAM,
	FILTER_NETNS,
	FILTER_FIELDS,
};

struct filter {
	int n;
	struct filter_term {
		enum filter_field field;
		bool not;
		char text[FILTER_TEXT];
		int64_t from, to; /* of ports */
		struct ip ip;     /* of peers: a network, where bits is not negative */
		int bits;
	} terms[FILTER_TERMS];
};

/* What a row is about; NULL: nothing of the kind. */
struct subject {
	int64_t port;
	const char *texts[FILTER_FIELDS]; /* FILTER_ANY: whatever else it is found by */
};

/*
 * Parses words with blanks between them; all have to match, one with "!" before it must not. 0, or -EINVAL with a sentence in
 * err and *ret untouched.
 */
int filter_parse(const char *text, struct filter *ret, char *err, size_t size);

bool filter_matches(const struct filter *f, const struct subject *s);

/* "port:", "peer:" and so on, for the help screen; NULL ends. */
const char *filter_field_help(enum filter_field f, const char **ret_name);
