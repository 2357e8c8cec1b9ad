"""The one-machine stack: real servers without installing any, and the processes that use them.

`embedded` starts a pair of servers that come as wheels (PostgreSQL 18 with pgvector, Valkey) with their data
in MODISTE_HOME and stops them when their last user leaves. `supervisor` keeps a set of child processes alive
and drains them. Neither knows what modiste does with the servers or which processes it runs: that is the
commands' business.
"""
