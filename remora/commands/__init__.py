"""The commands of `remora`, one noun a file. Each asks for one thing and shows it; `remora.views` knows how."""
