"""The house itself: what an import loads, and that nothing reaches for the network."""

import subprocess
import sys
import textwrap

import pytest

HEAVY = ("torch", "PySide6", "cv2", "av", "openvino", "onnxruntime", "fastapi", "matplotlib", "scipy", "pydantic")


def run_fresh(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)


FORBID_SOCKETS = """
import sys

def forbid(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError(f"opened a socket: {event} {arguments}")

sys.addaudithook(forbid)
"""


def test_importing_the_package_loads_nothing_heavy():
    done = run_fresh(
        f"import sys, spermscope; print([name for name in {HEAVY!r} if name in sys.modules], spermscope.__version__)"
    )
    assert done.stdout.split("]")[0] == "[", done.stdout + done.stderr


def test_the_audit_hook_really_sees_a_socket():
    done = run_fresh(FORBID_SOCKETS + "import socket; socket.socket()")
    assert "opened a socket" in done.stderr


@pytest.mark.parametrize(
    "command", ["assess", *(pytest.param(name, marks=pytest.mark.slow) for name in ("selftest", "demo"))]
)
def test_no_command_opens_a_socket(command, tmp_path):
    arguments = {
        "assess": (
            "assess",
            "sim:width_px=240,height_px=200,cells=3,fps=15,duration_s=1",
            "--out",
            str(tmp_path / "s"),
        ),
        "selftest": ("selftest",),
        "demo": ("demo", "--out", str(tmp_path / "d")),
    }[command]
    code = FORBID_SOCKETS + "sys.argv = ['spermscope', *sys.argv[1:]]; from spermscope.cli import main; main()"
    done = run_fresh(code, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_plain_install_needs_no_torch():
    code = """
    import sys

    class NoTorch:
        def find_spec(self, name, *_):
            if name.partition(".")[0] == "torch":
                raise ModuleNotFoundError(name)

    sys.meta_path.insert(0, NoTorch())
    try:
        import torch
    except ModuleNotFoundError:
        pass
    else:
        raise AssertionError("torch is there")
    import spermscope.assessment, spermscope.cli, spermscope.selftest, spermscope.demo, spermscope.bench
    import spermscope.evaluation, spermscope.commands.evaluate
    """
    done = run_fresh(code)
    assert done.returncode == 0, done.stderr
