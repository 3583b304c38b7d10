/*
 * rename: composes the name of an unnamed thread from a rule's `rename` template. Pure; any thread, signal-safe.
 */
#ifndef NODEWISE_SHIM_PLACE_RENAME_H
#define NODEWISE_SHIM_PLACE_RENAME_H

#include <stdint.h>

/*
 * {n} is the number with at least four digits, {rule} is the rule's name. The result has at most 15 bytes
 * (TASK_COMM_LEN - 1). If it is too long, the texts around the first {n} are cut, never its number.
 */
void rename_compose(char ret_name[16], const char *template, const char *rule, uint32_t number);

#endif
