"""How a unit of a suite is run: without nodewise, or under a policy as a user would run it; with a time limit, as a user
without rights where the suite does not ask for root, in an empty folder of its own."""

import os
import shutil
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PLAIN = "plain"
POLICIES = sorted(name[:-5] for name in os.listdir(os.path.join(HERE, "policies")))
NOBODY = "65534"
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]
MOST = 64 << 20 # bytes of a run's output that are read


def rights(suite):
    return [] if suite.as_root or os.geteuid() != 0 else AS_NOBODY


def give(path, suite):
    """To the user that the suite's tests run as."""
    if rights(suite):
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", path], check=True)


def environment(tree, scratch, unit=""):
    """The same everywhere, and nothing of nodewise's."""
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "dumb",
            "HOME": scratch, "TMPDIR": scratch, "SCRATCH": scratch, "TREE": tree, "UNIT": unit}


def before(way, build):
    if way == PLAIN:
        return []
    return [os.path.join(build, "tools", "nodewise"), "run", "-p", os.path.join(HERE, "policies", way + ".toml"), "--"]


def end(process):
    """The command and all that it started in its session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def run(command, folder, variables, seconds, log, prefix=()):
    """(exit status, or None where the time was over; seconds). What it prints stands in the log."""
    began = time.monotonic()
    with open(log, "wb") as output:
        process = subprocess.Popen([*prefix, "bash", "-c", command], cwd=folder, env=variables, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        try:
            code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            code = None
        end(process)
    return code, time.monotonic() - began


def read(log):
    with open(log, "rb") as file:
        return file.read(MOST).decode("utf-8", errors="replace")


def run_unit(suite, unit, way, tree, build, logs):
    """(output, exit status or None, seconds)"""
    scratch = tempfile.mkdtemp(prefix="acceptance-", dir="/tmp")
    give(scratch, suite)
    log = os.path.join(logs, f"{suite.name}.{unit.replace('/', '_')[:80]}.{way}.log")
    try:
        code, seconds = run(suite.run, scratch, environment(tree, scratch, unit), suite.seconds, log,
                            [*rights(suite), *before(way, build)])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return read(log), code, seconds
