"""Check that every dependency of the plain, app, rating and postgresql installs has a wheel for 64-bit Windows.

Resolves the requirements of ``pyproject.toml`` for ``win_amd64`` with wheels only; nothing is installed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

EXTRAS = ("app", "rating", "postgresql")


def main() -> int:
    """Exit 0 when everything resolves, 1 with pip's reason when something does not."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = list(project["dependencies"])
    for extra in EXTRAS:
        wanted += project["optional-dependencies"][extra]
    with tempfile.TemporaryDirectory() as target:
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
        command += ["--target", target, "--platform", "win_amd64", "--python-version", "3.11", "--implementation", "cp"]
        done = subprocess.run([*command, "--only-binary=:all:", *wanted], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr)
        return 1
    sys.stdout.write(f"{len(wanted)} requirements resolve for win_amd64, wheels only\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
