/* owner.h - which process holds a socket: looked up by inode in /proc, by whoever may look there. */
#pragma once

#include "fact.h"

#include <stddef.h>

enum {
	OWNER_BATCH = 64,
};

/* As read from /proc: raw bytes, not yet clean. Fixed size, since it crosses a process boundary. */
struct owner_record {
	uint32_t inode;
	int32_t pid; /* 0: not found */
	uint32_t holders; /* how many processes have it */
	char comm[32];
	char cmdline[160]; /* arguments separated by blanks */
	char user[40];
	char cgroup[320];
};

/*
 * Fills the records' fields for the inodes they name, in one walk of /proc. Where several processes hold
 * a socket, the one with the lowest pid other than 1 is taken (the parent of workers).
 */
void owner_find(struct owner_record *records, size_t n);

/* The control group of a process, raw; "" where it is not known. */
void owner_cgroup(int32_t pid, char *ret, size_t size);

/* The container that a control group belongs to, clean: an id's first digits, or a machine's name; "" for none. Pure. */
void owner_container(const char *cgroup, char *ret, size_t size);

/* A record made safe to show, with unit and container taken out of the cgroup path. Pure. */
void owner_from_record(const struct owner_record *record, struct owner *ret_owner);
