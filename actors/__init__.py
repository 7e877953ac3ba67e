"""Ray shells: one owner per resource, handles, options, start and stop. Decisions live in `engine`."""
