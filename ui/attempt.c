/* attempt.c - one attempt, packet by packet: a ladder between peer and host, then the verdict. */
#include "base/text.h"
#include "format.h"
#include "view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	TIME = 12, /* columns before the peer's lane */
	NOTE_INDENT = 3,
};

static bool is_packet(const struct event_step *s)
{
	return strcmp(s->by, "peer") == 0 || strcmp(s->by, "host") == 0 || strcmp(s->by, "router") == 0;
}

/* Where both sides' sequence numbers begin; 0: not seen. */
struct isn {
	bool known;
	int64_t peer, host;
	bool host_known;
};

static struct isn isn_of(const struct event_attempt *a)
{
	struct isn isn = {.known = false};

	for (int i = 0; i < EVENT_STEPS && a->steps[i].by[0]; i++) {
		const struct event_step *s = &a->steps[i];

		if (!strchr(s->flags, 'S'))
			continue;
		if (strcmp(s->by, "peer") == 0 && !isn.known) {
			isn.known = true;
			isn.peer = s->seq;
		} else if (strcmp(s->by, "host") == 0 && !isn.host_known) {
			isn.host_known = true;
			isn.host = s->seq;
		}
	}
	return isn;
}

/* A sequence number after its beginning; RFC 9293, 3.4: modulo 2^32. */
static int64_t relative(int64_t seq, bool known, int64_t isn)
{
	return known ? (int64_t)(uint32_t)(seq - isn) : seq;
}

static void flag_names(const char *flags, char *buf, size_t size)
{
	static const struct {
		char letter;
		const char *name;
	} names[] = {{'S', "SYN"}, {'F', "FIN"}, {'R', "RST"}, {'P', "PSH"}, {'.', "ACK"}};

	text_copy(buf, size, "");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strchr(flags, names[i].letter))
			text_append(buf, size, "%s%s", buf[0] ? "+" : "", names[i].name);
	if (!buf[0])
		text_copy(buf, size, "no flags");
}

/* "SYN seq 0 win 64240 ttl 64" */
static void describe(const struct event_step *s, const struct isn *isn, int room, char *buf, size_t size)
{
	bool peer = strcmp(s->by, "peer") == 0;
	char flags[24];

	if (!s->flags[0]) {
		text_copy(buf, size, s->text);
		return;
	}
	flag_names(s->flags, flags, sizeof(flags));
	snprintf(buf, size, "%s seq %" PRId64, flags, relative(s->seq, peer ? isn->known : isn->host_known,
		peer ? isn->peer : isn->host));
	if (strchr(s->flags, '.'))
		text_append(buf, size, " ack %" PRId64, relative(s->ack, peer ? isn->host_known : isn->known,
			peer ? isn->host : isn->peer));
	if (s->length > 0)
		text_append(buf, size, " len %" PRId64, s->length);
	if (room > 40)
		text_append(buf, size, " win %" PRId64, s->window);
	text_append(buf, size, " ttl %" PRId64, s->ttl);
}

static void repeat(struct line *line, const char *what, int n)
{
	for (int i = 0; i < n; i++)
		text_append(line->text, sizeof(line->text), "%s", what);
}

/* An arrow from lane to lane with a label in its shaft. */
static void add_arrow(struct view *v, const struct event_step *s, int64_t first, const struct isn *isn, int zone)
{
	bool to_host = strcmp(s->by, "host") != 0;
	char label[160], offset[24];
	int shaft;
	struct line *line;
	enum role role = strchr(s->flags, 'R') || !s->flags[0] ? ROLE_BAD : ROLE_NORMAL;

	describe(s, isn, zone, label, sizeof(label));
	while (text_width(label) > zone - 6 && label[0])
		label[strlen(label) - 1] = '\0';
	shaft = zone - 1 - 2 - 2 - text_width(label);
	line = page_line(&v->list, role, "%*s %s", TIME - 1, format_offset(s->t - first, offset, sizeof(offset)),
		theme_glyph(GLYPH_LANE));
	line->lead = TIME;
	line->lead_role = ROLE_DIM;
	if (!to_host)
		text_append(line->text, sizeof(line->text), "%s", theme_glyph(GLYPH_TO_LEFT));
	repeat(line, theme_glyph(GLYPH_SHAFT), to_host ? 2 : shaft);
	text_append(line->text, sizeof(line->text), " %s ", label);
	repeat(line, theme_glyph(GLYPH_SHAFT), to_host ? shaft : 2);
	if (to_host)
		text_append(line->text, sizeof(line->text), "%s", theme_glyph(GLYPH_TO_RIGHT));
	text_append(line->text, sizeof(line->text), "%s", theme_glyph(GLYPH_LANE));
}

