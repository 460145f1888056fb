/* format.c - numbers and times as the screens write them. */
#include "format.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define USEC INT64_C(1000000)

const char *format_number(int64_t v, char *buf, size_t size)
{
	if (v < 10000)
		snprintf(buf, size, "%" PRId64, v);
	else if (v < 1000000)
		snprintf(buf, size, "%" PRId64 "k", v / 1000);
	else
		snprintf(buf, size, "%" PRId64 "M", v / 1000000);
	return buf;
}

const char *format_span(int64_t usec, char *buf, size_t size)
{
	int64_t s = usec < 0 ? 0 : usec / USEC;

	if (s < 90)
		snprintf(buf, size, "%" PRId64 " s", s);
	else if (s < 5400)
		snprintf(buf, size, "%" PRId64 " min", s / 60);
	else if (s < 172800)
		snprintf(buf, size, "%" PRId64 " h", s / 3600);
	else
		snprintf(buf, size, "%" PRId64 " d", s / 86400);
	return buf;
}

const char *format_clock(int64_t t, char *buf, size_t size)
{
	time_t seconds = (time_t)(t / USEC);
	struct tm tm;

	buf[0] = '\0';
	if (localtime_r(&seconds, &tm))
		strftime(buf, size, "%H:%M:%S", &tm);
	return buf;
}

void format_middle(char *text, int width)
{
	int n = (int)strlen(text), head = (width - 1) / 2, tail = width - 1 - head;

	if (n <= width || width < 3)
		return;
	text[head] = '~';
	memmove(text + head + 1, text + n - tail, (size_t)tail + 1);
}

const char *format_endpoint(const char *addr, int64_t port, char *buf, size_t size)
{
	bool v6 = strchr(addr, ':') != NULL && !strchr(addr, '/');

	if (port <= 0)
		snprintf(buf, size, "%s", addr);
	else
		snprintf(buf, size, "%s%s%s:%" PRId64, v6 ? "[" : "", addr, v6 ? "]" : "", port);
	return buf;
}

const char *format_offset(int64_t usec, char *buf, size_t size)
{
	const char *sign = usec < 0 ? "-" : "+";
	uint64_t u = usec < 0 ? (uint64_t)0 - (uint64_t)usec : (uint64_t)usec;

	if (u == 0)
		snprintf(buf, size, "0");
	else if (u < 1000)
		snprintf(buf, size, "%s%u us", sign, (unsigned int)u);
	else if (u < 100000)
		snprintf(buf, size, "%s%.2f ms", sign, (double)u / 1000);
	else if (u < 100 * (uint64_t)USEC)
		snprintf(buf, size, "%s%.3f s", sign, (double)u / (double)USEC);
	else
		snprintf(buf, size, "%s%" PRIu64 " s", sign, u / (uint64_t)USEC);
	return buf;
}
