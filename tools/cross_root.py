#!/usr/bin/env python3
"""A folder with Debian's libraries of another architecture, to build for it and to run what was built: packages of this
machine's release are fetched and unpacked there, never installed. Fetched again when the list changes. Prints the folder.

  tools/cross_root.py arm64

`meson setup --cross-file FOLDER/meson.ini` builds for it, and runs programs with qemu-user where it is there.
"""

import glob
import os
import subprocess
import sys

# Debian's name: GNU's name of the machine, QEMU's, and meson's family.
MACHINES = {"arm64": ("aarch64-linux-gnu", "aarch64", "aarch64")}
ELF_MACHINES = {"arm64": 183} # EM_AARCH64
PACKAGES = ("libc6", "libstdc++6", "libhwloc-dev", "libtomlplusplus-dev", "libjansson-dev", "libcmocka-dev", "libmicrohttpd-dev",
            "libncurses-dev", "libnuma-dev", "libssl-dev", "liburing-dev", "busybox-static")
# The loader is named rather than -L, with which QEMU looks for each path of the program in the folder first, "/" included.
EMULATOR = ("qemu-{qemu}", "{root}/lib/ld-linux-{qemu}.so.1", "--library-path", "{root}/lib/{gnu}:{root}/usr/lib/{gnu}")
CROSS_FILE = """[binaries]
c = '{gnu}-gcc'
cpp = '{gnu}-g++'
ar = '{gnu}-ar'
strip = '{gnu}-strip'
objcopy = '{gnu}-objcopy'
pkgconfig = 'pkg-config'
exe_wrapper = [{emulator}]

[built-in options]
c_args = ['-isystem', '{root}/usr/include', '-isystem', '{root}/usr/include/{gnu}']
cpp_args = ['-isystem', '{root}/usr/include', '-isystem', '{root}/usr/include/{gnu}']
c_link_args = ['-L{root}/usr/lib/{gnu}', '-L{root}/lib/{gnu}', '-Wl,-rpath-link,{root}/usr/lib/{gnu}:{root}/lib/{gnu}']
cpp_link_args = ['-L{root}/usr/lib/{gnu}', '-L{root}/lib/{gnu}', '-Wl,-rpath-link,{root}/usr/lib/{gnu}:{root}/lib/{gnu}']

[properties]
pkg_config_libdir = ['{root}/usr/lib/{gnu}/pkgconfig', '{root}/usr/share/pkgconfig']
sys_root = '{root}'
emulator = [{emulator}]

[host_machine]
system = 'linux'
cpu_family = '{family}'
cpu = '{family}'
endian = 'little'
"""


def folder_of(arch):
    return os.path.join(os.path.expanduser("~/.cache/nodewise-cross"), arch)


def apt_options(arch, folder):
    """apt with lists and a cache of its own, for that architecture alone, as if nothing was installed."""
    os.makedirs(os.path.join(folder, "lists", "partial"), exist_ok=True)
    os.makedirs(os.path.join(folder, "archives", "partial"), exist_ok=True)
    settings = {"APT::Architecture": arch, "APT::Architectures": arch, "Dir::State::Lists": os.path.join(folder, "lists"),
                "Dir::State::Status": "/dev/null", "Dir::Cache": folder, "Acquire::Languages": "none", "APT::Sandbox::User": "root"}
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-400:]}")


def fetch(arch, root, apt):
    options = apt_options(arch, apt)
    run(["apt-get", *options, "update", "-qq"])
    run(["apt-get", *options, "install", "-qq", "-y", "--no-install-recommends", "--download-only", *PACKAGES])
    for package in glob.glob(os.path.join(apt, "archives", "*.deb")):
        name = os.path.basename(package).split("_")[0]
        # the cross compiler has a C library's headers of its own; of the other packages only libraries and headers are wanted
        if name in ("libc6-dev", "linux-libc-dev"):
            continue
        if name.startswith(("lib", "busybox", "zlib1g")) or name.endswith("-dev"):
            run(["dpkg-deb", "-x", package, root])


def write_where_new(path, text):
    """A build folder is configured anew when its cross file was written."""
    if not os.path.exists(path) or open(path, encoding="ascii").read() != text:
        with open(path, "w", encoding="ascii") as file:
            file.write(text)


def prepare(arch):
    """The folder's path; what is in it already stays."""
    gnu, qemu, family = MACHINES[arch]
    folder = folder_of(arch)
    root = os.path.join(folder, "root")
    done = os.path.join(folder, "packages")
    wanted = "\n".join(PACKAGES)
    if not os.path.exists(done) or open(done, encoding="ascii").read() != wanted:
        os.makedirs(root, exist_ok=True)
        fetch(arch, root, os.path.join(folder, "apt"))
        write_where_new(done, wanted)
    write_where_new(os.path.join(folder, "meson.ini"), CROSS_FILE.format(
        gnu=gnu, family=family, root=root, emulator=", ".join(f"'{word}'" for word in EMULATOR).format(gnu=gnu, qemu=qemu, root=root)))
    return folder


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in MACHINES:
        sys.exit(__doc__.strip())
    print(prepare(sys.argv[1]))
