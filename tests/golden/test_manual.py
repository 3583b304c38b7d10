"""The manual: its pages are clean, say what the command says, and name every variable that the program reads."""

import glob
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from settings import setting

BUILD = setting("NODEWISE_BUILD")
NODEWISE = os.path.join(BUILD, "tools", "nodewise")
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PAGES = sorted(glob.glob(os.path.join(BUILD, "tools", "man", "*.[1357]")))
FOR_TESTS = {"NODEWISE_FAULT"}  # read by libnodewise-faults.so alone


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def page(name):
    return read(os.path.join(BUILD, "tools", "man", name))


def plain(roff):
    """Text without fonts and escapes, words apart by one blank."""
    text = re.sub(r"\\f[BIR]", "", roff).replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")
    return " ".join(text.split())


def verbs():
    """{verb: (usage, summary)} as `help` prints them."""
    shown = subprocess.run([NODEWISE, "help"], capture_output=True, text=True, check=True, timeout=60).stdout
    found = {}
    for verb in re.findall(r"(?m)^  (\w+) ", shown):
        first, second = subprocess.run([NODEWISE, "help", verb], capture_output=True, text=True, check=True,
                                       timeout=60).stdout.splitlines()[:2]
        found[verb] = first.removeprefix("nodewise "), second.removesuffix(".")
    return found


def variables():
    """What the library and the command read from the environment, by the sources."""
    found = set()
    for folder in ("shim", "tools", "config"):
        for path in glob.glob(os.path.join(ROOT, folder, "**", "*.c"), recursive=True):
            if path.startswith(os.path.join(ROOT, "tools", "bench") + os.sep):
                continue
            text = read(path)
            found |= set(re.findall(r'(?:getenv|environment_get|environment_value)\((?:[^()"]*, )?"(NODEWISE_[A-Z]+)"', text))
            if os.path.basename(path) == "environment.c":
                found |= set(re.findall(r'\{"(NODEWISE_[A-Z]+)", &', text))
    for path in glob.glob(os.path.join(ROOT, "policy", "*.h")):
        found |= set(re.findall(r'#define \w+_VARIABLE\s+"(NODEWISE_[A-Z]+)"', read(path)))
    return found - FOR_TESTS


class Manual(unittest.TestCase):
    def test_pages_are_clean(self):
        self.assertGreater(len(PAGES), 80)
        for path in PAGES:
            with self.subTest(page=os.path.basename(path)):
                lint = subprocess.run(["mandoc", "-Tlint", path], capture_output=True, text=True, timeout=60)
                self.assertEqual(lint.stdout + lint.stderr, "")

    def test_every_page_has_the_versions_date(self):
        dates = {re.match(r"\.TH \S+ \d (\d{4}-\d\d-\d\d) \"nodewise ", read(path)).group(1) for path in PAGES}
        self.assertEqual(len(dates), 1, dates)

    def test_synopses_are_those_of_the_help(self):
        overview = plain(page("nodewise.1"))
        self.assertGreater(len(verbs()), 20)
        for verb, (usage, summary) in verbs().items():
            with self.subTest(verb=verb):
                self.assertIn(f".TP {usage} {summary} .", overview)
                self.assertIn(f".SH SYNOPSIS nodewise {usage} .SH", plain(page(f"nodewise-{verb}.1")))

    def test_every_function_has_a_page_and_every_name_on_it_is_one(self):
        headers = [read(path) for path in glob.glob(os.path.join(ROOT, "shim", "nodewise*.h"))]
        code = re.sub(r"/\*.*?\*/", "", "\n".join(headers), flags=re.S)
        functions = set(re.findall(r"^(?:const |struct )?\w+ \*?(nw_\w+)\(", code, re.M))
        known = functions | set(re.findall(r"\b(?:struct|enum) (nw_\w+)", code))
        self.assertEqual({os.path.basename(path).removesuffix(".3") for path in PAGES if path.endswith(".3")}, functions)
        for name in functions:
            with self.subTest(page=name):
                text = page(name + ".3")
                self.assertEqual(set(re.findall(r"\bnw_\w+", text)) - known, set())
                for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "SAFETY", "SEE ALSO"):
                    self.assertIn(f".SH {section}\n", text)

    def test_every_variable_that_is_read_is_documented(self):
        environment = page("nodewise.1").split(".SH ENVIRONMENT")[1].split(".SH ")[0]
        documented = set(re.findall(r"(?m)^\.B (NODEWISE_[A-Z]+)(?:=\d+)?$", environment))
        self.assertGreater(len(documented), 5)
        self.assertEqual(variables(), documented)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
