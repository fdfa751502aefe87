"""``python -m aver``: the command line."""

import sys

from aver.server.cli import main

sys.exit(main())
