#include "tests/model/entry.h"

#include <malloc.h>
#include <stdlib.h>

#define malloc             model_malloc
#define calloc             model_calloc
#define realloc            model_realloc
#define reallocarray       model_reallocarray
#define posix_memalign     model_posix_memalign
#define memalign           model_memalign
#define aligned_alloc      model_aligned_alloc
#define valloc             model_valloc
#define pvalloc            model_pvalloc
#define free               model_free
#define cfree              model_cfree
#define free_sized         model_free_sized
#define free_aligned_sized model_free_aligned_sized
#define malloc_usable_size model_malloc_usable_size

#include "shim/interpose/memory.c"
