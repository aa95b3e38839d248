"""Real conversations, damaged at random, against what dissectors promise."""
