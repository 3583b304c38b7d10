#include "shim/telemetry/named.h"

#include <string.h>

#include "shim/telemetry/room.h"
#include "shim/telemetry/segment.h"

void *named_record(enum segment_section_id table, uint32_t index, size_t size)
{
    struct segment_header *header = segment_mapped();
    char *record = header ? (char *)segment_table(header, table) + index * size : NULL;
    return record && room_has(record, size) ? record : NULL;
}

bool named_is(const struct named_list *list, uint32_t number)
{
    return number && number <= list->count;
}

void named_write(const struct named_list *list, uint32_t number)
{
    const struct segment_named *own = &list->own[number - 1];
    struct segment_named *record = named_record(list->table, number - 1, sizeof(*record));
    if (!record)
        return;
    for (uint32_t i = 0; i < sizeof(record->name); i++)
        __atomic_store_n(&record->name[i], own->name[i], __ATOMIC_RELAXED);
    __atomic_store_n(&record->open, own->open, __ATOMIC_RELAXED);
    __atomic_store_n(&record->unlisted, own->unlisted, __ATOMIC_RELAXED);
}

uint32_t named_open(const struct named_list *list, const char *name)
{
    const size_t most = sizeof(list->own->name) - 1;
    uint32_t i = 0;
    while (i < list->count && *list->own[i].name && strncmp(list->own[i].name, name, most) != 0)
        i++;
    if (i == list->count || !*name)
        return 0;
    strncpy(list->own[i].name, name, most);
    list->own[i].open++;
    named_write(list, i + 1);
    return i + 1;
}

void named_close(const struct named_list *list, uint32_t number)
{
    if (!named_is(list, number) || !list->own[number - 1].open)
        return;
    list->own[number - 1].open--;
    named_write(list, number);
}

void named_unlisted(const struct named_list *list, uint32_t number)
{
    list->own[number - 1].unlisted++;
    named_write(list, number);
}
