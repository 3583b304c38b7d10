/* Opens a library whose constructor makes a thread and waits for its end. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    char path[4096];
    (void)argc;
    snprintf(path, sizeof(path), "%s", argv[0]);
    strcpy(strrchr(path, '/'), "/libplugin_library.so");
    if (!dlopen(path, RTLD_NOW))
        puts(dlerror());
    return 0;
}
