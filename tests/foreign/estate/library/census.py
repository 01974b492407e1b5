"""Counts the files of a directory: Estate's own module."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: census
short_description: Count files
options:
  path: {type: path, required: true, description: Where.}
author: Estate
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={"path": {"type": "path", "required": True}}, supports_check_mode=True
    )
    root = Path(module.params["path"])
    files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    module.exit_json(changed=False, files=files, count=len(files))


if __name__ == "__main__":
    main()
