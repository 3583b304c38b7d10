/*
 * flows: what an exchange's workers on each node have sent to those on each node, of a report's "exchanges". It may come
 * from anywhere: missing or odd fields become nothing.
 */
#ifndef NODEWISE_TOOLS_PICTURE_FLOWS_H
#define NODEWISE_TOOLS_PICTURE_FLOWS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define FLOWS_NODES   32u /* rows and columns; of further nodes nothing is drawn */
#define FLOWS_UNKNOWN (-1)

struct flows {
    const char *name;             /* of the exchange; borrowed */
    long long nodes[FLOWS_NODES]; /* ids, ascending; FLOWS_UNKNOWN: the node is not known */
    size_t count;
    bool is_cut;                                     /* there are further nodes */
    long long bytes[FLOWS_NODES][FLOWS_NODES], most; /* [from][to]; the largest of them */
};

/* false: nothing was sent. */
bool flows_make(struct flows *ret_matrix, const json_t *exchange);
/* "exchange sort: bytes, from rows to columns". */
void flows_title(const struct flows *matrix, char *ret_title, size_t size);
/* "node 3", "no node". */
void flows_node_word(long long node, char ret_word[24]);

#endif
