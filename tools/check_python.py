"""Say in a sentence what is missing when this Python cannot make the environment.

It must itself run on any Python 3, however old, so it uses nothing new.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 -- this runs before anything is known
    sys.exit(
        "The book needs Python 3.11 or newer; this is Python {}.{}. Install a newer one from "
        "python.org or your system, and name it: make book PYTHON=python3.12".format(
            *sys.version_info[:2]
        )
    )
try:
    import ensurepip  # noqa: F401
    import venv  # noqa: F401
except ImportError:
    sys.exit(
        "This Python has no venv module. On Debian or Ubuntu: sudo apt-get install python3-venv"
    )
