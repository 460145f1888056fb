/* sentences.c - every cause in words, with nothing known and with the longest names there can be. */
#include "unit.h"

#include "base/text.h"
#include "engine/sentences.h"

/* Facts of which nothing is known but what every rule has. */
struct known {
	struct attempt a;
	struct listener listener, gone;
	struct facts f;
	struct names n;
	struct kernel_word word;
};

static void empty(struct known *k)
{
	memset(k, 0, sizeof(*k));
	k->f.a = &k->a;
	k->f.gone = &k->gone;
	k->f.nearest = k->f.accepting = &k->listener;
	k->n.listener = &k->listener;
}

/* As much text of this character as fits. */
static void fill(char *at, size_t size, const char *character)
{
	at[0] = '\0';
	while (strlen(at) + strlen(character) < size)
		strcat(at, character);
}

static void fill_owner(struct owner *o, const char *character)
{
	o->pid = INT32_MAX;
	fill(o->comm, sizeof(o->comm), character);
	fill(o->cmdline, sizeof(o->cmdline), character);
	fill(o->user, sizeof(o->user), character);
	fill(o->unit, sizeof(o->unit), character);
	fill(o->container, sizeof(o->container), character);
}

static void fill_row(struct socket_row *r, const char *character)
{
	memset(&r->addr, 0xfe, sizeof(r->addr));
	r->peer = r->addr;
	r->port = r->peer_port = UINT16_MAX;
	r->v6 = true;
	r->queue = r->queue_max = r->drops = UINT32_MAX;
	fill(r->device, sizeof(r->device), character);
}

static void fill_word(struct kernel_word *w, const char *character)
{
	memset(&w->src, 0xfe, sizeof(w->src));
	w->dst = w->src;
	w->sport = w->dport = UINT16_MAX;
	w->pid = INT32_MAX;
	w->reason = REASON_TC_EGRESS;
	fill(w->name, sizeof(w->name), "N");
	fill(w->function, sizeof(w->function), "f");
	fill(w->comm, sizeof(w->comm), character);
}

/* The longest addresses, numbers, names and times; character: what the names are made of. */
static void longest(struct known *k, const char *character)
{
	struct facts *f = &k->f;
	struct names *n = &k->n;

	empty(k);
	memset(&k->a.key, 0xfe, sizeof(k->a.key));
	memset(&k->a.icmp_from, 0xfe, sizeof(k->a.icmp_from));
	k->a.key.client_port = k->a.key.server_port = UINT16_MAX;
	k->a.v6 = true;
	k->a.syns = k->a.synacks = UINT16_MAX;
	k->a.answer_ttl = k->a.peer_ttl = k->a.icmp_type = k->a.icmp_code = UINT8_MAX;
	k->a.client_bytes = UINT32_MAX;
	k->a.ended = 59 * 60 * USEC + 59 * USEC;
	fill_row(&k->listener.row, character);
	fill_row(&k->gone.row, character);
	fill_owner(&k->listener.owner, character);
	fill_owner(&k->gone.owner, character);
	k->listener.up = INT64_C(100000000) * USEC;
	fill_word(&k->word, character);
	f->said = (struct said){&k->word, &k->word, &k->word, &k->word, &k->word, false, false};
	fill_owner(&f->port.bound_owner, character);
	fill_owner(&f->port.udp_owner, character);
	fill_owner(&f->port.outgoing_owner, character);
	fill_owner(&f->elsewhere_owner, character);
	fill_row(&f->port.outgoing_row, character);
	fill_row(&f->elsewhere_row, character);
	fill_row(&f->connection.row, character);
	fill(f->elsewhere_netns, sizeof(f->elsewhere_netns), character);
	fill(f->iface, sizeof(f->iface), character);
	fill(f->routing.device, sizeof(f->routing.device), character);
	memset(&f->routing.next_hop, 0xfe, sizeof(f->routing.next_hop));
	memset(&f->backend_key, 0xfe, sizeof(f->backend_key));
	f->routing.back = ROUTE_PROHIBITED;
	f->routing.arp_ignore = INT32_MAX;
	f->asked_process = f->asked_route = f->elsewhere = f->server_local = true;
	fill(f->process.syscall, sizeof(f->process.syscall), "s");
	f->queue = (struct listener_sample){.queue = UINT32_MAX, .queue_max = UINT32_MAX};
	ip_format(&k->a.key.client, n->peer, sizeof(n->peer));
	ip_format(&k->a.key.server, n->addr, sizeof(n->addr));
	ip_format_port(&k->a.key.server, UINT16_MAX, n->dialled, sizeof(n->dialled));
	ip_format_port(&k->listener.row.addr, UINT16_MAX, n->bound, sizeof(n->bound));
	snprintf(n->filter, sizeof(n->filter), "host %s", n->peer);
	n->who = &k->listener.owner;
	n->port = UINT16_MAX;
	words_owner(n->who, n->owner, sizeof(n->owner));
}

static bool is_valid(const char *s)
{
	for (size_t n = strlen(s), len; n > 0; s += len, n -= len) {
		uint32_t cp;

		len = text_decode(s, n, &cp);
		if (len == 0 || text_columns(cp) == 0)
			return false;
	}
	return true;
}