/* What was done between two packets: wrapped between the lanes. */
static void add_note(struct view *v, const struct event_step *s, int64_t first, int zone)
{
	struct view narrow = *v; /* a page as wide as the zone, whose lines are then put between the lanes */
	struct line *from;
	char offset[24];
	int at = v->list.n;
	enum role role = strcmp(s->by, "listener") == 0 ? ROLE_GOOD : strcmp(s->by, "more") == 0 ? ROLE_DIM : ROLE_WARN;

	narrow.width = zone - 1;
	page_text(&narrow, role, NOTE_INDENT - 2, NOTE_INDENT + 2, NULL, "%s %s%s%s", theme_glyph(GLYPH_NOTE),
		strcmp(s->by, "more") == 0 ? "" : s->by, strcmp(s->by, "more") == 0 ? "" : ": ", s->text);
	v->list.n = narrow.list.n;
	for (; at < v->list.n; at++) {
		char text[LINE_TEXT];
		bool start;

		from = &v->list.lines[at];
		text_copy(text, sizeof(text), from->text);
		start = strstr(text, theme_glyph(GLYPH_NOTE)) != NULL && text[0] == ' ' && text[1] != ' ';
		from->text[0] = '\0';
		text_append(from->text, sizeof(from->text), "%*s %s%s%*s%s", TIME - 1, start && s->t != first ?
			format_offset(s->t - first, offset, sizeof(offset)) : "", theme_glyph(GLYPH_LANE), text,
			zone - text_width(text) > 0 ? zone - text_width(text) : 0, "", theme_glyph(GLYPH_LANE));
		from->lead = TIME;
		from->lead_role = ROLE_DIM;
	}
}

/* Times count from the first packet that is shown: of several alike that is not the first of all. */
static int64_t first_packet(const struct event_attempt *a)
{
	for (int i = 0; i < EVENT_STEPS && a->steps[i].by[0]; i++)
		if (is_packet(&a->steps[i]))
			return a->steps[i].t;
	return a->first;
}

static void add_ladder(struct view *v, const struct event_attempt *a)
{
	int width = v->width > LADDER_MAX ? LADDER_MAX : v->width, zone = width - TIME - 2;
	int64_t first = first_packet(a);
	struct isn isn = isn_of(a);
	char peer[IP_TEXT + 10], host[IP_TEXT + 10], when[16];
	bool fits;

	format_endpoint(a->peer, a->peer_port, peer, sizeof(peer));
	format_endpoint(a->addr, strcmp(a->dir, "out") == 0 ? 0 : a->port, host, sizeof(host));
	if (!a->steps[0].by[0]) {
		page_line(&v->list, ROLE_DIM, "The packets of this attempt are not known.");
		return;
	}
	fits = text_width(peer) + text_width(host) <= zone;
	if (!fits)
		page_line(&v->list, ROLE_STRONG, "%*s%s", TIME, "", peer);
	page_line(&v->list, ROLE_STRONG, "%-*s%s%*s", TIME, format_clock(first, when, sizeof(when)), fits ? peer : "",
		zone + 2 - (fits ? text_width(peer) : 0), host);
	for (int i = 0; i < EVENT_STEPS && a->steps[i].by[0]; i++)
		if (is_packet(&a->steps[i]))
			add_arrow(v, &a->steps[i], first, &isn, zone);
		else
			add_note(v, &a->steps[i], first, zone);
}

static const struct store_finding *shown(const struct view *v)
{
	const struct store_finding *f = store_finding(v->store, v->at.finding);

	return tell_is_failure(f) ? f : NULL;
}

static void fill(struct view *v)
{
	const struct store_finding *f = shown(v);

	if (!f) {
		page_line(&v->list, ROLE_DIM, "It is too long ago: the last %d findings are kept.", STORE_FINDINGS);
		return;
	}
	if (f->attempt.count > 1)
		page_line(&v->list, ROLE_DIM, "One of %" PRId64 " alike:", f->attempt.count);
	add_ladder(v, &f->attempt);
	page_line(&v->list, ROLE_NORMAL, "%s", "");
	page_verdict(v, f, NULL);
	if (f->attempt.client_words[0]) {
		page_heading(v, "The client sees %s", f->attempt.client_sees);
		page_text(v, ROLE_DIM, 2, 2, NULL, "%s", f->attempt.client_words);
	}
	for (int i = 0; i < EVENT_ALTERNATIVES && f->attempt.alternatives[i][0]; i++)
		page_line(&v->list, ROLE_NORMAL, "%s %s", i == 0 ? "Or:" : "   ", f->attempt.alternatives[i]);
}

static void title(const struct view *v, char *buf, size_t size)
{
	const struct store_finding *f = shown(v);

	const char *netns = f ? store_netns(v->store, f->place) : "";
	char endpoint[IP_TEXT + 10];

	if (!f)
		snprintf(buf, size, "Attempt");
	else if (strcmp(f->attempt.dir, "out") == 0)
		snprintf(buf, size, "Attempt of this host at %s", format_endpoint(f->attempt.peer, f->attempt.port, endpoint,
			sizeof(endpoint)));
	else
		snprintf(buf, size, "Attempt of %s at port %" PRId64, f->attempt.peer, f->attempt.port);
	if (netns[0])
		text_append(buf, size, " in %s", netns);
}

static uint64_t finding(const struct view *v, int64_t id)
{
	(void)id;
	return v->at.finding;
}

const struct view_ops attempt_view = {.name = "Attempt", .fill = fill, .title = title, .finding = finding};
