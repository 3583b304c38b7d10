#include "policy/ledger.h"

#include <errno.h>
#include <string.h>

#define CHAIN_MOST  (LEDGER_SLOTS / 16) /* a longer chain is a loop */
#define CLOSE_LOOKS 2u /* a look at a start time costs fifty looks at a pid, and pids come again seldom */

/* --- reading and writing --- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
    return (hash ^ word) * UINT64_C(0x100000001b3) + 1;
}

static uint64_t check_words(const void *data, size_t size, uint64_t hash)
{
    const char *at = data;
    for (size_t i = 0; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, at + i, 8);
        hash = mix(hash, word);
    }
    return hash;
}

static uint64_t check_head(const struct ledger_head *head)
{
    return check_words(head, offsetof(struct ledger_head, busy), LEDGER_MAGIC);
}

uint64_t ledger_check_slot(const struct ledger_slot *slot, uint32_t index)
{
    uint64_t hash = mix(LEDGER_MAGIC, index);
    return mix(check_words(&slot->process, sizeof(slot->process), hash), slot->share);
}

static int read_all(const struct ledger_file *file, uint64_t offset, void *ret_data, size_t size)
{
    long count = file->read(file->context, offset, ret_data, size);
    if (count < 0)
        return (int)count;
    return (size_t)count == size ? 0 : -EUCLEAN;
}

static uint64_t slot_offset(uint32_t index)
{
    return LEDGER_SLOTS_AT + (uint64_t)index * sizeof(struct ledger_slot);
}

static int read_slot(const struct ledger_file *file, uint32_t index, struct ledger_slot *ret_slot)
{
    int error = read_all(file, slot_offset(index), ret_slot, sizeof(*ret_slot));
    if (error)
        return error;
    return ret_slot->check == ledger_check_slot(ret_slot, index) ? 0 : -EUCLEAN;
}

static int write_slot(const struct ledger_file *file, uint32_t index, struct ledger_slot *slot)
{
    slot->check = ledger_check_slot(slot, index);
    return file->write(file->context, slot_offset(index), slot, sizeof(*slot));
}

static uint32_t bucket_of(uint32_t pid)
{
    return pid * UINT32_C(2654435769) >> 22;
}

static uint64_t bucket_offset(uint32_t pid)
{
    return LEDGER_BUCKETS_AT + (uint64_t)bucket_of(pid) * sizeof(uint32_t);
}

int ledger_read_head(const struct ledger_file *file, uint32_t shares, struct ledger_head *ret_head)
{
    int error = read_all(file, 0, ret_head, sizeof(*ret_head));
    if (error)
        return error;
    bool sound = ret_head->magic == LEDGER_MAGIC && ret_head->shares == shares && !ret_head->busy &&
                 ret_head->slots <= LEDGER_SLOTS && ret_head->free_list <= ret_head->slots &&
                 ret_head->check == check_head(ret_head);
    return sound ? 0 : -EUCLEAN;
}

static int write_head(const struct ledger_file *file, struct ledger_head *head)
{
    head->busy = 0;
    head->check = check_head(head);
    return file->write(file->context, 0, head, sizeof(*head));
}

/* From here on, the next process that finds the file as a dead writer left it makes it anew from its slots. */
static int begin_writing(const struct ledger_file *file)
{
    const uint32_t busy = 1;
    return file->write(file->context, offsetof(struct ledger_head, busy), &busy, sizeof(busy));
}

/* --- making it anew --- */

static bool slot_is_sound(const struct ledger_slot *slot, uint32_t index, uint32_t shares)
{
    return slot->process.pid && slot->share < shares && slot->check == ledger_check_slot(slot, index);
}

static void take_over(struct ledger_head *head, uint32_t *buckets, struct ledger_slot *slot, uint32_t index)
{
    uint32_t *bucket = &buckets[bucket_of(slot->process.pid)];
    slot->next = *bucket;
    *bucket = index + 1;
    head->counts[slot->share]++;
    head->used++;
}

