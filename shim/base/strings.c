/*
 * strings: the functions of <string.h> that the library needs for short texts. Their names stay inside (the version
 * script), and what would be a look-up in libc at each start, and the choice of a variant for this processor, is a call.
 * memcpy, memmove, memset and strstr stay libc's: blocks, and files of /proc, are large.
 *
 * GO_ON keeps the compiler from seeing in a loop the function that it makes up, and calling that.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GO_ON __asm__ volatile("")

size_t strnlen(const char *text, size_t most)
{
    size_t length = 0;
    for (; length < most && text[length]; length++)
        GO_ON;
    return length;
}

size_t strlen(const char *text)
{
    return strnlen(text, (size_t)-1);
}

void *memchr(const void *memory, int wanted, size_t size)
{
    const unsigned char *at = memory;
    for (; size; at++, size--) {
        GO_ON;
        if (*at == (unsigned char)wanted)
            return (void *)at;
    }
    return NULL;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const unsigned char *one = a, *other = b;
    size_t i = 0;
    for (uint64_t x, y; size - i >= sizeof(x); i += sizeof(x)) {
        memcpy(&x, one + i, sizeof(x));
        memcpy(&y, other + i, sizeof(y));
        if (x != y)
            break;
    }
    for (; i < size; i++) {
        GO_ON;
        if (one[i] != other[i])
            return one[i] < other[i] ? -1 : 1;
    }
    return 0;
}

int strncmp(const char *a, const char *b, size_t most)
{
    for (size_t i = 0; i < most; i++) {
        GO_ON;
        unsigned char one = (unsigned char)a[i], other = (unsigned char)b[i];
        if (one != other)
            return one < other ? -1 : 1;
        if (!one)
            break;
    }
    return 0;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, (size_t)-1);
}

char *strchr(const char *text, int wanted)
{
    for (;; text++) {
        GO_ON;
        if (*text == (char)wanted)
            return (char *)text;
        if (!*text)
            return NULL;
    }
}

char *strrchr(const char *text, int wanted)
{
    const char *last = NULL;
    for (;; text++) {
        GO_ON;
        if (*text == (char)wanted)
            last = text;
        if (!*text)
            return (char *)last;
    }
}

size_t strspn(const char *text, const char *accepted)
{
    size_t length = 0;
    while (text[length] && strchr(accepted, text[length]))
        length++;
    return length;
}

size_t strcspn(const char *text, const char *refused)
{
    size_t length = 0;
    while (text[length] && !strchr(refused, text[length]))
        length++;
    return length;
}
