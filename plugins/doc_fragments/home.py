# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What plugins that work with rediacc share: where the home is, who asks."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of shared options."""

    DOCUMENTATION = r"""
options:
  rediacc_home:
    description:
      - The home, a directory with C(rediacc.toml).
      - Without it, and without E(REDIACC_HOME), it is looked for from the working directory
        upward.
    type: path
    env:
      - name: REDIACC_HOME
  rediacc_token:
    description:
      - A token as which to act, instead of the account that runs Ansible.
      - The variable E(REDIACC_TOKEN) serves too, and shows in no process list.
    type: str
    env:
      - name: REDIACC_TOKEN
  rediacc_program:
    description:
      - The program C(rediacc) to call, where the Python that runs Ansible cannot import the
        package of that name or should not.
      - Without it the package is imported; where that does not go, the program is looked for on
        the E(PATH).
    type: path
    env:
      - name: REDIACC_PROGRAM
requirements:
  - rediacc >= 0.1.0 on the controller
"""

    # Modules take no options from the environment by themselves: the action reads it.
    MODULE = r"""
options:
  rediacc_home:
    description:
      - The home, a directory with C(rediacc.toml).
      - Without it, and without E(REDIACC_HOME), it is looked for from the working directory
        upward.
    type: path
  rediacc_token:
    description:
      - A token as which to act, instead of the account that runs Ansible.
      - Without it the variable E(REDIACC_TOKEN) is used where it is set.
    type: str
  rediacc_program:
    description:
      - The program C(rediacc) to call, where the Python that runs Ansible cannot import the
        package of that name or should not.
      - Without it, and without E(REDIACC_PROGRAM), the package is imported; where that does not
        go, the program is looked for on the E(PATH).
    type: path
requirements:
  - rediacc >= 0.1.0 on the controller
notes:
  - Runs on the controller, whatever the task's host is; nothing is sent to it.
"""

    # Callbacks are configured in ansible.cfg; a token is no matter for a file that others read.
    CALLBACK = r"""
options:
  rediacc_home:
    description:
      - The home, a directory with C(rediacc.toml).
      - Without it, it is looked for from the working directory upward.
    type: path
    env:
      - name: REDIACC_HOME
    ini:
      - section: callback_rediacc
        key: home
  rediacc_token:
    description: A token as which to act, instead of the account that runs Ansible.
    type: str
    env:
      - name: REDIACC_TOKEN
  rediacc_program:
    description:
      - The program C(rediacc) to call, where the Python that runs Ansible cannot import the
        package of that name or should not.
      - Without it the package is imported; where that does not go, the program is looked for on
        the E(PATH).
    type: path
    env:
      - name: REDIACC_PROGRAM
    ini:
      - section: callback_rediacc
        key: program
  timeout:
    description:
      - Seconds that rediacc has for what is asked of it when a playbook has ended. When they are
        over the play ends all the same, with a warning; what was asked for may still be done.
    type: float
    default: 60
    env:
      - name: REDIACC_CALLBACK_TIMEOUT
    ini:
      - section: callback_rediacc
        key: timeout
requirements:
  - rediacc >= 0.1.0 on the controller
"""
