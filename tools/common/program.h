/* program: a program's file as execvp(3) finds it, and the programs of this command itself. */
#ifndef NODEWISE_TOOLS_COMMON_PROGRAM_H
#define NODEWISE_TOOLS_COMMON_PROGRAM_H

/*
 * Links in the path are not followed; malloc'd. 0, -ENOENT, -EACCES (there is one that may not be executed), -ENOMEM,
 * or another negative errno of access(2).
 */
int program_find(char **ret_path, const char *name);

/*
 * Becomes the program that lies beside this one and has its name and this ending: what loads libraries that no other verb
 * needs is such a program, or every start would pay for them. Returns the exit code, having said why, if it cannot.
 */
int program_become(const char *ending, char *const *argv);

#endif
