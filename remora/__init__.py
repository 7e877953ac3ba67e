"""What people import and type. Light on purpose: importing it loads neither engine, actors, Ray nor torch."""

__version__ = "0.1.0"
