/*
 * mempolicy: libnuma's set_mempolicy and mbind (libc has neither). Programs that make the system calls themselves pass
 * system_call.c.
 */
#include <linux/mempolicy.h>

#include "shim/base/chosen.h"
#include "shim/base/common.h"
#include "shim/base/next.h"
#include "shim/base/state.h"
#include "shim/interpose/mempolicy.h"
#include "shim/place/arbitrate.h"
#include "shim/sys/call.h"
#include "shim/sys/placing.h"

long mempolicy_set(long result, int mode, const void *by)
{
    bool is_default = mode == MPOL_DEFAULT;
    if (shim_is_active() && raw_getpid() == shim.pid) /* not a vfork child's */
        arbitrate_memory(result == 0, is_default, by);
    else if (result == 0)
        chosen_note_memory(!is_default);
    return result;
}

/*
 * When the policy ignores the call, the mapping follows the thread's policy again. Pages that MPOL_MF_MOVE moved stay
 * where they are.
 */
long mempolicy_bound(long result, void *start, unsigned long size)
{
    if (result == 0 && shim_is_active() && !arbitrate_keeps_mbind())
        sys_bind_memory(start, size, MPOL_DEFAULT, NULL, 0);
    return result;
}

/* Declared as in <numaif.h>: the library does not need libnuma's headers. */
long set_mempolicy(int mode, const unsigned long *nodes, unsigned long most);
long mbind(void *start, unsigned long size, int mode, const unsigned long *nodes, unsigned long most, unsigned flags);

PUBLIC long set_mempolicy(int mode, const unsigned long *nodes, unsigned long most)
{
    next_set_mempolicy *next = NEXT_OR_BIND(set_mempolicy);
    long result = next ? next(mode, nodes, most) : program_call(SYS_set_mempolicy, mode, nodes, most);

    return mempolicy_set(result, mode, __builtin_return_address(0));
}

PUBLIC long mbind(void *start, unsigned long size, int mode, const unsigned long *nodes, unsigned long most,
                  unsigned flags)
{
    next_mbind *next = NEXT_OR_BIND(mbind);
    long result = next ? next(start, size, mode, nodes, most, flags)
                       : program_call(SYS_mbind, start, size, mode, nodes, most, flags);

    return mempolicy_bound(result, start, size);
}
