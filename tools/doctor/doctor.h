/*
 * doctor: what would keep nodewise from doing its work, each tried and read back where it can be, with the remedy.
 */
#ifndef NODEWISE_TOOLS_DOCTOR_DOCTOR_H
#define NODEWISE_TOOLS_DOCTOR_DOCTOR_H

#include <jansson.h>

struct policy_options;

/* How bad it is: all is well; something is less than it could be; something cannot be had. */
enum health { HEALTH_FINE, HEALTH_LESS, HEALTH_NO };

struct diagnosis {
    json_t *findings; /* objects {"about", "health", "text", "remedy"} */
    enum health worst;
};

/* "fine", "less", "no". */
const char *health_word(enum health health);

/* remedy may be NULL. */
__attribute__((format(printf, 5, 6))) void diagnose(struct diagnosis *diagnosis, const char *about, enum health health,
                                                    const char *remedy, const char *format, ...);

/* This machine, and this process's rights on it. */
void diagnose_machine(struct diagnosis *diagnosis);
/* The folders for plans and segments. Part of the machine's. */
void diagnose_folders(struct diagnosis *diagnosis);
/* How many threads of this user's other processes new ones keep out of the way of. Says nothing where there are none. */
void diagnose_board(struct diagnosis *diagnosis);
/* A program file: will the library reach it? path: as execve(2) would take it. */
void diagnose_program(struct diagnosis *diagnosis, const char *path);
/* Which policy `run` would take with these options, and whether this machine can carry it out. Findings go to stderr. */
void diagnose_policy(struct diagnosis *diagnosis, const struct policy_options *options);
/* Variables that other tools placing threads read, and other preloads. */
void diagnose_environment(struct diagnosis *diagnosis);

#endif
