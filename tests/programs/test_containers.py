"""Plans that were made outside, in places that have less than the machine: cpusets of cgroups, and containers by podman with
its filter of system calls (Docker's, but for newer calls). A program runs there as it does alone, and its threads use what
is inside. As root. Services' filters: tests/abuse/test_kinds.py."""

import contextlib
import errno
import glob
import json
import os
import subprocess
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


class Outside(harness.ProgramTest):
    """A plan that was made where all CPUs may be used."""

    def setUp(self):
        super().setUp()
        self.assertEqual(os.geteuid(), 0, "cpusets and containers are root's")
        self.assertGreater(len(self.allowed), 1, "two CPUs at least")
        self.last = max(self.allowed)

    def compiled(self, rules):
        self.nodewise("compile", "-p", self.policy(rules), "-o", self.path("plan"))
        return self.path("plan")

    def create(self, process, *names):
        for name in names:
            self.tell(process, f"create {name}")


class Smaller(Outside):
    """Where only the last CPU may be used."""

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
        super().create(process, *names)
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


# crun wants either version of cgroups; on a machine with both it is shown the older, in a mount namespace of its own.
ONE_VERSION = """
if [ -d /sys/fs/cgroup/unified ]; then
  shown=$(mktemp -d -p .) && mount -t tmpfs cgroup "$shown"
  for folder in /sys/fs/cgroup/*; do
    [ "$folder" = /sys/fs/cgroup/unified ] || { mkdir "$shown/${folder##*/}" && mount --bind "$folder" "$shown/${folder##*/}"; }
  done
  mount --rbind "$shown" /sys/fs/cgroup
fi
exec "$@"
"""
TWO_RULES = EACH_ITS_OWN + 'memory = { policy = "preferred", nodes = "0" }\n'
USER_NAMESPACE = ["--uidmap=0:100000:65536", "--gidmap=0:100000:65536"]
MEMORY_CALLS = ["get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"]
# A kernel without nodes has no memory policies.
GRANTED = ("strict", "ok") if os.path.exists("/proc/self/numa_maps") else ("none", "enosys")
BINARIES = ("bin", "sbin", "lib", "lib64", "lib32")


