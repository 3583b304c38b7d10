/*
 * plugin: libraries that this one opens when they are first needed, from the folder `nodewise` beside it. A plug-in is
 * opened by its absolute path, which follows from where this library itself was loaded from: neither the environment nor a
 * search path has a say. It stays open: its code may be asked for at any time.
 *
 * Any thread; not signal-safe.
 */
#ifndef NODEWISE_SHIM_API_PLUGIN_H
#define NODEWISE_SHIM_API_PLUGIN_H

/* The table of that name in the file. NULL: the plug-in, or a library that it needs, is not there. */
const void *plugin_open(const char *file, const char *symbol);

#endif
