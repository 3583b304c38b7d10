#include "config/layers.h"

#include <errno.h>

#include "config/merge.h"
#include "config/read.h"

int layers_add(struct layers *layers, const struct value *root)
{
    struct policy *scratch = policy_new();
    int error = scratch ? policy_read(scratch, root, layers->diags) : -ENOMEM;
    policy_free(scratch);
    if (error < 0)
        return error;
    struct value *tree = merge_layers(&layers->sources->pool, layers->tree, root);
    if (!tree)
        return -ENOMEM;
    layers->tree = tree;
    return 0;
}
