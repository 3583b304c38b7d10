"""What nodewise's own report says of a program's accesses (access_locality, balance), beside what was counted."""

import json

REPORT = "/tmp/evidence.json"
MARK = "evidence: "
# on a line of its own, whatever the program printed before
TELL = f"printf '\\n{MARK}'; tr -d '\\n' <{REPORT}; echo; rm {REPORT}"


def told(text):
    """The accesses of the report in what the guest printed."""
    lines = [line for line in text.splitlines() if line.startswith(MARK)]
    return json.loads(lines[-1][len(MARK):])["accesses"]


def share(value):
    return f"{100 * value:9.1f}" if value is not None else f"{'-':>9}"


def print_beside(runs):
    """runs: {title: [{system: result}]}"""
    print("\nWhat the report says beside what was counted, in percent, each run")
    print(f"{'':28}{'counted':>9}{'reported':>9}{'from':>9}{'to':>9}{'busiest':>9}{'balance':>9}{'samples':>9}{'unknown':>9}{'windows':>9}")
    for title, of_load in runs.items():
        for run in of_load:
            result, evidence = run["nodewise"], run["nodewise"]["evidence"]
            shares = [1 - result["remote_accesses"], evidence["access_locality"], evidence["low"], evidence["high"],
                      result["busiest"], evidence["balance"]]
            print(f"{title:28}{''.join(map(share, shares))}{evidence['samples']:9}{evidence['unknown']:9}{evidence['windows']:9}  {evidence['reason']}")
