/*
 * mempolicy: what the shim does after a call of the program about memory policies. Called in the thread that made the
 * call. Both functions return `result` and keep errno.
 */
#ifndef NODEWISE_SHIM_INTERPOSE_MEMPOLICY_H
#define NODEWISE_SHIM_INTERPOSE_MEMPOLICY_H

/* set_mempolicy(2) was called with that mode and returned `result`. by: an address in the calling code. */
long mempolicy_set(long result, int mode, const void *by);
/* mbind(2) returned `result`. */
long mempolicy_bound(long result, void *start, unsigned long size);

#endif
