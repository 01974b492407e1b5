"""Which checks a kind of machine gets."""

from __future__ import annotations

from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: weekday_plan
short_description: Checks of a kind of machine
description: Returns the checks for the kinds given.
options:
  _terms: {description: Kinds of machines.}
author: ACME operations (@acme)
"""

_PLAN = {"app": ["workers", "features"], "cache": ["memory"]}


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        return [check for kind in terms for check in _PLAN.get(kind, [])]
