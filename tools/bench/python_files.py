"""The files of Python's library that a program opens; the whole library would be most of a guest's image."""

import subprocess


def opened_by(imports, options=()):
    """imports: as after the word `import`; options: the interpreter's."""
    code = (f"import sys, {imports}\n"
            "for m in list(sys.modules.values()):\n f = getattr(m, '__file__', None)\n print(f or '')")
    done = subprocess.run(["/usr/bin/python3", *options, "-c", code], capture_output=True, text=True, check=True)
    return sorted({line for line in done.stdout.split("\n") if line.startswith("/")})
