/* namespaces.h - who listens on a port in another network namespace: for who may enter it (CAP_SYS_ADMIN). */
#pragma once

#include "fact.h"
#include "owner.h"

/* As it crosses a process boundary: fixed size, raw text in owner. */
struct elsewhere_record {
	bool found;
	bool complete; /* every namespace that is known by process or by name was looked into */
	struct socket_row row;
	struct owner_record owner;
	char netns[64]; /* a name of ip-netns(8); "": none */
};

/*
 * Looks through the namespaces of all processes, and the named ones, for a listener of the port; the calling
 * thread's own is left out. Enters each and comes back: only for a single thread. No namespace is held on to.
 */
void namespaces_find_listener(uint16_t port, struct elsewhere_record *ret);
