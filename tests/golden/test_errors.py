"""What the command says to a wrong command line, policy, machine or environment: errors/errors.toml has the mistakes,
errors/expected.txt what is said to each, with the exit status. `test_errors.py --update` writes it anew: read the difference."""

import difflib
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from settings import setting

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "errors")
EXPECTED = os.path.join(FOLDER, "expected.txt")
MISTAKES = os.path.join(FOLDER, "errors.toml")
LEAST = 40
SECONDS = 60


def mistakes():
    with open(MISTAKES, "rb") as file:
        return tomllib.load(file)["mistake"]


def environment(folder):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NODEWISE", "XDG_", "COLUMNS"))}
    path = os.path.join(setting("NODEWISE_BUILD"), "tools") + ":" + os.environ["PATH"]
    return kept | {"PATH": path, "HOME": folder, "COLUMNS": "80", "LC_ALL": "C.UTF-8", "TERM": "dumb",
                   "ASAN_OPTIONS": "detect_leaks=0"} # hwloc's plug-ins are gone by then, and have left something


def said(mistake):
    """The command line, what it prints and its status, as a person sees it. Output that is no error is left out."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in mistake.get("files", {}).items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run(["sh", "-c", mistake["command"]], cwd=folder, env=environment(folder), input=mistake.get("stdin", ""), text=True,
                              errors="backslashreplace", capture_output=True, timeout=SECONDS, check=False)
    errors = done.stderr.replace(folder, "FOLDER")
    for pattern in mistake.get("varies", []):
        errors = re.sub(pattern, "…", errors)
    return f"### {mistake['name']}\n$ {mistake['command']}\n{errors}[{done.returncode}]\n"


class Errors(unittest.TestCase):
    maxDiff = None

    def test_each_mistake_is_told_as_expected(self):
        with open(EXPECTED, encoding="utf-8") as file:
            expected = re.split(r"\n(?=### )", file.read().rstrip("\n"))
        texts = [said(mistake).rstrip("\n") for mistake in mistakes()]
        self.assertGreaterEqual(len(texts), LEAST)
        self.assertEqual([text.split("\n")[0] for text in texts], [text.split("\n")[0] for text in expected])
        for text, wanted in zip(texts, expected):
            with self.subTest(mistake=text.split("\n")[0]):
                difference = difflib.unified_diff(wanted.splitlines(), text.splitlines(), "expected", "said", lineterm="")
                self.assertEqual(text, wanted, "\n" + "\n".join(difference))

    def test_each_mistake_has_a_status_of_its_own_kind(self):
        """No mistake ends well, and none by a signal: 1 is no, 2 bad input, 3 this machine, 4 no process, else as env(1)."""
        for mistake in mistakes():
            status = int(said(mistake).rsplit("[", 1)[1].split("]")[0])
            with self.subTest(mistake=mistake["name"]):
                self.assertIn(status, (1, 2, 3, 4, 125, 126, 127) if not mistake.get("fine") else (0,))


def update():
    with open(EXPECTED, "w", encoding="utf-8") as file:
        file.write("\n".join(said(mistake).rstrip("\n") for mistake in mistakes()) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        unittest.main()
