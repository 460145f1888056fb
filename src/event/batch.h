/* batch.h - events as plain text, a line per finding, for pipes and logs. */
#pragma once

#include "event/event.h"

/* A sink that writes text to fd; plain: a sentence a finding, to be heard. NULL with errno. */
struct sink *batch_new(int fd, bool plain);
void batch_free(struct sink *sink);

/* 0, or -errno of a failed write. */
int batch_error(struct sink *sink);
