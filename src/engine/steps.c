/* steps.c - how an attempt went, step by step. */
#include "steps.h"
#include "base/text.h"
#include "blame.h"
#include "words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	PACKETS = 10, /* told of an attempt; there is room for as many words in between */
	STEPS_BEFORE_CUT = 32,
};

/* Steps before they are in order. */
struct draft {
	struct event_step steps[STEPS_BEFORE_CUT];
	size_t n;
};

static struct event_step *add(struct draft *d, const char *by, int64_t t)
{
	static struct event_step spare;
	struct event_step *s = d->n < STEPS_BEFORE_CUT ? &d->steps[d->n++] : &spare;

	memset(s, 0, sizeof(*s));
	text_copy(s->by, sizeof(s->by), by);
	s->t = t;
	return s;
}

#define SAY(step, ...) text_append((step)->text, sizeof((step)->text), __VA_ARGS__)

static void add_packet(struct draft *d, const struct facts *f, const struct trail_packet *p)
{
	bool from_here = p->from_client == f->a->out;
	struct event_step *s;
	char from[IP_TEXT];

	if (p->icmp) { /* its sender is known for the last one only; a peer's port is closed by the peer */
		bool last = p->icmp_type == f->a->icmp_type && p->icmp_code == f->a->icmp_code;
		bool by_peer = ip_equal(&f->a->icmp_from, attempt_peer(f->a));

		s = add(d, f->icmp_from_here ? "host" : by_peer ? "peer" : "router", p->t);
		SAY(s, "ICMP%s type %u code %u", f->a->v6 ? "v6" : "", p->icmp_type, p->icmp_code);
		if (last)
			SAY(s, " from %s", ip_format(&f->a->icmp_from, from, sizeof(from)));
		return;
	}
	s = add(d, from_here ? "host" : "peer", p->t);
	words_flags(p->flags, s->flags, sizeof(s->flags));
	if (!s->flags[0])
		text_copy(s->flags, sizeof(s->flags), "none");
	s->seq = p->seq;
	s->ack = p->flags & TCP_ACK ? p->ack : 0;
	s->length = p->length;
	s->window = p->window;
	s->ttl = p->ttl;
}

static void add_packets(struct draft *d, const struct trail *trail, const struct facts *f)
{
	struct trail_packet packets[PACKETS];
	size_t skipped, n = trail_read(trail, f->a->trail, packets, PACKETS, &skipped);

	for (size_t i = 0; i < n; i++) {
		add_packet(d, f, &packets[i]);
		if (i == 0 && skipped > 0)
			SAY(add(d, "more", packets[i].t), "%zu packets more", skipped);
	}
}

/* The kernel's word on a packet stands behind the packet, whatever the two clocks say. */
static void add_word(struct draft *d, const struct kernel_word *w, int64_t packet, bool of_port)
{
	struct event_step *s;
	char flags[8], many[32] = "";

	if (!w)
		return;
	if (w->times > 1 && !of_port)
		text_append(many, sizeof(many), ", %u times so far", w->times);
	s = add(d, "kernel", w->t > packet ? w->t : packet);
	words_flags(w->flags, flags, sizeof(flags));
	if (w->reset)
		SAY(s, "TCP sends the RST: %s", w->name[0] ? w->name : "no reason given");
	else
		SAY(s, "drops %s[%s]%s: %s%s%s%s", of_port ? "others alike, " : "", flags, many, w->name[0] ? w->name : "no reason given",
			w->function[0] ? " in " : "", w->function, w->function[0] ? "()" : "");
}

static void add_rule(struct draft *d, const struct facts *f, const struct verdict *v)
{
	static const char *const does[FIREWALL_FATE_COUNT] = {
		[FIREWALL_DROPPED] = "drops it", [FIREWALL_RESET] = "rejects it with a RST",
		[FIREWALL_ICMP] = "rejects it with an ICMP error", [FIREWALL_QUEUED] = "hands it to a program",
		[FIREWALL_TPROXIED] = "hands it to a proxy's socket", [FIREWALL_STOLEN] = "answers it itself",
	};
	const struct firewall_rule *r = f->traced_syn ? f->traced_syn : f->traced_answer ? f->traced_answer :
		blamed_rule(f, v->cause);
	bool answer = !f->traced_syn && (f->traced_answer || ruling_of(v->cause) != RULING_SYN);
	const struct firewall_verdict *syn = f->ruling[RULING_SYN];
	char words[400], to[IP_TEXT];
	struct event_step *s;

	if (syn && syn->translation.is && syn->translation.addr_known) {
		s = add(d, "firewall", f->a->first);
		ip_format_port(&syn->translation.addr, syn->translation.port_known ? syn->translation.port :
			f->a->key.server_port, to, sizeof(to));
		SAY(s, "%s it to %s: %s", syn->translation.must ? "leads" : "may lead", to,
			rule_words(&syn->translation.rule, words, sizeof(words)));
	}
	if (!r || r->fate >= FIREWALL_FATE_COUNT || !does[r->fate] || !rule_acted(r, f, v->cause))
		return;
	s = add(d, "firewall", answer && f->a->answered ? f->a->answered : f->a->first);
	SAY(s, "%s%s: %s", v->confidence == CONFIDENCE_POSSIBLE ? "perhaps " : "", does[r->fate],
		rule_words(r, words, sizeof(words)));
}

