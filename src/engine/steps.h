/* steps.h - how an attempt went, step by step: its packets, and what was done to them in between. */
#pragma once

#include "engine/rules.h"
#include "engine/trail.h"
#include "event/event.h"

/* Fills ev->steps, in order of time, from the attempt's packets and the facts of its verdict. */
void steps_tell(const struct trail *trail, const struct facts *f, const struct verdict *v, struct event_attempt *ev);
