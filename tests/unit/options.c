/* options.c - the command line, case by case. */
#include "unit.h"

#include "proc/options.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
	ARGS_MAX = 40,
};

static int parse(const char *const *args, struct options *o, char err[200])
{
	static char pool[2][ARGS_MAX][64]; /* getopt(3) keeps a pointer into the previous one */
	static int turn;
	char(*texts)[64] = pool[turn = !turn];
	char *argv[ARGS_MAX + 2] = {texts[0]};
	int argc = 1;

	strcpy(texts[0], "tcpwhy");
	for (; args[argc - 1]; argc++) {
		snprintf(texts[argc], sizeof(texts[argc]), "%s", args[argc - 1]);
		argv[argc] = texts[argc];
	}
	err[0] = '\0';
	return options_parse(argc, argv, o, err, 200);
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void test_defaults(void **state)
{
	struct options o;
	char err[200];

	(void)state;
	assert_int_equal(parse(ARGS(), &o, err), 0);
	assert_int_equal(o.interval, 0);
	assert_int_equal(o.duration, 0);
	assert_int_equal(o.explain, 0);
	assert_int_equal(o.n_interfaces, 0);
	assert_null(o.filter);
	assert_null(o.read);
	assert_null(o.write);
	assert_false(o.json || o.batch || o.demo || o.help || o.version);
	options_fini(&o);
	options_fini(&o);
}

static void test_all(void **state)
{
	struct options o;
	char err[200];

	(void)state;
	assert_int_equal(
		parse(ARGS("-i", "eth0", "--interface=eth1", "-w", "out", "--json", "--for", "2.5",
			      "--interval", "0.2", "--no-kernel", "host", "192.0.2.1"),
			&o, err),
		0);
	assert_int_equal(o.n_interfaces, 2);
	assert_string_equal(o.interfaces[0], "eth0");
	assert_string_equal(o.interfaces[1], "eth1");
	assert_string_equal(o.write, "out");
	assert_true(o.json);
	assert_int_equal(o.duration, 2500000);
	assert_int_equal(o.interval, 200000);
	assert_string_equal(o.filter, "host 192.0.2.1");
	options_fini(&o);
	assert_int_equal(parse(ARGS("-r", "-", "-b"), &o, err), 0);
	assert_string_equal(o.read, "-");
	assert_true(o.batch);
	options_fini(&o);
	assert_int_equal(parse(ARGS("-bx443"), &o, err), 0);
	assert_int_equal(o.explain, 443);
	options_fini(&o);
	assert_int_equal(parse(ARGS("--demo"), &o, err), 0);
	assert_true(o.demo);
	options_fini(&o);
	assert_int_equal(parse(ARGS("-h"), &o, err), 0);
	assert_true(o.help);
	options_fini(&o);
	assert_int_equal(parse(ARGS("--version"), &o, err), 0);
	assert_true(o.version);
	options_fini(&o);
	/* what follows the first word of the filter belongs to it */
	assert_int_equal(parse(ARGS("tcp", "port", "-b"), &o, err), 0);
	assert_string_equal(o.filter, "tcp port -b");
	assert_false(o.batch);
	options_fini(&o);
	assert_int_equal(parse(ARGS("--", "-b"), &o, err), 0);
	assert_string_equal(o.filter, "-b");
	options_fini(&o);
}

static void test_numbers(void **state)
{
	static const struct {
		const char *option, *text;
		bool good;
	} cases[] = {
		{"-x", "1", true},
		{"-x", "65535", true},
		{"-x", "0", false},
		{"-x", "65536", false},
		{"-x", "-1", false},
		{"-x", "", false},
		{"-x", "http", false},
		{"-x", "80x", false},
		{"-x", "80.5", false},
		{"-x", "99999999999999999999", false},
		{"-x", "0x50", false},
		{"--for", "0.05", true},
		{"--for", "1e7", true},
		{"--for", "0", false},
		{"--for", "-1", false},
		{"--for", "0.049", false},
		{"--for", "10000001", false},
		{"--for", "nan", false},
		{"--for", "inf", false},
		{"--for", "", false},
		{"--for", "1s", false},
		{"--for", "x", false},
		{"--interval", "0.1", true},
		{"--interval", "0", false},
		{"--interval", "1e300", false},
	};
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct options o;
		char err[200];
		int r = parse(ARGS(cases[i].option, cases[i].text), &o, err);

		note(failures, r == (cases[i].good ? 0 : -EINVAL), "%s \"%s\": %d", cases[i].option,
			cases[i].text, r);
		note(failures, cases[i].good || err[0], "%s \"%s\": no word why", cases[i].option,
			cases[i].text);
		options_fini(&o);
	}
	expect(failures == 0, "%d wrong", failures);
}

static void test_wrong(void **state)
{
	static const char *const cases[][8] = {
		{"--nonsense"},
		{"-q"},
		{"-i"},
		{"--read"},
		{"-j", "-b"},
		{"--json", "--batch"},
		{"-r", "f", "--demo"},
		{"-r", "f", "-i", "eth0"},
		{"--demo", "-i", "eth0"},
		{"--demo", "-x", "80"},
		{"-r", "f", "-x", "80"},
		{"-x", "80", "-j"},
	};
	int failures = 0;
	int saved = dup(2), null = open("/dev/null", 1);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct options o;
		char err[200];
		int r;

		dup2(null, 2); /* getopt(3) speaks for itself */
		r = parse(cases[i], &o, err);
		dup2(saved, 2);
		note(failures, r == -EINVAL, "%s %s: %d", cases[i][0],
			cases[i][1] ? cases[i][1] : "", r);
		note(failures, err[0] && strlen(err) < 199, "%s: no word why", cases[i][0]);
		options_fini(&o);
	}
	close(saved);
	close(null);
	expect(failures == 0, "%d wrong", failures);
}

static void test_interfaces_bounded(void **state)
{
	const char *args[ARGS_MAX] = {NULL};
	struct options o;
	char err[200];

	(void)state;
	for (int i = 0; i < 32; i += 2) {
		args[i] = "-i";
		args[i + 1] = "eth0";
	}
	assert_int_equal(parse(args, &o, err), 0);
	assert_int_equal(o.n_interfaces, OPTIONS_INTERFACES);
	options_fini(&o);
	args[32] = "-i";
	args[33] = "eth0";
	assert_int_equal(parse(args, &o, err), -EINVAL);
	options_fini(&o);
}

/* A short buffer for the sentence is not overrun. */
static void test_short_error(void **state)
{
	char name[] = "tcpwhy", option[] = "-x", value[] = "not a port at all", err[8];
	char *argv[] = {name, option, value, NULL};
	struct options o;

	(void)state;
	memset(err, 'X', sizeof(err));
	assert_int_equal(options_parse(3, argv, &o, err, sizeof(err)), -EINVAL);
	assert_true(strlen(err) < sizeof(err));
	options_fini(&o);
}

/* Every option of the design's page is in the help. */
static void test_help(void **state)
{
	static const char *const words[] = {"-i, --interface IF", "-r, --read FILE",
		"-w, --write FILE", "-j, --json", "-b, --batch", "-x, --explain PORT",
		"--for SECONDS", "--interval SECS", "--netns", "--trace-firewall", "--no-kernel",
		"--demo", "-h, --help", "-V, --version", "[pcap filter expression]"};
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	assert_non_null(f);
	options_print_help(f);
	fclose(f);
	for (size_t i = 0; i < COUNT(words); i++)
		expect(strstr(text, words[i]) != NULL, "\"%s\" is not in the help", words[i]);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_interfaces_bounded),
		cmocka_unit_test(test_short_error),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
