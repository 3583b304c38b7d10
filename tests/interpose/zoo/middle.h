/* middle: what the library of asks_through_a_library does for it. Exported, so that their names can be found. */
#ifndef NODEWISE_TESTS_INTERPOSE_ZOO_MIDDLE_H
#define NODEWISE_TESTS_INTERPOSE_ZOO_MIDDLE_H

#include <pthread.h>

/* Sets the caller's CPUs, after a rename. The system call's result. */
__attribute__((visibility("default"))) int middle_pins(unsigned long cpus);
/* pthread_create. */
__attribute__((visibility("default"))) int middle_makes(pthread_t *ret_thread, void *(*body)(void *));
__attribute__((visibility("default"))) int middle_calls_back(int (*callback)(pthread_t *, void *(*)(void *)),
                                                             pthread_t *ret_thread, void *(*body)(void *));

#endif
