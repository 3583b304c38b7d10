/* program: a program's file as execvp(3) finds it. */
#ifndef NODEWISE_TOOLS_COMMON_PROGRAM_H
#define NODEWISE_TOOLS_COMMON_PROGRAM_H

/*
 * Links in the path are not followed; malloc'd. 0, -ENOENT, -EACCES (there is one that may not be executed), -ENOMEM,
 * or another negative errno of access(2).
 */
int program_find(char **ret_path, const char *name);

#endif
