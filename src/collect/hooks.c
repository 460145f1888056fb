/* hooks.c - BPF programs and others that may swallow packets. */
#include "hooks.h"
#include "base/text.h"
#include "owner.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <net/if.h> /* before linux/if.h, which takes note of it */
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Newer than the headers of older distributions (include/uapi/linux/bpf.h, v6.18). */
enum {
	ATTACH_SK_LOOKUP = 36,
	ATTACH_TCX_INGRESS = 46,
	ATTACH_TCX_EGRESS = 47,
	LINK_NETFILTER = 10,
	PROGRAMS_MAX = 64,  /* of one place */
	LINKS_MAX = 4096,
	DUMP_SIZE = 32768,
};

static int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static void name_program(uint32_t id, char *ret, size_t size)
{
	union bpf_attr attr = {.prog_id = id};
	struct bpf_prog_info info;
	int fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);

	text_copy(ret, size, "");
	if (fd < 0)
		return;
	memset(&info, 0, sizeof(info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0)
		text_clean(ret, size, info.name, strnlen(info.name, sizeof(info.name)));
	close(fd);
}

static void add(struct hooks *h, enum hook_kind kind, const char *where, uint32_t id)
{
	struct hook_program *p = &h->programs[h->n];

	if (h->n == HOOK_PROGRAMS) {
		h->more = true;
		return;
	}
	*p = (struct hook_program){.kind = kind, .id = id};
	text_clean(p->where, sizeof(p->where), where, strlen(where));
	name_program(id, p->name, sizeof(p->name));
	h->n++;
}

/* The programs attached at one place; target: a descriptor, or an interface's index. */
static void query(struct hooks *h, int attach, uint32_t target, uint32_t flags, enum hook_kind kind, const char *where)
{
	uint32_t ids[PROGRAMS_MAX];
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = target;
	attr.query.attach_type = (uint32_t)attach;
	attr.query.query_flags = flags;
	attr.query.prog_ids = (uintptr_t)ids;
	attr.query.prog_cnt = PROGRAMS_MAX;
	if (bpf(BPF_PROG_QUERY, &attr) < 0)
		return;
	for (uint32_t i = 0; i < attr.query.prog_cnt && i < PROGRAMS_MAX; i++)
		add(h, kind, where, ids[i]);
}

struct dump {
	struct hooks *h;
	const char *device;
	bool egress;
};

/* Sends a request and hands each answer to a function. */
static void dump(struct mnl_socket *nl, struct nlmsghdr *request, mnl_cb_t take, void *ctx)
{
	char buf[DUMP_SIZE];
	uint32_t seq = request->nlmsg_seq = (uint32_t)time(NULL);
	ssize_t n;

	if (mnl_socket_sendto(nl, request, request->nlmsg_len) < 0)
		return;
	while ((n = mnl_socket_recvfrom(nl, buf, sizeof(buf))) > 0)
		if (mnl_cb_run(buf, (size_t)n, seq, mnl_socket_get_portid(nl), take, ctx) <= MNL_CB_STOP)
			break;
}

static int take_bpf_id(const struct nlattr *attr, void *ctx)
{
	if (mnl_attr_get_type(attr) == TCA_BPF_ID && mnl_attr_get_payload_len(attr) == sizeof(uint32_t))
		*(uint32_t *)ctx = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int take_filter(const struct nlmsghdr *msg, void *ctx)
{
	struct dump *d = ctx;
	const struct nlattr *attr;
	uint32_t id = 0;
	bool is_bpf = false;

	mnl_attr_for_each(attr, msg, sizeof(struct tcmsg)) {
		if (mnl_attr_get_type(attr) == TCA_KIND)
			is_bpf = strncmp(mnl_attr_get_payload(attr), "bpf", mnl_attr_get_payload_len(attr)) == 0;
		if (mnl_attr_get_type(attr) == TCA_OPTIONS)
			mnl_attr_parse_nested(attr, take_bpf_id, &id);
	}
	if (is_bpf && id)
		add(d->h, d->egress ? HOOK_TC_EGRESS : HOOK_TC_INGRESS, d->device, id);
	return MNL_CB_OK;
}

/* Filters of the clsact qdisc. */
static void read_filters(struct hooks *h, const char *device, uint32_t ifindex, bool egress)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct dump d = {h, device, egress};
	struct nlmsghdr *msg;
	struct tcmsg *tc;
	char buf[256];

	if (!nl)
		return;
	msg = mnl_nlmsg_put_header(buf);
	msg->nlmsg_type = RTM_GETTFILTER;
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	tc = mnl_nlmsg_put_extra_header(msg, sizeof(*tc));
	tc->tcm_ifindex = (int)ifindex;
	tc->tcm_parent = TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0)
		dump(nl, msg, take_filter, &d);
	mnl_socket_close(nl);
}

