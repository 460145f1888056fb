/* counters.c - /proc/net/snmp and netstat as the kernel writes them, and as nobody should. */
#include "unit.h"

#include "collect/counters.h"

#include <errno.h>

typedef int parser(const char *text, size_t n, struct counters *ret_counters);

/* From a block of exactly this size, so that reading past it is seen by a sanitizer. */
static int parse_by(parser *by, const char *text, size_t n, struct counters *c)
{
	char *copy = malloc(n ? n : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, text, n);
	r = by(copy, n, c);
	free(copy);
	return r;
}

static int parse(const char *text, size_t n, struct counters *c)
{
	return parse_by(counters_parse, text, n, c);
}

#define PARSE(text, c)           parse(text, sizeof(text) - 1, c)
#define PARSE_LINES(text, c)     parse_by(counters_parse_lines, text, sizeof(text) - 1, c)
#define PARSE_CONNTRACK(text, c) parse_by(counters_parse_conntrack, text, sizeof(text) - 1, c)

static const char snmp[] =
	"Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams "
	"InUnknownProtos "
	"InDiscards InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout\n"
	"Ip: 1 64 1000 0 17 0 0 0 999 888 0 18 0\n"
	"Icmp: InMsgs InErrors\n"
	"Icmp: 5 6\n"
	"Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets "
	"CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors\n"
	"Tcp: 1 200 120000 -1 11 12 13 14 15 16 19 18 17 18446744073709551615 21\n"
	"Udp: InDatagrams OutRsts\n"
	"Udp: 1 77\n";

static const char netstat[] = "TcpExt: SyncookiesSent EmbryonicRsts ListenOverflows ListenDrops "
			      "TCPAbortOnData TCPAbortOnClose "
			      "TCPAbortOnTimeout TCPReqQFullDrop TCPReqQFullDoCookies "
			      "TCPDeferAcceptDrop IPReversePathFilter "
			      "TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure TCPMinTTLDrop "
			      "TCPSomethingNew TCPSYNChallenge PAWSEstab PAWSTimewait TCPToZeroWindowAdv "
			      "TCPWantZeroWindowAdv\n"
			      "TcpExt: 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 52\n"
			      "IpExt: InNoRoutes InTruncatedPkts InCsumErrors\n"
			      "IpExt: 0 0 51\n"
			      "MPTcpExt: MPCapableSYNRX\n"
			      "MPTcpExt: 0\n";

static const char snmp6[] = "Ip6InReceives                   \t61\n"
			    "Ip6InAddrErrors                 \t63\n"
			    "Ip6InDiscards\t62\n"
			    "Ip6InDiscardsX\t7\n"
			    "Udp6InErrors                    \t0\n";

/* Two CPUs. */
/* /proc/net/xfrm_stat: blanks up to the value, or a tab. */
static const char xfrm[] = "XfrmInError             \t0\nXfrmInTmplMismatch      \t71\nXfrmInPolBlock          \t72\n"
	"XfrmOutPolBlock         \t73\nXfrmOutNoStates         \t74\n";

static const char conntrack[] =
	"entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop "
	"icmp_error  expect_new expect_create expect_delete search_restart\n"
	"0000000a  00000001 00000000 00000000 0000000b 00000000 00000000 00000003 00000000 00000000 0000001f 00000005 "
	"00000000  00000000 00000000 00000000 00000000\n"
	"0000000a  00000000 00000000 00000000 0000000c 00000000 00000000 00000004 00000000 00000000 00000100 00000006 "
	"00000000  00000000 00000000 00000000 00000000\n";

