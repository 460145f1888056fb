/* wheel.h - a hashed timing wheel over numbered slots: deadlines in constant time. */
#pragma once

#include <stdint.h>

struct wheel;

#define WHEEL_NONE UINT32_MAX

/* A wheel for the numbers 0 to n-1. NULL with errno. */
struct wheel *wheel_new(uint32_t n);
void wheel_free(struct wheel *w);

/* Sets the one deadline of a number (microseconds), replacing an earlier one. */
void wheel_set(struct wheel *w, uint32_t i, int64_t due);
void wheel_cancel(struct wheel *w, uint32_t i);

/* Time may go back: the next pop looks at every slot. */
void wheel_rewind(struct wheel *w);

/* A number whose deadline has passed at now, its deadline cancelled; WHEEL_NONE: no more. */
uint32_t wheel_pop(struct wheel *w, int64_t now);

/* The deadline of a number; -1: none. */
int64_t wheel_due(const struct wheel *w, uint32_t i);

/* How many deadlines are set. */
uint32_t wheel_pending(const struct wheel *w);
