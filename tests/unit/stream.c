/* stream.c - every event there and back, and lines that are no events. */
#include "unit.h"

#include "base/text.h"
#include "event/stream.h"

#include <errno.h>
#include <unistd.h>

/* Fills every field of a description, differently each: field by field, as the tables describe
 * them. */
static void fill(const struct field *f, char *base, int *n, bool full)
{
	for (; f->name; f++) {
		char *at = base + f->offset;
		int64_t v = 1000003 * (int64_t)++ * n;

		switch (f->kind) {
		case FIELD_INT:
			v = *n % 3 ? v : -v;
			memcpy(at, &v, sizeof(v));
			break;
		case FIELD_TIME:
			v = INT64_C(1700000000123456) + v;
			memcpy(at, &v, sizeof(v));
			break;
		case FIELD_TEXT:
			if (full) { /* to the last byte, with what needs escapes */
				memset(at, *n % 2 ? '"' : '\\', f->size - 1);
				at[f->size - 1] = '\0';
			} else {
				snprintf(at, f->size, "%d", *n);
			}
			break;
		case FIELD_OBJECT:
		case FIELD_INLINE:
			fill(f->sub, at, n, full);
			break;
		case FIELD_OBJECTS:
			for (size_t i = 0; i < f->max; i++)
				fill(f->sub, at + i * f->size, n, full);
			break;
		case FIELD_TEXTS:
			for (size_t i = 0; i < f->max; i++)
				snprintf(at + i * f->size, f->size, "text-%d-%zu", *n, i);
			break;
		}
	}
}

static struct event filled(enum event_type type, bool full)
{
	static const struct event empty;
	struct event ev = empty;
	int n = 0;

	ev.type = type;
	ev.t = INT64_C(1700000000654321);
	fill(event_descriptions[type].fields, (char *)&ev.hello, &n, full);
	return ev;
}

static void round_trip(const struct event *ev)
{
	static char line[STREAM_LINE], again[STREAM_LINE];
	struct event back;
	int n = stream_format(ev, line, sizeof(line));
	int r;

	expect(n > 0 && n < STREAM_LINE, "%s: %d", event_descriptions[ev->type].name, n);
	assert_int_equal(line[n - 1], '\n');
	assert_null(memchr(line, '\n', (size_t)n - 1));
	memset(&back, 0xee, sizeof(back));
	r = stream_parse(line, (size_t)n - 1, &back);
	expect(r == 0, "%s: %d", event_descriptions[ev->type].name, r);
	expect(memcmp(&back, ev, sizeof(back)) == 0, "%s comes back different",
		event_descriptions[ev->type].name);
	assert_int_equal(stream_format(&back, again, sizeof(again)), n);
	assert_memory_equal(line, again, (size_t)n);
}

static void test_round_trip(void **state)
{
	(void)state;
	for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
		struct event empty = {.type = (enum event_type)type, .t = 0};
		struct event ev = filled((enum event_type)type, false);

		memset((char *)&empty + offsetof(struct event, t), 0,
			sizeof(empty) - offsetof(struct event, t));
		round_trip(&empty);
		round_trip(&ev);
		ev = filled((enum event_type)type, true); /* the longest line there is */
		round_trip(&ev);
	}
}

