"""``spermscope live``: the microscope's picture, graded as you look."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("source", default="")
@click.option("--um-per-px", type=float, help="Scale: micrometres per pixel.")
@click.option("--optics", default="", help="Scale: one that was calibrated, by its name.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder that holds the session folders.")
@click.option("--sample", default="", help="Sample code (never a name).")
@click.option("--operator", default="", help="Code of who sits at the microscope (never a name).")
@click.option("--grader", type=click.Path(path_type=Path), help="Your own grader, a model file; else the shipped one.")
@click.option("--language", type=click.Choice(["en", "ja"]), help="Language of the windows; else as last time.")
def live(source: str, grader: Path | None, language: str | None, **options: object) -> int:
    """Open the live application: camera on, every sperm followed, with its predicted rating on its own frame.

    SOURCE is camera:0, basler:SERIAL, micromanager:FILE.cfg, a recording or sim:... as a stand-in; without one the
    window asks. F1 there shows every key.

    \b
    Example: spermscope live camera:0 --optics "40x phase" --sample S-0412
    """
    try:
        import PySide6  # noqa: F401
    except ImportError as error:
        raise ValueError("live: expected PySide6, found none; install spermscope with its extra: app") from error
    from spermscope.acquisition.decisions import check_code
    from spermscope.app.application import start
    from spermscope.calibration import find_calibration

    if options["optics"] and options["um_per_px"] is not None:
        raise ValueError("live: expected one scale, found both --optics and --um-per-px")
    if options["optics"]:
        find_calibration(str(options["optics"]))
    for name in ("sample", "operator"):
        if options[name]:
            options[name] = check_code(name, str(options[name]))
    return start(source, language=language or "", grader=grader, **options)  # type: ignore[arg-type]
