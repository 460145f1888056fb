/* inventory.h - what this namespace is like: its interfaces, and the settings that decide over connections. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	INVENTORY_MAX = 192,
};

/* All text is clean. */
struct inventory_item {
	char kind[12];  /* interface, sysctl */
	char name[64];
	char value[96];
	char note[120]; /* what it is for; "" */
};

/* Reads all of it anew into ret (INVENTORY_MAX items); returns how many. What cannot be read is left out. */
size_t inventory_read(struct inventory_item *ret);