/* The names that readers outside rely on: every one is in the line of its type. */
static void test_names(void **state)
{
	static const struct {
		enum event_type type;
		const char *name, *fields[32];
	} types[] = {
		{EVENT_HELLO, "hello",
			{"schema", "version", "host", "sources", "sockets", "packets", "kernel",
				"firewall", "namespaces", "state", "why"}},
		{EVENT_SOURCE, "source", {"source", "state", "why", "received", "lost"}},
		{EVENT_LISTENER, "listener",
			{"event", "netns", "proto", "family", "addr", "port", "reach", "device",
				"queue", "queue_max", "owner", "pid", "comm", "user", "unit",
				"container"}},
		{EVENT_ATTEMPT, "attempt",
			{"first", "last", "dir", "netns", "iface", "peer", "peer_port", "addr",
				"port", "outcome", "cause", "confidence", "client_sees", "syns",
				"count", "evidence", "source", "text", "summary", "advice",
				"alternatives", "steps", "by", "flags", "seq", "ack", "length", "window", "ttl"}},
		{EVENT_RESET, "reset",
			{"first", "last", "dir", "netns", "iface", "peer", "peer_port", "addr",
				"port", "outcome", "cause", "confidence", "client_sees", "syns",
				"count", "evidence", "source", "text", "summary", "advice", "by"}},
		{EVENT_PORT, "port",
			{"netns", "port", "syn", "synack", "accepted", "refused", "reset", "silent",
				"unreachable", "unfinished", "fin_in", "fin_out", "rst_in",
				"rst_out", "icmp_in", "icmp_out"}},
		{EVENT_HOST, "host", {"netns", "kind", "name", "value", "note"}},
		{EVENT_TICK, "tick",
			{"attempts", "accepted", "refused", "reset", "silent", "unreachable",
				"unfinished", "cancelled", "received", "lost", "evicted",
				"untracked", "tracked", "rolled_up"}},
		{EVENT_BYE, "bye",
			{"reason", "attempts", "accepted", "refused", "lost", "evicted"}},
	};
	static char line[STREAM_LINE];

	(void)state;
	assert_int_equal(COUNT(types), EVENT_TYPE_COUNT);
	for (size_t i = 0; i < COUNT(types); i++) {
		struct event ev = filled(types[i].type, false);
		char word[64];

		assert_true(stream_format(&ev, line, sizeof(line)) > 0);
		snprintf(word, sizeof(word), "{\"type\":\"%s\",\"t\":1700000000.654321,",
			types[i].name);
		expect(strncmp(line, word, strlen(word)) == 0, "%s: %.60s", types[i].name, line);
		for (int k = 0; types[i].fields[k]; k++) {
			snprintf(word, sizeof(word), "\"%s\":", types[i].fields[k]);
			expect(strstr(line, word) != NULL, "%s has no %s", types[i].name,
				types[i].fields[k]);
		}
	}
}

static void test_texts_round_trip(void **state)
{
	static const char *const texts[] = {"", " ", "\\", "\"", "\\x1b[2J", "\\u0041",
		"caf\xc3\xa9", "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x90\xa7", "{\"type\":\"x\"}",
		"/*", "'", "</script>", "%s%n"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct event ev = filled(EVENT_ATTEMPT, false);

		memset(ev.attempt.summary, 0, sizeof(ev.attempt.summary));
		strcpy(ev.attempt.summary, texts[i]);
		round_trip(&ev);
	}
}

static void test_times_round_trip(void **state)
{
	static const int64_t times[] = {0, 1, 999999, 1000000, 1700000000000000, 1700000000999999,
		4102444799999999, -1, -1000001, 4294967295999999}; /* the year 2106 */
	uint64_t seed = 9;

	(void)state;
	for (size_t i = 0; i < COUNT(times) + 20000; i++) {
		struct event ev = filled(EVENT_TICK, false);

		ev.t = i < COUNT(times)
			       ? times[i]
			       : (int64_t)(random_next(&seed) % UINT64_C(4294967296000000));
		round_trip(&ev);
	}
}

/* Counters and ids of any size that the writer writes. */
static void test_numbers_round_trip(void **state)
{
	static const int64_t numbers[] = {0, 1, -1, INT32_MAX, UINT32_MAX, INT64_C(1) << 53};

	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		struct event ev = filled(EVENT_TICK, false);

		ev.tick.attempts = numbers[i];
		round_trip(&ev);
	}
}

/* Numbers and times that could not be added or subtracted any more are no event of ours. */
static void test_absurd_numbers(void **state)
{
	static const char *const lines[] = {
		"{\"type\":\"tick\",\"t\":1,\"attempts\":9007199254740993}",
		"{\"type\":\"port\",\"t\":1,\"syn\":-9223372036854775808}",
		"{\"type\":\"tick\",\"t\":9e12}",
		"{\"type\":\"tick\",\"t\":-9e12}",
		"{\"type\":\"attempt\",\"t\":1,\"first\":1e300}",
	};
	struct event ev;

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++)
		expect(stream_parse(lines[i], strlen(lines[i]), &ev) == -EBADMSG, "%s", lines[i]);
}

/* A listener's id is the socket's cookie without its sign: up to 2^63 - 1. */
static void test_largest_number_round_trips(void **state)
{
	struct event ev = filled(EVENT_LISTENER, false);

	(void)state;
	ev.listener.id = INT64_MAX;
	round_trip(&ev);
}

static void test_small_buffer(void **state)
{
	static char want[STREAM_LINE];
	struct event ev = filled(EVENT_ATTEMPT, false);
	int n = stream_format(&ev, want, sizeof(want));

	(void)state;
	for (size_t size = 0; size < (size_t)n + 3; size++) {
		char *buf = malloc(size + 1);

		assert_non_null(buf);
		buf[size] = 'X';
		if (size <= (size_t)n)
			assert_int_equal(stream_format(&ev, buf, size), -ENOSPC);
		else
			assert_int_equal(stream_format(&ev, buf, size), n);
		assert_int_equal(buf[size], 'X');
		free(buf);
	}
}

