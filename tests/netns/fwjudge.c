/*
 * fwjudge.c - prints what collect/firewall.h says of one packet, as a line of JSON. For the tests.
 *
 *   fwjudge [-or] [-c CT] [-f FLAGS] [-i INTERFACE] [-m MARK] [-L local,...] [-R OIF] [-t TTL] SRC SPORT DST DPORT
 *   fwjudge -T: dumps the ruleset ten times and prints how long it took
 *   fwjudge -l: one packet a line on standard input, one verdict a line out; the counters are read between them
 *   fwjudge -x: the text of every rule, as "table chain handle text" lines
 */
#include "collect/firewall_rules.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct ip locals[16];
static size_t n_locals;

static bool is_local(void *ctx, const struct ip *ip)
{
	(void)ctx;
	for (size_t i = 0; i < n_locals; i++)
		if (ip_equal(&locals[i], ip))
			return true;
	return false;
}

static char way_out[16];

static void route(void *ctx, const struct ip *dst, char ret_name[16], uint32_t *ret_index)
{
	(void)ctx;
	(void)dst;
	memcpy(ret_name, way_out, 16);
	*ret_index = if_nametoindex(way_out);
}

static void take_locals(char *list)
{
	n_locals = 0;
	for (char *save, *one = strtok_r(list, ",", &save); one && n_locals < 16; one = strtok_r(NULL, ",", &save))
		if (ip_parse(one, &locals[n_locals]) == 0)
			n_locals++;
}

