/* kernel_record.h - what the BPF programs of kernel.bpf.c write, and user space reads. */
#pragma once

#include <linux/types.h>

/* Included by both sides. */
enum kernel_record_kind {
	RECORD_DROP,  /* kfree_skb */
	RECORD_RESET, /* tcp_send_reset */
	RECORD_EXIT,  /* sched_process_exit: pid, comm, and in seq the exit code as wait(2) has it */
};

enum {
	KERNEL_REASONS = 256, /* reasons with a number from here on belong to subsystems and have no name here */
};

/* A dropped packet, or a RST that TCP sends: addresses and ports as they are on the wire. */
struct kernel_record {
	__u64 t;     /* CLOCK_MONOTONIC, nanoseconds */
	__u64 count; /* how many like it there were so far; most of a flood are only counted */
	__u32 netns; /* its inode number; 0: not known */
	__u32 ifindex;
	__u32 pid; /* who runs; of meaning only where a process does it */
	__u32 reason;
	__u32 seq, ack;
	__u8 src[16], dst[16]; /* IPv4: the first four bytes */
	__u16 sport, dport;    /* host's order */
	__u8 kind;             /* enum kernel_record_kind */
	__u8 v6, flags, ttl;
	__u8 state;  /* of the socket, TCP_*; 0: not known */
	__u8 routed; /* the packet has its route: it came past prerouting, or goes out */
	__u8 answers; /* of a RST: it answers a segment, whose payload was looked at: */
	__u8 head_length; /* bytes of head that are there */
	__u16 payload;    /* bytes in all */
	__u8 head[16];    /* the first ones */
	__u8 pad[6];
	char function[40];
	char comm[16];
};
