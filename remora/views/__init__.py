"""What commands show of an answer, one noun a file: tables on a terminal, plain lines where they are piped."""
