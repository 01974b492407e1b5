"""Who is on call at an hour."""

from __future__ import annotations

from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: shift
short_description: Who is on call
description: Returns the shift of each hour.
options:
  _terms: {description: Hours.}
"""


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        return ["night" if int(hour) < 6 else "day" for hour in terms]
