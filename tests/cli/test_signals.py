"""Ctrl-C and SIGTERM where Python loses what their handlers raise."""

import subprocess
import sys

import pytest
from program import WITHIN

from haulage.cli import signals

PROGRAM = """
import contextlib, io, os, signal, sys, time
from haulage.cli import signals
from haulage.cli.signals import graceful, heard, heed

what, where, number = sys.argv[1], sys.argv[2], getattr(signal, sys.argv[3])

def end():
    os.kill(os.getpid(), number)
    time.sleep(0)  # the handler has run by then

class Thing:
    def __del__(self):
        end()

class Stream(io.IOBase):
    @property
    def closed(self):
        end()

class Other:
    def __del__(self):
        raise ValueError("of another kind")

signal.signal(signal.SIGINT, signal.default_int_handler)  # a test in the background has it ignored
heed()
signals._PATIENCE_SECONDS = 60  # a run that is left says nothing; how long it has is told below
within = graceful(lambda: False, print, lambda: None) if where == "run" else contextlib.nullcontext()
try:
    with within:
        globals()[what]()
        time.sleep(20)  # which nobody does where it comes again
    print("not heard")
except KeyboardInterrupt:
    print("heard")
    heard()
time.sleep(0.2)
print("and no more")
Other()
"""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("where", ["run", "command"])
@pytest.mark.parametrize("what", ["Thing", "Stream"])
def test_an_interrupt_that_python_loses_comes_again(what, where, number):
    """Once, and without a word of what was lost; what else is raised in a destructor is told as ever."""
    command = [sys.executable, "-c", PROGRAM, what, where, number]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ran.stdout == "heard\nand no more\n", "an interrupt was not heard"
    assert ran.stderr.startswith("Exception ignored in: <function Other.__del__")
    assert "Interrupt" not in ran.stderr


LATER = """
import signal, time
from haulage.cli.signals import graceful, heed

signal.signal(signal.SIGINT, signal.SIG_IGN)
heed()
assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN, "what runs in the background heeds Ctrl-C"
try:
    with graceful(lambda: False, print, lambda: None):
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)
            time.sleep(0.2)
            print("tidied")
except KeyboardInterrupt:
    print("heard")
time.sleep(0.2)
print("and no more")
"""


def test_what_an_interrupt_ends_is_ended_in_peace():
    """Another SIGTERM meanwhile changes nothing, nor does the first one come again."""
    ran = subprocess.run([sys.executable, "-c", LATER], capture_output=True, text=True, check=False, timeout=60)
    assert (ran.stdout, ran.stderr) == ("tidied\nheard\nand no more\n", "")


DEAF = """
import signal, time
from haulage.cli.signals import graceful, heed

def give_up():
    print(time.monotonic() - began, flush=True)
    time.sleep(60)

heed()
with graceful(lambda: False, print, give_up):
    began = time.monotonic()
    try:
        signal.raise_signal(signal.SIGTERM)
    except KeyboardInterrupt:
        time.sleep(60)
"""


def test_a_run_that_goes_on_is_left():
    """With exit code 4, after the 3 s that an upload may take to end, and within 5 s even where giving up hangs too."""
    ran = subprocess.run([sys.executable, "-c", DEAF], capture_output=True, text=True, check=False, timeout=100)
    assert (ran.returncode, ran.stderr) == (4, "")
    assert 3 < float(ran.stdout) < WITHIN
    assert signals._PATIENCE_SECONDS + signals._LAST_SECONDS < 5
