"""The system account that the servers run under, and the folders they own.

That is the caller's own account, except for root: PostgreSQL refuses to run as root, so both servers then run
as the account that the wheel uses too. Folders on the way to the data are opened to that account for passing
through only.
"""

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.stack.errors import FolderNotOursError, HomeNotWritableError, ServerAccountError

ROOTS_ACCOUNT = "pgserver"
_CREATE = ("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", ROOTS_ACCOUNT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Who runs the servers."""

    uid: int
    gid: int

    @property
    def popen(self) -> dict[str, Any]:
        """Keyword arguments for subprocess; `cwd` because the caller's may be closed to this account."""
        if self.uid == os.geteuid():
            return {"cwd": "/"}
        return {"cwd": "/", "user": self.uid, "group": self.gid, "extra_groups": []}

    def own_folder(self, path: Path) -> None:
        """Makes a folder that only this account enters."""
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_owner(path)
            os.chown(path, self.uid, self.gid)
            path.chmod(0o700)
        except OSError as error:
            raise HomeNotWritableError(path=path, reason=error.strerror) from error

    def own_file(self, path: Path) -> None:
        """Makes a file that this account may write, also in a folder that it may not."""
        try:
            path.touch(mode=0o600)
            os.chown(path, self.uid, self.gid)
        except OSError as error:
            raise HomeNotWritableError(path=path, reason=error.strerror) from error

    def reach(self, path: Path) -> None:
        """Lets this account pass through every folder above `path`; nothing becomes readable."""
        if self.uid == os.geteuid():
            return
        for folder in path.resolve().parents:
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH:
                folder.chmod(mode | stat.S_IXOTH)

    def _check_owner(self, path: Path) -> None:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode) or found.st_uid not in {self.uid, os.geteuid()}:
            raise FolderNotOursError(path=path, uid=found.st_uid)


def server_account() -> Account:
    """The account for this caller, created where root has none yet."""
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid())
    try:
        entry = pwd.getpwnam(ROOTS_ACCOUNT)
    except KeyError:
        entry = _create_account()
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def _create_account() -> pwd.struct_passwd:
    try:
        subprocess.run(_CREATE, check=True, capture_output=True, text=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        raise ServerAccountError(name=ROOTS_ACCOUNT, reason=reason.strip()) from error
    return pwd.getpwnam(ROOTS_ACCOUNT)
