/* options.h - the command line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	OPTIONS_INTERFACES = 16,
	OPTIONS_SETTINGS = 16,
};

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_PRIVILEGE = 3,
	EXIT_REFUSALS = 4,
	EXIT_CANNOT_TELL = 5,
};

struct options {
	const char *interfaces[OPTIONS_INTERFACES];
	size_t n_interfaces;
	char *filter; /* the arguments joined; NULL: none */
	const char *read, *write;
	const char *settings[OPTIONS_SETTINGS]; /* NAME=VALUE, as given */
	size_t n_settings;
	bool json, batch, plain, demo, no_kernel, netns, trace_firewall, help, version;
	bool late_kernel; /* the kernel's reasons may come after the first screen: not of the command line either */
	bool small; /* of a watcher of another namespace: not of the command line */
	int explain; /* a port; 0: not asked */
	int64_t duration; /* microseconds; 0: until stopped */
	int64_t interval; /* microseconds; 0: as the settings have it */
};

/* Parses argv. 0, or -EINVAL with a sentence in err. options_fini() afterwards in either case. */
int options_parse(int argc, char **argv, struct options *ret_options, char *err, size_t size);
void options_fini(struct options *options);

void options_print_help(FILE *out);
