"""Which existing results are reused, and warnings where they differ from what would be made now."""

from dataclasses import dataclass

from ids.run.job import Job
from ids.run.records import EditRecord
from ids.run.session import Session
from ids.run.store import Lookup, Store


def is_repeated(record: EditRecord, force: bool, retry_failed: bool, began: float) -> bool:
    """Does a command that began at this time make the edit of this result again?"""
    again = force if record.status == "ok" else force or retry_failed
    return again and record.made < began


@dataclass(frozen=True)
class Reuse:
    """The rule of one experiment: finished edits are reused unless `force`, failed ones unless
    `retry_failed`. A result made since the session began is always reused.
    """

    store: Store
    session: Session
    keep_every: int
    force: bool
    retry_failed: bool

    def lacks(self, job: Job) -> bool:
        """Does this job need an edit? Warns, once per reason, of results that differ."""
        return self.repeats(job, self.store.look(job.key))

    def repeats(self, job: Job, look: Lookup) -> bool:
        """`lacks`, for a job whose result has been looked up."""
        if look.record is None:
            if look.problem:
                self.session.warn_once(f"{look.problem}; it is made again")
            return True
        self._compare_code(job, look.record)
        self._compare_states(job, look.record)
        return is_repeated(look.record, self.force, self.retry_failed, self.session.began)

    def _compare_code(self, job: Job, record: EditRecord) -> None:
        """Code that has changed since a result was made, while its revision has not."""
        code = job.setting.code
        changed = [kind for kind in sorted(code) if record.code.get(kind, code[kind]) != code[kind]]
        if changed:
            self.session.warn_once(
                f"{job.setting.name}: the code of {', '.join(changed)} has changed since existing "
                "results were made, not its revision; raise `revision` where numbers change, or "
                "make them again with --force"
            )

    def _compare_states(self, job: Job, record: EditRecord) -> None:
        """States are kept while an edit is made: a finished edit has the spacing of its run."""
        if record.status != "ok" or not job.prompts or record.keep_every == self.keep_every:
            return
        if record.keep_every and self.keep_every:
            self.session.warn_once(
                f"keep_every={self.keep_every}: existing edits keep every {record.keep_every}th "
                "state, and stay; --force makes them again"
            )
