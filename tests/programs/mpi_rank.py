"""A rank of an MPI job, by the C library itself: sums the ranks, asks `nodewise verify` about itself, and prints one line."""

import ctypes
import json
import os
import subprocess
import sys

mpi = ctypes.CDLL("libmpi.so.40", mode=ctypes.RTLD_GLOBAL)


def handle(name):
    return ctypes.byref(ctypes.c_char.in_dll(mpi, name))


world, integer, adding = handle("ompi_mpi_comm_world"), handle("ompi_mpi_int"), handle("ompi_mpi_op_sum")
mpi.MPI_Init(None, None)
rank, total = ctypes.c_int(), ctypes.c_int()
mpi.MPI_Comm_rank(world, ctypes.byref(rank))
mpi.MPI_Allreduce(ctypes.byref(rank), ctypes.byref(total), 1, integer, adding, world)
with open(f"/proc/self/task/{os.getpid()}/status", encoding="ascii") as status:
    main = next(line.split()[1] for line in status if line.startswith("Cpus_allowed_list"))
plain = {name: value for name, value in os.environ.items() if name not in ("LD_PRELOAD", "NODEWISE_PLAN")}
verified = subprocess.run([sys.argv[1], "verify", str(os.getpid())], capture_output=True, env=plain).returncode
sys.stdout.write(json.dumps({"rank": rank.value, "sum": total.value, "main": main, "verified": verified}) + "\n")
sys.stdout.flush()
mpi.MPI_Barrier(world)
mpi.MPI_Finalize()
