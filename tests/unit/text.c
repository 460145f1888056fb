/* text.c - what is kept, escaped and cut by the cleaner of text from outside. */
#include "unit.h"

#include "base/text.h"

#include <locale.h>
#include <wchar.h>

static void clean_is(const char *in, size_t n, const char *want)
{
	char out[256];
	size_t len;

	memset(out, 'X', sizeof(out));
	len = text_clean(out, sizeof(out), in, n);
	assert_string_equal(out, want);
	assert_int_equal(len, strlen(want));
}

#define CLEAN(in, want) clean_is(in, sizeof(in) - 1, want)

static void test_plain(void **state)
{
	(void)state;
	CLEAN("", "");
	CLEAN("nginx: master process", "nginx: master process");
	CLEAN("a\\b\"c'", "a\\b\"c'");
	CLEAN("caf\xc3\xa9 \xe2\x82\xac \xe6\x97\xa5\xe6\x9c\xac",
		"caf\xc3\xa9 \xe2\x82\xac \xe6\x97\xa5\xe6\x9c\xac");
	CLEAN("\xf0\x9f\x90\xa7", "\xf0\x9f\x90\xa7");
}

static void test_controls(void **state)
{
	(void)state;
	CLEAN("\x1b[2J", "\\x1b[2J");
	CLEAN("a\nb\rc\td\0e", "a\\x0ab\\x0dc\\x09d\\x00e");
	CLEAN("\x7f", "\\x7f");
	CLEAN("\xc2\x9b"
	      "31m",
		"\\xc2\\x9b"
		"31m"); /* CSI as one C1 character */
	CLEAN("\xc2\x85", "\\xc2\\x85");
}

static void test_invalid_utf8(void **state)
{
	(void)state;
	CLEAN("\x80", "\\x80");
	CLEAN("\xff\xfe", "\\xff\\xfe");
	CLEAN("\xc0\xaf", "\\xc0\\xaf");                   /* overlong '/' */
	CLEAN("\xe0\x80\xaf", "\\xe0\\x80\\xaf");          /* overlong */
	CLEAN("\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"); /* overlong */
	CLEAN("\xc1\xbf", "\\xc1\\xbf");
	CLEAN("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* a surrogate */
	CLEAN("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
	CLEAN("\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80");
	CLEAN("a\xc3", "a\\xc3"); /* cut short at the end */
	CLEAN("\xe2\x82", "\\xe2\\x82");
	CLEAN("\xe2\x82"
	      "A",
		"\\xe2\\x82"
		"A"); /* the next character is not swallowed */
	CLEAN("\xf0\x9f\x90\xc3\xa9", "\\xf0\\x9f\\x90\xc3\xa9");
}

/* Does not read past n: the byte there would complete the character. */
static void test_length_is_respected(void **state)
{
	(void)state;
	clean_is("\xc3\xa9", 1, "\\xc3");
	clean_is("abc", 2, "ab");
	clean_is("abc", 0, "");
}

static size_t encode(uint32_t cp, char out[4])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

static void test_decode_all(void **state)
{
	(void)state;
	for (uint32_t cp = 0; cp < 0x110000; cp++) {
		char bytes[4];
		size_t n = encode(cp, bytes);
		uint32_t got = 0xffffffff;
		bool surrogate = cp >= 0xd800 && cp <= 0xdfff;
		size_t want = surrogate ? 0 : n;

		expect(text_decode(bytes, n, &got) == want, "U+%04X", cp);
		expect(surrogate || got == cp, "U+%04X decoded as U+%04X", cp, got);
		for (size_t less = 1; less < n; less++)
			expect(text_decode(bytes, less, &got) == 0, "U+%04X cut at %zu", cp, less);
	}
}

static const uint32_t directional[] = {0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d,
	0x202e, 0x2066, 0x2067, 0x2068, 0x2069};
static const uint32_t invisible[] = {0x00ad, 0x034f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180b, 0x180e,
	0x200b, 0x200c, 0x200d, 0x2028, 0x2029, 0x2060, 0x2061, 0x2064, 0x206a, 0xfe0f, 0xfeff,
	0xfff9, 0xfffb, 0xe0001, 0xe0041, 0xe0100, 0x1d173, 0x0300, 0x20dd};

static void test_directional_and_invisible(void **state)
{
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(directional); i++)
		note(failures, text_columns(directional[i]) == 0, "U+%04X passes", directional[i]);
	for (size_t i = 0; i < COUNT(invisible); i++)
		note(failures, text_columns(invisible[i]) == 0, "U+%04X passes", invisible[i]);
	CLEAN("x\xe2\x80\xaey", "x\\xe2\\x80\\xaey"); /* U+202E */
	expect(failures == 0, "%d characters", failures);
}

/* Hangul fillers print as blanks: a name of nothing but these looks like no name. */
static void test_blank_letters(void **state)
{
	(void)state;
	assert_int_equal(text_columns(0x3164), 0);
	assert_int_equal(text_columns(0xffa0), 0);
}

/* Whatever the C library, and so ncurses, gives no width must not pass. */
static void test_zero_width_as_libc(void **state)
{
	int failures = 0;

	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	for (uint32_t cp = 1; cp < 0x110000; cp++)
		if (wcwidth((wchar_t)cp) == 0 && text_columns(cp) != 0 && failures++ < 20)
			print_error("U+%04X has no width, and passes\n", cp);
	expect(failures == 0, "%d characters of no width pass", failures);
}

/* A line is laid out right only if both sides count alike. */
static void test_wide_as_libc(void **state)
{
	int failures = 0;

	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	for (uint32_t cp = 1; cp < 0x110000; cp++) {
		int libc = wcwidth((wchar_t)cp), own = text_columns(cp);

		if (libc > 0 && own > 0 && libc != own && failures++ < 20)
			print_error("U+%04X takes %d, counted as %d\n", cp, libc, own);
	}
	expect(failures == 0, "%d characters of another width", failures);
}

static void test_cut(void **state)
{
	static const char in[] = "ab\xc3\xa9\x01z";
	static const char *const want[] = {"", "", "a", "ab", "ab", "ab\xc3\xa9", "ab\xc3\xa9",
		"ab\xc3\xa9", "ab\xc3\xa9", "ab\xc3\xa9\\x01", "ab\xc3\xa9\\x01z",
		"ab\xc3\xa9\\x01z"};

	(void)state;
	for (size_t size = 0; size < COUNT(want); size++) {
		char *out = malloc(size + 1);
		size_t n;

		assert_non_null(out);
		memset(out, 'X', size + 1);
		n = text_clean(out, size, in, sizeof(in) - 1);
		assert_int_equal(out[size], 'X');
		if (size > 0)
			expect(strcmp(out, want[size]) == 0, "size %zu: \"%s\"", size, out);
		assert_int_equal(n, size ? strlen(want[size]) : 0);
		free(out);
	}
}

/* Any bytes: always NUL-terminated, valid UTF-8, printable, and clean text stays as it is. */
static void test_random_bytes(void **state)
{
	uint64_t seed = 42;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char in[48], out[64], again[64];
		size_t n = random_below(&seed, sizeof(in) + 1),
		       size = 1 + random_below(&seed, sizeof(out));
		size_t len;

		for (size_t i = 0; i < n; i++)
			in[i] = (char)(random_below(&seed, 3) ? random_next(&seed) >> 56
							      : 0xe0 + random_below(&seed, 20));
		len = text_clean(out, size, in, n);
		assert_true(len < size && out[len] == '\0' && strlen(out) == len);
		for (size_t i = 0; i < len;) {
			uint32_t cp;
			size_t one = text_decode(out + i, len - i, &cp);

			assert_true(one > 0 && text_columns(cp) > 0);
			i += one;
		}
		assert_int_equal(text_clean(again, sizeof(again), out, len), len);
		assert_string_equal(again, out);
	}
}

