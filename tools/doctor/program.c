#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tools/common/elf_machine.h"
#include "tools/common/program.h"
#include "tools/common/read_file.h"
#include "tools/doctor/doctor.h"

#define FILE_MOST    ((size_t)4 << 30)
#define SCRIPTS_MOST 4 /* as the kernel follows them */

/* A program file that is checked before each use: it may be anything. */
struct program {
    const char *path;
    struct file_bytes file;
    const Elf64_Ehdr *header;
    const Elf64_Phdr *segments;
    const char *interpreter;           /* NULL: static */
    const char *strings, *strings_end; /* of the dynamic section */
    const Elf64_Dyn *dynamic;
    size_t dynamic_count;
};

static bool fits(const struct program *program, uint64_t offset, uint64_t size)
{
    return offset <= program->file.size && size <= program->file.size - offset;
}

static const Elf64_Phdr *segment_of(const struct program *program, uint32_t type)
{
    for (unsigned i = 0; i < program->header->e_phnum; i++)
        if (program->segments[i].p_type == type &&
            fits(program, program->segments[i].p_offset, program->segments[i].p_filesz))
            return &program->segments[i];
    return NULL;
}

/* Where an address of the loaded program is in the file; NULL: nowhere. */
static const char *at_address(const struct program *program, uint64_t address, uint64_t size)
{
    for (unsigned i = 0; i < program->header->e_phnum; i++) {
        const Elf64_Phdr *segment = &program->segments[i];
        if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
            address - segment->p_vaddr < segment->p_filesz &&
            fits(program, segment->p_offset + (address - segment->p_vaddr), size))
            return program->file.data + segment->p_offset + (address - segment->p_vaddr);
    }
    return NULL;
}

static uint64_t dynamic_value(const struct program *program, int64_t tag)
{
    for (size_t i = 0; i < program->dynamic_count; i++)
        if (program->dynamic[i].d_tag == tag)
            return program->dynamic[i].d_un.d_val;
    return 0;
}

static void find_dynamic(struct program *program)
{
    const Elf64_Phdr *segment = segment_of(program, PT_DYNAMIC);
    if (!segment || segment->p_offset % 8 != 0)
        return;
    program->dynamic = (const Elf64_Dyn *)(program->file.data + segment->p_offset);
    program->dynamic_count = segment->p_filesz / sizeof(*program->dynamic);
    uint64_t size = dynamic_value(program, DT_STRSZ);
    program->strings = at_address(program, dynamic_value(program, DT_STRTAB), size);
    program->strings_end = program->strings ? program->strings + size : NULL;
}

/* Is a library of that beginning among those that the program needs; its name, or NULL. */
static const char *needs(const struct program *program, const char *beginning)
{
    for (size_t i = 0; i < program->dynamic_count; i++) {
        const char *name = program->strings + program->dynamic[i].d_un.d_val;
        if (program->dynamic[i].d_tag != DT_NEEDED || !program->strings ||
            program->dynamic[i].d_un.d_val >= (uint64_t)(program->strings_end - program->strings) ||
            !memchr(name, '\0', (size_t)(program->strings_end - name)))
            continue;
        if (strncmp(name, beginning, strlen(beginning)) == 0)
            return name;
    }
    return NULL;
}

/* Sections are for linkers and may be gone; a name that is there tells something. */
static bool has_section(const struct program *program, const char *wanted)
{
    const Elf64_Ehdr *header = program->header;
    if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shoff % 8 != 0 ||
        !fits(program, header->e_shoff, (uint64_t)header->e_shnum * sizeof(Elf64_Shdr)) ||
        header->e_shstrndx >= header->e_shnum)
        return false;
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(program->file.data + header->e_shoff);
    const Elf64_Shdr *names = &sections[header->e_shstrndx];
    if (!fits(program, names->sh_offset, names->sh_size))
        return false;
    for (unsigned i = 0; i < header->e_shnum; i++) {
        const char *name = program->file.data + names->sh_offset + sections[i].sh_name;
        if (sections[i].sh_name < names->sh_size && strlen(wanted) < names->sh_size - sections[i].sh_name &&
            strcmp(name, wanted) == 0)
            return true;
    }
    return false;
}