static void print_text(const char *name, const char *s)
{
	printf("\"%s\": \"", name);
	for (; *s; s++)
		printf(*s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
	printf("\"");
}

static void print_rule(const struct firewall_rule *r)
{
	printf("{\"family\": \"%s\", ", r->family);
	print_text("table", r->table);
	printf(", ");
	print_text("chain", r->chain);
	printf(", ");
	print_text("base", r->base);
	printf(", \"hook\": \"%s\", \"priority\": %d, \"handle\": %llu, \"fate\": \"%s\", \"icmp\": [%u, %u], \"queue\": %u, "
	       "\"must\": %s, \"has_counter\": %s, \"packets\": %llu, \"grew\": %llu, \"product\": \"%s\", ",
		r->hook, r->priority, (unsigned long long)r->handle, firewall_fate_name(r->fate), r->icmp_type,
		r->icmp_code, r->queue, r->must ? "true" : "false", r->has_counter ? "true" : "false",
		(unsigned long long)r->packets, (unsigned long long)r->grew, firewall_product_name(r->product));
	print_text("comment", r->comment);
	printf(", ");
	print_text("text", r->text);
	printf("}");
}

static void print_verdict(const struct firewall_verdict *v)
{
	char addr[IP_TEXT];

	printf("{\"fate\": \"%s\", \"icmp\": [%u, %u], \"may_pass\": %s, \"complete\": %s, \"found\": %u, \"candidates\": [",
		firewall_fate_name(v->fate), v->icmp_type, v->icmp_code, v->may_pass ? "true" : "false",
		v->complete ? "true" : "false", v->n_found);
	for (uint32_t i = 0; i < v->n; i++) {
		printf("%s", i ? ", " : "");
		print_rule(&v->candidates[i]);
	}
	printf("], \"notrack\": %d, \"synproxy\": %d, \"flowtable\": %d, \"unknown_part\": %d, \"legacy\": %d, "
	       "\"listeners\": %d", v->notrack, v->synproxy, v->flowtable, v->unknown_part, v->legacy,
		v->queue_listeners);
	if (v->translation.is) {
		printf(", \"translation\": {\"must\": %s, ", v->translation.must ? "true" : "false");
		print_text("addr", v->translation.addr_known ? ip_format(&v->translation.addr, addr, sizeof(addr)) : "");
		printf(", \"port\": %d, \"rule\": ", v->translation.port_known ? v->translation.port : -1);
		print_rule(&v->translation.rule);
		printf("}");
	}
	printf("}\n");
	fflush(stdout);
}

static int judge(struct firewall *fw, int argc, char **argv)
{
	struct firewall_packet p = {.flags = 2, .ttl = 64, .ct = FIREWALL_CT_NEW, .is_local = is_local, .route = route,
		.mark_known = UINT32_MAX};
	static struct firewall_verdict v;
	int c, r;

	optind = 0;
	while ((c = getopt(argc, argv, "oc:f:i:m:L:R:t:r")) != -1) {
		if (c == 'o')
			p.path = FIREWALL_OUT;
		else if (c == 'c')
			p.ct = (uint8_t)strtoul(optarg, NULL, 0);
		else if (c == 'f')
			p.flags = (uint8_t)strtoul(optarg, NULL, 0);
		else if (c == 'i')
			snprintf(p.iif, sizeof(p.iif), "%s", optarg);
		else if (c == 'm')
			p.mark = (uint32_t)strtoul(optarg, NULL, 0);
		else if (c == 'L')
			take_locals(optarg);
		else if (c == 'R')
			snprintf(way_out, sizeof(way_out), "%s", optarg);
		else if (c == 't')
			p.ttl = (uint8_t)strtoul(optarg, NULL, 0);
		else if (c == 'r')
			p.reply = true;
	}
	if (argc - optind != 4 || ip_parse(argv[optind], &p.src) < 0 || ip_parse(argv[optind + 2], &p.dst) < 0)
		return -1;
	if (p.path == FIREWALL_OUT) {
		memcpy(p.oif, p.iif, sizeof(p.oif));
		memset(p.iif, 0, sizeof(p.iif));
	}
	p.iif_index = if_nametoindex(p.iif);
	p.oif_index = if_nametoindex(p.oif);
	p.v6 = !ip_is_v4(&p.src);
	p.sport = (uint16_t)atoi(argv[optind + 1]);
	p.dport = (uint16_t)atoi(argv[optind + 3]);
	r = firewall_judge(fw, &p, &v);
	if (r < 0) {
		printf("{\"error\": \"%s\"}\n", strerror(-r));
		fflush(stdout);
		return r;
	}
	print_verdict(&v);
	return 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int measure(void)
{
	double best_read = 1e9, best_judge = 1e9;
	size_t rules = 0, elements = 0;

	for (int i = 0; i < 10; i++) {
		struct firewall *fw = firewall_new();
		struct firewall_packet p = {.flags = 2, .ct = FIREWALL_CT_NEW, .src = ip_from_v4("\1\2\3\4"),
			.dst = ip_from_v4("\12\115\0\1"), .dport = 65000};
		static struct firewall_verdict v;
		double start = now(), middle;

		if (!fw || firewall_refresh(fw) < 0)
			return 1;
		middle = now();
		firewall_judge(fw, &p, &v);
		best_judge = now() - middle < best_judge ? now() - middle : best_judge;
		best_read = middle - start < best_read ? middle - start : best_read;
		firewall_size(fw, &rules, &elements);
		firewall_free(fw);
	}
	printf("{\"rules\": %zu, \"elements\": %zu, \"read_ms\": %.2f, \"judge_ms\": %.3f}\n", rules, elements, best_read,
		best_judge);
	return 0;
}

struct firewall_head { /* the beginning of struct firewall, for print_texts() */
	void *nl;
	struct fw_ruleset *rs;
};

static void print_texts(struct firewall *fw)
{
	struct fw_ruleset *rs = ((struct firewall_head *)fw)->rs;
	char text[FIREWALL_TEXT];

	for (size_t i = 0; i < rs->n_rules; i++) {
		fw_rule_text(&rs->rules[i], text, sizeof(text));
		printf("%s %s %llu %s\n", rs->rules[i].chain->table->name, rs->rules[i].chain->name,
			(unsigned long long)rs->rules[i].handle, text);
	}
}

int main(int argc, char **argv)
{
	char line[512], *words[32];
	struct firewall *fw;
	int r = 0;

	if (argc == 2 && strcmp(argv[1], "-T") == 0)
		return measure();
	fw = firewall_new();
	if (!fw || (r = firewall_refresh(fw)) < 0) {
		printf("{\"error\": \"%s\"}\n", strerror(fw ? -r : ENOMEM));
		firewall_free(fw);
		return 1;
	}
	if (argc == 2 && strcmp(argv[1], "-x") == 0) {
		print_texts(fw);
	} else if (argc == 2 && strcmp(argv[1], "-l") == 0) {
		while (fgets(line, sizeof(line), stdin)) {
			int n = 1;

			words[0] = argv[0];
			for (char *save, *w = strtok_r(line, " \n", &save); w && n < 31; w = strtok_r(NULL, " \n", &save))
				words[n++] = w;
			words[n] = NULL;
			if (n == 2 && strcmp(words[1], "refresh") == 0) {
				printf("{\"refresh\": %d}\n", firewall_refresh(fw));
				fflush(stdout);
			} else if (judge(fw, n, words) == -1) {
				printf("{\"error\": \"usage\"}\n");
				fflush(stdout);
			}
		}
	} else if (judge(fw, argc, argv) < 0) {
		return 2;
	}
	firewall_free(fw);
	return 0;
}
