"""A named stanza in a file: ACME's own module."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: stanza
short_description: Keep a named stanza in a file
description: Replaces or adds the lines between two marks.
options:
  path: {type: path, required: true, description: The file.}
  name: {type: str, required: true, description: The stanza's name.}
  lines: {type: list, elements: str, required: true, description: What it holds.}
author: ACME operations (@acme)
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "name": {"type": "str", "required": True},
            "lines": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    path, name = Path(module.params["path"]), module.params["name"]
    before = path.read_text() if path.exists() else ""
    begin, end = f"<{name}>\n", f"</{name}>\n"
    body = begin + "".join(f"  {line}\n" for line in module.params["lines"]) + end
    if begin in before and end in before:
        head, _separator, rest = before.partition(begin)
        after = head + body + rest.partition(end)[2]
    else:
        after = before + body
    if after != before and not module.check_mode:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(after)
    module.exit_json(changed=after != before, stanza=name, lines=len(module.params["lines"]))


if __name__ == "__main__":
    main()
