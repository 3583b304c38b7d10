"""Where plans are kept, and that a program is started and governed, its children too, in whatever state the folders for
them are: taken by another user, full, read-only, missing, or none left at all. Each in a mount namespace of its own."""

import os
import shlex
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness

# unshare(1) itself fails to do this in a chroot, whose root is no mount point.
PRIVATE = "for point in / /dev /dev/shm /run /tmp /var/tmp; do mount --make-rprivate $point 2>/dev/null; done"
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
EMPTY = ("mount -t tmpfs -o mode=755 tmpfs /run; mount -t tmpfs -o mode=1777 tmpfs /dev/shm;"
         " mount -t tmpfs -o mode=1777 tmpfs /tmp; mount -t tmpfs -o mode=1777 tmpfs /var/tmp")
NOTHING = "; ".join(f"mount -t tmpfs -o ro tmpfs {place}" for place in ("/run", "/dev/shm", "/tmp", "/var/tmp"))
TAKEN = "setpriv --reuid=65533 --regid=65533 --clear-groups"
DAY = 24 * 3600


class Folders(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o755)
        self.last = max(self.allowed)
        self.policy(f'[[rules]]\nname = "main"\nmatch = {{ main = true }}\ncpus = "{self.last}"\nbind_to = "cpu"\n')
        self.within = "/mnt"  # the test's folder, when /tmp is something else; a checkout may lie there, too
        self.command = os.path.join("/media", os.path.relpath(harness.NODEWISE, harness.BUILD))
        self.shim = os.path.join("/media", os.path.relpath(harness.SHIM, harness.BUILD))

    def run_in(self, prepare, user=(), way="run", variables=(), script=None, options=()):
        """What the program and its child say: their CPUs, and where the plan is."""
        script = script or ("grep Cpus_allowed_list: /proc/self/status /proc/$$/status | sed 's/.*:\\s*//';"
                            " echo ${NODEWISE_PLAN:-none}")
        policy = f"{self.within}/policy.toml"
        program = ["sh", "-c", script]
        if way == "run":
            program = [self.command, "run", "-p", policy, *options, "--", *program]
            more = []
        else:
            more = [f"LD_PRELOAD={self.shim}", f"NODEWISE_POLICY={policy}"]
        environment = ["env", "-i", "PATH=/usr/bin:/bin", *more, *variables]
        prepared = (f"{PRIVATE}; mount --bind {shlex.quote(self.folder)} {self.within};"
                    f" mount --bind {shlex.quote(os.path.realpath(harness.BUILD))} /media; {prepare}; ")
        return subprocess.run(["unshare", "-m", "--propagation", "unchanged", "bash", "-c",
                               prepared + "exec " + shlex.join([*user, *environment, *program])],
                              capture_output=True, text=True, timeout=harness.SECONDS)

    def check(self, prepare, where, **how):
        """Governed, with its child, silently, and its plan is there."""
        for way in ("run", "preload"):
            with self.subTest(prepare, way=way, **how):
                done = self.run_in(prepare, way=way, **how)
                self.assertEqual((done.stderr, done.returncode), ("", 0))
                child, own, plan = done.stdout.splitlines()
                self.assertEqual((own, child), (str(self.last),) * 2)
                self.assertRegex(plan, f"^{where}")

    def test_the_first_folder_that_can_be_used_keeps_the_plan(self):
        package = "mkdir -m 711 /run/nodewise"
        self.check(f"{EMPTY}; {package}", "/run/nodewise/plans/")
        self.check(EMPTY, "/dev/shm/nodewise.0/plans/")
        session = "mkdir -m 700 /run/session; chown 65534 /run/session"
        self.check(f"{EMPTY}; {package}; {session}", "/run/session/nodewise/plans/", user=NOBODY,
                   variables=["XDG_RUNTIME_DIR=/run/session"])
        self.check(f"{EMPTY}; {package}", "/dev/shm/nodewise.65534/plans/", user=NOBODY)

    def test_a_folder_that_cannot_be_used_is_stepped_over(self):
        for state in ("mount -t tmpfs -o ro tmpfs /dev/shm", f"{TAKEN} mkdir /dev/shm/nodewise.0",
                      f"{TAKEN} mkfifo /dev/shm/nodewise.0", f"{TAKEN} ln -s /root /dev/shm/nodewise.0",
                      f"{TAKEN} touch /dev/shm/nodewise.0",
                      "mkdir -m 711 /dev/shm/nodewise.0; mkdir -m 777 /dev/shm/nodewise.0/plans",
                      "mkdir -m 711 /dev/shm/nodewise.0; ln -s /root /dev/shm/nodewise.0/plans",
                      "mount -t tmpfs -o size=4k,mode=1777 tmpfs /dev/shm; head -c 9k /dev/zero >/dev/shm/filled 2>/dev/null",
                      "mount -t tmpfs -o nr_inodes=2,mode=1777 tmpfs /dev/shm"):
            self.check(f"{EMPTY}; {state}", "/var/tmp/nodewise.0/plans/")

    def test_a_user_has_a_cache_and_temporary_folders(self):
        closed = f"{EMPTY}; mount -t tmpfs -o ro tmpfs /dev/shm"
        own = "for name in home cache tmp; do mkdir -m 700 /run/$name; chown 65534 /run/$name; done"
        self.check(f"{closed}; {own}", "/run/cache/nodewise/plans/", user=NOBODY,
                   variables=["HOME=/run/home", "XDG_CACHE_HOME=/run/cache", "TMPDIR=/run/tmp"])
        self.check(f"{closed}; {own}", "/run/home/.cache/nodewise/plans/", user=NOBODY,
                   variables=["HOME=/run/home", "XDG_CACHE_HOME=cache", "TMPDIR=/run/tmp"])
        self.check(f"{closed}; {own}", "/run/tmp/nodewise.65534/plans/", user=NOBODY,
                   variables=["HOME=/nonexistent", "TMPDIR=/run/tmp"])
        self.check(closed, "/var/tmp/nodewise.65534/plans/", user=NOBODY)
        self.check(f"{closed}; {TAKEN} mkdir /var/tmp/nodewise.65534", "/tmp/nodewise.65534/plans/", user=NOBODY,
                   variables=["HOME=/root", "TMPDIR=/root"])

    def test_a_folder_of_another_user_is_no_place_for_roots_plan(self):
        foreign = "for name in home cache tmp; do mkdir -m 755 /run/$name; chown 65534 /run/$name; done"
        self.check(f"{EMPTY}; {foreign}; mount -t tmpfs -o ro tmpfs /dev/shm; mount -t tmpfs -o ro tmpfs /var/tmp;"
                   " mount -t tmpfs -o ro tmpfs /tmp", "data:",
                   variables=["HOME=/run/home", "XDG_CACHE_HOME=/run/cache", "TMPDIR=/run/tmp", "XDG_RUNTIME_DIR=/run/home"])

    def test_without_any_folder_the_plan_goes_along_in_the_environment(self):
        self.check(NOTHING, "data:")
        self.check(NOTHING, "data:", user=NOBODY, variables=["HOME=/", "XDG_RUNTIME_DIR=garbage"])

    def test_a_limit_on_the_size_of_files_ends_nothing(self):
        for blocks in (0, 1, 2, 100, 1000):
            self.check(f"{EMPTY}; ulimit -f {blocks}", "(data:|/dev/shm/nodewise.0/plans/)")

    def test_a_report_that_run_waits_for_needs_no_tmp(self):
        done = self.run_in(f"{EMPTY}; mount -t tmpfs -o ro tmpfs /tmp", script="exec true", options=["--require-locality", "0"])
        self.assertNotIn("no file for the report", done.stderr)
        self.assertLess(done.returncode, 125, done.stderr)

    def test_doctor_names_the_folder_and_what_is_wrong_with_better_ones(self):
        asks = f"{self.command} doctor | grep -w folder"
        for prepare, words in ((EMPTY, ["fine", "/dev/shm/nodewise.0 keeps", "/run/nodewise: it does not exist"]),
                               (f"{EMPTY}; mkfifo /run/nodewise", ["/run/nodewise: it is no folder"]),
                               (f"{EMPTY}; mkdir -m 1777 /run/nodewise", ["/run/nodewise: another user can write to it"]),
                               (f"{EMPTY}; {TAKEN} mkdir /dev/shm/nodewise.0", ["less", "/var/tmp/nodewise.0 keeps"]),
                               (NOTHING, ["less", "none keeps", "/dev/shm/nodewise.0: Read-only file system"])):
            done = self.run_in(prepare, script=asks)
            for word in words:
                self.assertIn(word, done.stdout)

    # --- plans that nobody uses ---

    def aged(self, count, age):
        """A shell command: so many plans that were used so long ago, each with a share's."""
        return (f"mkdir -m 711 /dev/shm/nodewise.0 /dev/shm/nodewise.0/plans; cd /dev/shm/nodewise.0/plans;"
                f" for i in $(seq {count}); do touch -d @$(({int(time.time()) - age} - i)) $i-0.v1.plan $i-0.v1.plan.0; done; cd /")

    def left(self, prepare, **how):
        done = self.run_in(f"{EMPTY}; {prepare}", script="ls /dev/shm/nodewise.0/plans", **how)
        self.assertEqual((done.stderr, done.returncode), ("", 0))
        return [name for name in done.stdout.split() if "-0.v1.plan" in name]

    def test_old_plans_without_a_user_are_removed(self):
        self.assertEqual(self.left(self.aged(5, DAY + 60)), [])

    def test_recent_plans_stay(self):
        self.assertEqual(len(self.left(self.aged(100, 60))), 200)

    def test_of_older_ones_the_newest_stay(self):
        left = self.left(self.aged(100, 3600))
        self.assertIn(len(left), (126, 128))  # the new one counts, too
        self.assertIn("1-0.v1.plan", left)
        self.assertNotIn("100-0.v1.plan.0", left)

    def test_a_plan_in_use_stays_with_its_shares(self):
        """By what the children of any program will look for."""
        self.start(["sleep", str(harness.SECONDS)], way="plain",
                   environment={"NODEWISE_PLAN": "/dev/shm/nodewise.0/plans/3-0.v1.plan.0"})
        self.assertEqual(self.left(self.aged(5, DAY + 60)), ["3-0.v1.plan", "3-0.v1.plan.0"])

    def test_a_plan_that_is_taken_again_is_not_old(self):
        first = shlex.join([self.command, "compile", "--cached", "-p", f"{self.within}/policy.toml"])
        other = f"NODEWISE_DEFAULTS__BIND_TO=core {first} >/dev/null"
        done = self.run_in(f"{EMPTY}; plan=$({first}); touch -d '2 days ago' $plan; {first} >/dev/null; {other}; test -f $plan || echo gone >&2")
        self.assertEqual((done.stderr, done.returncode), ("", 0))

    def test_a_child_compiles_again_what_was_removed(self):
        """Where its parent compiled it from the same environment."""
        script = "rm -r /dev/shm/nodewise.0/plans; grep Cpus_allowed_list: /proc/self/status | sed 's/.*:\\s*//'"
        done = self.run_in(EMPTY, way="preload", script=script)
        self.assertEqual((done.stdout, done.stderr), (f"{self.last}\n", ""))


if __name__ == "__main__":
    harness.main()
