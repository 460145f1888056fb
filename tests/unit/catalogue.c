/* catalogue.c - the tables of causes, errors and servers: complete, unique, printable. */
#include "unit.h"

#include "engine/attempt.h"
#include "engine/causes.h"
#include "engine/clients.h"
#include "engine/rules.h"
#include "engine/servers.h"

/* The stable ids: they appear in recordings and in scripts that read the stream. */
static const char *const ids[] = {
	/* nobody at the door */
	"no-listener",
	"loopback-only",
	"other-address",
	"ipv6-only",
	"ipv4-only",
	"other-device",
	"not-listening",
	"outgoing-port",
	"udp-only",
	"other-namespace",
	"too-early",
	"restarting",
	"listener-gone",
	"steered-away",
	/* full queues */
	"accept-queue-full",
	"accept-queue-full-late",
	"process-stopped",
	"fd-limit",
	"not-accepting",
	"reuseport-stuck",
	"syn-queue-full",
	"syn-cookies",
	"deferred-accept",
	/* the application, or the connection's end */
	"closed-early",
	"proxy-backend-dead",
	"abort-unread-data",
	"process-died",
	"abort-linger",
	"sent-after-close",
	"queue-discarded",
	"socket-destroyed",
	"keepalive-timeout",
	"retransmit-timeout",
	"stale-connection",
	"not-reading",
	"not-answering",
	"source-ports-exhausted",
	"peer-unresponsive",
	"peer-closed-abruptly",
	"middlebox-reset",
	/* firewall */
	"firewall-reject",
	"firewall-reset",
	"firewall-drop",
	"firewall-drop-reply",
	"firewall-drop-ack",
	"conntrack-full",
	"conntrack-invalid",
	"nfqueue-dead",
	"tproxy-dead",
	"synproxy-backend-dead",
	"bpf-drop",
	"ipsec-policy",
	"queue-drop",
	/* published ports and NAT */
	"published-no-listener",
	"published-loopback-only",
	"published-target-dead",
	"published-not-forwarded",
	"published-no-return",
	"published-reset",
	"nat-expired",
	"nat-bypassed",
	"redirect-no-listener",
	"dnat-to-loopback",
	/* addresses, routes, link */
	"reverse-path",
	"no-route-back",
	"next-hop-dead",
	"not-our-address",
	"address-unanswered",
	"duplicate-address",
	"forward-unreachable",
	"martian",
	"not-for-us",
	"ipv6-disabled",
	"mtu-blackhole",
	/* TCP itself, and the peer */
	"tcp-md5",
	"bad-checksum",
	"min-ttl",
	"timewait-reuse",
	"paws",
	"duplicate-connection",
	"peer-reset",
	"health-check",
	"peer-firewall",
	"peer-silent",
	"reply-lost",
	"peer-gave-up",
	"stray-segment",
	"odd-flags",
	"never-arrived",
	/* this host as the client */
	"remote-refused",
	"remote-unreachable",
	"remote-silent",
	"remote-reset",
};

static bool is_ascii_line(const char *s)
{
	for (; *s; s++)
		if (*s < 0x20 || *s > 0x7e)
			return false;
	return true;
}

static void test_ids(void **state)
{
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(ids); i++) {
		enum cause c = cause_by_id(ids[i]);

		note(failures, c != CAUSE_UNKNOWN, "%s is missing", ids[i]);
		note(failures, strcmp(cause_entry(c)->id, ids[i]) == 0, "%s is %s", ids[i],
			cause_entry(c)->id);
	}
	for (int c = 0; c < CAUSE_COUNT; c++) {
		const char *id = cause_entry((enum cause)c)->id;
		int found = 0;

		for (size_t i = 0; i < COUNT(ids); i++)
			found += strcmp(ids[i], id) == 0;
		if (c == CAUSE_NONE || c == CAUSE_UNKNOWN)
			note(failures, found == 0, "%s is in the catalogue", id);
		else
			note(failures, found == 1, "%s is not in the catalogue", id);
		for (int d = 0; d < c; d++)
			note(failures, strcmp(cause_entry((enum cause)d)->id, id) != 0, "%s twice",
				id);
	}
	assert_int_equal(CAUSE_COUNT, COUNT(ids) + 2);
	expect(failures == 0, "%d wrong", failures);
}

