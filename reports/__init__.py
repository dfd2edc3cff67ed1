"""What a run says: its model, journal, verdict and reports. Imports nothing else of the project."""
