/* hooks.h - BPF programs and others that may swallow packets of this network namespace: for who has CAP_BPF or is root. */
#pragma once

#include "fact.h"

/*
 * What hangs where a SYN to a server passes: XDP, tc and tcx of the interfaces, the control group of process pid (0: not
 * asked), sk_lookup of this namespace, BPF programs at netfilter's hooks (of any namespace: the kernel does not say of
 * which), legacy iptables and IPVS. What cannot be asked is left out. addr's family decides which iptables is meant.
 */
void hooks_read(bool v6, int32_t pid, struct hooks *ret);
