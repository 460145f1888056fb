/* filter.c - which rows a filter lets through, and what is no filter. */
#include "unit.h"

#include "ui/filter.h"

static const struct subject postgres = {
	.port = 5432,
	.texts = {
		[FILTER_ANY] = "10.77.0.2 dialled 10.77.0.1:5432: Connection refused",
		[FILTER_PEER] = "10.77.0.2",
		[FILTER_CAUSE] = "loopback-only",
		[FILTER_OUTCOME] = "refused",
		[FILTER_CONFIDENCE] = "proved",
		[FILTER_PROGRAM] = "postgres",
		[FILTER_NETNS] = "",
	},
};

static bool lets_through(const char *text, const struct subject *s)
{
	struct filter f;
	char err[120] = "";

	expect(filter_parse(text, &f, err, sizeof(err)) == 0, "%s: %s", text, err);
	return filter_matches(&f, s);
}

static void test_fields(void **state)
{
	static const struct {
		const char *text;
		bool matches;
	} cases[] = {
		{"", true}, {"   ", true},
		{"port:5432", true}, {"port:5433", false}, {"port:5000-6000", true}, {"port:1-5431", false}, {"port:543", false},
		{"peer:10.77.0.2", true}, {"peer:10.77", true}, {"peer:77.0.2", false}, {"peer:10.0.0.0/8", true},
		{"peer:10.77.0.0/31", false}, {"peer:10.77.0.2/32", true}, {"peer:0.0.0.0/0", true}, {"peer:10.77.0.3/31", true},
		{"peer:2001:db8::/32", false}, {"peer:::/0", true}, /* IPv4 is kept v4-mapped */
		{"cause:loopback-only", true}, {"cause:loop", true}, {"cause:firewall", false},
		{"outcome:refused", true}, {"outcome:silent", false}, {"confidence:proved", true}, {"program:POST", true},
		{"connection", true}, {"refused", true}, {"postgres", true}, {"nginx", false},
		{"port:5432 cause:loopback", true}, {"port:5432 cause:firewall", false}, {"!cause:firewall", true},
		{"!cause:loopback", false}, {"!port:80 peer:10.0.0.0/8 !nginx refused", true}, {"!", false},
		{"http://x", false}, {"netns:web", false},
	};
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		note(failures, lets_through(cases[i].text, &postgres) == cases[i].matches, "'%s'", cases[i].text);
	expect(failures == 0, "%d wrong", failures);
}

static void test_peers_told_by_their_network(void **state)
{
	struct subject s = {.port = 80, .texts = {[FILTER_PEER] = "192.0.2.0/24"}};

	(void)state;
	assert_true(lets_through("peer:192.0.0.0/16", &s));
	assert_false(lets_through("peer:192.0.3.0/24", &s));
	s.texts[FILTER_PEER] = "2001:db8:7::/64";
	assert_true(lets_through("peer:2001:db8::/32", &s));
	assert_false(lets_through("peer:2001:db9::/32", &s));
	s.texts[FILTER_PEER] = "many";
	assert_false(lets_through("peer:0.0.0.0/0", &s));
	assert_true(lets_through("peer:many", &s));
	s.texts[FILTER_PEER] = NULL;
	assert_false(lets_through("peer:10", &s));
	assert_true(lets_through("!peer:10", &s));
}

static void test_what_is_none(void **state)
{
	static const char *const wrong[] = {
		"port:", "port:x", "port:80-", "port:90-80", "port:70000", "port:-1", "port:80x", "peer:10.0.0.0/33", "peer:10.0.0.0/",
		"peer:10.0.0/8", "peer:::/129", "peer:x/8", "prot:80", "weather:fine", "outcome:refusd", "cause:xyz", "confidence:sure", "a b c d e f g h i",
	};
	struct filter f = {.n = 3};
	char err[120];

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		err[0] = '\0';
		expect(filter_parse(wrong[i], &f, err, sizeof(err)) < 0, "'%s' is taken", wrong[i]);
		expect(err[0] != '\0' && f.n == 3, "'%s': no sentence, or the filter has changed", wrong[i]);
	}
}

static void test_any_bytes(void **state)
{
	static const char letters[] = "port:peer!/-0129.:abcxyz \\\"%s\xc3\xa4";
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char text[80], err[120];
		struct filter f;
		size_t n = random_below(&seed, sizeof(text) - 1);

		for (size_t i = 0; i < n; i++)
			text[i] = letters[random_below(&seed, sizeof(letters) - 1)];
		text[n] = '\0';
		if (filter_parse(text, &f, err, sizeof(err)) == 0)
			filter_matches(&f, &postgres);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_peers_told_by_their_network),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
