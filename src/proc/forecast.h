/* forecast.h - what the firewall's rules would do with a SYN to one port, for -x: nobody need have tried. */
#pragma once

#include "engine/engine.h"
#include "host.h"

/*
 * Tells, as facts of the kind "forecast", what becomes of a SYN of a stranger and of a neighbour, over each family that this
 * host has an address of; name: from whom, value: "passes", "dropped", "rejected", "led on", "may pass", "not known"; note: by
 * which rule, or whereto. Of where a translation leads to "target": "listens", "nobody listens", "not known".
 */
void forecast_tell(struct engine *e, struct host *h, uint16_t port, int64_t now);
