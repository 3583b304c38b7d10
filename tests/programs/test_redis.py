"""Debian's redis-server with io threads: every thread where the plan announced it, in each way of starting."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import threads_of, wait_until

POLICY = """
[target]
exe = "/usr/bin/redis-server"
[defaults]
bind_to = "node"
[[rules]]
name = "main"
match = { main = true, forked = false }
bind_to = "core"
[[rules]]
name = "io"
match = { thread = "io_thd_*" }
bind_to = "core"
distribution = "compact"
[[rules]]
name = "background"
match = { thread = ["bio_*", "jemalloc_bg_thd"] }
bind_to = "node"
"""
BIO_THREADS = 3  # the second is bio_aof_fsync in redis 7.0, bio_aof later
IO = ["io_thd_1", "io_thd_2", "io_thd_3"]


def names_of(process):
    return {name for name, _ in threads_of(process.pid).values()}


def background_threads(process):
    return sorted(name for name in names_of(process) if name.startswith("bio_"))


class Redis(harness.ProgramTest):
    def start_redis(self, policy, way, environment=None):
        self.port = harness.free_port()
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--io-threads", "4"]
        process = self.start(command, policy, way, environment)
        wait_until(lambda: self.ask("ping") == "PONG", "redis answers")
        wait_until(lambda: len(background_threads(process)) == BIO_THREADS and set(IO) <= names_of(process), "all threads named")
        return process

    def ask(self, *words):
        done = subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True)
        return done.stdout.strip()

    def check_threads(self, process, policy):
        announced, _ = self.plan(policy, "--exe", "/usr/bin/redis-server", "--comm", "redis-server",
                                 *[f"--thread={name}" for name in [*background_threads(process), *IO, "jemalloc_bg_thd"]])
        wait_until(lambda: all(cpus == announced[name] for name, cpus in threads_of(process.pid).values()),
                   f"threads {threads_of(process.pid)} are where the plan says: {announced}")
        self.assert_shown_as_it_is(process.pid)

    def check_load(self):
        done = subprocess.run(["redis-benchmark", "-p", str(self.port), "-t", "set,get,lpush", "-n", "3000", "-q", "--csv"],
                              capture_output=True, text=True, timeout=harness.SECONDS)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('"SET"', done.stdout)

    def test_run_places_every_thread_as_the_plan_announced(self):
        policy = self.policy(POLICY)
        process = self.start_redis(policy, "run")
        self.check_threads(process, policy)
        self.check_load()
        self.check_threads(process, policy)
        self.ask("shutdown", "nosave")
        self.assertEqual(process.wait(timeout=harness.SECONDS), 0)

    def test_bare_preload_does_the_same(self):
        policy = self.policy(POLICY)
        process = self.start_redis(policy, "preload")
        self.check_threads(process, policy)
        self.check_load()

    def test_environment_keys_alone_do_the_same(self):
        process = self.start_redis(None, "keys", {"NODEWISE_DEFAULTS__BIND_TO": "cpu",
                                                  "NODEWISE_DEFAULTS__DISTRIBUTION": "round_robin"})
        for tid, (name, cpus) in threads_of(process.pid).items():
            if tid != process.pid and name != "nodewise-worker":
                self.assertEqual(len(cpus), 1, name)
        self.assertEqual(threads_of(process.pid)[process.pid][1], self.allowed, "main keeps the union")
        self.check_load()

    def test_views_tell_the_same_story(self):
        policy = self.policy(POLICY)
        process = self.start_redis(policy, "run")
        wait_until(lambda: "jemalloc_bg_thd" in {t["name"] for t in self.show(process.pid)["threads"]}, "adopted")
        shown = self.show(process.pid)
        rules = {rule["name"]: rule for rule in shown["rules"]}
        self.assertEqual(rules["io"]["live"], 3)
        self.assertEqual(rules["io"]["cpu"]["strict"], 3)
        self.assertEqual(rules["main"]["live"], 1)
        listed = {entry["pid"]: entry for entry in json.loads(self.nodewise("ps", "--json"))}
        self.assertEqual(listed[process.pid]["comm"], "redis-server")
        io_thread = next(t for t in shown["threads"] if t["name"] == "io_thd_2")
        why = json.loads(self.nodewise("why", f"{process.pid}/{io_thread['tid']}", "--json"))
        self.assertEqual([(t["rule"], t["verdict"]) for t in why["tried"]], [("main", "no"), ("io", "taken")])
        self.assertEqual(why["tried"][0]["failed"], "main")
        report = json.loads(self.nodewise("report", str(process.pid), "-f", "json"))
        self.assertEqual(report["process"]["pid"], process.pid)
        self.assertGreater(len(report["events"]), 6)

    def test_where_its_pages_are(self):
        process = self.start_redis(self.policy(POLICY), "run")
        self.ask("eval", "for i = 1, 50000 do redis.call('set', i, string.rep('x', 200)) end", "0")
        pages = json.loads(self.nodewise("report", str(process.pid), "--pages", "--json"))["pages"]
        kinds = {kind["kind"]: kind for kind in pages["kinds"]}
        self.assertGreater(kinds["arenas"]["resident"], 10 << 20)
        self.assertAlmostEqual(sum(kinds["arenas"]["nodes"].values()), kinds["arenas"]["resident"], delta=1024)
        self.assertGreater(pages["home_locality"], 0.95)
        self.assertIn("home_locality", self.nodewise("report", str(process.pid), "--pages"))
        self.nodewise("report", "1", "--pages", code=4)

    def test_report_at_the_end(self):
        policy = self.policy(POLICY)
        self.port = harness.free_port()
        process = self.start([harness.NODEWISE, "run", "-p", policy, "--report", "end.json", "--", "redis-server",
                              "--port", str(self.port), "--save", ""], way="plain")
        wait_until(lambda: self.ask("ping") == "PONG", "redis answers")
        self.ask("shutdown", "nosave")
        self.assertEqual(process.wait(timeout=harness.SECONDS), 0)
        with open(self.path("end.json")) as file:
            report = json.load(file)
        self.assertEqual(report["process"]["state"], "ended")
        self.assertIn("main", [rule["name"] for rule in report["rules"]])
        self.assertIn("main", self.nodewise("report", self.path("end.json")))

    def test_a_program_that_is_no_target_is_left_alone(self):
        policy = self.policy(POLICY.replace("redis-server", "another-server"))
        process = self.start_redis(policy, "run")
        for name, cpus in threads_of(process.pid).values():
            self.assertEqual(cpus, self.allowed, name)
        self.nodewise("show", str(process.pid), code=4)

    def test_a_snapshot_child_is_placed_by_its_own_rule(self):
        policy = self.policy(POLICY + '[[rules]]\nname = "snapshot"\nmatch = { forked = true }\nbind_to = "cpu"\n')
        process = self.start_redis(policy, "run")
        self.ask("eval", "for i = 1, 100000 do redis.call('set', i, i) end", "0")
        self.ask("config", "set", "rdb-key-save-delay", "100")
        self.ask("bgsave")

        def child():
            with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
                return file.read().split()

        pid = int(wait_until(child, "redis forked")[0])
        self.wait_until_seen(pid)
        thread = wait_until(lambda: self.show(pid)["threads"], "the child is listed")[0]
        self.assertEqual((thread["rule"], thread["why"]), ("snapshot", "forked"))
        self.assertEqual(harness.cpu_list(thread["asked"]), threads_of(pid)[pid][1])


if __name__ == "__main__":
    harness.main()
