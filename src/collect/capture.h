/* capture.h - SYN, RST, FIN and ICMP errors off the wire: a libpcap thread feeding a bounded ring. */
#pragma once

#include "fact.h"

#include <stddef.h>
#include <stdio.h>

/*
 * Theory of operation
 *
 * The handles are opened and filtered with privilege, before the process splits and drops it; the thread
 * starts afterwards (capabilities and no_new_privs are per thread). It waits for TPACKET_V3 blocks, which
 * the kernel retires when full or after 100 ms, decodes each packet and puts it into a ring with one writer
 * and one reader. Nothing is allocated per packet; a full ring is counted as loss. Immediate mode is
 * never used: at 250,000 SYN/s it costs fifty times the CPU and loses packets.
 *
 * Link types without a VLAN clause in the filter still see tagged packets: the kernel takes the tag off
 * before the filter runs (skb_vlan_untag in __netif_receive_skb_core).
 */
/*
 * A closer look at a few peers or addresses is taken by another filter on the same sockets. libpcap would
 * empty the socket first; the kernel swaps the filter of a socket under RCU and no packet is lost
 * (net/core/filter.c __sk_attach_prog), so the thread compiles with libpcap and attaches by itself. It needs
 * no privilege.
 */
struct capture;

struct capture_options {
	const char *const *interfaces; /* none: "any" */
	size_t n_interfaces;
	const char *filter; /* the user's pcap expression, or NULL */
	bool small;         /* with little memory: for one of many namespaces */
};

/* Opens all interfaces. NULL with a sentence in err; *ret_usage says that the input was wrong. */
struct capture *capture_open(const struct capture_options *options, char *err, size_t size,
	bool *ret_usage);

/* Stops and joins the thread if it runs. */
void capture_free(struct capture *c);

/* Starts the thread, with all signals blocked. 0 or -errno. */
int capture_start(struct capture *c);

/* Readable when segments wait. */
int capture_fd(const struct capture *c);

/* Hands over up to max waiting segments. Returns how many. */
size_t capture_drain(struct capture *c, size_t max, void (*take)(void *ctx, const struct segment *s),
	void *ctx);

/*
 * Packets that passed the filter, and packets lost in the kernel or in the ring, since the start. The
 * reason why an interface ended is kept in why (empty while all run).
 */
void capture_stats(struct capture *c, uint64_t *ret_received, uint64_t *ret_lost, char *why,
	size_t size);

/* Makes capture_fd() readable again, after a drain that left some. */
void capture_again(struct capture *c);

/* Captures these too, and no others, from soon on (n up to LOOKS_MAX); 0: only what is always captured. */
void capture_look(struct capture *c, const struct look *looks, size_t n, uint64_t generation);

/* The generation that is captured by now, on every interface; 0: none yet. */
uint64_t capture_looked(struct capture *c);

/*
 * A capture file instead: calls take for each segment. Closes the stream. -errno with a sentence in err.
 */
int capture_read_stream(FILE *stream, const char *filter,
	void (*take)(void *ctx, const struct segment *s), void *ctx, char *err, size_t size);
