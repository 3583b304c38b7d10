"""What the person at the keyboard sets for the tests: NODEWISE_BUILD, the build folder, and the like.

They are taken out of the environment when this is imported, with every other variable that nodewise or the loader would
read: whatever a test starts, it starts without what its caller had set.
"""

import os

NAMES = ("NODEWISE_ABUSE", "NODEWISE_BUILD", "NODEWISE_LAB", "NODEWISE_LAB_ARCH", "NODEWISE_LAB_CACHE",
         "NODEWISE_LAB_KERNEL", "NODEWISE_MUTATED_PLANS", "NODEWISE_SEED")


def _take(names):
    return {name: os.environ.pop(name) for name in names}


_set = _take([name for name in NAMES if name in os.environ])
_take([name for name in os.environ if name.startswith(("NODEWISE_", "LD_PRELOAD"))])


def setting(name, default=None):
    """The value of one of NAMES; without a default it must be set."""
    if name not in NAMES:
        raise ValueError(f"no setting of the tests: {name}")
    if name not in _set and default is None:
        raise KeyError(f"{name} is not set")
    return _set.get(name, default)


def for_tools_of_the_tests():
    """The environment for a script of tests/ that takes settings itself, such as tests/lab/vm."""
    return {**os.environ, **_set}
