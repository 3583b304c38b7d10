"""tools/acceptance: what suites print is read as it is meant, and what differs is told from what changes by chance."""

import os
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "acceptance"))
import compare
import results
import suite
import table
import ways
from state import State

JUNIT = """noise
<testsuites><testsuite><testcase classname="a.B" name="good"/><testcase classname="a.B" name="bad"><failure/></testcase>
<testcase classname="a.B" name="left"><skipped/></testcase></testsuite></testsuites>"""
LINES = {"line": r"^(?P<result>ok|err|skip): (?P<name>.*)$", "passed": ["ok"], "skipped": ["skip"]}


class Results(unittest.TestCase):
    def test_each_form_is_read(self):
        cases = {"tap": ("1..4\nok 1 - a # fine\nnot ok 2 - b\nok 3 # SKIP no root\nnot ok 4 - d # TODO later\nok\n",
                         {"a": "pass", "b": "fail", "3": "skip", "d": "skip", "": "pass"}),
                 "junit": (JUNIT, {"a.B.good": "pass", "a.B.bad": "fail", "a.B.left": "skip"})}
        for form, (text, expected) in cases.items():
            with self.subTest(form=form):
                self.assertEqual(results.read(form, text, 0), expected)
        self.assertEqual(results.read(LINES, "ok: x\nerr: y\nok: x\nskip: z\n", 1),
                         {"x": "pass", "y": "fail", "x (2)": "pass", "z": "skip"})

    def test_what_tells_of_no_test_is_one(self):
        for form in "exit", "tap", "junit", LINES:
            with self.subTest(form=form):
                self.assertEqual([results.read(form, "", code)[""] for code in (0, 1, 77, None)], ["pass", "fail", "skip", "time"])

    def test_a_unit_whose_time_is_over_is_told_beside_its_tests(self):
        self.assertEqual(results.read("tap", "ok 1 - a\n", None), {"a": "pass", "": "time"})


class Differences(unittest.TestCase):
    def test_a_difference_is_one_in_all_runs(self):
        plain = [{"same": "pass", "worse": "pass", "gone": "pass", "shaky": "pass"}] * 2
        governed = [{"same": "pass", "worse": "fail", "shaky": "fail"}, {"same": "pass", "worse": "fail", "shaky": "pass"}]
        judged = compare.judge(plain, governed)
        self.assertEqual(judged["different"], [["gone", "pass", "missing"], ["worse", "pass", "fail"]])
        self.assertEqual((judged["flaky"], judged["tests"], judged["plain"], judged["governed"]), (["shaky"], 4, 4, 1))

    def test_one_that_is_better_differs_too(self):
        self.assertEqual(compare.judge([{"a": "fail"}], [{"a": "pass"}])["different"], [["a", "fail", "pass"]])


class Suites(unittest.TestCase):
    def test_all_are_of_the_form(self):
        self.assertGreater(len(suite.names()), 10)
        for name in suite.names():
            with self.subTest(name=name):
                self.assertTrue(suite.load(name).about)

    def test_mistakes_are_told(self):
        good = 'about = "x"\nlist = "echo a"\nrun = "true"\nresults = "exit"\n'
        self.assertEqual(suite.Suite("good", good + '[known]\n"a: .*" = "because"\n').reason("a: b"), "because")
        for bad in (good + "nonsense = 1\n", good.replace('"exit"', '"text"'), good.replace('"exit"', '{ line = "x", passed = ["y"] }'),
                    good.replace("about", "abuot"), good.replace('run = "true"\n', ""), "about = "):
            with self.subTest(bad=bad), self.assertRaises(suite.BadSuite):
                suite.Suite("bad", bad)


def runs(pid):
    """One that has ended may wait for a parent that looks seldom."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Running(unittest.TestCase):
    """A suite of our own, whose unit behaves as its name says."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def outcome(self, command, seconds=20):
        code, _ = ways.run(command, self.folder, ways.environment(self.folder, self.folder, "unit"), seconds,
                           os.path.join(self.folder, "log"))
        return code, ways.read(os.path.join(self.folder, "log"))

    def test_output_and_status_are_the_commands(self):
        self.assertEqual(self.outcome("echo $UNIT; echo more >&2; exit 3"), (3, "unit\nmore\n"))

    def test_time_ends_it_and_all_that_it_started(self):
        code, text = self.outcome("sleep 1000 & echo $!; wait", seconds=1)
        self.assertIsNone(code)
        end = time.monotonic() + 20
        while runs(int(text)):
            self.assertLess(time.monotonic(), end, "what it started still runs")
            time.sleep(0.02)

    def test_what_ran_under_another_library_runs_again(self):
        path = os.path.join(self.folder, "state.jsonl")
        before = State(path, "one")
        for way in "plain", "arenas":
            before.put("s", "text", "unit", way, 0, {"": "pass"}, 1)
        with open(path, "a", encoding="utf-8") as file:
            file.write('{"suite": "s", "te')
        for build, found in ("one", {"": "pass"}), ("other", None):
            again = State(path, build)
            self.assertEqual(again.get("s", "text", "unit", "plain", 0), {"": "pass"})
            self.assertEqual(again.get("s", "text", "unit", "arenas", 0), found)
        self.assertIsNone(State(path, "one").get("s", "changed text", "unit", "plain", 0))


class Tables(unittest.TestCase):
    REPORT = {"when": "today", "machine": "x86_64 <1>", "commit": "abc", "left_out": {"b": "no package"},
              "suites": {"a": {"ways": {"all": {"tests": 3, "plain": 3, "governed": 1, "flaky": [], "different": [["t<1>", "pass", "fail"]],
                                                "known": [["t2", "pass", "fail", "it counts its maps"]]}}}}}

    def test_a_document_keeps_what_stands_around_the_results(self):
        with tempfile.NamedTemporaryFile("w+") as file:
            file.write(f"before\n{table.BEGIN}old\n{table.END}after\n")
            file.flush()
            table.write_into(file.name, self.REPORT)
            file.seek(0)
            text = file.read()
        self.assertTrue(text.startswith("before\n") and text.endswith("after\n"))
        self.assertNotIn("old", text)
        for part in "| a | all | 3 | 3 | 1 | 1 | 1 | 0 |", "it counts its maps", "no package":
            self.assertIn(part, text)

    def test_names_are_escaped(self):
        self.assertIn("t&lt;1&gt;", table.as_html(self.REPORT))
        self.assertIn("1 suites, 3 tests, 1 differences", table.as_text(self.REPORT))


if __name__ == "__main__":
    unittest.main()
