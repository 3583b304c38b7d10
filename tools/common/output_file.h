/*
 * output_file: a file that the command writes where its user says (`-o FILE`). In a folder that others can write, no
 * other user can choose another file or make the command wait (shim/base/own_file.h). In a folder of the user's or
 * root's own, what is there is meant: a link, a pipe, /dev/stdout.
 */
#ifndef NODEWISE_TOOLS_COMMON_OUTPUT_FILE_H
#define NODEWISE_TOOLS_COMMON_OUTPUT_FILE_H

#include <stdio.h>
#include <sys/types.h>

/* Emptied, or made with that mode. 0, or negative errno: nothing has changed. */
int output_file_open(FILE **ret_file, const char *path, mode_t mode);
/*
 * Could this user open it? 0 or negative errno. Nothing is made. "-", and a folder in whose name a '%' may be filled in
 * later, are not looked at.
 */
int output_file_check(const char *path);

#endif
