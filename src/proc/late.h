/* late.h - opens the kernel's reasons beside the first screen, which would have to wait for them. */
#pragma once

#include <stdint.h>

/*
 * Theory of operation
 *
 * Reading the kernel's type information and having two programs verified takes some 40 ms. With a screen the broker
 * does it in a thread of its own, while the worker draws what is known already, and then hands it the ring buffer.
 */
struct late;

/* Begins; socket is where the worker waits with kernel_receive(), and is closed when all is said. NULL with errno. */
struct late *late_start(uint32_t netns, int socket);

/* Waits for the end of it, and closes what was opened. */
void late_stop(struct late *l);
