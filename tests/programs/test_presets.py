"""The presets on the programs that they are for: each does its work under its preset, is placed as the preset says, seen from
outside, and `verify` agrees."""

import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import cpu_list, threads_of, wait_until

RANK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mpi_rank.py")


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def title_of(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read().replace(b"\0", b" ").decode().strip()


def main_mask(pid):
    return threads_of(pid)[pid][1]


class PresetTest(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o755)
        self.port = harness.free_port()
        shown = json.loads(self.nodewise("topo", "--json"))
        self.nodes = [cpu_list(node["cpus"]) & self.allowed for node in shown["nodes"]]

    def rules_of(self, pid):
        """{rule: [thread]} of what lives."""
        rules = {}
        for thread in self.show(pid)["threads"]:
            if thread["state"] == "live":
                rules.setdefault(thread["rule"], []).append(thread)
        return rules

    def masks(self, threads):
        return [cpu_list(thread["now"]) for thread in threads]

    def assert_cores_apart(self, masks):
        """Each inside a core, and no core has more than one more than another."""
        cores = {}
        for mask in masks:
            siblings = [sorted(core) for core in self.cores() if mask <= core]
            self.assertEqual(len(siblings), 1, f"{mask} is not inside a core")
            cores[tuple(siblings[0])] = cores.get(tuple(siblings[0]), 0) + 1
        most = -(-len(masks) // len(self.cores()))
        self.assertLessEqual(max(cores.values()), most, cores)

    def cores(self):
        found = set()
        for cpu in self.allowed:
            with open(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list", encoding="ascii") as file:
                found.add(frozenset(cpu_list(file.read()) & self.allowed))
        return found

    def assert_on_a_node(self, threads):
        for mask in self.masks(threads):
            self.assertIn(mask, self.nodes)

    def get(self, path="/"):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=harness.SECONDS) as answer:
            return answer.read()


class Nginx(PresetTest):
    WORKERS = 4

    def setUp(self):
        super().setUp()
        with open(self.path("page"), "w", encoding="ascii") as file:
            file.write("hello\n")
        temporary = "".join(f"{kind}_temp_path {self.path(kind)};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(self.path("nginx.conf"), "w", encoding="ascii") as file:
            file.write(f"worker_processes {self.WORKERS};\ndaemon off;\npid {self.path('pid')};\nerror_log {self.path('errors')};\n"
                       f"events {{ worker_connections 64; }}\nhttp {{ access_log off;\n{temporary}"
                       f"proxy_cache_path {self.path('cache')} keys_zone=one:1m;\n"
                       f"server {{ listen 127.0.0.1:{self.port}; root {self.folder}; aio threads; }} }}\n")
        self.master = self.start(["/usr/sbin/nginx", "-c", self.path("nginx.conf")], "preset:nginx")

    def workers(self):
        return [pid for pid in children_of(self.master.pid) if title_of(pid) == "nginx: worker process"]

    def placed(self):
        """The workers' masks once all are inside a core."""
        workers = self.workers()
        masks = [main_mask(pid) for pid in workers]
        return len(workers) == self.WORKERS and all(any(mask <= core for core in self.cores()) for mask in masks) and masks

    def test_a_worker_a_core(self):
        self.assert_cores_apart(wait_until(self.placed, "four workers, each inside a core"))
        self.assertEqual(self.get("/page"), b"hello\n")
        self.assertEqual(main_mask(self.master.pid), self.allowed)
        self.nodewise("verify", str(self.master.pid))
        for pid in self.workers():
            self.wait_until_seen(pid)
            self.assertEqual(len(self.rules_of(pid)["workers"]), 1)
            self.nodewise("verify", str(pid))

    def test_threads_of_aio_are_on_the_workers_node(self):
        wait_until(self.placed, "four workers, each inside a core")
        worker = self.workers()[0]
        pool = wait_until(lambda: self.rules_of(worker).get("pool"), "the thread pool")
        self.assertGreater(len(pool), 8)
        node = next(node for node in self.nodes if main_mask(worker) <= node)
        self.assertEqual({frozenset(mask) for mask in self.masks(pool)}, {frozenset(node)})

    def test_those_that_look_after_the_cache_have_the_whole_machine(self):
        manager = wait_until(lambda: [pid for pid in children_of(self.master.pid) if "cache manager" in title_of(pid)], "its manager")
        self.wait_until_seen(manager[0])
        wait_until(lambda: "cache" in self.rules_of(manager[0]) and main_mask(manager[0]) == self.allowed, "the rule cache")

    def test_a_worker_that_comes_for_a_dead_one_takes_its_core(self):
        wait_until(self.placed, "four workers, each inside a core")
        dead = self.workers()[0]
        os.kill(dead, 9)
        wait_until(lambda: dead not in self.workers() and self.placed(), "four workers again")
        self.assert_cores_apart([main_mask(pid) for pid in self.workers()])

    def test_a_reload_spreads_the_new_workers_alike(self):
        wait_until(self.placed, "four workers, each inside a core")
        before = set(self.workers())
        self.nodewise("verify", str(self.master.pid))
        self.master.send_signal(1)
        wait_until(lambda: not before & set(self.workers()) and self.placed(), "four others")
        self.assert_cores_apart([main_mask(pid) for pid in self.workers()])


class Memcached(PresetTest):
    def talk(self, line):
        with socket.create_connection(("127.0.0.1", self.port), timeout=harness.SECONDS) as stream:
            stream.sendall(line)
            return stream.recv(100)

    def test_a_worker_a_core_and_housekeeping_anywhere(self):
        process = self.start(["memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", str(self.port), "-t", "2"], "preset:memcached")
        self.wait_until_seen(process.pid)
        rules = wait_until(lambda: len(self.rules_of(process.pid).get("housekeeping", [])) >= 4 and self.rules_of(process.pid),
                           "its threads have their names")
        self.assertEqual(len(rules["workers"]), 2)
        self.assert_cores_apart(self.masks(rules["workers"]))
        for mask in [main_mask(process.pid), *self.masks(rules["housekeeping"])]:
            self.assertEqual(mask, self.allowed)
        self.assertEqual(self.talk(b"set a 0 0 5\r\nhello\r\n"), b"STORED\r\n")
        self.assertIn(b"hello", self.talk(b"get a\r\n"))
        self.assert_shown_as_it_is(process.pid)
        self.nodewise("verify", str(process.pid))


class Mysql(PresetTest):
    """MariaDB, as Debian has it."""

    CONNECTIONS = 4

    def setUp(self):
        super().setUp()
        self.user = pwd.getpwnam("mysql")
        made = subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={self.path('data')}", "--user=mysql", "--skip-test-db",
                               "--auth-root-authentication-method=normal"], capture_output=True, text=True, timeout=4 * harness.SECONDS)
        self.assertEqual(made.returncode, 0, made.stdout + made.stderr)
        self.socket = self.path("data/socket")

    def client(self, statement):
        return ["mariadb", "--no-defaults", "-u", "root", "-S", self.socket, "-N", "-e", statement]

    def ask(self, statement):
        return subprocess.run(self.client(statement), capture_output=True, text=True, timeout=harness.SECONDS)

    def test_connections_on_nodes_and_the_pool_interleaved(self):
        process = self.start(["mariadbd", "--no-defaults", "--user=mysql", f"--datadir={self.path('data')}", f"--socket={self.socket}",
                              "--skip-networking", "--innodb-buffer-pool-size=134217728"], "preset:mysql")
        wait_until(lambda: self.ask("select 6 * 7").stdout == "42\n", "it answers")
        for _ in range(self.CONNECTIONS):
            client = subprocess.Popen(self.client("select sleep(60)"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.addCleanup(self.end, client)
        wait_until(lambda: self.ask("select count(*) from information_schema.processlist where info = 'select sleep(60)'").stdout ==
                   f"{self.CONNECTIONS}\n", "four connections")
        rules = self.rules_of(process.pid)
        self.assertGreaterEqual(len(rules["connections"]), self.CONNECTIONS)
        self.assert_on_a_node(rules["connections"])
        self.assertGreaterEqual(len(rules["innodb"]), 1)
        self.assertEqual({frozenset(mask) for mask in self.masks(rules["innodb"])}, {frozenset(self.allowed)})
        self.nodewise("verify", str(process.pid))
        mappings = json.loads(self.nodewise("report", str(process.pid), "-f", "json"))["mappings"]
        self.assertRegex(json.dumps(mappings), r'"pool"')


class Node(PresetTest):
    SERVER = ("const c = require('crypto'), h = require('http'), o = require('os');"
              "h.createServer((q, r) => c.pbkdf2('a', 'b', 1000, 64, 'sha512', () => r.end(String(o.availableParallelism()))))"
              ".listen(Number(process.argv[1]), '127.0.0.1')")
    CLUSTER = ("const c = require('cluster'); if (c.isPrimary) { c.fork(); c.fork(); }"
               "else require('http').createServer((q, r) => r.end('hello')).listen(Number(process.argv[1]), '127.0.0.1')")

    def serve(self, script):
        process = self.start(["node", "-e", script, str(self.port)], "preset:node")

        def answers():
            try:
                return self.get()
            except OSError:
                return None

        return process, wait_until(answers, "it answers")

    def test_threads_beside_the_main_thread_and_as_many_cpus_as_without(self):
        plain = subprocess.run(["node", "-p", "os.availableParallelism()"], capture_output=True, text=True, check=True)
        process, told = self.serve(self.SERVER)
        self.assertEqual(int(told), int(plain.stdout))
        helpers = [thread for thread in self.show(process.pid)["threads"] if thread["state"] == "live" and thread["tid"] != process.pid]
        self.assertGreaterEqual(len(helpers), 8)
        self.assert_on_a_node(helpers)
        self.assertEqual(main_mask(process.pid), self.allowed)
        self.nodewise("verify", str(process.pid))

    def test_each_process_of_a_cluster_is_governed(self):
        process, told = self.serve(self.CLUSTER)
        self.assertEqual(told, b"hello")
        workers = wait_until(lambda: len(children_of(process.pid)) == 2 and children_of(process.pid), "two workers")
        for pid in workers:
            self.wait_until_seen(pid)
            self.nodewise("verify", str(pid))


class Mpi(PresetTest):
    def ranks(self, count):
        command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-mca", "plm", "isolated", "-n", str(count)]
        command += [harness.NODEWISE, "run", "-p", "preset:mpi", "--", "/usr/bin/python3", RANK, harness.NODEWISE]
        done = subprocess.run(command, capture_output=True, text=True, env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("nodewise", done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_ranks_have_parts_that_are_disjoint_and_are_verified(self):
        count = len(self.cores())
        ranks = self.ranks(count)
        self.assertEqual(sorted(rank["rank"] for rank in ranks), list(range(count)))
        self.assertEqual({rank["sum"] for rank in ranks}, {sum(range(count))})
        self.assertEqual({rank["verified"] for rank in ranks}, {0})
        parts = [cpu_list(rank["main"]) for rank in ranks]
        self.assertEqual(set().union(*parts), self.allowed)
        self.assertEqual(sum(map(len, parts)), len(self.allowed), "disjoint")

    def test_more_ranks_than_cpus_share_alike(self):
        parts = [cpu_list(rank["main"]) for rank in self.ranks(2 * len(self.allowed))]
        for cpu in self.allowed:
            self.assertEqual(sum(cpu in part for part in parts) > 0, True)


class Go(PresetTest):
    PROGRAM = ("package main\n%simport (\"fmt\"; \"os\"; \"runtime\")\n"
               "func main() {\n"
               "  done := make(chan int)\n"
               "  for i := 0; i < 8; i++ { go func(i int) { s := 0; for k := 0; k < 1000000; k++ { s += k %% 7 }; done <- s }(i) }\n"
               "  for i := 0; i < 8; i++ { <-done }\n"
               "  fmt.Println(runtime.GOMAXPROCS(0))\n"
               "  os.Stdin.Read(make([]byte, 1))\n}\n")

    def build(self, name, cgo):
        source = self.path(name + ".go")
        with open(source, "w", encoding="ascii") as file:
            file.write(self.PROGRAM % ('import "C"\n' if cgo else ""))
        variables = harness.clean_environment() | {"CGO_ENABLED": "1" if cgo else "0", "GOCACHE": self.path("cache"),
                                                   "HOME": self.folder, "GOFLAGS": "-mod=mod", "GO111MODULE": "off"}
        built = subprocess.run(["go", "build", "-o", self.path(name), source], capture_output=True, text=True, env=variables,
                               cwd=self.folder, timeout=5 * harness.SECONDS)
        self.assertEqual(built.returncode, 0, built.stderr)
        return self.path(name)

    def run_it(self, program, way="run"):
        process = self.start([program], "preset:go", way, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return process, int(process.stdout.readline())

    def test_a_static_program_runs_as_without_and_is_said_not_to_be_reached(self):
        program = self.build("still", False)
        process, processors = self.run_it(program)
        self.assertEqual(processors, len(self.allowed))
        for _, mask in threads_of(process.pid).values():
            self.assertEqual(mask, self.allowed)
        said = subprocess.run([harness.NODEWISE, "run", "--dry-run", "-p", "preset:go", "--", program], capture_output=True, text=True,
                              env=harness.clean_environment(), timeout=harness.SECONDS)
        self.assertIn("static", said.stdout)

    def test_a_static_program_is_governed_from_outside(self):
        process, _ = self.run_it(self.build("still", False), "plain")
        self.nodewise("apply", "-p", "preset:go", str(process.pid))
        some = {min(self.allowed)}
        self.nodewise("apply", "-c", str(min(some)), str(process.pid))
        for _, mask in threads_of(process.pid).values():
            self.assertEqual(mask, some)

    def test_with_cgo_it_is_like_any_other_program(self):
        process, processors = self.run_it(self.build("with_c", True))
        self.assertEqual(processors, len(self.allowed))
        self.wait_until_seen(process.pid)
        self.assert_shown_as_it_is(process.pid)
        self.nodewise("verify", str(process.pid))


if __name__ == "__main__":
    harness.main()
