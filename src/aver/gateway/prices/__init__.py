"""The price book, the ledger of spending, invoices."""
