"""``spermscope rate``: a blind rating study on site, one command a file."""

from __future__ import annotations

import click

from spermscope.commands.rate.carry import answer, merge, package, unpack
from spermscope.commands.rate.export import export
from spermscope.commands.rate.new import new
from spermscope.commands.rate.people import people
from spermscope.commands.rate.report import report
from spermscope.commands.rate.serve import invite, serve, tutor
from spermscope.commands.rate.verify import verify


@click.group()
def rate() -> None:
    """Run a blind rating study of clips on site (needs the rating extra).

    \b
    Example: spermscope rate new study --from clips --raters 40
    """


for command in (new, serve, invite, people, package, unpack, answer, merge, verify, export, report, tutor):
    rate.add_command(command)
