"""What a person may do with bills that wait: each action is shown first, then done."""
