"""Every figure of docs/RESULTS.md comes from here."""
