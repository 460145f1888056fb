/* explain.c - one port in words, for -x. */
#include "explain.h"
#include "engine/causes.h"
#include "options.h"

#include <inttypes.h>
#include <string.h>

enum {
	CAUSES_TOLD = 4,
};

static bool reaches_peers(const struct event_listener *l)
{
	return strcmp(l->reach, "loopback") != 0 && strcmp(l->reach, "link-local") != 0;
}

/* Who listens, and how many of them peers can reach. */
struct door {
	int live, reachable, full;
};

static void tell_listener(const struct event_listener *l, FILE *out)
{
	bool full = l->queue > l->queue_max;

	if (l->owner.pid)
		fprintf(out, "  %s (pid %" PRId64 "%s%s)", l->owner.comm, l->owner.pid, l->owner.unit[0] ? ", unit " : "",
			l->owner.unit);
	else
		fputs("  a process that could not be looked up", out);
	fprintf(out, " listens on %s, reach: %s%s%s, accept queue %" PRId64 " of %" PRId64 "%s\n", l->addr, l->reach,
		l->device[0] ? " " : "", l->device, l->queue, l->queue_max,
		full ? ": full, so the SYNs of peers are dropped (accept-queue-full)" : "");
}

static struct door tell_listeners(const struct store *s, int port, FILE *out)
{
	struct door d = {0, 0, 0};

	for (const struct store_listener *l = NULL; (l = store_next_listener(s, port, l));) {
		if (l->gone != 0)
			continue;
		d.live++;
		d.reachable += reaches_peers(&l->l);
		d.full += reaches_peers(&l->l) && l->l.queue > l->l.queue_max; /* sk_acceptq_is_full(), v6.18 */
		tell_listener(&l->l, out);
	}
	if (d.live > 0 && d.reachable == 0)
		fputs("  no other host can reach it: make it listen on 0.0.0.0, ::, or the address "
		      "that peers dial\n", out);
	return d;
}

/* What the rules do with SYNs that were not sent. */
struct forecast {
	int asked, kept_out, led;
	const struct store_fact *rule;   /* that keeps them out, or leads them on: the first */
	const struct store_fact *target; /* NULL: there is none */
};

static struct forecast find_forecast(const struct store *s)
{
	struct forecast c = {0, 0, 0, NULL, NULL};

	for (size_t i = 0; i < s->n_facts; i++) {
		const struct event_host *f = &s->facts[i].f;
		bool led = strcmp(f->value, "led on") == 0;

		if (strcmp(f->kind, "forecast") != 0)
			continue;
		if (strcmp(f->name, "target") == 0) {
			c.target = &s->facts[i];
			continue;
		}
		c.asked++;
		c.led += led;
		c.kept_out += strcmp(f->value, "dropped") == 0 || strcmp(f->value, "rejected") == 0;
		if (!c.rule && (led || c.kept_out > 0))
			c.rule = &s->facts[i];
	}
	return c;
}

static void tell_forecast(const struct forecast *c, FILE *out)
{
	if (c->kept_out == 0)
		return;
	fprintf(out, "  by the firewall's rules a SYN of %s is %s by %s (%s)\n", c->kept_out == c->asked ? "anybody" : c->rule->f.name,
		c->rule->f.value, c->rule->f.note, strcmp(c->rule->f.value, "dropped") == 0 ? "firewall-drop" : "firewall-reject");
}

/* Nobody listens here, which need not be all. Returns the exit status that this makes for. */
static int tell_empty(const struct store_port *p, const struct event_state *sockets, const struct forecast *c, FILE *out)
{
	const char *target = c->target ? c->target->f.value : "not known";

	if (p && p->c.accepted > 0) {
		fprintf(out, "  nothing listens here, and %" PRId64 " connection%s served all the same: %s%s\n", p->c.accepted,
			p->c.accepted == 1 ? " was" : "s were", c->led ? "led on by " : "somebody answers in its place (NAT, a proxy)",
			c->led ? c->rule->f.note : "");
		return EXIT_DONE;
	}
	if (c->led > 0) {
		fprintf(out, "  nothing listens here: a SYN is led on to %s by %s; there: %s\n", c->target ? c->target->f.note : "?",
			c->rule->f.note, strcmp(target, "listens") == 0 ? "a server listens" : target);
		return strcmp(target, "listens") == 0	       ? EXIT_DONE
		       : strcmp(target, "nobody listens") == 0 ? EXIT_REFUSALS
							       : EXIT_CANNOT_TELL;
	}
	if (strcmp(sockets->state, "on") != 0) {
		fprintf(out, "  not known whether anything listens: %s\n", sockets->why);
		return EXIT_CANNOT_TELL;
	}
	fputs("  nothing listens: every peer is refused\n", out);
	return EXIT_REFUSALS;
}

