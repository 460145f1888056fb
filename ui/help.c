/* help.c - the help screen, from the tables of keys and of the filter's fields. */
#include "view.h"

#include <stdio.h>
#include <string.h>

static void fill(struct view *v)
{
	page_line(&v->list, ROLE_STRONG, "tcpwhy %s - why peers cannot connect to this host", TCPWHY_VERSION);
	for (int a = 1; a < ACTION_COUNT; a++) {
		const struct key_binding *b = key_binding((enum action)a);

		if (b->group)
			page_heading(v, "%s", b->group);
		page_text(v, ROLE_NORMAL, 2, 17, NULL, "%-14s %s", b->names, b->help);
		for (int i = 0; a == ACTION_HOST && key_notes[i].names; i++)
			page_text(v, ROLE_NORMAL, 2, 17, NULL, "%-14s %s", key_notes[i].names, key_notes[i].help);
	}
	page_heading(v, "Filter: words with blanks between them, \"!\" before one that must not match");
	for (int i = 1; i < FILTER_FIELDS; i++) {
		const char *name, *help = filter_field_help((enum filter_field)i, &name);

		page_text(v, ROLE_NORMAL, 2, 17, NULL, "%s:%-*s %s", name, (int)(13 - strlen(name)), "", help);
	}
	page_heading(v, "Words");
	page_text(v, ROLE_NORMAL, 2, 2, NULL, "ACC accepted, REF refused (with ICMP errors where those have no column), RST reset later, "
		"SIL silent or unfinished, N attempts alike");
	page_text(v, ROLE_NORMAL, 2, 2, NULL, "WHY: \"!\" a failure in the last minute, \"?\" possible only. proved: the kernel, a trace or "
		"the socket table says so of this very packet; inferred: nothing else fits; possible: several fit, and the advice says "
		"what would decide");
	page_line(&v->list, ROLE_NORMAL, "Esc leaves this screen. More: man tcpwhy");
}

static void title(const struct view *v, char *buf, size_t size)
{
	(void)v;
	snprintf(buf, size, "Help");
}

const struct view_ops help_view = {.name = "Help", .fill = fill, .title = title};
