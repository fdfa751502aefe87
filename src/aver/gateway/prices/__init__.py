"""The price book, the ledger of spending, invoices."""

from aver.gateway.prices.book import PriceBook, price_of
from aver.gateway.prices.read import read_prices
from aver.gateway.prices.types import Price, Prices, Rates

__all__ = ["Price", "PriceBook", "Prices", "Rates", "price_of", "read_prices"]
