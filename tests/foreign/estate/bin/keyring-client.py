#!/bin/sh
"exec" "python3" "$0" "$@"
# The vault password from the keyring (here: a file beside), for ``--vault-id estate@...``.

import argparse
import json
import sys
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(description="Tell a vault password")
    parser.add_argument("--vault-id", default="estate")
    name = parser.parse_args().vault_id or "estate"
    keyring = json.loads(Path(__file__).with_name("keyring.json").read_text())
    if name not in keyring:
        print(f"the keyring has no {name}", file=sys.stderr)
        return 2
    print(keyring[name])
    return 0


if __name__ == "__main__":
    sys.exit(main())
