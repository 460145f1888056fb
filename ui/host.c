/* host.c - the Host view: which sources there are and what is missing, what was lost, which namespaces are watched. */
#include "view.h"

#include <inttypes.h>
#include <string.h>

/* What goes without a source. */
static const char *const without[] = {
	[SOURCE_SOCKETS] = "who listens where is not known, and no refusal can be explained",
	[SOURCE_PACKETS] = "peers' attempts are not seen; what listeners count is all there is",
	[SOURCE_KERNEL] = "drops are inferred from what the wire and the counters show, not proved by the kernel's reason",
	[SOURCE_FIREWALL] = "which rule dropped or rejected a packet is not named",
	[SOURCE_NAMESPACES] = "containers are looked into only where a port leads to one",
};

static void add_sources(struct list *l, const struct store *s, int width)
{
	list_text(l, ROLE_STRONG, width, 0, "Sources");
	for (int i = 0; i < SOURCE_COUNT; i++) {
		const struct event_state *state = &s->hello.sources[i];
		bool on = strcmp(state->state, "on") == 0;

		list_text(l, on || i == SOURCE_NAMESPACES ? ROLE_NORMAL : ROLE_BAD, width, 2, "%-11s %-9s %s", source_name((enum source)i), state->state,
			state->why);
		if (!on)
			list_text(l, ROLE_DIM, width, 24, "without it: %s", without[i]);
	}
}

static void add_totals(struct list *l, const struct store *s, int width)
{
	const struct event_tick *t = &s->totals;

	list_text(l, ROLE_STRONG, width, 0, "Since the start");
	list_text(l, t->lost ? ROLE_BAD : ROLE_NORMAL, width, 2, "packets     %" PRId64 " received, %" PRId64 " lost", t->received,
		t->lost);
	list_text(l, ROLE_NORMAL, width, 2, "attempts    %" PRId64 ": %" PRId64 " accepted, %" PRId64 " refused, %" PRId64
		" silent, %" PRId64 " unreachable, %" PRId64 " unfinished, %" PRId64 " reset", t->attempts, t->accepted, t->refused,
		t->silent, t->unreachable, t->unfinished, t->reset);
	list_text(l, t->evicted + t->untracked ? ROLE_BAD : ROLE_NORMAL, width, 2, "tables      %" PRId64 " tracked now, %" PRId64
		" evicted, %" PRId64 " only counted, %" PRId64 " told together with others", t->tracked, t->evicted, t->untracked,
		t->rolled_up);
}

static void fill(struct view *v, const struct store *s)
{
	struct list *l = &v->list;

	list_clear(l);
	list_text(l, ROLE_TITLE, v->width, 0, "Host %s", s->hello.host);
	add_sources(l, s, v->width);
	add_totals(l, s, v->width);
}

const struct view_ops host_view = {"Host", fill, NULL};
