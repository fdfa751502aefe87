"""What runs in a sandbox's process, from its first line to the tool's last: the standard library alone, but for
:mod:`~aver.agents.sandbox.inside.typed`, which is imported where it is needed.

These files are imported there as the package ``inside``, without ``aver``, which would take longer than everything they do. So they
import each other by relative names.
"""
