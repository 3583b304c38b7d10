/*
 * musl: what the headers of glibc declare and those of musl do not. Included before everything else where the library is
 * built with musl; it takes over the same functions there, so that it serves programs of both.
 */
#ifndef NODEWISE_SHIM_SYS_MUSL_H
#define NODEWISE_SHIM_SYS_MUSL_H

#include <aio.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Macros for the functions without 64, which are the same. */
#undef open64
#undef openat64
#undef fopen64
#undef setrlimit64
#undef getrlimit64
#undef prlimit64
#undef rlimit64
#undef mmap64
#undef aio_read64
#undef aio_write64
#undef lio_listio64
#undef RLIM64_INFINITY

#define RLIM64_INFINITY UINT64_MAX
#define RTLD_DEEPBIND   8 /* glibc's; musl ignores it */

struct rlimit64 {
    uint64_t rlim_cur, rlim_max;
};

struct mallinfo {
    int arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

struct mallinfo2 {
    size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

int open64(const char *path, int flags, ...);
int openat64(int folder, const char *path, int flags, ...);
FILE *fopen64(const char *path, const char *mode);
void *mmap64(void *address, size_t length, int protection, int flags, int file, off_t offset);
void *pvalloc(size_t size);
int malloc_trim(size_t pad);
struct mallinfo mallinfo(void);
struct mallinfo2 mallinfo2(void);
void malloc_stats(void);
int malloc_info(int options, FILE *file);
int mallopt(int parameter, int value);

#endif
