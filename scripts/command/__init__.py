"""The `bizosaas` command: what an operator does, over the platform's HTTP surface with a token of their own.

`app` is the list of verbs; `client` speaks; `keys` keeps who is signed in; `failure` is the table of exit codes.
"""
