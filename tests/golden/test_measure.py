"""What `nodewise topo` says of measured distances: heat maps of fixed numbers, and files of distances that are taken or not.

    test_measure.py --update      writes what is expected anew; look at it before it is committed
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from settings import setting

NODEWISE = os.path.join(setting("NODEWISE_BUILD"), "tools", "nodewise")
FOLDER = os.path.join(HERE, "measured")
FIXED = os.path.join(FOLDER, "four-nodes.json")
# hwloc then takes the description for this very machine.
FOUR = {"HWLOC_SYNTHETIC": "numa:4 core:1 pu:1", "HWLOC_THISSYSTEM": "1"}
MEASURED = [[10, 14, 21, 28], [14, 10, 28, 21], [21, 28, 10, 14], [28, 21, 14, 10]]
POLICY = "schema = 1\n[defaults]\nbind_to = \"none\"\n"


def run(*words, **environment):
    return subprocess.run([NODEWISE, *words], capture_output=True, text=True, timeout=60, check=False,
                          env=dict(os.environ, **environment))


def shown(*words):
    done = run("topo", *words, FIXED, COLUMNS="80")
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout


VIEWS = {"four-nodes.txt": [], "four-nodes.svg": ["-f", "svg"]}


class Views(unittest.TestCase):
    def test_text_and_svg_of_fixed_numbers(self):
        for name, words in VIEWS.items():
            with self.subTest(name=name), open(os.path.join(FOLDER, name), encoding="utf-8") as file:
                self.assertEqual(shown(*words), file.read())

    def test_json_is_what_was_measured(self):
        with open(FIXED, encoding="utf-8") as file:
            self.assertEqual(json.loads(shown("--json")), json.load(file))

    def test_the_picture_shows_each_pair_and_why_one_is_missing(self):
        tree = xml.etree.ElementTree.fromstring(shown("-f", "svg"))
        titles = [title.text for title in tree.iter("{http://www.w3.org/2000/svg}title")]
        self.assertEqual(len(titles), 2 * 16)
        self.assertIn("2 to 0: - (has no CPUs)", titles)
        self.assertIn("0 to 1: 141.2±0.7", titles)

    def test_nothing_but_text_goes_to_a_file(self):
        self.assertNotIn("\033", shown())

    def test_64_nodes_fit_80_columns_and_lose_no_pair(self):
        nodes = [{"id": node, "no_cpus": None, "no_memory": None} for node in range(64)]
        pairs = [{"from": a, "to": b, "median": 100.0 + a + b, "spread": 1.0} for a in range(64) for b in range(64)]
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"nodewise_measured": 1, "nodes": nodes, "latency": {"pairs": pairs}}, file)
            file.flush()
            text = run("topo", file.name, COLUMNS="80").stdout
            picture = run("topo", "-f", "svg", file.name).stdout
        self.assertLessEqual(max(len(line) for line in text.splitlines() if line.startswith(" ")), 80)
        self.assertEqual(len(re.findall(r"\d+\.\d±0\.5", text)), 64 * 64)
        xml.etree.ElementTree.fromstring(picture)

    def test_a_hostile_document_is_shown_printable(self):
        for document in ("{}", "[]", '{"nodewise_measured": 2}'):
            with self.subTest(document=document), tempfile.NamedTemporaryFile("w") as file:
                file.write(document)
                file.flush()
                self.assertEqual(run("topo", file.name).returncode, 2)
        with tempfile.NamedTemporaryFile("w") as file:
            nodes = [{"id": 0, "no_cpus": "\033[2J"}]
            json.dump({"nodewise_measured": 1, "measured": "\033]0;x", "model": "<script>\x07", "nodes": nodes}, file)
            file.flush()
            for words in ([], ["-f", "svg"]):
                done = run("topo", *words, file.name)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertNotRegex(done.stdout, "[\033\x07]|<script>")


class Refused(unittest.TestCase):
    """None of these measures anything: what stderr says of the time would stand before it."""

    def refused(self, words, *arguments, code=3, **environment):
        done = run("topo", "--measure", *arguments, **environment)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(words, done.stderr)
        self.assertNotIn("nothing more is begun", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_what_cannot_be_saved_is_not_measured(self):
        host = os.uname().nodename
        self.refused(f"/dev/null/nodewise/distances.{host} cannot be written: Not a directory", "--save", **FOUR,
                     XDG_STATE_HOME="/dev/null")
        self.refused("another user can write to its folder", "--save", **FOUR, XDG_STATE_HOME=self.writable_by_all())

    def writable_by_all(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        os.mkdir(os.path.join(folder.name, "nodewise"))
        os.chmod(os.path.join(folder.name, "nodewise"), 0o777)
        return folder.name

    def test_one_node_has_no_distance_to_save(self):
        self.refused("there is one node, and no distance", "--save", HWLOC_SYNTHETIC="core:1 pu:1", HWLOC_THISSYSTEM="1")

    def test_a_file_that_is_not_there_is_named_once(self):
        done = run("topo", "/nosuch.json")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.count("/nosuch.json"), 1)

    def test_nothing_measured_is_no_success(self):
        """Nodes that the kernel of this machine does not have."""
        done = run("topo", "--measure", HWLOC_SYNTHETIC="numa:2(indexes=5,6) core:1 pu:1", HWLOC_THISSYSTEM="1")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("nothing was measured", done.stderr)
        self.assertIn("has no memory that the kernel knows", done.stdout)


class Taken(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.environment = {**FOUR, "XDG_STATE_HOME": folder.name, "XDG_CACHE_HOME": folder.name}
        os.mkdir(os.path.join(folder.name, "nodewise"), 0o755)
        self.file = os.path.join(folder.name, "nodewise", "distances." + os.uname().nodename)
        self.policy = os.path.join(folder.name, "policy.toml")
        with open(self.policy, "w", encoding="utf-8") as file:
            file.write(POLICY)

    def write(self, distances, model=""):
        rows = "".join(" ".join(map(str, row)) + "\n" for row in distances)
        nodes = "".join(f"node {node} cpus {node}\n" for node in range(4))
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(f"nodewise-distances 1\nmodel {model}\n{nodes}measured 2026-11-28T05:10:00Z\n{rows}")
        os.chmod(self.file, 0o644)

    def topology(self):
        return json.loads(run("topo", "--json", **self.environment).stdout)

    def distances(self):
        return [node["distances"] for node in self.topology()["nodes"]]

    def test_measured_distances_are_taken_where_the_firmware_says_nothing(self):
        self.assertEqual(self.topology()["distances"]["from"], "assumed")
        self.write(MEASURED)
        self.assertEqual(self.distances(), MEASURED)
        self.assertEqual(self.topology()["distances"], {"from": "measured", "measured": "2026-11-28T05:10:00Z",
                                                        "file": self.file, "not_taken": None})
        text = run("topo", **self.environment).stdout
        self.assertIn(f"distances measured 2026-11-28T05:10:00Z ({self.file})", text)

    def test_of_another_machine_they_are_not_taken(self):
        before = self.distances()
        self.write(MEASURED, model="another")
        self.assertEqual(self.distances(), before)
        self.assertIn("other nodes, other CPUs or another CPU model", self.topology()["distances"]["not_taken"])

    def test_what_others_can_write_is_not_taken(self):
        before = self.distances()
        self.write(MEASURED)
        os.chmod(self.file, 0o666)
        self.assertEqual(self.distances(), before)
        self.assertIn("another user can write to it", run("topo", **self.environment).stdout)

    def test_a_damaged_file_is_not_taken(self):
        before = self.distances()
        self.write([[10, 14, 21, 999], *MEASURED[1:]])
        self.assertEqual(self.distances(), before)
        self.assertEqual(self.topology()["distances"]["not_taken"], "it is damaged")

    def test_another_machine_is_not_what_was_measured_here(self):
        self.write(MEASURED)
        other = run("topo", "--json", "--topology", FOUR["HWLOC_SYNTHETIC"], **self.environment)
        self.assertEqual(json.loads(other.stdout)["distances"]["from"], "assumed")
        del self.environment["HWLOC_THISSYSTEM"]
        self.assertEqual(self.topology()["distances"]["from"], "assumed")

    def plan(self):
        """The plan of a start, from the cache or anew."""
        done = run("run", "-p", self.policy, "--", "sh", "-c",
                   "echo $NODEWISE_PLAN", **self.environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_a_cached_plan_is_of_the_distances_of_now(self):
        before = self.plan()
        self.assertRegex(before, r"/plans/.*\.plan\n")
        self.assertEqual(self.plan(), before)
        self.write(MEASURED)
        measured = self.plan()
        self.assertNotEqual(measured, before)
        self.assertEqual(self.plan(), measured)
        os.chmod(self.file, 0o666)
        self.assertEqual(self.plan(), before)


def update():
    for name, words in VIEWS.items():
        with open(os.path.join(FOLDER, name), "w", encoding="utf-8") as file:
            file.write(shown(*words))


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        unittest.main()
