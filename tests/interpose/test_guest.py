"""The shim as a guest: damaged plans change nothing, refused kernel calls break nothing, and the library itself is
what a library in every process must be."""

import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import threads_of, wait_until

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
POLICY = '[[rules]]\nname = "main"\nmatch = { main = true }\nbind_to = "cpu"\n'
ASK = ["sh", "-c", "grep Cpus_allowed_list /proc/$$/status; :"]


class DamagedPlans(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        self.good = self.path("good.plan")
        self.nodewise("compile", "-p", self.policy(POLICY), "-o", self.good)
        with open(self.good, "rb") as file:
            self.bytes = file.read()

    def run_with(self, plan):
        process = self.start(ASK, way="keys", environment={"NODEWISE_PLAN": plan}, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        output, errors = process.communicate(timeout=harness.SECONDS)
        self.assertEqual((process.returncode, errors), (0, b""))
        return harness.cpu_list(output.decode().split()[-1])

    def assert_dormant(self, plan, what):
        self.assertEqual(self.run_with(plan), self.allowed, what)

    def damaged(self, data):
        path = self.path("damaged.plan")
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, 0o644)
        return path

    def test_the_good_plan_is_carried_out(self):
        self.assertEqual(len(self.run_with(self.good)), 1)

    def test_truncated_at_any_length(self):
        for length in {0, 1, 7, 8, 100, 271, 272, 273, len(self.bytes) // 2, len(self.bytes) - 8, len(self.bytes) - 1}:
            self.assert_dormant(self.damaged(self.bytes[:length]), f"{length} bytes")
        self.assert_dormant(self.damaged(self.bytes + bytes(8)), "8 bytes too many")

    def test_any_flipped_byte(self):
        for at in range(0, len(self.bytes), max(1, len(self.bytes) // 60)):
            data = bytearray(self.bytes)
            data[at] ^= 0x41
            self.assert_dormant(self.damaged(bytes(data)), f"byte {at}")

    def test_garbage(self):
        for data in (os.urandom(4096), b"\0" * 4096, b"schema = 1\n" * 100):
            self.assert_dormant(self.damaged(data), "garbage")

    def test_no_plain_file(self):
        os.mkfifo(self.path("fifo"))
        os.symlink(self.good, self.path("link"))
        for plan in ("/nonexistent/x.plan", self.folder, self.path("fifo"), self.path("link"), "/dev/zero", "", "relative.plan"):
            self.assert_dormant(plan, plan)

    def test_a_plan_that_others_could_change(self):
        os.chmod(self.good, 0o666)
        self.assert_dormant(self.good, "mode 666")
        os.chmod(self.good, 0o644)
        os.mkdir(self.path("open"))
        os.chmod(self.path("open"), 0o777)
        shutil.copy(self.good, self.path("open/x.plan"))
        self.assert_dormant(self.path("open/x.plan"), "a folder that everybody may write")

    def test_another_users_plan(self):
        self.assertEqual(os.geteuid(), 0, "giving a file away needs root")
        os.chown(self.good, 12345, -1)
        self.assert_dormant(self.good, "of another user")

    def test_disabled(self):
        process = self.start(ASK, way="keys", environment={"NODEWISE_PLAN": self.good, "NODEWISE_DISABLE": "1"},
                             stdout=subprocess.PIPE)
        self.assertEqual(harness.cpu_list(process.communicate()[0].decode().split()[-1]), self.allowed)

    def test_a_policy_with_errors_leaves_the_program_as_it_is(self):
        policy = self.policy("nonsense = [\n", "bad.toml")
        process = self.start(ASK, policy, way="preload", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output, errors = process.communicate()
        self.assertEqual((process.returncode, errors), (0, b""))
        self.assertEqual(harness.cpu_list(output.decode().split()[-1]), self.allowed)


class RefusedCalls(harness.ProgramTest):
    """The library with faults: each placing call fails in turn, the program runs, and the outcome says why."""

    POLICY = ('[defaults]\nbind_to = "cpu"\ndistribution = "round_robin"\nrename = "w-{n}"\n'
              '[defaults.memory]\npolicy = "preferred"\n')

    def workers_under(self, faults):
        plan = self.path("p.plan")
        self.nodewise("compile", "-p", self.policy(self.POLICY), "-o", plan)
        program = os.path.join(harness.BUILD, "tests", "interpose", "sleeps_in_workers")
        process = self.start([program], way="plain",
                             environment={"LD_PRELOAD": harness.FAULTY_SHIM, "NODEWISE_PLAN": plan, "NODEWISE_FAULT": faults},
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")

        def listed():
            threads = [t for t in self.show(process.pid)["threads"] if not t["main"] and t["state"] == "live"]
            return threads if len(threads) == 4 and all(t["outcome"] != "pending" for t in threads) else None

        threads = wait_until(listed, "four workers listed")
        outside = threads_of(process.pid)
        output, errors = process.communicate(b"\n", timeout=harness.SECONDS)
        self.assertEqual((process.returncode, output, errors), (0, b"", b""))
        return threads, outside

    def test_without_faults_all_is_strict(self):
        threads, _ = self.workers_under("")
        self.assertEqual({t["outcome"] for t in threads}, {"strict"})
        self.assertEqual({t["memory_outcome"] for t in threads}, {"strict"})
        self.assertEqual({t["name"] for t in threads}, {"w-0001", "w-0002", "w-0003", "w-0004"})

    def test_setting_the_affinity_is_refused(self):
        for error, reason in (("EPERM", "eperm"), ("ENOSYS", "enosys"), ("EINVAL", "einval")):
            with self.subTest(error=error):
                threads, outside = self.workers_under(f"sched_setaffinity={error}")
                self.assertEqual({(t["outcome"], t["reason"]) for t in threads}, {("none", reason)})
                self.assertTrue(all(outside[t["tid"]][1] == self.allowed for t in threads))

    def test_where_masks_cannot_be_read_the_library_steps_aside(self):
        """Nothing could be restored or read back, so nothing is touched and nothing is claimed."""
        plan = self.path("p.plan")
        self.nodewise("compile", "-p", self.policy(self.POLICY), "-o", plan)
        program = os.path.join(harness.BUILD, "tests", "interpose", "sleeps_in_workers")
        process = self.start([program], way="plain", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             environment={"LD_PRELOAD": harness.FAULTY_SHIM, "NODEWISE_PLAN": plan,
                                          "NODEWISE_FAULT": "sched_getaffinity=ENOSYS"})
        self.assertEqual(process.stdout.readline(), b"ready\n")
        self.assertEqual({frozenset(cpus) for _, cpus in threads_of(process.pid).values()}, {frozenset(self.allowed)})
        self.nodewise("show", str(process.pid), code=4)
        output, errors = process.communicate(b"\n", timeout=harness.SECONDS)
        self.assertEqual((process.returncode, output, errors), (0, b"", b""))

    def test_memory_policies_are_refused(self):
        for call in ("set_mempolicy", "get_mempolicy"):
            with self.subTest(call=call):
                threads, _ = self.workers_under(f"{call}=EPERM")
                self.assertEqual({t["outcome"] for t in threads}, {"strict"}, "the CPU half is kept")
                self.assertNotIn("strict", {t["memory_outcome"] for t in threads})


class TheStart(harness.ProgramTest):
    """What any program pays for the preload: kept small by number, as time depends on the machine."""

    def calls(self, **variables):
        """How many system calls /bin/true makes, the loader's included."""
        trace = self.path("trace")
        settings = [argument for name, value in variables.items() for argument in ("-E", f"{name}={value}")]
        subprocess.run(["strace", "-f", "-o", trace, *settings, "/bin/true"], check=True, env=harness.clean_environment(),
                       timeout=harness.SECONDS)
        with open(trace, encoding="utf-8") as file:
            return sum("(" in line for line in file)

    def plan_of(self, name, policy):
        self.nodewise("compile", "-p", self.policy(policy), "-o", self.path(name))
        return self.path(name)

    def loader_asks_with_newfstatat(self):
        """glibc 2.33 to 2.38. Under a filter nothing else is known to be allowed: otherwise a folder is opened to be looked at."""
        self.calls()
        with open(self.path("trace"), encoding="utf-8") as file:
            return "newfstatat(" in file.read()

    def test_it_makes_few_system_calls(self):
        most = 6 if self.loader_asks_with_newfstatat() else 10
        plain, loaded = self.calls(), self.calls(LD_PRELOAD=harness.SHIM, NODEWISE_DISABLE="1")
        self.assertLessEqual(loaded - plain, 8, "the loader's")
        self.assertLessEqual(self.calls(LD_PRELOAD=harness.SHIM) - loaded, 4, "is there a policy?")
        other = self.plan_of("other.plan", '[target]\nexe = "/usr/bin/another"\n' + POLICY)
        self.assertLessEqual(self.calls(LD_PRELOAD=harness.SHIM, NODEWISE_PLAN=other) - loaded, most, "no target")
        plan = self.plan_of("own.plan", "")
        self.assertLessEqual(self.calls(LD_PRELOAD=harness.SHIM, NODEWISE_PLAN=plan) - loaded, 45, "governed")

    def test_the_loader_looks_few_names_up(self):
        found = subprocess.run(["readelf", "-rW", harness.SHIM], capture_output=True, text=True, check=True).stdout
        self.assertLessEqual(len(re.findall(r"_(?:GLOB_DAT|JUMP_SLO\w*) ", found)), 36, found)
        with open(os.path.join(SOURCE, "shim", "base", "symbols.def"), encoding="utf-8") as table:
            self.assertLessEqual(len(re.findall(r"^EARLY_SYMBOL", table.read(), re.M)), 4)


class TheLibrary(harness.ProgramTest):
    def ask(self, *command):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def test_it_needs_libc_alone(self):
        needed = re.findall(r"NEEDED.*\[(.*)\]", self.ask("readelf", "-dW", harness.SHIM))
        self.assertLessEqual(set(needed), {"libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"})

    def test_it_exports_what_the_table_says_and_nothing_else(self):
        with open(os.path.join(SOURCE, "shim", "base", "symbols.def")) as table:
            listed = set(re.findall(r"^(?:EARLY_|LATE_)SYMBOL\([^,]+, (\w+),", table.read(), re.M))
        exported = {line.split()[-1] for line in self.ask("nm", "-D", "--defined-only", harness.SHIM).splitlines()}
        exported = {name.partition("@")[0] for name in exported}
        self.assertLessEqual(listed, exported)
        self.assertEqual(exported - listed, {"nodewise_door"})
        self.assertTrue(all("@" not in line for line in self.ask("nm", "-D", "--defined-only", harness.SHIM).splitlines()
                            if line.split()[-1] in listed), "unversioned: a version would keep callers away")

    def test_its_thread_storage_is_small(self):
        sizes = re.findall(r"^\s*TLS\s+\S+\s+\S+\s+\S+\s+\S+\s+(0x[0-9a-f]+)", self.ask("readelf", "-lW", harness.SHIM), re.M)
        self.assertLess(sum(int(size, 16) for size in sizes), 512)


if __name__ == "__main__":
    harness.main()
