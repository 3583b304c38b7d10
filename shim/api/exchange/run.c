/* nw_exchange_run(): all of it, from threads to results. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shim/api/exchange/exchange.h"
#include "shim/api/exchange/of_policy.h"
#include "shim/api/exchange/transport.h"
#include "shim/api/library.h"
#include "shim/api/places.h"

struct runner {
    struct run *all;
    struct nw_worker *worker;
    pthread_t thread;
    unsigned number; /* among those of all processes, for its name and place */
    int index;       /* -1: any that is free */
    int result;
};

struct run {
    struct nw_exchange *exchange;
    const char *name;
    const struct pool_workers *places; /* NULL: the policy's; the shim knows the threads by their names */
    enum nw_mode mode;
    int (*function)(struct nw_worker *worker, void *context);
    void *context;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    unsigned joined;
    bool begun;
    int error; /* nobody runs the function */
    struct runner runners[];
};

/* Where the policy does not place it. */
static int pin(const struct runner *runner, struct nw_pin *ret_pin, bool *ret_is_pinned)
{
    *ret_is_pinned = false;
    if (!runner->all->places || nw_governed())
        return 0;
    const struct pool_workers *places = runner->all->places;
    char *cpus = cpuset_to_string(&places->masks[runner->number % places->count]);
    int error = cpus ? nw_pin_push(ret_pin, cpus, runner->all->mode, NULL) : -ENOMEM;
    free(cpus);
    *ret_is_pinned = error == 0;
    return error;
}

/* Says that it has joined, or why not, and waits for the others. false: nobody runs. */
static bool meet(struct run *all, int error)
{
    pthread_mutex_lock(&all->lock);
    all->joined++;
    if (error && !all->error)
        all->error = error;
    pthread_cond_broadcast(&all->changed);
    while (!all->begun)
        pthread_cond_wait(&all->changed, &all->lock);
    bool runs = !all->error;
    pthread_mutex_unlock(&all->lock);
    return runs;
}

/* Those of other processes, too. */
static void wait_for_all(struct runner *runner)
{
    struct nw_worker *worker = runner->worker;
    bool has_waited = false;
    for (unsigned i = 0; i < nw_worker_peers(worker); i++)
        while (nw_worker_peer(worker, i) == NW_PEER_ABSENT && nw_wait(worker, -1) == 0)
            has_waited = true;
    if (has_waited) /* a wish to wake that ended this wait is for the function */
        atomic_store(&worker->peer->woken, 1);
}

static void *run_worker(void *argument)
{
    struct runner *runner = argument;
    struct run *all = runner->all;
    char name[POOL_NAME_SIZE];
    struct nw_pin own;
    bool is_pinned;
    pool_worker_name(all->name, runner->number + 1, name);
    pthread_setname_np(pthread_self(), name);
    int error = pin(runner, &own, &is_pinned);
    if (!error)
        error = nw_exchange_join(all->exchange, runner->index, &runner->worker);
    if (meet(all, error)) {
        wait_for_all(runner);
        runner->result = all->function(runner->worker, all->context);
    }
    nw_worker_leave(runner->worker);
    if (is_pinned)
        nw_pin_pop(&own);
    return NULL;
}

/* Processes that share memory have no indexes of their own. */
static struct runner make_runner(struct run *all, unsigned i, unsigned workers)
{
    const struct nw_exchange *exchange = all->exchange;
    if (exchange->transport == &transport_shared)
        return (struct runner){.all = all, .number = exchange->process * workers + i, .index = -1};
    unsigned index = exchange->first_own + i;
    return (struct runner){.all = all, .number = index, .index = (int)index};
}

