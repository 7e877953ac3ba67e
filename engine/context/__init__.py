"""Memories as a text to paste into a prompt: the best that fit into a budget of tokens. Pure, but for `answer`."""