/* 0, -ENOEXEC: no ELF file of this word size; *ret_class says which it is. */
static int open_program(struct program *program, const char *path, unsigned *ret_class)
{
    *program = (struct program){.path = path};
    *ret_class = ELFCLASSNONE;
    int error = read_file(&program->file, path, FILE_MOST);
    if (error < 0)
        return error;
    const unsigned char *bytes = (const unsigned char *)program->file.data;
    if (program->file.size < sizeof(Elf64_Ehdr) || memcmp(bytes, ELFMAG, SELFMAG) != 0)
        return -ENOEXEC;
    *ret_class = bytes[EI_CLASS];
    program->header = (const Elf64_Ehdr *)program->file.data;
    if (bytes[EI_CLASS] != ELFCLASS64 || program->header->e_phentsize != sizeof(Elf64_Phdr) ||
        program->header->e_phoff % 8 != 0 ||
        !fits(program, program->header->e_phoff, (uint64_t)program->header->e_phnum * sizeof(Elf64_Phdr)))
        return -ENOEXEC;
    program->segments = (const Elf64_Phdr *)(program->file.data + program->header->e_phoff);
    const Elf64_Phdr *interpreter = segment_of(program, PT_INTERP);
    if (interpreter && interpreter->p_filesz &&
        program->file.data[interpreter->p_offset + interpreter->p_filesz - 1] == '\0')
        program->interpreter = program->file.data + interpreter->p_offset;
    find_dynamic(program);
    return 0;
}

/* --- what it means --- */

