"""Accounts of people: second factors, forgotten passwords, single sign-on, and their mails."""