static void add_listener(struct draft *d, const struct listener *l, int64_t t, const char *does)
{
	struct event_step *s = add(d, "listener", t);
	char owner[160], bound[IP_TEXT];

	ip_format_port(&l->row.addr, l->row.port, bound, sizeof(bound));
	SAY(s, "%s %s %s%s%s", words_owner(&l->owner, owner, sizeof(owner)), does, bound,
		l->row.device[0] ? " on interface " : "", l->row.device);
}

/* Who had left before the SYN came, and who came after it. */
static void add_comings(struct draft *d, const struct facts *f)
{
	int64_t first = f->a->first;

	if (f->gone)
		add_listener(d, f->gone, f->gone->gone, "listens no more on");
	if (f->accepting && f->accepting->up > first)
		add_listener(d, f->accepting, f->accepting->up, f->later ? "listens from here on:" : "is first seen to listen on");
	else if (f->nearest && !f->accepting)
		add_listener(d, f->nearest, f->nearest->up > first ? f->nearest->up : first,
			f->nearest->up > first ? "is first seen to listen, but on" : "listens, but on");
	else if (!f->gone && !f->accepting && !f->target.known)
		SAY(add(d, "listener", first), "nobody listens on port %u", f->a->key.server_port);
}

static bool has_door(const struct facts *f)
{
	return f->sockets && !f->a->out && f->situation != SITUATION_UNANSWERED && f->a->key.server_port != 0;
}

static int by_time(const void *a, const void *b)
{
	const struct event_step *x = a, *y = b;

	return x->t < y->t ? -1 : x->t > y->t;
}

/* Few, and mostly in order: those of one moment stay as they came, which qsort() does not promise. */
static void sort(struct draft *d)
{
	for (size_t i = 1; i < d->n; i++)
		for (size_t k = i; k > 0 && by_time(&d->steps[k], &d->steps[k - 1]) < 0; k--) {
			struct event_step s = d->steps[k];

			d->steps[k] = d->steps[k - 1];
			d->steps[k - 1] = s;
		}
}

/* More than there is room for: packets in the middle are left out, since beginning and end tell most. */
static void cut(struct draft *d)
{
	while (d->n > EVENT_STEPS) {
		memmove(&d->steps[EVENT_STEPS / 2], &d->steps[EVENT_STEPS / 2 + 1],
			(d->n - EVENT_STEPS / 2 - 1) * sizeof(d->steps[0]));
		d->n--;
	}
}

void steps_tell(const struct trail *trail, const struct facts *f, const struct verdict *v, struct event_attempt *ev)
{
	int64_t first = f->a->first, answered = f->a->answered ? f->a->answered : first;
	int64_t ended = f->a->ended ? f->a->ended : answered;
	struct draft d;

	d.n = 0;
	/* Before the SYN: it may never get there. */
	if (has_door(f) && f->accepting && f->accepting->up <= first)
		add_listener(&d, f->accepting, first, "listens on");
	add_packets(&d, trail, f);
	add_rule(&d, f, v);
	add_word(&d, f->said.syn, first, f->said.syn_of_port);
	add_word(&d, f->said.syn_ack, answered, f->said.syn_ack_of_port);
	add_word(&d, f->said.from_client, answered, false);
	add_word(&d, f->said.to_client, answered, false);
	add_word(&d, f->said.reset, ended, false);
	if (has_door(f))
		add_comings(&d, f);
	sort(&d);
	cut(&d);
	for (size_t i = 0; i < d.n && i < EVENT_STEPS; i++)
		ev->steps[i] = d.steps[i];
}
