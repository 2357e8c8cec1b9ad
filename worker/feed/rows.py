"""The limits a row must keep to, and what is raised while a row is built that breaks them."""

from db.rows import RowRejection
from db.states import RejectionReason

MAX_FIELD_CHARS = 255
MAX_TITLE_CHARS = 2_000
MAX_METADATA_CHARS = 100_000
MAX_REFERENCE_BYTES = 2_048  # as UTF-8: it is part of a unique index, whose entries are bounded
MAX_PHOTOS = 20
MAX_COLUMNS = 2_000
MAX_LINE_CHARS = 1 << 20


class CellError(Exception):
    """One cell is bad: raised while a row is built, never let out of it."""

    def __init__(self, column: str, reason: RejectionReason, detail: str) -> None:
        super().__init__(column, reason, detail)
        self.column = column
        self.reason = reason
        self.detail = detail


def rejected(line: int, reason: RejectionReason, detail: str) -> RowRejection:
    """A row of which not even the columns are known."""
    return RowRejection(line=line, column="", reason=reason, detail=detail, external_id=None)
