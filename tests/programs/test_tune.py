"""`nodewise tune`: which candidates are run, what it says of them, and what is left when it has ended. The commands are made
up: what they print depends on the CPUs that they may use, so that the answer is known."""

import json
import os
import signal
import subprocess
import sys

import jsonschema

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import wait_until

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "tune", "tune.schema.json")
NOISE = "$(($$ % 90 + 10))"  # hundredths, another one each run
# On one CPU twice as much as on two, and so on.
RATE = f"echo working on; echo progress rate 7; echo rate: $((10000 / $(nproc))).{NOISE}"
SAME = f"echo rate: 500.{NOISE}"
FEW = ["--candidates", "one-cpu,cores,library"]
# Of a server on port $1, by the CPUs that it has; $2: those that the load itself is to have.
LOAD = r"""
[ "$(nproc)" = "$2" ] || { echo the load is placed; exit 1; }
pid=$(redis-cli -p "$1" info server | tr -d '\r' | sed -n 's/^process_id://p')
case $(sed -n 's/^Cpus_allowed_list:\t//p' "/proc/$pid/status") in
*[,-]*) rate=100 ;;
*) rate=1000 ;;
esac
echo "$rate.$(($$ % 90 + 10)) requests per second"
"""


class TuneTest(harness.ProgramTest):
    def tune(self, *arguments, code=0):
        """The document, checked against its schema, and what was said on stderr."""
        done = subprocess.run([harness.NODEWISE, "tune", "--json", "--budget", "1h", *arguments], capture_output=True, text=True,
                              env=harness.clean_environment(), timeout=8 * harness.SECONDS, cwd=self.folder)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        document = json.loads(done.stdout)
        with open(SCHEMA, encoding="utf-8") as file:
            jsonschema.validate(document, json.load(file))
        self.candidates = {candidate["name"]: candidate for candidate in document["candidates"]}
        return document, done.stderr

    def script(self, text, name="command"):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return ["sh", self.path(name)]


class Verdicts(TuneTest):
    def test_the_best_place_wins_and_its_policy_is_written(self):
        document, said = self.tune("--metric", "^rate", *FEW, "-o", self.path("won.toml"), "--", *self.script(RATE))
        self.assertEqual((document["verdict"]["word"], document["verdict"]["winner"]), ("better", "one-cpu"))
        self.assertGreaterEqual(document["verdict"]["confidence"], 0.95)
        gain = document["verdict"]["gain"]
        self.assertLess(gain["low"], len(self.allowed) * 1.001)
        self.assertGreater(gain["high"], len(self.allowed) * 0.999)
        self.assertIn("tune: plain: ", said)
        self.nodewise("check", self.path("won.toml"))
        placed = subprocess.run([harness.NODEWISE, "run", "-p", self.path("won.toml"), "--", "nproc"], capture_output=True,
                                text=True, env=harness.clean_environment())
        self.assertEqual(placed.stdout, "1\n")

    def test_the_options_that_it_prints_do_the_same(self):
        self.tune("--metric", "rate", *FEW, "--", *self.script(RATE))
        options = self.candidates["one-cpu"]["options"].split()
        self.assertEqual(self.nodewise("run", *options, "--", "nproc"), "1\n")

    def test_no_difference_is_told_and_nothing_is_written(self):
        document, said = self.tune("--metric", "rate", *FEW, "-o", self.path("won.toml"), "--", *self.script(SAME), code=1)
        self.assertEqual((document["verdict"]["word"], document["verdict"]["winner"]), ("no_difference", None))
        self.assertFalse(os.path.exists(self.path("won.toml")))
        self.assertIn("there is no winner", said)

    def test_where_less_is_better_the_plain_command_wins(self):
        document, _ = self.tune("--metric", "rate", "--lower", "--candidates", "one-cpu", "--", *self.script(RATE), code=1)
        self.assertEqual(document["verdict"]["word"], "plain")

    def test_less_time_is_better(self):
        command = self.script("sleep 0.$(($(nproc) * 2))")
        document, _ = self.tune("--candidates", "one-cpu", "--", *command)
        self.assertEqual((document["metric"]["kind"], document["verdict"]["winner"]), ("time", "one-cpu"))

    def test_what_the_kernel_granted_is_told(self):
        ring = os.path.join(harness.BUILD, "tests", "loads", "load_ring")
        self.tune("--metric", "rate", "--candidates", "one-cpu", "--", *self.script(f"{ring} 4 5 && {RATE}"))
        self.assertEqual(self.candidates["one-cpu"]["granted"], "as_asked")
        self.assertEqual(self.candidates["plain"]["granted"], None)

    def test_what_is_far_behind_runs_no_more(self):
        self.tune("--metric", "rate", *FEW, "--", *self.script(RATE))
        self.assertEqual(self.candidates["library"]["state"], "behind")
        self.assertEqual(len(self.candidates["library"]["selection"]), 2)
        self.assertEqual(len(self.candidates["one-cpu"]["confirmation"]), 5)


