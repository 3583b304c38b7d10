"""The loads of tools/bench/locality: what each is called, and how it is started."""

import collections

# title: in tables. words(cpus): behind the program's name, with FOLDER for that of the files; of a Python script, its name in
# SCRIPTS. policy: the preset that is made for it. client: the protocol in which tests/lab's `client` gives a server work at
# port 7000.
Load = collections.namedtuple("Load", "title program words policy client", defaults=("auto", None))
FOLDER = "FOLDER"
JAVA, POSTGRES = "java", "postgres"

PYTHON = "/usr/bin/python3"
WORK = """
def work(number):
    table = {}
    for i in range(900):
        table[i % 300] = [str(i + number) * (i % 7), (i, number), list(range(i % 20))]
    return sum(len(v[0]) + len(v[2]) for v in table.values())
"""
SCRIPTS = {
    # one runs at a time, each on objects of its own
    "threads.py": "import threading" + WORK + """
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
""",
    # on a table of the parent's, and on objects of their own
    "processes.py": "import os" + WORK + """
shared = [str(i) * 20 for i in range(20000)]
children = []
for number in range(4):
    child = os.fork()
    if child == 0:
        os._exit(0 if work(number) + sum(map(len, shared)) else 1)
    children.append(child)
for child in children:
    if os.waitpid(child, 0)[1]: raise SystemExit(1)
""",
}
SQL = ("create table t(id integer primary key, name text, number integer); create index i on t(number);"
       "with recursive n(x) as (select 1 union all select x + 1 from n where x < 8000)"
       " insert into t select x, 'name of ' || x, x * 7919 % 1000 from n;"
       "select count(*), sum(length(a.name)) from t a join t b on a.number = b.number;")


def one(title, program, *words, **more):
    """A program of tests/loads or tests/lab that takes the number of threads as "N"."""
    return Load(title, program, lambda cpus: [str(cpus) if word == "N" else word for word in words], **more)


def redis(io_threads):
    return lambda cpus: ["--port", "7000", "--save", "", "--io-threads", str(io_threads), "--daemonize", "no"]


# Objects that are used by their maker, or handed over.
MAKERS = {
    "own": one("own objects", "lab/locality", "own", "N"),
    "handover": one("hand-over", "lab/locality", "handover", "N"),
    "array": one("array made by main", "lab/locality", "array", "N"),
    "short": one("short-lived threads", "lab/locality", "short", "N"),
    "pool": one("shared pool", "lab/locality", "pool", "N"),
    "redis": Load("redis", "redis-server", redis(2), "redis", "redis"),
    "python": Load("Python threads", PYTHON, lambda cpus: ["threads.py"]),
}

# Programs of others.
SERVERS = {
    "redis1": Load("redis, 1 io thread", "redis-server", redis(1), "redis", "redis"),
    "redis4": Load("redis, 4 io threads", "redis-server", redis(4), "redis", "redis"),
    "memcached": Load("memcached", "memcached", lambda cpus: ["-p", "7000", "-u", "root", "-A", "-t", "4"], client="memcached"),
    "sqlite": Load("SQLite", "sqlite3", lambda cpus: [":memory:", SQL]),
    "java": Load("Java pool", JAVA, lambda cpus: ["-XX:+UseParallelGC", "-Xmx96m", "-cp", f"{FOLDER}/java/classes", "JavaPool", str(cpus)],
                 policy="jvm"),
    "postgres": Load("PostgreSQL", POSTGRES, lambda cpus: ["-D", f"{FOLDER}/postgres", "-p", "7000", "-h", "127.0.0.1", "-k", "/tmp"],
                     policy="postgres", client="postgres"),
    "processes": Load("Python processes", PYTHON, lambda cpus: ["processes.py"]),
}

# Memory that is used by others than its maker. Long enough that the kernel's balancing has settled.
USERS = {
    "triad": one("triad, parallel init", "loads/load_triad", "N", "60", "4096"),
    "stencil": one("stencil, malloc by main", "loads/load_stencil", "malloc", "N", "24", "768"),
    "static": one("stencil, static array", "loads/load_stencil", "static", "N", "24", "768"),
    "rows": one("rows by main", "loads/load_rows", "N", "1600", "2048"),
    "mapping": one("mapping by main", "loads/load_mapping", "anonymous", "N", "60", "8192"),
    "shared": one("shared mapping by main", "loads/load_mapping", "shared", "N", "60", "8192"),
    "file": one("file read by all", "loads/load_mapping", "file", "N", "4", "4096"),
    "join": one("hash join", "loads/load_hash_join", "N", "20000000", "60000"),
    "graph": one("graph search", "loads/load_graph", "N", "40", "65536"),
    "pipeline": one("pipelines of four", "loads/load_pipeline", "2", "3000", "4096"),
    "stealing": one("work stealing", "loads/load_stealing", "N", "12", "4096"),
    "sort": one("sort", "loads/load_sort", "N", "400000"),
    "vectors": one("vectors that grow", "loads/load_vectors", "N", "12", "512"),
    "sessions": one("sessions by main", "loads/load_sessions", "N", "160000", "1024"),
    "lifo": one("pool, last given first", "loads/load_pools", "lifo", "N", "2400", "48"),
    "fifo": one("pool, in turn", "loads/load_pools", "fifo", "N", "2400", "48"),
    "forked": one("forked workers", "loads/load_forked", "4", "2", "40"),
    "pins": one("threads that pin themselves", "loads/load_pins_itself", "N", "120"),
    "caches": one("C++ caches of threads", "loads/load_caches", "N", "20000"),
}

LOADS = {**MAKERS, **USERS, **SERVERS}
GROUPS = {"makers": list(MAKERS), "users": list(USERS), "servers": list(SERVERS), "all": list(LOADS)}


def named(words):
    """The loads that a list of names and groups means. KeyError: an unknown one."""
    names = [name for word in words for name in GROUPS.get(word, [word])]
    return {name: LOADS[name] for name in names}
