"""The Epicor stand-in: services, sets and methods of the accounts-payable area, with memory."""
