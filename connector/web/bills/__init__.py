"""The list of bills and the page of one."""
