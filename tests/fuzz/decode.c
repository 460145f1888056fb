/* decode.c - fuzzes the packet decoder: the first byte chooses the link type, the rest is the
 * packet. */
#include "collect/decode.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const int links[] = {LINK_ETHERNET, LINK_SLL, LINK_SLL2, LINK_NULL, LINK_LOOP, LINK_RAW,
	LINK_RAW_BSD, LINK_IPV4, LINK_IPV6, 9999};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct segment s, untouched;
	int link, r;

	if (n == 0)
		return 0;
	link = links[data[0] % (sizeof(links) / sizeof(links[0]))];
	memset(&s, 0x5a, sizeof(s));
	untouched = s;
	r = decode_packet(link, data + 1, n - 1, &s);
	if (r < 0 && memcmp(&s, &untouched, sizeof(s)) != 0)
		abort(); /* a failure leaves nothing behind */
	if (r > 0 ||
		(r == 0 && (s.kind > SEGMENT_IS_AT || s.way > WAY_OTHER || !decode_knows(link))))
		abort();
	return 0;
}
