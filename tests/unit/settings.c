/* settings.c - the settings file there and back, what comes before what, and what is wrong. */
#include "unit.h"

#include "settings.h"

#include <errno.h>

static void test_there_and_back(void **state)
{
	struct settings s, again;
	char text[SETTINGS_FILE], err[160] = "";

	(void)state;
	settings_default(&s);
	assert_int_equal(settings_set(&s, "theme", "contrast", err, sizeof(err)), 0);
	assert_int_equal(settings_set(&s, "mouse", "yes", err, sizeof(err)), 0);
	assert_int_equal(settings_set(&s, "interval", "0.25", err, sizeof(err)), 0);
	assert_int_equal(settings_set(&s, "columns-ports", "port why bind", err, sizeof(err)), 0);
	assert_int_equal(settings_set(&s, "sort-peers", "-failed", err, sizeof(err)), 0);
	assert_true(settings_format(&s, text, sizeof(text)) < sizeof(text) - 1);
	settings_default(&again);
	expect(settings_read(&again, text, strlen(text), err, sizeof(err)) == 0, "%s", err);
	assert_memory_equal(&s, &again, sizeof(s));
}

static void test_every_setting_is_described(void **state)
{
	const char *name, *values, *help;
	struct settings s;
	char text[SETTINGS_FILE], word[64];
	size_t n = 0;

	(void)state;
	settings_default(&s);
	settings_format(&s, text, sizeof(text));
	while (settings_describe(n, &name, &values, &help)) {
		snprintf(word, sizeof(word), "\n%s =", name);
		expect(strstr(text, word) && strstr(text, help) && strstr(text, values), "%s", name);
		n++;
	}
	assert_true(n > 8);
}

static void test_wrong(void **state)
{
	static const char *const pairs[] = {
		"", "theme", "theme=", "theme=pink", "colour=red", "mouse=maybe", "interval=0", "interval=1s", "interval=nan",
		"columns-ports=port;rm", "columns-ports=\033[2J", "sort-ports=a name that is longer than any column's",
	};
	struct settings s, before;
	char err[160];

	(void)state;
	settings_default(&s);
	before = s;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		err[0] = '\0';
		expect(settings_set_pair(&s, pairs[i], err, sizeof(err)) == -EINVAL, "'%s' is taken", pairs[i]);
		expect(err[0] && memcmp(&s, &before, sizeof(s)) == 0, "'%s': no sentence, or something has changed", pairs[i]);
	}
}

/* Lines that are wrong are passed over, and the first of them is told. */
static void test_wrong_lines(void **state)
{
	static const char text[] = "# comment\n\n  theme = light  \nnonsense\ntheme=pink\r\nmouse = yes";
	struct settings s;
	char err[160] = "";

	(void)state;
	settings_default(&s);
	assert_int_equal(settings_read(&s, text, sizeof(text) - 1, err, sizeof(err)), -EINVAL);
	assert_string_equal(s.theme, "light");
	assert_true(s.mouse);
	expect(strncmp(err, "line 4:", 7) == 0, "%s", err);
	assert_null(strstr(err, "nonsense")); /* a file that is read by root may be any */
}

static void test_any_bytes(void **state)
{
	uint64_t seed = 11;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		char text[2000], err[160];
		struct settings s;
		size_t n = random_below(&seed, sizeof(text));

		for (size_t i = 0; i < n; i++)
			text[i] = (char)(random_below(&seed, 4) ? "theme=\n #mono"[random_below(&seed, 13)] : (char)random_next(&seed));
		settings_default(&s);
		settings_read(&s, text, n, err, sizeof(err));
	}
}

static void test_environment(void **state)
{
	struct settings s;
	char err[160] = "";

	(void)state;
	unsetenv("NO_COLOR");
	settings_default(&s);
	setenv("TCPWHY_COLUMNS_PORTS", "port why", 1);
	setenv("TCPWHY_MOUSE", "yes", 1);
	assert_int_equal(settings_environment(&s, err, sizeof(err)), 0);
	assert_string_equal(s.columns[SETTINGS_PORTS], "port why");
	assert_true(s.mouse);
	setenv("NO_COLOR", "1", 1);
	settings_environment(&s, err, sizeof(err));
	assert_string_equal(s.theme, "mono");
	setenv("TCPWHY_THEME", "light", 1); /* is about this program alone */
	settings_environment(&s, err, sizeof(err));
	assert_string_equal(s.theme, "light");
	setenv("TCPWHY_THEME", "pink", 1);
	assert_int_equal(settings_environment(&s, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "TCPWHY_THEME"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_every_setting_is_described),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_wrong_lines),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
