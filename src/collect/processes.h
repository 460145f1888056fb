/* processes.h - what a process is doing, from /proc: read by whoever may look there. */
#pragma once

#include "fact.h"

/* Fills *ret; pid 0 in it when there is no such process. Fields that may not be read stay 0 or empty. */
void process_read(int32_t pid, struct process *ret);
