/* pages.h - memory that is taken at the start and touched a little later, when the first screen is up. */
#pragma once

#include <stddef.h>

/* Touches each page of memory that is in use or zero; its contents stay. So that a flood does not make the process grow. */
static inline void pages_touch(void *memory, size_t n)
{
	enum {
		PAGE = 4096,
	};
	volatile char *p = memory;

	for (size_t i = 0; i < n; i += PAGE)
		p[i] = p[i];
}
