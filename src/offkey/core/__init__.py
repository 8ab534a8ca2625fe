"""What everything else stands on: errors, random numbers, files, folders, workers, the manifest."""
