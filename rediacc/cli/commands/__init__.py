"""The commands: each reads its options, calls one operation and shows the answer.

Modules here only declare options at import; everything heavier is imported when a command runs,
so that help and completion stay quick.
"""
