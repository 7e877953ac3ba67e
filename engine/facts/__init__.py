"""Facts from what was said, by a language model: what it is asked, and what its answer is worth. Pure but for `making`.

Windows of messages (`windows`) are written out for the model (`prompt`), and what it answers is read back (`reading`);
`making` does so for a whole conversation. What becomes of facts beside what is known already is asked, and read back,
in `reconciling`.
"""
