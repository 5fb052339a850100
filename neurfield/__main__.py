"""`python -m neurfield`: the same as the `neurfield` command."""

from __future__ import annotations

import sys

from neurfield.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
