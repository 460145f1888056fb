/* netns_reach.h - by what, if anything, a listener of another network namespace can be reached from this one. */
#pragma once

#include "fact.h"

/* The namespace that one starts from. */
struct netns_home {
	int fd; /* -1: not known */
	bool has_gateway;
	struct ip gateway; /* of its default route over IPv4 */
};

/* Of the calling thread's namespace; netns_home_close() takes what failed too. */
struct netns_home netns_home_open(void);
void netns_home_close(struct netns_home *home);

/*
 * Called inside the other namespace: how near its listener is to home, and the address that reaches it (any where there
 * is none).
 */
enum elsewhere_reach netns_reach(const struct netns_home *home, const struct socket_row *row, struct ip *ret_addr);