class Candidates(TuneTest):
    def test_one_that_fails_is_dropped_with_its_reason(self):
        command = self.script(f"if [ $(nproc) = 1 ]; then echo no room >&2; exit 3; fi; {SAME}")
        document, said = self.tune("--metric", "rate", *FEW, "--", *command, code=1)
        self.assertEqual(self.candidates["one-cpu"]["state"], "failed")
        self.assertEqual(self.candidates["one-cpu"]["reason"], "it ended with 3: no room")
        self.assertIn("one-cpu failed and is dropped: it ended with 3: no room", said)
        self.assertGreaterEqual(len(self.candidates["library"]["selection"]), 2)
        self.assertEqual(document["verdict"]["word"], "no_difference")

    def test_one_that_prints_no_metric_is_dropped(self):
        self.tune("--metric", "rate", "--candidates", "one-cpu", "--",
                  *self.script(f"if [ $(nproc) = 1 ]; then echo nothing; else {SAME}; fi"), code=1)
        self.assertEqual(self.candidates["one-cpu"]["reason"], "no line of its output matches --metric")

    def test_what_is_the_same_here_is_left_out_with_the_reason(self):
        self.tune("--metric", "rate", "--candidates", "places,numactl", "--", *self.script(SAME), code=1)
        nodes = [node for node in json.loads(self.nodewise("topo", "--json"))["nodes"] if node["memory_allowed"]]
        self.assertEqual(self.candidates["interleave"]["state"] == "left_out", len(nodes) == 1)
        for candidate in self.candidates.values():
            self.assertEqual(candidate["state"] == "left_out", bool(candidate["reason"]), candidate)

    def test_a_policy_is_tried_with_variations_of_its_rules(self):
        policy = self.policy('[[rules]]\nname = "io"\nmatch = { thread = "io-*" }\nbind_to = "core"\n')
        self.tune("--metric", "rate", "--candidates", policy, "-p", policy, "--", *self.script(SAME), code=1)
        self.assertIn(policy, self.candidates)
        varied = {name for name in self.candidates if name.startswith("rules.io.")}
        self.assertLessEqual({"rules.io.bind_to=none", "rules.io.distribution=scatter"}, varied)
        self.assertNotIn("rules.io.bind_to=core", varied)
        with open(self.path("varied.toml"), "w", encoding="utf-8") as file:
            file.write(self.candidates["rules.io.bind_to=none"]["policy"])
        shown = self.nodewise("config", "show", "-p", self.path("varied.toml"))
        self.assertIn("rules.io.bind_to = \"none\"", shown)

    def test_a_learned_policy_is_tried(self):
        program = [sys.executable, "-c", "import threading, os\nt = threading.Thread(target=sum, args=(range(10**6),)); t.start()\n"
                   "t.join()\nprint('rate: 500.' + str(os.getpid() % 90 + 10))"]
        self.tune("--metric", "rate", "--candidates", "learned", "--", *program, code=1)
        self.assertEqual(self.candidates["learned"]["reason"], None)
        self.assertIn("Learned from one run", self.candidates["learned"]["policy"])

    def test_the_budget_leaves_out_what_it_has_no_time_for(self):
        document, _ = self.tune("--budget", "2s", "--candidates", "places,spreads,library", "--", "sleep", "0.1", code=1)
        left_out = [c["name"] for c in document["candidates"] if (c["reason"] or "").startswith("no time for it")]
        self.assertTrue(left_out)
        self.assertLess(document["seconds"], harness.SECONDS)


