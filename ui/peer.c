/* peer.c - a page on one peer at one port: how its tries went, one after another. */
#include "base/text.h"
#include "format.h"
#include "view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	ATTEMPTS_SHOWN = 64,
};

static void add_tries(struct view *v, const struct store_peer *p, const struct place *to)
{
	char span[16];

	page_text(v, ROLE_NORMAL, 0, 0, to, "failed %" PRId64 ", served %" PRId64 "; last heard of %s ago", p->failed, p->accepted,
		format_span(v->store->now - p->last, span, sizeof(span)));
	if (p->failed > 1 && p->retry_interval > 0)
		page_text(v, ROLE_NORMAL, 0, 0, to, "tries every %.1f s%s%s, failing for %s", (double)p->retry_interval / 1e6,
			p->pattern[0] ? ", " : "", p->pattern, format_span(p->failing_for, span, sizeof(span)));
}

static void add_attempts(struct view *v)
{
	uint64_t numbers[ATTEMPTS_SHOWN];
	size_t n = tell_latest(v->store, v->at.port, v->at.peer, numbers, ATTEMPTS_SHOWN);

	page_heading(v, "Its failures, the latest first (Enter: packet by packet)");
	for (size_t i = 0; i < n; i++) {
		const struct store_finding *f = store_finding(v->store, numbers[i]);
		struct place to = {.view = VIEW_ATTEMPT, .port = f->place, .finding = numbers[i]};
		char when[16];

		page_text(v, ROLE_NORMAL, 2, 12, &to, "%s  port %" PRId64 " %s: %s (%s)%s", format_clock(f->t, when, sizeof(when)),
			f->attempt.peer_port, f->type == EVENT_RESET ? "reset" : f->attempt.outcome, tell_cause(f),
			f->attempt.confidence, page_times(f));
	}
	if (n == 0)
		page_line(&v->list, ROLE_DIM, "  none that is kept");
}

static void fill(struct view *v)
{
	const struct store_peer *p = store_peer(v->store, v->at.port, v->at.peer);
	const struct store_finding *f = p ? store_finding(v->store, p->finding) : NULL;
	struct place to;

	if (!p) {
		page_line(&v->list, ROLE_DIM, "It is too long ago that this peer was heard of.");
		return;
	}
	if (f)
		to = (struct place){.view = VIEW_ATTEMPT, .port = f->place, .finding = f->number};
	add_tries(v, p, f ? &to : NULL);
	if (tell_is_failure(f)) {
		page_text(v, ROLE_BAD, 0, 2, &to, "%s (%s, %s)", tell_cause(f), f->attempt.cause, f->attempt.confidence);
		page_text(v, ROLE_NORMAL, 2, 2, &to, "%s", f->attempt.summary);
		page_heading(v, "What to do");
		page_text(v, ROLE_NORMAL, 2, 2, &to, "%s", f->attempt.advice);
	}
	add_attempts(v);
}

static void title(const struct view *v, char *buf, size_t size)
{
	const struct store_peer *p = store_peer(v->store, v->at.port, v->at.peer);
	const char *netns = store_netns(v->store, v->at.port);

	snprintf(buf, size, p && strcmp(p->dir, "out") == 0 ? "Remote server %s, port %" PRId64 "%s%s" :
		"Peer %s at port %" PRId64 "%s%s", v->at.peer, STORE_PORT(v->at.port), netns[0] ? " in " : "", netns);
}

static uint64_t finding(const struct view *v, int64_t id)
{
	const struct store_peer *p = store_peer(v->store, v->at.port, v->at.peer);

	(void)id;
	return p ? p->finding : 0;
}

const struct view_ops peer_view = {.name = "Peer", .fill = fill, .title = title, .finding = finding};
