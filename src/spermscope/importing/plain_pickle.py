"""Pickles of numbers: an unpickler that can build nothing but arrays of numbers and plain containers.

A pickle is a program that names functions and calls them. The few names that numpy's own pickles need are answered by
stand-ins that only remember what they were given; every other name ends the reading before anything has run. Arrays
are made from the stand-ins afterwards, from bytes, shape and element type.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

KINDS = "biuf"
"""Of array elements: booleans, integers, floats; never objects."""


def read_plain_pickle(path: Path) -> Any:
    """What the pickle holds: numbers, texts, lists, tuples, dicts, and arrays of numbers.

    Raises
    ------
    ValueError
        When it asks for anything else, saying for what, or is no such pickle. None of it has run then.
    """
    with path.open("rb") as file:
        try:
            return _made(_PlainUnpickler(file).load())
        except _RefusedError as error:
            raise ValueError(f"{path}: expected arrays and plain containers, found a call for {error}") from error
        except Exception as error:  # what is no pickle can raise anything
            raise ValueError(f"{path}: expected a pickle of arrays, found {type(error).__name__}: {error}") from error


class _RefusedError(Exception):
    """What was asked for."""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        answer = _ANSWERS.get(f"{module.replace('numpy.core', 'numpy._core')}.{name}")
        if answer is None:
            raise _RefusedError(f"{module}.{name}")
        return answer

    def persistent_load(self, pid: Any) -> Any:
        raise _RefusedError(f"an object kept elsewhere, {pid}")


class _ElementType:
    """Stands for ``numpy.dtype``."""

    def __init__(self, name: str, *_: object) -> None:
        self.name, self.order = str(name), "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, order, *fields = state
        self.order = str(order)
        if any(field is not None for field in fields[:3]):
            raise _RefusedError("arrays of records")

    def made(self) -> np.dtype[Any]:
        dtype = np.dtype(self.order + self.name if self.order in "<>" else self.name)
        if dtype.kind not in KINDS:
            raise _RefusedError(f"elements of type {self.name}")
        return dtype


class _Array:
    """Stands for an array that is told its content afterwards."""

    def __init__(self, *_: object) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def made(self) -> Any:
        _, shape, element, by_column, data = self.state
        return _array(data, element, shape, "F" if by_column else "C")


class _Buffer:
    """Stands for an array that is told its content at once."""

    def __init__(self, data: bytes, element: _ElementType, shape: tuple[int, ...], order: str) -> None:
        self.given = data, element, shape, order

    def made(self) -> Any:
        return _array(*self.given)


class _Number:
    """Stands for a numpy number."""

    def __init__(self, element: _ElementType, data: bytes) -> None:
        self.given = data, element, (), "C"

    def made(self) -> Any:
        return _array(*self.given)[()]


class _Encoded:
    """Stands for bytes that old protocols write as a text."""

    def __init__(self, text: str, encoding: str) -> None:
        if encoding != "latin1":
            raise _RefusedError(f"the encoding {encoding}")
        self.data = text.encode("latin1")

    def made(self) -> bytes:
        return self.data


class _NoBytes(_Encoded):
    """Stands for the empty bytes that old protocols call for."""

    def __init__(self) -> None:
        super().__init__("", "latin1")


_ANSWERS: dict[str, Any] = {
    "numpy.dtype": _ElementType,
    "numpy.ndarray": _Array,
    "numpy._core.multiarray._reconstruct": _Array,
    "numpy._core.numeric._frombuffer": _Buffer,
    "numpy._core.multiarray.scalar": _Number,
    "_codecs.encode": _Encoded,
    "__builtin__.bytes": _NoBytes,
    "collections.OrderedDict": dict,
}


def _array(data: Any, element: Any, shape: Any, order: Any) -> Any:
    if not isinstance(element, _ElementType):
        raise _RefusedError(f"an array of {type(element).__name__}")
    raw = np.frombuffer(bytes(_made(data)), element.made())
    return raw.reshape(shape, order=order).copy()


def _made(value: Any) -> Any:
    """The value with arrays where stand-ins were."""
    match value:
        case _Array() | _Buffer() | _Number() | _Encoded():
            return value.made()
        case dict():
            return {_made(key): _made(item) for key, item in value.items()}
        case list() | tuple():
            return type(value)(_made(item) for item in value)
        case None | bool() | int() | float() | str() | bytes() | bytearray():
            return value
    raise _RefusedError(f"a {type(value).__name__}")
