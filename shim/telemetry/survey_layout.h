/*
 * survey_layout: what the shim writes when it is asked where the pages of each thread lie (worker/survey.h), byte for
 * byte: PID.pages beside the segment, mode 0600. A header, then a row for each thread that has something, and a row for
 * each rule whose ended threads left something, then which threads worked on which other threads' memory. The reader
 * checks it, and removes it.
 */
#ifndef NODEWISE_SHIM_TELEMETRY_SURVEY_LAYOUT_H
#define NODEWISE_SHIM_TELEMETRY_SURVEY_LAYOUT_H

#include <stdint.h>

#define SURVEY_MAGIC         UINT64_C(0x315652535057444e) /* "NDWPSRV1" */
#define SURVEY_VERSION       1u
#define SURVEY_SUFFIX        ".pages"
#define SURVEY_WANTED_SUFFIX ".survey" /* empty: a command asks for it, see worker/request.h */

enum survey_kind {
    SURVEY_BLOCKS,   /* of a heap: pages of small blocks */
    SURVEY_OBJECTS,  /* large objects of malloc */
    SURVEY_MAPPINGS, /* large private mappings that the program made itself */
    SURVEY_STACK,    /* first pages, with the thread block */
    SURVEY_KINDS
};

struct survey_header {
    uint64_t magic;
    uint32_t version, pid;
    uint32_t rows, asked; /* pages that the kernel was asked for, in all rows */
    uint32_t left_out;    /* threads without a row, for want of memory */
    uint32_t uses;        /* struct survey_use, behind the rows */
    int32_t error;        /* negative errno: the kernel did not say where pages are; then there are no rows */
    uint32_t reserved;
};

struct survey_part {
    uint64_t bytes;    /* in all, resident or not */
    uint32_t asked;    /* pages: a sample of them */
    uint32_t resident; /* of the asked */
    uint32_t judged;   /* of those: it is known where they should be */
    uint32_t local;    /* of those: they are there: on a node that the thread's rule gives it, or where it has none, on
                          the one that its arena was chosen for; or they were moved after their users */
};

struct survey_row {
    uint32_t tid;       /* 0: of threads that have ended, or are not known */
    uint32_t rule;      /* index in the plan, or UINT32_MAX */
    uint32_t home_node; /* id, or UINT32_MAX: the thread has none */
    uint32_t reserved;
    struct survey_part parts[SURVEY_KINDS];
};

/* Of the samples in large objects and mappings that `maker` made: how many were of `user` (thread numbers). */
struct survey_use {
    uint32_t maker, user, looks, reserved;
};

_Static_assert(sizeof(struct survey_header) == 40, "layout of the file");
_Static_assert(sizeof(struct survey_row) == 16 + SURVEY_KINDS * 24, "layout of the file");

#endif
