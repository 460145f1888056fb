/* containers.h - what people call a container: by its control group and the state files of its runtime. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * "web (0123456789ab)" of a process in a container whose runtime keeps its name where we know of (Docker, Podman,
 * CRI-O, containerd), "0123456789ab" where not, the machine's name for systemd-nspawn and LXC; "" for none. Clean text.
 * Returns ret.
 */
const char *container_of_process(int32_t pid, char *ret, size_t size);

/* The same of an id of 64 hex digits. */
const char *container_by_id(const char *id, char *ret, size_t size);