static int take_xdp_id(const struct nlattr *attr, void *ctx)
{
	int type = mnl_attr_get_type(attr);

	/* One program has its id here; several modes at once have IFLA_XDP_DRV_PROG_ID and the like as well. */
	if (type == IFLA_XDP_PROG_ID && mnl_attr_get_payload_len(attr) == sizeof(uint32_t))
		*(uint32_t *)ctx = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int take_link(const struct nlmsghdr *msg, void *ctx)
{
	struct hooks *h = ctx;
	const struct nlattr *attr;
	char device[IF_NAMESIZE] = "";
	uint32_t id = 0;

	mnl_attr_for_each(attr, msg, sizeof(struct ifinfomsg)) {
		if (mnl_attr_get_type(attr) == IFLA_IFNAME)
			text_copy(device, sizeof(device), mnl_attr_get_str(attr));
		if ((mnl_attr_get_type(attr) & NLA_TYPE_MASK) == IFLA_XDP)
			mnl_attr_parse_nested(attr, take_xdp_id, &id);
	}
	if (id)
		add(h, HOOK_XDP, device, id);
	return MNL_CB_OK;
}

static void read_xdp(struct hooks *h)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct nlmsghdr *msg;
	char buf[256];

	if (!nl)
		return;
	msg = mnl_nlmsg_put_header(buf);
	msg->nlmsg_type = RTM_GETLINK;
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(msg, sizeof(struct ifinfomsg));
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0)
		dump(nl, msg, take_link, h);
	mnl_socket_close(nl);
}

static void read_interfaces(struct hooks *h)
{
	struct if_nameindex *list = if_nameindex();

	for (const struct if_nameindex *i = list; i && i->if_index; i++) {
		query(h, ATTACH_TCX_INGRESS, i->if_index, 0, HOOK_TC_INGRESS, i->if_name);
		query(h, ATTACH_TCX_EGRESS, i->if_index, 0, HOOK_TC_EGRESS, i->if_name);
		read_filters(h, i->if_name, i->if_index, false);
		read_filters(h, i->if_name, i->if_index, true);
	}
	if_freenameindex(list);
}

/* Those that apply to a control group, its ancestors' among them. */
static void read_cgroup(struct hooks *h, int32_t pid)
{
	char cgroup[320], path[352];
	int fd;

	if (pid <= 0)
		return;
	owner_cgroup(pid, cgroup, sizeof(cgroup));
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s", cgroup);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	query(h, BPF_CGROUP_INET_INGRESS, (uint32_t)fd, BPF_F_QUERY_EFFECTIVE, HOOK_CGROUP_INGRESS, cgroup);
	query(h, BPF_CGROUP_INET_EGRESS, (uint32_t)fd, BPF_F_QUERY_EFFECTIVE, HOOK_CGROUP_EGRESS, cgroup);
	close(fd);
}

static void read_namespace(struct hooks *h)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	query(h, ATTACH_SK_LOOKUP, (uint32_t)fd, 0, HOOK_SK_LOOKUP, "this network namespace");
	close(fd);
}

