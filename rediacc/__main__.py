"""``python -m rediacc``: the same program as ``rediacc``."""

from rediacc.cli.main import main

if __name__ == "__main__":
    main()
