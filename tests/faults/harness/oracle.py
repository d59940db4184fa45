"""What was lost, doubled, cut short or left behind, as other clients than haulage find it."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from attrs import Factory, define

from harness.chains import Chain

ROLES = ("record", "video")


@define
class Verdict:
    """What is wrong, in words; nothing where all is right.

    Attributes:
        lost: Videos that were asked for, and are not there as they should be.
        duplicate: Videos that are there twice, in the database or in the storage.
        partial: Objects that are not whole.
        leaked: Objects, uploads, files and processes that nobody needs any more.
    """

    lost: list[str] = Factory(list)
    duplicate: list[str] = Factory(list)
    partial: list[str] = Factory(list)
    leaked: list[str] = Factory(list)

    def counts(self) -> tuple[int, int, int, int]:
        """How much of each."""
        return len(self.lost), len(self.duplicate), len(self.partial), len(self.leaked)


def judge(chain: Chain, expected: Mapping[str, str]) -> Verdict:
    """Compare what is there with what should be.

    Args:
        chain: Where to look.
        expected: The URLs that were asked for, and the digests of their videos.
    """
    verdict = Verdict()
    found = chain.place.objects()
    copies = chain.database.rows(
        "select j.url, v.number, v.source, v.video_id, v.variant, v.download_status, j.due_at,"
        " o.role, o.storage, o.key, o.state, o.size, o.sha256"
        " from video_processing_jobs j join videos v on v.job = j.id left join stored_objects o on o.video = v.number"
    )
    for url, digest in expected.items():
        of_it = [each for each in copies if each["url"] == url]
        _judge_video(verdict, url, digest, of_it, found)
    keys = {each["key"] for each in copies}
    folders = {str(key).rpartition("/")[0] for key in keys}
    for key in sorted(found.keys() - keys):
        doubled = key.rpartition("/")[0] in folders
        (verdict.duplicate if doubled else verdict.leaked).append(f"{key} is stored, and no row knows of it")
    for copy in copies:
        there = found.get(copy["key"])
        if there and (there.size, there.sha256) != (copy["size"], copy["sha256"]):
            verdict.partial.append(f"{copy['key']} has {there.size} bytes, not the {copy['size']} of its row")
    verdict.leaked += [f"the upload {each} was left open" for each in chain.place.unfinished()]
    verdict.leaked += [f"{each} was left in the workspace" for each in left_in_workspace(chain)]
    verdict.leaked += [f"process {each} was left" for each in chain.program.processes()]
    return verdict


def _judge_video(
    verdict: Verdict, url: str, digest: str, of_it: list[dict[str, Any]], found: Mapping[str, Any]
) -> None:
    roles = Counter(each["role"] for each in of_it)
    for role in ROLES:
        if not roles[role]:
            verdict.lost.append(f"{url}: no row of its {role}")
        elif roles[role] > 1:
            verdict.duplicate.append(f"{url}: {roles[role]} rows of its {role}")
    for copy in of_it:
        there = found.get(copy["key"])
        if (copy["download_status"], copy["state"], copy["due_at"]) != ("downloaded", "stored", None):
            verdict.lost.append(f"{url}: {copy['role']} is {copy['state']}, its job {copy['download_status']}")
        elif there is None:
            verdict.lost.append(f"{url}: its row says stored, and {copy['key']} is not there")
        elif copy["role"] == "video" and there.sha256 != digest:
            verdict.partial.append(f"{url}: {copy['key']} has other bytes than the site")


def left_in_workspace(chain: Chain) -> list[str]:
    """What lies in a workspace that no job needs any more; its name stays."""
    return sorted(str(each.relative_to(chain.workspace)) for each in chain.workspace.rglob("*") if each.name != "home")
