"""Memories of other systems on their way into Remora: where they are read, what they become, how they are sent."""
