/* rename: composes the name of an unnamed thread from a rule's `rename` template. Pure. */
#ifndef NODEWISE_SHIM_PLACE_RENAME_H
#define NODEWISE_SHIM_PLACE_RENAME_H

#include <stdint.h>

/*
 * {n}: the number, four digits at least; {rule}: the rule's name. The result has at most 15 bytes
 * (TASK_COMM_LEN - 1): the texts around the first {n} give way, its number never does.
 */
void rename_compose(char ret_name[16], const char *template, const char *rule, uint32_t number);

#endif
