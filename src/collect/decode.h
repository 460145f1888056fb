/* decode.h - bytes of a captured packet in, a segment out: pure, and no input can crash it. */
#pragma once

#include "fact.h"

#include <stddef.h>
#include <stdint.h>

/* Link types, by their DLT_ numbers (https://www.tcpdump.org/linktypes.html). */
enum link_type {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW_BSD = 12,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_SLL2 = 276,
};

/* Whether decode_packet() knows this link type. */
bool decode_knows(int link_type);

/*
 * Decodes one packet of n captured bytes. 0 with *ret_segment filled, its time and interface left 0
 * unless the link header has them; -ENOMSG when it is no TCP segment and no ICMP error about one;
 * -EBADMSG when it is cut short or contradicts itself. Fragments past the first are -ENOMSG.
 */
int decode_packet(int link_type, const uint8_t *data, size_t n, struct segment *ret_segment);
