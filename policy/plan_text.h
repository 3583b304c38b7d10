/*
 * plan_text: a plan as a text, for an environment variable where no folder can keep a file: "data:" and base64. What is
 * made of it passes plan_check() like any other plan. Pure, no allocation, signal-safe.
 */
#ifndef NODEWISE_POLICY_PLAN_TEXT_H
#define NODEWISE_POLICY_PLAN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define PLAN_TEXT_PREFIX "data:"
/* bytes of a text with its NUL: execve(2) takes no string longer than 128 KiB, the variable's name included */
#define PLAN_TEXT_MOST (((size_t)128 << 10) - sizeof("NODEWISE_PLAN=") + 1)

/* Is it such a text, and not a path? */
bool plan_text_is(const char *text);
/* Bytes of the text of a plan of that size, with its NUL. */
size_t plan_text_size(size_t size);
/* Writes plan_text_size(size) bytes. */
void plan_text_write(char *ret_text, const void *data, size_t size);
/* Bytes of the plan that the text holds; 0: it is no such text, or damaged. */
size_t plan_text_length(const char *text);
/* Writes plan_text_length(text) bytes, which is not 0. false: a character is none of base64. */
bool plan_text_read(void *ret_data, const char *text);

#endif