/* What must hold of a text, whatever it is about. */
static int check(const char *text, size_t size, const char *what, const char *id)
{
	int failures = 0;

	note(failures, strlen(text) < size, "%s: %s has no end", id, what);
	note(failures, !strpbrk(text, "{}"), "%s: %s has a name left: %s", id, what, text);
	note(failures, is_valid(text), "%s: %s is no clean text: %s", id, what, text);
	return failures;
}

/* Tells every cause; their number. */
static int tell_all(const struct known *k, void (*also)(enum cause c, const struct event_attempt *ev, int *failures),
	int *failures)
{
	int told = 0;

	for (int c = 0; c < CAUSE_COUNT; c++) {
		const char *id = cause_entry((enum cause)c)->id;
		struct event_attempt *ev = calloc(1, sizeof(*ev)); /* of its own, for the sanitizer */

		assert_non_null(ev);
		if (sentences_tell((enum cause)c, &k->f, &k->n, ev)) {
			told++;
			*failures += check(ev->summary, sizeof(ev->summary), "the summary", id);
			*failures += check(ev->advice, sizeof(ev->advice), "the advice", id);
			note(*failures, ev->summary[0], "%s has no summary", id);
			also((enum cause)c, ev, failures);
		}
		free(ev);
	}
	return told;
}

/* With nothing to fill in, all of it is there. */
static void is_whole(enum cause c, const struct event_attempt *ev, int *failures)
{
	note(*failures, strlen(ev->summary) < sizeof(ev->summary) - 1, "%s: the summary is cut", cause_entry(c)->id);
	note(*failures, strlen(ev->advice) < sizeof(ev->advice) - 1, "%s: the advice is cut", cause_entry(c)->id);
	note(*failures, ev->advice[0] || c == CAUSE_PEER_GAVE_UP || cause_is_harmless(c), "%s: no advice", cause_entry(c)->id);
}

static void is_anything(enum cause c, const struct event_attempt *ev, int *failures)
{
	(void)c;
	(void)ev;
	(void)failures;
}

static void test_nothing_known(void **state)
{
	static struct known k;
	int failures = 0;

	(void)state;
	empty(&k);
	assert_true(tell_all(&k, is_whole, &failures) > 60);
	expect(failures == 0, "%d wrong", failures);
}

/* Names as they are: neither the sentence nor what to do about it is cut. */
static void test_usual_names(void **state)
{
	static struct known k;
	int failures = 0;

	(void)state;
	longest(&k, "n");
	k.listener.owner = (struct owner){.pid = 1234567, .comm = "gunicorn", .unit = "shop-frontend.service"};
	words_owner(&k.listener.owner, k.n.owner, sizeof(k.n.owner));
	k.gone.owner = k.f.port.bound_owner = k.f.port.udp_owner = k.listener.owner;
	k.f.port.outgoing_owner = k.f.elsewhere_owner = k.listener.owner;
	strcpy(k.f.iface, "enp0s31f6.4000");
	strcpy(k.f.routing.device, "enp0s31f6.4000");
	strcpy(k.listener.row.device, "enp0s31f6.4000");
	strcpy(k.f.elsewhere_netns, "shop-frontend-1");
	assert_true(tell_all(&k, is_whole, &failures) > 60);
	expect(failures == 0, "%d wrong", failures);
}

/* The longest names may be cut, but at a character. */
static void test_longest_names(void **state)
{
	static const char *const characters[] = {"n", "\xc3\xa9", "\xe6\x97\xa5", "\xf0\x9f\x90\xa7"};
	static struct known k;
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(characters); i++) {
		longest(&k, characters[i]);
		assert_true(tell_all(&k, is_anything, &failures) > 60);
	}
	expect(failures == 0, "%d wrong", failures);
}

/* A name in a template that is not known would be told as "?". */
static void has_no_question(enum cause c, const struct event_attempt *ev, int *failures)
{
	const char *texts[] = {ev->summary, ev->advice};

	for (size_t i = 0; i < COUNT(texts); i++)
		for (const char *p = texts[i]; (p = strchr(p, '?')); p++)
			note(*failures, p > texts[i] && (p[-1] == ')' || (p[-1] >= 'a' && p[-1] <= 'z')), "%s: %s",
				cause_entry(c)->id, p);
}

static void test_all_names_are_known(void **state)
{
	static struct known k;
	int failures = 0;

	(void)state;
	empty(&k);
	tell_all(&k, has_no_question, &failures);
	longest(&k, "n");
	tell_all(&k, has_no_question, &failures);
	expect(failures == 0, "%d wrong", failures);
}

/* Every cause that a rule names has words of its own; of these two only the general ones can be said. */
static void test_no_rule_without_words(void **state)
{
	static struct known k;
	int failures = 0;

	(void)state;
	empty(&k);
	for (int c = CAUSE_UNKNOWN + 1; c < CAUSE_COUNT; c++) {
		static struct event_attempt ev;

		if (c != CAUSE_BPF_DROP && c != CAUSE_PUBLISHED_NO_LISTENER && rules_name((enum cause)c))
			note(failures, sentences_tell((enum cause)c, &k.f, &k.n, &ev), "%s", cause_entry((enum cause)c)->id);
	}
	expect(failures == 0, "%d without words", failures);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_usual_names),
		cmocka_unit_test(test_longest_names),
		cmocka_unit_test(test_all_names_are_known),
		cmocka_unit_test(test_no_rule_without_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
