"""Programs with exchanges (nodewise-exchange.h), each alone, under the dormant shim and governed, as C and as C++."""

import contextlib
import errno
import json
import os
import random
import re
import stat
import subprocess
import sys
import threading
import time
from xml.etree import ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_api
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness


class Exchange(test_api.ApiTest):
    def test_messages_come_in_their_order_and_waits_end(self):
        self.in_each_way("exchange")

    def test_it_works_on_one_cpu(self):
        self.run_program("exchange", before=("taskset", "-c", str(min(os.sched_getaffinity(0)))))

    def test_rings_are_made_where_the_kernel_refuses_their_place(self):
        self.run_program("exchange", faults="mbind=EPERM,get_mempolicy=EPERM,sched_setaffinity=EPERM")

    def test_nothing_is_allocated_once_the_rings_are_there(self):
        for run in self.run_program, self.under_the_shim:
            told = run("exchange_allocates", *(["governed"] if run == self.under_the_shim else []))
            self.assertRegex(told, r"^[1-9]\d* before, 0 after\n$")

    @contextlib.contextmanager
    def sitting(self, name, *arguments, policy=None, options=(), **variables):
        """A program whose exchange is open, and what it says of it; it ends when it is left."""
        before = (harness.NODEWISE, "run", "-p", policy, *options, "--") if policy else ()
        program = os.path.join(harness.BUILD, "tests", "api", "exchange_sits")
        with subprocess.Popen([*before, program, name, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              env=harness.clean_environment() | variables) as process:
            told = process.stdout.readline().split()
            self.assertEqual(told[::2], ["workers", "room", "longest", "big"])
            yield process, dict(zip(told[::2], map(int, told[1::2])))
            process.communicate("\n", timeout=harness.SECONDS)
            self.assertEqual(process.returncode, 0)

    def workers(self, process, prefix):
        """{name: CPUs}"""
        return {name: cpus for name, cpus in harness.threads_of(process.pid).values() if name.startswith(prefix + "-")}

    def of_policy(self, *keys):
        return self.policy("[[exchanges]]\n" + "\n".join(keys) + "\n")

    AS_THE_PROGRAM_SAYS = {"room": 4, "longest": 56, "big": 0}

    def test_the_policy_overrides_what_the_program_says(self):
        first = {min(os.sched_getaffinity(0))}
        policy = self.of_policy('name = "asked-for"', 'threads = "exactly:3"', 'ring = "4KiB"', 'memory_limit = "512KiB"',
                                'cpus = "+0"', 'bind_to = "cpu"')
        with self.sitting("asked-for", "5", policy=policy) as (process, told):
            self.assertEqual(told, {"workers": 3, "room": 512, "longest": 4088, "big": -errno.ENOBUFS})
            self.assertEqual(self.workers(process, "asked-for"), {f"asked-for-000{n}": first for n in range(1, 4)})
        with self.sitting("another", "5", policy=policy) as (process, told):
            self.assertEqual(told, {"workers": 5} | self.AS_THE_PROGRAM_SAYS)
            self.assertEqual(len(self.workers(process, "another")), 5)

    def test_what_the_policy_leaves_out_is_the_programs(self):
        with self.sitting("plain", "3", policy=self.of_policy('name = "plain"')) as (_, told):
            self.assertEqual(told, {"workers": 3} | self.AS_THE_PROGRAM_SAYS)

    def test_a_ring_has_room_for_a_message_and_for_the_longest_that_is_asked_for(self):
        policy = self.of_policy('name = "tiny"', 'ring = "1B"')
        with self.sitting("tiny", "2", policy=policy) as (_, told):
            self.assertEqual(told, {"workers": 2, "room": 1, "longest": 56, "big": 0})

    def test_an_exchange_is_found_by_the_patterns_of_its_name(self):
        policy = self.policy('[[exchanges]]\nname = "left"\nnames = ["shuffle-l*", "x"]\nthreads = "exactly:2"\n'
                             '[[exchanges]]\nname = "all"\nnames = "*"\nthreads = "exactly:1"\n')
        for name, workers, threads in (("shuffle-left", 2, "left"), ("x", 2, "left"), ("shuffle-right", 1, "all"), ("left", 1, "all")):
            with self.subTest(name=name), self.sitting(name, "3", policy=policy) as (process, told):
                self.assertEqual(told["workers"], workers)
                self.assertEqual(set(self.workers(process, threads)), {f"{threads}-000{n + 1}" for n in range(workers)})

    def test_the_policy_starts_no_more_workers_than_the_program_has_places_for(self):
        cores = len(os.sched_getaffinity(0))
        policy = self.of_policy('name = "many"', 'threads = "exactly:9"')
        with self.sitting("many", "2", "results", policy=policy) as (_, told):
            self.assertEqual(told["workers"], 2)
        with self.sitting("many", "0", "results", policy=policy) as (_, told):
            self.assertLessEqual(told["workers"], cores)
        with self.sitting("many", "0", policy=policy) as (_, told):
            self.assertEqual(told["workers"], 9)

    def test_workers_that_send_to_each_other_come_together(self):
        """With distribution = "sharing", under a plan that takes two CPUs for two nodes."""
        self.assertGreater(len(self.allowed), 1, "needs two CPUs")
        policy = self.policy('[[rules]]\nname = "pairs"\nmatch = { thread = "pairs-*" }\nbind_to = "node"\ndistribution = "sharing"\n')
        self.nodewise("compile", "-p", policy, "--topology", "numa:2 core:1 pu:1", "-o", self.path("plan"))
        process = self.start([os.path.join(harness.BUILD, "tests", "api", "exchange_pairs"), "8"], way="plain",
                             environment={"LD_PRELOAD": harness.SHIM, "NODEWISE_PLAN": self.path("plan")})

        def places():
            """Of the workers in their order."""
            threads = {name: cpus for name, cpus in harness.threads_of(process.pid).values() if name.startswith("pairs-")}
            return [tuple(threads[name]) for name in sorted(threads)]

        harness.wait_until(lambda: len(places()) == 8 and len(set(places())) == 2, "the workers are on both nodes")
        harness.wait_until(lambda: places()[::2] == places()[1::2], "partners are on one node")
        self.assertEqual(sorted(map(places().count, set(places()))), [4, 4])

    def exchanges(self, pid):
        """Of each exchange that `show` tells of, what it tells."""
        shown = json.loads(self.nodewise("show", str(pid), "--json"))
        return {exchange["exchange"]: exchange for exchange in shown.get("exchanges", [])}

    def shown(self, pid, name, part, key):
        return sum(one[key] for one in self.exchanges(pid)[name][part])

    MESSAGES = 1 + 2 + 3 + 4 + 1  # that three workers pass on, that have room, and the big one
    BYTES = 8 * (MESSAGES + 1)  # the big one with its length

    def wait_until_told(self, pid, name, messages):
        harness.wait_until(lambda: self.shown(pid, name, "flows", "messages") == messages, "all have told what they got")

    def test_what_it_does_is_seen_from_outside(self):
        with self.sitting("seen", "3", policy=self.policy('[defaults]\nbind_to = "none"\n')) as (process, told):
            self.assertEqual(told["room"], 4)
            self.wait_until_told(process.pid, "seen", self.MESSAGES)
            harness.wait_until(lambda: self.shown(process.pid, "seen", "nodes", "slept") >= 2, "two workers sleep")
            exchange = self.exchanges(process.pid)["seen"]
            self.assertEqual((exchange["open"], exchange["unlisted"]), (1, 0))
            for part, key, number in (("nodes", "workers", 3), ("nodes", "channels", 3), ("nodes", "refused", 1),
                                      ("flows", "bytes", self.BYTES), ("flows", "queued", 0)):
                self.assertEqual(sum(one[key] for one in exchange[part]), number, key)
            for verb in "show", "report":
                text = self.nodewise(verb, str(process.pid))
                self.assertRegex(text, r"EXCHANGE +NODE +WORKERS +CHANNELS +SLEPT +REFUSED\nseen +\d+ +\d ")
                self.assertRegex(text, r"EXCHANGE +FROM +TO +MESSAGES +BYTES +QUEUED\nseen +\d+ +\d+ +\d+ +\d+ B +0 B\n")
            top = self.nodewise("top", "--batch", "--count", "1", str(process.pid))
            self.assertRegex(top, rf"\nexchanges\nPID .*\n{process.pid} +exchange_sits +seen +\d+ +\d+ +\d +\d +\d+ +\d+ B +0 B\n")
            for kind, element in ("svg", ".//{*}g[@class='matrix']"), ("html", None):
                picture = self.nodewise("report", str(process.pid), "-f", kind)
                self.assertIn("xchange seen: bytes, from rows to columns", picture)
                self.assertIn(f">{self.BYTES} B</", picture)
                if element:
                    self.assertIsNotNone(ElementTree.fromstring(picture).find(element))
            numbers = self.nodewise("metrics", "--once")
            for family, number in (("workers", 3), ("channels", 3), ("refusals_total", 1), ("messages_total", self.MESSAGES),
                                   ("sent_bytes_total", self.BYTES), ("queued_bytes", 0)):
                found = re.findall(rf'\nnodewise_exchange_{family}{{pid="{process.pid}".*exchange="seen",.*}} (\d+)(?=\n)', numbers)
                self.assertEqual(sum(map(int, found)), number, family)

    def wait_until_full(self, pid, name):
        harness.wait_until(lambda: self.shown(pid, name, "flows", "queued") == 64 * 8, "the ring to worker 0 is full")

    def test_what_waits_for_a_worker_that_does_not_take_it_is_seen(self):
        with self.sitting("full", "3", "full", policy=self.policy('[defaults]\nbind_to = "none"\n')) as (process, _):
            self.wait_until_full(process.pid, "full")

    def test_a_report_tells_of_it_when_it_is_over(self):
        report = self.path("report.json")
        with self.sitting("over", "3", policy=self.policy('[defaults]\nbind_to = "none"\n'), options=("--report", report)):
            pass
        with open(report, encoding="utf-8") as file:
            exchange, = json.load(file)["exchanges"]
        self.assertEqual((exchange["exchange"], exchange["open"]), ("over", 0))
        self.assertEqual({(node["workers"], node["channels"]) for node in exchange["nodes"]}, {(0, 0)})
        self.assertEqual(sum(flow["messages"] for flow in exchange["flows"]), self.MESSAGES)

    def test_a_reload_loses_nothing_that_was_told(self):
        for rules in 0, 1000:  # in its place, and in another segment
            text = "".join(f'[[rules]]\nname = "rule-{i}"\nmatch = {{ thread = "nobody-{i}" }}\nbind_to = "none"\n' for i in range(rules))
            with self.subTest(rules=rules), self.sitting("stays", "3", "full", policy=self.policy('[defaults]\nbind_to = "none"\n')) as (process, _):
                self.wait_until_full(process.pid, "stays")
                policy = self.policy(text + '[defaults]\nbind_to = "none"\n', f"{rules}.toml")
                self.nodewise("reload", str(process.pid), "-p", policy)
                taken = []

                def is_carried_out_and_told(process=process, policy=policy, taken=taken):
                    process.stdin.write("more\n")
                    process.stdin.flush()
                    taken.append(int(process.stdout.readline().split()[1]))
                    shown = json.loads(self.nodewise("show", str(process.pid), "--json"))
                    messages = sum(flow["messages"] for exchange in shown.get("exchanges", []) for flow in exchange["flows"])
                    return shown["plan"]["policy"] == policy and messages == self.MESSAGES + 64

                harness.wait_until(is_carried_out_and_told, "the plan is the new one, and its segment has what was sent before")
                self.assertEqual(sum(taken), 64)
                for part, key, number in (("nodes", "workers", 3), ("nodes", "channels", 6), ("flows", "queued", 0)):
                    self.assertEqual(self.shown(process.pid, "stays", part, key), number, key)  # of those that sleep, too

    def start_processes(self, name, peers, *arguments, **variables):
        """Processes that have all joined, and their standard outputs."""
        program = os.path.join(harness.BUILD, "tests", "api", "exchange_shared")
        processes = [subprocess.Popen([program, name, str(peers), *arguments], stdout=subprocess.PIPE, text=True,
                                      env=harness.clean_environment() | variables) for _ in range(peers)]
        self.addCleanup(lambda: [(process.kill(), process.communicate()) for process in processes if process.returncode is None])
        for process in processes:
            self.assertRegex(process.stdout.readline(), r"^joined \d+$")
        return processes

    def received(self, process):
        """{sender: messages}"""
        bound = threading.Timer(harness.SECONDS, process.kill)
        bound.start()
        told = process.stdout.read()  # communicate() would not give what readline() has read ahead
        self.assertEqual(process.wait(), 0, told)
        bound.cancel()
        return {int(sender): int(count) for sender, count in (line.split() for line in told.splitlines())}

    def test_processes_exchange_what_threads_do(self):
        name = self.path("exchange")
        for arguments in (("5000",), ("500", "1"), ("poll",)):
            with self.subTest(arguments=arguments):
                for process in self.start_processes(name, 4, *arguments):
                    counts = self.received(process)
                    self.assertEqual(set(counts.values()), {100 if arguments == ("poll",) else int(arguments[0])})
                    self.assertEqual(len(counts), 3)
                self.assertFalse(os.path.exists(name))

    def test_a_killed_peer_is_noticed_and_nothing_is_left(self):
        name = f"kills-{os.getpid()}"  # in /dev/shm, where there is no $XDG_RUNTIME_DIR
        rounds = 1000 if harness.setting("NODEWISE_ABUSE", "fast") == "all" else 12
        chance = random.Random(7)
        for number in range(rounds):
            with self.subTest(round=number):
                processes = self.start_processes(name, 3, "2000", str(chance.choice((1, 2, 16, 300))), XDG_RUNTIME_DIR="")
                victim = processes.pop(chance.randrange(3))
                time.sleep(chance.random() / 20)  # anywhere in its work, or after it
                victim.kill()
                victim.communicate()
                for process in processes:  # each looks for what is left in its memory and among its descriptors
                    self.assertLessEqual(max(self.received(process).values()), 2000)
        # of a first process that was the last to be killed, the next one removes the socket
        self.assertEqual(self.run_program("exchange_shared", name, "2", "open", XDG_RUNTIME_DIR=""), "0\n")
        left = [path for path, folders, files in os.walk("/dev/shm") if name in (*folders, *files)]
        self.assertEqual(left, [])

    def test_what_cannot_be_shared_is_told(self):
        name = self.path("exchange")
        with open(name, "w", encoding="utf-8"):
            pass
        self.assertEqual(self.run_program("exchange_shared", name, "2", "open"), f"{-errno.EEXIST}\n")
        self.assertEqual(self.run_program("exchange_shared", "/" + "x" * 200, "2", "open"), f"{-errno.ENAMETOOLONG}\n")
        self.assertEqual(self.run_program("exchange_shared", "/no/such/folder", "2", "open"), f"{-errno.ENOENT}\n")
        os.unlink(name)
        processes = self.start_processes(name, 2, "100000000")
        self.assertEqual(self.run_program("exchange_shared", name, "3", "open"), f"{-errno.EINVAL}\n")
        self.assertEqual(stat.S_IMODE(os.stat(name).st_mode), 0o600)
        for process in processes:
            process.kill()
            process.communicate()

    def test_another_user_has_no_part(self):
        if os.geteuid() != 0:
            self.fail("needs root: it plays two users")
        os.chmod(self.folder, 0o777)
        name = self.path("exchange")
        processes = self.start_processes(name, 2, "100000000")
        os.chmod(name, 0o666)  # as if somebody had opened it
        told = self.run_program("exchange_shared", name, "2", "open", before=("setpriv", "--reuid=65534", "--clear-groups"))
        self.assertEqual(told, f"{-errno.EPERM}\n")
        self.assertEqual([process.poll() for process in processes], [None, None])
        for process in processes:
            process.kill()
            process.communicate()


if __name__ == "__main__":
    harness.main()
