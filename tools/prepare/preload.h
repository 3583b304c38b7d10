/* preload: the library in the environment of a program that is about to be started. */
#ifndef NODEWISE_TOOLS_PREPARE_PRELOAD_H
#define NODEWISE_TOOLS_PREPARE_PRELOAD_H

/* 0, or a negative errno after having said why. */
int preload_shim(void);

#endif
