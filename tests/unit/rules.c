/* rules.c - facts to verdicts: for each rule what fits, and a near miss. */
#include "unit.h"

#include "cases_door.h"
#include "cases_end.h"
#include "cases_field.h"
#include "cases_kernel.h"
#include "cases_silence.h"
#include "engine/report.h"

static const struct {
	const struct rule_case *cases;
	size_t n;
} tables[] = {
	{door_cases, COUNT(door_cases)},
	{silence_cases, COUNT(silence_cases)},
	{end_cases, COUNT(end_cases)},
	{kernel_cases, COUNT(kernel_cases)},
	{field_cases, COUNT(field_cases)},
};

/* The i-th case of all tables; NULL: there are no more. */
static const struct rule_case *case_at(size_t i)
{
	for (size_t t = 0; t < COUNT(tables); i -= tables[t++].n)
		if (i < tables[t].n)
			return &tables[t].cases[i];
	return NULL;
}

static struct ip ip(const char *text)
{
	struct ip a;

	expect(ip_parse(text, &a) == 0, "%s", text);
	return a;
}

/* NULL where the case has none. */
static const struct kernel_word *word(const struct case_word *c, const struct attempt *a, struct kernel_word *ret)
{
	if (!c->name)
		return NULL;
	*ret = (struct kernel_word){
		.src = a->key.client,
		.dst = c->to ? ip(c->to) : a->key.server,
		.sport = a->key.client_port,
		.dport = a->key.server_port,
		.reason = (uint8_t)reason_by_name(c->name),
		.flags = c->flags,
		.routed = c->active,
	};
	strcpy(ret->name, c->name);
	strcpy(ret->function, c->function);
	return ret;
}

static const struct kernel_word *reset_word(const struct case_word *c, const struct attempt *a, struct kernel_word *ret)
{
	if (!word(c, a, ret))
		return NULL;
	ret->reset = true;
	ret->routed = c->active;
	ret->state = c->state;
	ret->src = a->key.server;
	ret->dst = a->key.client;
	ret->sport = c->port ? c->port : a->key.server_port;
	ret->dport = a->key.client_port;
	ret->answers = c->answers;
	ret->payload = c->payload;
	ret->speech = (uint8_t)c->speech;
	return ret;
}

static void make_words(const struct rule_case *c, struct facts *f)
{
	static struct kernel_word syn, syn_ack, from_client, to_client, rst;

	f->said = (struct said){
		.syn = word(&c->syn, f->a, &syn),
		.syn_ack = word(&c->syn_ack, f->a, &syn_ack),
		.from_client = word(&c->from_client, f->a, &from_client),
		.to_client = word(&c->to_client, f->a, &to_client),
		.reset = reset_word(&c->rst, f->a, &rst),
		.syn_of_port = c->syn.of_port,
		.syn_ack_of_port = c->syn_ack.of_port,
	};
}

static void make_target(const struct rule_case *c, struct facts *f)
{
	static struct inner inner;

	if (!c->nat.inner && !c->nat.said)
		return;
	inner = (struct inner){.addr = ip("172.18.0.2"), .port = 80, .t = 0, .answer_flags = c->nat.answer,
		.answered = c->nat.answer ? f->a->first + 50 : 0,
		.reset = c->inner_rst.reset ? f->a->first + c->inner_rst.reset : 0,
		.client_reset = c->inner_rst.client_reset ? f->a->first + c->inner_rst.client_reset : 0};
	f->target = (struct target){
		.known = c->nat.inner ? TARGET_SEEN : TARGET_SAID,
		.addr = inner.addr,
		.port = inner.port,
		.inner = c->nat.inner ? &inner : NULL,
		.here = c->nat.here,
		.asked = c->nat.asked,
		.has_namespace = c->nat.has_namespace,
		.listens = c->nat.near != NEAR_NOTHING,
		.near = c->nat.near,
		.way = {.neighbour = c->nat.neighbour},
	};
}

