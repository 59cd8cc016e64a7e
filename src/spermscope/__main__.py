"""``python -m spermscope``: the command line, as launchers start it."""

from spermscope.cli import main

if __name__ == "__main__":
    main()
