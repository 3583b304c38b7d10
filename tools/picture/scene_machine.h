/*
 * scene_machine: the machine's part of a scene: packages, nodes, caches, cores, cells, in as much detail as there is
 * room for. For scene.c alone; the rules and groups of threads are there already.
 */
#ifndef NODEWISE_TOOLS_PICTURE_SCENE_MACHINE_H
#define NODEWISE_TOOLS_PICTURE_SCENE_MACHINE_H

#include "tools/picture/scene.h"

/* 0 or -ENOMEM; what was made until then is freed by scene_machine_free() as well. */
int scene_machine_make(struct scene *scene, const json_t *machine);
void scene_machine_free(struct scene *scene);

#endif
