"""What meson's tests came to: BUILD [FAILURES]. Prints "PASSED FAILED"; a skipped test counts as failed, because nothing is
skipped in silence. What failed is shown on stderr, and in FAILURES, a file that is added to, a line each."""

import json
import re
import sys

GOOD = ("OK", "EXPECTEDFAIL")
REASON = re.compile(r"^(?:FAIL|ERROR|[\w.]*Error|[\w.]*Exception): .*", re.M)


def show(test):
    print("FAILED ", test["name"], test["result"], file=sys.stderr)
    print((test.get("stdout") or "")[-3000:], (test.get("stderr") or "")[-3000:], file=sys.stderr)


def add_lines(path, build, test):
    with open(path, "a", encoding="utf-8") as file:
        for words in [test["result"], *REASON.findall(test.get("stderr") or "")]:
            print(f"failed  {build}: {test['name']}: {words[:300]}", file=file)


def main():
    build = sys.argv[1]
    with open(f"{build}/meson-logs/testlog.json", encoding="utf-8") as file:
        tests = [json.loads(line) for line in file]
    bad = [test for test in tests if test["result"] not in GOOD]
    for test in bad:
        show(test)
        if len(sys.argv) > 2:
            add_lines(sys.argv[2], build, test)
    print(len(tests) - len(bad), len(bad))


main()
