/* kernel.h - the kernel's own reasons for what it drops and resets: two BPF programs and a ring buffer. */
#pragma once

#include "fact.h"

#include <stddef.h>

/*
 * Theory of operation
 *
 * kernel.bpf.c hangs at the tracepoints skb:kfree_skb (reasons since Linux 5.17) and tcp:tcp_send_reset (reasons
 * since 6.10). It is opened with privilege (CAP_BPF and CAP_PERFMON, or root) before the process splits; the ring
 * buffer's pages and descriptors are inherited, and reading needs nothing. Nobody is woken for a record: whoever
 * wants to know drains the ring before judging. The numbers of the reasons differ between kernels, so their names are
 * read from the running kernel's BTF. The programs go when the last process that inherited them ends.
 */
struct kernel;

/*
 * netns: inode number of the network namespace to watch; 0: those of kernel_watch(). NULL with a clean sentence in why: not built with libbpf, no
 * privilege, no BTF, a kernel too old. A kernel that gives no reasons for RSTs is watched without them, and why says so
 * (else it is empty).
 */
struct kernel *kernel_open(uint32_t netns, char *why, size_t size);
void kernel_free(struct kernel *k);

/*
 * Hands what is needed to hear the kernel's words to another process, which needs no privilege: over a SOCK_SEQPACKET
 * socket. k NULL: that there are none, and why. 0 or -errno.
 */
int kernel_send(const struct kernel *k, const char *why, int socket);

/* The other process's side: waits for nothing. NULL with a clean sentence in why. */
struct kernel *kernel_receive(int socket, char *why, size_t size);

/* Watches another namespace as well, or no more; only where it was opened with netns 0. By who opened it. */
void kernel_watch(struct kernel *k, uint32_t netns, bool on);

/* Readable when records wait. */
int kernel_fd(const struct kernel *k);

/* Hands over what waits. Returns how many. */
size_t kernel_drain(struct kernel *k, void (*take)(void *ctx, const struct kernel_word *w), void *ctx);

/* "libbpf 1.1", or "not built in". */
const char *kernel_library(void);
