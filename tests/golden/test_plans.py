"""Every policy on every topology: the plan as text, compared with what a person has looked at and accepted.

    test_plans.py --update      writes the expected files anew; read the difference before it is committed
"""

import difflib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from settings import setting

NODEWISE = os.path.join(setting("NODEWISE_BUILD"), "tools", "nodewise")

# The threads that each program makes.
THREADS = {
    "redis": ["bio_close_file", "bio_aof_fsync", "bio_lazy_free", "io_thd_*=3", "jemalloc_bg_thd"],
    "jvm": ["GC Thread#*,start_library:libjvm.so=8", "G1 Conc#0,start_library:libjvm.so", "C2 CompilerThre", "C1 CompilerThre", "pool-*-thread-1=4",
            "start_library:/usr/lib/jvm/lib/server/libjvm.so=2"],
    "pytorch": ["start_library:libgomp.so.1=6", "pt_data_pin"],
    "postgres": [],
    "pipeline": ["sort-000*=8", "rows-000*=4", "reader=2"],
}
PROCESS = {
    "redis": ["--exe", "/usr/bin/redis-server", "--comm", "redis-server"],
    "jvm": ["--comm", "java", "--argv", "java -Dservice=orders -jar x.jar"],
    "pytorch": ["--comm", "python3", "--argv", "python3 train.py"],
    "postgres": ["--exe", "/usr/lib/postgresql/15/bin/postgres", "--comm", "postgres", "--forked", "--argv",
                 "postgres: main: user db [local] idle"],
    "pipeline": ["--comm", "pipeline"],
}


def topologies():
    with open(os.path.join(HERE, "topologies", "index")) as index:
        for line in index:
            if line.strip() and not line.startswith("#"):
                name, text, _ = (part.strip() for part in line.split("|"))
                yield name, os.path.join("..", "topologies", text) if text.endswith(".xml") else text


def plan(topology, policy):
    """The plan and every finding; run from the policies' folder, so that no path of the checkout shows."""
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "COLUMNS": "100"}
    done = subprocess.run([NODEWISE, "plan", "-p", policy + ".toml", "--topology", topology, *PROCESS[policy],
                           *[f"--thread={spec}" for spec in THREADS[policy]]],
                          cwd=os.path.join(HERE, "policies"), env=environment, capture_output=True, text=True)
    findings = [line for line in done.stderr.splitlines() if "[E" in line or "[W" in line]
    return "".join(line + "\n" for line in findings) + f"exit {done.returncode}\n" + done.stdout


def main():
    update = "--update" in sys.argv
    passed = failed = 0
    for topology, text in topologies():
        for policy in sorted(THREADS):
            path = os.path.join(HERE, "expected", f"{topology}-{policy}.txt")
            got = plan(text, policy)
            if update:
                with open(path, "w") as file:
                    file.write(got)
            expected = ""
            if os.path.exists(path):
                with open(path) as file:
                    expected = file.read()
            if got == expected:
                passed += 1
            else:
                failed += 1
                print(f"== {topology}, {policy}")
                sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), got.splitlines(True), "expected", "got"))
    print(f"{passed} plans as expected, {failed} not")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
