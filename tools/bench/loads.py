"""The loads of tools/bench/locality: what each is called, and how it is started. `python_files` and the servers' own files are
the laboratory's matter; here stand words alone."""

import collections

# title: in tables. words(cpus): behind the program's name. policy: the preset under which nodewise runs it.
Load = collections.namedtuple("Load", "title program words policy", defaults=("minimal",))


def one(title, program, *words, **more):
    """A program of tests/loads or tests/lab that takes the number of threads as "N"."""
    return Load(title, program, lambda cpus: [str(cpus) if word == "N" else word for word in words], **more)


# Objects that are used by their maker, or handed over.
MAKERS = {
    "own": one("own objects", "lab/locality", "own", "N"),
    "handover": one("hand-over", "lab/locality", "handover", "N"),
    "array": one("array made by main", "lab/locality", "array", "N"),
    "short": one("short-lived threads", "lab/locality", "short", "N"),
    "pool": one("shared pool", "lab/locality", "pool", "N"),
    "redis": Load("redis", "redis-server", None, "redis"),
    "python": Load("Python threads", "/usr/bin/python3", None, "python"),
}

# Memory that is used by others than its maker. Long enough that the kernel's balancing has settled.
USERS = {
    "triad": one("triad, parallel init", "loads/load_triad", "N", "60", "4096"),
    "stencil": one("stencil, malloc by main", "loads/load_stencil", "malloc", "N", "24", "768"),
    "static": one("stencil, static array", "loads/load_stencil", "static", "N", "24", "768"),
    "rows": one("rows by main", "loads/load_rows", "N", "200", "2048"),
    "mapping": one("mapping by main", "loads/load_mapping", "anonymous", "N", "60", "8192"),
    "shared": one("shared mapping by main", "loads/load_mapping", "shared", "N", "60", "8192"),
    "file": one("file read by all", "loads/load_mapping", "file", "N", "4", "4096"),
    "join": one("hash join", "loads/load_hash_join", "N", "300000", "60000"),
    "graph": one("graph search", "loads/load_graph", "N", "10", "65536"),
    "pipeline": one("pipelines of four", "loads/load_pipeline", "2", "3000", "4096"),
    "stealing": one("work stealing", "loads/load_stealing", "N", "12", "4096"),
    "sort": one("sort", "loads/load_sort", "N", "400000"),
    "vectors": one("vectors that grow", "loads/load_vectors", "N", "12", "512"),
    "sessions": one("sessions by main", "loads/load_sessions", "N", "8000", "1024"),
    "lifo": one("pool, last given first", "loads/load_pools", "lifo", "N", "120", "48"),
    "fifo": one("pool, in turn", "loads/load_pools", "fifo", "N", "120", "48"),
    "forked": one("forked workers", "loads/load_forked", "4", "2", "40"),
    "pins": one("threads that pin themselves", "loads/load_pins_itself", "N", "120"),
    "caches": one("C++ caches of threads", "loads/load_caches", "N", "20000"),
}

LOADS = {**MAKERS, **USERS}
GROUPS = {"makers": list(MAKERS), "users": list(USERS), "all": list(LOADS)}


def named(words):
    """The loads that a list of names and groups means. KeyError: an unknown one."""
    names = [name for word in words for name in GROUPS.get(word, [word])]
    return {name: LOADS[name] for name in names}
