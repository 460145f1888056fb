/* stream.c - events as JSON Lines. */
#include "stream.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct out {
	char *buf;
	size_t size, used;
	bool comma;
};

static void put(struct out *o, const char *bytes, size_t n)
{
	if (o->used + n < o->size)
		memcpy(o->buf + o->used, bytes, n);
	o->used += n;
}

static void put_text(struct out *o, const char *s)
{
	size_t n = strlen(s);

	put(o, "\"", 1);
	while (n > 0) {
		uint32_t cp;
		size_t len = text_decode(s, n, &cp);

		if (*s == '"' || *s == '\\')
			put(o, "\\", 1);
		if (len > 0 && cp >= 0x20) /* nothing else may pass, though clean text has nothing else */
			put(o, s, len);
		len += len == 0; /* half a character, where a sentence was cut to fit */
		s += len;
		n -= len;
	}
	put(o, "\"", 1);
}

static void put_number(struct out *o, int64_t v)
{
	char text[24];

	put(o, text, (size_t)snprintf(text, sizeof(text), "%" PRId64, v));
}

static void put_time(struct out *o, int64_t v)
{
	char text[32];
	const char *sign = v < 0 ? "-" : "";
	uint64_t u = v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v;

	put(o, text, (size_t)snprintf(text, sizeof(text), "%s%" PRIu64 ".%06" PRIu64, sign,
		u / (uint64_t)USEC, u % (uint64_t)USEC));
}

static void put_name(struct out *o, const char *name)
{
	if (o->comma)
		put(o, ",", 1);
	put_text(o, name);
	put(o, ":", 1);
	o->comma = true;
}

static void put_fields(struct out *o, const struct field *f, const char *base);

static void put_object(struct out *o, const struct field *sub, const char *base)
{
	put(o, "{", 1);
	o->comma = false;
	put_fields(o, sub, base);
	put(o, "}", 1);
	o->comma = true;
}

static void put_list(struct out *o, const struct field *f, const char *at)
{
	put(o, "[", 1);
	for (size_t i = 0; i < f->max && at[i * f->size]; i++) {
		if (i > 0)
			put(o, ",", 1);
		if (f->kind == FIELD_TEXTS)
			put_text(o, at + i * f->size);
		else
			put_object(o, f->sub, at + i * f->size);
	}
	put(o, "]", 1);
}

static bool is_empty(const struct field *f, const char *at)
{
	int64_t v;

	if (f->kind != FIELD_INT && f->kind != FIELD_TIME)
		return !*at;
	memcpy(&v, at, sizeof(v));
	return v == 0;
}

static void put_field(struct out *o, const struct field *f, const char *at)
{
	int64_t v;

	if (f->kind == FIELD_INLINE) {
		put_fields(o, f->sub, at);
		return;
	}
	if (f->optional && is_empty(f, at))
		return;
	put_name(o, f->name);
	switch (f->kind) {
	case FIELD_INT:
		memcpy(&v, at, sizeof(v));
		put_number(o, v);
		break;
	case FIELD_TIME:
		memcpy(&v, at, sizeof(v));
		put_time(o, v);
		break;
	case FIELD_TEXT:
		put_text(o, at);
		break;
	case FIELD_OBJECT:
		put_object(o, f->sub, at);
		break;
	case FIELD_OBJECTS:
	case FIELD_TEXTS:
		put_list(o, f, at);
		break;
	case FIELD_INLINE:
		break;
	}
}

static void put_fields(struct out *o, const struct field *f, const char *base)
{
	for (; f->name; f++)
		put_field(o, f, base + f->offset);
}

/* The struct that an event's field offsets count from. */
static char *event_body(struct event *ev)
{
	return (char *)&ev->hello;
}

int stream_format(const struct event *ev, char *buf, size_t size)
{
	const struct event_description *d = &event_descriptions[ev->type];
	struct out o = {buf, size, 0, false};

	put(&o, "{", 1);
	put_name(&o, "type");
	put_text(&o, d->name);
	put_name(&o, "t");
	put_time(&o, ev->t);
	put_fields(&o, d->fields, (const char *)&ev->hello);
	put(&o, "}\n", 2);
	return o.used < size ? (int)o.used : -ENOSPC;
}

static int get_fields(struct json_object *object, const struct field *f, char *base);

static int get_list(struct json_object *v, const struct field *f, char *at)
{
	size_t n;

	if (!json_object_is_type(v, json_type_array))
		return -EBADMSG;
	n = json_object_array_length(v);
	for (size_t i = 0; i < n && i < f->max; i++) {
		struct json_object *item = json_object_array_get_idx(v, i);
		char *slot = at + i * f->size;

		if (f->kind == FIELD_OBJECTS) {
			if (get_fields(item, f->sub, slot) < 0)
				return -EBADMSG;
		} else if (json_object_is_type(item, json_type_string)) {
			text_clean(slot, f->size, json_object_get_string(item),
				(size_t)json_object_get_string_len(item));
		} else {
			return -EBADMSG;
		}
	}
	return 0;
}

