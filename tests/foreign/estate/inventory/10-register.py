#!/bin/sh
"exec" "python3" "$0" "$@"
# Machines from the register, as Ansible asks for them: --list or --host NAME.

import argparse
import json
from pathlib import Path

_REGISTER = Path(__file__).parent.parent / "register.json"


def main() -> None:
    parser = argparse.ArgumentParser(description="Machines from the register")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--list", action="store_true")
    choice.add_argument("--host")
    asked = parser.parse_args()
    register = json.loads(_REGISTER.read_text()) if _REGISTER.exists() else {}
    variables = {name: _variables(entry) for name, entry in register.items()}
    if asked.host:
        print(json.dumps(variables.get(asked.host, {})))
        return
    groups = {
        "registered": {"hosts": sorted(register), "vars": {"register_version": 7}},
        "_meta": {"hostvars": variables},
    }
    print(json.dumps(groups))


def _variables(entry: dict[str, object]) -> dict[str, object]:
    return {
        "ansible_host": entry["address"],
        "ansible_port": entry["port"],
        "ansible_user": entry["user"],
        "ansible_ssh_private_key_file": entry["key"],
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={entry['known_hosts']}",
        "duties": entry["duties"],
        "site": entry["site"],
    }


if __name__ == "__main__":
    main()
