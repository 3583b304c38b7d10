/*
 * matrix: what an exchange's workers on each node have sent to those on each node, of a report's "exchanges". It may come
 * from anywhere: missing or odd fields become nothing.
 */
#ifndef NODEWISE_TOOLS_PICTURE_MATRIX_H
#define NODEWISE_TOOLS_PICTURE_MATRIX_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define MATRIX_NODES   32u /* rows and columns; of further nodes nothing is drawn */
#define MATRIX_UNKNOWN (-1)

struct matrix {
    const char *name;              /* of the exchange; borrowed */
    long long nodes[MATRIX_NODES]; /* ids, ascending; MATRIX_UNKNOWN: the node is not known */
    size_t count;
    bool is_cut;                                       /* there are further nodes */
    long long bytes[MATRIX_NODES][MATRIX_NODES], most; /* [from][to]; the largest of them */
};

/* false: nothing was sent. */
bool matrix_make(struct matrix *ret_matrix, const json_t *exchange);
/* "exchange sort: bytes, from rows to columns". */
void matrix_title(const struct matrix *matrix, char *ret_title, size_t size);
/* "node 3", "no node". */
void matrix_node_word(long long node, char ret_word[24]);

#endif
