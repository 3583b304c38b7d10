/* A C program whose library brings an operator new: says how many calls of new and delete reached the library's own. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    (void)argc;
    char path[4096];
    snprintf(path, sizeof(path), "%s", argv[0]);
    strcpy(strrchr(path, '/'), "/libown_new_library.so");
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        puts(dlerror());
        return 1;
    }
    int (*use_own_new)(void) = (int (*)(void))dlsym(library, "use_own_new");
    printf("%d of 4\n", use_own_new());
    return 0;
}
