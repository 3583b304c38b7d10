/* thread_id: the kernel's number of a pthread_t. */
#ifndef NODEWISE_SHIM_INTERPOSE_THREAD_ID_H
#define NODEWISE_SHIM_INTERPOSE_THREAD_ID_H

#include <pthread.h>
#include <sys/types.h>

/* 0: no such thread. */
pid_t thread_id_of(pthread_t thread);

#endif