static void test_entries(void **state)
{
	(void)state;
	for (int c = 0; c < CAUSE_COUNT; c++) {
		const struct cause_entry *e = cause_entry((enum cause)c);

		expect(strlen(e->id) < 32, "%s does not fit the event", e->id);
		expect(strspn(e->id, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(e->id),
			"%s", e->id);
		expect(is_ascii_line(e->words) && strlen(e->words) <= 34, "%s: %s", e->id,
			e->words);
		expect(is_ascii_line(e->meaning) && e->meaning[0], "%s", e->id);
		expect(is_ascii_line(e->decides), "%s", e->id);
		if (c > CAUSE_UNKNOWN)
			expect(e->words[0] && e->decides[0], "%s has no words", e->id);
	}
	assert_string_equal(cause_entry(CAUSE_COUNT)->id, "unknown");
	assert_string_equal(cause_entry((enum cause)9999)->id, "unknown");
	assert_int_equal(cause_by_id("no-such-cause"), CAUSE_UNKNOWN);
	assert_int_equal(cause_by_id(""), CAUSE_UNKNOWN);
	assert_int_equal(CAUSE_NONE, 0);       /* ends lists of alternatives, zeroed ones too */
	assert_true(CAUSE_COUNT <= UINT8_MAX); /* an attempt keeps it in a byte */
}

static void test_names(void **state)
{
	static const char *const outcomes[OUTCOME_COUNT] = {
		"none", "accepted", "refused", "unreachable", "silent", "unfinished", "cancelled"};

	(void)state;
	for (int o = 0; o < OUTCOME_COUNT; o++)
		assert_string_equal(outcome_name((enum outcome)o), outcomes[o]);
	assert_string_equal(confidence_name(CONFIDENCE_PROVED), "proved");
	assert_string_equal(confidence_name(CONFIDENCE_INFERRED), "inferred");
	assert_string_equal(confidence_name(CONFIDENCE_POSSIBLE), "possible");
	assert_string_equal(confidence_name(CONFIDENCE_NONE), "possible");
	for (int s = 0; s < SOURCE_COUNT; s++)
		assert_true(strlen(source_name((enum source)s)) > 0);
	for (int c = 0; c < COUNTER_COUNT; c++)
		for (int d = 0; d < c; d++)
			assert_string_not_equal(
				counter_name((enum counter)c), counter_name((enum counter)d));
}

static void test_clients(void **state)
{
	static const char *const names[SEES_COUNT] = {
		[SEES_NONE] = "none",
		[SEES_ECONNREFUSED] = "ECONNREFUSED",
		[SEES_ETIMEDOUT] = "ETIMEDOUT",
		[SEES_EHOSTUNREACH] = "EHOSTUNREACH",
		[SEES_ENETUNREACH] = "ENETUNREACH",
		[SEES_EACCES] = "EACCES",
		[SEES_ECONNRESET] = "ECONNRESET",
		[SEES_EPROTO] = "EPROTO",
		[SEES_ENOPROTOOPT] = "ENOPROTOOPT",
		[SEES_EPIPE] = "EPIPE",
	};

	(void)state;
	for (int s = 0; s < SEES_COUNT; s++) {
		assert_string_equal(client_errno((enum client_sees)s), names[s]);
		expect(is_ascii_line(client_words((enum client_sees)s)), "%s", names[s]);
		expect(strlen(client_words((enum client_sees)s)) < 256, "%s is cut in the event",
			names[s]);
		expect(s == SEES_NONE || client_words((enum client_sees)s)[0], "%s", names[s]);
	}
	assert_string_equal(client_words(SEES_NONE), "");
	assert_string_equal(client_errno(SEES_COUNT), "none");
}

static void test_icmp(void **state)
{
	static const struct {
		bool v6;
		uint8_t type, code;
		enum client_sees sees;
	} cases[] = {
		{false, 3, 0, SEES_ENETUNREACH},
		{false, 3, 1, SEES_EHOSTUNREACH},
		{false, 3, 2, SEES_ENOPROTOOPT},
		{false, 3, 3, SEES_ECONNREFUSED},
		{false, 3, 9, SEES_ENETUNREACH},
		{false, 3, 10, SEES_EHOSTUNREACH},
		{false, 3, 13, SEES_EHOSTUNREACH},
		{false, 3, 15, SEES_EHOSTUNREACH},
		{false, 3, 16, SEES_NONE},
		{false, 3, 255, SEES_NONE},
		{false, 11, 0, SEES_EHOSTUNREACH},
		{false, 12, 0, SEES_EPROTO},
		{false, 8, 0, SEES_NONE},
		{true, 1, 0, SEES_ENETUNREACH},
		{true, 1, 1, SEES_EACCES},
		{true, 1, 3, SEES_EHOSTUNREACH},
		{true, 1, 4, SEES_ECONNREFUSED},
		{true, 1, 5, SEES_EACCES},
		{true, 1, 6, SEES_EACCES},
		{true, 1, 7, SEES_NONE},
		{true, 1, 255, SEES_NONE},
		{true, 3, 0, SEES_EHOSTUNREACH},
		{true, 4, 0, SEES_EPROTO},
		{true, 128, 0, SEES_NONE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		expect(client_sees_icmp(cases[i].v6, cases[i].type, cases[i].code) == cases[i].sees,
			"ICMP%s %u/%u", cases[i].v6 ? "v6" : "", cases[i].type, cases[i].code);
}

static void test_servers(void **state)
{
	static const struct {
		const char *comm, *cmdline, *in_bind;
	} cases[] = {
		{"redis-server", "/usr/bin/redis-server 127.0.0.1:6379", "redis.conf"},
		{"postgres", "postgres", "listen_addresses"},
		{"mysqld", "/usr/sbin/mysqld", "bind-address"},
		{"mariadbd", "", "50-server.cnf"},
		{"mongod", "", "bindIp"},
		{"nginx", "nginx: master process", "/etc/nginx/"},
		{"apache2", "", "ports.conf"},
		{"sshd", "", "ListenAddress"},
		{"python3", "python3 -m http.server", "http.server"},
		{"python3.11", "python3.11 manage.py runserver", "runserver"},
		{"python3", "python3 server.py", "script"},
		{"java", "java -cp elasticsearch", "elasticsearch.yml"},
		{"java", "java -jar app.jar", "server.address"},
		{"node", "node index.js", "server.listen"},
		{"systemd", "", "ListenStream="},
		{"docker-proxy", "", "docker run -p"},
		{"dockerd", "", "daemon.json"},
		{"bash", "bash", NULL},
		{"", "", NULL},
		{"xnginx", "", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct owner o = {.pid = 1};
		const char *bind, *backlog;
		char bind_buf[256], backlog_buf[256];

		strcpy(o.comm, cases[i].comm);
		strcpy(o.cmdline, cases[i].cmdline);
		bind = server_setting(&o, SETTING_BIND, bind_buf, sizeof(bind_buf));
		backlog = server_setting(&o, SETTING_BACKLOG, backlog_buf, sizeof(backlog_buf));
		if (!cases[i].in_bind) {
			expect(!bind && !backlog, "%s is known", cases[i].comm);
			continue;
		}
		expect(bind && backlog, "%s is not known", cases[i].comm);
		expect(strstr(bind, cases[i].in_bind) != NULL, "%s: %s", cases[i].comm, bind);
		expect(is_ascii_line(bind) && is_ascii_line(backlog), "%s", cases[i].comm);
	}
}

/* A name that merely begins like a known one is another program. */
static void test_server_near_misses(void **state)
{
	static const char *const names[] = {"systemd-resolve", "nodered", "masterd",
		"postgres_export", "nginx-prometheu", "redis-server-ex", "mysqld_exporter",
		"javascript-srv"};
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct owner o = {.pid = 1};
		char buf[256];

		strcpy(o.comm, names[i]);
		note(failures, server_setting(&o, SETTING_BIND, buf, sizeof(buf)) == NULL, "%s: \"%s\"", names[i], buf);
	}
	expect(failures == 0, "%d taken for another", failures);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_server_near_misses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
