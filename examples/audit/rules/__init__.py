"""The rules of the audit, one file for each part of the language; `catalogue` lists them."""
