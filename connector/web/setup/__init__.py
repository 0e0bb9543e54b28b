"""The setup of a tenant, from an empty installation to the first entered bill."""
