#include "shim/base/chosen.h"

#include <stdlib.h>

#include "policy/chosen.h"
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

static void make_room(const uint64_t *mask, size_t words, bool governed)
{
    char nothing[CHOSEN_SIZE(BASE_MASK_WORDS)];
    chosen_clear(nothing, chosen_words(mask, words));
    chosen_set_governed(nothing, governed);
    setenv(CHOSEN_VARIABLE, nothing, 1);
}

void chosen_make_room(const uint64_t *mask, size_t words)
{
    if (text())
        chosen_set_governed(text(), true);
    else
        make_room(mask, words, true);
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
