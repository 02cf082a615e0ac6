"""Disks for tests, where this user may mount them."""

import shutil
import subprocess


def mount(*words: str) -> bool:
    """Did `mount WORDS` succeed?"""
    if shutil.which("mount") is None:
        return False
    return not subprocess.run(["mount", *words], capture_output=True, check=False).returncode
