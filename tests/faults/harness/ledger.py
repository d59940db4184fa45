"""What the tests of a session have counted, as one table at its end."""

from collections import Counter
from typing import Any

from attrs import Factory, define

from harness.chains import CHAINS
from harness.oracle import Verdict


@define
class Ledger:
    """Counts kills by where they happened, and what was found to be wrong.

    Attributes:
        kills: By point (without its number) and by chain; only those of a process that held a job.
        wrong: Lost, duplicate, partial and leaked, by chain.
    """

    kills: Counter[tuple[str, str]] = Factory(Counter)
    wrong: Counter[tuple[str, str]] = Factory(Counter)

    def killed(self, name: str, chain: str, count: int = 1) -> None:
        """Count kills."""
        self.kills[name, chain] += count

    def found(self, chain: str, verdict: Verdict) -> None:
        """Count what is wrong, and fail where anything is."""
        for what, count in zip(("lost", "duplicate", "partial", "leaked"), verdict.counts(), strict=True):
            self.wrong[what, chain] += count
        wrong = [*verdict.lost, *verdict.duplicate, *verdict.partial, *verdict.leaked]
        assert not wrong, f"{chain}: {len(wrong)} things are wrong:\n" + "\n".join(wrong)

    def written(self) -> list[list[list[object]]]:
        """What was counted, as plain values: those of a process of its own cross over to the one that prints."""
        return [[[*where, count] for where, count in counts.items()] for counts in (self.kills, self.wrong)]

    def read(self, written: list[list[list[Any]]]) -> None:
        """Add what another process has counted."""
        for counts, others in zip((self.kills, self.wrong), written, strict=True):
            counts.update({(name, chain): count for name, chain, count in others})

    def lines(self) -> list[str]:
        """The table."""
        chains = sorted({chain for _, chain in (*self.kills, *self.wrong)}, key=(*CHAINS, "").index)
        width = max((len(name) for name, _ in self.kills), default=20)
        rows = [("kills at", self.kills, name) for name in sorted({name for name, _ in self.kills})]
        rows += [("found", self.wrong, what) for what in ("lost", "duplicate", "partial", "leaked")]
        lines = [f"{'':8}  {'':{width}}  " + "  ".join(chains)]
        for kind, counts, name in rows:
            numbers = "  ".join(f"{counts[name, chain]:>{len(chain)}}" for chain in chains)
            lines.append(f"{kind:8}  {name:{width}}  {numbers}")
        lines.append(f"{self.kills.total()} kills of processes that held a job; {self.wrong.total()} things wrong")
        return lines