static void set_free(struct ledger_head *head, struct ledger_slot *slot, uint32_t index)
{
    memset(slot, 0, sizeof(*slot));
    slot->next = head->free_list;
    slot->check = ledger_check_slot(slot, index);
    head->free_list = index + 1;
}

static bool any_is_sound(const struct ledger_slot *slots, uint32_t first, uint32_t count, uint32_t shares)
{
    for (uint32_t i = 0; i < count; i++)
        if (slot_is_sound(&slots[i], first + i, shares))
            return true;
    return false;
}

/*
 * Slots without a process among those of others become free. A window that has none of them is left out: what lies
 * behind the last process is not there, and a gap before it is never used again.
 */
static int copy_window(const struct ledger_file *to, struct ledger_head *head, uint32_t first, uint32_t count)
{
    struct ledger_slot *slots = to->scratch->slots;
    if (!any_is_sound(slots, first, count, head->shares))
        return 0;
    for (uint32_t i = count; i-- > 0;) {
        if (slot_is_sound(&slots[i], first + i, head->shares))
            take_over(head, to->scratch->buckets, &slots[i], first + i);
        else
            set_free(head, &slots[i], first + i);
    }
    head->slots = first + count;
    return to->write(to->context, slot_offset(first), slots, count * sizeof(*slots));
}

int ledger_copy(const struct ledger_file *from, const struct ledger_file *to, uint32_t shares)
{
    struct ledger_head head = {.magic = LEDGER_MAGIC, .shares = shares}, old;
    struct ledger_scratch *scratch = to->scratch;
    if (read_all(from, 0, &old, sizeof(old)) == 0 && old.magic == LEDGER_MAGIC && old.shares == shares)
        head.turn = old.turn;
    memset(scratch->buckets, 0, sizeof(scratch->buckets));
    int error = begin_writing(to);
    if (error)
        return error;
    for (uint32_t first = 0; first < LEDGER_SLOTS; first += LEDGER_WINDOW) {
        long bytes = from->read(from->context, slot_offset(first), scratch->slots, sizeof(scratch->slots));
        if (bytes < (long)sizeof(struct ledger_slot))
            break;
        error = copy_window(to, &head, first, (uint32_t)bytes / (uint32_t)sizeof(struct ledger_slot));
        if (error)
            return error;
    }
    error = to->write(to->context, LEDGER_BUCKETS_AT, scratch->buckets, sizeof(scratch->buckets));
    return error ? error : write_head(to, &head);
}

/* --- chains --- */

/*
 * Where a process's slot is. ret_slot->process.pid is 0 when it has none. Of another process with its pid in the same
 * namespaces, which has ended therefore, the slot is found as well.
 */
static int find(const struct ledger_file *file, const struct ledger_head *head, const struct ledger_process *process,
                uint32_t *ret_index, struct ledger_slot *ret_slot)
{
    uint32_t at;
    memset(ret_slot, 0, sizeof(*ret_slot));
    int error = read_all(file, bucket_offset(process->pid), &at, sizeof(at));
    for (uint32_t steps = 0; !error && at; steps++) {
        if (at > head->slots || steps > CHAIN_MOST)
            return -EUCLEAN;
        error = read_slot(file, at - 1, ret_slot);
        if (error || !ret_slot->process.pid || ret_slot->share >= head->shares ||
            bucket_of(ret_slot->process.pid) != bucket_of(process->pid))
            return error ? error : -EUCLEAN;
        if (ret_slot->process.pid == process->pid && ret_slot->process.space == process->space) {
            *ret_index = at - 1;
            return 0;
        }
        at = ret_slot->next;
    }
    memset(ret_slot, 0, sizeof(*ret_slot));
    return error;
}

