"""Files that programs of others need in a guest: no more than they open, for the image is the guest's memory."""

import glob
import os
import shutil
import subprocess

POOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "loads", "JavaPool.java")


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, check=True, **more).stdout


def of_python(imports, options=()):
    """imports: as after the word `import`; options: the interpreter's."""
    code = (f"import sys, {imports}\n"
            "for m in list(sys.modules.values()):\n f = getattr(m, '__file__', None)\n print(f or '')")
    return sorted({line for line in run("/usr/bin/python3", *options, "-c", code).split("\n") if line.startswith("/")})


def of_java(folder):
    """A runtime with nothing but java.base, and the load, in this folder."""
    if not os.path.exists(os.path.join(folder, "runtime")):
        run("jlink", "--add-modules", "java.base", "--strip-debug", "--output", os.path.join(folder, "runtime"))
        run("javac", "-d", os.path.join(folder, "classes"), POOL)
    return [os.path.join(folder, name) for name in ("runtime", "classes")]


def postgres_programs():
    """The newest server that is installed: the folder of its programs."""
    found = glob.glob("/usr/lib/postgresql/*/bin")
    return max(found, key=lambda path: int(path.split("/")[4]), default="/usr/lib/postgresql/none/bin")


def of_postgres(folder):
    """An empty cluster, of which the server in the guest is the owner, and what the server reads besides."""
    if not os.path.exists(folder):
        os.makedirs(folder, mode=0o700)
        shutil.chown(folder, "nobody", "nogroup")
        run(f"{postgres_programs()}/initdb", "-D", folder, "-N", "-A", "trust", "-U", "postgres", "--no-locale", user="nobody",
            group="nogroup", extra_groups=[], cwd="/")
    version = postgres_programs().split("/")[4]
    return [folder, f"/usr/share/postgresql/{version}/timezonesets", "/usr/share/zoneinfo/Etc"]


def of_postgres_server():
    """Its folder of libraries has to be there, but hardly any of them is needed."""
    folder = postgres_programs()
    return [f"{folder}/postgres", f"{os.path.dirname(folder)}/lib/dict_snowball.so"]
