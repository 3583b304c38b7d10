#include "shim/place/rename.h"

#include <string.h>

#include "shim/base/text_writer.h"

#define NAME_SIZE   16u
#define NUMBER_WORD "{n}"
#define RULE_WORD   "{rule}"

/* Writes the template up to `end` and fills in {rule}. */
static void write_part(struct text_writer *writer, const char *from, const char *end, const char *rule)
{
    while (from < end) {
        if ((size_t)(end - from) >= strlen(RULE_WORD) && !strncmp(from, RULE_WORD, strlen(RULE_WORD))) {
            write_text(writer, rule);
            from += strlen(RULE_WORD);
        } else {
            write_char(writer, *from++);
        }
    }
}

void rename_compose(char ret_name[16], const char *template, const char *rule, uint32_t number)
{
    const char *at = strstr(template, NUMBER_WORD), *end = template + strlen(template);
    char digits[12] = "";
    struct text_writer number_writer = {digits, sizeof(digits), 0};
    struct text_writer writer = {ret_name, NAME_SIZE, 0};
    ret_name[0] = '\0';
    if (!at) {
        write_part(&writer, template, end, rule);
        return;
    }
    write_number(&number_writer, number, 4);
    writer.size = NAME_SIZE - number_writer.length; /* the text before the number leaves room for the number */
    write_part(&writer, template, at, rule);
    writer.size = NAME_SIZE;
    write_text(&writer, digits);
    write_part(&writer, at + strlen(NUMBER_WORD), end, rule);
}
