/* Preloaded in front of the shim: it then looks functions up as it does where libc has no dlsym. */
#include <gnu/libc-version.h>

__attribute__((visibility("default"))) const char *gnu_get_libc_version(void)
{
    return "2.31";
}
