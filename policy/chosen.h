/*
 * chosen: the text by which a process remembers across execve(2) what it chose for itself: the CPUs of its first thread
 * and whether it set a memory policy. A mask that a program chose cannot be told from one that the library gave its
 * thread in any other way, because the kernel keeps both alike.
 *
 * The text is the value of CHOSEN_VARIABLE. `nodewise run` makes it, the library changes it in place. Its length is
 * that of the machine's CPUs, so that it never has to grow.
 *
 *   one character     'm': the memory policy is the program's; '-': it is not; '.': it is not, and none of the processes
 *                     that handed the text on was governed
 *   16 digits a word  the mask in hexadecimal digits, the word with CPU 0 first; all 0: no mask was chosen
 *
 * Pure; any thread, signal-safe.
 */
#ifndef NODEWISE_POLICY_CHOSEN_H
#define NODEWISE_POLICY_CHOSEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHOSEN_VARIABLE    "NODEWISE_CHOSEN"
#define CHOSEN_SIZE(words) (2 + 16 * (size_t)(words)) /* bytes of a text, with its end */

/* The number of words that hold all CPUs of the mask; at least 1. */
size_t chosen_words(const uint64_t *mask, size_t words);
/* Writes a text that says that nothing was chosen. ret_text: CHOSEN_SIZE(words) bytes. */
void chosen_clear(char *ret_text, size_t words);

/*
 * Changes the mask in a text. mask NULL: none was chosen. CPUs that the text has no room for are left out: they are
 * beyond those of the machine. Does nothing where the text is NULL or no such text.
 */
void chosen_set_mask(char *text, const uint64_t *mask, size_t words);
/* The same for the memory policy. */
void chosen_set_memory(char *text, bool is_chosen);

/* false: the text is none, is damaged, does not fit, or no mask was chosen. */
bool chosen_mask(const char *text, uint64_t *ret_mask, size_t words);
/* Was a memory policy chosen? text may be NULL. */
bool chosen_memory(const char *text);

/* The process that has the text is governed, or is not and does not know of one before it that was. Else as above. */
void chosen_set_governed(char *text, bool is_governed);
/* Is it certain that no process was that handed the text on, or the lack of one? text may be NULL. */
bool chosen_was_never_governed(const char *text);

#endif
