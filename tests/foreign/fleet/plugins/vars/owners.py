"""ACME's own vars plugin: who answers for a machine, by its shard."""

from __future__ import annotations

from ansible.inventory.host import Host
from ansible.plugins.vars import BaseVarsPlugin

DOCUMENTATION = """
name: owners
short_description: Owners of machines
description: Gives every machine an owner.
options:
  stage:
    description: When it runs.
    choices: [all, task, inventory]
    default: all
    type: str
    ini:
      - {section: owners, key: stage}
"""


class VarsModule(BaseVarsPlugin):
    REQUIRES_ENABLED = True

    def get_vars(self, loader, path, entities, cache=True):
        super().get_vars(loader, path, entities)
        entities = entities if isinstance(entities, list) else [entities]
        names = [entity.name for entity in entities if isinstance(entity, Host)]
        return {"owner": f"team-{names[0].partition('.')[0]}"} if names else {}
