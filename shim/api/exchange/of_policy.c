#include "shim/api/exchange/of_policy.h"

#include "shim/api/exchange/exchange.h"
#include "shim/api/library.h"
#include "shim/api/places.h"

const char *exchange_name(const struct nw_exchange_options *options)
{
    return options->name ? options->name : "exchange";
}

bool exchange_of_policy(const struct nw_exchange_options *options, struct door_exchange *ret_told)
{
    const struct nodewise_door *door = library_door();
    return door && DOOR_HAS(door, find_exchange) && door->find_exchange(exchange_name(options), ret_told);
}

int exchange_workers_of_policy(const struct door_exchange *told, const struct nw_exchange_options *options,
                               bool has_results)
{
    unsigned most = options->peers ? options->peers : EXCHANGE_PEERS;
    if (told->how == POOL_AS_PROGRAM && options->peers)
        return (int)options->peers;
    if (!options->peers && has_results) {
        struct pool_workers places;
        int error = places_make(options->cpus, 0, &places);
        if (error)
            return error;
        most = (unsigned)places.count;
        pool_workers_free(&places);
    }
    unsigned count = places_of_policy((enum pool_size)told->how, told->number, told->places);
    return (int)(count < most ? count : most);
}

uint32_t exchange_room_of_policy(uint64_t ring, uint32_t message_size, uint32_t room)
{
    struct ring_shape one;
    if (ring > EXCHANGE_LARGEST_RING || !room)
        return room;
    if (!message_size)
        return ring > room ? (uint32_t)ring : room;
    if (ring_shape_of(message_size, 1, &one))
        return room;
    return ring < one.record ? 1 : (uint32_t)(ring / one.record);
}
