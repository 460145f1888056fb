/* setup.h - what the setup page changes. */
#pragma once

#include "view.h"

/* Changes what the selected line is about. True when something has changed. */
bool setup_change(struct view *v);

/* Moves the selected line's column to the left (-1) or right (1). True when it has moved. */
bool setup_move(struct view *v, int step);
