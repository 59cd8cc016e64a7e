"""Which extra a package that is not there belongs to."""

from __future__ import annotations

EXTRAS = {
    "rating": ("fastapi", "starlette", "anyio", "uvicorn", "sqlalchemy", "argon2", "cryptography"),
    "train": ("torch", "onnx", "onnxscript", "onnxruntime"),
    "postgresql": ("psycopg",),
    "app": ("PySide6",),
    "cameras": ("pypylon", "pymmcore_plus"),
}
"""What an extra's packages are imported as."""


def missing(error: ModuleNotFoundError) -> str | None:
    """What to install, in one line; None where the package is of no extra."""
    package = (error.name or "").partition(".")[0]
    for extra, packages in EXTRAS.items():
        if package in packages:
            return f"expected the {extra} extra, found no {package}: pip install 'spermscope[{extra}]'"
    return None
