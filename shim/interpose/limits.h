/*
 * limits: what every call that sets a limit does around it, also the raw one (system_call.c). Any thread; errno is kept.
 */
#ifndef NODEWISE_SHIM_INTERPOSE_LIMITS_H
#define NODEWISE_SHIM_INTERPOSE_LIMITS_H

#include <stdbool.h>
#include <sys/types.h>

/* limit: as the kernel's call takes it (two words of 64 bits), or NULL. Whether limits_end() has something to do. */
bool limits_begin(pid_t pid, int resource, const void *limit);
/* The call was made. */
void limits_end(bool concerned);

#endif
