"""``spermscope simulate``: a movie, a rating study, or stills of cells, with known truth."""

from __future__ import annotations

from pathlib import Path

import click

from spermscope.commands.progress import progress


class _MovieUnlessNamed(click.Group):
    """Words that name no command are a movie's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = {*self.commands, *self.get_help_option_names(ctx)}
        return super().parse_args(ctx, args if args and args[0] in named else ["movie", *args])


@click.group(cls=_MovieUnlessNamed)
def simulate() -> None:
    """Simulate a movie (simulate [movie] ...), a rating study (simulate study ...), or stills (simulate stills ...).

    \b
    Example: spermscope simulate cells=60,fps=50,duration_s=4,seed=3 --out movie.mkv --truth truth.csv
    """


@simulate.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The movie, lossless FFV1 in .mkv.")
@click.option("--truth", type=click.Path(path_type=Path), help="Where every cell really is, a CSV; cells beside it.")
@click.argument("parameters", default="", metavar="[KEY=VALUE,...]")
def movie(out: Path, truth: Path | None, parameters: str) -> None:
    """Simulate a microscope's movie with known truth.

    \b
    Example: spermscope simulate cells=60,fps=50,duration_s=4,seed=3 --out movie.mkv --truth truth.csv
    """
    from spermscope.simulate.scene import Scene, SceneSettings
    from spermscope.simulate.truth_tables import write_truth
    from spermscope.video.recorder import Recorder

    settings = SceneSettings.parse(parameters)
    scene = Scene(settings)
    for path in (out, truth):
        if path is not None and path.exists():
            raise ValueError(f"{path}: expected a new file, found one that exists")
    with (
        Recorder(out, settings.width_px, settings.height_px, settings.fps) as recorder,
        progress("frames") as advance,
    ):
        for index, time_s, image, _ in scene.frames():
            recorder.write(image, time_s)
            advance(index + 1, scene.frame_count)
    if truth is not None:
        write_truth(scene, truth)
    click.echo(f"{out}: {scene.frame_count} frames, {settings.um_per_px:g} um/px")


@simulate.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The data set; a new folder.")
@click.option("--clips", default=615, show_default=True, help="Rated clips, one cell each.")
@click.option("--donors", default=60, show_default=True, help="Donors whom they come from.")
@click.option("--raters", default=40, show_default=True, help="Simulated experts.")
@click.option("--seed", default=0, show_default=True, help="Everything random follows from it.")
@click.option("--panel", default=40, show_default=True, help="Which raters: another number, another panel.")
@click.option(
    "--um-per-px",
    default=0.5,
    show_default=True,
    type=click.FloatRange(0.1, 2),
    help="Scale of the clips of 150 x 150 px.",
)
@click.option("--processes", default=2, show_default=True, help="Donors that are drawn at once.")
def study(
    out: Path, clips: int, donors: int, raters: int, seed: int, panel: int, um_per_px: float, processes: int
) -> None:
    """Simulate a rating study of the published shape: clips, votes, and the truth behind them.

    \b
    Example: spermscope simulate study --clips 615 --donors 60 --raters 40 --out study
    """
    from spermscope.study.simulated import simulate_study

    with progress("donors") as advance:
        votes = simulate_study(
            out,
            clips=clips,
            donors=donors,
            raters=raters,
            seed=seed,
            panel=panel,
            um_per_px=um_per_px,
            processes=processes,
            progress=advance,
        )
    click.echo(f"{out}: {clips} clips of {donors} donors, {votes} votes of {raters} simulated raters")


@simulate.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The stills, NAME.npz.")
@click.option(
    "--donors", default=36_000, type=click.IntRange(1), show_default=True, help="Donors; three cells of each."
)
@click.option("--seed", default=0, show_default=True, help="Everything random follows from it.")
@click.option("--processes", default=2, show_default=True, help="Donors that are drawn at once.")
def stills(out: Path, donors: int, seed: int, processes: int) -> None:
    """Simulate single crops of many cells with their traits, for train trunk and train grader (needs torch).

    \b
    Example: spermscope simulate stills --donors 36000 --out stills.npz
    """
    from spermscope.training.stills import draw_stills, save_stills

    if out.suffix != ".npz":
        raise ValueError(f"{out}: expected a name that ends in .npz")
    if out.exists() or not out.parent.is_dir():
        raise ValueError(f"{out}: expected a new file in a folder that exists")
    with progress("donors") as advance:
        drawn = draw_stills(range(donors), seed, processes, advance)
    save_stills(out, drawn)
    click.echo(f"{out}: {len(drawn)} cells of {donors} donors")
