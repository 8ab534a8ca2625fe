"""offkey: does a detector of AI-generated music still work when the music is a little off?"""

__version__ = "0.1.0"
