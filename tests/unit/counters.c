/* counters.c - /proc/net/snmp and netstat as the kernel writes them, and as nobody should. */
#include "unit.h"

#include "collect/counters.h"

#include <errno.h>

static int parse(const char *text, size_t n, struct counters *c)
{
	char *copy = malloc(n ? n : 1); /* of exactly this size, for the sanitizer */
	int r;

	assert_non_null(copy);
	memcpy(copy, text, n);
	r = counters_parse(copy, n, c);
	free(copy);
	return r;
}

#define PARSE(text, c) parse(text, sizeof(text) - 1, c)

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
			      "TCPSomethingNew\n"
			      "TcpExt: 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46\n"
			      "IpExt: InNoRoutes InTruncatedPkts\n"
			      "IpExt: 0 0\n"
			      "MPTcpExt: MPCapableSYNRX\n"
			      "MPTcpExt: 0\n";

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
	};
	struct counters c = {.t = 99};

	(void)state;
	assert_int_equal(COUNT(want), COUNTER_COUNT);
	assert_int_equal(PARSE(snmp, &c), 0);
	assert_int_equal(PARSE(netstat, &c), 0);
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
		cmocka_unit_test(test_no_number), cmocka_unit_test(test_live),
		cmocka_unit_test(test_nul_in_prefix), /* last: a sanitizer ends the run there */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
