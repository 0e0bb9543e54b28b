"""The pages a person works with: each module is one page with its addresses, reading and acts."""
