#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/json_text.h"
#include "tools/doctor/doctor.h"

static const char *const words[] = {"fine", "less", "no"};

const char *health_word(enum health health)
{
    return words[health];
}

void diagnose(struct diagnosis *diagnosis, const char *about, enum health health, const char *remedy,
              const char *format, ...)
{
    char *text = NULL;
    va_list list;
    va_start(list, format);
    if (vasprintf(&text, format, list) < 0)
        text = NULL;
    va_end(list);
    json_t *value = text ? json_any_text(text) : NULL;
    json_array_append_new(diagnosis->findings,
                          json_pack("{s:s, s:s, s:o, s:s}", "about", about, "health", words[health], "text",
                                    value ? value : json_string("?"), "remedy", remedy ? remedy : ""));
    if (health > diagnosis->worst)
        diagnosis->worst = health;
    free(text);
}
