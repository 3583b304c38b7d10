"""What the tests of this folder share: a program with the shim must do what it does without it, under the same
condition. A condition is a command in front of the program; where the program alone does not get along, there is
nothing to compare.

NODEWISE_ABUSE=all runs the whole matrix, which takes long; else each test takes the part that finds most.
"""

import collections
import multiprocessing.pool
import os
import resource
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness

ALL = harness.setting("NODEWISE_ABUSE", "fast") == "all"
FOLDER = os.path.join(harness.BUILD, "tests", "abuse")
ALONE, CROWD, FAMILY, REFUSE = (os.path.join(FOLDER, name) for name in ("alone", "crowd", "family", "refuse"))
PROGRAMS = {
    "alone": [ALONE],
    "crowd": [CROWD],
    "forks": [FAMILY, "fork", ALONE],
    "spawns": [FAMILY, "spawn", CROWD],
    "vforks": [FAMILY, "vfork", CROWD],
}

MEMORY = """
[defaults.memory]
policy = "preferred"
stack = "local"
migrate_on_move = true
regions = [ { kind = "anonymous", min_size = "1MiB", policy = "interleave" } ]
"""
RULE = """
[[rules]]
name = "w"
match = { thread = "w-*" }
bind_to = "cpu"
"""
REPORT = '[report]\nat_exit = "summary"\nfile = "%s/report-{pid}.txt"\n'
PROCESSES = '[process]\ndistribution = "round_robin"\nlevel = "l3"\n'
POLICIES = { # None: no plan at all
    "none": None,
    "dormant": '[target]\nexe = "/usr/bin/another"\n' + RULE,
    "pins": RULE,
    "memory": '[defaults]\nbind_to = "core"\n' + MEMORY + RULE,
    "processes": PROCESSES + RULE,
    "reports": REPORT + RULE,
    "everything": PROCESSES + REPORT + '[defaults]\nbind_to = "core"\n' + MEMORY + RULE + "exclusive = true\n",
}


PLAIN_SECONDS = 10 # a hundred times what the programs take; one that hangs by itself is nothing to compare with


class Run(collections.namedtuple("Run", "status output errors log")):
    @property
    def governed(self):
        return ": active" in self.log

    def same(self, other):
        return (self.status, self.output) == (other.status, other.output)


class Matrix(unittest.TestCase):
    """A test whose cases are many. Each adds to a count, which is printed: nothing is tried in silence, nor left out."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="nodewise-abuse-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.counts = collections.Counter()
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1])) # many are killed
        cls.plans = {name: cls.plan_of(name, text) for name, text in POLICIES.items() if text}
        cls.addClassCleanup(cls.tell)

    @classmethod
    def tell(cls):
        counts = ", ".join(f"{what} {count}" for what, count in sorted(cls.counts.items()))
        print(f"{cls.__name__}: {counts}", file=sys.stderr)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    @classmethod
    def plan_of(cls, name, text):
        policy = cls.path(f"{name}.toml")
        with open(policy, "w", encoding="utf-8") as file:
            file.write("schema = 1\n" + (text % cls.folder.name if "%s" in text else text))
        plan = cls.path(f"{name}.plan")
        subprocess.run([harness.NODEWISE, "compile", "-p", policy, "-o", plan], check=True, env=harness.clean_environment(),
                       timeout=harness.SECONDS)
        return plan

    @staticmethod
    def wait(process, seconds):
        """The status. What the program leaves behind ends, too: one that cannot exit would go on for ever."""
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return "hangs"
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()

    def run_one(self, command, variables, log, seconds=harness.SECONDS):
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(command, stdout=output, stderr=errors, stdin=subprocess.DEVNULL, start_new_session=True,
                                       env=harness.clean_environment() | {"NODEWISE_OCCUPANCY": "user"} | variables, cwd=self.folder.name)
            status = self.wait(process, seconds)
            output.seek(0)
            errors.seek(0)
            text = ""
            if log and os.path.exists(log):
                with open(log, encoding="utf-8") as file:
                    text = file.read()
                os.unlink(log)
            return Run(status, output.read(), errors.read(), text)

    def plain(self, condition, program):
        return self.run_one([*condition, *PROGRAMS[program]], {}, None, PLAIN_SECONDS)

    def governed(self, condition, program, policy, variables=None, way="preload"):
        """The program under the condition with the shim. The log says whether it was governed."""
        log = self.path(f"log-{os.getpid()}-{id(condition)}-{program}-{policy}-{way}")
        settings = dict(variables or {}) | {"NODEWISE_LOG": log}
        if policy in self.plans and way == "preload":
            settings["NODEWISE_PLAN"] = self.plans[policy]
        command = PROGRAMS[program]
        if way == "preload":
            command = [REFUSE, "-", "-", f"LD_PRELOAD={harness.SHIM}", *command]
        else:
            command = [harness.NODEWISE, "run", "-p", self.path(f"{policy}.toml"), "--", *command]
        return self.run_one([*condition, *command], settings, log)

    def compare(self, what, plain, run):
        """None, or what is different."""
        self.counts["tried"] += 1
        self.counts["governed"] += run.governed
        if run.same(plain):
            return None
        self.counts["different"] += 1
        return f"{what}: {plain.status} {plain.output!r} alone, {run.status} {run.output!r} {run.errors[-200:]!r} {run.log!r}"

    def check_all(self, cases, function):
        """function(case) for each, several at once; all differences are told together."""
        with multiprocessing.pool.ThreadPool(os.cpu_count()) as pool:
            found = [text for texts in pool.imap_unordered(function, cases, chunksize=4) for text in texts if text]
        self.assertGreater(self.counts["tried"], 0, "the matrix is empty")
        self.assertEqual(found, [], "\n" + "\n".join(found[:40]))
