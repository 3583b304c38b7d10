"""The targets of a build folder that suites need, a line each: targets_of.py BUILD --suite NAME…"""

import json
import os
import subprocess
import sys


def introspected(build, what):
    return json.loads(subprocess.run(["meson", "introspect", "--" + what, build], capture_output=True, text=True, check=True).stdout)


def main():
    build, suites = sys.argv[1], {word for word in sys.argv[2:] if word != "--suite"}
    files = {target["id"]: target["filename"] for target in introspected(build, "targets")}
    needed = set()
    for test in introspected(build, "tests"):
        if suites & {suite.split(":")[-1] for suite in test["suite"]}:
            needed |= set(test["depends"])
    root = os.path.realpath(build)
    print("\n".join(sorted(os.path.relpath(file, root) for target in needed for file in files[target])))


if __name__ == "__main__":
    main()
