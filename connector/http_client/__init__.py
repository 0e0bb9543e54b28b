"""The one way out: requests, what came of them, tokens, limits, and what may be shown of them."""