static void test_width(void **state)
{
	(void)state;
	assert_int_equal(text_width(""), 0);
	assert_int_equal(text_width("abc"), 3);
	assert_int_equal(text_width("\xc3\xa9"), 1);
	assert_int_equal(text_width("\xe6\x97\xa5\xe6\x9c\xac"), 4);
	assert_int_equal(text_width("\xff\xff"), 2);
}

static void test_append(void **state)
{
	char buf[8] = "ab";

	(void)state;
	text_append(buf, sizeof(buf), "%d", 34);
	assert_string_equal(buf, "ab34");
	text_append(buf, sizeof(buf), "%s", "cdefgh");
	assert_string_equal(buf, "ab34cde");
	text_append(buf, sizeof(buf), "x");
	assert_string_equal(buf, "ab34cde");
	memset(buf, 'y', sizeof(buf)); /* no NUL at all: nothing is written */
	text_append(buf, sizeof(buf), "x");
	assert_int_equal(buf[7], 'y');
}

static void test_copy(void **state)
{
	char buf[4];

	(void)state;
	text_copy(buf, sizeof(buf), "abcdef");
	assert_string_equal(buf, "abc");
	text_copy(buf, sizeof(buf), NULL);
	assert_string_equal(buf, "");
}

/* What was clean must be clean after a cut as well: no half of a character. */
static void test_copy_and_append_cut_at_a_character(void **state)
{
	char buf[4];

	(void)state;
	text_copy(buf, sizeof(buf), "ab\xc3\xa9");
	assert_string_equal(buf, "ab");
	text_copy(buf, sizeof(buf), "a");
	text_append(buf, sizeof(buf), "%s", "\xe2\x82\xac");
	assert_string_equal(buf, "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_invalid_utf8),
		cmocka_unit_test(test_length_is_respected),
		cmocka_unit_test(test_decode_all),
		cmocka_unit_test(test_directional_and_invisible),
		cmocka_unit_test(test_blank_letters),
		cmocka_unit_test(test_zero_width_as_libc),
		cmocka_unit_test(test_wide_as_libc),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_copy_and_append_cut_at_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
