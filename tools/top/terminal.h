/* terminal: what the terminal can do; a file of its own because term.h takes many common names. */
#ifndef NODEWISE_TOOLS_TOP_TERMINAL_H
#define NODEWISE_TOOLS_TOP_TERMINAL_H

#include <stdbool.h>

/* It is known by its TERM, and a cursor can be put anywhere: else a screen is rubbish on it. */
bool terminal_has_screen(void);

#endif
