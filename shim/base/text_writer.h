/*
 * text_writer: a bounded writer for the few texts that the shim composes. The text always ends with a NUL; what does
 * not fit is cut off. The caller owns the buffer. Any thread, signal-safe.
 */
#ifndef NODEWISE_SHIM_BASE_TEXT_WRITER_H
#define NODEWISE_SHIM_BASE_TEXT_WRITER_H

#include <stddef.h>
#include <stdint.h>

struct text_writer {
    char *to;
    size_t size, length; /* size includes the NUL */
};

static inline void write_char(struct text_writer *writer, char c)
{
    if (writer->length + 1 < writer->size) {
        writer->to[writer->length++] = c;
        writer->to[writer->length] = '\0';
    }
}

static inline void write_text(struct text_writer *writer, const char *text)
{
    for (; *text; text++)
        write_char(writer, *text);
}

/* Writes a decimal number, padded with zeros to at least `digits` digits. */
static inline void write_number(struct text_writer *writer, uint64_t number, unsigned digits)
{
    char reversed[20];
    unsigned count = 0;
    do {
        reversed[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    while (digits > count) {
        write_char(writer, '0');
        digits--;
    }
    while (count)
        write_char(writer, reversed[--count]);
}

#endif
