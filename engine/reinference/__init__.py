"""Stored messages read once more, by another prompt or model, and what that changes in their facts.

`standing` says what a conversation has said so far, `difference` holds a new reading against it, `outcome` decides what
comes of both and `change` makes an operation of that; all of these are pure. `reinference` carries it out, an add at a
time; `stretches` does so for
whole scopes, and `shown` is what callers see of it.
"""
