/* screen: `top` on a terminal (ncursesw): nodes above, a tab below. */
#ifndef NODEWISE_TOOLS_TOP_SCREEN_H
#define NODEWISE_TOOLS_TOP_SCREEN_H

#include "tools/top/rows.h"

/* Until the user ends it. seconds: between two looks. The exit code, after having said why it is not EXIT_OK. */
int screen_run(struct top *top, struct top_filter *filter, double seconds, enum top_tab tab);
/* The same once, as text: for files, pipes and tests. looks: how many, a blank line between two. */
int screen_batch(struct top *top, const struct top_filter *filter, double seconds, unsigned looks, int tab);

#endif
