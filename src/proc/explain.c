/* explain.c - one port in words, for -x. */
#include "explain.h"
#include "engine/causes.h"
#include "options.h"

#include <inttypes.h>
#include <string.h>

static bool reaches_peers(const struct event_listener *l)
{
	return strcmp(l->reach, "loopback") != 0 && strcmp(l->reach, "link-local") != 0;
}

static int tell_listeners(const struct store *s, int port, FILE *out)
{
	int live = 0, reachable = 0;

	for (const struct store_listener *l = NULL; (l = store_next_listener(s, port, l));) {
		if (l->gone != 0)
			continue;
		live++;
		reachable += reaches_peers(&l->l);
		if (l->l.owner.pid)
			fprintf(out, "  %s (pid %" PRId64 "%s%s)", l->l.owner.comm, l->l.owner.pid,
				l->l.owner.unit[0] ? ", unit " : "", l->l.owner.unit);
		else
			fputs("  a process that could not be looked up", out);
		fprintf(out, " listens on %s, reach: %s%s%s, accept queue %" PRId64 " of %" PRId64 "\n",
			l->l.addr, l->l.reach, l->l.device[0] ? " " : "", l->l.device, l->l.queue,
			l->l.queue_max);
	}
	if (live == 0)
		fputs("  nothing listens: every peer is refused\n", out);
	else if (reachable == 0)
		fputs("  no other host can reach it: make it listen on 0.0.0.0, ::, or the address "
		      "that peers dial\n", out);
	return reachable;
}

/* Whether a peer did not get in: one that reset the connection by itself did. */
static bool kept_out(const struct event_attempt *a)
{
	return strcmp(a->by, "peer") != 0 && strcmp(a->outcome, "cancelled") != 0 &&
	       strcmp(a->outcome, "unfinished") != 0;
}

/* Asked about a peer, and nothing of it came: which says something only if nothing was lost. */
static void tell_absence(const struct store *s, const char *filter, FILE *out)
{
	const struct cause_entry *e = cause_entry(CAUSE_NEVER_ARRIVED);

	fprintf(out, "  no SYN that '%s' lets through came in while it was watched\n", filter);
	if (s->totals.lost > 0) {
		fprintf(out, "  %" PRId64 " packets were lost: one may have been missed\n", s->totals.lost);
		return;
	}
	fprintf(out, "  %s (possible): %s. Else the peer did not try, or it dials another address or port\n", e->id,
		e->meaning);
	fputs("  advice: let the peer try now. What would decide: tcpdump at the peer shows whether its SYN leaves, and "
	      "whereto; then at each hop between (traceroute -T, mtr -T)\n", out);
}

int explain_port(const struct store *s, int port, const char *filter, FILE *out)
{
	const struct store_port *p = store_port(s, port);
	const struct store_finding *f = p ? store_finding(s, p->finding) : NULL;
	int reachable;

	fprintf(out, "port %d\n", port);
	if (strcmp(s->hello.sources[SOURCE_SOCKETS].state, "off") == 0) {
		fprintf(out, "  not known: the socket table cannot be read: %s\n",
			s->hello.sources[SOURCE_SOCKETS].why);
		return EXIT_FAILED;
	}
	reachable = tell_listeners(s, port, out);
	if (f) {
		fprintf(out, "  %s: %s (%s)\n", f->attempt.outcome, f->attempt.cause,
			f->attempt.confidence);
		fprintf(out, "  %s\n", f->attempt.summary);
		for (int i = 0; i < EVENT_EVIDENCE && f->attempt.evidence[i].source[0]; i++)
			fprintf(out, "    %s: %s\n", f->attempt.evidence[i].source,
				f->attempt.evidence[i].text);
		fprintf(out, "  advice: %s\n", f->attempt.advice);
	} else if (strcmp(s->hello.sources[SOURCE_PACKETS].state, "on") != 0) {
		fprintf(out, "  packets were not watched: %s\n", s->hello.sources[SOURCE_PACKETS].why);
	} else if (filter && (!p || p->c.syn == 0)) {
		tell_absence(s, filter, out);
	} else {
		fputs("  nobody failed to connect while it was watched\n", out);
	}
	return reachable == 0 || (f && kept_out(&f->attempt)) ? EXIT_REFUSALS : EXIT_DONE;
}
