/* options.c - the command line: one table for parsing and for --help. */
#include "options.h"
#include "settings.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPT_FOR = 256,
	OPT_INTERVAL,
	OPT_NETNS,
	OPT_TRACE_FIREWALL,
	OPT_NO_KERNEL,
	OPT_DEMO,
	OPT_PLAIN,
};

static const struct {
	int key;
	const char *name, *argument, *help;
} table[] = {
	{'i', "interface", "IF", "capture on IF (repeatable; default: any)"},
	{'r', "read", "FILE", "view a recording, a pcap or a pcapng file (\"-\": standard input)"},
	{'w', "write", "FILE", "record the event stream to FILE while running"},
	{'j', "json", NULL, "the event stream on standard output instead of the screen"},
	{'b', "batch", NULL, "plain text, a line per finding (also when output is no terminal)"},
	{OPT_PLAIN, "plain", NULL, "one sentence a finding, for screen readers and for speech"},
	{'x', "explain", "PORT", "explain one port, and exit: 0 reachable, 4 peers are refused"},
	{OPT_FOR, "for", "SECONDS", "stop after SECONDS"},
	{OPT_INTERVAL, "interval", "SECS", "poll and redraw interval (default 1)"},
	{OPT_NETNS, "netns", NULL, "watch every network namespace on this host, containers included"},
	{OPT_TRACE_FIREWALL, "trace-firewall", NULL, "name the exact firewall rule, by a temporary table of our own"},
	{OPT_NO_KERNEL, "no-kernel", NULL, "do without kernel reasons"},
	{OPT_DEMO, "demo", NULL, "play the bundled recording: no privilege, no network"},
	{'o', "option", "NAME=VALUE", "a setting, as in tcpwhy.conf(5): -o theme=light"},
	{'h', "help", NULL, "this help"},
	{'V', "version", NULL, "version, libraries, kernel features, sandbox state"},
};

enum {
	OPTIONS = sizeof(table) / sizeof(table[0]),
};

void options_print_help(FILE *out)
{
	fputs("Usage: tcpwhy [options] [pcap filter expression]\n"
	      "Shows why remote peers cannot connect to this host, and proves it.\n\n",
		out);
	for (int i = 0; i < OPTIONS; i++) {
		char left[40];

		snprintf(left, sizeof(left), "%s%s%s", table[i].name, table[i].argument ? " " : "",
			table[i].argument ? table[i].argument : "");
		if (table[i].key < 256)
			fprintf(out, "  -%c, --%-22s %s\n", table[i].key, left, table[i].help);
		else
			fprintf(out, "      --%-22s %s\n", left, table[i].help);
	}
	fputs("\nExit status: 0 done, 1 failed while running, 2 wrong usage or input,\n"
	      "3 lacking privilege, 4 refusals found (-x).\n"
	      "A remote host: ssh HOST sudo tcpwhy --json | tcpwhy -r -\n"
	      "No privilege at hand: tcpwhy --demo\n",
		out);
}

/* Seconds with a fraction, as microseconds; -1 when it is no number in (0, 10^7]. */
static int64_t parse_seconds(const char *text)
{
	char *end;
	double v = strtod(text, &end);

	return end == text || *end || !(v >= 0.05 && v <= 1e7) ? -1 : (int64_t)(v * 1e6);
}

/* Wrong ones are told here, where the user sees them; they are applied after file and environment. */
static int add_setting(struct options *o, const char *pair, char *err, size_t size)
{
	struct settings scratch;
	char why[160];

	settings_default(&scratch);
	if (settings_set_pair(&scratch, pair, why, sizeof(why)) < 0) {
		snprintf(err, size, "-o %.60s: %s", pair, why);
		return -EINVAL;
	}
	if (o->n_settings == OPTIONS_SETTINGS) {
		snprintf(err, size, "more than %d settings", OPTIONS_SETTINGS);
		return -EINVAL;
	}
	o->settings[o->n_settings++] = pair;
	return 0;
}

