/* reasons.c - the kernel's words and the inner copies of SYNs, found again by the client's end. */
#include "unit.h"

#include "engine/inner.h"
#include "engine/reasons.h"

static const struct hash_key key = {{1, 2}};

static struct ip ip(const char *text)
{
	struct ip a;

	expect(ip_parse(text, &a) == 0, "%s", text);
	return a;
}

/* A drop on the way from 203.0.113.7:40000 to 198.51.100.2:80. */
static struct kernel_word word(int64_t t, enum reason reason, uint8_t flags)
{
	return (struct kernel_word){.t = t, .src = ip("203.0.113.7"), .dst = ip("198.51.100.2"), .sport = 40000, .dport = 80,
		.reason = (uint8_t)reason, .flags = flags, .count = 1};
}

static const struct kernel_word *client_word(struct reasons *r, enum word_kind kind, int64_t since)
{
	struct ip client = ip("203.0.113.7");

	return reasons_find(r, kind, &client, 40000, since);
}

static void test_by_flags(void **state)
{
	struct reasons *r = reasons_new(key);
	struct kernel_word w = word(1000, REASON_NETFILTER_DROP, TCP_SYN);

	(void)state;
	reasons_add(r, &w);
	assert_non_null(client_word(r, WORD_SYN, 1000));
	assert_null(client_word(r, WORD_SYN, 1001));
	assert_null(client_word(r, WORD_FROM, 0));
	w = word(2000, REASON_NETFILTER_DROP, TCP_ACK);
	reasons_add(r, &w);
	assert_non_null(client_word(r, WORD_FROM, 2000));
	assert_int_equal(client_word(r, WORD_SYN, 0)->t, 1000);
	w.src = w.dst;
	w.dst = ip("203.0.113.7");
	w.sport = 80;
	w.dport = 40000;
	w.flags = TCP_SYN | TCP_ACK;
	reasons_add(r, &w);
	assert_non_null(client_word(r, WORD_SYN_ACK, 0));
	w.reset = true;
	reasons_add(r, &w);
	assert_non_null(client_word(r, WORD_RESET_TO, 0));
	assert_null(client_word(r, WORD_RESET_FROM, 0));
	reasons_free(r);
}

/* A repeated SYN of a half-open connection and a closing capture say nothing; a dead queue does. */
static void test_that_say_nothing(void **state)
{
	struct reasons *r = reasons_new(key);
	struct kernel_word w = word(1000, REASON_OTHER, TCP_SYN);

	(void)state;
	reasons_add(r, &w);
	assert_null(client_word(r, WORD_SYN, 0));
	strcpy(w.function, "nf_queue");
	reasons_add(r, &w);
	assert_non_null(client_word(r, WORD_SYN, 0));
	reasons_free(r);
}

/* Of a port only what was not told one by one lets infer. */
static void test_of_a_flooded_port(void **state)
{
	struct reasons *r = reasons_new(key);
	struct kernel_word w = word(1000, REASON_NETFILTER_DROP, TCP_SYN);

	(void)state;
	reasons_add(r, &w);
	w.count = 2;
	w.t = 2000;
	reasons_add(r, &w);
	assert_null(reasons_of_port(r, WORD_SYN, 80, 0));
	w.count = 500;
	w.t = 3000;
	reasons_add(r, &w);
	assert_non_null(reasons_of_port(r, WORD_SYN, 80, 3000));
	assert_null(reasons_of_port(r, WORD_SYN, 80, 3001));
	assert_null(reasons_of_port(r, WORD_SYN, 81, 0));
	reasons_free(r);
}

static void test_runs(void **state)
{
	struct reasons *r = reasons_new(key);
	struct kernel_word w = word(1 * USEC, REASON_NETFILTER_DROP, TCP_ACK);

	(void)state;
	for (int i = 1; i <= 3; i++) {
		w.t = i * USEC;
		reasons_add(r, &w);
	}
	assert_int_equal(client_word(r, WORD_FROM, 0)->times, 3);
	assert_int_equal(client_word(r, WORD_FROM, 0)->since, 1 * USEC);
	w.t = 20 * USEC;
	reasons_add(r, &w);
	assert_int_equal(client_word(r, WORD_FROM, 0)->times, 1);
	reasons_shift(r, -5 * USEC);
	assert_int_equal(client_word(r, WORD_FROM, 0)->t, 15 * USEC);
	reasons_free(r);
}

static struct segment segment(uint8_t flags, enum segment_way way)
{
	return (struct segment){.t = 1000, .src = ip("203.0.113.7"), .dst = ip("172.18.0.2"), .sport = 40000, .dport = 80,
		.seq = 7, .flags = flags, .way = way};
}

static const struct inner *inner_of(struct inners *n, uint32_t seq)
{
	struct ip client = ip("203.0.113.7");

	return inners_find(n, &client, 40000, seq);
}

static void test_inner_copies(void **state)
{
	struct inners *n = inners_new(key);
	struct segment s = segment(TCP_SYN, WAY_IN), answer;

	(void)state;
	inners_segment(n, &s); /* on its way in: it may yet be dropped */
	assert_null(inner_of(n, 7));
	s = segment(TCP_SYN, WAY_OUT);
	inners_segment(n, &s);
	assert_null(inner_of(n, 8));
	assert_non_null(inner_of(n, 7));
	assert_int_equal(inner_of(n, 7)->answered, 0);
	answer = (struct segment){.t = 2000, .src = s.dst, .dst = s.src, .sport = 80, .dport = 40000, .ack = 9,
		.flags = TCP_RST | TCP_ACK, .way = WAY_IN};
	inners_segment(n, &answer); /* of another SYN */
	assert_int_equal(inner_of(n, 7)->answered, 0);
	answer.ack = 8;
	inners_segment(n, &answer);
	assert_int_equal(inner_of(n, 7)->answered, 2000);
	assert_int_equal(inner_of(n, 7)->answer_flags, TCP_RST | TCP_ACK);
	inners_segment(n, &s); /* sent again: what was answered stays */
	assert_int_equal(inner_of(n, 7)->answered, 2000);
	s.seq = 99; /* another connection on the same ports */
	inners_segment(n, &s);
	assert_null(inner_of(n, 7));
	assert_int_equal(inner_of(n, 99)->answered, 0);
	inners_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_flags),
		cmocka_unit_test(test_that_say_nothing),
		cmocka_unit_test(test_of_a_flooded_port),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_inner_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
