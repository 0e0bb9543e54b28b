"""What a person may do with bills that wait: each act shows first what it will do, then does it."""