class Servers(TuneTest):
    def test_a_server_is_judged_by_its_load(self):
        port = str(harness.free_port())
        load = " ".join(self.script(LOAD, "load.sh"))
        document, _ = self.tune("--candidates", "one-cpu,presets", "--metric", "requests per second", "--load",
                                f"{load} {port} {len(self.allowed)}", "--",
                                "redis-server", "--port", port, "--save", "")
        self.assertIn(document["verdict"]["winner"], ("one-cpu", "preset:redis"))  # which has the server on a core, too
        self.assertGreater(self.candidates["one-cpu"]["median"], 5 * self.candidates["plain"]["median"])
        self.assertNotEqual(self.candidates["preset:redis"]["granted"], None, "it wrote its report before it was ended")
        self.assertNotIn("preset:postgres", self.candidates)
        refused = subprocess.run(["redis-cli", "-p", port, "ping"], capture_output=True, text=True)
        self.assertNotEqual(refused.stdout.strip(), "PONG", "the last server has ended")

    def test_a_server_is_ready_when_the_command_says_so(self):
        ready = self.path("ready")
        command = self.script(f"rm -f {ready}; : > {ready}; exec sleep 1000")
        document, _ = self.tune("--candidates", "library", "--metric", "rate", "--ready", f"test -e {ready}", "--load",
                                f"test -e {ready} && {SAME}; rm {ready}", "--", *command, code=1)
        self.assertEqual(document["verdict"]["word"], "no_difference")

    def test_a_server_that_ends_before_its_load_has_failed(self):
        done = subprocess.run([harness.NODEWISE, "tune", "--load", "sleep 1000", "--ready", "true", "--", "sh", "-c",
                               "echo full >&2; exit 4"], capture_output=True, text=True, env=harness.clean_environment())
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, "the command fails by itself: the server (ended with 4: full|ended before the load)")

    def test_nothing_that_was_started_is_left(self):
        pids = self.path("pids")
        command = self.script(f"setsid sh -c 'echo $$ >> {pids}; : > {pids}.'$$'; exec sleep 1000' & "
                              f"while ! [ -e {pids}.$$ ]; do :; done; {SAME}")
        self.tune("--candidates", "library", "--metric", "rate", "--", *command, code=1)
        with open(pids, encoding="ascii") as file:
            started = file.read().split()
        self.assertGreater(len(started), 3)
        self.assertEqual([pid for pid in started if os.path.exists(f"/proc/{pid}")], [])


class Interrupted(TuneTest):
    def test_what_was_measured_is_printed(self):
        marks = self.path("marks")
        command = self.script(f"echo one more >> {marks}; {SAME}")
        process = self.start([harness.NODEWISE, "tune", "--json", "--budget", "1h", "--least", "0", "--metric", "rate",
                              "--candidates", "library,one-cpu,cores", "--", *command], way="plain", stdout=subprocess.PIPE)
        wait_until(lambda: os.path.exists(marks) and os.path.getsize(marks) > 13 * len("one more\n"), "two rounds have ended")
        process.send_signal(signal.SIGINT)
        document = json.loads(process.communicate(timeout=harness.SECONDS)[0])
        self.assertEqual(process.returncode, 1)
        self.assertTrue(document["candidates"][0]["selection"])


class Views(TuneTest):
    def test_text_and_page_tell_the_same(self):
        arguments = ["--metric", "rate", "--candidates", "one-cpu", "--report", self.path("tuned.html")]
        text = self.nodewise("tune", *arguments, "--", *self.script(RATE))
        self.assertRegex(text, r"(?m)^one-cpu +\d+(\.\d+)? +[\d.]+ +98\.4 % +2\+5 +nothing_asked +winner$")
        self.assertIn("one-cpu is better than plain by a factor of", text)
        self.assertIn("nodewise run -C ", text)
        with open(self.path("tuned.html"), encoding="utf-8") as file:
            page = file.read()
        self.assertIn("one-cpu is better than plain by a factor of", page)
        self.assertEqual(page.count("<circle class=\"again\""), 10)
        self.assertNotIn("<script", page)
        self.assertNotIn("http", page.replace("http://www.w3.org", ""))


if __name__ == "__main__":
    harness.main()