/* One rule for each ruling. */
static void make_rulings(const struct rule_case *c, struct facts *f)
{
	static struct firewall_verdict verdicts[RULINGS];

	for (int i = 0; i < RULINGS; i++) {
		struct firewall_verdict *v = &verdicts[i];
		enum firewall_fate fate = (enum firewall_fate)(c->rules.fate[i] - 1);

		if (!c->rules.fate[i])
			continue;
		*v = (struct firewall_verdict){
			.fate = c->rules.uncertain ? FIREWALL_UNKNOWN : fate,
			.icmp_type = 3,
			.icmp_code = 1,
			.complete = true,
			.queue_listeners = c->rules.readerless ? 0 : 1,
			.n = fate != FIREWALL_ACCEPTED,
			.n_found = fate != FIREWALL_ACCEPTED,
		};
		v->candidates[0] = (struct firewall_rule){.handle = 7, .fate = (uint8_t)fate, .must = !c->rules.uncertain,
			.has_counter = true, .grew = c->rules.grew, .family = "inet", .table = "filter", .chain = "input"};
		strcpy(v->candidates[0].hook, c->rules.hook ? c->rules.hook : "input");
		if (c->rules.leads)
			v->translation = (struct firewall_translation){.is = true, .must = true, .addr_known = true,
				.port_known = true, .addr = ip(c->rules.leads), .port = c->rules.to};
		f->ruling[i] = v;
	}
	if (c->rules.leads && !f->target.known)
		f->target = (struct target){.known = TARGET_RULED, .addr = ip(c->rules.leads), .port = c->rules.to,
			.here = strcmp(c->rules.leads, "198.51.100.2") == 0 || strncmp(c->rules.leads, "127.", 4) == 0};
}

/* The facts of a case; what they point to is static. */
static void make(const struct rule_case *c, struct facts *f)
{
	static struct attempt a;
	static struct listener listener, gone;

	a = c->a;
	memset(f, 0, sizeof(*f));
	memset(&listener, 0, sizeof(listener));
	memset(&gone, 0, sizeof(gone));
	listener.row = (struct socket_row){.addr = ip("0.0.0.0"), .port = 80, .queue_max = 10};
	listener.up = 1002 * USEC;
	listener.seen = c->last_seen_before ? 999 * USEC : 1003 * USEC;
	strcpy(listener.owner.comm, c->other_name ? "newd" : "httpd");
	listener.owner.pid = c->pid_now;
	gone.row = listener.row;
	gone.owner.pid = c->pid_before;
	strcpy(gone.owner.comm, "httpd");
	gone.gone = 1000 * USEC + 100 - (c->gone_before ? c->gone_before : 20 * USEC);
	a.key = (struct attempt_key){ip("203.0.113.7"), ip("198.51.100.2"), 40000, 80};
	a.first = 1000 * USEC;
	a.last = a.answered = a.first + 100;
	a.ended = a.first + (c->lasted ? c->lasted : 100);
	a.syns = c->syns ? c->syns : 1;
	a.synacks = c->synacks ? c->synacks : 1;
	if (a.looked_from)
		a.looked_from = a.first + (a.looked_from > 1 ? 200 : 50); /* after the last packet, or before it */
	a.peer_ttl = c->peer_ttl ? c->peer_ttl : 64;
	a.reset_elsewhere = c->elsewhere;
	a.v6 = c->v6;
	a.out = c->out;
	a.answer_ttl = c->ttl ? c->ttl : 64;
	a.answer_flags = c->flags;
	a.reset_by = c->reset_by;
	a.first_fin = c->first_fin;
	a.closed = a.first_fin ? a.first + (c->closed_after ? c->closed_after : c->lasted ? c->lasted : 100) : 0;
	a.client_fin = c->client_fin || (a.first_fin == SIDE_CLIENT);
	a.server_fin = c->server_fin || (a.first_fin == SIDE_SERVER);
	a.bytes_known = a.bytes_known || a.first_fin != SIDE_NONE;
	a.client_bytes = c->client_bytes;
	a.server_bytes = c->server_bytes;
	a.icmp_from = c->icmp_elsewhere ? ip("192.0.2.254") : a.key.server;
	a.icmp_type = c->icmp_type ? c->icmp_type : 3;
	a.icmp_code = c->icmp_type ? c->icmp_code : 13;
	f->a = &a;
	f->situation = c->situation;
	f->sockets = !c->no_sockets;
	f->server_local = !c->foreign;
	f->own_ttl = 64;
	f->lossless = !c->lossy;
	f->near = c->near;
	f->nearest = c->near != NEAR_NOTHING ? &listener : NULL;
	f->accepting = c->door != NOBODY ? &listener : NULL;
	f->steady = c->door == STEADY;
	f->later = c->door == LATER;
	f->partial = c->partial;
	f->gone = c->gone ? &gone : NULL;
	if (!(c->port & NOT_ASKED)) {
		if (!(c->port & BOUND_UNSEEN))
			f->port.bound = presence_of(c->port & BOUND);
		f->port.udp = presence_of(c->port & UDP);
		f->port.outgoing = presence_of(c->port & OUTGOING);
	}
	f->window.known = !(c->moved & NO_WINDOW);
	for (int i = 0; i < COUNTER_COUNT; i++)
		f->window.delta[i] = c->moved >> i & 1;
	f->window.wire_rsts = c->wire_rsts;
	f->window.rst_acks = c->rst_acks;
	f->origin = c->origin;
	f->drops = c->drops;
	f->drops_exact = !c->drops_at_least;
	f->queue = (struct listener_sample){.queue = c->queue, .queue_max = 10};
	f->members = c->members;
	f->member = c->named ? &listener : NULL;
	f->members_full = c->all_full;
	f->peer_impossible = c->impossible;
	f->icmp_from_here = c->from_here;
	f->asked_route = c->route.in != ROUTE_UNKNOWN || c->route.back != ROUTE_UNKNOWN;
	f->routing = c->route;
	f->routing.next_hop = a.key.client; /* on the same link */
	f->asked_process = c->process.state != 0;
	f->process = c->process;
	f->asked_conntrack = c->conntrack > 0;
	f->conntrack = c->conntrack;
	f->conntrack_max = 1000;
	f->asked_half_open = c->half_open > 0;
	f->half_open = c->half_open;
	f->half_open_max = 100;
	f->cookies = c->cookies;
	f->asked_elsewhere = f->elsewhere = c->other_netns != 0;
	f->elsewhere_reach = (enum elsewhere_reach)(c->other_netns - f->elsewhere);
	f->vanished = c->vanished;
	f->disconnected = c->disconnected;
	f->backend = c->backend;
	f->backend_how = OUTCOME_REFUSED;
	f->backend_at_once = c->backend_at_once;
	f->backend_passed = c->backend_passed;
	f->tls_answer = c->tls_answer;
	f->backend_key = (struct attempt_key){ip("198.51.100.2"), ip("192.0.2.5"), 50000, 9000};
	f->asked_ports = c->ports_max > 0;
	f->ports_used = c->ports_used;
	f->ports_max = c->ports_max;
	f->died = c->died != 0;
	f->died_pid = 70;
	f->died_status = c->died;
	f->manners = c->manners;
	f->limit = c->limit;
	f->turned_away = c->turned_away;
	f->answers = c->answers;
	f->claimed = c->claimed;
	f->shared = c->shared;
	f->process.decides = c->decides;
	f->served_after = c->served_after ? a.answered + c->served_after : 0;
	f->served_before = c->served_before ? a.answered - c->served_before : 0;
	f->waiting = c->waiting;
	f->waited = 2 * USEC;
	f->connection = c->conn;
	f->asked_times = 3;
	f->looked_up = c->look != NO_LOOK;
	f->found = c->look >= FINDS;
	if (f->found)
		f->socket.state = (uint8_t)(c->look - FINDS);
	f->found_listener = f->found && f->socket.state == SOCKET_LISTEN;
	f->asked_flow = c->flow != 0;
	f->flow.found = c->flow == TRACKED;
	f->asked_hooks = c->hooks.netfilter_known;
	f->hooks = c->hooks;
	make_words(c, f);
	make_target(c, f);
	make_rulings(c, f);
}

