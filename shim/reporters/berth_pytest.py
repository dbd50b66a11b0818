# SPDX-License-Identifier: MIT
"""Tells Berth which test runs: PYTHONPATH=/usr/local/share/berth/reporters pytest -p berth_pytest

One line "WORKER MS NAME" into Berth's FIFO for each test. Outside Berth, and when Berth is gone, nothing happens.
"""
import os
import time

_fifo = None


def _open():
    try:
        return os.open(os.environ["BERTH_MARK"], os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (KeyError, OSError):
        return -1


def mark(name):
    """Since now this worker runs test name; an empty one is none."""
    global _fifo
    if _fifo is None:
        _fifo = _open()
    if _fifo < 0:
        return
    line = f"{os.environ.get('BERTH_WORKER')} {time.time() * 1000:.3f} {name}".replace("\n", " ")
    try:
        os.write(_fifo, line.encode(errors="replace")[:1000] + b"\n")
    except BlockingIOError:
        pass  # full: this mark is lost
    except OSError:
        os.close(_fifo)
        _fifo = -1


def pytest_runtest_logstart(nodeid, location):
    file, line, name = location
    mark(f"{file}:{(line or 0) + 1} {name}")


def pytest_sessionfinish():
    mark("")
