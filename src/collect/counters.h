/* counters.h - the TCP/IP counters of a network namespace, from /proc/net. */
#pragma once

#include "fact.h"

#include <stddef.h>

struct counter_files;

/*
 * Opens snmp and netstat of the calling thread's namespace, and snmp6 and stat/nf_conntrack where there are
 * such. NULL with errno.
 */
struct counter_files *counter_files_open(void);
void counter_files_close(struct counter_files *f);

/* Reads them anew, without the time. 0 or -errno; *ret_counters is untouched then. */
int counter_files_read(struct counter_files *f, struct counters *ret_counters);

/*
 * Adds the counters of one file's text (pairs of lines: names, values) to ret_counters; what is not
 * there stays 0. 0, or -EBADMSG when names and values do not pair up. Pure.
 */
int counters_parse(const char *text, size_t n, struct counters *ret_counters);

/* The same of snmp6: a line a counter, name and value. 0 or -EBADMSG. Pure. */
int counters_parse_lines(const char *text, size_t n, struct counters *ret_counters);

/*
 * The same of stat/nf_conntrack: a line of names, then a line of hexadecimal values a CPU, which are summed. A
 * kernel without connection tracking has no such file. 0 or -EBADMSG. Pure.
 */
int counters_parse_conntrack(const char *text, size_t n, struct counters *ret_counters);
