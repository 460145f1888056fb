/* help.c - the help screen, from the table of keys. */
#include "view.h"

static void fill(struct view *v, const struct store *s)
{
	struct list *l = &v->list;
	int width = v->width;

	(void)s;
	list_clear(l);
	list_text(l, ROLE_STRONG, width, 0, "tcpwhy %s - why peers cannot connect to this host", TCPWHY_VERSION);
	list_text(l, ROLE_NORMAL, width, 0, " ");
	for (int a = 1; a < ACTION_COUNT; a++)
		list_text(l, ROLE_NORMAL, width, 2, "%-14s %s", key_binding((enum action)a)->names,
			key_binding((enum action)a)->help);
	list_text(l, ROLE_NORMAL, width, 0, " ");
	list_text(l, ROLE_NORMAL, width, 0, "ACC accepted   REF refused (with ICMP errors where narrow)   RST reset later   SIL silent or "
		"unfinished   ICMP error sent   N attempts alike");
	list_text(l, ROLE_NORMAL, width, 0, "WHY: \"!\" a failure in the last minute, \"?\" possible only. "
		"Confidence: proved, inferred (nothing else fits), possible (several fit; the advice says "
		"what would decide).");
	list_text(l, ROLE_NORMAL, width, 0, " ");
	list_text(l, ROLE_NORMAL, width, 0, "Esc leaves this screen. More: man tcpwhy");
}

const struct view_ops help_view = {"Help", fill, NULL};
