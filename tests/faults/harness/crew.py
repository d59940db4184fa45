"""Several processes on one queue, of which one after the other is killed and replaced."""

import os
import random
import signal
import time

from harness.chains import Chain
from harness.ledger import Ledger
from harness.warm import Ran

PATIENCE = 600
"""Seconds that a queue may take."""


def work_while_dying(chain: Chain, processes: int, kills: int, chance: random.Random, ledger: Ledger) -> list[Ran]:
    """Let processes work off the queue; kill any that holds a job, at random times, and start another in its place.

    Args:
        chain: Has the queue.
        processes: How many work at once.
        kills: How many are killed; fails where the queue is empty before that.
        chance: Draws whom and when.
        ledger: Counts the kills.

    Returns:
        How those ended that were not killed.
    """
    crew = [chain.start("work") for _ in range(processes)]
    deadline = time.monotonic() + PATIENCE
    counted = 0
    while counted < kills:
        assert time.monotonic() < deadline, f"{chain.name}: {counted} kills within {PATIENCE} s"
        assert not all(each.ended() for each in crew), f"{chain.name}: the queue was empty after {counted} kills"
        time.sleep(chance.uniform(0, 0.3))
        number = chance.randrange(processes)
        victim = crew[number]
        if victim.ended():
            continue
        os.kill(victim.pid, signal.SIGSTOP)  # so that what it holds does not change while we look
        if chain.holds(victim.pid):
            os.kill(victim.pid, signal.SIGKILL)
            victim.end()
            crew[number] = chain.start("work")
            counted += 1
        else:
            os.kill(victim.pid, signal.SIGCONT)
    ledger.killed(f"any time, {processes} process{'es' * (processes > 1)}", chain.name, counted)
    return [each.end(PATIENCE) for each in crew]
