"""How well a memory answers a question: the signals, what each counts, and the score that they make."""
