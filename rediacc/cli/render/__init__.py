"""How answers are shown: tables, documents, and one task in words."""
