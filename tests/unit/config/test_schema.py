#!/usr/bin/python3
"""The generated schema takes every policy of the tree and refuses what the reader refuses.

usage: test_schema.py REFERENCE SOURCE-ROOT
"""
import json
import pathlib
import subprocess
import sys
import tomllib

import jsonschema

reference, root = sys.argv[1], pathlib.Path(sys.argv[2])
schema = json.loads(subprocess.check_output([reference, "schema"]))
jsonschema.Draft4Validator.check_schema(schema)
validator = jsonschema.Draft4Validator(schema)

failures = []


def expect(text, right, what):
    errors = list(validator.iter_errors(tomllib.loads(text)))
    if right and errors:
        failures.append(f"{what}: {errors[0].message[:300]} at {list(errors[0].absolute_path)}")
    if not right and not errors:
        failures.append(f"{what}: accepted")


policies = sorted(root.glob("config/presets/*.toml")) + sorted(root.glob("tests/golden/policies/*.toml"))
if len(policies) < 10:
    failures.append(f"only {len(policies)} policies found")
for path in policies:
    expect(path.read_text(), True, path.name)

RULE = '[[rules]]\nname = "r"\nmatch = { thread = "x" }\n'
RIGHT = [
    "",
    '[defaults]\nnodes = ["l3-of(netdev:eth0)", "node:0", "all"]\n',
    '[defaults]\ncpus = "0-7:2,!3"\n',
    '[defaults]\ncpus = "+0-1"\n',
    '[defaults]\nnear = "socket:0,l3:1"\n',
    '[defaults]\non_app_affinity = "remap"\n',
    '[defaults]\n[[defaults.memory.regions]]\nname = "heap"\nkind = "anonymous"\npolicy = "interleave"\n',
    "[cpu_count]\nreport = 4\n",
    '[cpu_count]\nexport = "OMP_NUM_THREADS"\n',
    '[cpu_count]\nexport = { TOKIO_WORKER_THREADS = "rule:io", OMP_NUM_THREADS = "process" }\n',
    RULE + 'threads = "at_most:8"\n',
    '[[rules]]\nname = "r"\nmatch = [{ index = 3 }, { index = "4-" }]\n',
    '[[rules]]\nname = "of-a-lower-layer"\nbind_to = "core"\n',
]
WRONG = [
    "unknown = 1\n",
    "[defaults]\ndistribtion = 1\n",
    "[defaults.memory]\nx = 1\n",
    RULE + "x = 1\n",
    '[[rules]]\nname = "r"\nmatch = { x = 1 }\n',
    '[defaults]\nbind_to = "numa"\n',
    '[defaults]\nlevel = "none"\n',
    '[process]\nlevel = "cpu"\n',
    '[defaults]\nnodes = "0"\ncpus = "1"\n',
    RULE + 'near = "all"\nnodes = "0"\n',
    "[defaults]\nnodes = 0\n",
    '[defaults]\nnodes = ""\n',
    '[defaults]\nnodes = "numa:0"\n',
    '[defaults]\nnodes = "S0"\n',
    "[defaults]\nnodes = []\n",
    '[defaults]\nrename = "{x}"\n',
    '[process]\nmatch_delay = "5 s"\n',
    '[defaults]\nmemory = { prefault_size = "1GB" }\n',
    "[defaults]\nmemory = { weights = { 0 = 1 } }\n",
    '[log]\nlevel = "info"\n',
    '[[rules]]\nmatch = { main = true }\n',
    '[[rules]]\nname = "a b"\n',
    "[cpu_count]\nreport = 0\n",
    '[cpu_count]\nexport = { A = "io" }\n',
    '[cpu_count]\nexport = { "A B" = "rule:io" }\n',
    RULE + 'threads = "exactly:0"\n',
]
for text in RIGHT:
    expect("schema = 1\n" + text, True, repr(text))
for text in WRONG:
    expect("schema = 1\n" + text, False, repr(text))
expect("[defaults]\n", False, "a file without schema")
expect("schema = 2\n", False, "another version")

print("\n".join(failures) or f"{len(policies)} policies, {len(RIGHT) + len(WRONG) + 2} short texts")
sys.exit(bool(failures))
