/*
 * glibc: which version of the GNU C library is in this process. The library is built once for all versions from 2.28 on.
 * Any thread, signal-safe.
 */
#ifndef NODEWISE_SHIM_SYS_GLIBC_H
#define NODEWISE_SHIM_SYS_GLIBC_H

/* musl has none. */
extern const char *gnu_get_libc_version(void) __attribute__((weak));

/* The minor version of glibc 2. 0: another C library. */
static inline unsigned glibc_minor(void)
{
    unsigned minor = 0;
    const char *version = gnu_get_libc_version ? gnu_get_libc_version() : "";
    if (version[0] != '2' || version[1] != '.')
        return 0;
    for (const char *at = version + 2; *at >= '0' && *at <= '9'; at++)
        minor = minor * 10 + (unsigned)(*at - '0');
    return minor;
}

#endif