static int parse(const char *text, struct event *ev)
{
	size_t n = strlen(text);
	char *copy = malloc(n ? n : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, text, n);
	r = stream_parse(copy, n, ev);
	free(copy);
	return r;
}

static void test_unknown_is_ignored(void **state)
{
	struct event ev;

	(void)state;
	assert_int_equal(parse("{\"type\":\"weather\",\"t\":1}", &ev), -ENOMSG);
	assert_int_equal(parse("{\"type\":\"weather\"}", &ev), -ENOMSG);
	assert_int_equal(parse("{\"type\":\"\"}", &ev), -ENOMSG);
	assert_int_equal(parse("{\"new\":{\"a\":[1,2]},\"type\":\"tick\",\"more\":null,\"t\":1.5,"
			       "\"lost\":3}",
				 &ev),
		0);
	assert_int_equal(ev.type, EVENT_TICK);
	assert_int_equal(ev.t, 1500000);
	assert_int_equal(ev.tick.lost, 3);
	assert_int_equal(ev.tick.attempts, 0);
	assert_int_equal(
		parse("{\"type\":\"listener\",\"t\":1,\"owner\":{\"pid\":3,\"shoe\":44}}", &ev), 0);
	assert_int_equal(ev.listener.owner.pid, 3);
	assert_int_equal(
		parse("{\"type\":\"tick\",\"t\":1,\"lost\":null}", &ev), 0); /* as if absent */
	assert_int_equal(parse(" \t{ \"type\" : \"tick\" , \"t\" : 1 } ", &ev), 0);
	assert_int_equal(parse("{\"type\":\"tick\",\"t\":1e3}", &ev), 0);
	assert_int_equal(ev.t, 1000000000);
}

static void test_wrong_types(void **state)
{
	static const char *const lines[] = {
		"",
		" ",
		"{",
		"}",
		"[]",
		"1",
		"\"tick\"",
		"null",
		"true",
		"nonsense",
		"{]",
		"{}",
		"{\"t\":1}",
		"{\"type\":1,\"t\":1}",
		"{\"type\":null,\"t\":1}",
		"{\"type\":[\"tick\"],\"t\":1}",
		"{\"type\":\"tick\"}",
		"{\"type\":\"tick\",\"t\":\"1\"}",
		"{\"type\":\"tick\",\"t\":null}",
		"{\"type\":\"tick\",\"t\":[]}",
		"{\"type\":\"tick\",\"t\":true}",
		"{\"type\":\"tick\",\"t\":1",
		"{\"type\":\"tick\",\"t\":1,\"lost\":\"3\"}",
		"{\"type\":\"tick\",\"t\":1,\"lost\":{}}",
		"{\"type\":\"tick\",\"t\":1,\"lost\":true}",
		"{\"type\":\"tick\",\"t\":1,\"lost\":1e300}",
		"{\"type\":\"tick\",\"t\":1e300}",
		"{\"type\":\"tick\",\"t\":NaN}",
		"{\"type\":\"tick\",\"t\":Infinity}",
		"{\"type\":\"tick\",\"t\":-Infinity}",
		"{\"type\":\"tick\",\"t\":1,\"lost\":NaN}",
		"{\"type\":\"bye\",\"t\":1,\"reason\":1}",
		"{\"type\":\"bye\",\"t\":1,\"reason\":[]}",
		"{\"type\":\"listener\",\"t\":1,\"owner\":1}",
		"{\"type\":\"listener\",\"t\":1,\"owner\":[]}",
		"{\"type\":\"listener\",\"t\":1,\"owner\":{\"pid\":\"x\"}}",
		"{\"type\":\"hello\",\"t\":1,\"sources\":{\"packets\":1}}",
		"{\"type\":\"hello\",\"t\":1,\"sources\":[]}",
		"{\"type\":\"attempt\",\"t\":1,\"evidence\":{}}",
		"{\"type\":\"attempt\",\"t\":1,\"evidence\":[1]}",
		"{\"type\":\"attempt\",\"t\":1,\"evidence\":[null]}",
		"{\"type\":\"attempt\",\"t\":1,\"evidence\":\"x\"}",
		"{\"type\":\"attempt\",\"t\":1,\"evidence\":[{\"source\":1}]}",
		"{\"type\":\"attempt\",\"t\":1,\"alternatives\":\"x\"}",
		"{\"type\":\"attempt\",\"t\":1,\"alternatives\":[1]}",
		"{\"type\":\"attempt\",\"t\":1,\"alternatives\":[null]}",
	};
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct event ev, before;
		int r;

		memset(&ev, 0x5a, sizeof(ev));
		before = ev;
		r = parse(lines[i], &ev);
		note(failures, r == -EBADMSG, "%s: %d", lines[i], r);
		note(failures, memcmp(&ev, &before, sizeof(ev)) == 0, "%s leaves something",
			lines[i]);
	}
	expect(failures == 0, "%d wrong", failures);
}

