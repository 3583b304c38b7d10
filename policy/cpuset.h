/*
 * cpuset: a set of CPU numbers or of NUMA node numbers, of any size.
 *
 * One type serves both (the kernel does the same with its bitmaps); the name of a variable says which it is.
 * Sets grow on demand, so a machine with 4096 CPUs or ids with gaps needs no special case.
 *
 * Ownership: the caller owns a set and frees it with cpuset_free(); a zeroed struct is a valid empty set.
 * Threads: no function is thread-safe on one set; none has global state. Not for use inside the shim: it
 * allocates. Errors: functions that may allocate return 0 or -ENOMEM and leave their output unchanged then.
 */
#ifndef NODEWISE_POLICY_CPUSET_H
#define NODEWISE_POLICY_CPUSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPUSET_WORD_BITS 64u
/* Beyond this an id is taken for a mistake: 16 times what Linux can be built for (CONFIG_NR_CPUS <= 8192). */
#define CPUSET_MAX_ID 131071u

struct cpuset {
    uint64_t *words; /* bit i of word w: id w * 64 + i */
    size_t count;    /* words allocated; ids beyond are absent */
};

#define CPUSET_EMPTY ((struct cpuset){0})

void cpuset_free(struct cpuset *set);
void cpuset_clear(struct cpuset *set); /* makes it empty, keeps the memory */
int cpuset_copy(struct cpuset *ret_to, const struct cpuset *from);

int cpuset_add(struct cpuset *set, unsigned id);                         /* -ERANGE above CPUSET_MAX_ID */
int cpuset_add_range(struct cpuset *set, unsigned first, unsigned last); /* both ends included */
bool cpuset_has(const struct cpuset *set, unsigned id);

int cpuset_or(struct cpuset *set, const struct cpuset *other);      /* set |= other */
void cpuset_and(struct cpuset *set, const struct cpuset *other);    /* set &= other */
void cpuset_andnot(struct cpuset *set, const struct cpuset *other); /* set &= ~other */

bool cpuset_is_empty(const struct cpuset *set);
bool cpuset_equal(const struct cpuset *a, const struct cpuset *b); /* by content: spare words do not count */
bool cpuset_is_subset(const struct cpuset *part, const struct cpuset *whole);
bool cpuset_intersects(const struct cpuset *a, const struct cpuset *b);
unsigned cpuset_weight(const struct cpuset *set);
int cpuset_first(const struct cpuset *set);           /* lowest id, -1 when empty */
int cpuset_next(const struct cpuset *set, int after); /* lowest id > after, -1 when there is none */
int cpuset_last(const struct cpuset *set);            /* highest id, -1 when empty */

#define CPUSET_FOREACH(id, set) for (int id = cpuset_first(set); id >= 0; id = cpuset_next((set), id))

/*
 * Writes the kernel's list form ("0-3,8", cpuset(7) "List format"), "" for the empty set. Returns the length
 * that the whole text has, as snprintf does; a short buffer gets a NUL-terminated beginning.
 */
size_t cpuset_format(const struct cpuset *set, char *buffer, size_t size);
/* The same as malloc'd text, NULL without memory. */
char *cpuset_to_string(const struct cpuset *set);

/*
 * Reads the kernel's list form, with "A-B:STEP" as cpuset(7) and numactl(8) have it. -EINVAL for anything
 * else, -ERANGE for ids above CPUSET_MAX_ID; *ret_error_at then is the offset of the offending character
 * (may be NULL). The empty string is the empty set.
 */
int cpuset_parse_list(struct cpuset *ret_set, const char *text, size_t *ret_error_at);

#endif
