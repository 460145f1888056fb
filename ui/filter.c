/* filter.c - which rows are shown. */
#include "filter.h"
#include "base/text.h"
#include "engine/causes.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *help;
} fields[] = {
	[FILTER_ANY] = {"", "anything in the row"},
	[FILTER_PORT] = {"port", "a port, or several: 8000-8099"},
	[FILTER_PEER] = {"peer", "an address, its beginning, or a network: 10.0.0.0/8"},
	[FILTER_CAUSE] = {"cause", "as in the manual: loopback-only"},
	[FILTER_OUTCOME] = {"outcome", "refused, unreachable, silent, unfinished, cancelled, accepted, reset"},
	[FILTER_CONFIDENCE] = {"confidence", "proved, inferred, possible"},
	[FILTER_PROGRAM] = {"program", "who listens: nginx"},
	[FILTER_NETNS] = {"netns", "a network namespace or container"},
};
static_assert(sizeof(fields) / sizeof(fields[0]) == FILTER_FIELDS, "a name for each");

const char *filter_field_help(enum filter_field f, const char **ret_name)
{
	*ret_name = fields[f].name;
	return fields[f].help;
}

static int parse_ports(struct filter_term *t)
{
	char *end;

	t->from = t->to = strtol(t->text, &end, 10);
	if (end == t->text)
		return -EINVAL;
	if (*end == '-') {
		const char *from = end + 1;

		t->to = strtol(from, &end, 10);
		if (end == from)
			return -EINVAL;
	}
	return *end || t->from < 0 || t->to > 65535 || t->from > t->to ? -EINVAL : 0;
}

/* A network, or the beginning of an address's text. */
static int parse_peer(struct filter_term *t)
{
	char address[FILTER_TEXT], *slash, *end;
	long bits;

	t->bits = -1;
	text_copy(address, sizeof(address), t->text);
	slash = strchr(address, '/');
	if (!slash)
		return 0;
	*slash = '\0';
	bits = strtol(slash + 1, &end, 10);
	if (end == slash + 1 || *end || bits < 0 || ip_parse(address, &t->ip) < 0)
		return -EINVAL;
	if (ip_is_v4(&t->ip))
		bits += 96;
	if (bits > 128)
		return -EINVAL;
	t->bits = (int)bits;
	return 0;
}

/* What a field can be; what cannot be matched by anything is a slip of the fingers. */
static bool is_possible(const struct filter_term *t)
{
	static const char *const outcomes[] = {"refused", "unreachable", "silent", "unfinished", "cancelled", "accepted", "reset",
		"listens", "gone", NULL};
	static const char *const confidences[] = {"proved", "inferred", "possible", NULL};
	const char *const *words = t->field == FILTER_OUTCOME ? outcomes : confidences;

	if (t->field == FILTER_CAUSE) {
		for (int c = 0; c < CAUSE_COUNT; c++)
			if (strcasestr(cause_entry((enum cause)c)->id, t->text))
				return true;
		return false;
	}
	if (t->field != FILTER_OUTCOME && t->field != FILTER_CONFIDENCE)
		return true;
	for (; *words; words++)
		if (strcasestr(*words, t->text))
			return true;
	return false;
}

/* "prot:80" means a field, "http://x" and "fe80::1" do not. */
static bool is_unknown_field(const char *word, const char *colon)
{
	return colon > word && strspn(word, "abcdefghijklmnopqrstuvwxyz") == (size_t)(colon - word) && colon[1] != '/' &&
	       colon[1] != ':';
}

static int parse_term(char *word, struct filter_term *t, char *err, size_t size)
{
	char *colon = strchr(word, ':');
	int r = 0;

	memset(t, 0, sizeof(*t));
	t->not = word[0] == '!' && word[1];
	word += t->not;
	if (colon)
		*colon = '\0';
	for (int i = 1; i < FILTER_FIELDS && colon; i++)
		if (strcmp(word, fields[i].name) == 0)
			t->field = (enum filter_field)i;
	if (colon)
		*colon = ':';
	text_copy(t->text, sizeof(t->text), t->field == FILTER_ANY ? word : colon + 1);
	if (t->field == FILTER_ANY && colon && is_unknown_field(word, colon)) {
		snprintf(err, size, "there is no field %.20s: port, peer, cause, outcome, confidence, program, netns",
			word);
		return -EINVAL;
	}
	if (!is_possible(t)) {
		snprintf(err, size, "there is no such %s: %s", fields[t->field].name, fields[t->field].help);
		return -EINVAL;
	}
	if (t->field == FILTER_PORT && (r = parse_ports(t)) < 0)
		snprintf(err, size, "port:%s: a port, or two with a - between them", t->text);
	if (t->field == FILTER_PEER && (r = parse_peer(t)) < 0)
		snprintf(err, size, "peer:%s: no network", t->text);
	return r;
}

int filter_parse(const char *text, struct filter *ret, char *err, size_t size)
{
	struct filter f = {.n = 0};
	char words[FILTER_TERMS * FILTER_TEXT], *save, *word;

	text_copy(words, sizeof(words), text);
	for (word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (f.n == FILTER_TERMS) {
			snprintf(err, size, "more than %d words", FILTER_TERMS);
			return -EINVAL;
		}
		if (parse_term(word, &f.terms[f.n], err, size) < 0)
			return -EINVAL;
		f.n++;
	}
	*ret = f;
	return 0;
}

static bool in_network(const struct filter_term *t, const char *peer)
{
	char address[IP_TEXT], *slash;
	struct ip ip;
	int bytes = t->bits / 8, rest = t->bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	text_copy(address, sizeof(address), peer);
	slash = strchr(address, '/'); /* several peers, told by their network */
	if (slash)
		*slash = '\0';
	if (ip_parse(address, &ip) < 0)
		return false;
	return memcmp(ip.b, t->ip.b, (size_t)bytes) == 0 && (rest == 0 || (ip.b[bytes] & mask) == (t->ip.b[bytes] & mask));
}

static bool term_matches(const struct filter_term *t, const struct subject *s)
{
	const char *text = s->texts[t->field];

	switch (t->field) {
	case FILTER_PORT:
		return s->port >= t->from && s->port <= t->to;
	case FILTER_PEER:
		if (!text)
			return false;
		return t->bits >= 0 ? in_network(t, text) : strncmp(text, t->text, strlen(t->text)) == 0;
	case FILTER_ANY:
		for (int i = 0; i < FILTER_FIELDS; i++)
			if (s->texts[i] && strcasestr(s->texts[i], t->text))
				return true;
		return false;
	default:
		return text && strcasestr(text, t->text);
	}
}

bool filter_matches(const struct filter *f, const struct subject *s)
{
	for (int i = 0; i < f->n; i++)
		if (term_matches(&f->terms[i], s) == f->terms[i].not)
			return false;
	return true;
}
