"""`remora demo`: a conversation of three friends, and what a memory makes of it."""
