"""The words of time of each language. What a language has in common with all others is the business of `grammar`."""
