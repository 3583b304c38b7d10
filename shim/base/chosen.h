/*
 * chosen: what the program chose for its main thread by its own calls, as its successor by execve(2) and its children
 * read it in their environment (policy/chosen.h). The variable is written in place and never made longer, so every way
 * to start a program that passes the environment on carries it, and a hook may write it in a signal handler.
 *
 * A program that gives its child an environment that it composed itself passes on what that says.
 *
 * Any thread, signal-safe. As with getenv(3), the program must not change its environment meanwhile.
 */
#ifndef NODEWISE_SHIM_BASE_CHOSEN_H
#define NODEWISE_SHIM_BASE_CHOSEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The thread has that mask by the program's own call. NULL: it has not, any more. */
void chosen_note_mask(const uint64_t *mask, size_t words);
/* The same for its memory policy. */
void chosen_note_memory(bool is_chosen);

/* The variable in the environment, with its name. NULL: there is none. */
char *chosen_entry(void);

/*
 * For the start-up of a process that is governed, or may follow one that is: makes room for the variable where the
 * environment has none, for the CPUs of the mask. Allocates.
 */
void chosen_make_room(const uint64_t *mask, size_t words);
/*
 * The same for one that is not governed. false: it may follow one that is, and nothing was done. Makes no system call.
 */
bool chosen_begin_ungoverned(const uint64_t *mask, size_t words);
/* For start-up, before the above: may this process have inherited something of a governed one? */
bool chosen_may_follow(void);
/* For start-up: the mask that the program before this one, or an ancestor, chose. false: none did. */
bool chosen_before(uint64_t *ret_mask, size_t words);
/* The same for the memory policy. */
bool chosen_memory_before(void);

#endif
