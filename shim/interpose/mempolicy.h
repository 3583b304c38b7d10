/* mempolicy: what follows a call of the program about memory policies. Both return `result`, errno kept. */
#ifndef NODEWISE_SHIM_INTERPOSE_MEMPOLICY_H
#define NODEWISE_SHIM_INTERPOSE_MEMPOLICY_H

/* set_mempolicy(2) returned; by: who asked. */
long mempolicy_set(long result, const void *by);
/* mbind(2) returned. */
long mempolicy_bound(long result, void *start, unsigned long size);

#endif
