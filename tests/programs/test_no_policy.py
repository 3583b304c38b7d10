"""What holds where no policy is named and none is found: `nodewise run` governs with the preset auto, and so does every
verb that speaks of a policy. A library that is only preloaded leaves the program alone."""

import json
import os
import subprocess
import sys

sys.path[:0] = [os.path.join(os.path.dirname(__file__), name) for name in ("..", "../abuse")]
import harness
from harness import threads_of, wait_until
from test_filters import CALLS

ZOO = os.path.join(harness.BUILD, "tests", "interpose")
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
REFUSE = os.path.join(harness.BUILD, "tests", "abuse", "refuse")
RULE = "NODEWISE_RULES__IO__MATCH__THREAD"


class NoPolicy(harness.ProgramTest):
    def setUp(self):
        super().setUp()
        self.last = max(self.allowed)
        os.chmod(self.folder, 0o755)

    def says(self, *words, code=0, before=(), **variables):
        """stdout and stderr of the command, in a folder where configuration of the user's is looked for."""
        environment = harness.clean_environment() | {"XDG_CONFIG_HOME": self.path("config")} | variables
        done = subprocess.run([*before, harness.NODEWISE, *words], capture_output=True, text=True, env=environment,
                              cwd=self.folder, timeout=harness.SECONDS)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout, done.stderr

    def started(self, *words, before=(), **variables):
        """A program that has made two threads, one of them called io."""
        process = self.start([*before, *words, os.path.join(ZOO, "does_as_told")], way="plain",
                             environment=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n", process.poll())
        self.tell(process, "create")
        self.tell(process, "create io")
        return process

    def governed(self, process):
        """{thread: rule} of the threads that the program made, and the policy that it is under."""
        report = json.loads(self.nodewise("report", str(process.pid), "-f", "json"))
        rules = {thread["name"]: thread["rule"] for thread in report["threads"] if thread["tid"] != process.pid}
        return report["plan"]["policy"], rules

    # --- run ---

    def test_a_command_without_a_policy_is_governed(self):
        policy, rules = self.governed(self.started(harness.NODEWISE, "run", "--"))
        self.assertEqual((policy, rules["io"]), ("preset:auto", "defaults"))

    def test_it_says_nothing_of_its_own(self):
        self.assertEqual(self.says("run", "--", "sh", "-c", "echo out; echo err >&2"), ("out\n", "err\n"))

    def test_settings_and_variables_go_over_it(self):
        process = self.started(harness.NODEWISE, "run", "--set", f"defaults.cpus={self.last}", "--set",
                               f"rules.io.cpus={min(self.allowed)}",
                               "--set", "rules.io.match.thread=io", "--")
        policy, rules = self.governed(process)
        self.assertEqual((policy, rules["io"], rules["does_as_told"]), ("preset:auto", "io", "defaults"))
        threads = {name: cpus for tid, (name, cpus) in threads_of(process.pid).items() if tid != process.pid}
        self.assertEqual(threads["does_as_told"], {self.last})
        for way in [harness.NODEWISE, "run", "--"], ["env", f"LD_PRELOAD={harness.SHIM}"]:
            policy, rules = self.governed(self.started(*way, **{RULE: "io"}))
            self.assertEqual((policy, rules["io"], rules["does_as_told"]), ("preset:auto", "io", "defaults"), way)

    def test_a_policy_that_is_found_comes_first(self):
        folder = self.path("config/nodewise")
        os.makedirs(folder, 0o755)
        policy = self.policy('[[rules]]\nname = "found"\nmatch = { thread = "io" }\n', "config/nodewise/policy.toml")
        self.assertEqual(self.says("config", "path", before=NOBODY)[0], policy + "\n")
        os.rename(policy, policy + ".old")
        self.assertEqual(self.says("config", "path", before=NOBODY)[0], "preset:auto\n")

    def test_under_a_filter_that_kills_it_governs_from_the_first_thread_on(self):
        process = self.started(REFUSE, str(CALLS["acct"]), "kill", harness.NODEWISE, "run", "--")
        policy, rules = self.governed(process)
        self.assertEqual((policy, rules["io"]), ("preset:auto", "defaults"))

    # --- a preload ---

    def test_a_bare_preload_leaves_the_program_alone(self):
        process = self.started("env", f"LD_PRELOAD={harness.SHIM}", f"NODEWISE_LOG={self.path('log')}",
                               f"XDG_CONFIG_HOME={self.folder}")
        with open(self.path("log"), encoding="utf-8") as log:
            self.assertIn(f"nodewise[{process.pid}]: dormant: no plan and no policy", log.read())
        self.assertEqual({cpus == self.allowed for _, cpus in threads_of(process.pid).values()}, {True})
        self.nodewise("show", str(process.pid), code=4)
        self.assertEqual(self.says("compile", "--cached", code=1)[0], "")

    # --- other verbs ---

    def test_it_is_shown_with_its_origin(self):
        shown = json.loads(self.says("config", "show", "--json")[0])
        self.assertEqual(shown["defaults.bind_to"]["value"], "node")
        self.assertRegex(shown["defaults.bind_to"]["origin"], r"^preset:auto:\d+$")
        changed = json.loads(self.says("config", "show", "--json", "--set", "defaults.level=l3",
                                       NODEWISE_DEFAULTS__SMT="allow")[0])
        self.assertEqual(changed["defaults.level"], {"value": "l3", "origin": "--set defaults.level"})
        self.assertEqual(changed["defaults.smt"], {"value": "allow", "origin": "NODEWISE_DEFAULTS__SMT"})
        self.assertEqual(changed["defaults.bind_to"], shown["defaults.bind_to"])

    def test_it_is_planned_checked_and_compiled(self):
        document = json.loads(self.says("plan", "--json", "--topology", "pack:2 numa:1 core:2", "--thread", "w*=4")[0])
        self.assertEqual(document["policy"], "preset:auto")
        self.assertEqual([thread["cpus"] for thread in document["threads"][1:]], ["0-1", "2-3"] * 2)
        for topology in "pu:1", "pack:1 core:4", "pack:2 numa:4 core:8 pu:2":
            self.assertEqual(self.says("check", "--topology", topology), (f"preset:auto: fine on {topology}\n", ""))
        self.says("compile", "-o", self.path("plan"))
        self.assertIn("preset:auto", self.says("run", "--dry-run", "--", "true")[0])
        self.says("doctor", "--", "/bin/true")

    def test_a_file_of_it_is_the_same_policy(self):
        self.says("init", "auto", "-o", self.path("auto.toml"))
        origins = [[(key, item["value"]) for key, item in json.loads(self.says("config", "show", "--json", *words)[0]).items()]
                   for words in ([], ["-p", self.path("auto.toml")], ["-p", "preset:auto"])]
        self.assertEqual(origins[1:], origins[:-1])

    def test_a_machine_that_hwloc_is_told_of_has_a_plan_of_its_own(self):
        paths = [subprocess.run([harness.NODEWISE, "compile", "--cached", "-p", "preset:auto"], capture_output=True, check=True,
                                env=harness.clean_environment() | machine, timeout=harness.SECONDS).stdout
                 for machine in ({}, {"HWLOC_SYNTHETIC": "node:2 core:1 pu:1"}, {"HWLOC_SYNTHETIC": "node:1 core:2 pu:1"})]
        self.assertEqual(len(set(paths)), 3, paths)

    def test_its_former_name_still_works(self):
        self.assertEqual(self.says("init", "minimal"), self.says("init", "auto"))
        policy = self.policy('extends = "preset:minimal"\n')
        self.assertIn("distribution = \"sharing\"", self.says("config", "show", "-p", policy)[0])
        self.assertIn("auto\n", self.says("init")[0])

    def test_a_process_keeps_its_policy_unless_another_is_named(self):
        policy = self.policy('[[rules]]\nname = "own"\nmatch = { thread = "io" }\n')
        process = self.started(harness.NODEWISE, "run", "-p", policy, "--")
        self.assertIn("preset:auto", self.says("reload", str(process.pid), code=2)[1])
        self.assertEqual(self.governed(process)[0], policy)
        for words in ["-p", "preset:auto"], ["--set", f"defaults.cpus={self.last}"]:
            reload = self.start([harness.NODEWISE, "reload", str(process.pid), *words], way="plain")
            # it takes the policy when it makes a thread
            wait_until(lambda: self.tell(process, "create") or reload.poll() is not None, "the reload ends")
            self.assertEqual((reload.returncode, self.governed(process)[0]), (0, "preset:auto"))
        self.assertEqual(threads_of(process.pid)[max(threads_of(process.pid))][1], {self.last})


if __name__ == "__main__":
    harness.main()
