/*
 * The load of tools/bench/exchanges: WORKERS workers send MESSAGES words to each of them, the sender included, in batches,
 * and receive between two batches what is there. crossbeam/main.rs does the same.
 */
#ifndef NODEWISE_TOOLS_BENCH_API_EXCHANGE_H
#define NODEWISE_TOOLS_BENCH_API_EXCHANGE_H

enum { WORKERS = 8, MESSAGES = 64 * 2000, BATCH = 64 };

#endif
