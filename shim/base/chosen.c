#include "shim/base/chosen.h"

#include <stdlib.h>

#include "policy/chosen.h"
#include "shim/base/common.h"
#include "shim/base/environment.h"
#include "shim/base/state.h"

static char *text(void)
{
    return (char *)(uintptr_t)environment_get(CHOSEN_VARIABLE);
}

char *chosen_entry(void)
{
    char *value = text();
    return value ? value - sizeof(CHOSEN_VARIABLE) : NULL;
}

void chosen_note_mask(const uint64_t *mask, size_t words)
{
    shim.waits = false; /* the program places itself: its word stays */
    chosen_set_mask(text(), mask, words);
}

void chosen_note_memory(bool is_chosen)
{
    shim.waits = false;
    chosen_set_memory(text(), is_chosen);
}

static void write_nothing(char *to, size_t words, bool governed)
{
    chosen_clear(to, words);
    chosen_set_governed(to, governed);
}

static NOINLINE void make_room_by_libc(size_t words, bool governed)
{
    char nothing[CHOSEN_SIZE(BASE_MASK_WORDS)];
    write_nothing(nothing, words, governed);
    setenv(CHOSEN_VARIABLE, nothing, 1);
}

static void make_room(const uint64_t *mask, size_t words, bool governed)
{
    size_t needed = chosen_words(mask, words);
    void *room = shim_room(environment_room(CHOSEN_VARIABLE, CHOSEN_SIZE(needed)));
    if (room)
        write_nothing(environment_add(CHOSEN_VARIABLE, room), needed, governed);
    else
        make_room_by_libc(needed, governed);
}

void chosen_make_room(const uint64_t *mask, size_t words)
{
    if (text())
        chosen_set_governed(text(), true);
    else
        make_room(mask, words, true);
}

bool chosen_may_follow(void)
{
    return !chosen_was_never_governed(text());
}

bool chosen_begin_ungoverned(const uint64_t *mask, size_t words)
{
    if (!chosen_was_never_governed(text()))
        return false;
    if (!text())
        make_room(mask, words, false);
    return true;
}

bool chosen_before(uint64_t *ret_mask, size_t words)
{
    return chosen_mask(text(), ret_mask, words);
}

bool chosen_memory_before(void)
{
    return chosen_memory(text());
}
