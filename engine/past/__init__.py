"""Questions about an earlier state of a shard, answered from the ledger's versions by the code that answers for now."""
