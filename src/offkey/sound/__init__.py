"""The only room that decodes, resamples, writes and plays sound."""
