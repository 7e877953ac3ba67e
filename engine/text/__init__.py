"""What a text says in words: terms for keyword search, by language. Knows no index."""
