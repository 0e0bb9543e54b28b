"""What happened to each bill: postings, what blocks them, and what waits for whom."""
