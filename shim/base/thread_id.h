/*
 * thread_id: translates a pthread_t into the kernel's number of the thread. Any thread.
 */
#ifndef NODEWISE_SHIM_BASE_THREAD_ID_H
#define NODEWISE_SHIM_BASE_THREAD_ID_H

#include <pthread.h>
#include <sys/types.h>

/*
 * The number that libc has for a thread, without a system call. 0: there is no such thread, or libc does not tell. In a
 * child of vfork, the calling thread has its parent's here.
 */
pid_t thread_tid_in_libc(pthread_t thread);

#endif
