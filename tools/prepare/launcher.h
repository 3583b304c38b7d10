/*
 * launcher: the program that started this process as one of its ranks (mpirun, srun, torchrun), and whether it has given
 * the rank CPUs of its own.
 */
#ifndef NODEWISE_TOOLS_PREPARE_LAUNCHER_H
#define NODEWISE_TOOLS_PREPARE_LAUNCHER_H

#include <stdbool.h>

#include "policy/policy.h"

/*
 * Has the rank fewer CPUs than its launcher? Then these are its part of the host. What lies between the two (the shell of
 * a script that mpirun starts) belongs to the rank, as it has the rank's variable.
 */
bool launcher_has_bound(const struct policy *policy);

#endif
