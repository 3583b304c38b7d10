/*
 * plan_place: the folders in which plans can be kept, the best first: those of shim/base/runtime_folder.h, then a cache
 * of the user's, then folders for temporary files. A plan lies in the folder "plans" of one. Each is made, or proven to
 * be the user's own, which no one else can write to and whose name no one else can take from it.
 *
 * Root's folders can be passed through by all (0711), because the daemons that root starts read their plans after they
 * have dropped their privileges; what lies in a folder of root's that is closed comes last for root.
 */
#ifndef NODEWISE_TOOLS_PREPARE_PLAN_PLACE_H
#define NODEWISE_TOOLS_PREPARE_PLAN_PLACE_H

#include <stdbool.h>

#define PLAN_PLACES 8u

/*
 * The path of the folder of that number for this user, malloc'd and without "plans". 0; -ENOENT: this user has none of
 * that number (a variable is not set, or not an absolute path; not root); or -ENOMEM.
 */
int plan_place_path(char **ret_path, unsigned number);

/*
 * Makes or proves the folder and its "plans", whose path is malloc'd. make: a missing one is made. 0; -ENOENT as above,
 * or it is missing; -EPERM: another user has a say in it; -ENOTDIR; or another negative errno.
 */
int plan_place_open(char **ret_plans, unsigned number, bool make);

/* Why it cannot be used, for a person. */
const char *plan_place_trouble(int error);

#endif