/*
 * Whether a peer did not get what it came for: one that reset the connection by itself did, and one that was served too,
 * whatever became of the connection's end.
 */
static bool kept_out(const struct event_attempt *a)
{
	enum cause cause = cause_by_id(a->cause);

	if (strcmp(a->outcome, "accepted") == 0 && (cause == CAUSE_NONE || cause_is_harmless(cause)))
		return false;
	return strcmp(a->by, "peer") != 0 && strcmp(a->outcome, "cancelled") != 0 &&
	       strcmp(a->outcome, "unfinished") != 0;
}

static void tell_finding(const struct event_attempt *a, FILE *out)
{
	fprintf(out, "  %s: %s (%s)\n", a->outcome[0] ? a->outcome : "reset", a->cause, a->confidence);
	fprintf(out, "  %s\n", a->summary);
	for (int i = 0; i < EVENT_EVIDENCE && a->evidence[i].source[0]; i++)
		fprintf(out, "    %s: %s\n", a->evidence[i].source, a->evidence[i].text);
	fprintf(out, "  advice: %s\n", a->advice);
}

/* The last finding of each cause at the port, the newest first. Returns how many; *ret_kept_out: of these keep peers out. */
static int tell_findings(const struct store *s, int port, FILE *out, int *ret_kept_out)
{
	enum cause told[CAUSES_TOLD];
	int n = 0;

	*ret_kept_out = 0;
	for (uint64_t i = s->n_findings; i > 0 && s->n_findings - i < STORE_FINDINGS && n < CAUSES_TOLD; i--) {
		const struct store_finding *f = store_finding(s, i);
		bool known = false;

		if (!f || f->place != port || f->type == EVENT_LISTENER || strcmp(f->attempt.dir, "out") == 0)
			continue;
		for (int k = 0; k < n; k++)
			known = known || told[k] == cause_by_id(f->attempt.cause);
		if (known)
			continue;
		told[n++] = cause_by_id(f->attempt.cause);
		*ret_kept_out += kept_out(&f->attempt);
		tell_finding(&f->attempt, out);
	}
	return n;
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
	const struct event_state *sockets = &s->hello.sources[SOURCE_SOCKETS];
	const struct store_port *p = store_port(s, port);
	struct forecast c = find_forecast(s);
	struct door d;
	int status = EXIT_DONE, failed, n;

	fprintf(out, "port %d\n", port);
	if (strcmp(sockets->state, "off") == 0) {
		fprintf(out, "  not known: the socket table cannot be read: %s\n", sockets->why);
		return EXIT_FAILED;
	}
	d = tell_listeners(s, port, out);
	if (d.live == 0)
		status = tell_empty(p, sockets, &c, out);
	else if (d.reachable == 0 || d.full > 0)
		status = EXIT_REFUSALS;
	tell_forecast(&c, out);
	if (c.asked > 0 && c.kept_out == c.asked && !(p && p->c.accepted > 0))
		status = EXIT_REFUSALS;
	n = tell_findings(s, port, out, &failed);
	if (n > 0)
		return failed > 0 ? EXIT_REFUSALS : status;
	if (strcmp(s->hello.sources[SOURCE_PACKETS].state, "on") != 0)
		fprintf(out, "  packets were not watched: %s\n", s->hello.sources[SOURCE_PACKETS].why);
	else if (filter && (!p || p->c.syn == 0))
		tell_absence(s, filter, out);
	else
		fputs("  nobody failed to connect while it was watched\n", out);
	return status;
}
