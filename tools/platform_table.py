"""A row of docs/platforms.md, from what tools/check-suites found: FILE RELEASE PLATFORM CELLS COMMIT.

Rows of other releases stay. A suite that did not run leaves its cell empty."""

import datetime
import os
import sys

COLUMNS = {"builds": "builds", "unit,golden": "unit, golden", "interpose": "interpose", "programs": "programs", "lab": "lab"}
ORDER = ["12", "13", "sid"]
HEAD = """# Platforms

Each row is written by `tools/check-platforms RELEASE`, which builds the commit without warnings in a fresh root of that
release and runs the suites there: tests passed of those run, and the seconds they took. The laboratory runs the
release's own kernel. An empty cell did not run.

"""


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def rows_of(path):
    """{release: its row}"""
    if not os.path.exists(path):
        return {}
    lines = [line for line in read(path).splitlines() if line.startswith("| ")]
    return {line.split("|")[1].strip(): line for line in lines[1:]}


def cell(words):
    if not words:
        return ""
    passed, run, seconds = words
    if (passed, run) == ("1", "1"):
        return f"yes, {seconds} s"
    return f"{passed} of {run}, {seconds} s" if passed == run else f"**{passed} of {run}**, {seconds} s"


def row(release, platform, cells, commit):
    found = {line.split()[0]: line.split()[1:] for line in cells.splitlines()}
    date = datetime.date.today().isoformat()
    columns = [release, platform, *(cell(found.get(name)) for name in COLUMNS), f"{date}, {commit}"]
    return "| " + " | ".join(columns) + " |"


def main():
    path, release, platform, cells, commit = sys.argv[1:]
    rows = rows_of(path)
    rows[release] = row(release, read(platform).strip(), read(cells), commit)
    titles = ["Debian", "what it is", *COLUMNS.values(), "when, commit"]
    with open(path, "w", encoding="utf-8") as file:
        file.write(HEAD)
        file.write("| " + " | ".join(titles) + " |\n")
        file.write("|" + "---|" * len(titles) + "\n")
        for name in [name for name in ORDER if name in rows] + sorted(set(rows) - set(ORDER)):
            file.write(rows[name] + "\n")


main()
