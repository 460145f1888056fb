/*
 * nftracer.c - prints what collect/nftrace.h says of each packet, as a line of JSON. For the tests.
 *
 *   nftracer [-6] [-s] PEER|any PORT
 *
 * The first line says that it has started, or why not; the last how it ended. SIGTERM, or the end of standard input,
 * stops it. -6: any is any IPv6 peer; -s: it reads nothing until it is stopped.
 */
#include "collect/firewall.h"
#include "collect/nftrace.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void print_text(const char *name, const char *s)
{
	printf("\"%s\": \"", name);
	for (; *s; s++)
		printf(*s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
	printf("\"");
}

static void print_ip(const char *name, const struct ip *ip)
{
	char text[IP_TEXT];

	print_text(name, ip_format(ip, text, sizeof(text)));
	printf(", ");
}

static void print_step(const struct nftrace_step *s)
{
	printf("{");
	print_text("family", s->family);
	printf(", ");
	print_text("table", s->table);
	printf(", ");
	print_text("chain", s->chain);
	printf(", ");
	print_text("base", s->base);
	printf(", \"handle\": %llu, \"verdict\": \"%s\"}", (unsigned long long)s->handle,
		nftrace_verdict_name(s->verdict));
}

static void print_rule(struct firewall *fw, const struct nftrace_step *s)
{
	static struct firewall_rule rule;
	int r = firewall_refresh(fw);

	if (r >= 0)
		r = firewall_describe(fw, s->family, s->table, s->chain, s->handle, &rule);
	printf(", \"described\": %d", r);
	if (r < 0)
		return;
	printf(", \"rule\": {\"fate\": \"%s\", \"icmp\": [%u, %u], \"hook\": \"%s\", \"priority\": %d, \"packets\": %lld, "
	       "\"product\": \"%s\", ",
		firewall_fate_name(rule.fate), rule.icmp_type, rule.icmp_code, rule.hook, rule.priority,
		rule.has_counter ? (long long)rule.packets : -1, firewall_product_name(rule.product));
	print_text("base", rule.base);
	printf(", ");
	print_text("comment", rule.comment);
	printf(", ");
	print_text("text", rule.text);
	printf("}");
}

static void print_result(struct firewall *fw, const struct nftrace_result *r)
{
	printf("{\"end\": \"%s\", ", nftrace_end_name(r->end));
	print_ip("src", &r->src);
	print_ip("dst", &r->dst);
	print_ip("last_dst", &r->last_dst);
	printf("\"sport\": %u, \"dport\": %u, \"last_dport\": %u, \"flags\": %u, \"ttl\": %u, \"v6\": %d, \"answer\": %d, "
	       "\"complete\": %d, \"seq\": %u, \"mark\": %u, \"ms\": %.1f, \"steps\": %u, ",
		r->sport, r->dport, r->last_dport, r->flags, r->ttl, r->v6, r->answer, r->complete, r->seq, r->mark,
		(double)(r->last_us - r->first_us) / 1e3, r->n_steps);
	printf("\"mac\": \"%02x:%02x:%02x:%02x:%02x:%02x\", ", r->mac[0], r->mac[1], r->mac[2], r->mac[3], r->mac[4],
		r->mac[5]);
	print_text("iif", r->iif);
	printf(", ");
	print_text("oif", r->oif);
	printf(", \"by\": ");
	print_step(&r->by);
	if (r->by.family[0])
		print_rule(fw, &r->by);
	printf(", \"path\": [");
	for (uint32_t i = 0; i < r->n_path; i++) {
		printf("%s", i ? ", " : "");
		print_step(&r->path[i]);
	}
	printf("]}\n");
	fflush(stdout);
}

/* Until all that is known now was printed: 0, or -errno. */
static int print_all(struct nftrace *t, struct firewall *fw, uint64_t *count)
{
	struct nftrace_result result;
	int r;

	while ((r = nftrace_next(t, now_us(), &result)) == 0) {
		print_result(fw, &result);
		++*count;
	}
	return r == -EAGAIN ? 0 : r;
}

static int run(struct nftrace *t, struct firewall *fw, bool sleeps, uint64_t *count)
{
	struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = sleeps ? -1 : nftrace_fd(t), .events = POLLIN}};
	char buf[64];
	int r = 0;

	while (!stopped && r == 0) {
		int64_t due = nftrace_due(t), wait = due == INT64_MAX ? -1 : due > now_us() ? (due - now_us()) / 1000 + 1 : 0;

		if (poll(fds, 2, sleeps ? -1 : (int)wait) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents && read(STDIN_FILENO, buf, sizeof(buf)) <= 0)
			break;
		if (!sleeps)
			r = print_all(t, fw, count);
	}
	return r == 0 ? print_all(t, fw, count) : r;
}

static int trace(const struct ip *peer, uint16_t port, bool v6, bool sleeps)
{
	struct firewall *fw = firewall_new();
	uint64_t count = 0, losses, evicted;
	char why[NFTRACE_WHY];
	struct nftrace *t = nftrace_start(peer, port, v6, why, sizeof(why));
	struct rusage usage;
	int r = t ? 0 : -errno;

	printf("{\"started\": %d, \"table\": \"%s\", ", r, t ? nftrace_table(t) : "");
	print_text("why", why);
	printf("}\n");
	fflush(stdout);
	if (t) {
		r = run(t, fw, sleeps, &count);
		nftrace_lost(t, &losses, &evicted);
		getrusage(RUSAGE_SELF, &usage);
		printf("{\"stopped\": %d, \"count\": %llu, \"losses\": %llu, \"evicted\": %llu, \"max_kb\": %ld}\n", r,
			(unsigned long long)count, (unsigned long long)losses, (unsigned long long)evicted,
			usage.ru_maxrss);
	}
	nftrace_stop(t);
	firewall_free(fw);
	return r == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	bool v6 = false, sleeps = false, any;
	struct ip peer;
	int c;

	while ((c = getopt(argc, argv, "6s")) != -1) {
		v6 = v6 || c == '6';
		sleeps = sleeps || c == 's';
	}
	if (argc - optind != 2)
		return 2;
	any = strcmp(argv[optind], "any") == 0;
	if (!any && ip_parse(argv[optind], &peer) < 0)
		return 2;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	return trace(any ? NULL : &peer, (uint16_t)atoi(argv[optind + 1]), v6, sleeps);
}
