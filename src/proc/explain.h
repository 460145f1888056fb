/* explain.h - one port in words, for -x. */
#pragma once

#include "store/store.h"

#include <stdio.h>

/*
 * Writes what the store knows of a port: who listens and how far it reaches, what went wrong while it was
 * watched. With a filter, which names the peers that are asked about, it also says when nothing of them came; NULL:
 * none. EXIT_DONE when remote peers reach it, EXIT_REFUSALS when they are refused or would be, EXIT_CANNOT_TELL when
 * neither is known.
 */
int explain_port(const struct store *s, int port, const char *filter, FILE *out);
