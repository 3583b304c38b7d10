/*
 * process: what the hooks of prctl and of syscall(2) share.
 */
#ifndef NODEWISE_SHIM_INTERPOSE_PROCESS_H
#define NODEWISE_SHIM_INTERPOSE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/* A call of prctl(2) that matters to the shim. */
struct control {
    bool is_ours;
    int option;
    unsigned long second;
    uint64_t now; /* monotonic ns, where it may not be asked for after the call */
};

/* Before the call. Signal-safe. */
struct control control_begin(int option, unsigned long second);
/* After the call, in the same thread. Signal-safe, errno kept. */
void control_end(const struct control *control, bool succeeded);

#endif
