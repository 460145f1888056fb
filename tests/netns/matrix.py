#!/usr/bin/python3
"""The confusion matrix, cause caused x cause named: matrix.py [FILE...]

With files, which pytest leaves at $TCPWHY_MATRIX, joins and prints them.  Without, runs every test that causes
something first (as root, some 15 minutes).  Exit status 1: something was named wrong, and not as merely possible.
"""
import glob
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from expect import Matrix       # noqa: E402

TESTS = ["test_causes*.py", "test_near_misses*.py", "test_together.py", "test_busy.py", "test_ladder_kernel.py"]


def run_all(path):
    files = sorted(file for pattern in TESTS for file in glob.glob(os.path.join(HERE, pattern)))
    return subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
                          env=os.environ | {"TCPWHY_MATRIX": path}, check=False).returncode


def main(paths):
    status = 0
    with tempfile.TemporaryDirectory() as folder:
        if not paths:
            paths = [os.path.join(folder, "matrix.json")]
            status = run_all(paths[0])
        matrix = Matrix()
        for path in paths:
            matrix.load(path)
    print("\n".join(matrix.lines()))
    return 1 if status or matrix.wrong_for_sure() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
