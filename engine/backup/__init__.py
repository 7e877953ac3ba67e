"""Backups: every shard's ledger in a directory of plain files with checksums, and the way back.

The indexes aren't in it: they are derived from the ledger and built anew at the first start.
"""
