"""Delete what the rules of retention let go, or what was named.

`plan` decides (pure), by `patterns` of what stays; `prices` says where a rule cannot be judged; `deletion` deletes, one
video in one storage after the other, each looked at again while its job is held.
"""
