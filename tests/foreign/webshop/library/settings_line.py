"""One ``key = value`` line in a settings file: Harbour's own module."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: settings_line
short_description: Keep one setting in a file of settings
options:
  path: {type: path, required: true, description: The file.}
  key: {type: str, required: true, description: The setting.}
  value: {type: str, required: true, description: Its value.}
author: Harbour Books
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "key": {"type": "str", "required": True, "no_log": False},
            "value": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    path, key = Path(module.params["path"]), module.params["key"]
    before = path.read_text().splitlines() if path.exists() else []
    wanted = f"{key} = {module.params['value']}"
    kept = [line for line in before if not line.startswith(f"{key} = ")]
    after = before if wanted in before else [*kept, wanted]
    changed = after != before
    if changed and not module.check_mode:
        path.write_text("\n".join(after) + "\n")
    module.exit_json(
        changed=changed,
        diff={"before": "\n".join(before) + "\n", "after": "\n".join(after) + "\n"},
    )


if __name__ == "__main__":
    main()