/* A line is one object: what follows it makes the line damaged (two writers in one file). */
static void test_trailing_bytes(void **state)
{
	static const char *const lines[] = {
		"{\"type\":\"tick\",\"t\":1}x",
		"{\"type\":\"tick\",\"t\":1}{\"type\":\"tick\",\"t\":2}",
		"{\"type\":\"tick\",\"t\":1}}",
		"{\"type\":\"tick\",\"t\":1} 7",
	};
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct event ev;
		int r = parse(lines[i], &ev);

		note(failures, r == -EBADMSG, "%s: %d", lines[i], r);
	}
	expect(failures == 0, "%d taken", failures);
}

static void test_deep(void **state)
{
	static char line[STREAM_LINE];
	struct event ev;

	(void)state;
	for (int depth = 1; depth < 4000; depth = depth * 3 + 1) {
		size_t used = (size_t)sprintf(line, "{\"type\":\"tick\",\"t\":1,\"x\":");
		int r;

		for (int i = 0; i < depth; i++)
			line[used++] = '[';
		for (int i = 0; i < depth; i++)
			line[used++] = ']';
		line[used++] = '}';
		r = stream_parse(line, used, &ev);
		expect(r == (depth < 6 ? 0 : -EBADMSG), "depth %d: %d", depth, r);
	}
}

static void test_long(void **state)
{
	static char line[4 * STREAM_LINE];
	struct event ev;
	size_t used = (size_t)sprintf(line, "{\"type\":\"bye\",\"t\":1,\"reason\":\"");

	(void)state;
	memset(line + used, 'a', sizeof(line) - used);
	memcpy(line + STREAM_LINE - 3, "\"}", 2);
	assert_int_equal(stream_parse(line, STREAM_LINE - 1, &ev), 0);
	assert_int_equal(strlen(ev.bye.reason), sizeof(ev.bye.reason) - 1); /* cut to fit */
	line[STREAM_LINE - 3] = 'a';
	line[STREAM_LINE - 2] = '"';
	line[STREAM_LINE - 1] = '}';
	assert_int_equal(stream_parse(line, STREAM_LINE, &ev), -EBADMSG);
	assert_int_equal(stream_parse(line, sizeof(line), &ev), -EBADMSG);
}

static void test_long_lists(void **state)
{
	static char line[STREAM_LINE];
	struct event ev;
	size_t used = (size_t)sprintf(line, "{\"type\":\"attempt\",\"t\":1,\"evidence\":[");

	(void)state;
	for (int i = 0; i < 100; i++)
		used += (size_t)sprintf(
			line + used, "%s{\"source\":\"packets\",\"text\":\"%d\"}", i ? "," : "", i);
	used += (size_t)sprintf(line + used, "],\"alternatives\":[");
	for (int i = 0; i < 100; i++)
		used += (size_t)sprintf(line + used, "%s\"cause-%d\"", i ? "," : "", i);
	used += (size_t)sprintf(line + used, "],\"summary\":\"last\"}");
	assert_int_equal(stream_parse(line, used, &ev), 0);
	assert_string_equal(ev.attempt.evidence[EVENT_EVIDENCE - 1].text, "11");
	assert_string_equal(ev.attempt.alternatives[EVENT_ALTERNATIVES - 1], "cause-7");
	assert_string_equal(ev.attempt.summary, "last");
}

static bool is_clean(const char *s)
{
	for (size_t n = strlen(s); n > 0;) {
		uint32_t cp;
		size_t len = text_decode(s, n, &cp);

		if (len == 0 || text_columns(cp) == 0)
			return false;
		s += len;
		n -= len;
	}
	return true;
}

