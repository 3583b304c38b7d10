"""The guest's kernel: Debian's cloud image package, fetched once and unpacked into a cache, never installed."""

import glob
import os
import subprocess
import tempfile

CACHE = os.environ.get("NODEWISE_LAB_CACHE") or os.path.expanduser("~/.cache/nodewise-lab")
PACKAGE = "linux-image-cloud-amd64"


class Unavailable(Exception):
    """What the lab needs cannot be had; the message says what and how to get it."""


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-400:]}")
    return done.stdout


def real_package():
    """The meta package's dependency, which has the kernel."""
    for line in run(["apt-cache", "depends", PACKAGE]).splitlines():
        word, _, name = line.strip().partition(": ")
        if word == "Depends" and name.startswith("linux-image-"):
            return name
    raise Unavailable(f"no Debian package provides {PACKAGE}: `apt-get update` first")


def fetch():
    with tempfile.TemporaryDirectory(prefix="nodewise-lab-") as folder:
        os.chmod(folder, 0o755)  # apt's own user writes there
        run(["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", real_package()], cwd=folder)
        package = glob.glob(os.path.join(folder, "*.deb"))[0]
        unpacked = os.path.join(folder, "unpacked")
        run(["dpkg-deb", "-x", package, unpacked])
        image = glob.glob(os.path.join(unpacked, "boot", "vmlinuz-*"))[0]
        os.makedirs(CACHE, exist_ok=True)
        target = os.path.join(CACHE, os.path.basename(image))
        os.replace(copy(image, target + ".new"), target)
    return target


def copy(source, target):
    with open(source, "rb") as from_file, open(target, "wb") as to_file:
        to_file.write(from_file.read())
    return target


def path():
    """The newest kernel of the cache, or one that is fetched now."""
    cached = sorted(glob.glob(os.path.join(CACHE, "vmlinuz-*-cloud-amd64")), key=os.path.getmtime)
    return cached[-1] if cached else fetch()
