/* processes.h - what a process is doing, from /proc: read by whoever may look there. */
#pragma once

#include "fact.h"

#include <stddef.h>

/* Fills *ret; pid 0 in it when there is no such process. Fields that may not be read stay 0 or empty. */
void process_read(int32_t pid, struct process *ret);

/*
 * Of all that hold the socket with this inode the one that matters: where none of the workers can serve - stopped, frozen,
 * out of descriptors - one of these, and decides is true. The master of a prefork server does not count. Walks /proc.
 */
void process_of_socket(uint32_t inode, struct process *ret);

/* The choice alone. Pure. */
void process_choose(const struct process *all, size_t n, struct process *ret);

bool process_is_stopped(const struct process *p);
bool process_is_out_of_fds(const struct process *p);