static void look_at_rights(struct diagnosis *diagnosis, const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return;
    bool other_user = (status.st_mode & S_ISUID) && status.st_uid != geteuid();
    bool other_group = (status.st_mode & S_ISGID) && (status.st_mode & S_IXGRP) && status.st_gid != getegid();
    if (other_user || other_group)
        diagnose(diagnosis, "setuid", HEALTH_NO, "start it as the user or group that it becomes",
                 "%s is set%s: the loader drops preloads that are not its own", path, other_user ? "uid" : "gid");
    if (geteuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
        diagnose(diagnosis, "capabilities", HEALTH_NO,
                 "setcap -r, and give the capability through systemd's "
                 "AmbientCapabilities=",
                 "%s has file capabilities: the loader drops preloads", path);
}

static bool is_go(const struct program *program)
{
    return has_section(program, ".note.go.buildid") || has_section(program, ".go.buildinfo");
}

static void look_at_linking(struct diagnosis *diagnosis, const struct program *program)
{
    if (!program->interpreter) {
        diagnose(diagnosis, "static", HEALTH_NO,
                 is_go(program) ? "build it with CGO_ENABLED=1, or place its threads from outside: nodewise apply"
                                : "link it dynamically, or place its threads from outside: nodewise apply",
                 "%s is linked statically%s: no library can be preloaded", program->path,
                 is_go(program) ? " (a Go program without cgo)" : "");
        return;
    }
    if (strstr(program->interpreter, "ld-musl"))
        diagnose(diagnosis, "musl", HEALTH_FINE, NULL, "%s is for musl, which the library serves as well",
                 program->path);
    else
        diagnose(diagnosis, "dynamic", HEALTH_FINE, NULL, "%s loads libraries through %s", program->path,
                 program->interpreter);
    if (!needs(program, "libc.so") && !strstr(program->interpreter, "ld-musl"))
        diagnose(
            diagnosis, "no libc", HEALTH_LESS, is_go(program) ? "build it with CGO_ENABLED=1" : NULL,
            "%s does not use libc itself%s: its threads are placed when the library adopts them, not at their birth",
            program->path, is_go(program) ? " (Go without cgo)" : "");
}

static void look_at_libraries(struct diagnosis *diagnosis, const struct program *program)
{
    static const char *const sanitizers[] = {"libasan.so", "libtsan.so", "liblsan.so", "libmsan.so", "libhwasan.so"};
    static const char *const allocators[] = {"libjemalloc.so", "libtcmalloc", "libmimalloc.so", "libhoard",
                                             "libtbbmalloc"};
    for (size_t i = 0; i < sizeof(sanitizers) / sizeof(*sanitizers); i++)
        if (needs(program, sanitizers[i]))
            diagnose(diagnosis, "sanitizer", HEALTH_NO, "place a build without it",
                     "%s needs %s, which must be loaded first and brings its own malloc: nodewise stays dormant",
                     program->path, needs(program, sanitizers[i]));
    for (size_t i = 0; i < sizeof(allocators) / sizeof(*allocators); i++)
        if (needs(program, allocators[i]))
            diagnose(diagnosis, "allocator", HEALTH_LESS, "memory = { arena = \"off\" } keeps the program's own",
                     "%s brings %s: the preloaded arenas serve in its place", program->path,
                     needs(program, allocators[i]));
}

/* "#!interpreter argument": the interpreter, cut out of the file's first line into ret_path. */
static bool is_script(const struct file_bytes *file, char *ret_path, size_t size)
{
    size_t length = 0;
    if (file->size < 3 || memcmp(file->data, "#!", 2) != 0)
        return false;
    const char *at = file->data + 2, *end = file->data + file->size;
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    while (at + length < end && length < size - 1 && !strchr(" \t\n", at[length]))
        length++;
    memcpy(ret_path, at, length);
    ret_path[length] = '\0';
    return length > 0;
}

static void look_at_file(struct diagnosis *diagnosis, const char *path, int depth);

static void look_at_other(struct diagnosis *diagnosis, const struct program *program, unsigned class, int depth)
{
    char interpreter[PATH_MAX];
    if (class == ELFCLASS32)
        diagnose(diagnosis, "32 bit", HEALTH_NO, "install a 32-bit build beside this one; $LIB in LD_PRELOAD finds it",
                 "%s is a 32-bit program", program->path);
    else if (is_script(&program->file, interpreter, sizeof(interpreter)) && depth < SCRIPTS_MOST) {
        diagnose(diagnosis, "script", HEALTH_FINE, NULL, "%s is run by %s", program->path, interpreter);
        look_at_file(diagnosis, interpreter, depth + 1);
    } else
        diagnose(diagnosis, "program", HEALTH_NO, NULL, "%s is not a program that this machine can run", program->path);
}

static void look_at_file(struct diagnosis *diagnosis, const char *path, int depth)
{
    struct program program;
    unsigned class;
    char *real = realpath(path, NULL);
    int error = real ? open_program(&program, real, &class) : -errno;
    if (!real || (error < 0 && error != -ENOEXEC)) {
        diagnose(diagnosis, "program", HEALTH_NO, NULL, "%s: %s", path, strerror(-error));
        free(real);
        return;
    }
    look_at_rights(diagnosis, real);
    if (error == -ENOEXEC)
        look_at_other(diagnosis, &program, class, depth);
    else if (OWN_MACHINE != EM_NONE && program.header->e_machine != OWN_MACHINE)
        diagnose(diagnosis, "machine", HEALTH_NO, NULL, "%s is for another processor", real);
    else {
        look_at_linking(diagnosis, &program);
        look_at_libraries(diagnosis, &program);
    }
    free(program.file.data);
    free(real);
}

void diagnose_program(struct diagnosis *diagnosis, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (strcmp(slash ? slash + 1 : path, "valgrind") == 0)
        diagnose(diagnosis, "valgrind", HEALTH_NO, NULL,
                 "valgrind replaces malloc and runs one thread at a time: "
                 "nodewise stays dormant");
    look_at_file(diagnosis, path, 0);
}

void diagnose_environment(struct diagnosis *diagnosis)
{
    static const char *const variables[] = {
        "OMP_PROC_BIND",      "OMP_PLACES",       "GOMP_CPU_AFFINITY",        "KMP_AFFINITY",
        "OPENBLAS_MAIN_FREE", "GOTO_NUM_THREADS", "NCCL_IGNORE_CPU_AFFINITY", "MV2_ENABLE_AFFINITY",
        "I_MPI_PIN",          "SLURM_CPU_BIND"};
    const char *preloads = getenv("LD_PRELOAD");
    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++)
        if (getenv(variables[i]))
            diagnose(
                diagnosis, variables[i], HEALTH_LESS, "unset it, or set on_app_affinity = \"ignore\" for its threads",
                "%s=%s lets a library place threads, too; on_app_affinity decides", variables[i], getenv(variables[i]));
    if (preloads && *preloads && !strstr(preloads, "libnodewise"))
        diagnose(diagnosis, "LD_PRELOAD", HEALTH_LESS, NULL, "%s is preloaded before nodewise, which stands behind it",
                 preloads);
}
