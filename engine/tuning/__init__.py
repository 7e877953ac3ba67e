"""Weights of signals fitted on judged questions: which file they come in, how good a ranking is, the fit. Pure."""