static void test_hostile_texts(void **state)
{
	static const struct {
		const char *json, *want;
	} cases[] = {
		{"\\u001b[2J", "\\x1b[2J"},
		{"a\\nb\\rc\\td", "a\\x0ab\\x0dc\\x09d"},
		{"a\\u0000b", "a\\x00b"},
		{"\\u202e", "\\xe2\\x80\\xae"},
		{"\\u200b", "\\xe2\\x80\\x8b"},
		{"\x1b[2J", "\\x1b[2J"},
		{"\xff", "\\xff"},
		{"\xc3\xa9\\\\\\\"", "\xc3\xa9\\\""},
		{"\\u009b", "\\xc2\\x9b"},
	};
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char line[256];
		struct event ev;
		int r;

		snprintf(line, sizeof(line), "{\"type\":\"bye\",\"t\":1,\"reason\":\"%s\"}",
			cases[i].json);
		r = parse(line, &ev);
		if (r == -EBADMSG)
			continue; /* refused is as good as cleaned */
		note(failures, r == 0 && strcmp(ev.bye.reason, cases[i].want) == 0,
			"case %zu: \"%s\"", i, r == 0 ? ev.bye.reason : "");
	}
	expect(failures == 0, "%d wrong", failures);
}

/* NUL and control bytes anywhere in a line: refused, or what is told is clean. */
static void test_bytes_everywhere(void **state)
{
	static const char bytes[] = {0, 1, 9, 10, 13, 27, 127, (char)0x80, (char)0xff};
	static char line[STREAM_LINE];
	struct event ev = filled(EVENT_LISTENER, false);
	size_t n = (size_t)stream_format(&ev, line, sizeof(line)) - 1;

	(void)state;
	for (size_t at = 0; at < n; at++) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			char before = line[at];
			int r;

			line[at] = bytes[i];
			r = stream_parse(line, n, &ev);
			line[at] = before;
			assert_true(r == 0 || r == -EBADMSG || r == -ENOMSG);
			if (r < 0)
				continue;
			expect(is_clean(ev.listener.addr) && is_clean(ev.listener.owner.comm) &&
					is_clean(ev.listener.owner.container) &&
					is_clean(ev.listener.event),
				"byte %d at %zu", bytes[i], at);
		}
	}
	for (size_t cut = 0; cut < n; cut++)
		assert_int_not_equal(stream_parse(line, cut, &ev), 0);
}

/* Texts that the system gave, written raw by mistake, still make one line. */
static void test_written_line_is_one_line(void **state)
{
	struct event ev = filled(EVENT_BYE, false);
	static char line[STREAM_LINE];
	int n;

	(void)state;
	strcpy(ev.bye.reason, "a\nb\x1b\x01");
	n = stream_format(&ev, line, sizeof(line));
	assert_true(n > 0);
	for (int i = 0; i < n - 1; i++)
		assert_true((unsigned char)line[i] >= 0x20);
}

static void test_writer(void **state)
{
	enum {
		LINES = 300,
	};
	static char text[LINES * 512];
	FILE *f = tmpfile();
	struct sink *sink = stream_writer_new(fileno(f));
	struct event ev = filled(EVENT_TICK, false);
	size_t n;
	int lines = 0;

	(void)state;
	assert_non_null(sink);
	for (int i = 0; i < LINES; i++) {
		ev.tick.attempts = i;
		sink->event(sink, &ev);
	}
	assert_int_equal(stream_writer_flush(sink), 0);
	stream_writer_free(sink);
	stream_writer_free(NULL);
	rewind(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	for (char *p = text, *end; (end = memchr(p, '\n', n - (size_t)(p - text)));
		p = end + 1, lines++) {
		struct event back;

		assert_int_equal(stream_parse(p, (size_t)(end - p), &back), 0);
		assert_int_equal(back.tick.attempts, lines);
	}
	assert_int_equal(lines, LINES);
}

static void test_writer_error(void **state)
{
	struct sink *sink = stream_writer_new(-1);
	struct event ev = filled(EVENT_TICK, false);

	(void)state;
	sink->event(sink, &ev);
	assert_int_equal(stream_writer_flush(sink), -EBADF);
	for (int i = 0; i < 1000; i++)
		sink->event(sink, &ev);
	assert_int_equal(stream_writer_flush(sink), -EBADF); /* kept */
	stream_writer_free(sink);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_texts_round_trip),
		cmocka_unit_test(test_times_round_trip),
		cmocka_unit_test(test_numbers_round_trip),
		cmocka_unit_test(test_absurd_numbers),
		cmocka_unit_test(test_largest_number_round_trips),
		cmocka_unit_test(test_small_buffer),
		cmocka_unit_test(test_unknown_is_ignored),
		cmocka_unit_test(test_wrong_types),
		cmocka_unit_test(test_trailing_bytes),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_long_lists),
		cmocka_unit_test(test_hostile_texts),
		cmocka_unit_test(test_bytes_everywhere),
		cmocka_unit_test(test_written_line_is_one_line),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_writer_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
