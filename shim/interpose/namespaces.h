/* namespaces: what the hooks of unshare, setns and syscall(2) share. */
#ifndef NODEWISE_SHIM_INTERPOSE_NAMESPACES_H
#define NODEWISE_SHIM_INTERPOSE_NAMESPACES_H

#include <stdbool.h>

/*
 * unshare(2) or setns(2) returned `result`, with errno. true: the library's worker may have been the reason; it is gone
 * now, and the caller makes the call again and then calls worker_may_return(). May wait for the worker. errno kept.
 */
bool namespaces_again(long result);

#endif