static bool lists(const struct verdict *v, enum cause cause)
{
	for (int i = 0; i < RULES_ALTERNATIVES; i++)
		if (v->alternatives[i] == cause)
			return true;
	return false;
}

static void test_cases(void **state)
{
	int failures = 0;
	size_t n = 0;

	(void)state;
	for (const struct rule_case *c; (c = case_at(n)); n++) {
		struct facts f;
		struct verdict v;

		make(c, &f);
		v = rules_judge(&f);
		note(failures, v.cause == c->cause, "%s: %s, not %s", c->what,
			cause_entry(v.cause)->id, cause_entry(c->cause)->id);
		note(failures, v.confidence == c->confidence || c->confidence == UNSETTLED, "%s: %d, not %d", c->what,
			v.confidence, c->confidence);
		if (c->alternative != CAUSE_NONE)
			note(failures, lists(&v, c->alternative),
				"%s: %s is not among the alternatives", c->what,
				cause_entry(c->alternative)->id);
		note(failures, !lists(&v, v.cause) || v.cause == CAUSE_NONE,
			"%s is its own alternative", c->what);
		if (v.confidence >= CONFIDENCE_INFERRED)
			note(failures, v.alternatives[0] == CAUSE_NONE,
				"%s: sure, and yet alternatives", c->what);
		for (int k = 0; k < RULES_ALTERNATIVES; k++)
			for (int m = 0; m < k && v.alternatives[k]; m++)
				note(failures, v.alternatives[k] != v.alternatives[m], "%s: twice",
					c->what);
	}
	expect(failures == 0, "%d wrong", failures);
}

/*
 * Every cause that has a rule is the verdict of some case above. (But published-no-listener: wherever it
 * fits firewall-reset does as well, and stands before it.)
 */
