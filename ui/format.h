/* format.h - numbers and times as the screens write them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* 1234 as "1234", 123456 as "123k": four columns. Returns buf. */
const char *format_number(int64_t v, char *buf, size_t size);

/* Microseconds as "12 s", "3 min", "2 h", "4 d". Returns buf. */
const char *format_span(int64_t usec, char *buf, size_t size);

/* A time of day, "13:17:06". Returns buf. */
const char *format_clock(int64_t t, char *buf, size_t size);

/* Cuts a text that is wider than width in its middle, with "~" in place of what is left out: both ends of an address tell. */
void format_middle(char *text, int width);

/* "192.0.2.1:80", "[2001:db8::1]:80"; without a port where it is 0. Returns buf. */
const char *format_endpoint(const char *addr, int64_t port, char *buf, size_t size);

/* A time since the first packet of an attempt: "0", "+12 us", "+0.52 ms", "+2.013 s". Returns buf. */
const char *format_offset(int64_t usec, char *buf, size_t size);
