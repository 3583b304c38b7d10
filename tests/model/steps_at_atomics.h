/*
 * steps_at_atomics: included before a source file, it makes each atomic operation there call step() first. The model that
 * is linked to it yields there at random, so the file itself need not say where.
 */
#ifndef NODEWISE_TESTS_MODEL_STEPS_AT_ATOMICS_H
#define NODEWISE_TESTS_MODEL_STEPS_AT_ATOMICS_H

#include <stdatomic.h>
#include <stdbool.h>

void step(void);

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_exchange_explicit
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak_explicit
#undef atomic_fetch_add
#undef atomic_fetch_sub

#define atomic_load_explicit(object, order)            (step(), __atomic_load_n(object, order))
#define atomic_store_explicit(object, value, order)    (step(), __atomic_store_n(object, value, order))
#define atomic_exchange_explicit(object, value, order) (step(), __atomic_exchange_n(object, value, order))
#define atomic_compare_exchange_strong_explicit(object, expected, value, order, failed)                                \
    (step(), __atomic_compare_exchange_n(object, expected, value, false, order, failed))
#define atomic_compare_exchange_weak_explicit(object, expected, value, order, failed)                                  \
    (step(), __atomic_compare_exchange_n(object, expected, value, true, order, failed))
#define atomic_fetch_add(object, value) (step(), __atomic_fetch_add(object, value, __ATOMIC_SEQ_CST))
#define atomic_fetch_sub(object, value) (step(), __atomic_fetch_sub(object, value, __ATOMIC_SEQ_CST))

#endif
