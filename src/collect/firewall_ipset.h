/* firewall_ipset.h - what a set of ipset(8) is called, of which a rule has the number. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Raw, in the calling thread's network namespace. False: there is none, or it may not be asked (CAP_NET_ADMIN). */
bool ipset_name(uint16_t index, char *ret, size_t size);
