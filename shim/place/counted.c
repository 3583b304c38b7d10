#include "shim/place/counted.h"

#include "shim/base/state.h"
#include "shim/place/board_file.h"

static void remove_pin(struct thread *thread)
{
    if (thread->pin.word_count)
        occupancy_pin_remove(&shim.plan, &shim.occupancy, &thread->pin);
    thread->pin.word_count = 0;
}

void counted_nowhere(struct thread *thread)
{
    remove_pin(thread);
    if (thread->holds_pick)
        pick_count(&shim.plan, &shim.occupancy, &thread->pick, false);
}

void counted_there(struct thread *thread, const struct mask *cpus)
{
    occupancy_pin_set(&thread->pin, cpus->bits, cpus->words);
    occupancy_pin_add(&shim.plan, &shim.occupancy, &thread->pin);
}

void counted_on(struct thread *thread, const struct mask *cpus)
{
    counted_nowhere(thread);
    counted_there(thread, cpus);
    board_file_moved();
}

void counted_in_place(struct thread *thread)
{
    remove_pin(thread);
    if (thread->holds_pick)
        pick_count(&shim.plan, &shim.occupancy, &thread->pick, true);
}

void counted_forget(struct thread *thread)
{
    thread->pin.word_count = 0;
}
