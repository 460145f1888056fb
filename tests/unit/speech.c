/* speech.c - what the first bytes of a payload are, and that no byte beyond the captured ones is looked at. */
#include "unit.h"

#include "collect/speech.h"
#include "collect/processes.h"

#include <stdlib.h>
#include <string.h>

static void test_speech(void **state)
{
	static const struct {
		const char *what, *bytes;
		size_t n, total;
		enum speech speech;
	} cases[] = {
		{"nothing", "", 0, 0, SPEECH_NONE},
		{"not captured", "", 0, 9, SPEECH_UNSEEN},
		{"TLS 1.2 close_notify", "\x15\x03\x03\x00\x1a", 5, 31, SPEECH_TLS_ALERT},
		{"TLS 1.0 alert in plain text", "\x15\x03\x01\x00\x02\x01\x00", 7, 7, SPEECH_TLS_ALERT},
		{"TLS 1.3 close_notify", "\x17\x03\x03\x00\x13", 5, 24, SPEECH_TLS_SHORT},
		{"HTTP/2 GOAWAY over TLS 1.3, and close_notify", "\x17\x03\x03\x00\x22", 5, 63, SPEECH_TLS_SHORT},
		{"a short record before a request", "\x17\x03\x03\x00\x13", 5, 424, SPEECH_TLS},
		{"a request over TLS", "\x17\x03\x03\x00\x4e", 5, 83, SPEECH_TLS},
		{"a ClientHello", "\x16\x03\x01\x02\x00\x01\x00", 7, 517, SPEECH_TLS_HELLO},
		{"a ServerHello", "\x16\x03\x03\x00\x7a\x02\x00", 7, 1400, SPEECH_TLS},
		{"HTTP", "GET / HTTP/1.1", 14, 78, SPEECH_OTHER},
		{"HTTP, a byte of it", "G", 1, 78, SPEECH_OTHER},
		{"HTTP/2 in plain text", "PRI * HTTP/2.0", 14, 24, SPEECH_OTHER},
		{"SMTP's last word", "QUIT\r\n", 6, 6, SPEECH_FAREWELL},
		{"SMTP's last word and more", "QUIT\r\n", 6, 26, SPEECH_OTHER},
		{"Redis' last word", "*1\r\n$4\r\nQUIT\r\n", 14, 14, SPEECH_FAREWELL},
		{"Redis' question", "*1\r\n$4\r\nPING\r\n", 14, 14, SPEECH_OTHER},
		{"MySQL's last word", "\1\0\0\0\1", 5, 5, SPEECH_FAREWELL},
		{"PostgreSQL's last word", "X\0\0\0\4", 5, 5, SPEECH_FAREWELL},
		{"MQTT's last word", "\xe0\0", 2, 2, SPEECH_FAREWELL},
		{"MQTT's ping", "\xc0\0", 2, 2, SPEECH_OTHER},
		{"LDAP's last word", "\x30\5\2\1\3\x42\0", 7, 7, SPEECH_FAREWELL},
		{"LDAP's question", "\x30\x0c\2\1\1\x60\7\2\1\3\4\0\x80\0", 14, 14, SPEECH_OTHER},
		{"WebSocket's last word", "\x88\x82\1\2\3\4\2\xea", 8, 8, SPEECH_FAREWELL},
		{"WebSocket's ping", "\x89\x80\1\2\3\4", 6, 6, SPEECH_OTHER},
		{"WebSocket's last word, and more", "\x88\x82\1\2\3\4\2\xea\x82", 9, 12, SPEECH_OTHER},
		{"HTTP/2 PING", "\0\0\x08\6\0\0\0\0\0", 9, 17, SPEECH_OTHER},
		{"HTTP/2 GOAWAY", "\0\0\x08\x07\0\0\0\0\0", 9, 17, SPEECH_FAREWELL},
		{"the PROXY protocol", "PROXY TCP4 1", 12, 50, SPEECH_OTHER},
		{"the PROXY protocol, version 2", "\r\n\r\n\0\r\nQUIT\n", 12, 28, SPEECH_OTHER},
		{"anything", "\xff\xfb\x1f", 3, 3, SPEECH_OTHER},
	};
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		/* On the heap and no longer than it is, so that the sanitizers see a byte too many. */
		uint8_t *p = malloc(cases[i].n ? cases[i].n : 1);
		enum speech got;

		memcpy(p, cases[i].bytes, cases[i].n);
		got = speech_of(p, cases[i].n, cases[i].total);
		note(failures, got == cases[i].speech, "%s: %d, not %d", cases[i].what, (int)got, (int)cases[i].speech);
		free(p);
	}
	expect(failures == 0, "%d wrong", failures);
}

/* Only what ends a conversation may excuse a RST. */
static void test_ends(void **state)
{
	(void)state;
	assert_true(speech_ends(SPEECH_TLS_ALERT) && speech_ends(SPEECH_TLS_SHORT) && speech_ends(SPEECH_FAREWELL));
	assert_false(speech_ends(SPEECH_NONE) || speech_ends(SPEECH_UNSEEN) || speech_ends(SPEECH_TLS) || speech_ends(SPEECH_TLS_HELLO) ||
		     speech_ends(SPEECH_OTHER));
}

#define WORKER(number) .pid = number, .parent = 10, .state = 'S', .fds = 5, .fds_max = 1024

/* Of several that hold a socket the one that matters. */
static void test_choice(void **state)
{
	struct process chosen;
	struct process nginx[] = {
		{.pid = 10, .parent = 1, .state = 'S', .syscall = "rt_sigsuspend", .fds = 5, .fds_max = 1024},
		{WORKER(11), .accepting = true},
	};
	struct process two[] = {
		{.pid = 10, .parent = 1, .state = 'S', .accepting = true, .fds = 5, .fds_max = 1024},
		{WORKER(11)},
		{WORKER(12)},
	};
	struct process forking[] = {
		{.pid = 10, .parent = 1, .state = 'S', .accepting = true, .in_accept = true, .fds = 5, .fds_max = 1024},
		{WORKER(11)},
	};

	(void)state;
	nginx[1].fds = 1024;
	process_choose(nginx, 2, &chosen); /* the master has plenty, and does not accept */
	assert_int_equal(chosen.pid, 11);
	assert_true(chosen.decides && process_is_out_of_fds(&chosen));
	two[1].state = 'T';
	process_choose(two, 3, &chosen); /* the other goes on */
	assert_int_equal(chosen.pid, 12);
	assert_false(chosen.decides || process_is_stopped(&chosen));
	two[2].frozen = true;
	process_choose(two, 3, &chosen);
	assert_true(chosen.decides && process_is_stopped(&chosen));
	forking[1].state = 'T';
	process_choose(forking, 2, &chosen); /* the parent accepts by itself: its child's state decides nothing */
	assert_int_equal(chosen.pid, 10);
	assert_false(chosen.decides);
	process_choose(forking, 0, &chosen);
	assert_int_equal(chosen.pid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_speech),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_choice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
