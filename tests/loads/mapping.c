/*
 * mapping anonymous|shared|file [THREADS] [ROUNDS] [KIB]: main maps memory and fills it; each thread then works on its
 * part. "file": all map one file and every thread reads all of it.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/loads/team.h"

static unsigned threads, rounds;
static size_t count;
static uint32_t *words;
static _Atomic uint64_t right;

static _Noreturn void end(const char *what)
{
    perror(what);
    exit(1);
}

static int make_file(size_t size)
{
    char path[] = "/tmp/nodewise-load-XXXXXX";
    int file = mkstemp(path);
    if (file < 0 || unlink(path) != 0)
        end(path);
    for (size_t i = 0; i < size / sizeof(*words); i++) {
        uint32_t word = (uint32_t)i;
        static uint32_t buffer[16384];
        buffer[i % 16384] = word;
        if (i % 16384 == 16383 && write(file, buffer, sizeof(buffer)) != sizeof(buffer))
            end("write");
    }
    return file;
}

static void work_on_part(unsigned number)
{
    size_t first = team_part(count, number, threads), past = team_part(count, number + 1, threads);
    uint64_t mine = 0;
    for (unsigned round = 0; round < rounds; round++)
        for (size_t i = first; i < past; i++)
            words[i]++;
    for (size_t i = first; i < past; i++)
        mine += words[i] == (uint32_t)i + rounds;
    right += mine;
}

static void read_all(unsigned number)
{
    size_t mine = 0, first = team_part(count, number, threads);
    for (unsigned round = 0; round < rounds; round++)
        for (size_t i = 0; i < count; i++) {
            size_t at = first + i < count ? first + i : first + i - count;
            mine += words[at] == (uint32_t)at;
        }
    right += mine / rounds;
}

int main(int argc, char **argv)
{
    threads = team_word(argc, argv, 2, 8);
    rounds = team_word(argc, argv, 3, 20);
    size_t size = (size_t)team_word(argc, argv, 4, 8192) / 64 * 65536;
    count = size / sizeof(*words);
    if (argc < 2 || !count)
        return 2;
    bool file = strcmp(argv[1], "file") == 0, shared = strcmp(argv[1], "shared") == 0;
    words = mmap(NULL, size, PROT_READ | (file ? 0 : PROT_WRITE),
                 file || shared ? MAP_SHARED | (file ? 0 : MAP_ANONYMOUS) : MAP_PRIVATE | MAP_ANONYMOUS,
                 file ? make_file(size) : -1, 0);
    if (words == MAP_FAILED)
        end("mmap");
    for (size_t i = 0; i < count && !file; i++)
        words[i] = (uint32_t)i;
    team_run(threads, file ? read_all : work_on_part);
    return team_answer("mapping", right, file ? count * threads : count);
}
