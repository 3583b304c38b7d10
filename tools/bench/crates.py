"""Peers in Rust, built by cargo from Debian's packages alone."""

import glob
import os
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CRATES = "/usr/share/cargo/registry"


def build_crate(build, folder, crate):
    """The program of tools/bench/api/FOLDER, or None where its crate is not installed."""
    if not glob.glob(os.path.join(CRATES, f"{crate}-[0-9]*")):
        return None
    target = os.path.join(build, "tools", "bench", "api", folder)
    source = os.path.join(ROOT, "tools", "bench", "api", folder)
    # cargo writes a lock file beside the manifest, which is no place for it
    with tempfile.TemporaryDirectory() as copy:
        for name in "Cargo.toml", "main.rs":
            with open(os.path.join(source, name), encoding="utf-8") as of, open(os.path.join(copy, name), "w", encoding="utf-8") as to:
                to.write(of.read())
        subprocess.run(["cargo", "build", "--release", "--offline", "--quiet", "--target-dir", target,
                        "--config", 'source.crates-io.replace-with="debian"',
                        "--config", f'source.debian.directory="{CRATES}"'], cwd=copy, check=True)
    return os.path.join(target, "release", "bench-" + folder)
