/* A library opened with RTLD_DEEPBIND makes blocks that the program frees, and frees blocks that the program made. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    (void)argc;
    char path[4096];
    snprintf(path, sizeof(path), "%s", argv[0]);
    strcpy(strrchr(path, '/'), "/libdeepbind_library.so");
    void *library = dlopen(path, RTLD_NOW | RTLD_DEEPBIND);
    if (!library) {
        puts(dlerror());
        return 1;
    }
    char *(*make_text)(int) = (char *(*)(int))dlsym(library, "make_text");
    void (*drop)(void *) = (void (*)(void *))dlsym(library, "drop");
    char *text = make_text(42);
    puts(text);
    free(text);
    drop(malloc(100));
    drop(strdup("x"));
    return 0;
}
