"""Images that other code made as a group of results, so that tables, cards and exports show them as
they show edits.
"""

from collections import defaultdict
from collections.abc import Sequence

from ids.core.records import digest_of
from ids.results.catalog import Entry, ResultGroup
from ids.run.external import JudgedImage, numbers_of
from ids.run.records import EditRecord, Environment, Manifest

ELSEWHERE = "images made elsewhere"  # in the place of a backbone


def external_group(
    images: Sequence[JudgedImage], manifest: Manifest, environment: Environment
) -> ResultGroup:
    """One entry per folder and case, folder by folder. `environment` is that of the metrics; how
    the images were made is not known.
    """
    rows = {row.id: row for row in manifest.rows}
    digests = _digests(images)
    labels, entries = list(digests), []
    for image in sorted(images, key=lambda image: labels.index(image.label)):
        record = _record(image, digests[image.label])
        numbers = numbers_of(image, record.key, environment)
        entries.append(Entry(record, rows[image.case.id], numbers))
    return ResultGroup(f"{manifest.name}, {ELSEWHERE}", manifest, ELSEWHERE, entries)


def _digests(images: Sequence[JudgedImage]) -> dict[str, str]:
    """Label -> a digest of all images of a folder and their cases."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for image in images:
        found[image.label].append((image.case.digest, image.digest))
    return {label: digest_of(sorted(pairs)) for label, pairs in found.items()}


def _record(image: JudgedImage, folder: str) -> EditRecord:
    """As of an edit whose method is unknown."""
    return EditRecord(
        key=digest_of([image.label, image.case.digest, image.digest]),
        status=image.status,
        reason=image.reason,
        name=image.label,
        setting=f"{image.label} {folder}",
        method={"images": folder},
        backbone_name=ELSEWHERE,
        backbone={},
        revisions={},
        code={},
        source=image.case.source_digest,
        truth=None,
        prompt_src=image.case.prompt_src,
        prompt_trg=image.case.prompt_trg,
        words=None,
        seed=None,
        made=image.made,
    )
