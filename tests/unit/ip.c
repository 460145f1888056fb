/* ip.c - addresses of both families: parsing, classes, prefixes, texts. */
#include "unit.h"

#include "base/ip.h"

#include <errno.h>

static struct ip ip(const char *text)
{
	struct ip a;

	expect(ip_parse(text, &a) == 0, "%s does not parse", text);
	return a;
}

static void test_parse(void **state)
{
	static const char *const bad[] = {"", " ", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ",
		"::1%lo", ":::", "g::1", "1:2:3:4:5:6:7:8:9", "192.0.2.1/24", "localhost",
		"01.2.3.4x"};
	struct ip a, before;

	(void)state;
	memset(&a, 0x5a, sizeof(a));
	before = a;
	for (size_t i = 0; i < COUNT(bad); i++) {
		expect(ip_parse(bad[i], &a) == -EINVAL, "\"%s\" parses", bad[i]);
		expect(ip_equal(&a, &before), "\"%s\" leaves something behind", bad[i]);
	}
	assert_int_equal(ip_parse("192.0.2.1", &a), 0);
	assert_true(ip_is_v4(&a) && a.b[12] == 192 && a.b[15] == 1);
	before = ip_from_v4("\xc0\x00\x02\x01");
	assert_true(ip_equal(&a, &before));
	assert_int_equal(ip_parse("2001:db8::1", &a), 0);
	assert_false(ip_is_v4(&a));
	before = ip_from_v6("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01");
	assert_true(ip_equal(&a, &before));
}

static void test_classes(void **state)
{
	static const struct {
		const char *text;
		bool v4, any, loopback, link_local;
	} cases[] = {
		{"0.0.0.0", true, true, false, false},
		{"::", false, true, false, false},
		{"127.0.0.1", true, false, true, false},
		{"127.255.0.3", true, false, true, false},
		{"126.255.255.255", true, false, false, false},
		{"128.0.0.1", true, false, false, false},
		{"::1", false, false, true, false},
		{"::2", false, false, false, false},
		{"::ffff:127.0.0.1", true, false, true, false},
		{"::127.0.0.1", false, false, false, false},
		{"100::1", false, false, false, false},
		{"169.254.1.1", true, false, false, true},
		{"169.253.1.1", true, false, false, false},
		{"fe80::1", false, false, false, true},
		{"febf::1", false, false, false, true},
		{"fec0::1", false, false, false, false},
		{"fe00::1", false, false, false, false},
		{"0.0.0.1", true, false, false, false},
		{"192.0.2.1", true, false, false, false},
		{"2001:db8::1", false, false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ip a = ip(cases[i].text);

		expect(ip_is_v4(&a) == cases[i].v4, "%s: v4", cases[i].text);
		expect(ip_is_any(&a) == cases[i].any, "%s: any", cases[i].text);
		expect(ip_is_loopback(&a) == cases[i].loopback, "%s: loopback", cases[i].text);
		expect(ip_is_link_local(&a) == cases[i].link_local, "%s: link-local",
			cases[i].text);
	}
}

static void test_texts(void **state)
{
	static const struct {
		const char *in, *text, *with_port, *prefix;
	} cases[] = {
		{"192.0.2.77", "192.0.2.77", "192.0.2.77:80", "192.0.2.0/24"},
		{"::ffff:192.0.2.77", "192.0.2.77", "192.0.2.77:80", "192.0.2.0/24"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "[2001:db8:1:2:3:4:5:6]:80",
			"2001:db8:1:2::/64"},
		{"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1", "[2001:db8::1:0:0:1]:80",
			"2001:db8::/64"},
		{"::", "::", "[::]:80", "::/64"},
		{"0.0.0.0", "0.0.0.0", "0.0.0.0:80", "0.0.0.0/24"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:80", "ffff:ffff:ffff:ffff::/64"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ip a = ip(cases[i].in);
		char buf[IP_TEXT];

		assert_string_equal(ip_format(&a, buf, sizeof(buf)), cases[i].text);
		assert_string_equal(ip_format_port(&a, 80, buf, sizeof(buf)), cases[i].with_port);
		assert_string_equal(ip_format_prefix(&a, buf, sizeof(buf)), cases[i].prefix);
	}
}

static void test_short_buffers(void **state)
{
	struct ip a = ip("2001:db8:1:2:3:4:5:6");

	(void)state;
	for (size_t size = 1; size < 50; size++) {
		char *buf = malloc(size);

		assert_non_null(buf);
		assert_ptr_equal(ip_format_port(&a, 65535, buf, size), buf);
		assert_true(strlen(buf) < size);
		ip_format_prefix(&a, buf, size);
		ip_format(&a, buf, size);
		assert_true(strncmp(buf, "2001:db8:1:2:3:4:5:6", size - 1) == 0);
		free(buf);
	}
}

static void test_round_trip(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct ip a, b;
		char buf[IP_TEXT];

		for (int k = 0; k < 16; k++)
			a.b[k] = random_below(&seed, 2) ? (uint8_t)random_next(&seed) : 0;
		if (random_below(&seed, 4) == 0)
			a = ip_from_v4(a.b);
		assert_int_equal(ip_parse(ip_format(&a, buf, sizeof(buf)), &b), 0);
		expect(ip_equal(&a, &b), "%s", buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_short_buffers),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
