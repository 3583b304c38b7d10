#include "tests/weak_memory.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define STORES 8u /* of a place, the first one included */

/* The store of each place that is the oldest to be seen; stores are told apart by number, and lie in an order. */
struct view {
    uint8_t at[WEAK_PLACES];
};

struct store {
    uint8_t value;
    bool taken; /* a read-modify-write stands directly behind it */
    struct view view;
};

struct thread {
    uint8_t next;                  /* step */
    struct view now, read, writes; /* its view; with what relaxed loads brought; what relaxed stores carry */
};

struct machine {
    struct store stores[WEAK_PLACES][STORES];
    uint8_t order[WEAK_PLACES][STORES]; /* numbers of stores */
    uint8_t count[WEAK_PLACES];
    struct thread threads[WEAK_THREADS];
    struct view fences;
    uint8_t results[WEAK_RESULTS];
};

struct search {
    const struct weak_program *program;
    bool (*is_bad)(const struct weak_end *end);
    unsigned long count;
    bool found;
};

static unsigned position(const struct machine *machine, unsigned place, uint8_t store)
{
    for (unsigned i = 0; i < machine->count[place]; i++)
        if (machine->order[place][i] == store)
            return i;
    assert(false);
    return 0;
}

static void join(const struct machine *machine, struct view *view, const struct view *with)
{
    for (unsigned place = 0; place < WEAK_PLACES; place++)
        if (position(machine, place, with->at[place]) > position(machine, place, view->at[place]))
            view->at[place] = with->at[place];
}

static void fence(struct machine *machine, struct thread *thread)
{
    join(machine, &thread->now, &thread->read);
    join(machine, &thread->now, &machine->fences);
    machine->fences = thread->read = thread->writes = thread->now;
}

/* The thread reads the i-th store in the place's order. */
static uint8_t load(struct machine *machine, struct thread *thread, unsigned place, unsigned i, enum weak_order order)
{
    uint8_t number = machine->order[place][i];
    const struct store *store = &machine->stores[place][number];
    thread->now.at[place] = number;
    join(machine, &thread->read, &thread->now);
    join(machine, &thread->read, &store->view);
    if (order == ACQUIRE || order == ACQ_REL)
        join(machine, &thread->now, &store->view);
    return store->value;
}

/* Behind the i-th one. `from`: what a read-modify-write has read, whose view goes along. */
static void put(struct machine *machine, struct thread *thread, const struct weak_step *step, unsigned i,
                const struct store *from)
{
    unsigned place = step->place;
    uint8_t number = machine->count[place]++;
    assert(number < STORES);
    memmove(&machine->order[place][i + 2], &machine->order[place][i + 1], number - i - 1u);
    machine->order[place][i + 1] = number;
    bool releases = step->order == RELEASE || step->order == ACQ_REL;
    struct store *store = &machine->stores[place][number];
    *store = (struct store){.value = step->value, .view = releases ? thread->now : thread->writes};
    store->view.at[place] = thread->now.at[place] = number;
    join(machine, &thread->read, &thread->now);
    if (from)
        join(machine, &store->view, &from->view);
}

static void go_on(struct search *search, const struct machine *machine);

static void load_any(struct search *search, const struct machine *before, unsigned number, const struct weak_step *step)
{
    unsigned place = step->place, from = position(before, place, before->threads[number].now.at[place]);
    bool writes = step->kind != WEAK_LOAD;
    for (unsigned i = from; i < before->count[place]; i++) {
        struct machine machine = *before;
        struct thread *thread = &machine.threads[number];
        struct store *store = &machine.stores[place][machine.order[place][i]];
        bool changes = writes && (step->kind == WEAK_EXCHANGE || store->value == step->expected);
        if (changes && store->taken)
            continue; /* another thread changed it */
        machine.results[step->result] = load(&machine, thread, place, i, writes && !changes ? RELAXED : step->order);
        if (changes) {
            store->taken = true;
            put(&machine, thread, step, i, store);
        }
        go_on(search, &machine);
    }
}

static void store_any(struct search *search, const struct machine *before, unsigned number,
                      const struct weak_step *step)
{
    unsigned place = step->place, from = position(before, place, before->threads[number].now.at[place]);
    for (unsigned i = from; i < before->count[place]; i++) {
        struct machine machine = *before;
        if (machine.stores[place][machine.order[place][i]].taken)
            continue;
        put(&machine, &machine.threads[number], step, i, NULL);
        go_on(search, &machine);
    }
}

static void take_step(struct search *search, const struct machine *before, unsigned number,
                      const struct weak_step *step)
{
    struct machine machine = *before;
    struct thread *thread = &machine.threads[number];
    thread->next++;
    switch (step->kind) {
    case WEAK_LOAD:
    case WEAK_EXCHANGE:
    case WEAK_COMPARE:
        load_any(search, &machine, number, step);
        return;
    case WEAK_STORE:
        store_any(search, &machine, number, step);
        return;
    case WEAK_FENCE:
        fence(&machine, thread);
        break;
    case WEAK_IF:
        if (machine.results[step->result] != step->expected)
            thread->next = WEAK_STEPS;
        break;
    case WEAK_END:
        break;
    }
    go_on(search, &machine);
}

static void finish(struct search *search, const struct machine *machine)
{
    struct weak_end end;
    memcpy(end.results, machine->results, sizeof(end.results));
    for (unsigned place = 0; place < WEAK_PLACES; place++)
        end.places[place] = machine->stores[place][machine->order[place][machine->count[place] - 1u]].value;
    search->count++;
    search->found |= search->is_bad(&end);
}

static void go_on(struct search *search, const struct machine *machine)
{
    bool any = false;
    for (unsigned number = 0; number < search->program->threads_count; number++) {
        const struct weak_step *step = &search->program->threads[number][machine->threads[number].next];
        if (step->kind == WEAK_END)
            continue;
        any = true;
        take_step(search, machine, number, step);
    }
    if (!any)
        finish(search, machine);
}

bool weak_can_end(const struct weak_program *program, bool (*is_bad)(const struct weak_end *end),
                  unsigned long *ret_count)
{
    struct search search = {.program = program, .is_bad = is_bad};
    struct machine machine = {.count = {1, 1, 1, 1}};
    go_on(&search, &machine);
    if (ret_count)
        *ret_count = search.count;
    return search.found;
}
