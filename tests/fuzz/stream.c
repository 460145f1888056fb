/*
 * stream.c - fuzzes the reader of recordings: what was read can be written, and reads as the same
 * again.
 */
#include "base/text.h"
#include "event/stream.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_clean(const char *line, size_t n)
{
	while (n > 0) {
		uint32_t cp;
		size_t len = text_decode(line, n, &cp);

		if (len == 0 || text_columns(cp) == 0)
			abort();
		line += len;
		n -= len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char first[STREAM_LINE], second[STREAM_LINE];
	struct event ev, again;
	int len;

	if (stream_parse((const char *)data, n, &ev) != 0)
		return 0;
	if (ev.t < -(INT64_C(1) << 52) || ev.t > INT64_C(1) << 52)
		return 0; /* times past the year 2112 are not exact in a double, by design */
	len = stream_format(&ev, first, sizeof(first));
	if (len <= 0 || first[len - 1] != '\n')
		abort();
	check_clean(first, (size_t)len - 1);
	if (stream_parse(first, (size_t)len - 1, &again) != 0)
		abort();
	if (stream_format(&again, second, sizeof(second)) != len ||
		memcmp(first, second, (size_t)len) != 0)
		abort();
	return 0;
}
