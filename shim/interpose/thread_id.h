/*
 * thread_id: translates a pthread_t into the kernel's number of the thread. Any thread.
 */
#ifndef NODEWISE_SHIM_INTERPOSE_THREAD_ID_H
#define NODEWISE_SHIM_INTERPOSE_THREAD_ID_H

#include <pthread.h>
#include <sys/types.h>

/* The tid of a live thread. 0: there is no such thread. */
pid_t thread_id_of(pthread_t thread);

#endif
