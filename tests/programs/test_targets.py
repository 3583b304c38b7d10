"""Views as a person calls them all day: processes by id, thread or name, several at once, in 80 columns, with words that
`explain` knows."""

import json
import os
import re
import subprocess
import sys
import unicodedata

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
from harness import wait_until

BUSY = os.path.join(harness.BUILD, "tests", "interpose", "some_are_busy")
POLICY = """
[[rules]]
name = "named-otherwise"
match = { thread = ["io_*", "net"] }
bind_to = "cpu"
[[rules]]
name = "late"
match = { index = "100-" }
bind_to = "cpu"
[defaults]
bind_to = "cpu"
"""


def columns(line):
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


class Targets(harness.ProgramTest):
    def start_busy(self, name="some_are_busy", threads=2, policy=POLICY):
        program = self.path(name)
        if not os.path.exists(program):
            os.symlink(BUSY, program)
        process = self.start([program, str(threads), "1"], self.policy(policy), "run", stdin=subprocess.PIPE)
        self.wait_until_seen(process.pid)
        wait_until(lambda: len(self.show(process.pid)["threads"]) > threads, "all threads are there")
        return process

    def shown(self, *words):
        """The processes that `show` tells of, from its JSON documents one after the other."""
        text, documents, decoder = self.nodewise("show", *words, "--json"), [], json.JSONDecoder()
        while text.strip():
            document, end = decoder.raw_decode(text.lstrip())
            documents.append(document)
            text = text.lstrip()[end:]
        return [(document["process"]["pid"], [thread["tid"] for thread in document["threads"]]) for document in documents]

    def test_a_process_is_found_by_its_id_a_thread_or_a_name(self):
        one, other = self.start_busy("busy_one"), self.start_busy("busy_other")
        tids = sorted(harness.threads_of(one.pid))
        whole, second = (one.pid, tids), (other.pid, sorted(harness.threads_of(other.pid)))
        self.assertEqual(self.shown(str(one.pid)), [whole])
        self.assertEqual(self.shown("busy_one"), [whole])
        self.assertEqual(self.shown("busy_o*", "busy_one", str(one.pid)), sorted([whole, second]))
        self.assertEqual(self.shown(str(tids[-1])), [(one.pid, tids[-1:])])
        self.assertEqual(self.shown(f"busy_one/{tids[1]}"), [(one.pid, tids[1:2])])
        self.assertEqual(self.shown(f"{one.pid}/busy_*"), [(one.pid, [tid]) for tid in tids])
        self.nodewise("show", "busy_none", code=4)
        self.nodewise("show", f"busy_other/{tids[1]}", code=4)
        self.nodewise("show", "busy_one/nothing", code=4)

    def test_every_verb_takes_names_and_several_processes(self):
        one, other = self.start_busy("busy_one"), self.start_busy("busy_other")
        for verb in ("show", "why", "verify", "report", "top", "reload"):
            more = {"reload": ["-p", self.path("policy.toml")], "top": ["--batch"]}.get(verb, [])
            text = self.nodewise(verb, *more, "busy_one", str(other.pid))
            with self.subTest(verb=verb):
                self.assertIn(str(one.pid), text)
                self.assertIn(str(other.pid), text)
        self.nodewise("diff", "busy_one", "busy_other")
        self.nodewise("diff", "busy_one", "busy_o*", code=2)
        self.nodewise("report", "busy_one", "busy_other", "-o", self.path("both.json"), code=2)

    def test_processes_are_a_tree_with_titles_users_and_ages(self):
        program = f"exec 3<&0; {BUSY} 1 1 <&3 & exec {BUSY} 1 1"
        parent = self.start(["sh", "-c", program], self.policy(POLICY), "run", stdin=subprocess.PIPE)  # sh gives what is in the background /dev/null
        self.wait_until_seen(parent.pid)
        listed = lambda: json.loads(self.nodewise("ps", "--json"))
        wait_until(lambda: any(p["ppid"] == parent.pid and p["comm"] == "some_are_busy" for p in listed()), "the child is listed")
        child = next(p for p in listed() if p["ppid"] == parent.pid)
        self.assertEqual(child["title"], f"{BUSY} 1 1")
        self.assertEqual(child["user"], "root" if os.geteuid() == 0 else child["user"])
        self.assertGreaterEqual(child["seconds"], 0)
        rows = self.nodewise("ps", "--wide").splitlines()
        at = next(i for i, row in enumerate(rows) if row.startswith(f"{parent.pid} "))
        self.assertRegex(rows[at + 1], rf"^{child['pid']} .*└─ {re.escape(BUSY)} 1 1$")
        self.assertRegex(rows[0], "^PID +USER +AGE +THREADS +STRICT +BEST +NONE +STATE +POLICY +TITLE$")
        parent.stdin.close()  # ends both

    def test_views_fit_80_columns_and_lose_nothing(self):
        name = "rule-of-a-name-of-thirty-1-byte"
        policy = self.policy(f'[[rules]]\nname = "{name}"\nmatch = {{ index = "1-" }}\ncpus = "0-1,{",".join(map(str, range(300, 340, 2)))}"\n')
        process = self.start([BUSY, "2", "1"], policy, "run", stdin=subprocess.PIPE)
        self.wait_until_seen(process.pid)
        pid, environment = str(process.pid), harness.clean_environment() | {"COLUMNS": "80"}
        for verb in (["ps"], ["show", pid], ["report", pid], ["verify", pid], ["top", "--batch", pid]):
            done = subprocess.run([harness.NODEWISE, *verb], capture_output=True, text=True, env=environment, timeout=harness.SECONDS)
            tables = [line for line in done.stdout.splitlines() if not line.startswith(("hint: ", "verdict: "))]
            with self.subTest(verb=verb):
                self.assertLessEqual(max(map(columns, tables)), 80)
        wide = self.nodewise("show", "--wide", pid)
        self.assertIn(name, wide)
        narrow = subprocess.run([harness.NODEWISE, "show", pid], capture_output=True, text=True, env=environment, timeout=harness.SECONDS).stdout
        self.assertIn("336,338", narrow)

    def test_threads_that_have_ended_are_not_live(self):
        report = self.path("end.json")
        subprocess.run([harness.NODEWISE, "run", "-p", self.policy(POLICY), "--report", report, "--", BUSY, "3", "1"],
                       stdin=subprocess.DEVNULL, capture_output=True, env=harness.clean_environment(), check=True, timeout=harness.SECONDS)
        with open(report, encoding="utf-8") as file:
            document = json.load(file)
        self.assertEqual({thread["state"] for thread in document["threads"]}, {"ended"})

    def test_a_verdict_counts_threads_by_what_they_have_last(self):
        renames = os.path.join(harness.BUILD, "tests", "interpose", "does_as_told")
        process = self.start([renames], self.policy(POLICY), "run", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.wait_until_seen(process.pid)
        document = json.loads(self.nodewise("report", str(process.pid), "--json"))
        verdict, placed = document["verdict"], [t for t in document["threads"] if t["rule"] != "(base)"]
        self.assertEqual(verdict["full"] + verdict["preferred"] + verdict["less"], len(placed))

    def test_why_shows_the_condition_that_failed_and_what_it_met(self):
        process = self.start_busy("busy_one")
        text = self.nodewise("why", f"{process.pid}/{sorted(harness.threads_of(process.pid))[1]}")
        self.assertRegex(text, r'named-otherwise \(.*\): no, thread = \["io_\*", "net"\] does not fit ')
        self.assertRegex(text, r'late \(.*\): no, index = "100-" does not fit 1\n')
        self.assertIn(f"title {self.path('busy_one')} 2 1\n", text)
        text = self.nodewise("why", str(process.pid))
        self.assertIn('no, thread = ["io_*", "net"] does not fit "busy_one"\n', text)
        self.assertIn("defaults: no, a rule takes the main thread only where it names it", text)

    def test_explain_knows_every_word_that_views_print(self):
        process = self.start_busy("busy_one")
        pid, words = str(process.pid), {"CPUS", "(base)", "drifted", "exclusive", "union"}
        for verb in (["ps"], ["show", pid], ["report", pid, "--pages"], ["verify", pid], ["top", "--batch", pid], ["topo"]):
            text = self.nodewise(*verb, *(["--wide"] if verb[0] in ("ps", "show", "report", "verify") else []))
            for line in text.splitlines():
                if re.match(r"^[A-Z][A-Z%_-]+(  +[A-Z%][A-Z%_-]*)+ *$", line):
                    words |= set(line.split())
        self.assertGreater(len(words), 40)
        with open(os.path.join(os.path.dirname(harness.__file__), "..", "tools", "report", "report.schema.json"), encoding="utf-8") as file:
            words |= self.enumerated(json.load(file))
        for word in sorted(words):
            with self.subTest(word=word):
                self.nodewise("explain", word)
        self.assertEqual(json.loads(self.nodewise("explain", "--json", "CPUS"))["word"], "CPUS")

    def enumerated(self, schema):
        """All words of a schema's enumerations."""
        if isinstance(schema, list):
            return set().union(*map(self.enumerated, schema)) if schema else set()
        if not isinstance(schema, dict):
            return set()
        found = {word for word in schema.get("enum", []) if isinstance(word, str)}
        return found.union(*(self.enumerated(value) for value in schema.values()))


if __name__ == "__main__":
    harness.main()
