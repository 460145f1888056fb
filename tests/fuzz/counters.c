/* counters.c - fuzzes the readers of /proc/net/snmp and netstat, snmp6 and stat/nf_conntrack. */
#include "collect/counters.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static int (*const parsers[])(const char *text, size_t n, struct counters *ret_counters) = {
		counters_parse, counters_parse_lines, counters_parse_conntrack};

	for (size_t i = 0; i < sizeof(parsers) / sizeof(parsers[0]); i++) {
		struct counters c = {.t = 42}, again = {.t = 42};
		int r = parsers[i]((const char *)data, n, &c);

		if (c.t != 42 || r > 0)
			abort();
		if (parsers[i]((const char *)data, n, &again) != r || memcmp(&c, &again, sizeof(c)) != 0)
			abort(); /* the same text tells the same */
	}
	return 0;
}
