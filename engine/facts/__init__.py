"""Facts from what was said, by a language model: what it is asked, and what its answer is worth. Pure.

Windows of messages (`windows`) are written out for the model (`prompt`), and what it answers is read back (`reading`).
What becomes of facts beside what is known already is asked, and read back, in `reconciling`.
"""