/* Takes a slot out of its chain. */
static int unlink_slot(const struct ledger_file *file, const struct ledger_head *head, uint32_t index,
                       const struct ledger_slot *slot)
{
    uint64_t link = bucket_offset(slot->process.pid);
    struct ledger_slot before;
    uint32_t at;
    int error = read_all(file, link, &at, sizeof(at));
    for (uint32_t steps = 0; !error && at != index + 1; steps++) {
        if (!at || at > head->slots || steps > CHAIN_MOST)
            return -EUCLEAN;
        link = slot_offset(at - 1) + offsetof(struct ledger_slot, next);
        error = read_slot(file, at - 1, &before);
        at = before.next;
    }
    return error ? error : file->write(file->context, link, &slot->next, sizeof(slot->next));
}

static int give_back(const struct ledger_file *file, struct ledger_head *head, uint32_t index, struct ledger_slot *slot)
{
    if (!slot->process.pid || slot->share >= head->shares || !head->counts[slot->share] || !head->used)
        return -EUCLEAN;
    int error = unlink_slot(file, head, index, slot);
    if (error)
        return error;
    head->counts[slot->share]--;
    head->used--;
    set_free(head, slot, index);
    return write_slot(file, index, slot);
}

/* --- the dead --- */

void ledger_look(const struct ledger_file *file, uint32_t seed, ledger_is_alive *is_alive, struct ledger_dead *ret_dead)
{
    struct ledger_slot *slots = file->scratch->slots;
    struct ledger_head head;
    ret_dead->count = 0;
    ret_dead->next_hand = 0;
    if (read_all(file, 0, &head, sizeof(head)) != 0 || head.magic != LEDGER_MAGIC || head.slots > LEDGER_SLOTS)
        return;
    uint32_t first = head.hand < head.slots ? head.hand : 0;
    long bytes = file->read(file->context, slot_offset(first), slots, sizeof(file->scratch->slots));
    uint32_t count = bytes < 0 ? 0 : (uint32_t)bytes / (uint32_t)sizeof(*slots);
    if (count > head.slots - first)
        count = head.slots - first;
    ret_dead->next_hand = first + count < head.slots ? first + count : 0;
    for (uint32_t i = count; i-- > 0;) { /* backwards: the lowest of the free slots is given out first */
        const struct ledger_slot *slot = &slots[i];
        bool closely = (i + seed) % count < CLOSE_LOOKS;
        if (!slot->process.pid || slot->check != ledger_check_slot(slot, first + i) ||
            is_alive(&slot->process, closely))
            continue;
        ret_dead->slots[ret_dead->count] = first + i;
        ret_dead->checks[ret_dead->count++] = slot->check;
    }
}

static int bury(const struct ledger_file *file, struct ledger_head *head, const struct ledger_dead *dead)
{
    int error = 0;
    for (uint32_t i = 0; !error && i < dead->count; i++) {
        struct ledger_slot slot;
        if (dead->slots[i] >= head->slots)
            continue;
        error = read_slot(file, dead->slots[i], &slot);
        if (!error && slot.check == dead->checks[i] && slot.process.pid)
            error = give_back(file, head, dead->slots[i], &slot);
    }
    head->hand = dead->next_hand;
    return error;
}

/* --- choosing --- */

static uint32_t fewest(const uint32_t *counts, const uint32_t *sizes, uint32_t shares)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < shares; i++) /* processes for each CPU */
        if ((uint64_t)counts[i] * sizes[best] < (uint64_t)counts[best] * sizes[i])
            best = i;
    return best;
}

static uint32_t first_with_room(const uint32_t *counts, const uint32_t *sizes, uint32_t shares)
{
    for (uint32_t i = 0; i < shares; i++)
        if (counts[i] < sizes[i])
            return i;
    return fewest(counts, sizes, shares);
}

uint32_t ledger_choose(struct ledger_head *head, const struct ledger_deal *deal)
{
    if (deal->share < deal->shares)
        return deal->share;
    if (deal->distribution == PROC_DIST_ROUND_ROBIN)
        return head->turn++ % deal->shares;
    if (deal->distribution == PROC_DIST_COMPACT)
        return first_with_room(head->counts, deal->sizes, deal->shares);
    return fewest(head->counts, deal->sizes, deal->shares);
}