static int get_number(struct json_object *v, double scale, char *at)
{
	bool whole = json_object_is_type(v, json_type_int);
	double d = json_object_get_double(v) * scale;
	int64_t n;

	if (!whole && !json_object_is_type(v, json_type_double))
		return -EBADMSG;
	if (!(whole && scale == 1) && !(d > -9e18 && d < 9e18))
		return -EBADMSG;
	n = whole && scale == 1 ? json_object_get_int64(v) : llround(d);
	memcpy(at, &n, sizeof(n));
	return 0;
}

/* Counts that can be added and compared without a thought: what every reader of JSON can hold (RFC 7493, 2.2). */
static const int64_t largest_count = INT64_C(1) << 53;
static const int64_t largest_time = 253402300800 * USEC; /* the year 10000 */

/* An id is only compared, and uses all 63 bits. */
static int get_bounded(struct json_object *v, const struct field *f, char *at)
{
	int64_t n, most = f->kind == FIELD_TIME ? largest_time : strcmp(f->name, "id") == 0 ? INT64_MAX : largest_count;
	int r = get_number(v, f->kind == FIELD_TIME ? (double)USEC : 1, (char *)&n);

	if (r < 0)
		return r;
	if (n > most || n < -most)
		return -EBADMSG;
	memcpy(at, &n, sizeof(n));
	return 0;
}

static int get_field(struct json_object *v, const struct field *f, char *at)
{
	switch (f->kind) {
	case FIELD_INT:
	case FIELD_TIME:
		return get_bounded(v, f, at);
	case FIELD_TEXT:
		if (!json_object_is_type(v, json_type_string))
			return -EBADMSG;
		text_clean(at, f->size, json_object_get_string(v),
			(size_t)json_object_get_string_len(v));
		return 0;
	case FIELD_OBJECT:
		return get_fields(v, f->sub, at);
	case FIELD_OBJECTS:
	case FIELD_TEXTS:
		return get_list(v, f, at);
	case FIELD_INLINE:
		break;
	}
	return 0;
}

static int get_fields(struct json_object *object, const struct field *f, char *base)
{
	if (!json_object_is_type(object, json_type_object))
		return -EBADMSG;
	for (; f->name; f++) {
		struct json_object *v;
		int r = 0;

		if (f->kind == FIELD_INLINE)
			r = get_fields(object, f->sub, base + f->offset);
		else if (json_object_object_get_ex(object, f->name, &v) && v)
			r = get_field(v, f, base + f->offset);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_object(struct json_object *object, struct event *ev)
{
	struct json_object *v;
	const char *name;

	if (!json_object_is_type(object, json_type_object) ||
		!json_object_object_get_ex(object, "type", &v) ||
		!json_object_is_type(v, json_type_string))
		return -EBADMSG;
	name = json_object_get_string(v);
	for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
		if (strcmp(name, event_descriptions[type].name) != 0)
			continue;
		ev->type = (enum event_type)type;
		if (!json_object_object_get_ex(object, "t", &v) ||
			get_number(v, (double)USEC, (char *)&ev->t) < 0 || ev->t > largest_time || ev->t < -largest_time)
			return -EBADMSG;
		return get_fields(object, event_descriptions[type].fields, event_body(ev));
	}
	return -ENOMSG;
}

static bool only_blanks(const char *line, size_t from, size_t n)
{
	while (from < n && (line[from] == ' ' || line[from] == '\t' || line[from] == '\r'))
		from++;
	return from >= n;
}

int stream_parse(const char *line, size_t n, struct event *ret_event)
{
	static const struct event empty;
	struct json_tokener *tok;
	struct json_object *object;
	struct event ev = empty;
	int r = -EBADMSG;

	if (n >= STREAM_LINE)
		return -EBADMSG;
	tok = json_tokener_new_ex(8);
	if (!tok)
		return -ENOMEM;
	object = json_tokener_parse_ex(tok, line, (int)n);
	if (json_tokener_get_error(tok) == json_tokener_continue && !object)
		object = json_tokener_parse_ex(tok, "", 1);
	if (object && only_blanks(line, json_tokener_get_parse_end(tok), n))
		r = parse_object(object, &ev);
	if (r == 0)
		*ret_event = ev;
	json_object_put(object);
	json_tokener_free(tok);
	return r;
}

struct writer {
	struct sink sink;
	int fd, error;
	size_t used;
	char buf[4 * STREAM_LINE];
};

static struct writer *writer_of(struct sink *sink)
{
	return (struct writer *)(void *)sink;
}

int stream_writer_flush(struct sink *sink)
{
	struct writer *w = writer_of(sink);
	size_t done = 0;

	while (done < w->used && w->error == 0) {
		ssize_t n = write(w->fd, w->buf + done, w->used - done);

		if (n < 0 && errno != EINTR)
			w->error = -errno;
		else if (n > 0)
			done += (size_t)n;
	}
	w->used = 0;
	return w->error;
}

static void writer_event(struct sink *sink, const struct event *ev)
{
	struct writer *w = writer_of(sink);
	int n;

	if (sizeof(w->buf) - w->used < STREAM_LINE)
		stream_writer_flush(sink);
	n = stream_format(ev, w->buf + w->used, sizeof(w->buf) - w->used);
	if (n > 0)
		w->used += (size_t)n;
}

struct sink *stream_writer_new(int fd)
{
	struct writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->sink.event = writer_event;
	w->fd = fd;
	return &w->sink;
}

void stream_writer_free(struct sink *sink)
{
	free(sink ? writer_of(sink) : NULL);
}