static void test_proc(void **state)
{
	static const struct {
		enum counter counter;
		uint64_t value;
	} want[] = {
		{COUNTER_OUT_RSTS, UINT64_MAX},
		{COUNTER_OUT_SEGS, 19},
		{COUNTER_ESTAB_RESETS, 14},
		{COUNTER_IN_CSUM_ERRORS, 21},
		{COUNTER_LISTEN_OVERFLOWS, 33},
		{COUNTER_LISTEN_DROPS, 34},
		{COUNTER_ABORT_ON_DATA, 35},
		{COUNTER_ABORT_ON_CLOSE, 36},
		{COUNTER_ABORT_ON_TIMEOUT, 37},
		{COUNTER_REQQ_FULL_DROP, 38},
		{COUNTER_REQQ_FULL_COOKIES, 39},
		{COUNTER_COOKIES_SENT, 31},
		{COUNTER_EMBRYONIC_RSTS, 32},
		{COUNTER_DEFER_ACCEPT_DROP, 40},
		{COUNTER_RP_FILTER, 41},
		{COUNTER_IN_ADDR_ERRORS, 17},
		{COUNTER_OUT_NO_ROUTES, 18},
		{COUNTER_MD5_DROPS, 42},
		{COUNTER_MD5_UNEXPECTED, 43},
		{COUNTER_MD5_FAILURE, 44},
		{COUNTER_MIN_TTL_DROP, 45},
		{COUNTER_ACTIVE_OPENS, 11},
		{COUNTER_IP_CSUM_ERRORS, 51},
		{COUNTER_IN_ADDR_ERRORS6, 63},
		{COUNTER_IN_DISCARDS6, 62},
		{COUNTER_SYN_CHALLENGE, 47},
		{COUNTER_PAWS_ESTAB, 48},
		{COUNTER_PAWS_TIMEWAIT, 49},
		{COUNTER_RETRANS_SEGS, 18},
		{COUNTER_TO_ZERO_WINDOW, 50},
		{COUNTER_WANT_ZERO_WINDOW, 52},
		{COUNTER_CONNTRACK_DROP, 0x1f + 0x100},
		{COUNTER_XFRM_IN_TEMPLATE, 71},
		{COUNTER_XFRM_IN_BLOCK, 72},
		{COUNTER_XFRM_OUT_BLOCK, 73},
		{COUNTER_XFRM_OUT_NO_STATES, 74},
	};
	struct counters c = {.t = 99};

	(void)state;
	assert_int_equal(COUNT(want), COUNTER_COUNT);
	assert_int_equal(PARSE(snmp, &c), 0);
	assert_int_equal(PARSE(netstat, &c), 0);
	assert_int_equal(PARSE_LINES(snmp6, &c), 0);
	assert_int_equal(PARSE_CONNTRACK(conntrack, &c), 0);
	assert_int_equal(PARSE_LINES(xfrm, &c), 0);
	for (size_t i = 0; i < COUNT(want); i++)
		expect(c.v[want[i].counter] == want[i].value, "%s is %llu",
			counter_name(want[i].counter), (unsigned long long)c.v[want[i].counter]);
	assert_int_equal(c.t, 99);
}

static void test_missing_and_empty(void **state)
{
	struct counters c = {.t = 0}, zero = {.t = 0};

	(void)state;
	assert_int_equal(PARSE("", &c), 0);
	assert_int_equal(PARSE("Tcp: Foo Bar\nTcp: 1 2\n", &c), 0);
	assert_int_equal(PARSE("Tcp:\nTcp:\n", &c), 0);
	assert_memory_equal(&c, &zero, sizeof(c));
}

static void test_names_are_whole(void **state)
{
	struct counters c = {.t = 0}, zero = {.t = 0};

	(void)state;
	assert_int_equal(PARSE("Tcp: OutRst OutRstsX xOutRsts\nTcp: 1 2 3\n", &c), 0);
	assert_int_equal(PARSE("TcpExt: OutRsts\nTcpExt: 4\n", &c), 0);
	assert_int_equal(PARSE("T: cpOutRsts\nT: 5\n", &c), 0);
	assert_int_equal(c.v[COUNTER_OUT_RSTS], 5); /* nstat(8) would call it TcpOutRsts as well */
	c.v[COUNTER_OUT_RSTS] = 0;
	assert_memory_equal(&c, &zero, sizeof(c));
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"Tcp: OutRsts\n",
		"Tcp: OutRsts\nTcp: 1",
		"Tcp: OutRsts\nUdp: 1\n",
		"Tcp: OutRsts\nTcp: 1 2\n",
		"Tcp: OutRsts OutSegs\nTcp: 1\n",
		"Tcp OutRsts\nTcp 1\n",
		"\n\n",
		": OutRsts\n: 1\n",
		"nonsense",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct counters c = {.t = 0};

		expect(parse(bad[i], strlen(bad[i]), &c) == -EBADMSG, "\"%s\" is taken", bad[i]);
	}
}

static void test_every_prefix(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(snmp) - 1; n++) {
		struct counters c = {.t = 0};
		int r = parse(snmp, n, &c);

		assert_true(r == 0 || r == -EBADMSG);
	}
}

/* A NUL inside of a word must not let the comparison run past a name's end. */
static void test_nul_in_prefix(void **state)
{
	(void)state;
	for (size_t n = 1; n < 300; n++) {
		char text[1024] = "TcpOutRsts";
		size_t line = 11 + n, used;
		struct counters c = {.t = 0};

		memset(text + 11, 'a', n); /* after the NUL */
		memcpy(text + line, ": x\n", 4);
		used = line + 4;
		memcpy(text + used, text, used);
		used *= 2;
		text[used - 2] = '1';
		parse(text, used, &c);
		assert_int_equal(c.v[COUNTER_OUT_RSTS], 0);
	}
}

/* A value of other white space must not be completed by what stands in the next line. */
static void test_blank_value(void **state)
{
	struct counters c = {.t = 0};

	(void)state;
	PARSE("Tcp: OutRsts\nTcp: \v\n5: x\n5: 1\n", &c);
	assert_int_equal(c.v[COUNTER_OUT_RSTS], 0);
}

/* What is no number at all is no counter. */
static void test_no_number(void **state)
{
	struct counters c = {.t = 0};

	(void)state;
	PARSE("Tcp: OutRsts OutSegs EstabResets\nTcp: x -7 99x\n", &c);
	assert_int_equal(c.v[COUNTER_OUT_RSTS], 0);
	assert_int_equal(c.v[COUNTER_OUT_SEGS], 0);
}

