/*
 * process_tree: the processes that `ps` lists, as a table in which each stands below the nearest of its ancestors that is
 * listed.
 */
#ifndef NODEWISE_TOOLS_REPORT_PROCESS_TREE_H
#define NODEWISE_TOOLS_REPORT_PROCESS_TREE_H

#include <stdio.h>

#include <jansson.h>

/*
 * Objects of `ps --json`, by ascending pid. Each is printed once, whatever the parents are: they were read one after the
 * other, and a number may have been given out anew meanwhile. Adds "ancestor" and "shown" to the objects.
 */
void process_tree_print(FILE *to, json_t *processes);

#endif