class Containers(Outside):
    """By podman, with this machine's programs and its own default filter and capabilities, but for what a test changes."""

    def setUp(self):
        super().setUp()
        self.parent = f"nodewise-test-{os.getpid()}"
        self.addCleanup(self.remove_cgroups)
        os.chmod(self.folder, 0o755)
        os.makedirs(self.path("root/work"))
        os.chmod(self.path("root/work"), 0o777)
        for name in ("etc", "proc", "sys", "dev", "tmp", "run", "usr"):
            os.mkdir(self.path(f"root/{name}"))
        for name in BINARIES:
            if os.path.islink(f"/{name}"):
                os.symlink(os.readlink(f"/{name}"), self.path(f"root/{name}"))

    def remove_cgroups(self):
        """Podman may still be about to leave them."""
        def are_gone():
            folders = glob.glob(f"/sys/fs/cgroup/*/{self.parent}") + glob.glob(f"/sys/fs/cgroup/{self.parent}")
            for below in [below for folder in folders for below, _, _ in os.walk(folder, topdown=False)]:
                with contextlib.suppress(OSError):
                    os.rmdir(below)
            return not folders
        wait_until(are_gone, "the containers' cgroups are empty")

    def contain(self, options=(), rules=TWO_RULES, variables=(), owner=0):
        """does_as_told in a container, under a plan that is mounted there, and its number here."""
        plan = self.compiled(rules)
        os.chmod(plan, 0o644)
        os.chown(plan, owner, owner)
        os.makedirs(self.path("root") + harness.BUILD, exist_ok=True)
        if options == USER_NAMESPACE: # its root makes files there
            for folder, _, _ in os.walk(self.path("root")):
                os.chown(folder, 100000, 100000)
        mounts = ["/usr:/usr:ro", f"{harness.BUILD}:{harness.BUILD}:ro", f"{plan}:/nodewise/policy.plan:ro"]
        command = [
            "podman", "--cgroup-manager=cgroupfs", "--storage-driver=vfs", "--events-backend=none", f"--root={self.path('store')}",
            f"--runroot={self.path('state')}", "run", "--rm", "--interactive", "--network=none", f"--cgroup-parent={self.parent}",
            f"--pidfile={self.path('pid')}", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000",
            *(f"--volume={mount}" for mount in mounts),
            *(f"--env={variable}" for variable in (f"LD_PRELOAD={harness.SHIM}", "NODEWISE_PLAN=/nodewise/policy.plan", *variables)),
            *options, "--rootfs", self.path("root"), TOLD]
        quiet = "PODMAN_IGNORE_CGROUPSV1_WARNING=1" # podman 5 says on stderr which version it would rather have
        process = self.start(["env", quiet, "unshare", "-m", "sh", "-c", ONE_VERSION, "sh", *command], way="plain", stdin=-1, stdout=-1, stderr=-1)
        self.addCleanup(self.stop, process)
        first = process.stdout.readline()
        self.assertEqual(first, b"ready\n", f"podman runs nothing on this machine: {first + process.stderr.read(2000)}"
                         if first != b"ready\n" else "")
        with open(self.path("pid"), encoding="ascii") as file:
            return process, int(file.read())

    @staticmethod
    def stop(process):
        """Its program ends, and with it podman, which unmounts what it has mounted."""
        if process.poll() is None:
            process.stdin.close()
            process.wait(timeout=harness.SECONDS)

    def check(self, options=(), cpus=None, **more):
        """Two threads have their places, one by one, and the program says and ends as it does alone."""
        process, pid = self.contain(options, **more)
        self.create(process, "io-1", "io-2")
        cpus = cpus or self.allowed
        wait_until(lambda: {name: mask for name, mask in threads_of(pid).values() if name.startswith("io")} ==
                   self.places(cpus), f"io-1 and io-2 on {self.places(cpus)}")
        shown = self.shown(pid)
        output, errors = process.communicate(timeout=harness.SECONDS)
        self.assertEqual((output, errors, process.returncode), (b"", b"", 0))
        return shown

    @staticmethod
    def places(cpus):
        order = sorted(cpus)
        return {"io-1": {order[0]}, "io-2": {order[1 % len(order)]}}

    def shown(self, pid):
        """{name: what show says in the container} of the io threads."""
        users = [] if os.readlink(f"/proc/{pid}/ns/user") == os.readlink("/proc/self/ns/user") else ["-U"]
        done = subprocess.run(["nsenter", "-t", str(pid), *users, "-m", "-p", harness.NODEWISE, "show", "1", "--json"], capture_output=True,
                              env=harness.clean_environment(), timeout=harness.SECONDS, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return {thread["name"]: thread for thread in json.loads(done.stdout)["threads"] if thread["name"].startswith("io")}

    def assert_outcomes(self, shown, cpus, memory):
        self.assertEqual({(thread["outcome"], thread["memory_outcome"], thread["memory_reason"]) for thread in shown.values()},
                         {(cpus, *memory)})

    def as_docker(self):
        """Docker's default filter, as far as it differs for calls that place: memory policies are for SYS_NICE alone."""
        with open("/usr/share/containers/seccomp.json", encoding="utf-8") as file:
            profile = json.load(file)
        for rule in profile["syscalls"]:
            rule["names"] = [name for name in rule["names"] if name not in MEMORY_CALLS]
        profile["syscalls"] = [rule for rule in profile["syscalls"] if rule["names"]] + [
            {"names": MEMORY_CALLS, "action": "SCMP_ACT_ALLOW", "args": [], "includes": {"caps": ["CAP_SYS_NICE"]}, "excludes": {}},
            {"names": MEMORY_CALLS, "action": "SCMP_ACT_ERRNO", "args": [], "includes": {}, "excludes": {"caps": ["CAP_SYS_NICE"]},
             "errnoRet": errno.EPERM, "errno": "EPERM"}]
        with open(self.path("docker.json"), "w", encoding="utf-8") as file:
            json.dump(profile, file)
        return f"--security-opt=seccomp={self.path('docker.json')}"

    def test_the_default_filter(self):
        self.assert_outcomes(self.check(), "strict", GRANTED)

    def test_without_any_capability(self):
        self.assert_outcomes(self.check(["--cap-drop=ALL"]), "strict", GRANTED)

    def test_without_a_filter(self):
        self.assert_outcomes(self.check(["--security-opt=seccomp=unconfined"]), "strict", GRANTED)

    def test_the_filter_of_docker_refuses_memory_policies(self):
        self.assert_outcomes(self.check([self.as_docker()]), "strict", ("none", "no-mempolicy"))

    def test_the_filter_of_docker_with_the_capability_that_it_asks_for(self):
        self.assert_outcomes(self.check([self.as_docker(), "--cap-add=SYS_NICE"]), "strict", GRANTED)

    def test_a_cpuset_smaller_than_the_plan(self):
        self.check([f"--cpuset-cpus={self.last}"], {self.last})

    def test_a_view_from_outside_says_to_look_inside(self):
        process, pid = self.contain()
        done = subprocess.run([harness.NODEWISE, "show", str(pid)], capture_output=True, text=True, env=harness.clean_environment(),
                              timeout=harness.SECONDS, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (4, "", 1))
        self.assertIn("in a container", done.stderr)
        process.communicate(timeout=harness.SECONDS)

    def test_a_user_namespace(self):
        """Its root has the plan: one of root outside would be of a user who is unknown there."""
        self.assert_outcomes(self.check(USER_NAMESPACE, owner=100000), "strict", GRANTED)

    def test_a_plan_of_an_unknown_user_is_refused(self):
        process, pid = self.contain(USER_NAMESPACE)
        self.create(process, "io-1")
        self.assertEqual({name: mask for name, mask in threads_of(pid).values()}["io-1"], self.allowed)
        output, errors = process.communicate(timeout=harness.SECONDS)
        self.assertEqual((output, errors, process.returncode), (b"", b"", 0))

    def test_a_root_that_is_read_only(self):
        self.check(["--read-only", "--read-only-tmpfs=false"])

    def test_no_shared_memory(self):
        self.check(["--ipc=none"])

    def test_little_shared_memory(self):
        for size in ("4k", "64k"):
            with self.subTest(size=size):
                self.check([f"--shm-size={size}"])


if __name__ == "__main__":
    harness.main()
