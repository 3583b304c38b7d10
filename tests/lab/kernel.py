"""The guest's kernel: Debian's cloud image package, fetched once and unpacked into a cache, never installed. Of its modules
only those are kept that the laboratory's devices need."""

import glob
import os
import subprocess
import tempfile

from settings import setting

CACHE = setting("NODEWISE_LAB_CACHE", "") or os.path.expanduser("~/.cache/nodewise-lab")
PACKAGE = "linux-image-cloud-amd64"
DRIVERS = {"net": ["virtio_pci", "virtio_net"], "nvme": ["nvme"]}


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
        target = os.path.join(CACHE, os.path.basename(image))
        keep_modules(unpacked, modules_folder(target))
        os.replace(copy(image, target + ".new"), target)
    return target


def modules_folder(kernel):
    return kernel.replace("vmlinuz-", "modules-")


def keep_modules(unpacked, folder):
    """The drivers and what they depend on, numbered in the order in which they can be loaded."""
    files = glob.glob(os.path.join(unpacked, "lib", "modules", "**", "*.ko"), recursive=True)
    by_name = {module_name(file): file for file in files}
    os.makedirs(folder, exist_ok=True)
    for kind, drivers in DRIVERS.items():
        order = dict.fromkeys(name for driver in drivers for name in in_order(driver, by_name))
        for number, name in enumerate(order):
            copy(by_name[name], os.path.join(folder, f"{kind}-{number:02}-{name}.ko"))


def module_name(file):
    return os.path.basename(file)[:-3].replace("-", "_")


def in_order(name, by_name):
    """Modules that the kernel has built in are in no file."""
    if name not in by_name:
        return []
    with open(by_name[name], "rb") as file:
        data = file.read()
    needs = data.split(b"\0depends=")[1].split(b"\0")[0].decode() if b"\0depends=" in data else ""
    order = [other for need in needs.split(",") if need for other in in_order(need.replace("-", "_"), by_name)]
    return list(dict.fromkeys([*order, name]))


def modules(kernel, kinds):
    """Files of modules for these devices, in the order in which they are to be loaded."""
    return [file for kind in dict.fromkeys(kinds) for file in sorted(glob.glob(f"{modules_folder(kernel)}/{kind}-*.ko"))]


def copy(source, target):
    with open(source, "rb") as from_file, open(target, "wb") as to_file:
        to_file.write(from_file.read())
    return target


def path():
    """The newest kernel of the cache, or one that is fetched now."""
    cached = sorted(glob.glob(os.path.join(CACHE, "vmlinuz-*-cloud-amd64")), key=os.path.getmtime)
    return cached[-1] if cached and os.path.isdir(modules_folder(cached[-1])) else fetch()
