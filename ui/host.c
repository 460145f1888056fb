/* host.c - the Host view: sources and what is missing, what was lost, interfaces, counters, settings, namespaces. */
#include "format.h"
#include "view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What goes without a source. */
static const char *const without[] = {
	[SOURCE_SOCKETS] = "who listens where is not known, and no refusal can be explained",
	[SOURCE_PACKETS] = "peers' attempts are not seen; what listeners count is all there is",
	[SOURCE_KERNEL] = "drops are inferred from what the wire and the counters show, not proved by the kernel's reason",
	[SOURCE_FIREWALL] = "which rule dropped or rejected a packet is not named",
	[SOURCE_NAMESPACES] = "containers are looked into only where a port leads to one",
};

static void add_sources(struct view *v)
{
	page_heading(v, "Sources");
	for (int i = 0; i < SOURCE_COUNT; i++) {
		const struct event_state *state = &v->store->hello.sources[i];
		bool on = strcmp(state->state, "on") == 0;

		page_text(v, on || i == SOURCE_NAMESPACES ? ROLE_NORMAL : ROLE_BAD, 2, 24, NULL, "%-11s %-9s %s",
			source_name((enum source)i), state->state, state->why);
		if (!on)
			page_text(v, ROLE_DIM, 24, 24, NULL, "without it: %s", without[i]);
	}
}

static void add_totals(struct view *v)
{
	const struct event_tick *t = &v->store->totals;

	page_heading(v, "Since the start");
	page_text(v, t->lost ? ROLE_BAD : ROLE_NORMAL, 2, 14, NULL, "packets     %" PRId64 " received, %" PRId64 " lost", t->received,
		t->lost);
	page_text(v, ROLE_NORMAL, 2, 14, NULL, "attempts    %" PRId64 ": %" PRId64 " accepted (%" PRId64 " of them reset later), %" PRId64
		" refused, %" PRId64 " silent, %" PRId64 " unreachable, %" PRId64 " unfinished, %" PRId64 " cancelled by the peer",
		t->attempts, t->accepted, t->reset, t->refused, t->silent, t->unreachable, t->unfinished, t->cancelled);
	page_text(v, t->evicted + t->untracked ? ROLE_BAD : ROLE_NORMAL, 2, 14, NULL, "tables      %" PRId64 " tracked now, %" PRId64
		" evicted, %" PRId64 " only counted, %" PRId64 " told together with others", t->tracked, t->evicted, t->untracked,
		t->rolled_up);
}

/* Facts of one kind, under a heading; those that changed say so in words. */
static void add_facts(struct view *v, const char *kind, const char *heading, int name_width)
{
	const struct store *s = v->store;
	bool headed = false;

	for (size_t i = 0; i < s->n_facts; i++) {
		const struct store_fact *f = &s->facts[i];
		const char *open = f->f.note[0] ? "  (" : "", *close = f->f.note[0] ? ")" : "";
		char when[16];

		if (strcmp(f->f.kind, kind) != 0)
			continue;
		if (!headed)
			page_heading(v, "%s", heading);
		headed = true;
		page_text(v, f->changed && strcmp(kind, "counter") != 0 ? ROLE_WARN : ROLE_NORMAL, 2,
			v->width < VIEW_WIDE ? 6 : name_width + 3, NULL,
			"%-*s %s%s%s%s%s%s", name_width, f->f.name, f->f.value, open, f->f.note, close,
			f->changed ? ", changed by " : "", f->changed ? format_clock(f->t, when, sizeof(when)) : "");
	}
}

static void add_namespaces(struct view *v)
{
	if (v->store->n_netns == 0)
		return;
	page_heading(v, "Namespaces with something to tell (%" PRId64 ")", v->store->n_netns);
	for (int64_t i = 1; i <= v->store->n_netns && i < STORE_NETNS; i++)
		page_line(&v->list, ROLE_NORMAL, "  %s", v->store->netns[i]);
}

static void fill(struct view *v)
{
	add_sources(v);
	add_totals(v);
	add_facts(v, "interface", "Interfaces", 16);
	add_facts(v, "firewall", "Firewall", 16);
	add_facts(v, "counter", "Counters that moved since the start", 26);
	add_facts(v, "sysctl", "Settings of the kernel that matter here", 34);
	add_namespaces(v);
}

static void title(const struct view *v, char *buf, size_t size)
{
	snprintf(buf, size, "Host %s", v->store->hello.host);
}

const struct view_ops host_view = {.name = "Host", .fill = fill, .title = title};