/* Takes a slot from the free ones. */
static int take_slot(const struct ledger_file *file, struct ledger_head *head, uint32_t *ret_index)
{
    struct ledger_slot slot;
    if (!head->free_list) {
        if (head->slots >= LEDGER_SLOTS)
            return -ENOSPC;
        *ret_index = head->slots++;
        return 0;
    }
    uint32_t index = head->free_list - 1;
    int error = read_slot(file, index, &slot);
    if (error || slot.process.pid || slot.next > head->slots)
        return error ? error : -EUCLEAN;
    head->free_list = slot.next;
    *ret_index = index;
    return 0;
}

static int add(const struct ledger_file *file, struct ledger_head *head, const struct ledger_process *process,
               uint32_t share, uint32_t *ret_index)
{
    struct ledger_slot slot = {.process = *process, .share = share};
    uint64_t bucket = bucket_offset(process->pid);
    uint32_t first;
    int error = take_slot(file, head, ret_index);
    if (!error)
        error = read_all(file, bucket, &slot.next, sizeof(slot.next));
    if (!error && slot.next > head->slots)
        error = -EUCLEAN;
    if (!error)
        error = write_slot(file, *ret_index, &slot);
    if (error)
        return error;
    first = *ret_index + 1;
    head->counts[share]++;
    head->used++;
    return file->write(file->context, bucket, &first, sizeof(first));
}

/* --- the three things that a process does --- */

static int try_claim(const struct ledger_file *file, const struct ledger_process *process,
                     const struct ledger_deal *deal, const struct ledger_dead *dead, struct ledger_place *ret_place)
{
    struct ledger_head head;
    struct ledger_slot slot;
    uint32_t index = LEDGER_NONE;
    int error = ledger_read_head(file, deal->shares, &head);
    if (!error)
        error = find(file, &head, process, &index, &slot);
    if (error)
        return error;
    bool known = slot.process.pid && slot.process.ticks == process->ticks;
    if (known && (deal->share == LEDGER_NONE || deal->share == slot.share)) { /* it went on as another program */
        *ret_place = (struct ledger_place){slot.share, index};
        return 0;
    }
    error = begin_writing(file);
    if (!error && slot.process.pid)
        error = give_back(file, &head, index, &slot);
    if (!error)
        error = bury(file, &head, dead);
    if (error)
        return error;
    struct ledger_head before = head;
    uint32_t share = ledger_choose(&head, deal);
    error = add(file, &head, process, share, &index);
    if (error == -EUCLEAN)
        return error;
    int unwritten =
        write_head(file, error ? &before : &head); /* without room for a slot, the others stay as they are */
    if (error || unwritten)
        return error ? error : unwritten;
    *ret_place = (struct ledger_place){share, index};
    return 0;
}

int ledger_claim(const struct ledger_file *file, const struct ledger_process *process, const struct ledger_deal *deal,
                 const struct ledger_dead *dead, struct ledger_place *ret_place)
{
    int error = try_claim(file, process, deal, dead, ret_place);
    if (error != -EUCLEAN)
        return error;
    error = ledger_copy(file, file, deal->shares);
    return error ? error : try_claim(file, process, deal, dead, ret_place);
}

int ledger_release(const struct ledger_file *file, const struct ledger_process *process, uint32_t shares)
{
    struct ledger_head head;
    struct ledger_slot slot;
    uint32_t index;
    int error = ledger_read_head(file, shares, &head);
    if (!error)
        error = find(file, &head, process, &index, &slot);
    if (error || !slot.process.pid || slot.process.ticks != process->ticks)
        return error;
    error = begin_writing(file);
    if (!error)
        error = give_back(file, &head, index, &slot);
    return error ? error : write_head(file, &head);
}
