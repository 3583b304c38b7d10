/*
 * wake: a worker that sleeps, and those that give it a reason to wake.
 *
 * Who has published something (a ring's position, a wish to wake) calls rouse(). While the peer is awake, that is one load
 * of a line that nobody writes, and no fence: the peer that is about to sleep the first time has the kernel do the fence in
 * all running threads of the process (membarrier(2)), after it said that it is FENCED. From then on its senders fence
 * themselves, and it needs one of its own only, until it has received so much without sleeping that it calls itself awake
 * again. Where there is no membarrier(2), a peer is FENCED all its life.
 *
 * wake_arm() and the look at what is published that must follow it are the other side of rouse(): of the two, one sees
 * what the other did.
 */
#ifndef NODEWISE_SHIM_API_EXCHANGE_WAKE_H
#define NODEWISE_SHIM_API_EXCHANGE_WAKE_H

#include "shim/api/exchange/exchange.h"

/* A full fence. ThreadSanitizer knows none: it sees a write that all fences do to one place. */
static inline void fence_all(void)
{
#ifdef __SANITIZE_THREAD__
    static atomic_uint all;
    atomic_fetch_add(&all, 1);
#else
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* Does membarrier(2) work for this process? Registers for it. */
bool wake_has_barrier(void);

/* The slow half of rouse(). Signal-safe. */
void wake_peer(const struct nw_exchange *exchange, struct peer *peer);

/* After something was published for the peer. Any thread, signal-safe, errno kept. */
static inline void rouse(const struct nw_exchange *exchange, struct peer *peer)
{
    /* against the compiler alone; the processor's fence is the sleeper's while PEER_AWAKE is seen */
    atomic_signal_fence(memory_order_seq_cst);
    if (__builtin_expect(atomic_load_explicit(&peer->sleep, memory_order_relaxed) != PEER_AWAKE, 0))
        wake_peer(exchange, peer);
}

/*
 * After room was given back in a ring that the peer writes to. A sender that sleeps for another reason goes on sleeping.
 * Of the ring's reader.
 */
void wake_refused(const struct nw_exchange *exchange, struct peer *sender, struct ring *ring);

/*
 * Says that the worker sleeps soon. Of the worker, as all that follow. false: the kernel's fence was refused meanwhile, and
 * who published a moment ago may not have seen it; the sleep must be short.
 */
bool wake_arm(struct nw_exchange *exchange, struct peer *peer);
/* It does not, after all, or no longer. */
void wake_disarm(struct peer *peer);
/* Sleeps until rouse(), or the deadline. May return early. 0, -ETIMEDOUT. */
int wake_sleep(const struct nw_exchange *exchange, struct peer *peer, int64_t deadline);
/* It has been busy since it slept, or for as many messages again: others may go without fences. */
void wake_calm(struct nw_worker *worker);

#define CALM 1024u /* messages after which a worker is taken to be busy */

/* So many messages were sent or received, besides those by which `passed` grew meanwhile. */
static inline void wake_count(struct nw_worker *worker, uint32_t messages)
{
    worker->passed += messages;
    if (__builtin_expect(worker->passed >= CALM, 0)) {
        worker->passed = 0;
        wake_calm(worker);
    }
}

#endif