static void test_cases_are_complete(void **state)
{
	int failures = 0;

	(void)state;
	for (int cause = CAUSE_UNKNOWN + 1; cause < CAUSE_COUNT; cause++) {
		bool found = !rules_name((enum cause)cause);
		size_t n = 0;

		for (const struct rule_case *c; !found && (c = case_at(n)); n++)
			found = (int)c->cause == cause;
		note(failures, found, "%s has no case", cause_entry((enum cause)cause)->id);
	}
	expect(failures == 0, "%d missing", failures);
}

static void test_sees(void **state)
{
	static const enum client_sees want[SITUATION_COUNT] = {
		[SITUATION_REFUSED] = SEES_ECONNREFUSED,
		[SITUATION_UNREACHABLE] = SEES_EHOSTUNREACH,
		[SITUATION_SILENT] = SEES_ETIMEDOUT,
		[SITUATION_UNFINISHED] = SEES_NONE,
		[SITUATION_CANCELLED] = SEES_NONE,
		[SITUATION_RESET] = SEES_ECONNRESET,
		[SITUATION_CLOSED] = SEES_NONE,
		[SITUATION_ACCEPTED] = SEES_NONE,
		[SITUATION_WAITING] = SEES_NONE,
		[SITUATION_UNANSWERED] = SEES_EHOSTUNREACH,
	};

	(void)state;
	for (int s = 0; s < SITUATION_COUNT; s++) {
		struct rule_case c = {.situation = (enum situation)s, .reset_by = SIDE_SERVER};
		struct facts f;

		make(&c, &f);
		expect(rules_judge(&f).sees == want[s], "situation %d", s);
		c.reset_by = SIDE_CLIENT;
		make(&c, &f);
		if (s == SITUATION_RESET)
			assert_int_equal(rules_judge(&f).sees, SEES_NONE);
	}
}

/* The words for every case, with no owner and with the longest names: clean, and all there. */
static void test_words(void **state)
{
	int failures = 0;
	size_t n = 0;

	(void)state;
	for (const struct rule_case *c; (c = case_at(n)); n++) {
		for (int known = 0; known < 2; known++) {
			static struct event_attempt ev;
			struct facts f;
			struct verdict v;
			struct telling t = {.count = known ? 1000 : 1};

			make(c, &f);
			memset(&ev, 0, sizeof(ev));
			strcpy(ev.peer, "203.0.113.7");
			if (known && f.accepting) {
				struct owner *o = (struct owner *)(uintptr_t)&f.accepting->owner;

				o->pid = INT32_MAX;
				memset(o->comm, 'c', sizeof(o->comm) - 1);
				memset(o->unit, 'u', sizeof(o->unit) - 1);
				memset(o->container, 'k', sizeof(o->container) - 1);
			}
			v = rules_judge(&f);
			words_tell(&f, &v, &t, &ev);
			note(failures, ev.summary[0] && ev.evidence[0].text[0], "%s: no words",
				c->what);
			note(failures, known || strlen(ev.summary) < sizeof(ev.summary) - 1,
				"%s: summary cut", c->what);
			note(failures, ev.cause[0] == '\0', "%s", c->what);
			for (const char *p = ev.summary; *p; p++)
				note(failures, *p >= 0x20 && *p < 0x7f, "%s: byte %d",
					c->what, *p);
			for (const char *p = ev.advice; *p; p++)
				note(failures, *p >= 0x20 && *p < 0x7f, "%s: byte %d",
					c->what, *p);
			if (!cause_is_harmless(v.cause) && c->situation != SITUATION_CLOSED)
				note(failures, ev.advice[0], "%s (%s): no advice", c->what,
					cause_entry(v.cause)->id);
			note(failures, strlen(ev.advice) < sizeof(ev.advice) - 1,
				"%s: advice cut: ...%s", c->what,
				ev.advice + sizeof(ev.advice) - 40);
		}
	}
	expect(failures == 0, "%d wrong", failures);
}

static void test_durations(void **state)
{
	static const struct {
		int64_t usec;
		const char *text;
	} durations[] = {
		{0, "0.00 ms"},
		{100, "0.10 ms"},
		{9999, "10.00 ms"},
		{10000, "10 ms"},
		{312000, "312 ms"},
		{999999, "999 ms"},
		{2000000, "2.0 s"},
		{59900000, "59.9 s"},
		{60000000, "1 min 0 s"},
		{303000000, "5 min 3 s"},
		{INT64_C(7260000000), "2 h 1 min"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(durations); i++) {
		char buf[32];

		assert_string_equal(
			words_duration(durations[i].usec, buf, sizeof(buf)), durations[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_cases_are_complete),
		cmocka_unit_test(test_sees),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
