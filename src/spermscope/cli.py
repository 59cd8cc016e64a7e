"""The command line: one thin command a verb. Heavy imports happen inside the commands."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from spermscope import __version__
from spermscope.commands.bench import bench
from spermscope.commands.compare import compare
from spermscope.commands.data import data
from spermscope.commands.demo import demo
from spermscope.commands.evaluate import evaluate
from spermscope.commands.export import export
from spermscope.commands.extras import missing
from spermscope.commands.live import live
from spermscope.commands.progress import progress
from spermscope.commands.rate import rate
from spermscope.commands.simulate import simulate
from spermscope.commands.train import train

DONE, OUR_FAULT, USERS_INPUT, IN_PART = 0, 1, 2, 3


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="spermscope")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error; works anywhere.")
def commands() -> None:
    """See, follow, measure and grade sperm in microscope video. Research use only."""


for group in (simulate, data, rate, train, compare, evaluate, export, demo, live, bench):
    commands.add_command(group)


def main() -> None:
    """Run a command; exit 0 done, 1 our fault, 2 the user's input, 3 done in part."""
    errors = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    words = [word for word in sys.argv[1:] if word != "--debug"]
    try:
        sys.exit(commands(words, standalone_mode=False) or DONE)
    except click.exceptions.Exit as request:
        sys.exit(request.exit_code)
    except click.UsageError as error:
        error.show()
        sys.exit(USERS_INPUT)
    except (KeyboardInterrupt, click.Abort):
        errors.print("spermscope: interrupted")
        sys.exit(IN_PART)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        extra = missing(error) if isinstance(error, ModuleNotFoundError) else None
        expected = extra is not None or isinstance(error, (ValueError, OSError))
        kind = "" if expected else f"unexpected {type(error).__name__}: "
        errors.print(f"spermscope: {kind}{' '.join((extra or str(error)).split())}")
        sys.exit(USERS_INPUT if expected else OUR_FAULT)


@commands.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Session folder; must not exist yet.")
@click.option("--um-per-px", type=float, help="Scale: micrometres per pixel.")
@click.option("--optics", help="Scale: one that was calibrated, by its name (spermscope calibrate).")
@click.option("--accept-estimated-scale", is_flag=True, help="Report um values on an estimated scale, marked.")
@click.option("--fps", type=float, help="Frame rate, for stacks and folders that carry no times.")
@click.option("--stills", is_flag=True, help="Each image by itself: detections only.")
@click.option("--sample", default="", help="Sample code (never a name).")
@click.option("--donor", default="", help="Donor code (never a name).")
@click.option("--ejaculate", is_flag=True, help="WHO grades need this, 37 C, a depth and a measured scale.")
@click.option("--preparation", default="", help="Such as: raw, washed, TESE.")
@click.option("--temperature-c", type=float, help="Temperature of the stage, degrees Celsius.")
@click.option("--depth-um", type=float, help="Depth of the chamber, micrometres.")
@click.option("--grader", type=click.Path(path_type=Path), help="Your own grader, a model file; else the shipped one.")
@click.option("--overlay", is_flag=True, help="Also write overlay.mkv.")
@click.option("--language", type=click.Choice(["en", "ja"]), default="en", help="Language of the report.")
@click.option("--settings", "settings_file", type=click.Path(path_type=Path), help="Settings, a TOML file.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def assess(
    sources: tuple[str, ...], out: Path, settings_file: Path | None, grader: Path | None, as_json: bool, **options: Any
) -> int:
    """Assess recorded video: every cell found, followed, measured, with its predicted rating, and a report.

    SOURCE is a video file, a TIFF stack, a folder of images or sim:... With one source, DIR is its session folder;
    with several, each gets a numbered folder in DIR.

    \b
    Example: spermscope assess movie.mp4 --um-per-px 0.45 --out session
    """
    from spermscope.assessment import assess_all
    from spermscope.conclusion import Conditions
    from spermscope.runtime import load_model
    from spermscope.settings import Settings, load_settings

    conditions = Conditions(**{name: options.pop(name) for name in Conditions.model_fields if name in options})
    settings = load_settings(settings_file) if settings_file else Settings()
    options["grader"] = load_model(grader) if grader else None
    if options.pop("accept_estimated_scale"):
        settings = settings.model_copy(update={"accept_estimated_scale": True})
    with progress("frames") as advance:
        results = assess_all(sources, out, settings=settings, conditions=conditions, progress=advance, **options)
    if as_json:
        click.echo(json.dumps([result.as_json() for result in results], indent=1))
    else:
        for result in results:
            result.print_table(Console())
    return IN_PART if any(not result.complete for result in results) else DONE


@commands.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--points", nargs=4, type=float, metavar="X1 Y1 X2 Y2", help="Two points of the picture, pixels.")
@click.option("--length-um", type=float, help="How far these points lie apart, micrometres.")
@click.option("--division-um", type=float, help="From one line to the next; the lines are found by themselves.")
@click.option("--optics", help="Keep the scale under this name, for assess --optics NAME.")
@click.option("--check", type=click.Path(path_type=Path), help="Write a PNG that shows what was measured.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def calibrate(image: Path, optics: str | None, check: Path | None, as_json: bool, **how: Any) -> None:
    """Measure the scale on a picture of a stage micrometer, by its lines or by two points.

    \b
    Example: spermscope calibrate micrometer.png --division-um 10 --optics "40x phase" --check seen.png
    Or:      spermscope calibrate micrometer.png --length-um 100 --points 112 400 425 402 --optics "40x phase"
    """
    from spermscope.calibrating import measure

    measured = measure(image, optics or "", check=check, **how)
    if optics:
        measured.keep()
    click.echo(json.dumps(measured.as_json()) if as_json else measured.sentence())


@commands.command()
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def replicates(first: Path, second: Path, as_json: bool) -> None:
    """Say whether the motility counts of two replicates of one sample agree within chance.

    FIRST and SECOND are session folders, or folders of several sessions (one a field), with WHO grades (assess
    --ejaculate and its conditions). At least 200 cells in at least five fields each are asked for; each field counts at
    one instant.

    
    Example: spermscope replicates session-a session-b
    """
    from spermscope.replicating import compare_sessions

    compared = compare_sessions(first, second)
    click.echo(json.dumps(compared.as_json(), indent=1) if as_json else "\n".join(compared.lines()))


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def selftest(as_json: bool) -> int:
    """Run a tiny clip with known answers through every stage; name the stage that disagrees.

    \b
    Example: spermscope selftest
    """
    from spermscope.selftest import check_stages

    outcomes = check_stages()
    if as_json:
        click.echo(json.dumps([outcome.as_json() for outcome in outcomes], indent=1))
    else:
        for outcome in outcomes:
            click.echo(f"{'ok      ' if outcome.ok else 'MISMATCH'}  {outcome.stage:<11} {outcome.found}")
    return DONE if all(outcome.ok for outcome in outcomes) else OUR_FAULT


if __name__ == "__main__":
    main()
