/*
 * of_policy: what [[exchanges]] of the policy says of an exchange, over what its program says.
 *
 * Any thread; not signal-safe.
 */
#ifndef NODEWISE_SHIM_API_EXCHANGE_OF_POLICY_H
#define NODEWISE_SHIM_API_EXCHANGE_OF_POLICY_H

#include <stdbool.h>

#include "shim/base/door.h"
#include "shim/nodewise-exchange.h"

/* The name by which the policy knows it. */
const char *exchange_name(const struct nw_exchange_options *options);

/* false: nothing, or there is no policy. */
bool exchange_of_policy(const struct nw_exchange_options *options, struct door_exchange *ret_told);

/*
 * How many workers nw_exchange_run() starts. Never more than the program counts on: its peers, or, where it leaves these
 * open and wants results, a worker for each core of its set. Negative errno as of places_make().
 */
int exchange_workers_of_policy(const struct door_exchange *told, const struct nw_exchange_options *options,
                               bool has_results);

/*
 * A channel's room where the policy wants rings of so many bytes: messages of one size have room for one at least, and
 * those with lengths of their own for as much as the program asks for.
 */
uint32_t exchange_room_of_policy(uint64_t ring, uint32_t message_size, uint32_t room);

#endif
