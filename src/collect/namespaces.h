/* namespaces.h - the network namespaces of this host: for who may enter them (CAP_SYS_ADMIN). */
#pragma once

#include "fact.h"
#include "owner.h"

#include <sys/types.h>

enum {
	NAMESPACES_MAX = 1024,
	NAMESPACE_NAME = 64,
};

/* One of them, and how to get in; nothing is held open. */
struct namespace_entry {
	ino_t ino;
	int32_t pid;               /* of a process in it, the lowest; 0: only a name keeps it */
	char file[NAMESPACE_NAME]; /* its name below /run/netns (ip-netns(8)); "": none. Raw */
};

/*
 * All that processes are in or that have a name, the calling thread's own left out. Returns how many were put into
 * entries (NAMESPACES_MAX of them); *ret_complete: there were no more. Opens and closes; pins none.
 */
size_t namespaces_list(struct namespace_entry *entries, bool *ret_complete);

/* The same without the processes that ignore() says do not count. */
size_t namespaces_list_but(struct namespace_entry *entries, bool *ret_complete, bool (*ignore)(void *ctx, int32_t pid),
	void *ctx);

/* An open descriptor of the namespace, or -errno: it may have gone since. */
int namespace_open(const struct namespace_entry *e);

/* What people call it, clean: the container's name, else the machine's or ip-netns's, else that of a process in
 * it; "" where there is none. True: it is a container's. */
bool namespace_name(const struct namespace_entry *e, char *ret, size_t size);

/* Runs a function inside, and comes back; only for a single thread. -errno when it could not be entered. */
int namespace_visit(int fd, void (*visit)(void *ctx), void *ctx);

/* Who listens in another namespace. As it crosses a process boundary: fixed size, raw text in owner. */
struct elsewhere_record {
	bool found;
	bool complete;  /* every namespace was looked into */
	bool address;   /* find_target: a namespace with this address was found, and netns names it */
	uint8_t reach;  /* enum elsewhere_reach of row, and by which address */
	struct ip reach_addr;
	bool container; /* netns is a container's name */
	int32_t pid;    /* of a process in the namespace; 0: none */
	struct socket_row row;
	struct owner_record owner;
	char netns[NAMESPACE_NAME];
};

/* A listener of the port in another namespace: of several the one that is nearest to being reached from here. */
void namespaces_find_listener(uint16_t port, struct elsewhere_record *ret);

/* The namespace that has this address, and the listener of the port there that comes nearest to taking it. */
void namespaces_find_target(const struct ip *addr, uint16_t port, struct elsewhere_record *ret);
