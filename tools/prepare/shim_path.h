/* shim_path: where libnodewise.so is, and how LD_PRELOAD names it. */
#ifndef NODEWISE_TOOLS_PREPARE_SHIM_PATH_H
#define NODEWISE_TOOLS_PREPARE_SHIM_PATH_H

/*
 * The library's path for LD_PRELOAD, malloc'd: beside the running command in a build tree, else where it was
 * installed. Under a multiarch folder the folder's name is written as $LIB (ld.so(8)), so that a 32-bit child
 * looks in its own folder instead of printing "wrong ELF class". Returns 0, -ENOENT (not found; *ret_path then
 * is where it was looked for), -EINVAL (LD_PRELOAD cannot express the path: a blank or ':' in it), -ENOMEM.
 */
int shim_path(char **ret_path);

/* The path of the same file for all but the loader, malloc'd, without $LIB. Returns 0, -ENOENT, -ENOMEM as above. */
int shim_file(char **ret_path);

#endif
