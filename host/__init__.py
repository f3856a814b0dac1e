"""The host: runs the functions of `stack.yml` on one machine as processes that exist only while they have
work.
"""
