/*
 * offered: the choice between places that the program has for one of its threads: workers of pools, slots of registries.
 * It goes by the threads of all the user's governed processes (place/board_file.h), as that of a rule's places does.
 */
#ifndef NODEWISE_SHIM_PLACE_OFFERED_H
#define NODEWISE_SHIM_PLACE_OFFERED_H

#include "shim/base/door.h"

/* As nodewise_door.take_place(). errno is kept. */
uint32_t offered_take(const struct door_place *places, uint32_t count);

#endif
