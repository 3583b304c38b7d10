"""A suite: a file of suites/ that says how other people's tests are fetched, prepared, listed and run, and how what they
print is read. README.md has the keys."""

import hashlib
import os
import re
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
KEYS = {"about": str, "packages": list, "source": str, "prepare": str, "list": str, "run": str, "results": (str, dict),
        "seconds": int, "quick": str, "as_root": bool, "known": dict}
NEEDED = ("about", "list", "run", "results")
FORMATS = ("exit", "tap", "junit")


class BadSuite(Exception):
    """A suite's file is not of its form; the message says where."""


class Suite:
    def __init__(self, name, text):
        self.name = name
        self.identity = hashlib.sha256(text.encode()).hexdigest()[:16]
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise BadSuite(f"{name}.toml: {error}") from error
        for key, value in table.items():
            if key not in KEYS or not isinstance(value, KEYS[key]):
                raise BadSuite(f"{name}.toml: {key}: there is no such key, or not with such a value")
        for key in NEEDED:
            if key not in table:
                raise BadSuite(f"{name}.toml: {key} is missing")
        self.about, self.list, self.run, self.results = (table[key] for key in NEEDED)
        self.packages, self.source = table.get("packages", []), table.get("source", "")
        self.prepare, self.seconds = table.get("prepare", ""), table.get("seconds", 300)
        self.quick, self.as_root = re.compile(table.get("quick", "")), table.get("as_root", False)
        self.known = {re.compile(pattern): reason for pattern, reason in table.get("known", {}).items()}
        self.check_results()

    def check_results(self):
        """A format's name, or a pattern of lines with the groups `name` and `result` and what of the latter is a pass."""
        if isinstance(self.results, str):
            if self.results not in FORMATS:
                raise BadSuite(f"{self.name}.toml: results: one of {', '.join(FORMATS)}, or a table with line, passed and skipped")
            return
        groups = re.compile(self.results.get("line", "")).groupindex
        if not {"name", "result"} <= set(groups) or not self.results.get("passed"):
            raise BadSuite(f"{self.name}.toml: results: line has the groups name and result, and passed lists results")

    def reason(self, test):
        """Why a difference of this test is known, or None."""
        return next((reason for pattern, reason in self.known.items() if pattern.fullmatch(test)), None)


def names():
    return sorted(entry[:-5] for entry in os.listdir(os.path.join(HERE, "suites")) if entry.endswith(".toml"))


def load(name):
    with open(os.path.join(HERE, "suites", name + ".toml"), encoding="utf-8") as file:
        return Suite(name, file.read())
