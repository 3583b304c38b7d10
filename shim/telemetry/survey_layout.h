/*
 * survey_layout: the survey of where each thread's pages lie (worker/survey.h), byte for byte. The shim writes it on
 * request to PID.pages beside the segment, with mode 0600. It holds a header, a row for each thread that has memory, a
 * row for each rule whose ended threads left memory, and then which threads worked on memory of which other threads, and
 * which use the same.
 * The reader checks the file and removes it.
 *
 * Where the segment is in memory, so is the survey: in a shared mapping of its own, a memfd of that name, or without a
 * name where files may not be as large. The request is then the suffix in the segment (request_path), and the reader
 * overwrites the magic.
 */
#ifndef NODEWISE_SHIM_TELEMETRY_SURVEY_LAYOUT_H
#define NODEWISE_SHIM_TELEMETRY_SURVEY_LAYOUT_H

#include <stdint.h>

#define SURVEY_MAGIC         UINT64_C(0x315652535057444e) /* "NDWPSRV1" */
#define SURVEY_VERSION       2u
#define SURVEY_SUFFIX        ".pages"
#define SURVEY_WANTED_SUFFIX ".survey" /* an empty file, by which a command requests a survey, see worker/request.h */
#define SURVEY_MEMORY_NAME   "nodewise-survey-"

enum survey_kind {
    SURVEY_BLOCKS,   /* pages of small blocks of a heap */
    SURVEY_OBJECTS,  /* large objects of malloc */
    SURVEY_MAPPINGS, /* large private mappings that the program made itself */
    SURVEY_STACK,    /* the first pages, with the thread block */
    SURVEY_KINDS
};

struct survey_header {
    uint64_t magic;
    uint32_t version, pid;
    uint32_t rows, asked; /* rows; pages that the kernel was asked about, in all rows */
    uint32_t left_out;    /* threads without a row because memory was short */
    uint32_t uses;        /* number of struct survey_use, behind the rows */
    int32_t error;        /* negative errno: the kernel did not tell where pages are, and there are no rows */
    uint32_t reserved;
};

/*
 * A page is expected on a node of the thread's rule. Without one it is expected on the node of its arena, or, when the
 * worker moved it to its users, on any other node.
 */
struct survey_part {
    uint64_t bytes;    /* total, resident or not */
    uint32_t asked;    /* number of sampled pages */
    uint32_t resident; /* those of the sampled pages that are resident */
    uint32_t judged;   /* those of the resident pages whose expected node is known */
    uint32_t local;    /* those of the judged pages that lie on their expected node */
};

struct survey_row {
    uint32_t tid;       /* 0: threads that have ended or are unknown */
    uint32_t rule;      /* index in the plan, or UINT32_MAX */
    uint32_t home_node; /* id, or UINT32_MAX: the thread has no home node */
    uint32_t reserved;
    struct survey_part parts[SURVEY_KINDS];
};

enum survey_use_kind {
    SURVEY_WORKS_ON, /* of the samples in large objects and mappings that `maker` made, how many came from `user` */
    SURVEY_SHARES,   /* how often memory of any kind changed hands between the two (distribution = "sharing") */
};

/* Both are tids. */
struct survey_use {
    uint32_t maker, user, looks;
    uint32_t kind; /* enum survey_use_kind */
};

_Static_assert(sizeof(struct survey_header) == 40, "layout of the file");
_Static_assert(sizeof(struct survey_row) == 16 + SURVEY_KINDS * 24, "layout of the file");

#endif
