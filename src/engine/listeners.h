/* listeners.h - who listens where, since when, and who did and went: history by cookie. */
#pragma once

#include "base/table.h"
#include "fact.h"

enum {
	LISTENERS_MAX = 65536, /* live ones; memory is touched as they come */
	LISTENERS_GONE = 2048, /* those that went and are remembered */
	LISTENER_SAMPLES = 32,
	LISTENER_FIRST = 2,    /* samples that a listener has room for before its queue or its drops move */
	LISTENER_INODES = 16384, /* chains by inode */
};

/* How near a listener comes to taking a SYN; a larger one is nearer. */
enum near {
	NEAR_NOTHING,  /* another port */
	NEAR_LOOPBACK, /* the right port on loopback, and the SYN did not dial that address */
	NEAR_ADDRESS,  /* another specific address */
	NEAR_V4ONLY,   /* a SYN over IPv6, and only IPv4 is listened on */
	NEAR_V6ONLY,   /* and the other way round */
	NEAR_DEVICE,   /* all fits but the interface */
	NEAR_ACCEPTS,
};

struct listener_sample {
	int64_t t;
	uint32_t drops, queue, queue_max;
};

/* Its neighbours in a ring of listeners, by their index in the table. */
struct listener_link {
	uint32_t next, before;
};

struct listener {
	struct socket_row row;
	struct owner owner;
	bool owner_known, announced;
	int64_t absent; /* latest moment at which it was known not to be there; 0: found at start */
	int64_t up;     /* first seen */
	int64_t seen;   /* last seen in a snapshot */
	int64_t gone;   /* when it went: exact by multicast, else the first poll without it; 0: live */
	bool gone_exact;
	int64_t waiting_since; /* since when its accept queue has not been empty; 0: it is */
	int64_t accepted_before; /* connections of its port that were accepted before it came */
	uint32_t drops_told; /* where packets are not watched: drops up to here were looked into */
	int64_t dropped_after; /* a drop since was seen, and is judged with the next sample; 0: none */
	uint8_t missed;     /* polls without it, one after another */
	uint32_t announce_queue, announce_queue_max;
	int64_t announce_by; /* when it is announced even without its owner; later: not again before */
	uint32_t n_samples; /* how many changes of queue or drops were seen; the last ones are kept */
	struct listener_sample first[LISTENER_FIRST];
	struct listener_sample *ring; /* LISTENER_SAMPLES of them; NULL: first is enough so far */
	struct listener_link by_port, by_inode;
};

struct listeners {
	struct table *table; /* cookie -> struct listener */
	uint32_t ports[65536];            /* 1 + the first listener of a port; 0: there is none */
	uint32_t inodes[LISTENER_INODES]; /* likewise, by the low bits of the inode */
	int64_t last_poll;  /* 0: never */
	int64_t last_whole; /* the last one that showed all of them */
	uint64_t came, went;
	uint64_t refused;   /* that were seen and not kept, since all places were taken */
};

int listeners_init(struct listeners *l, struct hash_key key);
void listeners_fini(struct listeners *l);

/*
 * Takes a complete LISTEN snapshot made at t. Calls changed for each listener that came (up == t), went
 * (gone != 0), or changed its queue. A listener that is missing once is kept, since one dump may lack
 * a row; true is returned then, and the caller should poll again soon.
 */
bool listeners_poll(struct listeners *l, int64_t t, const struct socket_row *rows, size_t n,
	void (*changed)(void *ctx, struct listener *one), void *ctx);

/*
 * The same of a snapshot that is not complete but for one port (0: for none): what is missing from it, and is not of
 * that port, may be there all the same.
 */
bool listeners_poll_some(struct listeners *l, int64_t t, const struct socket_row *rows, size_t n, uint16_t whole,
	void (*changed)(void *ctx, struct listener *one), void *ctx);

/* Moves all times, when the clock was set. */
void listeners_shift(struct listeners *l, int64_t delta);

/* The destroy multicast named this cookie. Returns the listener when it was a live one. */
struct listener *listeners_destroyed(struct listeners *l, int64_t t, uint64_t cookie);

/* The next listener of a port, live or gone; NULL starts and ends. */
struct listener *listeners_next(struct listeners *l, uint16_t port, struct listener *after);

/* The listener of this inode, or NULL. */
struct listener *listeners_of_inode(struct listeners *l, uint32_t inode);

/* How near a row comes to taking a SYN to addr that entered by ifindex (0: not known). */
enum near listener_near(const struct socket_row *row, const struct ip *addr, uint32_t ifindex);

/* The row's reach as in the event stream: loopback, everyone, address, link-local, device. */
const char *listener_reach(const struct socket_row *row);

/* ipv4, ipv6 or dual. */
const char *listener_family(const struct socket_row *row);

/*
 * By how much the listener's own drop counter grew after t. *ret_exact is false when no sample before t
 * is kept: then it is at least that much.
 */
uint32_t listener_drops_since(const struct listener *l, int64_t t, bool *ret_exact);

/* The fullest accept queue seen at or after t, or the last one seen. */
struct listener_sample listener_fullest_since(const struct listener *l, int64_t t);
