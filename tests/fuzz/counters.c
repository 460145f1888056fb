/* counters.c - fuzzes the reader of /proc/net/snmp and netstat. */
#include "collect/counters.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct counters c = {.t = 42};

	counters_parse((const char *)data, n, &c);
	if (c.t != 42)
		abort();
	return 0;
}
