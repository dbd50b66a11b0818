# SPDX-License-Identifier: MIT
"""Reports to Berth which test runs, and what became of it.

PYTHONPATH=/usr/local/share/berth/reporters pytest -p berth_pytest

It writes lines into the FIFO BERTH_MARK.
Without Berth it does nothing.
"""
import os
import time

_fifo = None
_slot = ""  # of this process, if it runs tests


def _open():
    try:
        return os.open(os.environ["BERTH_MARK"], os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (KeyError, OSError):
        return -1


def _write(text):
    """Return True if the FIFO is full."""
    global _fifo
    if _fifo is None:
        _fifo = _open()
    if _fifo < 0:
        return False
    line = f"{os.environ.get('BERTH_WORKER')} {time.time() * 1000:.3f} {text}".replace("\n", " ")
    try:
        os.write(_fifo, line.encode(errors="replace")[:1500] + b"\n")
    except BlockingIOError:
        return True
    except OSError:
        os.close(_fifo)
        _fifo = -1
    return False


def begun(name):
    """A test has begun. It ends with its result. A full FIFO loses it."""
    _write(_slot + "\tbegun\t" + name[:500].replace("\t", " "))


def result(name, status, error="", ms=""):
    """A test has ended: passed, failed, skipped, or flaky (passed when repeated).

    Waits up to a second while the FIFO is full.
    """
    first = (str(error).strip().splitlines() or [""])[0]
    fields = [status, name[:500].replace("\t", " "), first[:500].replace("\t", " "), str(ms)]
    for _ in range(100):
        if not _write("\t" + "\t".join(fields)):
            break
        time.sleep(0.01)


def _name(location):
    file, line, name = location
    return f"{file}:{(line or 0) + 1} {name}"


def pytest_configure(config):
    """The first process of xdist runs no tests: it hears of them late."""
    global _slot
    if hasattr(config, "workerinput") or config.getoption("dist", "no") == "no":
        _slot = f"@{os.getpid()}"


def pytest_runtest_logstart(nodeid, location):
    if _slot:
        begun(_name(location))


def pytest_runtest_logfinish(nodeid, location):
    if _slot:
        _write(_slot + "\tended\t" + _name(location)[:500].replace("\t", " "))


_open_tests = {}  # by nodeid: status, error and duration so far


def pytest_runtest_logreport(report):
    """Called for setup, call and teardown, and for each repetition; with xdist in both processes."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    status, error, seconds = _open_tests.get(report.nodeid, ("passed", "", 0.0))
    if report.outcome == "rerun":
        status, error = "rerun", _error(report)
    elif report.failed:
        status, error = "failed", error if status == "failed" else _error(report)
    elif report.skipped and not hasattr(report, "wasxfail"):
        status = "skipped"
    _open_tests[report.nodeid] = status, error, seconds + report.duration
    # a process of xdist that died is none of the three
    if report.when not in ("setup", "call") and report.outcome != "rerun":
        status, error, seconds = _open_tests.pop(report.nodeid)
        status = "flaky" if status == "rerun" else status
        result(_name(report.location), status, error, f"{seconds * 1000:.3f}")


def _error(report):
    crash = getattr(report.longrepr, "reprcrash", None)
    return crash.message if crash else report.longrepr


def pytest_collectreport(report):
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        lines = [line[2:].strip() for line in str(report.longrepr).splitlines() if line[:2] == "E "]
        result(report.nodeid, "failed", lines[0] if lines else "cannot be collected")


def pytest_sessionfinish():
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _write("")
