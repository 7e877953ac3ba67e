"""`remora doctor`: looks at everything that Remora needs here, says what is wrong, and mends what is safe to mend."""