static void test_lines_refused(void **state)
{
	static const char *const bad[] = {
		"Ip6InDiscards 1", /* no end of the line */
		"Ip6InDiscards\n",
		"Ip6InDiscards \n",
		"Ip6InDiscards -1\n",
		"Ip6InDiscards x\n",
		" 1\n",
		"\n",
		"Ip6InDiscards 1\n\n",
		"Ip6InDiscards 1\nIp6",
		"nonsense",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct counters c = {.t = 0};

		expect(parse_by(counters_parse_lines, bad[i], strlen(bad[i]), &c) == -EBADMSG, "\"%s\" is taken", bad[i]);
	}
}

static void test_lines_names_are_whole(void **state)
{
	struct counters c = {.t = 0}, zero = {.t = 0};

	(void)state;
	assert_int_equal(PARSE_LINES("", &c), 0);
	assert_int_equal(PARSE_LINES("Ip6InDiscard 1\nIp6InDiscardss 2\nXIp6InDiscards 3\n", &c), 0);
	assert_memory_equal(&c, &zero, sizeof(c));
	assert_int_equal(PARSE_LINES("Ip6InDiscards\t \t18446744073709551615\n", &c), 0);
	assert_true(c.v[COUNTER_IN_DISCARDS6] == UINT64_MAX);
}

/* A kernel with more CPUs or other columns. */
static void test_conntrack_columns(void **state)
{
	struct counters c = {.t = 0};

	(void)state;
	assert_int_equal(PARSE_CONNTRACK("drop\n", &c), 0);
	assert_int_equal(c.v[COUNTER_CONNTRACK_DROP], 0);
	assert_int_equal(PARSE_CONNTRACK("drop\n1\na\n0000000f\n", &c), 0);
	assert_int_equal(c.v[COUNTER_CONNTRACK_DROP], 26);
	assert_int_equal(PARSE_CONNTRACK("early_drop dropped drop\n1 2 3\n10 20 30\n", &c), 0);
	assert_int_equal(c.v[COUNTER_CONNTRACK_DROP], 0x33);
}

/* A line that ends before the column counts for nothing, and so does one that is no number. */
static void test_conntrack_short_lines(void **state)
{
	struct counters c = {.t = 0};

	(void)state;
	assert_int_equal(PARSE_CONNTRACK("entries drop\n1 2\n1\n\n1 zz\n1 3\n", &c), 0);
	assert_int_equal(c.v[COUNTER_CONNTRACK_DROP], 5);
}

static void test_conntrack_refused(void **state)
{
	static const char *const bad[] = {"", "drop", "\n", "entries early_drop\n1 2\n", "drop\n1", "drop\n1\n2"};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct counters c = {.t = 0};

		expect(parse_by(counters_parse_conntrack, bad[i], strlen(bad[i]), &c) == -EBADMSG, "\"%s\" is taken",
			bad[i]);
		assert_int_equal(c.v[COUNTER_CONNTRACK_DROP], 0);
	}
}

/* Every prefix, and every byte changed, from a block of just that size. */
static void test_damaged(void **state)
{
	static const struct {
		parser *by;
		const char *text;
		size_t n;
	} files[] = {
		{counters_parse, netstat, sizeof(netstat) - 1},
		{counters_parse_lines, snmp6, sizeof(snmp6) - 1},
		{counters_parse_conntrack, conntrack, sizeof(conntrack) - 1},
	};
	static const char values[] = {'\0', '\n', '\t', ' ', ':', '0', 'f', '-', '\x7f', '\xff'};
	static char copy[2048];

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		struct counters c = {.t = 0};

		for (size_t n = 0; n < files[i].n; n++) {
			int r = parse_by(files[i].by, files[i].text, n, &c);

			assert_true(r == 0 || r == -EBADMSG);
		}
		memcpy(copy, files[i].text, files[i].n);
		for (size_t at = 0; at < files[i].n; at++) {
			for (size_t v = 0; v < COUNT(values); v++) {
				copy[at] = values[v];
				parse_by(files[i].by, copy, files[i].n, &c);
			}
			copy[at] = files[i].text[at];
		}
		assert_int_equal(c.t, 0);
	}
}

/* The running kernel's own files, where there are any. */
static void test_live(void **state)
{
	struct counter_files *f = counter_files_open();
	struct counters c;

	(void)state;
	if (!f)
		skip();
	assert_int_equal(counter_files_read(f, &c), 0);
	assert_int_equal(counter_files_read(f, &c), 0);
	counter_files_close(f);
	counter_files_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proc), cmocka_unit_test(test_missing_and_empty),
		cmocka_unit_test(test_names_are_whole), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_every_prefix), cmocka_unit_test(test_blank_value),
		cmocka_unit_test(test_no_number), cmocka_unit_test(test_lines_refused),
		cmocka_unit_test(test_lines_names_are_whole), cmocka_unit_test(test_conntrack_columns),
		cmocka_unit_test(test_conntrack_short_lines), cmocka_unit_test(test_conntrack_refused),
		cmocka_unit_test(test_damaged), cmocka_unit_test(test_live),
		cmocka_unit_test(test_nul_in_prefix), /* last: a sanitizer ends the run there */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
