"""``rediacc report``: one page that tells a period, with charts. Only its command imports it."""
