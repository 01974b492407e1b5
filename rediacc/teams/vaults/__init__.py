"""Team vaults: keys, ansible-vault files, secrets for playbooks and secrets for rediacc alone."""
