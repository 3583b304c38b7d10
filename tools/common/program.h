/* program: a program's file as execvp(3) finds it. */
#ifndef NODEWISE_TOOLS_COMMON_PROGRAM_H
#define NODEWISE_TOOLS_COMMON_PROGRAM_H

/* Links in the path are not followed; malloc'd. NULL: there is none that may be executed. */
char *find_program(const char *name);

#endif
