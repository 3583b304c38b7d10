"""Plans that were made outside, in places that have less than the machine: cpusets of cgroups here, containers and services'
filters in the classes below. A program runs there as it does alone, and its threads use what is inside. As root."""

import contextlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import cpu_list, threads_of, wait_until

TOLD = os.path.join(harness.BUILD, "tests", "interpose", "does_as_told")
EACH_ITS_OWN = """
[[rules]]
name = "io"
match = { thread = "io*" }
cpus = "all"
bind_to = "cpu"
"""


def cpuset_folder():
    """(folder of a cpuset that processes may be put into, names of files that must be filled), of either version."""
    for folder, needed in (("/sys/fs/cgroup/cpuset", ("cpuset.mems",)), ("/sys/fs/cgroup", ())):
        with contextlib.suppress(OSError), open(os.path.join(folder, "cgroup.procs"), encoding="ascii"):
            if needed and os.path.exists(os.path.join(folder, needed[0])):
                return folder, needed
            with open(os.path.join(folder, "cgroup.controllers"), encoding="ascii") as file:
                if "cpuset" in file.read().split():
                    with open(os.path.join(folder, "cgroup.subtree_control"), "w", encoding="ascii") as control:
                        control.write("+cpuset")
                    return folder, ()
    raise AssertionError("the test makes a cpuset below /sys/fs/cgroup, and there is none that it may change")


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


class Cpuset:
    """Of some CPUs. Gone when close() is called, with no process in it."""

    def __init__(self, cpus):
        parent, needed = cpuset_folder()
        self.folder = os.path.join(parent, f"nodewise-test-{os.getpid()}")
        self.parent = parent
        os.mkdir(self.folder)
        for name in needed:
            with open(os.path.join(parent, name), encoding="ascii") as file:
                write(os.path.join(self.folder, name), file.read())
        self.limit(cpus)

    def limit(self, cpus):
        write(os.path.join(self.folder, "cpuset.cpus"), ",".join(map(str, sorted(cpus))))

    def take(self, pid):
        write(os.path.join(self.folder, "cgroup.procs"), str(pid))

    def enter(self):
        """For subprocess's preexec_fn."""
        self.take(os.getpid())

    def close(self):
        with open(os.path.join(self.folder, "cgroup.procs"), encoding="ascii") as file:
            for pid in file.read().split():
                os.kill(int(pid), 9)
        wait_until(self.is_removed, "the cpuset is empty")

    def is_removed(self):
        with contextlib.suppress(OSError):
            os.rmdir(self.folder)
        return not os.path.exists(self.folder)


class Smaller(harness.ProgramTest):
    """A plan of all CPUs where only the last may be used."""

    def setUp(self):
        super().setUp()
        self.assertEqual(os.geteuid(), 0, "cpusets are root's")
        self.assertGreater(len(self.allowed), 1, "two CPUs at least")
        self.first, self.last = min(self.allowed), max(self.allowed)

    def compiled(self, rules):
        self.nodewise("compile", "-p", self.policy(rules), "-o", self.path("plan"))
        return self.path("plan")

    def begin(self, rules, cpuset=None, **variables):
        """does_as_told under a plan that was made for all CPUs."""
        environment = {"LD_PRELOAD": harness.SHIM, "NODEWISE_PLAN": self.compiled(rules), **variables}
        process = self.start([TOLD], way="plain", environment=environment, preexec_fn=cpuset and cpuset.enter,
                             stdin=-1, stdout=-1, stderr=-1)
        self.assertEqual(process.stdout.readline(), b"ready\n", process.poll())
        return process

    def cpuset(self, cpus):
        made = Cpuset(cpus)
        self.addCleanup(made.close)
        return made

    def create(self, process, *names):
        for name in names:
            self.tell(process, f"create {name}")
        return self.by_name(process, names)

    def by_name(self, process, names):
        """{name: what show says}, of placed threads."""
        def found():
            threads = {thread["name"]: thread for thread in self.show(process.pid)["threads"] if thread["state"] == "live"}
            return {name: threads[name] for name in names} if all(
                name in threads and threads[name]["rule"] == "io" for name in names) else None
        return wait_until(found, f"{names} have their rule")

    def assert_all_inside(self, process, shown, cpus):
        outside = {name: mask for name, mask in threads_of(process.pid).values() if name in shown}
        self.assertEqual(outside, {name: cpus for name in shown})
        for name, thread in shown.items():
            self.assertEqual(cpu_list(thread["now"]), cpus, name)
            self.assertNotEqual(thread["outcome"], "none", thread)

    def test_a_cpuset_smaller_than_the_plan_from_the_start(self):
        process = self.begin(EACH_ITS_OWN, self.cpuset({self.last}))
        self.assert_all_inside(process, self.create(process, "io-1", "io-2", "io-3"), {self.last})

    def test_a_cpuset_that_becomes_smaller(self):
        cpuset = self.cpuset(self.allowed)
        process = self.begin(EACH_ITS_OWN, cpuset)
        self.create(process, "io-1")
        cpuset.limit({self.last})
        self.assert_all_inside(process, self.create(process, "io-2", "io-3", "io-4"), {self.last})

    def test_a_core_of_its_own_is_found_inside(self):
        process = self.begin(EACH_ITS_OWN + "exclusive = true\n", self.cpuset({self.last}))
        shown = self.create(process, "io-1")
        self.assert_all_inside(process, shown, {self.last})

    def test_forked_children_are_inside(self):
        rules = '[[rules]]\nname = "all"\nmatch = { forked = true }\ncpus = "all"\nbind_to = "cpu"\ndistribution = "round_robin"\n'
        process = self.begin(rules, self.cpuset({self.last}))
        for _ in range(3):
            (child,) = self.tell(process, "fork")
            threads = wait_until(lambda: [thread for thread in self.show(int(child))["threads"] if thread["rule"] == "all"], "placed")
            self.assertEqual([(cpu_list(thread["now"]), thread["outcome"] == "none") for thread in threads], [({self.last}, False)])


if __name__ == "__main__":
    harness.main()
