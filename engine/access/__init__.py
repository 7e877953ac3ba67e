"""Who may do what: keys, the file that they are in, and the memory system as the holder of one of them sees it."""
