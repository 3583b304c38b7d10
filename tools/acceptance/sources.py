"""What a suite needs, from Debian alone: its packages are installed, its source is fetched and unpacked, and it is prepared,
once. A suite whose text has changed is prepared anew."""

import fnmatch
import hashlib
import os
import re
import shutil
import subprocess

import ways

MIRROR = "http://deb.debian.org/debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PREPARE_SECONDS = 3600


class Unavailable(Exception):
    """Something cannot be had here; the message says what."""


def must(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **more)
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(command)}: {done.stdout.strip()[-400:]}")
    return done.stdout


def is_installed(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", package], capture_output=True, text=True)
    return done.stdout == "install ok installed"


def exact(package):
    """The package of that name, or the newest that a pattern fits: names have versions in them, which differ between releases."""
    if "*" not in package:
        return package
    found = fnmatch.filter(must(["apt-cache", "pkgnames"]).split(), package)
    if not found:
        raise Unavailable(f"Debian has no package {package} here")
    return max(found, key=lambda name: [int(part) for part in re.findall(r"\d+", name)])


def install(packages):
    missing = [package for package in map(exact, packages) if not is_installed(package)]
    if not missing:
        return
    if os.geteuid() != 0:
        raise Unavailable("packages are missing, and only root can install them: " + " ".join(missing))
    must(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing],
         env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def release():
    with open("/etc/os-release", encoding="utf-8") as file:
        values = dict(line.rstrip().split("=", 1) for line in file if "=" in line)
    return values.get("VERSION_CODENAME", "sid")


def source_options(work):
    """apt's options, with lists of sources in a folder of their own."""
    folder = os.path.join(work, "apt")
    options = ["-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Etc::SourceList={folder}/sources.list", "-o", "Dir::Etc::SourceParts=-",
               "-o", f"Dir::Cache={folder}/cache"]
    if not os.path.exists(f"{folder}/sources.list"):
        os.makedirs(f"{folder}/lists", exist_ok=True)
        os.makedirs(f"{folder}/cache", exist_ok=True)
        text = f"deb-src [signed-by={KEYRING}] {MIRROR} {release()} main\n"
        with open(f"{folder}/new", "w", encoding="ascii") as file:
            file.write(text)
        must(["apt-get", *options, "-o", f"Dir::Etc::SourceList={folder}/new", "update", "-qq"])
        os.rename(f"{folder}/new", f"{folder}/sources.list")
    return options


def fetch(source, tree, work):
    """Debian's source package, with its patches, as the tree."""
    folder = tree + ".source"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    must(["apt-get", *source_options(work), "-o", "APT::Sandbox::User=root", "source", "-qq", exact(source)], cwd=folder)
    unpacked, = (entry.path for entry in os.scandir(folder) if entry.is_dir())
    os.rename(unpacked, tree)
    shutil.rmtree(folder)


def prepare(suite, work):
    """The suite's tree. It is there once this has returned."""
    tree = os.path.join(work, suite.name)
    stamp = os.path.join(work, suite.name + ".stamp")
    identity = hashlib.sha256(f"{suite.source}\n{suite.packages}\n{suite.prepare}".encode()).hexdigest()
    install(suite.packages)
    if os.path.exists(stamp):
        with open(stamp, encoding="ascii") as file:
            if file.read() == identity:
                return tree
        os.unlink(stamp)
    shutil.rmtree(tree, ignore_errors=True)
    if suite.source:
        install(["dpkg-dev"])
        fetch(suite.source, tree, work)
    else:
        os.makedirs(tree)
    ways.give(tree, suite)
    log = os.path.join(work, suite.name + ".prepare.log")
    code, _ = ways.run(suite.prepare or "true", tree, ways.environment(tree, tree), PREPARE_SECONDS, log, ways.rights(suite))
    if code != 0:
        raise Unavailable(f"{suite.name} could not be prepared: {log}")
    with open(stamp, "w", encoding="ascii") as file:
        file.write(identity)
    return tree


def units(suite, tree):
    """What is run one by one, each with its own time limit."""
    done = subprocess.run(["bash", "-c", suite.list], cwd=tree, env=ways.environment(tree, tree), capture_output=True, text=True)
    found = done.stdout.split("\n")[:-1]
    if done.returncode != 0 or not found:
        raise Unavailable(f"{suite.name} lists no units: {done.stderr.strip()[-400:]}")
    return found
