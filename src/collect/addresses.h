/* addresses.h - this host's own addresses, over rtnetlink. */
#pragma once

#include "base/ip.h"

#include <stddef.h>

struct addresses;

/* NULL with errno. */
struct addresses *addresses_new(void);
void addresses_free(struct addresses *a);

/* All addresses of all interfaces, max at most. 0 with *ret_n, -ENOSPC, or -errno. */
int addresses_read(struct addresses *a, struct ip *ret_ips, size_t max, size_t *ret_n);

/* A descriptor that is readable when an address came or went; addresses_drain() empties it. */
int addresses_fd(const struct addresses *a);
void addresses_drain(struct addresses *a);
