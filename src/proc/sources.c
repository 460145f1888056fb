/* sources.c - what can be watched. */
#include "sources.h"
#include "base/text.h"
#include "ruling.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void source_set(struct event_state *s, enum source_state state, const char *why)
{
	text_copy(s->state, sizeof(s->state), source_state_name(state));
	text_clean(s->why, sizeof(s->why), why, strlen(why));
}

uint32_t sources_netns(void)
{
	struct stat st;

	return stat("/proc/thread-self/ns/net", &st) < 0 ? 0 : (uint32_t)st.st_ino;
}

/* The kernel's own reasons, of this network namespace. */
static void open_kernel(struct sources *s, const struct options *o)
{
	char why[160] = "switched off (--no-kernel)";
	uint32_t netns = sources_netns();

	if (!o->no_kernel && netns == 0)
		snprintf(why, sizeof(why), "/proc/thread-self/ns/net: %s", strerror(errno));
	else if (!o->no_kernel && o->late_kernel)
		snprintf(why, sizeof(why), "being loaded");
	else if (!o->no_kernel)
		s->kernel = kernel_open(o->netns ? 0 : netns, why, sizeof(why));
	if (o->netns)
		kernel_watch(s->kernel, netns, true);
	source_set(&s->state[SOURCE_KERNEL], !s->kernel ? STATE_OFF : why[0] ? STATE_DEGRADED : STATE_ON, why);
}

/* A first reading of the firewall's rules; the broker, which inherits it, reads on. */
static void read_firewall(struct sources *s)
{
	int r = ruling_start();
	const char *why = r == -EPERM		   ? "needs CAP_NET_ADMIN (or root)"
			  : r == -EPROTONOSUPPORT ? "this kernel has no nftables, or it is not loaded"
			  : r < 0		   ? strerror(-r)
						   : "";

	source_set(&s->state[SOURCE_FIREWALL], r < 0 ? STATE_OFF : STATE_ON, why);
}

int sources_open(struct sources *s, const struct options *o, char *err, size_t size)
{
	struct capture_options capture = {o->interfaces, o->n_interfaces, o->filter, o->small};
	char why[200] = "";
	bool usage;

	s->sockdiag = sockdiag_new();
	source_set(&s->state[SOURCE_SOCKETS], s->sockdiag ? STATE_ON : STATE_OFF,
		s->sockdiag ? "" : strerror(errno));
	s->counters = counter_files_open();
	s->addresses = addresses_new();
	s->routes = routes_new();
	if (s->sockdiag && (!s->counters || !s->addresses || !s->routes))
		source_set(&s->state[SOURCE_SOCKETS], STATE_DEGRADED,
			s->counters ? "no rtnetlink: local addresses are not known"
				    : "no /proc/net: counters are not known");
	s->capture = capture_open(&capture, err, size, &usage);
	if (!s->capture) {
		int saved = errno;

		if (usage)
			return -EINVAL;
		if ((saved == EPERM || geteuid() != 0) && (o->n_interfaces || o->filter))
			return -EPERM;
		if (geteuid() == 0)
			snprintf(why, sizeof(why), "%s", err);
		else
			snprintf(why, sizeof(why), "no packets without privilege: run with sudo (--demo needs none)");
		source_set(&s->state[SOURCE_PACKETS], STATE_OFF, why);
	} else {
		source_set(&s->state[SOURCE_PACKETS], STATE_ON, "");
	}
	open_kernel(s, o);
	read_firewall(s);
	source_set(&s->state[SOURCE_NAMESPACES], o->netns ? STATE_ON : STATE_OFF,
		o->netns ? "" : "this namespace only (--netns for all)");
	return 0;
}

void sources_close(struct sources *s)
{
	ruling_stop();
	kernel_free(s->kernel);
	capture_free(s->capture);
	routes_free(s->routes);
	addresses_free(s->addresses);
	counter_files_close(s->counters);
	sockdiag_free(s->sockdiag);
	memset(s, 0, sizeof(*s));
}

void sources_hello(struct event_hello *h, const struct event_state *state)
{
	char host[72] = "";

	memset(h, 0, sizeof(*h));
	h->schema = EVENT_SCHEMA;
	text_copy(h->version, sizeof(h->version), TCPWHY_VERSION);
	gethostname(host, sizeof(host) - 1);
	text_clean(h->host, sizeof(h->host), host, strlen(host));
	memcpy(h->sources, state, sizeof(h->sources));
}