/* The program of one link, if it hangs at netfilter; where: family and hook, by number. */
static void look_at_link(struct hooks *h, int fd)
{
	static const char *const hooks[] = {"prerouting", "input", "forward", "output", "postrouting"};
	union bpf_attr attr;
	union {
		uint32_t words[64]; /* struct bpf_link_info: type, id, prog_id, and from 16 on what is the type's own */
		uint64_t align;
	} info;
	char where[40];

	memset(&info, 0, sizeof(info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) < 0 || info.words[0] != LINK_NETFILTER)
		return;
	snprintf(where, sizeof(where), "%s %s", info.words[4] == 10 ? "ip6" : "ip", /* NFPROTO_IPV6 */
		info.words[5] < sizeof(hooks) / sizeof(hooks[0]) ? hooks[info.words[5]] : "hook");
	add(h, HOOK_NETFILTER, where, info.words[2]);
	h->netfilter++;
}

static void read_links(struct hooks *h)
{
	union bpf_attr attr;
	uint32_t id = 0;

	for (int i = 0; i < LINKS_MAX; i++) {
		int fd;

		memset(&attr, 0, sizeof(attr));
		attr.start_id = id;
		if (bpf(BPF_LINK_GET_NEXT_ID, &attr) < 0) {
			h->netfilter_known = errno == ENOENT; /* the end */
			return;
		}
		id = attr.next_id;
		memset(&attr, 0, sizeof(attr));
		attr.link_id = id;
		fd = bpf(BPF_LINK_GET_FD_BY_ID, &attr);
		if (fd < 0)
			continue;
		look_at_link(h, fd);
		close(fd);
	}
}

static int count_lines(const char *path)
{
	FILE *f = fopen(path, "re");
	int n = 0, c;

	while (f && (c = getc(f)) != EOF)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

static bool has_line(const char *path, const char *text)
{
	FILE *f = fopen(path, "re");
	char line[64];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = strcspn(line, "\n") == strlen(text) && strncmp(line, text, strlen(text)) == 0;
	if (f)
		fclose(f);
	return found;
}

/*
 * Whether a rule of the old kind uses a target. The layouts of IPv4 and IPv6 differ in nothing that is used here:
 * struct ipt_getinfo and ipt_get_entries, and IPT_SO_GET_INFO and IPT_SO_GET_ENTRIES (include/uapi/linux/
 * netfilter_ipv4/ip_tables.h, v6.18). Asked only of a table that is there, since the question would make it.
 */
static bool uses_target(bool v6, const char *table, const char *target)
{
	enum {
		GET_INFO = 64,
		GET_ENTRIES = 65,
		LARGE = 8 << 20,
	};
	struct ipt_getinfo info;
	struct ipt_get_entries *entries;
	socklen_t size = sizeof(info);
	int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	bool found = false;
	int fd;

	if (!has_line(v6 ? "/proc/thread-self/net/ip6_tables_names" : "/proc/thread-self/net/ip_tables_names", table))
		return false;
	fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	memset(&info, 0, sizeof(info));
	text_copy(info.name, sizeof(info.name), table);
	if (fd >= 0 && getsockopt(fd, level, GET_INFO, &info, &size) == 0 && info.size < LARGE) {
		size = (socklen_t)(sizeof(*entries) + info.size);
		entries = calloc(1, size);
		if (entries) {
			text_copy(entries->name, sizeof(entries->name), table);
			entries->size = info.size;
			if (getsockopt(fd, level, GET_ENTRIES, entries, &size) == 0)
				found = memmem(entries + 1, info.size, target, strlen(target) + 1) != NULL;
			free(entries);
		}
	}
	if (fd >= 0)
		close(fd);
	return found;
}

void hooks_read(bool v6, int32_t pid, struct hooks *ret)
{
	memset(ret, 0, sizeof(*ret));
	/* These list the tables that there are, and make none (net/netfilter/x_tables.c, v6.18). */
	ret->legacy = count_lines(v6 ? "/proc/thread-self/net/ip6_tables_names" : "/proc/thread-self/net/ip_tables_names") > 0;
	ret->ipvs = count_lines("/proc/thread-self/net/ip_vs") > 3; /* of which three are its heading */
	ret->tproxy = uses_target(v6, "mangle", "TPROXY");
	read_links(ret);
	read_xdp(ret);
	read_interfaces(ret);
	read_cgroup(ret, pid);
	read_namespace(ret);
}