/* Starts the threads, waits until all have joined or one has failed, and lets them go on. */
static int start(struct run *all, unsigned workers, unsigned *ret_started)
{
    unsigned started = 0;
    int error = 0;
    while (!error && started < workers) {
        struct runner *runner = &all->runners[started];
        *runner = make_runner(all, started, workers);
        error = -pthread_create(&runner->thread, NULL, run_worker, runner);
        started += error == 0;
    }
    pthread_mutex_lock(&all->lock);
    if (error && !all->error)
        all->error = error;
    while (all->joined < started)
        pthread_cond_wait(&all->changed, &all->lock);
    error = all->error;
    all->begun = true;
    pthread_cond_broadcast(&all->changed);
    pthread_mutex_unlock(&all->lock);
    *ret_started = started;
    return error;
}

static int run_all(struct run *all, unsigned workers, int *ret_results)
{
    unsigned started;
    int error = start(all, workers, &started);
    for (unsigned i = 0; i < started; i++)
        pthread_join(all->runners[i].thread, NULL);
    for (unsigned i = 0; !error && ret_results && i < workers; i++)
        ret_results[i] = all->runners[i].result;
    return error ? error : (int)workers;
}

/* name: of the threads. places: as in struct run. options: with the number of workers. */
static int open_and_run(const struct nw_exchange_options *options, const char *name, const struct pool_workers *places,
                        int (*function)(struct nw_worker *worker, void *context), void *context, int *ret_results)
{
    struct nw_exchange *exchange;
    int error = nw_exchange_open(options, &exchange);
    if (error)
        return error;
    bool has_part = exchange->transport == &transport_shared && options->workers;
    unsigned workers = has_part ? options->workers : exchange->own_count;
    struct run *all = calloc(1, sizeof(*all) + workers * sizeof(all->runners[0]));
    if (!all) {
        nw_exchange_close(exchange);
        return -ENOMEM;
    }
    all->exchange = exchange;
    all->name = name;
    all->places = places;
    all->mode = (enum nw_mode)options->mode;
    all->function = function;
    all->context = context;
    pthread_mutex_init(&all->lock, NULL);
    pthread_cond_init(&all->changed, NULL);
    int count = run_all(all, workers, ret_results);
    pthread_cond_destroy(&all->changed);
    pthread_mutex_destroy(&all->lock);
    nw_exchange_close(exchange);
    free(all);
    return count;
}

static int run_by_options(struct nw_exchange_options *options, int (*function)(struct nw_worker *worker, void *context),
                          void *context, int *ret_results)
{
    struct pool_workers places = {0};
    int count = places_make(options->cpus, options->peers, &places);
    if (!count) {
        options->peers = (unsigned)places.count;
        count = open_and_run(options, exchange_name(options), &places, function, context, ret_results);
    }
    pool_workers_free(&places);
    return count;
}

static int run_by_policy(const struct door_exchange *told, struct nw_exchange_options *options,
                         int (*function)(struct nw_worker *worker, void *context), void *context, int *ret_results)
{
    int count = exchange_workers_of_policy(told, options, ret_results != NULL);
    if (count < 0)
        return count;
    options->peers = (unsigned)count;
    return open_and_run(options, told->threads, NULL, function, context, ret_results);
}

API int nw_exchange_run(const struct nw_exchange_options *options, int (*run)(struct nw_worker *worker, void *context),
                        void *context, int *ret_results)
{
    struct nw_exchange_options copy = {.size = sizeof(copy)};
    int saved = errno;
    int error = library_begin();
    if (error)
        return error;
    if (options && options->size <= offsetof(struct nw_exchange_options, peers))
        return -EINVAL;
    if (options)
        memcpy(&copy, options, options->size < sizeof(copy) ? options->size : sizeof(copy));
    copy.size = sizeof(copy);
    bool is_alone = !copy.shared && !copy.transport;
    if (copy.peers > EXCHANGE_PEERS || copy.mode > NW_HARD || (copy.workers && !copy.shared) ||
        copy.workers > copy.peers || (!copy.peers && !is_alone))
        return -EINVAL;
    struct door_exchange told;
    int count = exchange_of_policy(&copy, &told) ? run_by_policy(&told, &copy, run, context, ret_results)
                                                 : run_by_options(&copy, run, context, ret_results);
    errno = saved;
    return count;
}
