"""``rediacc top``: the live full-screen view. Only its command imports it, for Textual is heavy."""