static int parse_one(struct options *o, int key, const char *arg, char *err, size_t size)
{
	char *end;
	long port;

	switch (key) {
	case 'i':
		if (o->n_interfaces == OPTIONS_INTERFACES) {
			snprintf(err, size, "more than %d interfaces", OPTIONS_INTERFACES);
			return -EINVAL;
		}
		o->interfaces[o->n_interfaces++] = arg;
		return 0;
	case 'r':
		o->read = arg;
		return 0;
	case 'w':
		o->write = arg;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case 'b':
		o->batch = true;
		return 0;
	case 'x':
		port = strtol(arg, &end, 10);
		if (end == arg || *end || port < 1 || port > 65535) {
			snprintf(err, size, "-x %s: not a port (1 to 65535)", arg);
			return -EINVAL;
		}
		o->explain = (int)port;
		return 0;
	case OPT_PLAIN:
		o->batch = o->plain = true;
		return 0;
	case 'o':
		return add_setting(o, arg, err, size);
	case OPT_FOR:
	case OPT_INTERVAL:
		if (parse_seconds(arg) < 0) {
			snprintf(err, size, "%s: not a number of seconds (0.05 or more)", arg);
			return -EINVAL;
		}
		*(key == OPT_FOR ? &o->duration : &o->interval) = parse_seconds(arg);
		return 0;
	case OPT_NETNS:
		o->netns = true;
		return 0;
	case OPT_TRACE_FIREWALL:
		o->trace_firewall = true;
		return 0;
	case OPT_NO_KERNEL:
		o->no_kernel = true;
		return 0;
	case OPT_DEMO:
		o->demo = true;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	case 'V':
		o->version = true;
		return 0;
	default:
		snprintf(err, size, "see tcpwhy --help");
		return -EINVAL;
	}
}

static int join_filter(struct options *o, int n, char **words)
{
	size_t size = 1;

	for (int i = 0; i < n; i++)
		size += strlen(words[i]) + 1;
	o->filter = calloc(1, size);
	if (!o->filter)
		return -ENOMEM;
	for (int i = 0; i < n; i++) {
		strcat(o->filter, words[i]);
		if (i + 1 < n)
			strcat(o->filter, " ");
	}
	return 0;
}

static int check(const struct options *o, char *err, size_t size)
{
	const char *wrong = NULL;

	if (o->json && o->batch)
		wrong = o->plain ? "--json and --plain exclude each other" : "--json and --batch exclude each other";
	else if (o->read && o->demo)
		wrong = "--read and --demo exclude each other";
	else if ((o->read || o->demo) && o->n_interfaces)
		wrong = "--interface is of no use with a recording";
	else if ((o->read || o->demo) && o->explain)
		wrong = "--explain is about this host, not about a recording";
	else if (o->explain && o->json)
		wrong = "--explain and --json exclude each other";
	if (wrong)
		snprintf(err, size, "%s", wrong);
	return wrong ? -EINVAL : 0;
}

int options_parse(int argc, char **argv, struct options *ret_options, char *err, size_t size)
{
	struct option longs[OPTIONS + 1];
	char shorts[2 * OPTIONS + 2] = "+";
	struct options o = {.interval = 0};
	int key, r;

	memset(longs, 0, sizeof(longs));
	for (int i = 0; i < OPTIONS; i++) {
		longs[i].name = table[i].name;
		longs[i].has_arg = table[i].argument ? required_argument : no_argument;
		longs[i].val = table[i].key;
		if (table[i].key < 256) {
			char word[3] = {(char)table[i].key, table[i].argument ? ':' : '\0', '\0'};

			strcat(shorts, word);
		}
	}
	optind = 1;
	while ((key = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		r = parse_one(&o, key, optarg, err, size);
		if (r < 0) {
			*ret_options = o;
			return r;
		}
	}
	r = check(&o, err, size);
	if (r == 0 && optind < argc)
		r = join_filter(&o, argc - optind, argv + optind);
	*ret_options = o;
	return r;
}

void options_fini(struct options *options)
{
	free(options->filter);
	options->filter = NULL;
}
