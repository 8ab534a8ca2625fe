"""What could make a number wrong: leaks, shortcuts, edits that miss, misleading maps, faults."""
