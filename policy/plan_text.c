#include "policy/plan_text.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool plan_text_is(const char *text)
{
    return strncmp(text, PLAN_TEXT_PREFIX, sizeof(PLAN_TEXT_PREFIX) - 1) == 0;
}

size_t plan_text_size(size_t size)
{
    return sizeof(PLAN_TEXT_PREFIX) + (size + 2) / 3 * 4;
}

void plan_text_write(char *ret_text, const void *data, size_t size)
{
    const unsigned char *from = data;
    char *to = ret_text + sizeof(PLAN_TEXT_PREFIX) - 1;
    memcpy(ret_text, PLAN_TEXT_PREFIX, sizeof(PLAN_TEXT_PREFIX) - 1);
    for (size_t i = 0; i < size; i += 3) {
        size_t count = size - i < 3 ? size - i : 3;
        uint32_t bits = 0;
        for (size_t j = 0; j < 3; j++)
            bits = bits << 8 | (j < count ? from[i + j] : 0u);
        for (size_t j = 0; j < 4; j++)
            *to++ = j <= count ? digits[bits >> (18 - 6 * j) & 63] : '=';
    }
    *to = '\0';
}

size_t plan_text_length(const char *text)
{
    if (!plan_text_is(text))
        return 0;
    const char *begin = text + sizeof(PLAN_TEXT_PREFIX) - 1;
    size_t length = strlen(begin);
    if (length == 0 || length % 4)
        return 0;
    return length / 4 * 3 - (begin[length - 1] == '=') - (begin[length - 2] == '=');
}

/* 64 and more: it is no digit. */
static uint32_t value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0') + 52;
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

bool plan_text_read(void *ret_data, const char *text)
{
    const char *from = text + sizeof(PLAN_TEXT_PREFIX) - 1;
    unsigned char *to = ret_data;
    size_t left = plan_text_length(text);
    while (left > 0) {
        size_t count = left < 3 ? left : 3;
        uint32_t bits = 0;
        for (size_t j = 0; j < 4; j++) {
            uint32_t value = j <= count ? value_of(*from) : 0;
            if (value > 63)
                return false;
            bits = bits << 6 | value;
            from++;
        }
        for (size_t j = 0; j < count; j++)
            *to++ = (unsigned char)(bits >> (16 - 8 * j));
        left -= count;
    }
    return true;
}
