"""Alerts: what is wrong is found, grouped by its cause, told to people, and over when it is over.

Facts are read (`facts`, `events`), pure rules decide (`rules`, `causes`, `judging`), the decision
is written with the messages that follow from it in one transaction (`book`), and messages are
sent from an outbox of their own (`delivery`, `sending`) until they arrive or are given up.
"""
