#include "policy/chosen.h"

#include <string.h>

#define DIGITS 16 /* of a word */

size_t chosen_words(const uint64_t *mask, size_t words)
{
    while (words > 1 && !mask[words - 1])
        words--;
    return words ? words : 1;
}

void chosen_clear(char *ret_text, size_t words)
{
    ret_text[0] = '-';
    memset(ret_text + 1, '0', DIGITS * words);
    ret_text[1 + DIGITS * words] = '\0';
}

/* The number of words that the text has room for. 0: it is no such text. */
static size_t room_of(const char *text)
{
    size_t length = text ? strlen(text) : 0;
    if (length < 1 + DIGITS || (length - 1) % DIGITS != 0 || !strchr("-m.", text[0]))
        return 0;
    return (length - 1) / DIGITS;
}

static void write_word(char *to, uint64_t word)
{
    for (int i = DIGITS - 1; i >= 0; i--, word >>= 4)
        to[i] = "0123456789abcdef"[word & 15];
}

void chosen_set_mask(char *text, const uint64_t *mask, size_t words)
{
    size_t room = room_of(text);
    for (size_t i = 0; i < room; i++)
        write_word(text + 1 + DIGITS * i, mask && i < words ? mask[i] : 0);
}

void chosen_set_memory(char *text, bool is_chosen)
{
    if (room_of(text))
        text[0] = is_chosen ? 'm' : '-';
}

static int value_of(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* false: not all are digits. */
static bool read_word(const char *from, uint64_t *ret_word)
{
    uint64_t word = 0;
    for (int i = 0; i < DIGITS; i++) {
        int value = value_of(from[i]);
        if (value < 0)
            return false;
        word = word << 4 | (uint64_t)value;
    }
    *ret_word = word;
    return true;
}

bool chosen_mask(const char *text, uint64_t *ret_mask, size_t words)
{
    size_t room = room_of(text);
    uint64_t any = 0, word;
    if (!room)
        return false;
    memset(ret_mask, 0, words * sizeof(*ret_mask));
    for (size_t i = 0; i < room; i++) {
        if (!read_word(text + 1 + DIGITS * i, &word) || (word && i >= words))
            return false;
        if (i < words)
            ret_mask[i] = word;
        any |= word;
    }
    return any != 0;
}

bool chosen_memory(const char *text)
{
    return room_of(text) && text[0] == 'm';
}

void chosen_set_governed(char *text, bool is_governed)
{
    if (room_of(text) && text[0] == (is_governed ? '.' : '-'))
        text[0] = is_governed ? '-' : '.';
}

bool chosen_was_never_governed(const char *text)
{
    return !text || (room_of(text) && text[0] == '.');
}
