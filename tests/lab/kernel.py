"""The guest's kernel: Debian's cloud image package, fetched once and unpacked into a cache, never installed. Of its modules
only those are kept that the laboratory's devices need.

It is the kernel of this machine's Debian; NODEWISE_LAB_KERNEL chooses another of RELEASES by its version, NODEWISE_LAB_ARCH
another architecture."""

import fcntl
import glob
import lzma
import os
import re
import subprocess
import tempfile

from settings import setting

CACHE = setting("NODEWISE_LAB_CACHE", "") or os.path.expanduser("~/.cache/nodewise-lab")
CHOSEN = setting("NODEWISE_LAB_KERNEL", "")
ARCH = setting("NODEWISE_LAB_ARCH", "amd64")
LARGE_PAGES = "6.12-16k" # arm64 alone
RELEASES = {"5.10": "bullseye", "6.1": "bookworm", "6.12": "trixie", "newest": "sid", LARGE_PAGES: "trixie"}
MIRROR = "http://deb.debian.org/debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
KIND = "arm64-16k" if CHOSEN == LARGE_PAGES else f"cloud-{ARCH}"
PACKAGE = f"linux-image-{KIND}"
# An image package has the kernel, or needs packages that have its parts.
PARTS = re.compile(r"linux-(image|binary|modules)-")
DRIVERS = {"net": ["virtio_pci", "virtio_net"], "nvme": ["nvme"]}


class Unavailable(Exception):
    """What the lab needs cannot be had; the message says what and how to get it."""


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-400:]}")
    return done.stdout


def cache():
    return os.path.join(CACHE, *([] if ARCH == "amd64" else [ARCH]), CHOSEN).rstrip("/")


def apt_elsewhere(release, folder):
    """apt's options for another Debian than this machine's, or another architecture; lists are fetched into the folder."""
    lists = os.path.join(folder, "lists")
    os.makedirs(lists)
    settings = {"Dir::State::Lists": lists, "Dir::State::Status": "/dev/null", "Dir::Cache": os.path.join(folder, "cache"),
                "APT::Architecture": ARCH, "APT::Architectures": ARCH, "Acquire::Languages": "none", "APT::Sandbox::User": "root"}
    if release:
        sources = os.path.join(folder, "sources.list")
        with open(sources, "w", encoding="ascii") as file:
            file.write(f"deb [signed-by={KEYRING}] {MIRROR} {release} main\n")
        settings.update({"Dir::Etc::SourceList": sources, "Dir::Etc::SourceParts": "-"})
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    run(["apt-get", *options, "update", "-qq"])
    return options


def needed(package, options):
    said = run(["apt-cache", *options, "depends", package])
    return [name for name in re.findall(r"^ *Depends: (\S+)$", said, re.M) if PARTS.match(name)]


def packages(options):
    """Those that have the kernel and its modules; the meta package needs them."""
    found = []
    waiting = needed(PACKAGE, options)
    while waiting:
        found.append(waiting.pop())
        waiting += needed(found[-1], options)
    if not found:
        raise Unavailable(f"no Debian package provides {PACKAGE}: `apt-get update` first")
    return found


def fetch():
    if CHOSEN and CHOSEN not in RELEASES:
        raise Unavailable(f"NODEWISE_LAB_KERNEL={CHOSEN}: one of {', '.join(RELEASES)}")
    with tempfile.TemporaryDirectory(prefix="nodewise-lab-") as folder:
        os.chmod(folder, 0o755)  # apt's own user writes there
        other = CHOSEN or ARCH != "amd64"
        options = apt_elsewhere(RELEASES.get(CHOSEN), os.path.join(folder, "apt")) if other else []
        run(["apt-get", *options, "download", "-qq", "-o", "APT::Sandbox::User=root", *packages(options)], cwd=folder)
        unpacked = os.path.join(folder, "unpacked")
        for package in glob.glob(os.path.join(folder, "*.deb")):
            run(["dpkg-deb", "-x", package, unpacked])
        return keep(unpacked, cache())


def image_of(unpacked):
    """(the kernel's file, its version) of unpacked packages: boot/vmlinuz-VERSION, or vmlinuz beside the modules."""
    for image in glob.glob(os.path.join(unpacked, "boot", "vmlinuz-*")):
        return image, os.path.basename(image).removeprefix("vmlinuz-")
    for folder in module_folders(unpacked):
        for image in glob.glob(os.path.join(folder, "*", "vmlinuz")):
            return image, os.path.basename(os.path.dirname(image))
    raise Unavailable(f"no kernel in {PACKAGE} and what it needs: this layout is not known")


def module_folders(unpacked):
    return [os.path.join(unpacked, "lib", "modules"), os.path.join(unpacked, "usr", "lib", "modules")]


def keep(unpacked, folder):
    """The kernel's path in this folder of the cache. It comes last: where it is, its modules are."""
    image, version = image_of(unpacked)
    os.makedirs(folder, exist_ok=True)
    target = os.path.join(folder, f"vmlinuz-{version}")
    keep_modules(unpacked, modules_folder(target))
    os.replace(copy(image, target + ".new"), target)
    return target


def modules_folder(kernel):
    folder, name = os.path.split(kernel)
    return os.path.join(folder, name.replace("vmlinuz-", "modules-"))


def keep_modules(unpacked, folder):
    """The drivers and what they depend on, numbered in the order in which they can be loaded, as busybox can load them."""
    files = [file for modules in module_folders(unpacked)
             for file in glob.glob(os.path.join(modules, "**", "*.ko*"), recursive=True)]
    by_name = {module_name(file): file for file in files}
    os.makedirs(folder, exist_ok=True)
    for kind, drivers in DRIVERS.items():
        order = dict.fromkeys(name for driver in drivers for name in in_order(driver, by_name))
        for number, name in enumerate(order):
            with open(os.path.join(folder, f"{kind}-{number:02}-{name}.ko"), "wb") as file:
                file.write(module_data(by_name[name]))


def module_name(file):
    return os.path.basename(file).partition(".ko")[0].replace("-", "_")


def module_data(file):
    """A module's bytes, as the kernel takes them."""
    if file.endswith(".zst"):
        return subprocess.run(["zstd", "-dcq", file], capture_output=True, check=True).stdout
    with open(file, "rb") as opened:
        data = opened.read()
    return lzma.decompress(data) if file.endswith(".xz") else data


def in_order(name, by_name):
    """Modules that the kernel has built in are in no file."""
    if name not in by_name:
        return []
    data = module_data(by_name[name])
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


def newest_kept():
    """None: there is none with its modules."""
    kept = sorted(glob.glob(os.path.join(cache(), f"vmlinuz-*-{KIND}")), key=os.path.getmtime)
    return kept[-1] if kept and os.path.isdir(modules_folder(kept[-1])) else None


def path():
    """The newest kernel of the cache, or one that is fetched now, by one of several tests that start at once."""
    os.makedirs(cache(), exist_ok=True)
    with open(os.path.join(cache(), "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return newest_kept() or fetch()
